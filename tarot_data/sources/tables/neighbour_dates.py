"""Years for dates without one (`1月6日`), taken from the dates of the rows above or below."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from tarot_data.lexicon.dates import parse_date
from tarot_data.sources.records import RawRecord, Rejected

WAITING_ROWS = 500
"""Rows that wait for a whole date below them to take the year from."""

_ANY_MONTH = "2024年1月"


def dated_by_neighbours(records: Iterator[RawRecord | Rejected]) -> Iterator[RawRecord | Rejected]:
    """Give each record whose date has no year the year of the nearest whole date above it, or else below it."""
    last: date | None = None
    waiting: list[RawRecord | Rejected] = []
    for record in records:
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
