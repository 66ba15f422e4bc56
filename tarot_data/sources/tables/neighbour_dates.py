"""Parts that dates lack (the year of `1月6日`, the zero of `3.10` kept as a number), from the rows above or below."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain

from tarot_data.lexicon.dates import parse_date
from tarot_data.sources.records import RawRecord, Rejected

WAITING_ROWS = 500
"""Rows that wait for a whole date below them to take the year from."""

_ANY_MONTH = "2024年1月"
_MONTH_AND_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})")


def dated_by_neighbours(records: Iterator[RawRecord | Rejected]) -> Iterator[RawRecord | Rejected]:
    """Give each record whose date has no year the year of the nearest whole date above it, or else below it."""
    last: date | None = None
    waiting: list[RawRecord | Rejected] = []
    for record in _with_tens(records):
        written = None if isinstance(record, Rejected) else record.date
        found = parse_date(written, record.date_hint if written is not None else None)
        if found.day and not found.inferred:
            last = found.day
            yield from _near_backwards(waiting, last)
            waiting.clear()
        elif found.day is None and written is not None and last:
            record = _near(record, last)
            last = parse_date(record.date, record.date_hint).day or last
        elif waiting or found.day is None and parse_date(written, _ANY_MONTH).day:
            waiting.append(record)
            if len(waiting) > WAITING_ROWS:
                yield from waiting
                waiting.clear()
            continue
        yield record
    yield from waiting


def _near_backwards(records: list[RawRecord | Rejected], day: date) -> list[RawRecord | Rejected]:
    """Date records above a whole date, each by the one below it."""
    dated = []
    for record in reversed(records):
        near = _near(record, day)
        if not isinstance(near, Rejected):
            day = parse_date(near.date, near.date_hint).day or day
        dated.append(near)
    return dated[::-1]


def _near(record: RawRecord | Rejected, day: date) -> RawRecord | Rejected:
    """Add the hint under which a record's date is nearest to a day, if there is one."""
    if isinstance(record, Rejected) or record.date is None or parse_date(record.date, record.date_hint).day:
        return record
    years = [f"{day.year + step}年" for step in (0, -1, 1)]
    months = [f"{month.year}年{month.month}月" for step in (0, -28, 28) if (month := day + timedelta(days=step))]
    for hints in (years, months):
        near = [(abs(found - day), hint) for hint in hints if (found := parse_date(record.date, hint).day)]
        if near:
            return replace(record, date_hint=f"{record.date_hint or ''} {min(near)[1]}".strip())
    return record


def _with_tens(records: Iterator[RawRecord | Rejected]) -> Iterator[RawRecord | Rejected]:
    """Restore the zero that a spreadsheet drops from 3.10, 3.20 or 3.30 if only the day with it fits its neighbours."""
    above: list[tuple[int, int]] = []  # months and days of the last two rows
    held: RawRecord | Rejected | None = None
    for record in chain(records, (None,)):
        if held is not None:
            day = _month_and_day(held)
            if day and day[1] < 4 and _fits_only_tens(day, above, record and _month_and_day(record)):
                day = (day[0], day[1] * 10)
                held = replace(held, date=f"{day[0]}.{day[1]}")
            above = [*above[-1:], day] if day else []
            yield held
        held = record


def _month_and_day(record: RawRecord | Rejected) -> tuple[int, int] | None:
    written = None if isinstance(record, Rejected) else record.date
    match = _MONTH_AND_DAY.fullmatch(written.strip()) if isinstance(written, str) else None
    return (int(match[1]), int(match[2])) if match and match[2][0] != "0" else None


def _fits_only_tens(day: tuple[int, int], above: list[tuple[int, int]], below: tuple[int, int] | None) -> bool:
    """Check whether a day is out of the order of its neighbours, and ten times the day is in it. At the end of a table the
    two rows above have the order."""
    if not above or below is None and len(above) < 2:
        return False
    first, last = (above[-1], below) if below else (above[-2], above[-1])
    tens = (day[0], day[1] * 10)
    if below is None:
        return first < last < tens and not last <= day
    return (
        first != last
        and min(first, last) <= tens <= max(first, last)
        and not min(first, last) <= day <= max(first, last)
    )
