"""Every row of the tables for labels, cards, themes and style, tested on its own example."""

import ast
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon.field_names import field_of
from tarot_data.patterns import cues, explain, lexicon_check


def test_every_row_holds_on_its_own_example():
    assert [finding.say("zh") for finding in lexicon_check.check_lexicon()] == []


def test_cues_have_examples_and_known_kinds():
    named = {(row["label"], row["kind"]) for row in lexicon.read_table("kinds")}
    for row in lexicon.read_table("cues"):
        assert row["example"], row.place
        assert (row["label"], row["kind"]) in named, row.place


@pytest.fixture
def edited(monkeypatch):
    """Replace the rows of one shipped table for one test."""
    original = lexicon.shipped_rows

    def edit(table, *rows):
        changed = tuple(lexicon.Row(table, number, row) for number, row in enumerate(rows, 2))
        monkeypatch.setattr(lexicon, "shipped_rows", lambda name: changed if name == table else original(name))
        monkeypatch.setattr(lexicon, "_in_force", lexicon.Lexicon())

    return edit


def cue(cue="祝你", label="closing", weight="1", kind="blessing", example="祝你顺利"):
    return {"cue": cue, "label": label, "weight": weight, "kind": kind, "note": "", "example": example}


def sayings(table="cues.csv", lang="en"):
    return [finding.say(lang) for finding in lexicon_check.check_lexicon() if finding.file == table]


def test_a_misspelt_label_suggests_the_likely_one(edited):
    edited("cues", cue(label="closng"))
    assert sayings() == ["cues.csv line 2: label 'closng' is not known. Did you mean 'closing'?"]
    assert sayings(lang="zh") == ["cues.csv 第 2 行：label 不认识“closng”。是不是“closing”？"]


def test_a_cue_missing_in_its_example_is_named(edited):
    edited("cues", cue(cue="祝她", example="祝你顺利"))
    assert sayings() == [
        "cues.csv line 2: the example '祝你顺利' does not have '祝她（祝你？）'. Change the example or the cell."
    ]


def test_a_cue_with_another_label_is_named(edited):
    edited("cues", cue(), cue("顺利", "advice", "0.5", "do", "祝你顺利"))
    assert sayings() == [
        "cues.csv line 3: '顺利' stands for advice, but its example has more words of closing. Change the example or raise the weight."
    ]


def test_duplicate_cues_and_bad_weights_are_named(edited):
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
    from tarot_data.patterns import batch as batches
    from tarot_data.patterns import features

    edited("cues", cue(cue=written, example=sentence))
    batch = batches.to_batch([{"content": sentence, "cards": []}])
    found, _, _ = cues.find(*features.encode(batch))
    assert bool(len(found)) is stands


def test_a_date_example_needs_its_day(edited):
    row = {"kind": "month", "words": "月", "day": "2024-01-06", "example": "1月5日"}
    edited("dates", *(shipped.values for shipped in lexicon.shipped_rows("dates")), row)
    assert sayings("dates.csv") == [
        "dates.csv line 14: the example '1月5日' does not have '2024-01-06'. Change the example or the cell."
    ]


def test_the_readme_names_every_table():
    folder = Path(str(files("tarot_data.lexicon")))
    text = (folder / "README.md").read_text(encoding="utf-8")
    names = "cues aliases themes images ranks pointers signs ordinary hedges times speech style kinds marks"
    for table in names.split():
        assert f"{table}.csv" in text and (folder / f"{table}.csv").exists()


@pytest.fixture
def own(tmp_path):
    """Write user tables and activate them for a block."""

    def tables(encoding="utf-8", **texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding=encoding)
        return lexicon.using(lexicon.load(tmp_path))

    return tables


def test_own_rows_extend_the_shipped_ones(own):
    shipped = lexicon.read_table("themes")
    with own(themes="word,theme,example\n塔罗馆,事业,我想开塔罗馆\n"):
        rows = lexicon.read_table("themes")
        assert rows[0]["word"] == "塔罗馆" and rows[0]["weight"] == "" and rows[1:] == shipped
        assert rows[0].place.endswith("themes.csv line 2") and rows[1].file == "themes.csv"
    assert lexicon.read_table("themes") == shipped


