"""Keys of JSON objects and columns of databases whose meaning is not in their names alone."""

import json
import sqlite3

import pytest

from tarot_data.ingest.clean import to_reading, to_readings
from tests.sources.test_columns import DRAWN, TEXTS, TOLD, sides

CLIENTS = ("小鹿", "青团", "阿舟")


def dumped(value) -> dict[str, str]:
    return {"a.json": json.dumps(value, ensure_ascii=False)}


@pytest.mark.parametrize("key", ["reader_answer", "myInsight", "塔罗师讲解", "memo", "心得"])
def test_a_text_under_an_unknown_key_is_the_content(read, key):
    items = [
        {"client": client, "question": "去不去", "cards": cards, "clientStory": told, key: text}
        for client, cards, told, text in zip(CLIENTS, DRAWN, TOLD, TEXTS, strict=True)
    ]
    assert [record.content for record in read(dumped({"sessions": items}))] == list(TEXTS)
    without_cards = [{name: value for name, value in item.items() if name != "cards"} for item in items]
    assert [record.content for record in read(dumped(without_cards))] == list(TEXTS)


def test_a_clients_story_is_never_the_content(read):
    items = [
        {"client": client, "question": "去不去", "cards": cards, "what_happened": told}
        for client, cards, told in zip(CLIENTS, DRAWN, TOLD, strict=True)
    ]
    readings, refused = to_readings(read(dumped(items)))
    assert (readings.height, set(refused["code"])) == (0, {"text_not_understood"})


def test_text_and_cards_in_an_object_of_the_result(read):
    item = {"question": "去不去", "createdAt": "2024-03-05", "result": {"cards": DRAWN[0], "summary_note": TEXTS[0]}}
    (record,) = read(dumped([item]))
    assert (record.question, record.content) == ("去不去", TEXTS[0])
    assert sides(record) == {"月亮": "reversed", "隐士": "unknown"}


def test_names_of_cards_count_besides_their_ids(read):
    item = {
        "question": "去不去",
        "drawn": [{"slot": "a", "cardId": "major-18", "isReversed": True}],
        "reading": {"cards": [{"name": "月亮", "orientation": "reversed"}], "text": TEXTS[0]},
    }
    (record,) = read(dumped([item]))
    assert sides(record) == {"月亮": "reversed"}


@pytest.mark.parametrize(
    "value",
    [
        [{"name": name, "keywords": "x", "light": "y"} for name in ("月亮", "隐士", "星星")],
        {
            "nhits": 3,
            "cards": [{"name": name, "meaning_up": "x", "meaning_rev": "y"} for name in ("月亮", "隐士", "星星")],
        },
        {name: {"正位": "走出迷雾的时候", "逆位": "看不清方向"} for name in ("月亮", "隐士", "星星")},
        {"tarot": {name: {"正位含义": "走出来", "逆位含义": "看不清"} for name in ("月亮", "隐士", "星星")}},
    ],
)
def test_a_dictionary_in_json_is_no_reading(read, value):
    (record,) = read(dumped(value))
    assert record.reason == "not_a_reading"


def database(path, *statements) -> bytes:
    with sqlite3.connect(path) as connection:
        for statement, rows in statements:
            connection.executemany(statement, rows) if rows else connection.execute(statement)
    connection.close()
    return path.read_bytes()


