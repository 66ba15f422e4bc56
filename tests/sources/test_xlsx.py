import io
import zipfile
from datetime import datetime

import openpyxl
import pytest

from tarot_data.ingest.clean import to_reading
from tarot_data.sources.records import RawRecord, Rejected

BODY = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。太阳在最后，孩子骑着白马出来，慢慢就亮了。"
HEADER = ["日期", "客户", "提问", "牌阵", "抽到的牌", "解牌内容"]
CARDS = "隐士 / 战车逆 / 太阳"


def workbook(sheets: dict[str, list[list]], change=None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def row(day, person="Mel", question="要不要换组", body=BODY):
    return [day, person, question, "圣三角", CARDS, body]


def test_sheets_with_titles_and_different_column_orders(read):
    data = workbook(
        {
            "1月": [["2024年1月 解读登记"], HEADER, row(datetime(2024, 1, 5))],
            "2月": [HEADER[::-1], row(datetime(2024, 2, 6), "阿宁")[::-1]],
        }
    )
    first, second = (to_reading(record) for record in read({"a.xlsx": data}))
    assert (first["person"], str(first["date"]), first["source"]["locator"]) == ("Mel", "2024-01-05", "sheet 1月 row 3")
    assert (second["person"], str(second["date"]), second["source"]["locator"]) == (
        "阿宁",
        "2024-02-06",
        "sheet 2月 row 2",
    )
    assert [(c["card"], c["orientation"]) for c in first["cards"]] == [
        ("隐士", "unknown"),
        ("战车", "reversed"),
        ("太阳", "unknown"),
    ]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        (datetime(2024, 1, 5, 21, 3), "2024-01-05"),
        ("2024.1.6晚", "2024-01-06"),
        (45296, "2024-01-05"),
        ("1月5日", "2024-01-05"),
        ("5号", "2024-01-05"),
        ("待定", None),
    ],
)
def test_dates_as_dates_as_text_and_as_serials(read, written, day):
    reading = to_reading(read({"2024解读.xlsx": workbook({"2024年1月": [HEADER, row(written)]})})[0])
    assert (str(reading["date"]) if reading["date"] else None) == day


def test_a_column_may_mix_dates_and_text(read):
    data = workbook({"1月": [HEADER, row(datetime(2024, 1, 5)), row("2024.1.6晚"), row(45298)]})
    assert [str(to_reading(record)["date"]) for record in read({"a.xlsx": data})] == [
        "2024-01-05",
        "2024-01-06",
        "2024-01-07",
    ]


def test_serials_of_old_macs_count_from_1904(read):
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    def mac(book):
        book.epoch = CALENDAR_MAC_1904

    data = workbook({"1月": [HEADER, row(43834)]}, mac)
    assert str(to_reading(read({"a.xlsx": data})[0])["date"]) == "2024-01-05"


def test_merged_cells_apply_to_every_row(read):
    def merge(book):
        book["1月"].merge_cells("A3:A4")
        book["1月"].merge_cells("B3:B4")
        book["1月"].merge_cells("A1:F1")

    rows = [
        ["2024年1月 解读登记"],
        HEADER,
        row(datetime(2024, 1, 5)),
        row(None, None, "追问：什么时候", BODY + "很快。"),
    ]
    first, second = (to_reading(record) for record in read({"a.xlsx": workbook({"1月": rows}, merge)}))
    assert (second["person"], str(second["date"]), second["question"]) == ("Mel", "2024-01-05", "追问：什么时候")


def test_an_empty_unmerged_client_stays_empty(read):
    _, second = read({"a.xlsx": workbook({"1月": [HEADER, row("2024/1/5"), row("2024/1/6", None)]})})
    assert second.person is None


def test_two_header_rows_with_a_card_column(read):
    def merge(book):
        book["1月"].merge_cells("C1:E1")

    rows = [
        ["客户", "提问", "牌", None, None, "解读"],
        [None, None, "过去", "现在", "未来", None],
        ["Mel", "换组", "隐士", "战车逆", "太阳", BODY],
    ]
    reading = to_reading(read({"a.xlsx": workbook({"1月": rows}, merge)})[0])
    assert [(c["position"], c["card"], c["orientation"]) for c in reading["cards"]] == [
        ("过去", "隐士", "unknown"),
        ("现在", "战车", "reversed"),
        ("未来", "太阳", "unknown"),
    ]