def test_an_own_row_replaces_a_shipped_one(own):
    assert [m.card for m in find_cards("愚者往前走")] == ["愚人"]
    with own(aliases="alias,card,use\n愚者,愚人,field\n老头,隐士,prose\n"):
        assert find_cards("愚者往前走") == []
        assert [m.card for m in find_cards("老头提着灯")] == ["隐士"]
    assert [m.card for m in find_cards("愚者往前走")] == ["愚人"]


def test_a_cue_of_weight_nothing_is_switched_off(own):
    assert "closing 祝你" in cues.names()
    with own(cues="cue,label,weight,kind,example\n祝你,closing,0,blessing,祝你一切顺利\n"):
        assert "closing 祝你" not in cues.names()


def test_own_rows_decide_and_are_named(own):
    text = "愚人正位，一脚踏出去了。\n让我们把心收回来，跟着我默念三遍。\n愚人还在往前走。"
    with own(cues="cue,label,weight,kind,example\n默念三遍,advice,3,do,请默念三遍\n"):
        after = explain.explain(text)["sentences"][1]
    before = explain.explain(text)["sentences"][1]
    assert after["chances"]["advice"] > before["chances"]["advice"] + 0.1
    (row,) = [row for row in after["rows"] if row["cue"] == "默念三遍"]
    assert row["line"] == 2 and row["file"].endswith("/cues.csv") and row["weight"] > 0


def test_own_rows_change_the_lexicon_version(own, tmp_path):
    shipped = lexicon.version()
    with own(themes="word,theme,example\n"):
        assert lexicon.version() == shipped
    with own(themes="word,theme,example\n塔罗馆,事业,我想开塔罗馆\n"):
        assert lexicon.version() != shipped
    assert lexicon.load(tmp_path) is lexicon.load(tmp_path)


def test_errors_in_own_rows_name_the_file(own, tmp_path):
    with own(cues="cue,label,kind,example\n默念,advise,do,默念三遍\n"):
        (finding,) = lexicon_check.check_lexicon()
    assert finding.file == f"{tmp_path}/cues.csv" and "Did you mean 'advice'?" in finding.say("en")


def test_unknown_tables_and_columns_are_named(own, tmp_path):
    with own(cue="a\n"):
        (finding,) = lexicon_check.check_lexicon()
        assert finding.say("en").endswith(
            "cue.csv: there is no such table, its rows do nothing. Did you mean cues.csv?"
        )
    with pytest.raises(Problem, match="no column 'wort'"):
        own(themes="wort,theme\n塔罗馆,事业\n")


def test_a_gbk_table_from_excel_is_read(own):
    with own("gb18030", themes="word,theme,example\n塔罗馆,事业,我想开塔罗馆\n"):
        assert lexicon.read_table("themes")[0]["word"] == "塔罗馆"


def test_a_row_is_checked_before_adding(tmp_path):
    good = {"word": "塔罗馆", "theme": "事业", "example": "我想开塔罗馆"}
    assert lexicon_check.check_row("themes", good) == []
    (finding,) = lexicon_check.check_row("themes", {**good, "example": "我想开店"})
    assert "does not have '塔罗馆'" in finding.say("en")
    lexicon.add(tmp_path, "themes", [good])
    path = lexicon.add(tmp_path, "themes", [{**good, "word": "占卜店", "example": "想开占卜店"}])
    with lexicon.using(lexicon.load(tmp_path)):
        assert [row["word"] for row in lexicon.read_table("themes")[:2]] == ["塔罗馆", "占卜店"]
        assert not lexicon_check.check_lexicon()
    assert path.read_text(encoding="utf-8-sig").startswith("word,theme,weight,note,example\n")


def test_caches_belong_to_their_lexicon():
    """A cache of functools would return the rows of another lexicon."""
    root = Path(str(files("tarot_data")))
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                getattr(d, "id", getattr(getattr(d, "func", None), "id", "")) in ("cache", "lru_cache")
                for d in node.decorator_list
            ):
                assert "read_table" not in ast.unparse(node), f"{path.name}: {node.name}"


