"""Days as people write them, to ISO days in China time. Impossible or ambiguous: no day, and the original stays."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from tarot_data.text.numerals import DIGITS, NUMERALS, to_int

CHINA = timezone(timedelta(hours=8))

_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}

_ISO_TIME = re.compile(
    r"^(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})$"
)
_YMD = re.compile(r"(?<!\d)((?:19|20)\d{2})\s?[-/.年_]\s?(\d{1,2})\s?[-/.月_]\s?(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d{2})(\d{2})(\d{2})(?!\d)")
_SHORT = re.compile(r"^(\d{2})(\d{2})(\d{2})$")
_TWO_DIGITS = re.compile(r"(?<!\d)(\d{2})年\s?(\d{1,2})月\s?(\d{1,2})(?!\d)")
_MINGUO = re.compile(r"(?:民国|民國|ROC)\s?(\d{1,3}|元)\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})", re.IGNORECASE)
_MINGUO_BARE = re.compile(r"^(1\d{2})\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})(?!\d)")
_MINGUO_COMPACT = re.compile(r"^(1\d{2})(\d{2})(\d{2})$")
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+((?:19|20)\d{2})(?!\d)", re.IGNORECASE)
_DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?(?:\s+|-)([a-z]{3,9})\.?,?(?:\s+|-)((?:19|20)\d{2}|\d{2}$)(?!\d)", re.IGNORECASE
)
_YEAR_FIRST = re.compile(r"(?<!\d)((?:19|20)\d{2})[\s,-]+([a-z]{3,9})\.?[\s-]+(\d{1,2})(?!\d)", re.IGNORECASE)
_MONTH_NAMED = re.compile(r"^(?:([a-z]{3,9})\.?\s+(\d{1,2})|(\d{1,2})\s+([a-z]{3,9}))(?!\d)", re.IGNORECASE)
_SHORT_YEAR = re.compile(r"^'?(\d{2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{1,2})(?!\d)")
_NUMBERS = re.compile(r"^(\d{1,2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?((?:19|20)\d{2})(?!\d)")
_MONTH_DAY = re.compile(r"(?<!\d)(\d{1,2})\s?月\s?(\d{1,2})\s?[日号號]?(?!\d)")
_SLASHED = re.compile(r"^(\d{1,2})[-/.](\d{1,2})(?:\s+\d{1,2}:\d{2}.*)?$")
_DAY = re.compile(r"^(\d{1,2})\s?[日号號](?!\d)")
_NUMBER = re.compile(r"^\d+(?:\.\d+)?$")
_LUNAR = re.compile(
    rf"农历|農曆|农曆|農历|阴历|陰曆|陰历|旧历|初[{NUMERALS}]|廿|腊月|臘月|冬月|正月|闰|閏|[甲乙丙丁戊己庚辛壬癸][子丑寅卯辰巳午未申酉戌亥]年"
)
_LUNAR_BEFORE = re.compile(r"(?:[农農阴陰旧舊][历曆])\s?(?:\d{4}年)?\s?\d{1,2}月|\d{4}年\s?[农農阴陰旧舊][历曆]")
"""A calendar that is named before the numbers: `农历2024年1月5日`; behind them, in brackets, it says the same day again."""
_RANGE = re.compile(r"\s*(?:→|->|—+|–|~|～|至|到)\s*(?=\D*\d)")
_CHINESE_NUMBER = re.compile(
    rf"(?<=[国國])\s?(?P<era>[{NUMERALS}百零〇]{{1,6}})(?=年)|(?P<year>[〇零○{DIGITS}]{{2,4}})(?=年)"
    rf"|(?<!初)(?P<day>[{NUMERALS}廿]{{1,3}})(?=[月日号號])"
)
_WEEKDAY = re.compile(r"^(?:周|週|星期|礼拜|禮拜)[一二三四五六日天]\s*")

_HINT_YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)")
_HINT_MONTH = re.compile(r"(?<!\d)(?:(?:19|20)\d{2})\s?[-/.年_]\s?(0?[1-9]|1[0-2])(?!\d)|(?<!\d)(0?[1-9]|1[0-2])月")


@dataclass(frozen=True)
class Day:
    """day: the day meant, or None. inferred: its year (or month) came from the hint, not from the value."""

    day: date | None
    inferred: bool = False


NONE = Day(None)


def parse_date(value: object, hint: str | None = None) -> Day:
    """The day a date field means. hint: sheet, folder and file name, which may hold the year.

    Numbers are Unix seconds or milliseconds, Excel serials (30000 to 60000, counted from 1900), Julian days, or
    digits of a day. Words that need a reference (昨天, @Today), lunar days and day/month order that could be either
    give no day.
    """
    if value is None or isinstance(value, bool):
        return NONE
    if isinstance(value, datetime):
        return Day((value.astimezone(CHINA) if value.tzinfo else value).date())
    if isinstance(value, date):
        return Day(value)
    if isinstance(value, int | float):
        return _of_number(float(value)) if abs(value) < 1e15 else NONE
    text = str(value)
    if hint and len(hint) > 200:
        hint = hint[:100] + hint[-100:]
    return _parsed(text[:80], hint or None) if len(text) < 4000 else NONE


@lru_cache(maxsize=16384)
def _parsed(text: str, hint: str | None) -> Day:
    text = _ascii_digits(text).strip().lstrip("@＠").strip()
    if not text or text.startswith("#"):
        return NONE
    if match := _ISO_TIME.match(text):
        return _of_moment(match)
    if not text.isascii():
        text = _CHINESE_NUMBER.sub(_in_digits, _WEEKDAY.sub("", text))
        if _LUNAR_BEFORE.search(text):
            return NONE
    if _NUMBER.match(text):
        digits = _of_digits(text)
        return digits if digits.day else _of_number(float(text))
    first = _RANGE.split(text, maxsplit=1)[0] if _RANGE.search(text) else text
    for part in (first, text):
        if match := _MINGUO.search(part):
            year = 1 if match[1] == "元" else int(match[1])
            return _day(year + 1911, match[2], match[3])
        if match := _YMD.search(part):
            return _day(*match.groups())
        if _LUNAR.search(part):
            return NONE
        if match := _MONTH_FIRST.search(part):
            return _of_month(match[3], match[1], match[2])
        if match := _DAY_FIRST.search(part):
            return _of_month(match[3] if len(match[3]) == 4 else f"20{match[3]}", match[2], match[1])
        if match := _YEAR_FIRST.search(part):
            return _of_month(match[1], match[2], match[3])
        if match := _TWO_DIGITS.search(part):
            return _day(2000 + int(match[1]), match[2], match[3])
        if match := _COMPACT.search(part):
            return _day(*match.groups())
        if match := _MINGUO_BARE.match(part):
            return _day(int(match[1]) + 1911, match[2], match[3])
        if match := _NUMBERS.match(part):
            return _of_order(int(match[1]), int(match[2]), int(match[3]))
        if match := _SHORT_YEAR.match(part):
            return _of_short_year(match)
    return _inferred(first, hint)


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    table = {0xFF10 + digit: str(digit) for digit in range(10)}
    return text.translate({**table, 0xFF0E: ".", 0xFF0F: "/", 0xFF0D: "-", 0x3000: " ", 0x2013: "-", 0xFF1A: ":"})


def _day(year: object, month: object, day: object, inferred: bool = False) -> Day:
    try:
        return Day(date(int(year), int(month), int(day)), inferred)
    except (ValueError, OverflowError):
        return NONE


def _of_moment(match: re.Match) -> Day:
    year, month, day, hour, minute, second, zone = match.groups()
    if zone == "Z":
        offset = timedelta(0)
    else:
        sign = -1 if zone[0] == "-" else 1
        offset = sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=timezone(offset)
        )
        return Day(moment.astimezone(CHINA).date())
    except (ValueError, OverflowError):
        return NONE


def _of_digits(text: str) -> Day:
    """20240105, 1130105 (Minguo) and, in a date field, 240105."""
    if len(text) == 8 and (match := _COMPACT.match(text)):
        return _day(*match.groups())
    if match := _MINGUO_COMPACT.match(text):
        return _day(int(match[1]) + 1911, match[2], match[3])
    if (match := _SHORT.match(text)) and 10 <= int(match[1]) <= 40:
        return _day(2000 + int(match[1]), match[2], match[3])
    return NONE


def _of_number(number: float) -> Day:
    if 30_000 <= number < 60_000:
        return Day((datetime(1899, 12, 30) + timedelta(days=number)).date())
    if 2_430_000 <= number < 2_480_000:
        return Day((datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=number - 2_451_545)).astimezone(CHINA).date())
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if 631_152_000 <= number / unit < 4_102_444_800:  # 1990 to 2099
            return Day(datetime.fromtimestamp(number / unit, CHINA).date())
    whole = str(int(number))
    return _of_digits(whole) if number == int(number) else NONE


def _of_month(year: str, name: str, day: str) -> Day:
    month = _MONTHS.get(name[:3].lower())
    return _day(year, month, day) if month else NONE


def _of_order(first: int, second: int, year: int) -> Day:
    """05/13/2024 can only be one day; 01/05/2024 could be two, unless both are the same."""
    if first > 12 >= second:
        return _day(year, second, first)
    if second > 12 >= first or first == second:
        return _day(year, first, second)
    return NONE


def _of_short_year(match: re.Match) -> Day:
    """24.1.5 and 24/1/5: a year, a month and a day, unless the last part could be the year (24/1/15)."""
    first, last = int(match[1]), int(match[4])
    if not 10 <= first <= 40 or match[2] != "." and 10 <= last <= 40:
        return NONE
    return _day(2000 + first, match[3], last)


def _in_digits(match: re.Match) -> str:
    """A Chinese number before 年, 月, 日 in digits: 二〇二四, 一百一十三, 廿五."""
    number = to_int(match["era"] or match["year"] or match["day"])
    return "0" if number is None else str(number).zfill(len(match["year"] or ""))


def _inferred(text: str, hint: str | None) -> Day:
    """A day without its year, with the year of the hint; without a hint, no day."""
    if not hint or _LUNAR.search(text):
        return NONE
    hint = _ascii_digits(hint)
    years = set(_HINT_YEAR.findall(hint))
    year = next(iter(years)) if len(years) == 1 else (_HINT_YEAR.findall(hint) or [None])[-1]
    if minguo := re.search(r"(?:民国|民國)\s?(\d{2,3})年?", hint):
        year = int(minguo[1]) + 1911
    if year is None:
        return NONE
    match = _MONTH_DAY.search(text) or _SLASHED.match(text)
    if match:
        return _day(year, match[1], match[2], inferred=True)
    if match := _MONTH_NAMED.match(text):
        named = _of_month(year, match[1] or match[4], match[2] or match[3])
        return Day(named.day, inferred=named.day is not None)
    if match := _DAY.match(text):
        months = _HINT_MONTH.findall(hint)
        month = next((a or b for a, b in reversed(months)), None)
        return _day(year, month, match[1], inferred=True) if month else NONE
    return NONE
