import json

import pytest

from tarot_data.ingest.clean import to_reading, to_readings
from tarot_data.sources.json_files import stream
from tarot_data.sources.records import RawRecord, Rejected

BODY = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。太阳在最后，孩子骑着白马出来，慢慢就亮了。"
PLAIN = {
    "person": "Mel",
    "question": "要不要换组",
    "spread": "圣三角",
    "content": BODY,
    "date": "2024-01-05T20:15:00+08:00",
}


def lines(*items: dict) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


def cards(record) -> list[tuple]:
    return [(c["position"], c["card"], c["orientation"]) for c in to_reading(record)["cards"]]


NAMED = [("过去的经验", "隐士", "upright"), ("问题的现状", "战车", "reversed"), ("将来的预测", "太阳", "unknown")]


@pytest.mark.parametrize(
    "shape",
    [
        ["隐士(正位)", "战车(逆位)", "太阳"],
        "隐士(正位) | 战车(逆位) | 太阳",
        [{"name": "隐士", "orientation": "upright"}, {"name": "战车", "orientation": "reversed"}, {"name": "太阳"}],
        [{"card": "隐士", "reversed": False}, {"card": "战车", "reversed": True}, {"card": "太阳"}],
        [{"牌": "隐士", "正逆": "正"}, {"牌": "战车", "正逆": "逆"}, {"牌": "太阳"}],
        [{"card": "隐士", "is_reversed": 0}, {"card": "战车", "is_reversed": 1}, {"card": "太阳"}],
        [{"card": "隐士", "reversed": "否"}, {"card": "战车", "reversed": "是"}, {"card": "太阳"}],
        [{"card": "隐士", "reversed": "U"}, {"card": "战车", "reversed": "R"}, {"card": "太阳"}],
        [{"name": "The Hermit", "position": "正位"}, {"name": "The Chariot", "position": "逆位"}, {"name": "The Sun"}],
        '["隐士(正位)", "战车(逆位)", "太阳"]',
        [
            {"card": {"name": "隐士"}, "orientation": "upright"},
            {"card": {"name": "战车"}, "orientation": "reversed"},
            "太阳",
        ],
        [["隐士", "正位"], ["战车", "逆位"], "太阳"],
        [["隐士", False], ["战车", True], "太阳"],
        [
            {"name_en": "The Hermit", "name_cn": "隐士", "isUpright": True},
            {"nameCn": "战车", "isUpright": False},
            "太阳",
        ],
        [{"card": {"name_zh": "隐士", "suit": "大牌"}, "upright": 1}, {"cardName": "战车", "isReversed": True}, "太阳"],
    ],
)
def test_shapes_of_cards(read, shape):
    (record,) = read({"a.jsonl": lines({**PLAIN, "cards": shape})})
    assert cards(record) == NAMED


def test_places_as_keys_and_positions_as_values(read):
    first, second = read(
        {
            "a.jsonl": lines(
                {**PLAIN, "cards": {"过去": "隐士正位", "现在": "战车逆"}},
                {**PLAIN, "cards": [{"name": "死神", "position": "现在", "reversed": True}]},
            )
        }
    )
    assert cards(first) == [("过去", "隐士", "upright"), ("现在", "战车", "reversed")]
    assert cards(second) == [("现在", "死神", "reversed")]


def test_parallel_lists(read):
    (record,) = read(
        {"a.jsonl": lines({**PLAIN, "cards": ["隐士", "战车", "太阳"], "orientations": ["正", "逆", "未知"]})}
    )
    assert cards(record) == NAMED


def test_draws_of_one_reading(read):
    item = {
        "person": "Mel",
        "content": BODY,
        "draws": [{"spread": "单张", "cards": ["隐士"]}, {"spread": "两张牌", "cards": "战车、隐士逆"}],
    }
    reading = to_reading(read({"a.jsonl": lines(item)})[0])
    assert [(c["draw"], c["card"]) for c in reading["cards"]] == [(1, "隐士"), (2, "战车"), (2, "隐士")]
    assert [draw["spread"] for draw in reading["draws"]] == ["单张", "两张牌"]


