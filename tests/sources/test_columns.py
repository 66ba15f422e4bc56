"""Columns and keys whose meaning is not in their label alone: texts, reversed cards, placeholders, containers."""

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarot_data.ingest.clean import to_reading, to_readings
from tarot_data.sources import card_dictionary
from tarot_data.sources.field_values import is_placeholder
from tarot_data.sources.json_files import layouts
from tarot_data.sources.name_evidence import are_names, looks_like_name
from tarot_data.sources.notes.card_page import is_card_page
from tarot_data.sources.records import Rejected
from tarot_data.sources.tables.header import columns_of
from tarot_data.sources.tables.profile import understood
from tarot_data.sources.text_choice import choose_text, label_score

TEXTS = (
    "月亮照着一条小路，路的尽头你还看不清。隐士把灯举高，你先照亮脚下这一步就好，别急着问结果。",
    "宝剑三扎在心上，疼是真的疼。星星在后面，水慢慢流回来，你给自己一点时间，周末出去走一走。",
    "圣杯二碰了一下，两边都有意思。正义坐在中间，你要先把话讲清楚，再谈要不要往下走。",
)
DRAWN = ("月亮逆位、隐士", "宝剑三、星星逆位", "圣杯二、正义")
TOLD = (
    "我跟他在一起三年了，上个月我们吵架之后我就搬出来了，我不知道我该不该回去，他说想我。",
    "我去年辞职以后一直没有找到工作，我投了很多简历都没有回音，我很着急，想知道什么时候有转机。",
    "我们是相亲认识的，他话不多，我妈妈觉得他条件好，我自己没有感觉，不知道要不要继续见面。",
)


def table(*rows) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def readings(records) -> list[dict]:
    return to_readings(records)[0].to_dicts()


def sides(record) -> dict[str, str]:
    return {card["card"]: card["orientation"] for card in to_reading(record)["cards"]}


@pytest.mark.parametrize(
    "label", ["塔罗师的话", "讲解", "我的心得", "memo", "reader_answer", "给客户的回覆", "Insights"]
)
def test_an_unknown_column_of_texts_is_the_content(read, label):
    rows = [("小鹿", "去不去", cards, text) for cards, text in zip(DRAWN, TEXTS, strict=True)]
    found = read({"登记.csv": table(("客户", "问题", "牌", label), *rows)})
    assert [record.content for record in found] == list(TEXTS)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["客户", "所问", "抽牌", "来龙去脉", "解读师的感悟"]), rows=st.integers(1, 3))
def test_the_clients_words_never_become_the_content(read, order, rows):
    columns = {
        "客户": ["小鹿", "阿舟", "青团"],
        "所问": ["能回去吗", "工作", "要不要继续"],
        "抽牌": DRAWN,
        "来龙去脉": TOLD,
        "解读师的感悟": TEXTS,
    }
    cells = [[columns[label][row] for label in order] for row in range(rows)]
    found = read({"表.csv": table(order, *cells)})
    assert [record.content for record in found] == list(TEXTS[:rows])
    assert {record.person for record in found} == set(columns["客户"][:rows])


def test_a_clients_story_alone_is_no_content_and_is_named(read):
    rows = [("小鹿", cards, text) for cards, text in zip(DRAWN, TOLD, strict=True)]
    _, refused = to_readings(read({"表.csv": table(("客户", "牌", "情感经历"), *rows)}))
    assert set(refused["code"]) == {"text_not_understood"}
    assert json.loads(refused["values"][0]) == {"columns": "情感经历"}


def test_two_texts_of_the_reader_are_rejected_by_name(read):
    rows = [("小鹿", cards, text, text[::-1] + text) for cards, text in zip(DRAWN, TEXTS, strict=True)]
    (record,) = read({"表.csv": table(("客户", "牌", "初讲", "复讲"), *rows)})
    assert (record.code, record.values) == ("two_texts", {"first": "初讲", "second": "复讲"})


def test_labels_of_unknown_columns_are_masked(read):
    rows = [("小鹿", cards, text) for cards, text in zip(DRAWN, TOLD, strict=True)]
    _, refused = to_readings(read({"表.csv": table(("客户", "牌", "经历 13800138000"), *rows)}))
    assert "13800138000" not in refused["values"][0]


