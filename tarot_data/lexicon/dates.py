"""Dates as people write them, converted to days in China time. An impossible or ambiguous date gives no day.

A text is split into tokens (numbers, month names, the words of dates.csv, marks), each written as one letter of a
shape: `2024年1月5日` is `4Y1M1D`. The forms of a date are patterns over shapes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.text.normalise import widths
from tarot_data.text.numerals import NUMERALS, to_int

CHINA = timezone(timedelta(hours=8))

_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}

LETTERS = {
    "year": "Y",
    "month": "M",
    "day": "D",
    "era": "E",
    "first": "F",
    "range": "R",
    "calendar": "K",
    "lunar": "L",
    "weekday": "W",
}
"""Kind of a word to its letter in a shape. Further letters: 1, 2, 3 for a number of so many digits (3: from 100 to
199), 4 for a year from 1900 to 2099, 8 for a day of 8 digits, 0 for any other number; n for a Chinese numeral that is
not a number of a date; w for a word of 3 to 9 Latin letters, o for an ordinal suffix; b and B for one space and several;
x for anything else. A mark is its own letter."""

_MARKS = "-/._,':"
_NUMBER_LETTERS = "012348"


@dataclass(frozen=True)
class Day:
    """day: the day meant, or None. inferred: its year (or month) is from the hint, not from the value."""

    day: date | None
    inferred: bool = False


NONE = Day(None)


def parse_date(value: object, hint: str | None = None) -> Day:
    """Return the day that a date field means. hint: sheet, folder and file name, which may have the year.

    Numbers are Unix seconds (or milli-, micro-, nanoseconds), Excel serials (30000 to 60000, counted from 1900),
    Julian days, or digits of a day. Words that need a reference (昨天, @Today), lunar days and an ambiguous order of day and month
    give no day.
    """
    if value is None or isinstance(value, bool):
        return NONE
    if isinstance(value, datetime):
        return Day((value.astimezone(CHINA) if value.tzinfo else value).date())
    if isinstance(value, date):
        return Day(value)
    if isinstance(value, int | float):
        return _of_number(float(value)) if abs(value) < 1e19 else NONE
    text = str(value)
    if hint and len(hint) > 200:
        hint = hint[:100] + hint[-100:]
    return _parsed(text[:80], hint or None) if len(text) < 4000 else NONE


@lexicon.cached(maxsize=16384)
def _parsed(text: str, hint: str | None) -> Day:
    text = _half_width(text).strip().lstrip("@").strip()
    if text.startswith("#") or text.isascii() and not any(map(str.isdecimal, text)):
        return NONE
    # Most dates are ISO dates, which need no tokens.
    match = _ISO.match(text)
    if match and match[7]:
        return _of_moment(*match.groups())
    if match and _number_letter(match[1]) == "4":
        return _day(*match.groups()[:3])
    tokens = _tokens(text)
    shape = "".join([letter for letter, _ in tokens])
    if _LUNAR_NUMBERS.search(shape):
        return NONE
    if _is_number(shape):
        number = "".join([part for _, part in tokens])
        found = _of_digits(number)
        found = found if found.day else _of_number(float(number))
        return found if found.day else _without_year(shape, tokens, hint)  # 3.9 in a sheet 2023年
    first = _before_range(shape)
    for part in (first, shape):
        for pattern, day_of in _FORMS:
            if match := pattern.search(part):
                return day_of(**_values(match, tokens))
    return _without_year(first, tokens, hint)


def _half_width(text: str) -> str:
    return text if text.isascii() else widths(text).replace("\u2013", "-")


Token = tuple[str, str]
"""Letter and text."""


class Lexer(NamedTuple):
    """pattern: one token, with a group a kind. letters: word to its letter in a shape."""

    pattern: re.Pattern
    letters: dict[str, str]


@lexicon.cached
def _lexer() -> Lexer:
    words = {kind: lexicon.words("dates", kind) for kind in LETTERS}
    stems, branches, names = (lexicon.words("dates", kind) for kind in ("stem", "branch", "weekday name"))
    words["weekday"] = [day + name for day in words["weekday"] for name in names]
    cycle = f"[{''.join(stems)}][{''.join(branches)}](?={'|'.join(words['year'])})"
    letters = {word: LETTERS[kind] for kind, group in words.items() for word in group}
    known = "|".join(map(re.escape, sorted(letters, key=len, reverse=True)))
    starts = "".join(re.escape(word[0]) for word in [*letters, *stems])
    numerals = f"〇零○{NUMERALS}百廿"
    pattern = re.compile(
        rf"(?P<number>\d+)|(?P<space>\s+)|(?P<other>[^\d\sA-Za-z{re.escape(_MARKS)}{numerals}{starts}]+)"
        rf"|(?P<numeral>[{numerals}]+)|(?P<latin>[A-Za-z]+)|(?P<cycle>{cycle})|(?P<word>{known})|(?P<mark>.)",
        re.DOTALL,
    )
    return Lexer(pattern, letters)


def _tokens(text: str) -> list[Token]:
    """Split a text into tokens, without a weekday at its beginning."""
    pattern, letters = _lexer()
    tokens: list[Token] = []
    for match in pattern.finditer(text):
        kind, part = match.lastgroup, match[0]
        if kind == "number":
            tokens.append((_number_letter(part), part))
        elif kind == "space":
            tokens.append(("b" if len(part) == 1 else "B", part))
        elif kind == "mark":
            tokens.append((part if part in _MARKS else "x", part))
        elif kind == "latin":
            lower = part.lower()
            other = "w" if 3 <= len(part) <= 9 else "o" if lower in _ORDINALS else "x"
            tokens.append((letters.get(lower, other), lower))
        elif kind == "numeral":
            after = letters.get(text[match.end() : match.end() + 1], "")
            _add_numeral(tokens, part, after, "L" if any(letters.get(each) == "L" for each in part) else "n")
        else:
            letter = letters.get(part, "L" if kind == "cycle" else "x")
            tokens.append((letter, "1" if letter == "F" else part))
    if tokens and tokens[0][0] == "W":
        del tokens[: 2 if tokens[1:] and tokens[1][0] in "bB" else 1]
    return tokens


_ORDINALS = ("st", "nd", "rd", "th")


def _number_letter(digits: str) -> str:
    size = len(digits)
    if size <= 2:
        return "1" if size == 1 else "2"
    if size == 3:
        return "3" if digits[0] == "1" else "0"
    return str(size) if size in (4, 8) and digits[:2] in ("19", "20") else "0"


def _add_numeral(tokens: list[Token], text: str, after: str, letter: str) -> None:
    """Add a Chinese numeral: as a number of a date, or with its own letter. after: the letter of the next character."""
    digits = _digits_of(text, after, is_of_era=[each for each, _ in tokens[-2:] if each != "b"][-1:] == ["E"])
    if digits is None:
        tokens.append((letter, text))
        return
    if tokens and tokens[-1][0] in _NUMBER_LETTERS:
        digits = tokens.pop()[1] + digits
    tokens.append((_number_letter(digits), digits))


def _digits_of(text: str, after: str, is_of_era: bool) -> str | None:
    """Convert a numeral before 年, 月, 日: 二〇二四, 一百一十三 (of an era), 廿五; None for any other."""
    number = to_int(text)
    if number is None:
        return None
    values = list(map(to_int, text))
    if after == "Y" and is_of_era:
        return str(number)
    if after == "Y" and 2 <= len(text) <= 4 and max(values) < 10:
        return str(number).zfill(len(text))
    is_day = after in ("M", "D") and len(text) <= 3 and max(values) < 100 and all(values)
    return str(number) if is_day else None


def _is_number(shape: str) -> bool:
    """Check for digits, perhaps with a decimal point."""
    parts = shape.split(".")
    return len(parts) <= 2 and all(len(part) == 1 and part in _NUMBER_LETTERS for part in parts)


def _before_range(shape: str) -> str:
    """Return the first of two dates (`1月5日至1月7日`), or the whole shape."""
    first, mark, rest = shape.partition("R")
    return first.rstrip("bB") if mark and any(letter in rest for letter in _NUMBER_LETTERS) else shape


def _values(match: re.Match, tokens: list[Token]) -> dict[str, str]:
    """Return the token texts of a pattern's groups."""
    return {name: tokens[match.start(name)][1] for name, letter in match.groupdict().items() if letter}


