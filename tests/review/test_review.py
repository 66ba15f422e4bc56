"""The workbench: access control, fixing rejections one by one, finding readings, trying the lexicon."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from starlette.testclient import TestClient

from flows.training.compare import compared
from tarot_data import lexicon
from tarot_data.dataset import versions
from tarot_data.review import blind_votes, labels_page, search
from tarot_data.review.app import create_app
from tarot_data.review.background_job import Job
from tarot_data.store import corrections, delta, tables, teacher
from tests import builders
from tests.ingest.test_fixes import CONFLICT, FIRST, GOOD, NEAR, WRONG_CARD, lay, take_in

ROOT = Path(__file__).parents[2]
TOKEN = "token-of-this-test"
BASE = "http://127.0.0.1:8021"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "我的 资料"


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def stranger(data, tmp_path):
    """Yield a browser on this machine that has no link."""
    before = lexicon.active().folder
    lexicon.use(data / "lexicon")
    yield TestClient(create_app(data, token=TOKEN, own_lexicon=data / "lexicon"), base_url=BASE)
    lexicon.use(before)


@pytest.fixture
def browser(stranger):
    assert stranger.get(f"/?token={TOKEN}").status_code == 200
    return stranger


def send(browser, path, **fields):
    """Send the form of a page as a browser would, with the token in the page."""
    page = browser.get(path.rsplit("/", 1)[0] if path.startswith("/lexicon/") else path).text
    return browser.post(path, data={"form_token": token_of(page, path), **fields}, follow_redirects=False)


def token_of(page, path):
    return re.search(rf'action="{path}".*?name="form_token" value="(\w+)"', page, re.S).group(1)


def only_id(data, reason):
    (name,) = [row["rejection_id"] for row in tables.rejections(data).to_dicts() if row["reason"] == reason]
    return name


def test_without_the_link_nothing_is_shown(stranger):
    for path in ("/", "/rejections", "/readings", "/static/review.css", "/nothing"):
        assert stranger.get(path).status_code == 403
    assert stranger.get("/?token=wrong").status_code == 403
    assert stranger.get("/?token=错").status_code == 403
    assert not stranger.cookies


def test_the_link_sets_a_strict_cookie(stranger):
    response = stranger.get(f"/rejections?reason=no_cards&token={TOKEN}", follow_redirects=False)
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert "/rejections?reason=no_cards" in response.text and TOKEN not in response.text
    assert stranger.get("/rejections").status_code == 200


def test_another_host_name_is_refused(browser):
    for host in ("evil.example", "evil.example:8021", "127.0.0.1.evil.example", "", "[::1"):
        assert browser.get("/rejections", headers={"host": host}).status_code == 400


def test_no_page_loads_foreign_content(browser):
    for path in ("/rejections", "/readings", "/lexicon", "/versions"):
        response = browser.get(path)
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert not re.search(r"""(src|href)=["'](https?:)?//""", response.text)
        assert response.headers["cache-control"] == "no-store"


def test_a_form_of_another_site_changes_nothing(data, inbox, browser):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    path = f"/rejections/{only_id(data, 'unknown_card')}"
    assert browser.post(path, data={"do": "dismiss"}).status_code == 403
    assert browser.post(path, data={"do": "dismiss", "form_token": "0" * 64}).status_code == 403
    other = re.search(r'name="form_token" value="(\w+)"', browser.get("/lexicon").text).group(1)
    assert browser.post(path, data={"do": "dismiss", "form_token": other}).status_code == 403
    right = re.search(r'name="form_token" value="(\w+)"', browser.get(path).text).group(1)
    for header in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert browser.post(path, data={"do": "dismiss", "form_token": right}, headers=header).status_code == 403
    assert tables.rejections(data).height == 1


def test_fixing_shows_the_next_rejection(data, inbox, browser):
    lay(inbox, WRONG_CARD, GOOD, NEAR)
    take_in(data, inbox)
    path = f"/rejections/{only_id(data, 'unknown_card')}"
    page = browser.get(path).text
    assert "有不属于 78 张的牌" in page and "“愚仁”不在这副牌里" in page and "愚仁正位、力量正位" in page
    response = send(browser, path, do="fix", cards="愚人正位、力量正位", person="小鱼")
    following = response.headers["location"]
    assert following.startswith(f"/rejections/{only_id(data, 'near_duplicate')}?did=accepted")
    kept = {row["person"]: row for row in tables.readings(data).to_dicts()}["小鱼"]
    assert [card["card"] for card in kept["cards"]] == ["愚人", "力量"] and kept["content"] == FIRST
    assert "已收下" in (page := browser.get(following).text) and f"/readings/{kept['reading_id']}" in page