def test_an_evident_reading_overrules_a_known_label():
    choice = choose_text({"内容": TOLD, "塔罗师讲解": TEXTS}, DRAWN)
    assert choice.label == "塔罗师讲解"
    assert choose_text({"解读": TEXTS, "复盘心得": TEXTS}, DRAWN).label == "解读"


NOTHING = ["nan", "NaN", "None", "NULL", "null", "无", "無", "-", "—", "N/A", "（空）", "未填", " nan ", "<NA>"]


@pytest.mark.parametrize("word", NOTHING)
def test_a_word_for_nothing_is_no_value(read, word):
    (record,) = read({"a.csv": table(("客户", "问题", "牌", "解读", "日期"), (word, word, DRAWN[0], TEXTS[0], word))})
    assert (record.person, record.question, record.date) == (None, None, None)
    (record,) = read({"a.csv": "", "a.json": json.dumps({"client": word, "cards": DRAWN[0], "text": TEXTS[0]})})[-1:]
    assert record.person is None


@given(st.text(min_size=12))
def test_long_texts_are_never_placeholders(text):
    assert not is_placeholder(text)


@pytest.mark.parametrize("label", ["逆位", "逆位牌", "逆位的牌", "Reversed", "reversed cards"])
def test_reversed_cards_of_their_own_column_are_reversed(read, label):
    rows = [("小鹿", "月亮,隐士", "隐士", TEXTS[0]), ("青团", "宝剑三,星星", "", TEXTS[1])]
    first, second = read({"表格.csv": table(("客户", "牌", label, "解读"), *rows)})
    assert sides(first) == {"月亮": "upright", "隐士": "reversed"}
    assert set(sides(second).values()) == {"upright"}


def test_a_column_of_reversed_cards_never_used_proves_nothing(read):
    rows = [("小鹿", "月亮,隐士", "", TEXTS[0]), ("青团", "宝剑三,星星", "", TEXTS[1])]
    found = read({"表格.csv": table(("客户", "牌", "逆位", "解读"), *rows)})
    assert [set(sides(record).values()) for record in found] == [{"unknown"}, {"unknown"}]


def test_upright_and_reversed_columns_are_one_draw(read):
    header = ("客户", "正位牌", "逆位牌", "解读")
    (record,) = read({"表格.csv": table(header, ("小鹿", "月亮", "隐士、星星", TEXTS[0]))})
    assert sides(record) == {"月亮": "upright", "隐士": "reversed", "星星": "reversed"}


def test_a_yes_under_reversed_is_the_orientation(read):
    rows = [("小鹿", "月亮", "是", TEXTS[0]), ("青团", "宝剑三", "否", TEXTS[1])]
    found = read({"表格.csv": table(("客户", "牌", "逆位", "解读"), *rows)})
    assert [sides(record) for record in found] == [{"月亮": "reversed"}, {"宝剑三": "upright"}]


MEANINGS = [
    ("月亮", "潜意识、直觉", "迷雾散开", TEXTS[0]),
    ("隐士", "独处", "孤僻", TEXTS[1]),
    ("星星", "希望", "失望", TEXTS[2]),
]


@pytest.mark.parametrize(
    "header",
    [
        ("牌名", "正位含义", "逆位含义", "解读"),
        ("卡牌", "正位", "逆位", "内容"),
        ("card", "meaning_up", "meaning_rev", "text"),
        ("牌", "关键词", "象征", "解析"),
    ],
)
def test_a_card_dictionary_is_no_reading(read, header):
    (record,) = read({"牌义.csv": table(header, *MEANINGS)})
    assert (record.reason, record.code) == ("not_a_reading", "card_dictionary")


def test_a_card_a_day_is_no_dictionary():
    rows = [(f"2024-03-0{day}", card, text) for day, (card, _, _, text) in enumerate(MEANINGS, 1)]
    assert not card_dictionary.is_dictionary(("日期", "牌", "解读"), rows)
    assert not card_dictionary.is_dictionary(("牌", "解读"), [row[1:] for row in rows])
    clients = [(name, *row) for name, row in zip(("小鹿", "青团", "阿舟"), MEANINGS, strict=True)]
    assert not card_dictionary.is_dictionary(("客户", "牌", "关键词", "象征", "解读"), clients)