def _day(y: object, m: str, d: str, inferred: bool = False) -> Day:
    """Return a day. y: a year, or its last two digits. m: a number, or the name of a month."""
    month = m if m.isdecimal() else _MONTHS.get(m[:3], 0)
    try:
        return Day(date(int(y) + (2000 if len(str(y)) == 2 else 0), int(month), int(d)), inferred)
    except (ValueError, OverflowError):
        return NONE


def _of_republic(y: str, m: str, d: str) -> Day:
    """Return a day of the Minguo calendar, whose year 1 is 1912."""
    return _day(int(y) + 1911, m, d)


def _of_compact(digits: str) -> Day:
    return _day(digits[:4], digits[4:6], digits[6:])


def _of_order(y: str, m: str, d: str) -> Day:
    """Return the day of 05/13/2024, which can only be one; none for 01/05/2024, which can be two, unless both numbers
    are equal."""
    first, second = int(m), int(d)
    if first > 12 >= second:
        return _day(y, d, m)
    return _day(y, m, d) if second > 12 >= first or first == second else NONE


def _of_short_year(y: str, m: str, d: str, mark: str) -> Day:
    """Return the day of 24.1.5 or 24/1/5: a year, a month and a day, unless the last number can be the year (24/1/15)."""
    if not 10 <= int(y) <= 40 or mark != "." and 10 <= int(d) <= 40:
        return NONE
    return _day(y, m, d)


