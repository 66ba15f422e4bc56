"""Report and workbench in a real browser: keyboard only, a narrow and a wide window, no network, no console errors."""

import re
from contextlib import ExitStack

import pytest

from flows.review import redirect_page
from schemas.deck import LABELS
from tarot_data.dataset import versions
from tarot_data.report.page import html
from tarot_data.store import corrections, delta, tables
from tests import builders
from tests.chromium import CHROMIUM, MISSING, chromium, workbench
from tests.ingest.test_fixes import GOOD, WRONG_CARD, lay, take_in
from tests.report.test_report import full, measure
from tests.review.test_review import only_id, run_with

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]
WIDTHS = (390, 1280)
PAGES = (
    "/rejections",
    "/readings",
    "/labels",
    "/labels/training",
    "/lexicon",
    "/versions",
    "/versions/diff?old=1&new=2",
)
CARDLESS = (
    "你已经走出去半步了，后面有人轻轻拉住缰绳，一松一紧。三月之前先把手上的项目收尾，再谈换组的事情，祝你一切顺利。"
)
READING = "/readings/r0000000000000001"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Create two open rejections, two versions and a training, below a folder with an awkward name."""
    folder = tmp_path_factory.mktemp("牌") / "我的 资料 [1]"
    inbox = tmp_path_factory.mktemp("inbox")
    lay(
        inbox,
        GOOD,
        {**WRONG_CARD, "cards": "", "content": CARDLESS},
        {**GOOD, "person": "小满", "content": GOOD["cards"]},
    )
    take_in(folder, inbox)
    with tables.writing(folder):
        for number in (1, 2):
            delta.append(folder, "readings", builders.stored(builders.stored_row(number)), {"run": "test"})
            versions.publish(folder)
    run_with(folder, ("1", "基座甲" * 60, "微调甲" * 60), ("2", "基座乙", "微调乙"))
    return folder


@pytest.fixture(scope="module")
def window():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def home(data, window, tmp_path_factory):
    """Yield a browser context that entered through the start page, and the address it reached."""
    with ExitStack() as stack:
        url = stack.enter_context(workbench(data))
        page_path = stack.enter_context(redirect_page(tmp_path_factory.mktemp("door") / "门 [1].html", url, "zh"))
        context = window.new_context()
        page = context.new_page()
        page.goto(page_path.as_uri())
        page.wait_for_url(re.compile("/rejections$"))
        assert "token" not in page.url
        page.close()
        yield context, url.split("/?")[0]
        context.close()


def watched(context, said: list):
    """Return a page that appends its console errors and requests to other hosts to said."""
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    # A page that is left while loading reports aborted requests; they are no error.
    page.on("requestfailed", lambda request: said.append(request.url) if "ABORTED" not in request.failure else None)
    page.on("request", lambda request: said.append(request.url) if "//127.0.0.1:" not in request.url else None)
    page.set_default_timeout(15_000)
    return page


@pytest.fixture
def page(home):
    """Yield a page of the workbench; afterwards it must have logged no errors."""
    context, base = home
    said: list[str] = []
    page = watched(context, said)
    page.base = base
    yield page
    page.close()
    # A refused form is answered with 422, which the browser logs to its console.
    assert [line for line in said if "422" not in line] == []


def keys(page, *pressed):
    for key in pressed:
        page.keyboard.press(key)


def too_wide(page) -> int:
    """Return the number of pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_keys_alone_fix_a_rejection(data, page):
    name = only_id(data, "no_cards")
    page.goto(f"{page.base}/readings")
    keys(page, "1")
    page.wait_for_url("**/rejections")
    keys(page, "Enter")
    page.wait_for_url("**/rejections/x*")
    if name not in page.url:
        keys(page, "j")
    page.wait_for_url(f"**/rejections/{name}*")
    for position, card in (("过去", "愚人"), ("", "力量")):
        keys(page, "Escape", "c", "Shift+Tab")
        page.keyboard.insert_text(position)
        keys(page, "Tab")
        page.keyboard.insert_text(card)
        keys(page, "Enter")
    assert page.input_value("#cards") == "过去：愚人(正位)、力量(正位)"
    keys(page, "Escape", "s")
    page.wait_for_url("**did=accepted*")
    assert "已收下" in page.text_content("[role=status]") and only_id(data, "empty_body") in page.url
    (kept,) = [row for row in tables.readings(data).to_dicts() if row["content"] == CARDLESS]
    assert [(card["position"], card["card"]) for card in kept["cards"]] == [("过去", "愚人"), (None, "力量")]