@pytest.mark.parametrize(
    ("kind", "note", "code"),
    [
        ("group", "majro", "unknown_value"),
        ("ordinal", "第二", "not_a_number"),
        ("many", "三", "not_a_number"),
    ],
)
def test_a_pointer_needs_a_known_target(kind, note, code):
    row = {"word": "那一排", "kind": kind, "note": note, "example": "那一排都在说等"}
    (finding,) = lexicon_check.check_row("pointers", row)
    assert finding.code == code and finding.values["value"] == note


@pytest.mark.parametrize(("kind", "note"), [("group", "major"), ("ordinal", "1|-1"), ("many", ""), ("many", "3")])
def test_pointers_may_name_groups_places_numbers(kind, note):
    row = {"word": "那一排", "kind": kind, "note": note, "example": "那一排都在说等"}
    assert lexicon_check.check_row("pointers", row) == []


@pytest.mark.parametrize(
    ("table", "row", "code"),
    [
        ("style", {"word": "", "kind": "net"}, "empty"),
        ("aliases", {"alias": "", "card": "愚人", "use": "prose"}, "empty"),
        ("cues", {"cue": "^…", "label": "advice", "kind": "do", "example": "慢慢来"}, "empty"),
        ("aliases", {"alias": "傻蛋", "card": "愚公", "use": "prose"}, "unknown_value"),
        ("themes", {"word": "猫", "theme": "感情", "weight": "很多", "example": "养猫"}, "not_a_number"),
        ("extras", {"word": "随便", "kind": "nothing", "example": "随便：快乐松鼠"}, "not_a_card_list"),
        ("label_words", {"word": "桩", "kind": "measure", "example": "第一张：愚人"}, "not_in_example"),
    ],
)
def test_a_malformed_own_row_is_a_finding(table, row, code):
    assert code in [finding.code for finding in lexicon_check.check_row(table, row)]


def test_an_empty_own_word_is_harmless(own):
    rows = {"style": "word,kind\n,net\n", "themes": "word,theme\n,感情\n", "pointers": "word,kind\n,two\n"}
    with own(**rows, images="card,words\n愚人,悬崖||小狗\n", ranks="word,kind,value\n,suit,圣杯\n"):
        assert explain.explain("愚人站在悬崖边。")["sentences"][0]["cards"] == ["愚人"]


@pytest.mark.parametrize("table", ["aliases", "ordinary", "style", "themes", "times", "pointers", "ranks", "cues"])
def test_own_rows_without_words_are_ignored(own, table):
    columns = lexicon.columns(table)
    with own(**{table: f"{','.join(columns)}\n{',' * (len(columns) - 1)}x\n"}):
        assert explain.explain("愚人站在悬崖边。")["sentences"][0]["cards"] == ["愚人"]


def test_names_in_examples_match_their_cue():
    row = {"cue": "{人}早", "label": "opening", "kind": "greet", "example": "Mel早，来看看。"}
    assert lexicon_check.check_row("cues", row) == []


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("您想咨询的具体问题是什么？", "question"),
        ("Q2. What would you like to ask?", "question"),
        ("请问您的称呼", "person"),
        ("请填写您抽到了哪几张牌（按顺序，正位或逆位请注明，例如：愚人正位、力量逆位，最多十张）", "cards"),
        ("解读师给您的解读", "content"),
        ("提交答卷时间", "date"),
        ("您的生日", "ignored"),
        ("您是否同意将解读用于学习？", None),
        ("来自IP", None),
        ("你的牌", None),
        ("客人想问什么", "question"),
        ("她问的是", "question"),
        ("抽了哪几张", "cards"),
        ("当天客人抽到的三张牌", "cards"),
        ("我是怎么跟她讲的", "content"),
        ("给客户看的解读", "content"),
        ("谁来问的", "person"),
        ("什么时候来的", "date"),
        ("用了哪个牌阵", "spread"),
        ("她是怎么说的", None),
        ("你想说什么", None),
        ("微信昵称", None),
        ("问题和解读", None),
        ("什么时候", None),
        ("我怎么看他", None),
    ],
)
def test_headings_in_sentences_ask_for_a_field(heading, field):
    known = field_of(heading)
    assert (known and known[0]) == field


@given(st.text("请问您想要的什么是解读抽到了牌你老师塔罗", max_size=40))
def test_any_heading_is_tried_at_once(heading):
    field_of(heading)
