"""Pages of the pattern library and of an explanation, and the commands that print them."""

import json
import re

import pytest
from click.testing import CliRunner

from flows import cli
from flows.commands import pattern_pages
from flows.commands.declare import Context
from flows.commands.patterns import canonical
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.ingest.batches import to_stored
from tarot_data.patterns import annotate, pattern_library, train
from tarot_data.patterns import gold as annotated
from tarot_data.store import delta
from tests.builders import reading, readings


@pytest.fixture(scope="module")
def gold():
    return annotated.read_all(train.ANNOTATED)[:24]


@pytest.fixture(scope="module")
def stored(gold):
    frame = readings(
        *(
            reading(i, content=r["content"], person=r["person"], question=r["question"], cards=r["cards"])
            for i, r in enumerate(gold)
        )
    )
    return to_stored(frame, *annotate.annotate(frame))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, stored):
    """Return a store of the readings, the first twelve of them published as version 1."""
    path = tmp_path_factory.mktemp("data")
    delta.append(path, "readings", stored.head(12), {})
    versions.publish(path)
    delta.append(path, "readings", stored, {})
    return path


def context(lang):
    return Context(None, False, lang)


def tarot(*arguments, lang="zh"):
    result = CliRunner().invoke(cli.build(lang), list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_pattern_page_has_counts_and_sentences(stored, gold):
    page = "\n".join(pattern_pages.library_page(context("zh"), pattern_library.pattern_library(stored)))
    heads = re.findall(r"^## (\S+)", page, re.M)
    assert [head.split("：")[0] for head in heads] == ["开场", "牌义", "连牌", "建议", "收尾", "文风"]
    quotes = re.findall("^    「(.+)」$", page, re.M)
    words = {"".join(s["text"].split()) for r in gold for s in r["sentences"]}
    assert len(quotes) > 40 and {"".join(quote.split()) for quote in quotes} <= words
    assert "{" not in page and "_" not in page


def test_the_library_reads_in_english_too(stored):
    page = "\n".join(pattern_pages.library_page(context("en"), pattern_library.pattern_library(stored)))
    assert "## advice" in page and "contrast" in page and "How advice is given:" in page


def test_a_card_page_shows_both_orientations(stored, gold):
    entry = pattern_library.card_entry(stored, "愚人")
    drawn = [r for r in gold if "愚人" in [card["card"] for card in r["cards"]]]
    assert entry["readings"] == len(drawn) > 1
    assert all("愚人" in pair["cards"] for pair in entry["links"]) and entry["links"]
    page = "\n".join(pattern_pages.card_page(context("zh"), entry))
    assert page.startswith(f"# 愚人：{len(drawn)} 条解读里抽到过") and "常与哪些牌连着讲：" in page


def test_own_names_of_cards_are_accepted():
    assert canonical("The Fool") == "愚人" and canonical("钱币10") == "星币十"
    with pytest.raises(Problem, match="小狗"):
        canonical("小狗")


def test_patterns_of_a_version_or_the_store(data_dir):
    now, then = (
        json.loads(tarot("patterns", "--json", "--data-dir", str(data_dir), *more)) for more in ((), ("--version", "1"))
    )
    assert (now["style"]["readings"], then["style"]["readings"]) == (24, 12)
    assert set(now) == set(then) == {"opening", "card_interpretation", "card_link", "advice", "closing", "style"}


def test_an_explanation_names_file_and_line():
    page = tarot("lexicon", "try", "愚人正位说明你要出发了。三月之前先把项目收尾。")
    assert re.search(r"cues\.csv 第 \d+ 行：“说明”，牌义·说含义", page)
    assert "  标为：建议" in page and "  时间：三月之前" in page
    assert re.search(r"“愚人”是愚人，正位（aliases\.csv 第 \d+ 行）", page)
    assert "taken for: advice" in tarot("lexicon", "try", "三月之前先把项目收尾。", lang="en")
