from datetime import date, datetime, timedelta, timezone

import pytest

from tarot_data import lexicon
from tarot_data.lexicon.dates import Day, parse_date

FIFTH = date(2024, 1, 5)


@pytest.mark.parametrize(
    "written",
    [
        "2024-01-05",
        "2024/1/5",
        "2024.1.5",
        "2024．1．5晚",
        "２０２４年１月５日",
        "20240105",
        "240105",
        "2024年1月5日",
        "2024年1月5号(周五)",
        "2024年1月5号（周三）",
        "24年1月5日",
        "二〇二四年一月五日",
        "二零二四年一月五号",
        "January 5, 2024",
        "Jan 5, 2024 9:03 PM",
        "Jan. 5th, 2024",
        "5 January 2024",
        "@January 5, 2024",
        "Jan 5, 2024 → Jan 7, 2024",
        "2024/1/5 → 2024/1/7",
        "2024-01-05 ~ 2024-01-07",
        "2024年1月5日至1月7日",
        "民國113年1月5日",
        "民国113.1.5",
        "113/01/05",
        "1130105",
        "45296",
        "45296.877",
        45296,
        45296.877,
        "1704459791",
        "1704459791000",
        1704459791,
        1704459791000,
        2460315.0,
        "2024-01-05T20:15:00+08:00",
        "2024-01-05T10:00:00Z",
        "2024-01-05 20:15:00",
        "2024-01-05 00:00:00",
        datetime(2024, 1, 5, 23, 30),
        datetime(2024, 1, 5, 16, 30, tzinfo=timezone(timedelta(hours=9))),
        FIFTH,
    ],
)
def test_the_fifth_of_january(written):
    assert parse_date(written).day == FIFTH
    assert not parse_date(written).inferred


@pytest.mark.parametrize(
    "written",
    [
        "2024-02-30",
        "2023-02-29",
        "0000-00-00",
        "待定",
        "########",
        "1月",
        "1月5日",
        "1/5",
        "5号",
        "昨天 21:03",
        "星期五 下午9:03",
        "@Today",
        "上周",
        "农历冬月廿四",
        "癸卯年十一月廿四",
        "腊月初八",
        "闰二月十一",
        "01/05/2024",
        "05-01-2024",
        "13800138000",
        "",
        "   ",
        None,
        True,
        -1,
        0,
        float("nan"),
        float("inf"),
        "9" * 5000,
        "-",
    ],
)
def test_texts_that_are_no_date(written):
    assert parse_date(written).day is None


def test_of_two_orders_only_the_possible_one_counts():
    assert parse_date("05/13/2024").day == date(2024, 5, 13)
    assert parse_date("13-05-2024").day == date(2024, 5, 13)
    assert parse_date("05/05/2024").day == date(2024, 5, 5)


def test_a_foreign_time_becomes_its_day_in_china():
    assert parse_date("2024-01-05T16:30:00Z").day == date(2024, 1, 6)
    assert parse_date(1704475800).day == date(2024, 1, 6)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("1月5日", "2024解读.xlsx"),
        ("1月5日 周五", "解读/2024年/a.csv"),
        ("1/5", "2024-02"),
        ("1-5", "2024.csv"),
        ("5号", "a.xlsx 2024年1月"),
        ("5日", "2024-01"),
        ("1月5日", "民國113年.xlsx"),
        ("1月5日", "2023-2024.xlsx 2024-01"),
    ],
)
def test_a_year_from_sheet_or_file_is_flagged(written, hint):
    found = parse_date(written, hint)
    assert (found.day, found.inferred) == (FIFTH, True)


def test_without_a_month_a_day_is_no_date():
    assert parse_date("5号", "2024解读.xlsx").day is None
    assert parse_date("1月5日", "解读.xlsx").day is None


@pytest.mark.parametrize(
    "written",
    [
        "5-Jan-2024",
        "05-Jan-24",
        "2024 Jan 5",
        "24.1.5",
        "24/1/5",
        "2024年一月五日",
        "民国一百一十三年一月五日",
        "民國一一三年1月5日",
        "周五 2024年1月5日（农历冬月廿四）",
    ],
)
def test_rarer_ways_to_write_the_fifth_of_january(written):
    assert parse_date(written).day == date(2024, 1, 5)


@pytest.mark.parametrize(
    "written", ["24/1/15", "13/01/24", "农历2024年1月5日", "2024年农历1月5日", "二〇二四年腊月初八"]
)
def test_ambiguous_and_lunar_dates_are_refused(written):
    assert parse_date(written) == Day(None)


@pytest.mark.parametrize("written", ["一月五日", "五号", "周五 1/5", "Jan 5", "5 January"])
def test_written_days_take_the_year_of_the_sheet(written):
    assert parse_date(written, "2024年1月") == Day(date(2024, 1, 5), inferred=True)


def test_a_reader_may_add_date_words():
    assert parse_date("西元2024年1月5日", "2024") == parse_date("2024年1月5日")
    assert parse_date("拜五 1/5", "2024").day is None
    more = lexicon.active().plus("dates", {"kind": "weekday", "words": "拜||"})
    with lexicon.using(more):
        assert parse_date("拜五 1/5", "2024").day == FIFTH
