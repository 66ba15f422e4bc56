import csv
import io

import pytest

from tarot_data.ingest.clean import to_reading, to_readings
from tarot_data.sources.records import Rejected

BODY = "皇帝倒过来，像家里没人肯先低头。圣杯六是小时候的院子，正义说一碗水要端平，先把话说开，再谈房间怎么分。"
HEADER = ["咨询者", "问题", "牌阵", "牌", "解读", "日期"]
ROW = ["阿宁", "妈妈想搬来同住,\n我该怎么说", "时间之流", "皇帝逆位、圣杯六正位、正义", BODY, "2024/1/5"]


def sheet(*rows: list[str], encoding: str = "utf-8", separator: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n", delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)


def cards(reading: dict) -> list[tuple[str, str]]:
    return [(c["card"], c["orientation"]) for c in reading["cards"]]


TRADITIONAL = ["諮詢者", "問題", "牌陣", "牌", "解讀", "日期"]
TRADITIONAL_ROW = [
    "阿寧",
    "媽媽想搬來同住",
    "時間之流",
    "皇帝逆位、聖杯六正位、正義",
    "皇帝倒過來，像家裡沒有人肯先低頭。聖杯六是小時候的院子，正義說一碗水要端平，先把話說開，再談房間怎麼分。",
    "2024/1/5",
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_simplified_encodings_with_quoted_cells(read, encoding):
    reading = to_reading(read({"a.csv": sheet(HEADER, ROW, encoding=encoding)})[0])
    assert (reading["person"], reading["question"]) == ("阿宁", "妈妈想搬来同住,\n我该怎么说")
    assert cards(reading) == [("皇帝", "reversed"), ("圣杯六", "upright"), ("正义", "unknown")]
    assert (reading["content"], str(reading["date"])) == (BODY, "2024-01-05")
    assert reading["source"]["locator"] == "row 2"


@pytest.mark.parametrize("encoding", ["big5", "cp950", "utf-8", "gb18030"])
def test_traditional_encodings(read, encoding):
    reading = to_reading(read({"a.csv": sheet(TRADITIONAL, TRADITIONAL_ROW, encoding=encoding)})[0])
    assert (reading["person"], reading["question"]) == ("阿寧", "媽媽想搬來同住")
    assert cards(reading) == [("皇帝", "reversed"), ("圣杯六", "upright"), ("正义", "unknown")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_text_with_tabs(read, encoding):
    reading = to_reading(read({"a.txt": sheet(HEADER, ROW, encoding=encoding, separator="\t")})[0])
    assert (reading["person"], reading["content"]) == ("阿宁", BODY)


@pytest.mark.parametrize("separator", [",", ";", "\t", "，", "|"])
def test_separators(read, separator):
    row = ["阿宁", "搬家", "时间之流", "皇帝逆位、圣杯六正位、正义", BODY.replace("，", "。"), "2024/1/5"]
    assert to_reading(read({"a.csv": sheet(HEADER, row, separator=separator)})[0])["person"] == "阿宁"


def test_a_sep_line_names_the_separator(read):
    data = b"sep=;\r\n" + sheet(HEADER, ROW, separator=";")
    (record,) = read({"a.csv": data})
    assert (record.person, record.source.locator) == ("阿宁", "row 3")


def test_a_header_may_be_repeated_in_another_order(read):
    other = ["日期", "咨询者", "问题", "牌阵", "牌", "解读"]
    data = sheet(
        ["2024年1月 解读登记"],
        [],
        HEADER,
        [*ROW[:5], "1月5日"],
        ["2024年2月"],
        other,
        ["2月6日", "Mel", "要不要换组", "单张", "太阳", BODY],
    )
    first, second = (to_reading(record) for record in read({"a.csv": data}))
    assert (first["person"], str(first["date"])) == ("阿宁", "2024-01-05")
    assert (second["person"], str(second["date"]), cards(second)) == ("Mel", "2024-02-06", [("太阳", "unknown")])
    assert "inferred_date" in first["flags"]


@pytest.mark.parametrize(
    "header",
    [
        ["客户", "提问", "牌阵", "抽到的牌", "解牌内容", "日期"],
        ["求问者", "占卜问题", "展开法", "抽牌结果", "解析", "占卜日期"],
        ["姓名", "所问", "使用牌阵", "牌面", "正文", "时间"],
        ["Querent", "Query", "Spread Type", "Cards Drawn", "Interpretation", "Created At"],
        ["client", "question", "layout", "cards", "reading", "date"],
        ["當事人", "議題", "牌陣", "塔羅牌", "解讀內容", "諮詢日期"],
        [" 咨询者：", "【问题】", "牌 阵", "牌:", "Content", "日期（必填）".replace("（必填）", "")],
    ],
)
def test_header_synonyms(read, header):
    reading = to_reading(read({"a.csv": sheet(header, ROW)})[0])
    assert (reading["person"], reading["draws"][0]["spread_id"], reading["content"]) == ("阿宁", "time_flow", BODY)
    assert reading["question"] == ROW[1]
    assert str(reading["date"]) == "2024-01-05"


def test_stray_and_empty_columns_are_not_used(read):
    header = ["编号", *HEADER, "价格", "已付", "客户微信", "微信", "", ""]
    row = ["7.43E+18", *ROW, "199", "是", "wx_tarot77", "wx_tarot77", "", ""]
    readings, rejections = to_readings(read({"a.csv": sheet(header, row)}))
    assert readings["person"].to_list() == ["阿宁"]
    assert "wx_tarot77" not in readings.write_json() + rejections.write_json()


def test_a_row_with_too_many_cells_is_rejected(read):
    broken = b"Mel,\xe8\xa6\x81\xe4\xb8\x8d\xe8\xa6\x81,\xe6\x8d\xa2,\xe7\xbb\x84,\xe5\x8d\x95\xe5\xbc\xa0,\xe5\xa4\xaa\xe9\x98\xb3,x,2024/1/5\r\n"
    records = read({"a.csv": sheet(HEADER) + broken + sheet(ROW)})
    assert [type(record).__name__ for record in records] == ["Rejected", "RawRecord"]
    assert (records[0].reason, records[0].source.locator) == ("unreadable", "row 2")
    assert (records[0].values["cells"], records[0].values["columns"]) == (8, 6)


def test_an_open_quote_rejects_only_its_row(read):
    broken = 'Mel,搬家,单张,太阳,"没有关上的引号,2024/1/5\r\n'.encode()
    records = read({"a.csv": sheet(HEADER, ROW) + broken + sheet(["小满", *ROW[1:]])})
    assert {r.source.locator: type(r).__name__ for r in records} == {
        "row 2": "RawRecord",
        "row 3": "Rejected",
        "row 4": "RawRecord",
    }


def test_a_line_in_another_encoding_loses_only_itself(read):
    data = sheet(HEADER, ROW) + sheet(["Mel", *ROW[1:]], encoding="gb18030") + sheet(["小满", *ROW[1:]])
    readings, rejections = to_readings(read({"a.csv": data}))
    assert readings["person"].to_list() == ["阿宁", "小满"]
    assert rejections.select("reason", "stage").rows() == [("unreadable", "clean")]


def test_excel_error_values_are_blank(read):
    row = ["阿宁", "搬家", "单张", "#NAME?", BODY, "########"]
    _, rejections = to_readings(read({"a.csv": sheet(HEADER, row)}))
    assert rejections["reason"].to_list() == ["no_cards"]


def test_an_empty_client_stays_empty(read):
    follow_up = [
        "",
        "追问：几月合适",
        "单张",
        "节制",
        '她说"再等等"，节制也这么说，两个杯子之间的水要倒很多遍，急不得，三月以前先别动，四月再看一次。',
        "2024/1/6",
    ]
    first, second = (to_reading(record) for record in read({"a.csv": sheet(HEADER, ROW, follow_up)}))
    assert (first["person"], second["person"]) == ("阿宁", None)
    assert "missing_person" in second["flags"]
    assert '她说"再等等"' in second["content"]


def test_a_table_without_header_is_read_by_cells(read):
    rows = [["阿宁", "妈妈想搬来同住", "时间之流", "皇帝逆位、圣杯六正位、正义", BODY, "2024/1/5"]] * 2
    rows[1] = ["Mel", "要不要换组", "单张", "太阳", BODY + "太阳很亮。", "2024/1/6"]
    readings, _ = to_readings(read({"a.csv": sheet(*rows)}))
    assert readings["person"].to_list() == ["阿宁", "Mel"]
    assert [str(day) for day in readings["date"]] == ["2024-01-05", "2024-01-06"]
    assert [len(drawn) for drawn in readings["cards"]] == [3, 1]


def test_a_column_a_position(read):
    header = ["咨询者", "问题", "过去", "现在", "未来", "解读"]
    row = ["阿宁", "搬家", "皇帝逆位", "圣杯六", "正义正", BODY]
    reading = to_reading(read({"a.csv": sheet(header, row)})[0])
    assert [(c["position"], c["card"], c["orientation"]) for c in reading["cards"]] == [
        ("过去", "皇帝", "reversed"),
        ("现在", "圣杯六", "unknown"),
        ("未来", "正义", "upright"),
    ]


def test_a_header_of_two_rows(read):
    data = sheet(
        ["咨询者", "问题", "牌", "", "", "解读"],
        ["", "", "过去", "现在", "未来", ""],
        ["阿宁", "搬家", "皇帝逆位", "圣杯六", "正义", BODY],
    )
    reading = to_reading(read({"a.csv": data})[0])
    assert [(c["position"], c["card"]) for c in reading["cards"]] == [
        ("过去", "皇帝"),
        ("现在", "圣杯六"),
        ("未来", "正义"),
    ]
    assert reading["content"] == BODY


def test_numbered_card_columns_are_one_draw(read):
    header = ["咨询者", "牌阵", "牌1", "牌2", "牌3", "解读"]
    reading = to_reading(read({"a.csv": sheet(header, ["阿宁", "圣三角", "皇帝逆", "圣杯六", "正义", BODY])})[0])
    assert [(c["draw"], c["place"], c["card"]) for c in reading["cards"]] == [
        (1, 1, "皇帝"),
        (1, 2, "圣杯六"),
        (1, 3, "正义"),
    ]


def test_orientations_in_a_column_of_their_own(read):
    header = ["咨询者", "牌", "正逆位", "解读"]
    reading = to_reading(read({"a.csv": sheet(header, ["阿宁", "皇帝、圣杯六、正义", "逆、正、逆", BODY])})[0])
    assert cards(reading) == [("皇帝", "reversed"), ("圣杯六", "upright"), ("正义", "reversed")]


def test_a_title_is_the_question_if_none_exists(read):
    with_both = read({"a.csv": sheet(["标题", *HEADER], ["一月第三位", *ROW])})[0]
    with_title = read({"b.csv": sheet(["咨询者", "标题", "牌", "解读"], ["阿宁", "搬家", "正义", BODY])})
    assert with_both.question == ROW[1]
    assert [r.question for r in with_title if r.source.file == "b.csv"] == ["搬家"]


def test_content_of_a_consultation_is_the_question(read):
    (record,) = read({"a.csv": sheet(["咨询者", "咨询内容", "牌", "解读内容"], ["阿宁", "搬家", "正义", BODY])})
    assert (record.question, record.content) == ("搬家", BODY)


def test_feedback_consent_and_synthetic_are_read(read):
    header = [*HEADER, "反馈", "同意", "合成"]
    rows = [[*ROW, "真的搬了", "不同意", "是"], [*ROW[:4], BODY + "再看。", ROW[5], "", "同意", ""]]
    first, second = (to_reading(record) for record in read({"a.csv": sheet(header, *rows)}))
    assert (first["outcome"], first["consent"], first["synthetic"]) == ("真的搬了", "no", True)
    assert (second["outcome"], second["consent"], second["synthetic"]) == (None, "yes", False)


def test_a_table_of_something_else_is_rejected(read):
    (record,) = read({"a.csv": sheet(["咨询者", "价格", "日期"], ["阿宁", "199", "2024/1/5"])})
    assert isinstance(record, Rejected)
    assert record.reason == "unreadable"


def test_a_header_alone_is_no_error(read):
    assert read({"a.csv": sheet(HEADER)}) == []


def test_an_enormous_cell_is_rejected_within_bounded_memory(read):
    data = sheet(HEADER) + b'Mel,"' + b"x" * (5 * 1024 * 1024) + b'"\r\n' + sheet(ROW)
    records = read({"a.csv": data})
    assert any(isinstance(r, Rejected) for r in records)
    assert [r.person for r in records if not isinstance(r, Rejected)][-1:] == ["阿宁"]


def test_the_form_is_detected_by_content(read):
    records = read({"a.txt": sheet(HEADER, ROW)})
    assert records[0].source.form == "csv"


def test_a_date_without_year_uses_its_neighbours(read):
    days = ["12月30日", "2023/12/31", "1月3日", "5号", "待定", "6月1日", "11月1日"]
    rows = "".join(f"Mel,问题{number},愚人,{BODY},{day}\r\n" for number, day in enumerate(days))
    readings = [to_reading(record) for record in read({"a.csv": f"咨询者,问题,牌,解读,日期\r\n{rows}"})]
    assert [str(reading["date"]) for reading in readings] == [
        "2023-12-30",
        "2023-12-31",
        "2024-01-03",
        "2024-01-05",
        "None",
        "2024-06-01",
        "2024-11-01",
    ]
    assert ["inferred_date" in reading["flags"] for reading in readings] == [True, False, True, True, False, True, True]


def test_a_date_without_year_and_neighbours_is_none(read):
    rows = f"Mel,搬家,愚人,{BODY},1月3日\r\n阿宁,换组,力量,{BODY},5号\r\n"
    records = read({"a.csv": f"咨询者,问题,牌,解读,日期\r\n{rows}"})
    assert [to_reading(record)["date"] for record in records] == [None, None]


def test_a_column_for_each_numbered_card(read):
    text = f"客户,问题,牌阵,第一张,第二张,第3张牌,解读\r\nMel,换组,圣三角,隐士逆位,战车,太阳正,{BODY}\r\n"
    (record,) = read({"a.csv": text})
    cards = [(c["place"], c["position"], c["card"], c["orientation"]) for c in to_reading(record)["cards"]]
    assert cards == [
        (1, "过去的经验", "隐士", "reversed"),
        (2, "问题的现状", "战车", "unknown"),
        (3, "将来的预测", "太阳", "upright"),
    ]


def test_accounts_in_shifted_rows_are_masked(read):
    (refused,) = read({"a.csv": sheet([*HEADER, "客户微信"], [*ROW, "a", "b", "moonlight"])})
    assert isinstance(refused, Rejected) and refused.raw["line"].endswith("| b | 〔账号〕")


@pytest.mark.parametrize(
    "header",
    [
        "客户（昵称）,问题（原话）,牌阵,抽到的牌（正逆）,解读正文,日期（年月日）",
        "客户 Client,问题 Question,牌阵 Spread,牌 Cards,解读 Reading,日期 Date",
        "Client/客户,Question/问题,Spread/牌阵,Cards/牌,Reading/解读,Date/日期",
    ],
)
def test_column_names_with_remarks_or_two_languages(read, header):
    (record,) = read({"a.csv": f"{header}\r\nMel,换组,两张牌,愚人正位、力量逆位,{BODY},2024/1/5\r\n"})
    reading = to_reading(record)
    assert (reading["person"], reading["question"], str(reading["date"])) == ("Mel", "换组", "2024-01-05")
    assert cards(reading) == [("愚人", "upright"), ("力量", "reversed")]


def test_a_kind_that_names_a_spread(read):
    rows = f"Mel,换组,愚人,感情,{BODY}\r\n阿宁,搬家,愚人,学业,{BODY}\r\n小满,考试,愚人,单张,{BODY}\r\n"
    records = read({"a.csv": f"客户,问题,牌,类型,解读\r\n{rows}"})
    assert [record.draws[0].spread for record in records] == [None, None, "单张"]


def test_a_column_of_cards_without_a_place(read):
    text = f"客户,问题,牌,底牌,解读\r\nMel,换组,愚人、力量,月亮逆位,{BODY}\r\n阿宁,搬家,愚人,无,{BODY}\r\n"
    first, second = (to_reading(record) for record in read({"a.csv": text}))
    assert [(c["place"], c["position"], c["card"], c["orientation"]) for c in first["cards"]] == [
        (1, None, "愚人", "unknown"),
        (2, None, "力量", "unknown"),
        (0, "底牌", "月亮", "reversed"),
    ]
    assert cards(second) == [("愚人", "unknown")]


@pytest.mark.parametrize("rest", [("", "", ""), ("Mel", "换组", BODY)])
def test_rows_of_one_card_each_are_one_reading(read, rest):
    rows = [("Mel", "换组", "过去", "愚人", "逆", BODY), (*rest[:2], "现在", "力量", "正", rest[2])]
    rows += [("阿宁", "搬家", "现在", "愚人", "正", f"{BODY}先量好。")]
    text = "".join(",".join(row) + "\r\n" for row in [("客户", "问题", "位置", "牌", "正逆", "解读"), *rows])
    first, second = (to_reading(record) for record in read({"a.csv": text}))
    assert [(c["position"], c["card"], c["orientation"]) for c in first["cards"]] == [
        ("过去", "愚人", "reversed"),
        ("现在", "力量", "upright"),
    ]
    assert (first["person"], second["person"], cards(second)) == ("Mel", "阿宁", [("愚人", "upright")])


def test_another_question_starts_another_reading(read):
    rows = f"Mel,换组,愚人,正,{BODY}\r\n,追问：几月,力量,逆,\r\n"
    records = [to_reading(record) for record in read({"a.csv": f"客户,问题,牌,正逆,解读\r\n{rows}"})]
    assert [record.get("reason") for record in records] == [None, "empty_body"]


@pytest.mark.parametrize(
    "header",
    [
        [["咨询者", "问题", "过去", "正逆", "现在", "正逆", "解读"]],
        [["咨询者", "问题", "过去牌", "过去正逆", "现在牌", "现在正逆", "解读"]],
        [["咨询者", "问题", "过去", "", "现在", "", "解读"], ["", "", "牌", "正逆", "牌", "正逆", ""]],
    ],
)
def test_an_orientation_column_after_each_card(read, header):
    rows = (
        ["阿宁", "妈妈想搬来", "皇帝", "逆位", "正义", "正位", BODY],
        ["阿宁", "换组", "太阳", "", "星星", "逆", BODY],
    )
    readings = [to_reading(record) for record in read({"a.csv": sheet(*header, *rows)})]
    assert [cards(reading) for reading in readings] == [
        [("皇帝", "reversed"), ("正义", "upright")],
        [("太阳", "unknown"), ("星星", "reversed")],
    ]
    assert [card["position"] for card in readings[0]["cards"]] == ["过去", "现在"]


def test_a_reversed_question_column_after_each_card(read):
    header = ["咨询者", "问题", "第一张", "逆位？", "第二张", "逆位？", "解读"]
    reading = to_reading(read({"a.csv": sheet(header, ["阿宁", "换组", "皇帝", "是", "正义", "否", BODY])})[0])
    assert cards(reading) == [("皇帝", "reversed"), ("正义", "upright")]


def test_numbered_places_are_columns_of_cards(read):
    body = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。太阳在最后，慢慢就亮了，先别急着答应别人。"
    (record,) = read({"a.csv": f"客户,问题,位置1,位置2,解读\nMel,换组,隐士逆,太阳,{body}\n"})
    assert [(c["place"], c["position"], c["card"], c["orientation"]) for c in to_reading(record)["cards"]] == [
        (1, None, "隐士", "reversed"),
        (2, None, "太阳", "unknown"),
    ]


LAID = [("过去", "皇帝", "逆位"), ("现在", "圣杯六", "正位")]
SIDES = [("皇帝", "reversed"), ("圣杯六", "upright")]
TEXTS = ["皇帝倒过来，像家里没人肯先低头。", "圣杯六是小时候的院子，先把话说开，再谈房间怎么分。"]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["card_1", "card_1_reversed", "card_2", "card_2_reversed"], ["皇帝", "TRUE", "圣杯六", "FALSE"]),
        (["牌1", "牌1正逆", "牌2", "牌2正逆"], ["皇帝", "逆", "圣杯六", "正"]),
        (["牌1", "位置1", "正逆1", "牌2", "位置2", "正逆2"], ["皇帝", "过去", "逆位", "圣杯六", "现在", "正位"]),
    ],
)
def test_columns_about_a_numbered_card(read, header, row):
    rows = sheet(["咨询者", "牌阵", *header, "解读"], ["阿宁", "二选一", *row, BODY])
    reading = to_reading(read({"a.csv": rows})[0])
    assert cards(reading) == SIDES
    if "位置1" in header:
        assert [c["position"] for c in reading["cards"]] == ["过去", "现在"]