def test_a_number_is_no_card(read):
    _, rejections = to_readings(read({"a.jsonl": lines({**PLAIN, "cards": [{"id": 9}]}, {**PLAIN, "cards": [9]})}))
    assert rejections["reason"].to_list() == ["unknown_card", "unknown_card"]


def test_metadata_holds_fields_too(read):
    item = {
        "title": "考试",
        "content": BODY,
        "metadata": {"person": "小满", "cards": ["权杖八(正位)"], "spread": "单张", "source_file": "a.md"},
    }
    (record,) = read({"a.jsonl": lines(item)})
    assert (record.person, record.question, record.draws[0].cards) == ("小满", "考试", ["权杖八(正位)"])


@pytest.mark.parametrize("wrap", ["data", "items", "records", "readings"])
def test_readings_under_a_key(read, wrap):
    records = read({"a.json": json.dumps({wrap: [{**PLAIN, "cards": "隐士"}] * 2}, ensure_ascii=False, indent=1)})
    assert [record.person for record in records] == ["Mel", "Mel"]
    assert len({record.source.locator for record in records}) == 2


def test_one_object_a_client(read):
    item = {
        "person": "Mel",
        "readings": [
            {"question": "换组", "cards": "隐士", "content": BODY},
            {"question": "搬家", "cards": "太阳", "content": BODY},
        ],
    }
    assert [(r.person, r.question) for r in read({"a.json": json.dumps(item)})] == [("Mel", "换组"), ("Mel", "搬家")]
    named = {"Mel": [{"question": "换组", "cards": "隐士", "content": BODY}]}
    assert [(r.person, r.question) for r in read({"b.json": json.dumps(named)}) if r.source.file == "b.json"] == [
        ("Mel", "换组")
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_json_that_is_jsonl_and_the_reverse(read, indent):
    item = {**PLAIN, "cards": "隐士"}
    pretty = "\n".join(json.dumps(item, ensure_ascii=False, indent=indent) for _ in range(3))
    listed = json.dumps([item] * 3, ensure_ascii=False, indent=indent)
    records = read({"a.json": pretty, "b.jsonl": listed})
    assert [(r.source.file, r.person) for r in records] == [("a.json", "Mel")] * 3 + [("b.jsonl", "Mel")] * 3


def test_marks_blank_lines_comments_and_trailing_commas(read):
    good = json.dumps({**PLAIN, "cards": "隐士"}, ensure_ascii=False)
    text = f"\ufeff# 导出\n\n{good},\n{good[:-1]},}}\n   \n// 完\n{good}\n"
    assert [type(record) for record in read({"a.jsonl": text})] == [RawRecord] * 3


def test_line_breaks_nan_and_lone_surrogates_are_accepted(read):
    text = '[{"person":"Mel","cards":"隐士","score":NaN,"content":"第一行\n第二行 \\ud83d ' + BODY + '"}]'
    (record,) = read({"a.json": text})
    reading = to_reading(record)
    assert reading["content"].startswith("第一行\n第二行")
    reading["content"].encode("utf-8")


def test_each_bad_or_cut_line_is_one_rejection(read):
    good = json.dumps({**PLAIN, "cards": "隐士"}, ensure_ascii=False)
    records = read({"a.jsonl": f'{good}\n{{"person": "坏", oops}}\n{good}\n{good[:60]}'})
    assert [(type(r).__name__, r.source.locator) for r in records] == [
        ("RawRecord", "line 1"),
        ("Rejected", "line 2"),
        ("RawRecord", "line 3"),
        ("Rejected", "line 4"),
    ]
    assert {r.reason for r in records if isinstance(r, Rejected)} == {"unreadable"}


def test_one_bad_list_item_is_one_rejection(read):
    good = json.dumps({**PLAIN, "cards": "隐士"}, ensure_ascii=False)
    records = read({"a.json": f'[\n{good},\n{{"person": "坏", oops}},\n{good}\n]'})
    assert [type(r).__name__ for r in records] == ["RawRecord", "Rejected", "RawRecord"]


def test_gbk_line_among_utf8_is_read(read):
    good = json.dumps({**PLAIN, "cards": "隐士"}, ensure_ascii=False)
    data = f"{good}\n".encode() * 3 + f"{good}\n".encode("gb18030") + f"{good}\n".encode()
    assert [record.content for record in read({"a.jsonl": data})] == [BODY] * 5


def test_deep_nesting_is_refused(read):
    deep = '{"person":"Mel","cards":' + "[" * 100_000 + "]" * 100_000 + ',"content":"x"}'
    shallow = '{"person":"Mel","cards":' + "[" * 60 + "]" * 60 + ',"content":"x"}'
    good = json.dumps({**PLAIN, "cards": "隐士"}, ensure_ascii=False)
    records = read({"a.jsonl": f"{good}\n{deep}\n{shallow}\n{good}\n", "b.json": "[" * 200_000})
    assert [type(r).__name__ for r in records] == ["RawRecord", "Rejected", "Rejected", "RawRecord", "Rejected"]


def test_line_of_many_megabytes_is_skipped(read):
    good = json.dumps({**PLAIN, "cards": "隐士"}, ensure_ascii=False)
    records = read({"a.jsonl": f'{good}\n{{"content":"{"x" * 9_000_000}"}}\n{good}\n'})
    assert [type(r).__name__ for r in records] == ["RawRecord", "Rejected", "RawRecord"]


def test_content_may_be_paragraphs_or_html_or_nothing(read):
    items = [
        {**PLAIN, "cards": "隐士", "content": [BODY[:20], BODY[20:]]},
        {**PLAIN, "cards": "隐士", "content": f"<p>{BODY[:20]}<br/>{BODY[20:]}</p><script>alert(1)</script>"},
        {**PLAIN, "cards": "隐士", "content": None},
    ]
    readings, rejections = to_readings(read({"a.jsonl": lines(*items)}))
    assert readings["content"].to_list() == [f"{BODY[:20]}\n\n{BODY[20:]}", f"{BODY[:20]}\n{BODY[20:]}"]
    assert rejections["reason"].to_list() == ["empty_body"]


def test_flags_of_a_record(read):
    items = [
        {**PLAIN, "cards": "隐士", "synthetic": True, "consent": False, "反馈": "换了"},
        {**PLAIN, "cards": "隐士", "consent": "yes"},
    ]
    first, second = (to_reading(record) for record in read({"a.jsonl": lines(*items)}))
    assert (first["synthetic"], first["consent"], first["outcome"]) == (True, "no", "换了")
    assert (second["synthetic"], second["consent"]) == (False, "yes")


def test_long_list_is_read_object_by_object(tmp_path):
    import tracemalloc

    from tarot_data.sources import reader

    path = tmp_path / "a.json"
    item = json.dumps({**PLAIN, "cards": "隐士", "content": BODY * 30}, ensure_ascii=False)
    with path.open("w", encoding="utf-8") as file:
        file.write("[" + ",".join([item] * 5_000) + "]")
    tracemalloc.start()
    count = sum(1 for _ in reader.read(path, tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 5_000
    assert peak < 12_000_000


def test_json_of_something_else_is_refused(read):
    records = read({"a.json": '{"name": "x", "version": 1}', "b.json": "[1, 2, 3]", "c.json": "{}"})
    assert [(r.source.file, r.reason) for r in records] == [
        ("a.json", "unreadable"),
        ("b.json", "unreadable"),
        ("c.json", "unreadable"),
    ]


@pytest.mark.parametrize(
    "shape",
    [
        {"cards": ["隐士", "战车"], "reversed": [False, True]},
        {"cards": ["隐士", "战车"], "orientations": ["upright", "reversed"]},
        {"cards": "隐士、战车", "is_reversed": "0、1"},
    ],
)
def test_a_yes_means_what_its_field_asks(read, shape):
    (record,) = read({"a.jsonl": lines({**PLAIN, **shape})})
    assert [side for _, _, side in cards(record)] == ["upright", "reversed"]


@pytest.mark.parametrize(
    "nested",
    [
        {"records": [{"id": "rec1", "fields": {**PLAIN, "cards": "隐士"}}]},
        {"clients": [{"name": "Mel", "readings": [{**PLAIN, "person": "", "cards": "隐士"}]}]},
        {"readings": {"0f3a": {**PLAIN, "cards": "隐士"}}},
        {"1": {**PLAIN, "cards": "隐士"}},
        {"code": 0, "data": {"total": 1, "list": [{**PLAIN, "cards": "隐士"}]}},
    ],
)
def test_readings_under_names_of_the_programs_own(read, nested):
    (record,) = read({"a.json": json.dumps(nested, ensure_ascii=False)})
    reading = to_reading(record)
    assert (reading["person"], reading["cards"][0]["card"], str(reading["date"])) == ("Mel", "隐士", "2024-01-05")


def test_one_object_per_client_names_the_client(read):
    held = {name: {"question": f"{name}搬家", "cards": "隐士", "content": BODY} for name in ("阿宁", "小满")}
    assert [r.person for r in read({"a.json": json.dumps(held, ensure_ascii=False)})] == ["阿宁", "小满"]


def test_metadata_is_no_reading_of_its_own(read):
    item = {"question": "搬家", "content": BODY, "metadata": {"person": "Mel", "cards": ["隐士"]}}
    (record,) = read({"a.jsonl": lines(item)})
    assert (record.person, record.content) == ("Mel", BODY)


def test_raw_line_breaks_in_the_strings_of_jsonl(read):
    long = {**PLAIN, "cards": "隐士", "content": BODY + "\n\n# 第二段\n（完）\n" + BODY}
    text = lines(long, {**PLAIN, "cards": "战车"}).replace("\\n", "\n")
    first, second = read({"a.jsonl": text})
    assert (first.content, second.content) == (long["content"], BODY)
    assert first.source.locator == "line 1"
    cut = lines({**PLAIN, "cards": "隐士"})[:90] + "\n" + lines({**PLAIN, "cards": "战车"})
    broken, whole = read({"a.jsonl": cut})
    assert (broken.reason, whole.content) == ("unreadable", BODY)


def test_leading_comments_and_mongodb_dates_are_read(read):
    item = {**PLAIN, "cards": "隐士", "date": {"$date": "2024-01-05T04:00:00Z"}}
    (record,) = read({"a.jsonl": "// 我的解读\n" + lines(item)})
    assert str(to_reading(record)["date"]) == "2024-01-05"


def test_card_without_place_has_a_separate_key(read):
    (record,) = read({"a.jsonl": lines({**PLAIN, "cards": ["隐士", "战车"], "底牌": "月亮(逆位)"})})
    cards = [(c["place"], c["position"], c["card"], c["orientation"]) for c in to_reading(record)["cards"]]
    assert cards[2] == (0, "底牌", "月亮", "reversed")


def test_oversized_item_is_rejected_and_reading_continues(read, monkeypatch):
    monkeypatch.setattr(stream, "MAX_LINE", 2000)
    monkeypatch.setattr(stream, "_CHUNK", 500)
    endless = '{"content": "' + "愚" * 20_000
    reading = json.dumps({**PLAIN, "cards": "隐士(正位)"}, ensure_ascii=False, indent=1)
    for padding in range(0, 40, 7):
        records = read({"a.json": " " * padding + endless + "\n" + reading})
        assert [isinstance(record, RawRecord) for record in records] == [False, True]


SIDED = [("过去", "隐士", "upright"), ("现在", "战车", "reversed")]
OBJECTS = [{"position": p, "card": c, "orientation": o} for p, c, o in SIDED]


@pytest.mark.parametrize(
    "shape",
    [
        {"draws": OBJECTS},
        {"spread": {"name": "二选一", "cards": OBJECTS}},
        {"layout": {"positions": [{"name": p, "card": c, "orientation": o} for p, c, o in SIDED]}},
        {"spread": {"name": "二选一", "cards": {"过去": "隐士正位", "现在": "战车逆位"}}},
    ],
)
def test_cards_in_draws_and_spreads_keep_positions(read, shape):
    (record,) = read({"a.json": json.dumps([{"client": "Mel", "reading": BODY, **shape}], ensure_ascii=False)})
    assert cards(record) == SIDED


def test_text_in_sections_or_cards_is_joined(read):
    sections = {"overview": BODY, "advice": "先慢下来。"}
    item = {"client": "Mel", "cards": ["隐士正位"], "reading": sections}
    assert read({"a.json": json.dumps([item], ensure_ascii=False)})[0].content == f"{BODY}\n\n先慢下来。"
    said = [{**card, "meaning": text} for card, text in zip(OBJECTS, sections.values(), strict=True)]
    item = {"client": "Mel", "question": "换组", "cards": said}
    assert read({"b.json": json.dumps([item], ensure_ascii=False)})[-1].content == f"{BODY}\n\n先慢下来。"


TOLD = {"question": "换组", "cards": ["隐士正位"], "reading": BODY}


@pytest.mark.parametrize(
    ("value", "person", "date"),
    [
        ({"2024-01-05": {"client": "Mel", **TOLD}, "2024-01-06": {"client": "Mel", **TOLD}}, "Mel", "2024-01-05"),
        ({"2024-01-05": [{"client": "Mel", **TOLD}]}, "Mel", "2024-01-05"),
        ({"咨询记录": [{"客户": {"昵称": "Mel", "年龄": 28}, **TOLD}]}, "Mel", None),
        ({"Mel": {"readings": [TOLD]}, "KK": {"readings": [TOLD]}}, "Mel", None),
        (
            [{"client": {"name": "Mel"}, "session": {"date": "2024-01-05", "question": "换组"}, **TOLD}],
            "Mel",
            "2024-01-05",
        ),
        ({"profile": {"name": "Mel", "age": 28}, "readings": [TOLD]}, "Mel", None),
        ({"clients": [{"name": "Mel", "sessions": [TOLD]}]}, "Mel", None),
    ],
)
def test_key_of_a_reading_gives_date_or_person(read, value, person, date):
    reading = to_reading(read({"a.json": json.dumps(value, ensure_ascii=False)})[0])
    assert (reading["person"], reading["question"]) == (person, "换组")
    assert reading["date"] is None if date is None else str(reading["date"]) == date


@pytest.mark.parametrize("keys", [("zh-TW", "en-US"), ("zh_CN", "ja"), ("zh", "en")])
def test_the_chinese_text_of_several_languages_counts(read, keys):
    item = {
        "client": {"id": "c1", "displayName": "米米"},
        "question": {keys[1]: "Shall I wait?", keys[0]: "我要不要等"},
        "cards": [{"name": {keys[1]: "The Moon", keys[0]: "月亮"}, "orientation": "reversed"}],
        "reading": "月亮逆位，雾在散。你先照亮脚下这一步，别急着问结果，周末出去走一走，回来再说，不急。",
        "askedAt": "2024-03-05",
    }
    (record,) = read({"a.json": json.dumps([item], ensure_ascii=False)})
    assert (record.person, record.question, record.date) == ("米米", "我要不要等", "2024-03-05")


def test_a_shop_around_its_orders_is_nobody(read):
    cards = [{"pos": "我", "name": "圣杯女王", "rev": True}, {"pos": "他", "name": "高塔", "rev": False}]
    order = {"buyer_nick": "小柚子", "q": "要不要分手", "draw": cards, "answer": BODY, "time": 1712050000}
    shop = {"name": "星月工作室", "orders": [order, {**order, "buyer_nick": None, "answer": BODY[::-1]}]}
    first, second = (to_reading(record) for record in read({"a.json": json.dumps(shop, ensure_ascii=False)}))
    assert (first["person"], second["person"]) == ("小柚子", None)
    drawn = [(card["position"], card["card"], card["orientation"]) for card in first["cards"]]
    assert drawn == [("我", "圣杯王后", "reversed"), ("他", "高塔", "upright")]
