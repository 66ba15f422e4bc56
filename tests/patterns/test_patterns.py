"""Annotation of readings, the pattern library and explanations."""

import json
import subprocess
import sys

import polars as pl
import pytest

from schemas.tables import READINGS, SENTENCES, typed
from tarot_data.ingest.batches import to_stored
from tarot_data.patterns import annotate, explain, model, pattern_library, time_expressions, train, words
from tarot_data.patterns import gold as annotated
from tests.builders import card, reading, readings

BODY = (
    "Mel你好，又见面啦！\n你问的是要不要换组，用的是过去、现在两张牌。\n"
    "过去的愚人正位，悬崖边那只小狗一直在叫。\n他就这么往前走了。\n"
    "现在是力量正位，她把手轻轻放在狮子嘴上。\n愚人往前冲，力量在后面拉住缰绳，两张牌一松一紧。\n"
    "三月之前先把手上的项目收尾。\n别急着跟主管摊牌。\n祝你一切顺利，有结果记得告诉我～"
)


@pytest.fixture(scope="module")
def frame():
    cards = [card(position="过去"), card("力量", place=2, position="现在")]
    return readings(reading(1, content=BODY, cards=cards), reading(2, content=BODY.replace("\n", ""), cards=cards))


@pytest.fixture(scope="module")
def annotation(frame):
    return annotate.annotate(frame)


def labelled(frame, sentences, number=0):
    content, key = frame["content"][number], frame["reading_id"][number]
    return [
        (content[row["start"] : row["end"]], row["labels"], row["cards"])
        for row in sentences.filter(pl.col("reading_id") == key).iter_rows(named=True)
    ]


def test_a_plain_reading_is_labelled_sentence_by_sentence(frame, annotation):
    found = labelled(frame, annotation[0])
    assert [labels[0] for _, labels, _ in found] == [
        "opening", "opening", "card_interpretation", "card_interpretation", "card_interpretation", "card_link", "advice",
        "advice", "closing",
    ]  # fmt: skip
    assert [cards for _, _, cards in found][2:6] == [["愚人"], ["愚人"], ["力量"], ["愚人", "力量"]]


def test_frames_have_their_schemas_and_the_readings_order(frame, annotation):
    sentences, notes = annotation
    assert sentences.schema == SENTENCES
    assert notes["reading_id"].to_list() == frame["reading_id"].to_list()
    assert notes["themes"].to_list() == [["事业"], ["事业"]] or notes["themes"][0].to_list()
    assert notes["labeller"].unique().to_list() == [model.version()]
    stored = to_stored(frame, sentences, notes)
    assert stored.height == 2


def test_a_reading_is_labelled_alike_alone_and_together(frame, annotation):
    alone, _ = annotate.annotate(frame.head(1))
    assert alone.equals(annotation[0].filter(pl.col("reading_id") == frame["reading_id"][0]))


def test_labelling_twice_gives_the_same(frame, annotation):
    again = annotate.annotate(frame)
    assert again[0].equals(annotation[0]) and again[1].equals(annotation[1])


def test_no_readings_give_empty_frames():
    sentences, notes = annotate.annotate(pl.DataFrame(schema=READINGS))
    assert sentences.height == notes.height == 0 and sentences.schema == SENTENCES


def test_cards_are_read_from_text_without_card_fields():
    frame = pl.DataFrame(
        {"reading_id": ["r1"], "content": ["权杖三正位，船都出海了。再等一等。"], "cards": [[]]}
    ).with_columns(pl.col("cards").cast(READINGS["cards"]))
    sentences, _ = annotate.annotate(frame)
    assert sentences["cards"][0].to_list() == ["权杖三"]


def test_strange_characters_do_not_disturb_the_labels():
    text = "愚人\ue000正位\x01，\U0001f9ff慢慢来。\n\u202e乱码\x02！"
    frame = typed(pl.DataFrame([reading(1, content=text)], schema=READINGS), READINGS)
    sentences, _ = annotate.annotate(frame)
    assert [text[a:b] for a, b in sentences.select("start", "end").rows()] == [
        "愚人\ue000正位\x01，\U0001f9ff慢慢来。",
        "\u202e乱码\x02！",
    ]


def test_style_has_address_script_and_markers(annotation):
    style = annotation[1]["style"][0]
    assert style["address"] == "你" and style["script"] == "simplified"
    frame = readings(reading(3, content="親愛的妳好，聖杯三正位，閨蜜會來找妳玩的喔！" * 3, cards=[card("圣杯三")]))
    assert annotate.annotate(frame)[1]["style"][0]["script"] == "traditional"


@pytest.mark.parametrize(
    ("question", "theme"),
    [
        ("和前任还能复合吗", "感情"),
        ("要不要跳槽", "事业"),
        ("今年考研能上岸吗", "学业"),
        ("最近总是失眠", "健康"),
        ("跟婆婆住一起总吵架", "家庭"),
    ],
)
def test_the_question_decides_the_theme(question, theme):
    _, notes = annotate.annotate(
        readings(reading(1, question=question, content="愚人正位，慢慢来，别着急，走一步看一步就好。"))
    )
    assert theme in notes["themes"][0].to_list()