def test_accept_keeps_and_dismiss_removes(data, inbox, browser):
    lay(inbox, GOOD, NEAR, CONFLICT)
    take_in(data, inbox)
    near, conflict = only_id(data, "near_duplicate"), only_id(data, "card_conflict")
    assert send(browser, f"/rejections/{near}", do="accept").headers["location"].startswith(f"/rejections/{conflict}?")
    assert tables.count(data) == 2
    last = send(browser, f"/rejections/{conflict}", do="dismiss").headers["location"]
    assert last == "/rejections?did=dismissed"
    assert tables.rejections(data).is_empty() and "没有待处理的记录" in browser.get(last).text


def test_typed_values_survive_a_failed_fix(data, inbox, browser):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    path = f"/rejections/{only_id(data, 'unknown_card')}"
    response = send(browser, path, do="fix", cards="愚忍正位、力量正位")
    assert response.status_code in (303, 422) and tables.rejections(data).height == 1
    page = response.text if response.status_code == 422 else browser.get(response.headers["location"]).text
    assert "愚忍正位、力量正位" in page
    path = f"/rejections/{only_id(data, 'unknown_card')}"
    assert "还没有改动" in send(browser, path, do="fix").text
    assert send(browser, path, do="accept").status_code == 409


def test_a_card_is_picked_without_script(data, inbox, browser):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    (row,) = tables.rejections(data).to_dicts() or [None]
    path = f"/rejections/{row['rejection_id']}"
    picked = {"pick_card": "愚人", "pick_side": "reversed", "pick_position": "过去"}
    page = send(browser, path, do="pick", cards="力量正位", **picked).text
    assert "力量正位、过去：愚人(逆位)</textarea>" in page
    assert page.count("<option value=") >= 78 and tables.rejections(data).height == 1


def test_scripts_in_records_are_escaped(data, inbox, browser):
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    lay(inbox, {**WRONG_CARD, "question": bad, "person": bad})
    take_in(data, inbox)
    name = only_id(data, "unknown_card")
    row = builders.stored_row(1, content=builders.CONTENT + bad, question=bad, person=bad, outcome=bad)
    with tables.writing(data):
        delta.append(data, "readings", builders.stored(row), {"run": "test"})
    paths = [f"/rejections/{name}", f"/rejections/{name}?reason={bad}", f"/rejections?did={bad}&reading={bad}"]
    paths += ["/rejections", "/readings", "/readings/r0000000000000001", f"/readings?text={bad}&card={bad}"]
    for path in paths:
        page = browser.get(path).text
        assert "<script>alert" not in page and "<img src=x" not in page, path
    assert "&lt;script&gt;alert(1)" in browser.get("/readings/r0000000000000001").text


def test_empty_stores_have_pages(browser):
    assert "没有待处理的记录" in browser.get("/rejections").text
    assert "0 条解读" in browser.get("/readings").text
    assert "还没有发布过版本" in browser.get("/versions").text
    for path in ("/rejections/x0000000000000000", "/readings/r0000000000000000", "/nothing", "/reports/none.html"):
        assert browser.get(path).status_code == 404, path
    for path in ("/reports/..%2Fsecret.html", "/runs/..%2f..%2fstore", "/runs/.hidden", "/static/..%2f..%2fguard.py"):
        assert browser.get(path).status_code == 404, path
    assert browser.get("/versions/diff?old=1&new=2").status_code == 404


def test_unreadable_files_can_only_be_dismissed(data, inbox, browser):
    (inbox / "broken.zip").write_bytes(b"PK\x03\x04 cut off")
    take_in(data, inbox)
    (row,) = tables.rejections(data).to_dicts()
    page = browser.get(f"/rejections/{row['rejection_id']}").text
    assert "没有读得出来的记录" in page and 'value="fix"' not in page
    assert send(browser, f"/rejections/{row['rejection_id']}", do="dismiss").status_code == 303
    assert tables.rejections(data).is_empty()