def test_pages_of_a_card_dictionary_are_rejected(read):
    page = f"# 月亮\n\n关键词: 潜意识\n元素: 水\n\n正位：{TEXTS[0]}\n逆位：{TEXTS[1]}\n"
    assert is_card_page("月亮.md", page)
    assert not is_card_page("月亮.md", page.replace("元素: 水", "客户: 小鹿"))
    assert not is_card_page("月亮.md", f"# 月亮\n\n{TEXTS[0]}\n")
    (record,) = read({"牌/月亮.md": page})
    assert record.reason == "not_a_reading"


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["sessions"], []),
        (["savedReadings"], []),
        (["entries", "settings"], []),
        (["占卜记录"], []),
        (["三月"], []),
        (["感情"], []),
        (["圣三角"], []),
        (["阿宁"], ["阿宁"]),
        (["青团", "Mel"], ["青团", "Mel"]),
        (["林月", "sessions"], ["林月"]),
        (["kk", "Mel"], ["kk", "Mel"]),
        (["pulls", "misc"], []),
    ],
)
def test_keys_are_names_only_if_they_look_like_it(keys, names):
    assert are_names(keys) == names


@given(
    st.sampled_from(["sessions", "entries", "savedReadings", "tarot_journal", "data", "history", "记录", "allDraws"])
)
def test_the_name_of_a_container_is_nobody(key):
    item = {"question": "去不去", "cards": DRAWN[0], "notes": TEXTS[0]}
    (found,) = layouts.readings_in({key: [item]})
    assert "person" not in found
    assert not looks_like_name(key)


COLUMNS = ("person", "question", "cards", "content")
ROWS = [("小鹿", "去不去", DRAWN[0], TEXTS[0]), ("青团", "留不留", DRAWN[1], TEXTS[1])]
OBJECTS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]


@pytest.mark.parametrize(
    "value",
    [
        OBJECTS,
        {name: {str(n): row[name] for n, row in enumerate(OBJECTS)} for name in COLUMNS},
        {name: {f"r{n}": row[name] for n, row in enumerate(OBJECTS)} for name in COLUMNS},
        {name: [row[name] for row in OBJECTS] for name in COLUMNS},
        {str(n): row for n, row in enumerate(OBJECTS)},
        {"columns": COLUMNS, "index": [0, 1], "data": ROWS},
        {"data": {"headers": [{"name": name, "type": "text"} for name in COLUMNS], "rows": ROWS}},
        {"range": "A1:D3", "majorDimension": "ROWS", "values": [COLUMNS, *ROWS]},
        {"schema": {"fields": [{"name": name} for name in COLUMNS], "pandas_version": "1.4.0"}, "data": OBJECTS},
        [COLUMNS, *ROWS],
    ],
)
def test_every_orientation_of_a_table_in_json(read, value):
    found = read({"df.json": json.dumps(value, ensure_ascii=False)})
    assert [(r.person, r.question, r.content) for r in found] == [(row[0], row[1], row[3]) for row in ROWS]


def test_lines_of_lists_have_their_header_first(read):
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in (COLUMNS, *ROWS))
    assert [record.person for record in read({"df.jsonl": lines})] == ["小鹿", "青团"]


def test_one_reading_with_lists_is_no_table(read):
    value = {"question": "去不去", "cards": ["月亮", "隐士"], "content": [TEXTS[0], TEXTS[1]]}
    (record,) = read({"a.json": json.dumps(value, ensure_ascii=False)})
    assert record.content == f"{TEXTS[0]}\n\n{TEXTS[1]}"


def test_understood_columns_keep_their_order():
    columns, _ = columns_of(["客户", "牌", "讲解", "日期"])
    found = understood(columns, [["小鹿", DRAWN[0], TEXTS[0], "2024-03-05"]])
    assert [key[0] for key in found.keys] == ["person", "cards", "content", "date"]
    assert not isinstance(found, Rejected)


def test_an_orientation_is_of_the_card_before_it(read):
    header = ("客户", "牌1", "正逆", "牌2", "正逆", "解读")
    (record,) = read({"表.csv": table(header, ("小鹿", "月亮", "正", "隐士", "逆", TEXTS[0]))})
    assert sides(record) == {"月亮": "upright", "隐士": "reversed"}


def test_a_table_by_columns_with_an_unknown_text(read):
    rows = [
        ("客户", "小鹿", "青团"),
        ("问题", "去不去", "留不留"),
        ("抽到的牌", *DRAWN[:2]),
        ("塔罗师的话", *TEXTS[:2]),
    ]
    found = read({"表.csv": table(*rows)})
    assert [(r.person, r.question, r.content) for r in found] == [
        ("小鹿", "去不去", TEXTS[0]),
        ("青团", "留不留", TEXTS[1]),
    ]


