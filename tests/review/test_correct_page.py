"""The workbench's form for an accepted reading: the original beside it, saving, refusing, confirming, removing."""

import re
from functools import partial
from html import unescape

import pytest
from starlette.testclient import TestClient

from flows.review import remove
from tarot_data import lexicon
from tarot_data.review.app import create_app
from tarot_data.store import tables
from tests.ingest.test_fixes import FIRST, GOOD, SECOND, ids, lay, read_anew, take_in
from tests.review.test_review import BASE, TOKEN, send

FOOL = {"person": "Mel", "question": "打 13800138000 问换组", "cards": "愚人正位、力量正位", "content": FIRST}
MORE = FIRST + "记得早点休息，别太累。"


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    lay(folder, FOOL, GOOD)
    return folder


@pytest.fixture
def data(tmp_path, inbox):
    take_in(tmp_path / "data", inbox)
    return tmp_path / "data"


@pytest.fixture
def browser(data):
    before = lexicon.active().folder
    lexicon.use(data / "lexicon")
    app = create_app(data, token=TOKEN, own_lexicon=data / "lexicon", remove=partial(remove, data, "zh"))
    client = TestClient(app, base_url=BASE)
    assert client.get(f"/?token={TOKEN}").status_code == 200
    yield client
    lexicon.use(before)


def path_of(data, content=FIRST):
    name = ids(data)[content]
    return f"/readings/{name}/correct", name


def fields_of(page):
    """Return the values of the form as a browser would send them."""
    values = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', page))
    values |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', page, re.S))
    return {name: unescape(value) for name, value in values.items() if name != "form_token"}


def test_every_field_has_a_form_beside_the_masked_original(data, browser):
    path, _ = path_of(data)
    page = browser.get(path).text
    fields = fields_of(page)
    assert (fields["person"], fields["content"], fields["revision"]) == ("Mel", FIRST, "1")
    assert fields["cards"] == "愚人(正位)、力量(正位)" and "consent" in fields and "outcome" in fields
    record = page[page.index('<dl class="record">') : page.index("</dl>")]
    assert "愚人正位、力量正位" in record and "〔" in record and "13800138000" not in page


def test_saved_fields_are_in_the_store_and_outlive_the_next_ingest(data, inbox, browser, monkeypatch):
    path, name = path_of(data)
    given = {"person": "小鱼", "question": "去不去", "date": "2024-03-02", "spreads": "过去现在", "outcome": "去了"}
    given |= {"content": MORE, "consent": "yes"}
    response = send(browser, path, **fields_of(browser.get(path).text) | given, do="save")
    assert (response.status_code, response.headers["location"]) == (303, f"/readings/{name}?did=corrected")
    assert "已保存" in browser.get(response.headers["location"]).text
    row = tables.reading(data, name)
    assert (row["person"], row["question"], str(row["date"]), row["outcome"]) == (
        "小鱼",
        "去不去",
        "2024-03-02",
        "去了",
    )
    assert row["content"] == MORE and row["draws"][0]["spread"] == "过去现在" and "fixed" in row["flags"]
    assert read_anew(data, inbox, monkeypatch)["unchanged"] == 2 and tables.reading(data, name) == row


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cards": "愚仁正位"}, "愚仁"),
        ({"cards": "愚人逆位、力量正位"}, "愚人"),
        ({"content": "太短"}, "40"),
        ({"content": SECOND, "cards": "隐士正位、战车逆位"}, "没有保存"),
        ({}, "还没有改动"),
    ],
)
def test_a_refused_correction_says_why_and_keeps_what_was_typed(data, browser, given, said):
    path, name = path_of(data)
    before = tables.reading(data, name)
    response = send(browser, path, **fields_of(browser.get(path).text) | given, do="save")
    notice = re.search(r'class="notice"[^>]*>(.*?)</p>', response.text, re.S)[1]
    assert response.status_code == 422 and said in notice
    assert {field: fields_of(response.text)[field] for field in given} == given
    assert tables.reading(data, name) == before


def test_a_conflict_is_overruled_by_its_button(data, browser):
    path, name = path_of(data)
    typed = fields_of(browser.get(path).text) | {"cards": "愚人逆位、力量正位"}
    assert 'value="accept"' not in browser.get(path).text
    assert 'value="accept"' in send(browser, path, **typed, do="save").text
    assert send(browser, path, **typed, do="accept").status_code == 303
    assert tables.reading(data, name)["cards"][0]["orientation"] == "reversed"


