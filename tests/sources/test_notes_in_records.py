"""Labelled notes in cells of tables and strings of JSON are read as notes."""

import csv
import io
import json

import pytest

NOTE = (
    "客户：小满\n问题：要不要接下店面\n牌：权杖二正位、星币四逆位\n\n"
    "先把账算清楚。权杖二站在城墙上看海，心已经出去了。星币四逆位，抓紧的手松开一点。"
)
BODY = NOTE.partition("\n\n")[2]


def table(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def same(record) -> None:
    assert (record.person, record.question, record.content) == ("小满", "要不要接下店面", BODY)
    assert record.draws[0].cards == "权杖二正位、星币四逆位"


@pytest.mark.parametrize("header", [["标题", "内容", "创建时间"], ["title", "content", "created"]])
def test_notes_in_cells(read, header):
    [record] = read({"2025-01-01 导出.csv": table([header, ["店面", NOTE, "2023-08-02 21:00"]])})
    same(record)
    assert record.date == "2023-08-02 21:00"


@pytest.mark.parametrize("text", ["text", "content", "textContent", "body"])
def test_notes_in_json_strings(read, text):
    [record] = read({"n.json": json.dumps({"title": "店面", text: f"# 小满 店面\n\n{NOTE}", "created": "2023-08-02"})})
    same(record)
    assert record.date == "2023-08-02"


@pytest.mark.parametrize("header", [["序", "便签", "更新于"], ["Date", "Note", "Tag"]])
def test_notes_under_unknown_columns(read, header):
    [record] = read({"n.csv": table([header, ["1", NOTE, "x"]])})
    same(record)


def test_notes_under_unknown_keys(read):
    notes = [
        {"noteTitle": "店面", "noteBody": NOTE, "createdTime": 1690984800},
        {"noteTitle": "买菜", "noteBody": "白菜"},
    ]
    [record] = read({"n.json": json.dumps({"notebook": {"notes": notes}})})
    same(record)
    assert (record.date, record.source.locator) == (1690984800, "note 1")


def test_notes_in_html_of_cells(read):
    lines = "".join(f"<div>{line or '<br>'}</div>" for line in NOTE.split("\n"))
    [record] = read({"n.csv": table([["标题", "内容", "创建时间"], ["店面", lines, "2023-08-02"]])})
    same(record)


def test_dates_in_notes_precede_those_around(read):
    [record] = read(
        {"n.csv": table([["标题", "内容", "创建时间"], ["店面", f"日期：2023-07-30\n{NOTE}", "2023-08-02"]])}
    )
    assert record.date == "2023-07-30"


def test_two_notes_in_a_cell_are_two(read):
    other = NOTE.replace("小满", "阿蔓").replace("接下店面", "搬回老家")
    records = read(
        {"n.csv": table([["标题", "内容", "创建时间"], ["两则", f"{NOTE}\n\n---\n\n{other}", "2023-08-02"]])}
    )
    assert [(r.person, r.question, r.date) for r in records] == [
        ("小满", "要不要接下店面", "2023-08-02"),
        ("阿蔓", "要不要搬回老家", "2023-08-02"),
    ]
    assert [r.source.locator for r in records] == ["row 2", "row 2 part 2"]


def test_titles_ask_if_notes_do_not(read):
    text = NOTE.replace("问题：要不要接下店面\n", "")
    [record] = read({"n.csv": table([["标题", "内容", "创建时间"], ["店面转让", text, "2023-08-02"]])})
    assert (record.person, record.question) == ("小满", "店面转让")


def test_labels_in_texts_of_records_with_cards_stay(read):
    rows = [["客户", "问题", "牌", "解读"], ["小满", "店面", "权杖二正位、星币四逆位", f"问题：其实是钱\n{BODY}"]]
    [record] = read({"n.csv": table(rows)})
    assert record.content.startswith("问题：其实是钱")
