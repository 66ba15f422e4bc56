"""Written times of messages to moments in China."""

import re
from datetime import datetime

from tarot_data import lexicon
from tarot_data.lexicon.chat_formats import clock_words
from tarot_data.lexicon.dates import CHINA, parse_date
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold, widths

_UNITS = {9: (1, 978_307_200), 10: (1, 0), 13: (1e3, 0), 16: (1e6, 0), 18: (1e9, 978_307_200), 19: (1e9, 0)}
"""Digits of a number that is a time: units in a second, and seconds from 1970 to its first day (Apple's is in 2001)."""
_UNIX = re.compile(r"(\d{9,19})(?:\.\d+)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_ZONE = re.compile(r"[,，]?\s*(?:at\s+)?(?:(?:UTC|GMT)?[+-]\d{2}:?\d{2}|UTC|GMT|Z)?$")
_YEAR_LAST = re.compile(
    r"(?:[A-Za-z]{3},? )?([A-Za-z]{3} +\d{1,2}) (\d{1,2}:\d{2}:\d{2}) (?:[+-]\d{4} |[A-Z]{3,4} )?(\d{4})"
)
"""`Fri Jan 05 20:58:02 +0800 2024`, as Weibo and Twitter write it."""


def has_clock(text: str) -> bool:
    return _CLOCK.search(text) is not None


def moment_of(value: object) -> datetime | None:
    """Parse a message's time in China: a number (see _UNITS), ISO 8601, or written out; None for anything else.

    A time with an offset of its own is the sender's local time; UTC is converted.
    """
    text = widths(plain(value)).strip()
    if number := _UNIX.fullmatch(text):
        unit, epoch = _UNITS.get(len(number[1]), (0, 0))
        seconds = unit and float(text) / unit + epoch
        return datetime.fromtimestamp(int(seconds), CHINA).replace(tzinfo=None) if 0 < seconds < 2**32 else None
    if around := _YEAR_LAST.fullmatch(text):
        text = f"{around[1]}, {around[3]} {around[2]}"
    if text[10:11] == "T":
        return _iso(text)
    clock = _CLOCK.search(text)
    if clock is None:
        return None
    folded = fold(text)
    start = min([clock.start(), *(at for word in _clock_words() if (at := folded.rfind(word, 0, clock.start())) > 0)])
    day = _day(text[:start].strip(" ,，")) or _day(_ZONE.sub("", text[clock.end() :]).strip(" ,，"))
    return moment(day, text[start : clock.end() + 6]) if day else None


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is not None and not found.utcoffset():
        found = found.astimezone(CHINA)
    return found.replace(tzinfo=None)


@lexicon.cached
def _clock_words() -> tuple[str, ...]:
    return tuple(word for kind in ("am", "pm", "hours") for word in clock_words(kind) if not word.isascii())


@lexicon.cached(maxsize=4096)
def _day(text: str) -> list[int] | None:
    """Return year, month and day of a written day with a year; None if it has none or their order is ambiguous."""
    if dotted := _DOTTED.fullmatch(text):  # only where the day is first
        return [int(dotted[3]), int(dotted[2]), int(dotted[1])]
    day = parse_date(text.removesuffix(" at")).day if len(text) > 5 else None
    return [day.year, day.month, day.day] if day else None


def numbers_of(day: str) -> list[int]:
    """Return the numbers of a written day, the year first if it has one: 2024-01-05, 01-05, Jan 5, 2024, 05-Mar-24."""
    if day.isascii() and any(map(str.isalpha, day)):
        parsed = parse_date(day).day
        return [parsed.year, parsed.month, parsed.day] if parsed else []
    return [int(part) for part in re.findall(r"\d+", day)]


def moment(day: list[int], clock: str) -> datetime | None:
    """Combine year, month, day and a clock time as a moment in China; None if either is missing or impossible."""
    found = _CLOCK.search(clock)
    if len(day) != 3 or found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    words = fold(clock)
    if hour < 12 and any(word in words for word in clock_words("pm")):
        hour += 12
    elif hour == 12 and any(word in words for word in clock_words("am")):
        hour = 0
    try:
        return datetime(*day, hour, minute, second)
    except ValueError:
        return None
