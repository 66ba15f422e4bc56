"""Annotation of readings, the pattern library and explanations."""

import json
import subprocess
import sys
from collections import Counter

import polars as pl
import pytest

from schemas.tables import READINGS, SENTENCES, typed
from tarot_data.ingest.batches import to_stored
from tarot_data.patterns import annotate, explain, model, pattern_library, sub_styles, time_expressions, train, words
from tarot_data.patterns import gold as annotated
from tarot_data.patterns.batch import to_batch
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


def counts(*texts):
    return words.document_counts(list(texts))


def test_words_of_equal_difference_have_a_fixed_order():
    part, rest = counts("力气 晚上", "晚上 力气"), counts("早上 朋友", "早上")
    whole = counts("力气 晚上", "晚上 力气", "早上 朋友", "早上")
    assert words.distinctive_words(part, rest, whole) == sorted(["力气", "晚上"])


def test_common_words_are_not_distinctive():
    said = ["现在 出发", "现在 行李", "现在 悬崖", "现在 悬崖"]
    part, rest = counts(*said), counts("现在 后悔", "现在 迟到", "现在 回头", "现在 摔跤")
    whole = counts(*said, "现在 后悔", "现在 迟到", "现在 回头", "现在 摔跤")
    assert list(words.differences(part, rest, whole)) == ["悬崖"]


def test_counts_without_a_part_are_the_rest():
    whole, part = counts("力气 晚上", "晚上"), counts("晚上")
    assert words.without(whole, part) == ({"晚上": 1}, 2)


def test_a_sentence_takes_its_strongest_kind():
    said = [
        ("advice", "把每笔转账都写下来，留好收据。", "record"), ("advice", "你去跟他谈一次。", "talk"),
        ("opening", "辛苦了，抱抱你。", "comfort"), ("closing", "慢慢来，你已经走得很远。", "comfort"),
        ("card_link", "这把剑比那只杯重得多。", "measure"), ("closing", "嗯哼。", "plain"),
    ]  # fmt: skip
    styles = sub_styles.kinds_of_sentences(to_batch([{"content": text, "cards": []} for _, text, _ in said]))
    assert [sub_styles.first_kind(label, own) for (label, *_), own in zip(said, styles, strict=True)] == [
        kind for *_, kind in said
    ]


def test_few_sentences_of_any_label_are_unspecified():
    gold = annotated.read_all(train.ANNOTATED)
    batch = to_batch(gold)
    places = zip(batch.s_reading.tolist(), batch.spans[:, 0].tolist(), strict=True)
    styles = dict(zip(places, sub_styles.kinds_of_sentences(batch), strict=True))
    found, plain = Counter(), Counter()
    for number, one in enumerate(gold):
        for sentence in one["sentences"]:
            for label in sentence["labels"]:
                if label != "other" and (number, sentence["start"]) in styles:
                    found[label] += 1
                    plain[label] += sub_styles.first_kind(label, styles[number, sentence["start"]]) == "plain"
    assert len(found) == 5 and all(plain[label] <= 0.2 * found[label] for label in found), (found, plain)


def test_a_card_tells_how_its_orientations_differ():
    said = {"upright": ["愚人在悬崖边，要出发了。"] * 3, "reversed": ["愚人把行李收着，不肯动身。"] * 3}
    frame = readings(
        *(
            reading(10 * n + i, content=f"{text}\n祝你顺利。", cards=[card("愚人", orientation=turn)])
            for n, (turn, texts) in enumerate(said.items())
            for i, text in enumerate(texts)
        )
    )
    entry = pattern_library.card_entry(to_stored(frame, *annotate.annotate(frame)), "愚人")
    upright, other = ({one["word"]: one for one in entry[turn]["differs"]} for turn in said)
    assert {"悬崖", "出发"} <= set(upright) and "行李" in other and "愚人" not in upright
    assert upright["悬崖"] == {"word": "悬崖", "here": 3, "there": 0, "z": upright["悬崖"]["z"]}
    assert entry["upright"]["words"] == list(upright)


def test_function_words_tell_no_cards_apart():
    assert all(map(words.is_function_word, ("一个", "自己", "这张", "什么", "已经")))
    assert not any(map(words.is_function_word, ("悬崖", "出发", "向日葵", "舍不得")))


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
    code = "import sys; from tarot_data.patterns import time_expressions; time_expressions.find_times(['三月之前']); assert 'torch' not in sys.modules, 'torch'; assert 'spacy' in sys.modules and 'spacy.cli' not in sys.modules; import spacy.cli; assert callable(spacy.cli.info)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_annotating_imports_no_heavy_package():
    code = (
        "import sys; from tarot_data.patterns import annotate; import polars as pl;"
        "annotate.annotate(pl.DataFrame({'reading_id': ['r'], 'content': ['愚人正位，慢慢来。']}));"
        "assert not {'spacy', 'jieba', 'sklearn', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