@pytest.fixture
def three(data):
    rows = [
        builders.stored_row(1, person="Mel", themes=["感情"]),
        builders.stored_row(2, person="阿宁", flags=["missing_date"], date=None, question="搬家"),
        builders.stored_row(3, cards=[builders.card("高塔", "reversed")], person="小满"),
    ]
    rows[2]["sentences"] = [
        {"start": 0, "end": 7, "labels": ["advice", "closing"], "cards": ["高塔"], "confidence": 0.31}
    ]
    with tables.writing(data):
        delta.append(data, "readings", builders.stored(*rows), {"run": "test"})
    return data


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [1, 3, 2]),
        ({"person": "小"}, [3]),
        ({"card": "高塔"}, [3]),
        ({"theme": "感情"}, [1]),
        ({"flag": "missing_date"}, [2]),
        ({"lacks": "advice"}, [1, 2]),
        ({"lacks": "closing"}, [1, 2]),
        ({"text": "搬家"}, [2]),
        ({"text": "缰绳", "person": "Mel"}, [1]),
        ({"text": "(.*"}, []),
        ({"order": "unsure"}, [3, 1, 2]),
    ],
)
def test_readings_are_found_by_what_they_are(three, asked, found):
    assert [int(name[1:], 16) for name in search.search(three, **asked)["reading_id"]] == found


def test_active_filters_are_shown_and_removable(three, browser):
    page = browser.get("/readings?card=高塔&lacks=opening&theme=感情&flag=missing_date&person=小").text
    chips = re.findall(
        r'<a href="([^"]+)" title="[^"]+">([^<]+)<', re.search(r'id="asked">(.*?)</ul>', page, re.S).group(1)
    )
    assert [text for _, text in chips] == ["咨询者：小", "牌：高塔", "主题：感情", "标记：没有日期", "缺少：开场"]
    without_card = browser.get(unescape(chips[1][0])).text
    assert "牌：高塔" not in without_card and "缺少：开场" in without_card


def test_a_card_is_asked_for_in_english_too(three):
    english = TestClient(create_app(three, token=TOKEN, own_lexicon=three / "lexicon", lang="en"), base_url=BASE)
    english.get(f"/?token={TOKEN}")
    page = english.get("/readings?card=the tower").text
    assert "1 reading." in page and "The Tower" in page and "r0000000000000003" in page


def test_search_uses_the_edited_text(three):
    edited = builders.stored_row(1, revision=2, content="隐士" + builders.CONTENT.replace("缰绳", "绳子"), person="梅")
    with tables.writing(three):
        delta.append(three, "readings", builders.stored(edited), {"run": "test"})
    assert search.search(three, text="缰绳", person="Mel").is_empty()
    assert search.search(three, text="绳子")["person"].to_list() == ["梅"]


def test_a_reading_page_loses_no_character(three, browser):
    page = browser.get("/readings/r0000000000000001").text
    assert 'class="s opening" href="/readings/r0000000000000001/0" id="s0"' in page and 'class="s card_link"' in page
    text = re.search(r'<p class="text">(.*?)</p>', page, re.S).group(1)
    assert re.sub(r"<[^>]+>", "", text) == builders.CONTENT
    assert "高塔" in browser.get("/readings?card=高塔&page=99").text


def test_corrections_keep_the_machine_label(three, browser):
    path = "/readings/r0000000000000001/0"
    words = re.search(r'name="words" value="(\w+)"', browser.get(path).text).group(1)
    sent = send(browser, path, words=words, first="advice", second="closing", other="高塔", **{"card:愚人": "on"})
    assert sent.headers["location"] == "/readings/r0000000000000001#s0"
    assert 'class="s advice"' in browser.get("/readings/r0000000000000001").text
    (said,) = corrections.read(three).to_dicts()
    assert (said["labels"], said["cards"]) == (["advice", "closing"], ["愚人", "高塔"])
    assert tables.reading(three, "r0000000000000001")["sentences"][0]["labels"] == ["opening"]
    assert send(browser, path, words=words, first="advice", second="advice").status_code == 409
    assert send(browser, path, words="0" * 16, first="advice").status_code == 409
    assert browser.get("/readings/r0000000000000001/9").status_code == 404


