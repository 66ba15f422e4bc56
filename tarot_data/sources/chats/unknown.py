"""Chats in a form that no row of chats.csv reads: lines with a time and the same few names."""

import re
from collections import Counter

from tarot_data.lexicon.chat_formats import CLOCKED, clock_words
from tarot_data.lexicon.field_names import field_of
from tarot_data.text.normalise import fold, widths

_DAY = r"(?:(?:19|20)?\d{2}[-/.年])?\d{1,2}[-/.月]\d{1,2}[日号]?(?:[-/.](?:20)?\d{2})?"
_STAMP = r"(?<!\d)(?:20\d{6}[ T_-]?\d{4,6}|1[5-9]\d{8}(?:\d{3})?)(?!\d)"
"""A moment in digits (`20240305 200010`), or in seconds or milliseconds since 1970."""

_CLOCKED = re.compile(rf"{CLOCKED.pattern}|{_STAMP}")
_TIME = re.compile(rf"{_STAMP}|(?P<day>{_DAY})|\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?")
_BREAK = re.compile(r"[\s:|<>\[\]()【】{}#,，、;/\\\-—~=@*·\"']+")
_LONGEST_NAME = 20
_FEWEST, _SHARE, _DENSITY = 4, 0.8, 6
"""Messages of a chat, share of the times that names of two messages or more must have, lines to a message."""


def unread_head(lines: list[str]) -> str | None:
    """Return the first line with a time if lines look like the messages of a chat; None if they do not.

    They do if nearly all times are with names that recur, of at least two people who take turns, mostly on one day.
    """
    clocked = [number for number, line in enumerate(lines) if _CLOCKED.search(line)]
    solid = sum(bool(line.strip()) for line in lines)
    if len(clocked) < _FEWEST or len(clocked) * _DENSITY < solid:
        return None
    heads = [_name_and_day(lines, number) for number in clocked]
    names = Counter(name for name, _ in heads if name)
    people = {name for name, count in names.items() if count > 1}
    if len(people) < 2 or sum(names[name] for name in people) < _SHARE * len(heads) or any(map(field_of, people)):
        return None
    pairs = list(zip(heads, heads[1:], strict=False))
    turns = sum(one[0] != two[0] for one, two in pairs)
    same_day = sum(one[1] == two[1] for one, two in pairs)
    return lines[clocked[0]] if turns > 1 and same_day * 2 >= len(pairs) else None


def _name_and_day(lines: list[str], number: int) -> tuple[str, str]:
    """Return the first word of a line that is not its time, or the line above or below a time alone; and the day."""
    line = widths(lines[number])
    days = [match["day"] for match in _TIME.finditer(line) if match["day"]]
    words = [fold(word) for word in _BREAK.split(_TIME.sub(" ", line)) if word]
    skipped = (*clock_words("pm"), *clock_words("am"), *clock_words("hours"), *clock_words("weekday"))
    words = [word for word in words if word not in skipped and not word.isdecimal()]
    if not words:
        near = [lines[at].strip() for at in (number - 1, number + 1) if 0 <= at < len(lines)]
        words = [fold(text) for text in near if 0 < len(text) <= _LONGEST_NAME][:1]
    name = words[0] if words else ""
    return (name if len(name) <= _LONGEST_NAME else ""), (days[0] if days else "")