def _shape(form: str) -> re.Pattern:
    """Compile a form. A space allows one space, `~` needs some; {y}, {m}, {d} are numbers, {name} is a month's name."""
    groups = {"y": "(?P<y>4)", "m": "(?P<m>[12])", "d": "(?P<d>[12])", "name": "(?P<m>w)"}
    return re.compile(form.format(**groups).replace(" ", "b?").replace("~", "[bB]"))


_FORMS: list[tuple[re.Pattern, Callable[..., Day]]] = [
    (_shape(r"E (?P<y>[123F]) [-/.Y] {m} [-/.M] {d}"), _of_republic),  # 民国113年1月5日
    (_shape(r"{y} [-/._Y] {m} [-/._M] {d}"), _day),  # 2024年1月5日, 2024-01-05
    (_shape(r"[LK]"), lambda: NONE),  # 腊月初八, 农历
    (_shape(r"{name}\.?~{d}o?,?~{y}"), _day),  # Jan 5th, 2024
    (_shape(r"{d}o?(?:~|-){name}\.?,?(?:~|-)(?P<y>4|2$)"), _day),  # 5 January 2024, 5-Jan-24
    (_shape(r"{y}[bB,-]+{name}\.?[bB-]+{d}"), _day),  # 2024 Jan 5
    (_shape(r"(?P<y>2)Y {m}M {d}"), _day),  # 24年1月5日
    (_shape(r"(?P<digits>8)"), _of_compact),  # 20240105
    (_shape(r"^(?P<y>3) [-/.Y] {m} [-/.M] {d}"), _of_republic),  # 113/1/5
    (_shape(r"^{m} [-/.] {d} [-/.] {y}"), _of_order),  # 1/13/2024
    (_shape(r"^'?(?P<y>2) (?P<mark>[-/.]) {m} (?P=mark) {d}"), _of_short_year),  # 24.1.5
]
"""Forms of a date with its year, tried in order. A day that does not exist ends the search."""