def test_a_second_decision_is_answered_with_a_sentence(data, inbox, browser):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    path = f"/rejections/{only_id(data, 'unknown_card')}"
    form = token_of(browser.get(path).text, path)
    sent = {"form_token": form, "do": "fix", "cards": "愚人正位、力量正位"}
    with ThreadPoolExecutor(6) as people:
        answers = list(people.map(lambda _: browser.post(path, data=sent, follow_redirects=False), range(6)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 5
    again = browser.post(path, data=sent)
    assert again.status_code == 409 and "已经不在待处理之列" in again.text
    assert tables.count(data) == 1 and delta.scan(data, "fixes").collect().height == 1


def test_two_people_with_different_labels_are_told(three, browser):
    path = "/readings/r0000000000000001/0"
    page = browser.get(path).text
    words, seen = (re.search(rf'name="{name}" value="([^"]+)"', page).group(1) for name in ("words", "state"))
    sent = {"words": words, "state": seen}
    assert send(browser, path, first="advice", **sent).status_code == 303
    assert send(browser, path, first="advice", **sent).status_code == 303
    other = send(browser, path, first="closing", **sent, other="高塔")
    assert other.status_code == 409 and "有人给这句标了别的：现在是建议" in other.text
    assert corrections.read(three)["labels"].to_list() == [["advice"]]
    assert 'value="closing" checked' in other.text and 'name="card:高塔" checked' in other.text
    seen = re.search(r'name="state" value="([^"]+)"', other.text).group(1)
    assert send(browser, path, first="closing", words=words, state=seen).status_code == 303
    assert corrections.read(three)["labels"].to_list() == [["closing"]]


def test_corrected_sentences_count_for_filters(three, browser):
    listed = browser.get("/labels").text
    assert listed.index("/readings/r0000000000000003/0") < listed.index("/readings/r0000000000000001/")
    first = browser.get("/labels/next", follow_redirects=False).headers["location"]
    assert first == "/readings/r0000000000000003/0?at=1"
    words = re.search(r'name="words" value="(\w+)"', browser.get(first).text).group(1)
    sent = send(browser, first.partition("?")[0], words=words, first="opening", at="1")
    assert sent.headers["location"] == "/labels/next?at=1"
    assert "r0000000000000003" not in browser.get("/labels").text
    assert search.search(three, lacks="advice")["reading_id"].to_list() == [
        f"r000000000000000{number}" for number in (1, 3, 2)
    ]
    assert browser.get("/labels/next?at=99", follow_redirects=False).headers["location"] == "/labels"


def test_disagreements_with_a_teacher_come_first(three, browser):
    row = tables.reading(three, "r0000000000000001")
    taught = [{"labels": ["opening"], "cards": []}, {"labels": ["card_link", "advice"], "cards": ["力量"]}]
    with tables.writing(three):
        teacher.add(
            three, teacher.to_lesson(row, taught[: len(row["sentences"])], "big-model", "localhost", "2026-01-01")
        )
    listed = browser.get("/labels").text
    assert "与老师模型不一致：" in listed and listed.index("0000001/1?at=1") < listed.index("0000003/0?at=2")
    page = browser.get("/readings/r0000000000000001/1?at=1").text
    assert "老师模型 big-model 标的是：" in page and "连牌</span>＋" in page and "[力量]" in page
    form = re.search(r'<form[^>]*id="teacher">(.*?)</form>', page, re.S).group(1)
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]+)"', form))
    assert browser.post("/readings/r0000000000000001/1", data=fields, follow_redirects=False).status_code == 303
    (said,) = corrections.read(three).to_dicts()
    assert (said["labels"], said["cards"]) == (["card_link", "advice"], ["力量"])
    assert "老师模型" not in browser.get("/readings/r0000000000000001/1").text
    assert "与老师模型不一致：" not in browser.get("/labels").text


def correct(data, reading_id, *labels):
    row = tables.reading(data, reading_id)
    place = row["sentences"][0]
    said = corrections.to_correction(reading_id, row["content"], place["start"], place["end"], labels, [], "2026-01-01")
    with tables.writing(data):
        corrections.add(data, [said])


def finished(browser):
    """Return the page of a training once it has ended."""
    while 'http-equiv="refresh"' in (page := browser.get("/labels/training").text):
        time.sleep(0.2)
    return page