@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize("texts", [[BODY, ""], TEXTS])
def test_card_rows_with_one_text_or_several(read, filled, texts):
    rows = [["日期", "咨询者", "问题", "位置", "牌", "正逆", "解读"]]
    for day, person in (("2024/1/5", "阿宁"), ("2024/1/6", "Mel")):
        for number, ((place, card, side), text) in enumerate(zip(LAID, texts, strict=True)):
            told = [day, person, "房间怎么分"] if filled or not number else ["", "", ""]
            rows.append([*told, place, card, side, text])
    readings = [to_reading(record) for record in read({"a.csv": sheet(*rows)})]
    assert [r["person"] for r in readings] == ["阿宁", "Mel"]
    for reading in readings:
        assert cards(reading) == SIDES
        assert [c["position"] for c in reading["cards"]] == ["过去", "现在"]
        assert reading["content"] == "\n\n".join(filter(None, texts))


def test_rows_at_the_same_position_are_separate_readings(read):
    rows = [
        ["2024/1/5", "阿宁", "今天怎么样", "今日", card, side, text]
        for (_, card, side), text in zip(LAID, TEXTS, strict=True)
    ]
    header = ["日期", "咨询者", "问题", "位置", "牌", "正逆", "解读"]
    assert [r.content for r in read({"a.csv": sheet(header, *rows)})] == TEXTS


