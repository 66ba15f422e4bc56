"""Every row of the tables that decide labels, cards, themes and style, tried on its own example."""

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from tarot_data import cues, lexicon, proofreading


def test_every_row_holds_on_its_own_example():
    assert [finding.say("zh") for finding in proofreading.check_lexicon()] == []


def test_cues_have_examples_and_known_kinds():
    named = {(row["label"], row["kind"]) for row in lexicon.read_table("kinds")}
    for row in lexicon.read_table("cues"):
        assert row["example"], row.place
        assert (row["label"], row["kind"]) in named, row.place


@pytest.fixture
def edited(monkeypatch):
    """Replaces the rows of one table for one test, and forgets what was made of them afterwards."""
    caches = [cues.cues, cues.names, cues._phrases, cues.kinds]
    original = lexicon.read_table

    def edit(table, *rows):
        changed = tuple(lexicon.Row(table, number, row) for number, row in enumerate(rows, 2))
        monkeypatch.setattr(
            lexicon, "read_table", lambda name, folder=None: changed if name == table else original(name)
        )
        for cache in caches:
            cache.cache_clear()

    yield edit
    monkeypatch.undo()
    for cache in caches:
        cache.cache_clear()


def cue(cue="祝你", label="closing", weight="1", kind="blessing", example="祝你顺利"):
    return {"cue": cue, "label": label, "weight": weight, "kind": kind, "note": "", "example": example}


def sayings(table="cues.csv", lang="en"):
    return [finding.say(lang) for finding in proofreading.check_lexicon() if finding.file == table]


def test_a_misspelt_label_is_named_with_the_likely_one(edited):
    edited("cues", cue(label="closng"))
    assert sayings() == ["cues.csv line 2: label 'closng' is not known. Did you mean 'closing'?"]
    assert sayings(lang="zh") == ["cues.csv 第 2 行：label 不认识“closng”。是不是“closing”？"]


def test_a_cue_that_is_not_in_its_example_is_named_with_what_comes_near(edited):
    edited("cues", cue(cue="祝您", example="祝你顺利"))
    assert sayings() == [
        "cues.csv line 2: the example '祝你顺利' does not have '祝您（祝你？）'. Change the example or the cell."
    ]


def test_a_cue_whose_example_belongs_to_another_label_is_named(edited):
    edited("cues", cue(), cue("顺利", "advice", "0.5", "do", "祝你顺利"))
    assert sayings() == [
        "cues.csv line 3: '顺利' stands for advice, but its example has more words of closing. Change the example or raise the weight."
    ]


def test_a_cue_twice_and_a_weight_that_is_no_number_are_named(edited):
    edited("cues", cue(), cue())
    assert sayings() == ["cues.csv line 3: '祝你' is on line 2 already. Delete one."]
    edited("cues", cue(weight="高"))
    assert sayings() == ["cues.csv line 2: weight needs a number, not '高'."]


@pytest.mark.parametrize(
    ("written", "sentence", "stands"),
    [
        ("一个…一个", "一个往前冲，一个在后面拉。", True),
        ("一个…一个", "一个人往前冲。", False),
        ("^祝", "祝你顺利", True),
        ("^祝", "- 祝你顺利", True),
        ("^祝", "我祝你顺利", False),
        ("吗$", "你愿意吗？", True),
        ("吗$", "吗啡", False),
        ("{牌}和{牌}", "圣杯三和圣杯二", True),
        ("没有{位}", "没有逆位，都顺", True),
        ("建議你", "建议你先等等", True),
        ("THANKS for", "thanks for your trust", True),
    ],
)
def test_how_a_cue_is_written(edited, written, sentence, stands):
    from tarot_data import features

    edited("cues", cue(cue=written, example=sentence))
    batch = features.to_batch([{"content": sentence, "cards": []}])
    found, _, _ = cues.find(*features.signed(batch))
    assert bool(len(found)) is stands


def test_the_readme_names_every_table_the_reader_may_change():
    folder = Path(str(files("tarot_data.lexicon")))
    text = (folder / "README.md").read_text(encoding="utf-8")
    for table in "cues aliases themes images ranks pointers signs ordinary hedges times speech style kinds".split():
        assert f"{table}.csv" in text and (folder / f"{table}.csv").exists()


def test_a_table_of_the_readers_own_is_read_instead(tmp_path):
    shutil.copy(str(files("tarot_data.lexicon") / "themes.csv"), tmp_path / "themes.csv")
    (tmp_path / "themes.csv").write_text(
        "word,theme,weight,note,example\n塔罗馆,事业,1,,我想开塔罗馆\n", encoding="utf-8"
    )
    assert [row["word"] for row in lexicon.read_table("themes", tmp_path)] == ["塔罗馆"]