def test_one_correction_is_too_few(three, browser):
    correct(three, "r0000000000000001", "closing")
    page = browser.get("/labels").text
    assert "至少改过两条解读" in page and 'action="/labels/training"' not in page
    form = {"form_token": browser.app.state.desk.guard.form_token("/labels/training")}
    assert browser.post("/labels/training", data=form).status_code == 200
    assert "改过的解读只有 1 条" in finished(browser)


def learn_from_one_writer(data_dir, own_lexicon, progress):
    """Train as the workbench does, on the few annotated readings next to the data directory instead of the shipped ones."""
    from tarot_data.patterns import train

    train.ANNOTATED = data_dir.with_name("annotated")
    return labels_page.learn(data_dir, own_lexicon, progress)


@pytest.mark.slow
def test_the_training_button_reports_its_result(three, browser, monkeypatch):
    few = three.with_name("annotated")
    few.mkdir()
    shutil.copy(ROOT / "data" / "annotated" / "dev_c.txt", few)
    monkeypatch.setattr(labels_page, "learn", learn_from_one_writer)
    for name in ("r0000000000000001", "r0000000000000002"):
        correct(three, name, "closing")
    form = re.search(r'name="form_token" value="(\w+)"', browser.get("/labels").text).group(1)
    started = browser.post("/labels/training", data={"form_token": form})
    assert "正在用您的改动训练标注" in started.text and "愚人" in browser.get("/readings").text
    page = finished(browser)
    figures = json.loads((three / "lexicon" / "model" / "figures.json").read_text("utf-8"))
    assert (figures["corrections"], figures["readings"]) == (2, 2)
    shown = re.findall(r'<td class="n">(\d+)%</td>', page)
    assert shown == [
        f"{100 * figures[side][name]:.0f}" for name in ("exact", "macro_f1", "cards_f1") for side in ("before", "after")
    ]
    assert shown[:6] == re.findall(r'<td class="n">(\d+)%</td>', browser.get("/labels").text)


def test_a_broken_job_allows_another():
    job = Job()
    for _ in range(2):
        assert job.start(len)
        while job.running():
            assert not job.start(len)
            time.sleep(0.05)
        assert (job.at, job.result, job.problem) == (None, None, ("job_died", {}))


def test_the_lexicon_says_which_rows_decided(browser):
    page = send(browser, "/lexicon", text="记得给自己放个假，下周去和他谈一谈。", table="cues").text
    assert "cues.csv" in page and "<strong>建议</strong>" in page


def test_a_row_needs_a_passing_example(data, browser):
    row = {"alias": "小愚", "card": "愚人", "use": "prose", "example": "这张高塔很强。"}
    page = browser.get("/lexicon?table=aliases").text
    token = re.search(r'action="/lexicon/aliases".*?name="form_token" value="(\w+)"', page, re.S).group(1)
    bad = browser.post("/lexicon/aliases", data={"form_token": token, **row})
    assert bad.status_code == 422 and "没有保存" in bad.text and not (data / "lexicon").exists()
    good = browser.post("/lexicon/aliases", data={"form_token": token, **row, "example": "这张小愚很强。"})
    assert good.status_code == 200 and "已存进 aliases.csv" in good.text
    assert "小愚" in (data / "lexicon" / "aliases.csv").read_text("utf-8-sig")
    assert "→ 愚人" in send(browser, "/lexicon", text="这张小愚正位说明你要出发了。", table="aliases").text


def test_versions_are_compared_and_their_report_opens(three, browser):
    with tables.writing(three):
        versions.publish(three)
        delta.append(three, "readings", builders.stored(builders.stored_row(4)), {"run": "test"})
        versions.publish(three)
    (three / "reports").mkdir()
    (three / "reports" / "report-v000002.html").write_text("<p>report two</p>", "utf-8")
    page = browser.get("/versions").text
    assert "/reports/report-v000002.html" in page and "report-v000001" not in page
    assert "report two" in (response := browser.get("/reports/report-v000002.html")).text
    assert "script-src" not in response.headers["content-security-policy"]
    page = browser.get("/versions/diff?old=1&new=2").text
    assert "新增 1 条" in page and "r0000000000000004" in page