def test_templates_totals_and_empty_sheets_are_skipped(read):
    data = workbook(
        {
            "模板": [HEADER, row("日期")],
            "统计": [["月", "收入"], ["1", "2"]],
            "空": [],
            "1月": [HEADER, row("2024/1/5")],
        }
    )
    assert [record.source.locator for record in read({"a.xlsx": data})] == ["sheet 1月 row 2"]


def test_a_hidden_sheet_is_rejected_by_name(read):
    def hide(book):
        book["旧"].sheet_state = "hidden"

    records = read({"a.xlsx": workbook({"旧": [HEADER, row("2024/1/5")], "1月": [HEADER, row("2024/1/6")]}, hide)})
    assert [(type(r), r.source.locator) for r in records] == [(Rejected, "sheet 旧"), (RawRecord, "sheet 1月 row 2")]


def test_a_hidden_form_is_rejected_by_name(read):
    def hide(book):
        book["旧"].sheet_state = "hidden"

    form = [["客户", "Mel"], ["牌", CARDS], ["解读", BODY]]
    (record,) = read({"a.xlsx": workbook({"旧": form, "1月": [HEADER]}, hide)})
    assert (record.code, record.source.locator) == ("hidden_sheet", "sheet 旧")


def test_a_far_corner_cell_uses_little_memory(read):
    def far(book):
        book["1月"]["XFD1048576"] = "x"

    (record,) = read({"a.xlsx": workbook({"1月": [HEADER, row("2024/1/5")]}, far)})
    assert (record.reason, record.code) == ("unsafe", "sheet_too_large")


def test_formulas_are_text_or_nothing(read):
    rows = [HEADER, row("2024/1/5", "=1+1"), row("2024/1/6", "阿宁")]
    first, second = read({"a.xlsx": workbook({"1月": rows})})
    assert (first.person, second.person) == (None, "阿宁")


def test_rows_are_numbered_as_the_sheet_numbers_them(read):
    def shift(book):
        book["1月"].insert_rows(1, 4)
        book["1月"].insert_cols(1, 2)

    (record,) = read({"a.xlsx": workbook({"1月": [HEADER, row("2024/1/5")]}, shift)})
    assert (record.source.locator, record.person) == ("sheet 1月 row 6", "Mel")


def test_workbooks_are_detected_by_content_old_ones_rejected(read):
    records = read(
        {
            "a.csv": workbook({"1月": [HEADER, row("2024/1/5")]}),
            "b.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        }
    )
    assert [record.source.form for record in records] == ["xlsx", "unknown"]
    assert records[1].code == "old_office"


def test_an_html_table_named_xls_is_a_table(read):
    html = "<html><body><table><tr>" + "".join(f"<th>{name}</th>" for name in HEADER) + "</tr><tr>"
    html += "".join(f"<td>{cell}</td>" for cell in row("2024/1/5", "A&amp;B")) + "</tr></table></body></html>"
    (record,) = read({"a.xls": html})
    assert (record.person, record.content) == ("A&B", BODY)


def test_a_damaged_workbook_is_unreadable(read):
    data = workbook({"1月": [HEADER, row("2024/1/5")]})
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, b"<broken" if entry.filename == "xl/workbook.xml" else old.read(entry))
    assert [record.reason for record in read({"a.xlsx": target.getvalue(), "b.xlsx": data[:900]})] == [
        "unreadable",
        "unreadable",
    ]


def test_a_chat_program_workbook_is_a_chat(read):
    rows = [
        ["会话信息"],
        ["微信ID", "wxid_x", "昵称", "Mel"],
        ["导出工具", "WeFlow"],
        ["序号", "时间", "发送者身份", "消息类型", "内容", "isSend"],
        [1, "2024-01-05 20:58:02", "Mel", "文本消息", "要不要换组", 0],
        [2, "2024-01-05 21:03:11", "我", "文本消息", "牌阵：圣三角\n牌：隐士、战车（逆）、太阳", 1],
        [3, "2024-01-05 21:05:11", "我", "文本消息", BODY, 1],
    ]
    (record,) = read({"a.xlsx": workbook({"聊天记录": rows})})
    assert (record.content, record.question, record.source.form) == (BODY, "要不要换组", "wechat")