@pytest.mark.parametrize(
    "header",
    [
        ["过去", "过去解读", "现在", "现在解读"],
        ["过去", "解读", "现在", "解读"],
        ["牌1", "解读1", "牌2", "解读2"],
    ],
)
def test_texts_of_each_card_are_joined(read, header):
    cells = ["皇帝逆位", TEXTS[0], "圣杯六正位", TEXTS[1]]
    rows = sheet(["咨询者", "牌阵", "问题", *header], ["阿宁", "二选一", "房间怎么分", *cells])
    reading = to_reading(read({"a.csv": rows})[0])
    assert cards(reading) == SIDES
    assert reading["content"] == "\n\n".join(TEXTS)


ONE = {"客户": "阿宁", "日期": "2024/1/5", "问题": "房间怎么分", "牌": "皇帝逆位、圣杯六正位", "解读": BODY}
TWO = {**ONE, "客户": "Mel", "日期": "2024/1/6"}


@pytest.mark.parametrize(
    "rows",
    [
        [[label, ONE[label], TWO[label]] for label in ONE],
        [*([label, ONE[label]] for label in ONE), ["", ""], *([label, TWO[label]] for label in ONE)],
    ],
)
def test_labels_in_the_first_column(read, rows):
    readings = [to_reading(record) for record in read({"a.csv": sheet(*rows)})]
    assert [(r["person"], str(r["date"])) for r in readings] == [("阿宁", "2024-01-05"), ("Mel", "2024-01-06")]
    assert all(cards(r) == SIDES and r["content"] == BODY and r["question"] == "房间怎么分" for r in readings)


