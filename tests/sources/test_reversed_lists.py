import json

import pytest

from tarot_data.cards.card_fields import parse_cards
from tarot_data.ingest.clean import to_reading

BODY = "愚人站在崖边，风把衣角吹起来，你心里早就想走了。力量按住狮子，这阵子忍得太多。星星在最后，慢慢会好的，先睡够。"


def sides(reading: dict) -> list[str]:
    return [f"{card['card']} {card['orientation']}" for card in reading["cards"]]


@pytest.mark.parametrize(
    ("laid", "expected"),
    [
        ("牌：愚人、力量、星星\n逆位：力量", "愚人 upright|力量 reversed|星星 upright"),
        ("牌：愚人、力量、星星\n\n逆位牌：力量、星星", "愚人 upright|力量 reversed|星星 reversed"),
        ("牌：\n1. 过去：愚人\n2. 现在：力量\n逆位：力量", "愚人 upright|力量 reversed"),
        ("牌：愚人、力量\n逆位的牌：\n- 力量", "愚人 upright|力量 reversed"),
        ("正位：愚人、星星\n逆位：力量", "愚人 upright|星星 upright|力量 reversed"),
        ("牌：愚人、力量\n逆位：无", "愚人 upright|力量 upright"),
        ("牌：愚人、力量、星星\n逆位：2、3", "愚人 upright|力量 reversed|星星 reversed"),
        ("牌：愚人、力量、星星\n正位：力量", "愚人 reversed|力量 upright|星星 reversed"),
        ("牌：愚人、力量正位\n逆位：力量", "愚人 upright|力量 unknown"),
        ("牌：愚人、星星\n逆位：力量", "愚人 upright|星星 upright|力量 reversed"),
        ("Cards: The Fool, Strength\nReversed: Strength", "愚人 upright|力量 reversed"),
    ],
)
def test_cards_listed_apart_by_orientation(read, laid, expected):
    reading = to_reading(read({"a.txt": f"客户：阿杏\n问题：要不要辞职\n{laid}\n\n{BODY}\n"})[0])
    assert (sides(reading), reading["content"]) == (expected.split("|"), BODY)


def test_a_reversed_column_lists_cards(read):
    text = f"客户,问题,牌,逆位牌,解读\n阿杏,辞职吗,愚人｜力量,力量,{BODY}\n阿松,搬家吗,星星,无,先看{BODY}\n"
    assert [sides(to_reading(record)) for record in read({"a.csv": text})] == [
        ["愚人 upright", "力量 reversed"],
        ["星星 upright"],
    ]


def test_a_reversed_column_after_positions_lists_cards(read):
    text = f"客户,问题,过去,现在,逆位,解读\n阿杏,辞职吗,愚人,力量,愚人,{BODY}\n"
    assert sides(to_reading(read({"a.csv": text})[0])) == ["愚人 reversed", "力量 upright"]


@pytest.mark.parametrize(
    "cards",
    [
        {"cards": ["愚人", "力量"], "reversed": ["力量"]},
        {"cards": ["愚人", "力量"], "reversed": [False, True]},
        {"cards": [{"name": "愚人", "逆位": False}, {"name": "力量", "逆位": True}]},
        {"cards": {"cards": ["愚人", "力量"], "逆位": ["力量"]}},
    ],
)
def test_reversed_lists_in_json(read, cards):
    item = {"person": "阿杏", "question": "辞职吗", "content": BODY, **cards}
    (record,) = read({"a.json": json.dumps([item], ensure_ascii=False)})
    assert sides(to_reading(record)) == ["愚人 upright", "力量 reversed"]


def test_an_unknown_name_among_the_reversed_is_reported():
    assert parse_cards({"cards": "愚人、力量", "reversed_cards": "大力士牌"}).unknown