def test_a_text_column_of_a_database_is_chosen_by_its_rows(read, tmp_path):
    rows = list(zip(CLIENTS, ("去不去",) * 3, DRAWN, TOLD, TEXTS, strict=True))
    data = database(
        tmp_path / "b.db",
        ("CREATE TABLE log (client TEXT, question TEXT, cards TEXT, their_story TEXT, my_insight TEXT)", ()),
        ("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows),
    )
    assert [record.content for record in read({"a.db": data})] == list(TEXTS)


def test_a_table_of_meanings_in_a_database_is_no_reading(read, tmp_path):
    rows = [("月亮", "迷雾", "清醒", TEXTS[0]), ("隐士", "独处", "孤僻", TEXTS[1]), ("星星", "希望", "失望", TEXTS[2])]
    data = database(
        tmp_path / "c.db",
        ("CREATE TABLE meanings (card TEXT, meaning_up TEXT, meaning_rev TEXT, content TEXT)", ()),
        ("INSERT INTO meanings VALUES (?, ?, ?, ?)", rows),
    )
    (record,) = read({"a.db": data})
    assert record.reason == "not_a_reading"


def test_a_question_next_to_the_only_reading_is_its_question(read):
    (record,) = read(dumped({"question": "去不去", "reading": None, "oracle": {"cards": DRAWN[1], "text": TEXTS[1]}}))
    assert (record.question, to_reading(record)["content"]) == ("去不去", TEXTS[1])


@pytest.mark.parametrize("keys", [("得", "判"), ("桌上", "我说"), ("result_of_draw", "my_words")])
def test_cards_under_an_unknown_key_are_found_by_value(read, keys):
    items = [
        {"客户": client, keys[0]: cards, keys[1]: text}
        for client, cards, text in zip(CLIENTS, DRAWN, TEXTS, strict=True)
    ]
    lines = "\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    found = read({"a.jsonl": lines})
    assert [(record.person, record.content) for record in found] == list(zip(CLIENTS, TEXTS, strict=True))
    assert sides(found[0]) == {"月亮": "reversed", "隐士": "unknown"}


def test_cards_of_another_draw_are_not_found_by_value(read):
    item = {"客户": "小鹿", "本命牌": "月亮", "上次抽的": "隐士", "桌上": "星星逆位", "我说": TEXTS[1]}
    (record,) = read(dumped([item]))
    assert sides(record) == {"星星": "reversed"}


@pytest.mark.parametrize("lines", [False, True])
def test_json_without_known_keys_is_no_note(read, lines):
    items = [{"甲": DRAWN[0] + TEXTS[0], "乙": "13800138000"}, {"甲": TEXTS[1], "乙": "-"}]
    text = "\n".join(json.dumps(item, ensure_ascii=False) for item in items) if lines else dumped(items)["a.json"]
    (refused,) = read({"a.json": text})
    assert (refused.reason, refused.code) == ("unreadable", "json_unknown_keys")
    assert refused.values == {"keys": "甲, 乙"}


BACKUP = {
    "clients": [{"id": 7, "name": "小鹿", "phone": "13800138000"}, {"id": 8, "name": "青团"}],
    "spreads": [{"id": "two", "name": "两张牌"}],
    "cards": [{"id": 18, "name": "月亮"}, {"id": 9, "name": "隐士"}, {"id": 3, "name": "皇后"}],
}


@pytest.mark.parametrize(
    "cards",
    [
        {"cards": [{"cardId": 18, "reversed": 1}, {"cardId": 9, "reversed": 0}]},
        {"drawn": [{"card_id": "18", "isReversed": True}, {"card_id": "9", "isReversed": False}]},
    ],
)
@pytest.mark.parametrize("key", ["readings", "entries"])
def test_ids_of_lists_in_the_same_file_are_names(read, cards, key):
    item = {"id": 1, "clientId": 7, "spread_id": "two", "question": "去不去", "content": TEXTS[0], **cards}
    (record,) = read(dumped({**BACKUP, key: [item]}))
    assert (record.person, record.draws[0].spread, record.content) == ("小鹿", "两张牌", TEXTS[0])
    assert sides(record) == {"月亮": "reversed", "隐士": "upright"}


def test_lists_of_ids_and_own_names(read):
    item = {"clientId": 8, "client": "阿舟", "question": "去不去", "content": TEXTS[0], "cardIds": [18, 9]}
    (record,) = read(dumped({**BACKUP, "readings": [item]}))
    assert (record.person, set(sides(record))) == ("阿舟", {"月亮", "隐士"})


def test_an_id_that_no_list_has_is_refused(read):
    item = {"clientId": 5, "question": "去不去", "content": TEXTS[0], "cards": [{"cardId": 77}]}
    readings, refused = to_readings(read(dumped({**BACKUP, "readings": [item]})))
    assert (readings.height, refused["reason"].to_list()) == (0, ["unknown_card"])


def test_readings_with_titles_below_clients_are_no_list_of_names(read):
    item = {"id": 1, "title": "去不去", "cards": DRAWN[0], "content": TEXTS[0]}
    clients = [{"id": 7, "name": "小鹿", "sessions": [item]}]
    (record,) = read(dumped({"version": 1, "clients": clients}))
    assert (record.content, set(sides(record))) == (TEXTS[0], {"月亮", "隐士"})


def test_positions_as_keys_are_drawn(read):
    item = {"客户": "小鹿", "问题": "去不去", "现状": "月亮逆位", "建议": "隐士", "解读": TEXTS[0]}
    (record,) = read(dumped([item]))
    assert sides(record) == {"月亮": "reversed", "隐士": "unknown"}


def test_a_rotation_of_half_a_turn_is_reversed(read):
    cards = [{"name": "月亮", "rotation": 180}, {"name": "隐士", "rotation": 0}]
    (record,) = read(dumped([{"client": "小鹿", "question": "去不去", "cards": cards, "content": TEXTS[0]}]))
    assert sides(record) == {"月亮": "reversed", "隐士": "upright"}