def test_a_questionnaires_questions_are_columns(read):
    header = ["提交时间", "1. 您的称呼", "2. 您想问的问题是？", "3. 抽到的牌 *必填", "4. 解读（约500字）"]
    reading = to_reading(read({"a.csv": sheet(header, ["2024/1/5", "阿宁", "房间怎么分", ONE["牌"], BODY])})[0])
    assert (reading["person"], reading["question"], str(reading["date"])) == ("阿宁", "房间怎么分", "2024-01-05")
    assert cards(reading) == SIDES


@pytest.mark.parametrize(
    ("header", "positions"),
    [
        (["牌", "正逆", "牌", "正逆"], [None, None]),
        (["过去-牌", "过去-正逆", "现在-牌", "现在-正逆"], ["过去", "现在"]),
        (["牌（过去）", "正逆", "牌（现在）", "正逆"], ["过去", "现在"]),
    ],
)
def test_card_columns_with_equal_or_position_names(read, header, positions):
    rows = sheet(["咨询者", "牌阵", *header, "解读"], ["阿宁", "二选一", "皇帝", "逆", "圣杯六", "正", BODY])
    reading = to_reading(read({"a.csv": rows})[0])
    assert cards(reading) == SIDES
    if positions[0]:
        assert [c["position"] for c in reading["cards"]] == positions