def test_a_form_sent_twice_is_saved_once(data, browser):
    path, name = path_of(data)
    typed = fields_of(browser.get(path).text) | {"person": "小鱼"}
    assert [send(browser, path, **typed, do="save").status_code for _ in range(2)] == [303, 303]
    assert tables.reading(data, name)["revision"] == 2


def test_a_form_of_an_earlier_revision_changes_nothing(data, browser):
    path, name = path_of(data)
    old = fields_of(browser.get(path).text)
    send(browser, path, **old | {"person": "小鱼"}, do="save")
    response = send(browser, path, **old | {"question": "别的"}, do="save")
    assert response.status_code == 409 and "改过" in response.text
    assert tables.reading(data, name)["person"] == "小鱼"


def test_a_busy_store_is_answered_with_a_sentence(data, browser, monkeypatch):
    path, _ = path_of(data)
    typed = fields_of(browser.get(path).text) | {"person": "小鱼"}
    monkeypatch.setattr(tables.writing.__wrapped__, "__defaults__", (0.01,))
    with tables.writing(data):
        response = send(browser, path, **typed, do="save")
    assert response.status_code == 409 and fields_of(response.text)["person"] == "小鱼"


def test_a_missing_file_leaves_the_form_usable(data, inbox, browser):
    path, _ = path_of(data)
    (inbox / "a.jsonl").unlink()
    page = browser.get(path)
    assert page.status_code == 200 and "已没有 a.jsonl" in page.text
    assert send(browser, path, **fields_of(page.text) | {"person": "小鱼"}, do="save").status_code == 303


def test_a_card_is_picked_without_script(data, browser):
    path, _ = path_of(data)
    picked = {"pick_card": "月亮", "pick_side": "reversed", "pick_position": "未来"}
    page = send(browser, path, **fields_of(browser.get(path).text) | picked, do="pick").text
    assert fields_of(page)["cards"].endswith("、未来：月亮(逆位)")


def test_a_reading_is_removed_only_when_confirmed(data, browser):
    path, name = path_of(data, SECOND)
    response = send(browser, path, do="remove")
    assert response.status_code == 422 and tables.reading(data, name)
    response = send(browser, path, do="remove", sure="yes")
    assert response.status_code == 200 and f"tarot remove {name} --allow-again" in response.text
    assert tables.reading(data, name) is None and browser.get(path).status_code == 404


def test_readings_from_lines_without_labels_come_first(data, inbox, browser):
    text = "月亮逆位，雾散开一点，真话会浮上来。太阳正位，你们会把话说开。周末先睡两个好觉，再回他的信息。"
    (inbox / "b.txt").write_text(f"3/2 小满 问要不要搬家\n月亮逆位 太阳正位\n\n{text}\n", "utf-8")
    take_in(data, inbox)
    path, name = path_of(data, text)
    row = tables.reading(data, name)
    assert (row["person"], "unlabelled_head" in row["flags"]) == ("小满", True)
    page = browser.get("/labels").text
    assert re.search(r"/readings/(r\w{16})", page[page.index('<ol class="list">') :])[1] == name
    assert send(browser, path, **fields_of(browser.get(path).text), do="confirm").status_code == 303
    row = tables.reading(data, name)
    assert (row["person"], row["question"], "unlabelled_head" in row["flags"]) == ("小满", "要不要搬家", False)


def test_readings_with_cards_from_the_text_come_first(data, inbox, browser):
    text = f"给你抽到的是月亮逆位、太阳正位。\n{FIRST.replace('愚人', '月亮').replace('力量', '太阳').replace('月亮正位', '月亮逆位')}"
    lay(inbox, {"person": "阿宁", "question": "复合", "content": text}, name="b.jsonl")
    take_in(data, inbox)
    path, name = path_of(data, text)
    assert "cards_from_content" in tables.reading(data, name)["flags"]
    for list_page in ("/labels", "/readings?order=unsure"):
        page = browser.get(list_page).text
        assert re.search(r"/readings/(r\w{16})", page[page.index('<ol class="list">') :])[1] == name
    assert path in browser.get("/labels").text
    assert browser.get("/labels/next", follow_redirects=False).headers["location"].startswith(f"/readings/{name}/")
    assert send(browser, path, **fields_of(browser.get(path).text), do="confirm").status_code == 303
    assert "cards_from_content" not in tables.reading(data, name)["flags"]
    assert path not in browser.get("/labels").text