def test_titles_of_relations_are_read_without_their_addresses(read):
    link = "(https://www.notion.so/1f2e3d4c?pvs=21)"
    row = (f"小鹿 {link}", f"月亮 {link}, 隐士 {link}", f"隐士 {link}", TEXTS[0])
    (record,) = read({"表.csv": table(("客户", "牌", "逆位", "解读"), row)})
    assert (record.person, sides(record)) == ("小鹿", {"月亮": "upright", "隐士": "reversed"})


@pytest.mark.parametrize("label", ["Reading for the client", "Notes to client", "感想", "寄语"])
def test_the_first_noun_of_an_english_label_counts(label):
    assert label_score(label) > 0


def test_a_table_that_is_not_understood_is_no_note(read):
    rows = [(day, text, mood) for day, text, mood in zip(("3/5", "3/6", "3/7"), TEXTS, "好坏好", strict=True)]
    (record,) = read({"表.csv": table(("日期", "发生的事", "心情"), *rows)})
    assert (record.reason, record.code) == ("unreadable", "unknown_columns")
    assert record.values == {"columns": "日期、发生的事、心情"}


@pytest.mark.parametrize(
    ("path", "person"),
    [
        ("客户/青团/去不去.md", "青团"),
        ("Clients/Mel/a.md", "Mel"),
        ("解读/青团/a.md", None),
        ("客户/2024年/a.md", None),
    ],
)
def test_a_folder_below_clients_names_the_person(read, path, person):
    (record,) = read({path: f"问题：去不去\n牌：月亮、隐士\n\n{TEXTS[0]}\n"})
    assert record.person == person


@pytest.mark.parametrize(
    "labels", [("主牌", "补充牌"), ("选A的牌", "选B的牌"), ("左手", "右手"), ("main pile", "side pile")]
)
def test_columns_of_cards_under_unknown_labels_are_drawn(read, labels):
    rows = [
        ("小鹿", text, *(f"{card}（正）" for card in cards.replace("逆位", "").split("、")))
        for cards, text in zip(DRAWN, TEXTS, strict=True)
    ]
    found = read({"登记.csv": table(("客户", "解读", *labels), *rows)})
    assert [sides(record) for record in found] == [
        {first: "upright", second: "upright"}
        for first, second in (("月亮", "隐士"), ("宝剑三", "星星"), ("圣杯二", "正义"))
    ]


def test_a_column_of_former_cards_is_not_drawn(read):
    rows = [("小鹿", "月亮逆位", "隐士", "星星", TEXTS[0]), ("青团", "宝剑三", "太阳", "力量", TEXTS[1])]
    found = read({"登记.csv": table(("客户", "牌", "本命牌", "上次的牌", "解读"), *rows)})
    assert [sides(record) for record in found] == [{"月亮": "reversed"}, {"宝剑三": "unknown"}]


@pytest.mark.parametrize("label", ["登记日期", "接单时间", "预约日期", "归档日期"])
def test_an_event_before_a_date_is_part_of_its_label(read, label):
    rows = [("2024-03-05", "月亮、隐士", TEXTS[0])]
    assert read({"登记.csv": table((label, "牌", "解读"), *rows)})[0].date == "2024-03-05"


@pytest.mark.parametrize(
    ("label", "cells"),
    [("总分", "01"), ("守护星", ("太阳", "月亮")), ("编号", ("III", "IX")), ("猫", ("星星", "力量"))],
)
def test_a_column_of_other_things_is_not_drawn(read, label, cells):
    rows = [("小鹿", "月亮逆位", cells[0], TEXTS[0]), ("青团", "宝剑三", cells[1], TEXTS[1])]
    found = read({"登记.csv": table(("客户", "牌", label, "解读"), *rows)})
    assert [sides(record) for record in found] == [{"月亮": "reversed"}, {"宝剑三": "unknown"}]


def test_the_label_of_the_only_cards_is_no_position(read):
    rows = [("牌况", "解读"), *zip(DRAWN, TEXTS, strict=True)]
    cards = [card for record in read({"a.csv": table(*rows)}) for card in to_reading(record)["cards"]]
    assert len(cards) == 6 and {card["position"] for card in cards} == {None}
