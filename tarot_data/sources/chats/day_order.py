"""Order of day and month in the days of a chat (`5/3/24`), which its program wrote by the settings of a phone."""

import re
from dataclasses import dataclass

from tarot_data.sources.chats.message_time import numbers_of

_SHORT = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4}|\d{2})")


@dataclass(frozen=True)
class DayOrder:
    """month_first: whether the month is before the day; None if nothing in the chat says so."""

    month_first: bool | None

    @classmethod
    def of(cls, written: list[tuple[str, str]]) -> "DayOrder":
        """Find the order of a chat's days. written: (day, clock time) of its messages in the order of the file.

        A number above 12 is a day; messages go forward in time; days change more often than months. Else a full stop, pm
        in small letters, or a year of four digits on a clock of 24 hours means that the day is first, and PM with a year
        of two digits that the month is, as in the United States.
        """
        found = [(match, clock) for day, clock in written if (match := _SHORT.fullmatch(day))]
        if not found:
            return cls(None)
        pairs = [(int(match[1]), int(match[3]), int(match[4])) for match, _ in found]
        for place, month_first in ((0, False), (1, True)):
            if any(pair[place] > 12 for pair in pairs):
                return cls(month_first)
        backwards = [
            _backwards([(year, a, b) for a, b, year in pairs]),
            _backwards([(year, b, a) for a, b, year in pairs]),
        ]
        if backwards[0] != backwards[1]:
            return cls(backwards[0] < backwards[1])
        first, second = (len({pair[place] for pair in pairs}) for place in (0, 1))
        if abs(first - second) > 1:
            return cls(second > first)
        match, clock = found[0]
        half = clock[-2:]
        if match[2] == "." or half in ("am", "pm") or len(match[4]) == 4 and not half.isalpha():
            return cls(False)
        return cls(True if half in ("AM", "PM") and len(match[4]) == 2 else None)

    def is_open(self, day: str) -> bool:
        """Check whether a written day may be two days."""
        match = _SHORT.fullmatch(day) if self.month_first is None else None
        return match is not None and match[1] != match[3]

    def numbers_of(self, day: str) -> list[int]:
        """Return year, month and day, or month and day, of a written day; the day is first if the order is open."""
        match = _SHORT.fullmatch(day)
        if match is None:
            return numbers_of(day)
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        month, day_of_month = (first, second) if self.month_first else (second, first)
        return [year if year > 99 else 2000 + year, month, day_of_month]


def _backwards(days: list[tuple[int, int, int]]) -> int:
    return sum(one > two for one, two in zip(days, days[1:], strict=False))