def test_annotate_and_predict_agree_on_annotated_readings():
    gold = annotated.read_all(train.ANNOTATED)[:30]
    frame = readings(
        *(
            reading(i, content=r["content"], person=r["person"], question=r["question"], cards=r["cards"])
            for i, r in enumerate(gold)
        )
    )
    sentences, _ = annotate.annotate(frame)
    found = sentences.select(pl.col("labels", "cards").cast(pl.List(pl.String))).rows()
    measured = [(s["labels"], s["cards"]) for r in model.predict(gold) for s in r["sentences"]]
    assert [(list(labels), list(cards)) for labels, cards in found] == measured


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("对策这张说的是配比，水倒得太急了。", ["节制"]),
        ("火的位置说的是行动，你已经准备好了。", ["权杖三"]),
        ("一头一尾摆在一起，刚好一动一静。", ["权杖三", "星币四"]),
        ("两张逆位连起来看，一个松手，一个调和。", ["节制", "星币四"]),
        ("没有一张宝剑，说明你不爱吵。", []),
    ],
)
def test_cards_pointed_at_by_place_group_and_count(sentence, named):
    cards = [
        card("权杖三", position="火（行动）"),
        card("圣杯二", place=2, position="水（感情）"),
        card("节制", "reversed", place=3, position="对策"),
        card("星币四", "reversed", place=4, position="土（物质）"),
    ]
    body = (
        "你好呀。\n权杖三正位，你站在高处看船。\n圣杯二正位，两个人举杯。\n节制逆位，水洒了一地。\n"
        f"星币四逆位，抱着的钱松开了。\n{sentence}\n祝你顺利。"
    )
    frame = readings(reading(1, content=body, cards=cards))
    assert labelled(frame, annotate.annotate(frame)[0])[-2][2] == named


def test_the_library_counts_and_quotes_real_sentences():
    gold = annotated.read_all(train.ANNOTATED)[:24]
    frame = readings(
        *(
            reading(i, content=r["content"], person=r["person"], question=r["question"], cards=r["cards"])
            for i, r in enumerate(gold)
        )
    )
    stored = to_stored(frame, *annotate.annotate(frame))
    found = pattern_library.pattern_library(stored)
    assert set(found) == {"opening", "card_interpretation", "card_link", "advice", "closing", "style"}
    text = "\n".join(r["content"] for r in gold)
    for kind in ("opening", "card_interpretation", "card_link", "advice", "closing"):
        assert sum(style["count"] for style in found[kind]["styles"]) == found[kind]["count"] > 0
        assert all(example in text for style in found[kind]["styles"] for example in style["examples"])
    assert set(found["card_link"]["kinds"]) >= {"contrast", "group"}
    assert set(found["advice"]["forms"]) >= {"do", "avoid", "ask", "time"}
    assert found["style"]["readings"] == 24
    assert any(two for card in found["card_interpretation"]["cards"].values() for two in card)
    assert json.dumps(found, ensure_ascii=False) == json.dumps(
        pattern_library.pattern_library(stored), ensure_ascii=False
    )


def test_words_of_equal_count_have_a_fixed_order():
    texts = ["力气 晚上 早上 朋友", "朋友 早上 晚上 力气", "晚上 力气"]
    assert words.distinctive_words(texts, words.document_counts(texts)) == sorted(["力气", "晚上"]) + sorted(
        ["早上", "朋友"]
    )


def test_the_pattern_library_of_no_readings_is_empty():
    from schemas.tables import STORED

    found = pattern_library.pattern_library(pl.DataFrame(schema=STORED))
    assert found["opening"]["count"] == 0 and found["style"]["readings"] == 0


def test_an_explanation_names_the_rows_that_decided():
    found = explain.explain("愚人正位说明你要出发了。三月之前先把项目收尾。")
    first, second = found["sentences"]
    assert first["labels"] == ["card_interpretation"] and first["cards"] == ["愚人"]
    assert "说明" in [row["cue"] for row in first["rows"]]
    assert second["labels"] == ["advice"] and second["times"] == ["三月之前"] and "time" in second["forms"]
    assert found["cards"][0]["card"] == "愚人" and found["cards"][0]["line"] > 1


@pytest.mark.parametrize(
    ("text", "times"),
    [("三月之前收尾，每周三跑步", ["三月之前", "每周三"]), ("八月底以前分帳", ["八月底以前"]), ("没有时间", [])],
)
def test_expressions_of_time(text, times):
    assert [time.text for time in time_expressions.find_times([text])[0]] == times


def test_spacy_is_imported_without_torch():
    code = "import sys; from tarot_data.patterns import time_expressions; time_expressions.find_times(['三月之前']); assert 'torch' not in sys.modules, 'torch'; assert 'spacy' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_annotating_imports_no_heavy_package():
    code = (
        "import sys; from tarot_data.patterns import annotate; import polars as pl;"
        "annotate.annotate(pl.DataFrame({'reading_id': ['r'], 'content': ['愚人正位，慢慢来。']}));"
        "assert not {'spacy', 'jieba', 'sklearn', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