def test_a_training_is_shown_with_its_scores(data, browser):
    folder = data / "runs" / "run-000001-abc"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"base": {"name": "tarot-tiny"}}), "utf-8")
    half = {"loss": 4.0, "scores": {"overall": 0.25}}
    (folder / "scores.json").write_text(json.dumps({"base": half, "tuned": {**half, "loss": 3.5}}), "utf-8")
    assert "/runs/run-000001-abc" in browser.get("/versions").text
    page = browser.get("/runs/run-000001-abc").text
    assert "3.500" in page and "0.250" in page and "总分" in page


def run_with(data, *texts):
    folder = data / "runs" / "run-000001-abc"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"base": {"name": "tarot-tiny"}}), "utf-8")
    lines = [
        {"id": name, "model": model, "question": "换组", "cards": "愚人正位", "content": content}
        for name, base, tuned in texts
        for model, content in (("base", base), ("tuned", tuned))
    ]
    (folder / "generations.jsonl").write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    return folder


def test_a_blind_vote_hides_the_models(data, browser):
    folder = run_with(data, ("1", "基座甲", "微调甲"), ("2", "基座乙", "微调乙"))
    path = "/runs/run-000001-abc/vote"
    for _ in range(2):
        page = browser.get(path).text
        assert "tarot-tiny" not in page and "tuned" not in page
        shown = re.findall(r'<p class="text">(\S+)</p>', page)
        choice = ("first", "second")[[text[:2] for text in shown].index("微调")]
        texts = re.search(r'name="texts" value="(\w+)"', page).group(1)
        assert send(browser, path, choice=choice, texts=texts).headers["location"] == path
    assert "微调后 2，基座 0" in browser.get(path).text
    assert blind_votes.tally(folder) == {"base": 0, "tuned": 2, "neither": 0, "open": 0}


def test_comparisons_show_blind_votes(data):
    folder = run_with(data, ("1", "基座甲", "微调甲"), ("2", "基座乙", "微调乙"))
    about = {"base": {"name": "tarot-tiny", "stand_in": True}, "dataset": {"hash": "ab"}}
    (folder / "manifest.json").write_text(json.dumps(about), "utf-8")
    (folder / "scores.json").write_text(json.dumps({"base": {"loss": 4.0}, "tuned": {"loss": 3.0}}), "utf-8")
    blind_votes.vote(folder, blind_votes.pairs(folder)[0], "tuned")
    base, tuned = compared(data, ())
    assert base["votes"] is None
    assert tuned["votes"] == {"base": 0, "tuned": 1, "neither": 0, "open": 1}


def test_votes_do_not_count_for_later_texts(data, browser):
    folder = run_with(data, ("1", "基座甲", "微调甲"))
    blind_votes.vote(folder, blind_votes.pairs(folder)[0], "base")
    assert blind_votes.tally(folder)["base"] == 1
    run_with(data, ("1", "基座甲", "微调丙"))
    assert blind_votes.tally(folder) == {"base": 0, "tuned": 0, "neither": 0, "open": 1}


def test_the_order_of_the_models_is_random(data):
    folder = run_with(data, *((str(n), f"基座{n}", f"微调{n}") for n in range(40)))
    first = [blind_votes.order(pair, TOKEN)[0] for pair in blind_votes.pairs(folder)]
    assert 8 < first.count("base") < 32
    assert first == [blind_votes.order(pair, TOKEN)[0] for pair in blind_votes.pairs(folder)]


def test_the_token_is_no_process_argument(data, tmp_path):
    script, seen = tmp_path / "browser", tmp_path / "seen"
    script.write_text(f'#!/bin/sh\necho "$1" > "{seen}.half"\nmv "{seen}.half" "{seen}"\n')
    script.chmod(0o700)
    command = [sys.executable, "-m", "flows.cli", "review", "--json", "--data-dir", str(data)]
    environ = os.environ | {"BROWSER": f"{script} %s"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environ) as server:
        try:
            url = json.loads(server.stdout.readline())["url"]
            while not seen.exists() and server.poll() is None:
                time.sleep(0.05)
            page = Path(url2pathname(urlsplit(seen.read_text().strip()).path))
            assert page.parent == data and page.stat().st_mode & 0o777 == 0o600
            assert f'content="0; url={url}"' in page.read_text("utf-8")
        finally:
            server.terminate()
    assert server.returncode == 0 and not page.exists()