def test_keys_alone_correct_a_label(data, page):
    page.goto(page.base + READING)
    assert page.get_attribute("#s0", "class") == "s opening"
    page.focus("#s0")
    keys(page, "Enter")
    page.wait_for_url("**" + READING + "/0")
    keys(page, "e", *["ArrowDown"] * (LABELS.index("closing") - LABELS.index("opening")), "Escape", "s")
    page.wait_for_url("**" + READING + "#s0")
    assert page.get_attribute("#s0", "class") == "s closing"
    (said,) = corrections.read(data).to_dicts()
    assert said["reading_id"] == READING.rpartition("/")[2] and said["labels"] == ["closing"]


def test_keys_alone_correct_a_reading(data, page):
    (name,) = [row["reading_id"] for row in tables.readings(data).to_dicts() if row["content"] == GOOD["content"]]
    page.goto(f"{page.base}/readings/{name}")
    keys(page, "e")
    page.wait_for_url("**/correct")
    assert GOOD["cards"] in page.text_content("dl.record")
    keys(page, "e", "ControlOrMeta+a")
    page.keyboard.insert_text("小鱼")
    keys(page, "Escape", "s")
    page.wait_for_url("**did=corrected*")
    assert "已保存" in page.text_content("[role=status]") and tables.reading(data, name)["person"] == "小鱼"


def test_the_least_certain_sentence_comes_first(data, page):
    page.goto(f"{page.base}/labels")
    keys(page, "Enter")
    page.wait_for_url(re.compile("/readings/.*at=1$"))
    first, before = page.url, corrections.read(data).height
    keys(page, "s")
    page.wait_for_url(lambda url: "at=1" in url and url != first)
    assert corrections.read(data).height == before + 1


def test_only_rows_with_passing_examples_are_saved(data, page):
    page.goto(f"{page.base}/readings")
    keys(page, "4")
    page.wait_for_url("**/lexicon")
    keys(page, "t")
    page.keyboard.insert_text("记得给自己放个假，下周去和他谈一谈。")
    keys(page, "Control+Enter")
    page.wait_for_selector("td:has-text('cues.csv')")
    assert "建议" in page.text_content("ol.list strong")
    page.goto(f"{page.base}/lexicon?table=aliases")
    for example in ("这张高塔很强。", "这张小愚很强。"):
        page.fill("#c-alias", "小愚")
        page.select_option("#c-card", "愚人")
        page.fill("#c-example", example)
        keys(page, "Control+Enter")
        page.wait_for_selector("[role=alert], [role=status]")
    assert "已存进 aliases.csv" in page.text_content("[role=status]")
    assert "小愚" in (data / "lexicon" / "aliases.csv").read_text("utf-8-sig")


def test_a_vote_is_cast_blind_with_one_key(data, page):
    page.goto(f"{page.base}/runs/run-000001-abc/vote")
    assert "tarot-tiny" not in page.text_content("main")
    keys(page, "a")
    page.wait_for_selector("text=还有 1 组")
    page.wait_for_load_state()
    keys(page, "n")
    page.wait_for_url("**/runs/run-000001-abc")
    assert re.search("分不出 1", page.text_content("main"))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_its_window(data, page, width):
    page.set_viewport_size({"width": width, "height": 800})
    refused = f"/rejections/{only_id(data, 'empty_body')}"
    for path in (
        *PAGES,
        refused,
        READING,
        f"{READING}/0?at=1",
        f"{READING}/correct",
        "/readings?card=愚人&lacks=closing",
        "/runs/run-000001-abc",
    ):
        page.goto(page.base + path)
        assert too_wide(page) <= 0, path


def test_every_page_can_be_worked_without_a_mouse(page):
    """Tab reaches every link, field and button of a page; the first is a link that skips the menu."""
    for path in (*PAGES, READING, f"{READING}/correct"):
        page.goto(page.base + path)
        wanted = page.evaluate(
            "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]"
            ".filter(e => e.tabIndex >= 0 && e.checkVisibility()).length"
        )
        seen = set()
        for _ in range(wanted):
            keys(page, "Tab")
            seen.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        assert len(seen) == wanted, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_opens_offline_without_a_complaint(window, tmp_path, scheme):
    path = tmp_path / "报告 [1].html"
    path.write_text(full(), encoding="utf-8")
    context = window.new_context(color_scheme=scheme, offline=True)
    said: list[str] = []
    page = watched(context, said)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path.as_uri())
        assert "塔罗解读质量报告" in page.title()
        assert too_wide(page) <= 0
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 600) == (scheme == "light")
    page.emulate_media(media="print")
    assert "rgb(251, 250, 248)" in page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()
    assert [line for line in said if line != path.as_uri()] == []


def test_markup_does_not_run_in_the_report(window, tmp_path):
    path = tmp_path / "report.html"
    bad = "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
    rows = builders.stored(builders.stored_row(1, content=builders.CONTENT + bad, question=bad))
    path.write_text(html(measure(rows)), encoding="utf-8")
    context = window.new_context()
    said: list[str] = []
    page = watched(context, said)
    page.goto(path.as_uri())
    assert page.title() != "ran" and "<script>" in page.text_content("body")
    context.close()
