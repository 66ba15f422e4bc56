"""The documentation in English (docs) and Chinese (docs/zh) says the same, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from benchmarks import chinese_pages

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
_LINK = re.compile(r"\]\(([^)#:]+)[^):]*\)")
_ITEM, _CODE, _FIGURE = (
    re.compile(r"- |\d+\. "),
    re.compile(r"`([^`]+)`"),
    re.compile(r"(?<![A-Za-z0-9_.,-])\d[\d,.]*\d"),
)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def outline(path: Path) -> dict[str, object]:
    """Return what two languages have in common: headings, tables, lists, pictures, commands, code, figures.

    Headings are given by level, rows of tables by columns, lists by items. Code is a set of the names without Chinese, figures a
    set of the numbers of two digits and more.
    """
    text = path.read_text(encoding="utf-8")
    code = [line.split("#")[0].rstrip() for block in _FENCE.findall(text) for line in block.split("\n")]
    prose = _FENCE.sub("", text)
    lines = prose.split("\n")
    return {
        "headings": [len(line.split(" ")[0]) for line in lines if line.startswith("#")],
        "table rows": [line.replace(r"\|", "").count("|") for line in lines if line.startswith("|")],
        "items": sum(bool(_ITEM.match(line)) for line in lines),
        "code": {" ".join(name.split()) for name in _CODE.findall(prose) if name.isascii()},
        "figures": set(_FIGURE.findall(prose)),
        "pictures": [Path(name).name for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)],
        "commands": [line for line in code if line.startswith(("tarot", "make", "python", "pip", "export", "ssh"))],
    }


def test_every_page_exists_in_both_languages():
    assert sorted(path.name for path in (ROOT / "docs/zh").glob("*.md")) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_chinese_pages_have_the_measured_tables(page):
    current = (ROOT / "docs/zh" / page).read_text(encoding="utf-8") == chinese_pages.page(page)
    assert current, f"docs/{page} was measured again: python -m benchmarks.chinese_pages"
    assert chinese_pages.untranslated(page) == []


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_have_the_same_outline(page):
    english, chinese = outline(ROOT / "docs" / page), outline(ROOT / "docs/zh" / page)
    for part in english:
        assert chinese[part] == english[part], part


def test_both_readmes_have_the_same_outline():
    english, chinese = outline(ROOT / "README.md"), outline(ROOT / "README.zh-CN.md")
    for part in ("headings", "table rows", "items", "figures", "pictures"):
        assert english[part] == chinese[part], part


@pytest.mark.parametrize(
    ("readme", "page"), [("README.md", "first-minutes.md"), ("README.zh-CN.md", "zh/first-minutes.md")]
)
def test_the_output_in_a_readme_is_recorded(readme, page):
    recorded = (ROOT / "docs" / page).read_text(encoding="utf-8").split("\n")
    (shown,) = re.findall(r"^```text\n(.*?)^```", (ROOT / readme).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [line for line in shown.split("\n") if line and line.removeprefix("$ ") not in recorded] == []


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda path: path.stem)
def test_every_link_leads_to_a_file(path):
    links = _LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
