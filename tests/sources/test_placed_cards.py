"""Sheets that are forms over a table of cards, and sheets named after a client."""

import csv
import io

import pytest

from tarot_data.ingest.clean import to_reading
from tests.sources.test_xlsx import workbook

LINES = {
    "月亮": "月亮照着一条小路，尽头看不清，你先别急着下结论。",
    "隐士": "隐士举着灯，这段时间适合自己待着，把想法写下来。",
    "星星": "星星倒出来的水流得很慢，伤口在好，只是要时间。",
}
SUMMARY = "整组牌是慢的，先把手上的事收尾，下个月再谈新的。"
FORM = [
    ["客户", "青团"],
    ["问题", "要不要搬去南方", "日期", "2024/6/6"],
    [],
    ["位置", "牌", "正逆", "解读"],
    ["过去", "月亮", "正", LINES["月亮"]],
    ["现在", "隐士", "逆", LINES["隐士"]],
    ["未来", "星星", "正", LINES["星星"]],
    [],
    ["总结", SUMMARY],
]
TEXT = "\n\n".join([*LINES.values(), SUMMARY])
CARDS = [("过去", "月亮", "upright"), ("现在", "隐士", "reversed"), ("未来", "星星", "upright")]


def laid(record) -> list[tuple]:
    return [(card["position"], card["card"], card["orientation"]) for card in to_reading(record)["cards"]]


def table(rows) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def test_a_form_over_its_cards_is_one_reading(read):
    for data in ({"a.xlsx": workbook({"记录": FORM})}, {"b.csv": table(FORM)}):
        (record,) = read(data)[-1:]
        assert (record.person, record.question, record.content) == ("青团", "要不要搬去南方", TEXT)
        assert (str(to_reading(record)["date"]), laid(record)) == ("2024-06-06", CARDS)


def test_forms_below_each_other_are_several_readings(read):
    second = [["客户", "小鹿"], ["问题", "能不能考上"], FORM[3], *FORM[6:3:-1], ["建议", SUMMARY]]
    found = read({"a.xlsx": workbook({"2024": [*FORM, [], *second]})})
    assert [(record.person, len(laid(record))) for record in found] == [("青团", 3), ("小鹿", 3)]
    assert found[1].content.startswith(LINES["星星"])
    assert found[0].source.locator == "sheet 2024 row 1"


def test_a_client_without_a_label_is_named_by_the_sheet(read):
    found = read({"客户档案.xlsx": workbook({"阿梨": FORM[1:], "说明": [["怎么填"]]})})
    assert [record.person for record in found] == ["阿梨"]


@pytest.mark.parametrize(
    ("sheets", "persons"),
    [
        (["小鹿", "青团"], ["小鹿", "青团"]),
        (["1月", "二月"], [None, None]),
        (["Mel", "三月"], ["Mel", None]),
        (["2023年", "感情"], [None, None]),
        (["Sheet1", "记录"], [None, None]),
    ],
)
def test_sheets_are_persons_only_if_they_are_names(read, sheets, persons):
    rows = [["问题", "牌", "解读"], ["去不去", "月亮、隐士", TEXT]]
    assert [record.person for record in read({"a.xlsx": workbook(dict.fromkeys(sheets, rows))})] == persons


def test_month_and_day_take_the_year_of_the_sheet(read):
    rows = [["日期", "客户", "牌", "解读"], ["3.9", "小鹿", "月亮、隐士", TEXT]]
    (record,) = read({"a.xlsx": workbook({"2023年": rows})})
    assert str(to_reading(record)["date"]) == "2023-03-09"


def test_rows_with_a_client_each_are_no_form(read):
    rows = [["客户", "位置", "牌", "解读"], ["小鹿", "建议", "月亮", TEXT], ["青团", "建议", "隐士", TEXT + "再等等。"]]
    assert [record.person for record in read({"a.csv": table(rows)})] == ["小鹿", "青团"]