def test_one_label_over_several_card_columns(read):
    rows = sheet(["咨询者", "问题", "牌", "", "解读"], ["阿宁", "房间怎么分", "皇帝逆位", "圣杯六正位", BODY])
    assert cards(to_reading(read({"a.csv": rows})[0])) == SIDES


@pytest.mark.parametrize(("field", "said"), [("牌位", "过去\n现在"), ("位置", "过去、现在")])
def test_positions_listed_in_a_cell_of_their_own(read, field, said):
    rows = sheet(["咨询者", "问题", field, "牌", "解读"], ["阿宁", "房间怎么分", said, "皇帝逆位\n圣杯六正位", BODY])
    reading = to_reading(read({"a.csv": rows})[0])
    assert [(c["position"], c["card"], c["orientation"]) for c in reading["cards"]] == [
        ("过去", "皇帝", "reversed"),
        ("现在", "圣杯六", "upright"),
    ]


def test_an_advice_column_continues_the_text_unless_cards(read):
    header = ["咨询者", "问题", "牌", "解读", "建议"]
    rows = sheet(header, ["阿宁", "房间怎么分", "皇帝逆位", BODY, "先把话说开。"])
    assert read({"a.csv": rows})[0].content == f"{BODY}\n\n先把话说开。"
    rows = sheet(["咨询者", "过去", "现在", "建议", "解读"], ["阿宁", "皇帝逆位", "圣杯六正位", "正义", BODY])
    reading = to_reading(read({"b.csv": rows})[-1])
    assert [c["position"] for c in reading["cards"]] == ["过去", "现在", "建议"]


@pytest.mark.parametrize("told", [{"年": "2024", "月": "1", "日": "5"}, {"年": "2024年", "月": "1月", "日": "5日"}])
def test_year_month_and_day_in_separate_columns(read, told):
    rows = sheet([*told, "咨询者", "牌", "解读"], [*told.values(), "阿宁", "皇帝逆位", BODY])
    assert str(to_reading(read({"a.csv": rows})[0])["date"]) == "2024-01-05"