def test_other_workbooks_are_rejected_empty_tables_are_not(read):
    records = read(
        {"a.xlsx": workbook({"账": [["项目", "金额"], ["房租", 1000]]}), "b.xlsx": workbook({"1月": [HEADER]})}
    )
    assert [(r.source.file, r.reason) for r in records] == [("a.xlsx", "unreadable")]


def test_cells_merged_over_both_header_rows(read):
    def merge(book):
        for cells in ("A1:A2", "B1:B2", "C1:E1", "F1:F2"):
            book["1月"].merge_cells(cells)

    header = [["日期", "客户", "牌", None, None, "解牌内容"], [None, None, "过去", "现在", "未来", None]]
    data = workbook({"1月": [*header, ["2024-01-05", "Mel", "隐士", "战车逆", "太阳", BODY]]}, merge)
    (record,) = read({"a.xlsx": data})
    cards = [(c["position"], c["card"], c["orientation"]) for c in to_reading(record)["cards"]]
    assert cards == [("过去", "隐士", "unknown"), ("现在", "战车", "reversed"), ("未来", "太阳", "unknown")]


def laid(reading: dict) -> list[tuple]:
    return [(c["position"], c["card"], c["orientation"]) for c in reading["cards"]]


SIDED = [("过去", "隐士", "upright"), ("现在", "战车", "reversed"), ("未来", "太阳", "upright")]


def test_a_header_of_two_rows_merged_over_both(read):
    def change(book):
        for cells in ("A1:A2", "B1:B2", "C1:D1", "E1:F1", "G1:H1", "I1:I2"):
            book.active.merge_cells(cells)

    top = ["客户", "问题", "过去", None, "现在", None, "未来", None, "解读"]
    sides = [None, None, *["牌名", "正/逆"] * 3, None]
    values = ["Mel", "换组", "隐士", "正", "战车", "逆", "太阳", "正", BODY]
    (record,) = read({"a.xlsx": workbook({"1": [top, sides, values]}, change)})
    assert laid(to_reading(record)) == SIDED


def test_a_form_a_sheet(read):
    form = [
        ["塔罗咨询记录表"],
        ["客户", "Mel", "日期", datetime(2024, 1, 5)],
        ["问题", "换组"],
        ["过去", "隐士", "正位"],
        ["现在", "战车", "逆位"],
        ["未来", "太阳", "正位"],
        ["解读", BODY],
        ["反馈", "三月换了"],
    ]
    (record,) = read({"a.xlsx": workbook({"1": form})})
    reading = to_reading(record)
    assert (reading["person"], reading["question"], str(reading["date"])) == ("Mel", "换组", "2024-01-05")
    assert (laid(reading), reading["content"], reading["outcome"]) == (SIDED, BODY, "三月换了")


def test_a_label_above_the_header_applies_below(read):
    rows = [["客户：阿宁"], [], ["日期", "问题", "牌", "解读"], ["2024/1/5", "换组", CARDS, BODY]]
    (record,) = read({"a.xlsx": workbook({"1": rows})})
    assert (record.person, record.question) == ("阿宁", "换组")


def days_of(read, written, number_format="General"):
    def change(book):
        for cell in book.active["A"][1:]:
            cell.number_format = number_format

    data = workbook(
        {"2024年": [HEADER, *(row(day, body=f"{BODY}{index}") for index, day in enumerate(written))]}, change
    )
    return [str(to_reading(record)["date"])[5:] for record in read({"a.xlsx": data})]


def test_a_number_is_read_as_its_cell_shows_it(read):
    assert days_of(read, [3.1, 3.2, 3.25], "0.00") == ["03-10", "03-20", "03-25"]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ([3.8, 3.9, 3.1, 3.12], ["03-08", "03-09", "03-10", "03-12"]),
        ([3.12, 3.1, 3.9], ["03-12", "03-10", "03-09"]),
        ([3.18, 3.19, 3.2], ["03-18", "03-19", "03-20"]),
        ([2.28, 3.1, 3.12], ["02-28", "03-01", "03-12"]),
        ([3.1, 3.9], ["03-01", "03-09"]),
    ],
)
def test_a_dropped_zero_comes_back_between_its_neighbours(read, written, days):
    assert days_of(read, written) == days