_FORMS_WITHOUT_YEAR = (
    _shape(r"{m} M {d}"),  # 1月5日
    _shape(r"^{m}[-/.]{d}(?:~[12]:2.*)?$"),  # 1/5, 1-5 21:03
    _shape(r"^{name}\.?~{d}"),  # Jan 5
    _shape(r"^{d}~{name}"),  # 5 January
    _shape(r"^{d} D(?![012348])"),  # 5号
)
_LUNAR_NUMBERS = _shape(r"K (?:[04]Y)? [12]M|[04]Y K")
"""A calendar named before its numbers (农历2024年1月5日). After them, in brackets, it repeats the day."""

_REPUBLIC_OF_HINT = _shape(r"E (?P<y>[23])")
_MONTH_OF_HINT = _shape(r"4 [-/._Y] {m}|(?P<n>[12])M")


def _without_year(shape: str, tokens: list[Token], hint: str | None) -> Day:
    """Return a day without its year, with the year of the hint; without a hint, no day."""
    year, month = _of_hint(hint) if hint else (None, None)
    if year is None:
        return NONE
    for pattern in _FORMS_WITHOUT_YEAR:
        if match := pattern.search(shape):
            values = {"m": month, **_values(match, tokens)}
            return _day(year, **values, inferred=True) if values["m"] else NONE
    return NONE


_YEAR_BEFORE_NUMERAL = re.compile(rf"(?:19|20)[0-9]{{2}}(?=[{NUMERALS}])")
"""The year in `2024三月`, which would be one number."""


@lexicon.cached(maxsize=1024)
def _of_hint(hint: str) -> tuple[int | None, str | None]:
    """Return the last year and the last month in the name of a file or sheet."""
    tokens = _tokens(_YEAR_BEFORE_NUMERAL.sub(r"\g<0> ", _half_width(hint)))
    shape = "".join([letter for letter, _ in tokens])
    years = [int(part) for letter, part in tokens if letter == "4"]
    if match := _REPUBLIC_OF_HINT.search(shape):
        years = [int(_values(match, tokens)["y"]) + 1911]
    months = [month for match in _MONTH_OF_HINT.finditer(shape) for month in _values(match, tokens).values()]
    months = [month for month in months if 1 <= int(month) <= 12]
    return (years or [None])[-1], (months or [None])[-1]


def _of_moment(year: str, month: str, day: str, hour: str, minute: str, second: str | None, zone: str) -> Day:
    offset = timedelta(0)
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    numbers = (int(part or 0) for part in (year, month, day, hour, minute, second))
    try:
        return Day(datetime(*numbers, tzinfo=timezone(offset)).astimezone(CHINA).date())
    except (ValueError, OverflowError):
        return NONE


def _of_digits(digits: str) -> Day:
    """Read 20240105, also before hours, minutes, seconds and milliseconds, 1130105 (Minguo) and 240105."""
    if len(digits) in (8, 12, 14, 17) and digits[:2] in ("19", "20"):
        return _of_compact(digits[:8])
    if len(digits) == 7 and digits[0] == "1":
        return _of_republic(digits[:3], digits[3:5], digits[5:])
    if len(digits) == 6 and digits.isdecimal() and 10 <= int(digits[:2]) <= 40:
        return _day(digits[:2], digits[2:4], digits[4:])
    return NONE


def _of_number(number: float) -> Day:
    if 30_000 <= number < 60_000:
        return Day((datetime(1899, 12, 30) + timedelta(days=number)).date())
    if 2_430_000 <= number < 2_480_000:
        return Day((datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=number - 2_451_545)).astimezone(CHINA).date())
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if 631_152_000 <= number / unit < 4_102_444_800:  # 1990 to 2099
            return Day(datetime.fromtimestamp(number / unit, CHINA).date())
    return _of_digits(str(int(number))) if number == int(number) else NONE


_ISO = re.compile(
    r"^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$"
)
