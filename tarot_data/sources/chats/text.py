"""Chats as text, by the formats of chats.csv, and tables of messages in CSV."""

import io
import os
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tarot_data.cards.spreads import position_names
from tarot_data.lexicon.chat_formats import CLOCKED, Format, formats, match_line
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.chats.message_table import header_of, moment, numbers_of, read_table
from tarot_data.sources.chats.sittings import FORM, YEARS, Message, to_records
from tarot_data.sources.encoding import text_of
from tarot_data.sources.labels import known_fields, labels_in
from tarot_data.sources.records import Blob, RawRecord, Rejected
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables import delimited
from tarot_data.text.normalise import fold, widths

_INTRO_LINES, _MARKED_LINES = 5, 200
"""First lines of a file in which an intro, or a line with a day, marks it as a chat."""


@dataclass(frozen=True)
class _Head:
    """The head of a message. line: index of its first line; body: index of the first line after it."""

    line: int
    body: int
    name: str
    time: datetime | None
    text: str
    mine: bool | None


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    if header_of(_first_rows(sample.text)):
        return True
    return format_of(sample.text.split("\n")[:400]) is not None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    if header_of(_first_rows(text)):
        rows = delimited.numbered_rows(io.StringIO(text, newline=""), _separator(text), blob, FORM)
        yield from read_table(rows, blob)
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = format_of(lines[:4000]) or formats("head")[0]
    yield from to_records(list(messages_of(lines, found)), blob)


def _first_rows(text: str) -> list[list[str]]:
    separator = _separator(text)
    return [line.rstrip("\r").split(separator) for line in text.lstrip("\ufeff").split("\n")[:8]]


def _separator(text: str) -> str:
    return "\t" if "\t" in text[:400] else ","


def format_of(lines: list[str]) -> Format | None:
    """Return the format that most heads in the first lines of a file have; None if the file is not a chat."""
    clocked = _clocked(lines)
    marked = any(_day(line) for line in lines[:_MARKED_LINES]) or any(map(_is_intro, lines[:_INTRO_LINES]))
    scored = [(_score(row, lines, clocked, marked), row) for row in formats("head")]
    score, best = max(scored, key=lambda pair: pair[0])
    return best if score > NO_CHAT else None


NO_CHAT = (0, 0)


def _score(row: Format, lines: list[str], clocked: list[int], marked: bool) -> tuple[int, int]:
    """Score how well a format fits: strength of the evidence, then number of heads; NO_CHAT if it does not fit.

    3: three heads or more, of two senders or at three times, one sender twice. 2: clock times in a file that is
    marked as a chat. 1: a file of two messages that starts with a head.
    """
    if not _is_possible(row, lines, clocked, marked):
        return NO_CHAT
    found = [head for head in _found(row, lines, clocked) if row.has_clock or not is_label(head[1]["name"])]
    names = Counter(parts["name"] for _, parts in found)
    times = {parts.get("clock") for _, parts in found}
    if len(found) > 2 and (len(names) > 1 or len(times) > 2) and max(names.values()) > 1:
        return 3, len(found)
    if found and marked and row.has_clock and not row.has_day:
        return 2, len(found)
    return (1, 2) if row.needs == "pair" and len(found) == len(names) == 2 and found[0][0] == 0 else NO_CHAT


def _is_possible(row: Format, lines: list[str], clocked: list[int], marked: bool) -> bool:
    """Check whether a file meets the requirements of a format, before its heads are counted."""
    if row.has_clock:
        return bool(clocked)
    return marked if row.needs == "mark" else row.needs != "turns" or _takes_turns(row, lines)


def _takes_turns(row: Format, lines: list[str]) -> bool:
    """Check whether names alone on their lines are those of two people, from the first line on, and no labels."""
    solid = [line.strip() for line in lines[:_MARKED_LINES] if line.strip()]
    if not solid or row.match(solid, 0) is None:
        return False
    names = [parts["name"] for _, parts in _found(row, solid, [])]
    return len(names) > 2 and len(set(names)) == 2 and not any(map(field_of, names))


def _clocked(lines: list[str]) -> list[int]:
    return [number for number, line in enumerate(lines) if CLOCKED.search(line)]


def _found(row: Format, lines: list[str], clocked: list[int]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, parts) of every head of a format. clocked: indices of the lines with a clock time."""
    named = "name" in row.parts
    numbers: Iterable[int] = range(len(lines))
    if row.has_clock and named:
        numbers = sorted({number - above for number in clocked for above in range(len(row.lines)) if number >= above})
    sender: dict[str, str] = {"name": ""}
    for number in numbers:
        if not named and (above := match_line("name", lines[number])):
            sender = above
        elif (parts := row.match(lines, number)) is not None:
            yield number, {**sender, **parts}


def _day(line: str) -> dict[str, str] | None:
    return match_line("day", line) if "20" in line or "19" in line else None


def _is_intro(line: str) -> bool:
    return match_line("intro", line) is not None


def messages_of(lines: list[str], row: Format) -> Iterator[Message]:
    """Yield the messages of a chat's lines in a format."""
    days = [(number, numbers_of(parts["day"])) for number, line in enumerate(lines) if (parts := _day(line))]
    heads = _without_stray(list(_heads(lines, row, days)), row)
    above = {number for number, _ in days}
    if "name" not in row.parts:
        above |= {number for number, line in enumerate(lines) if match_line("name", line)}
    ends = [*(head.line for head in heads[1:]), len(lines)]
    for head, end in zip(heads, ends, strict=False):
        body = [lines[number] for number in range(head.body, end) if number not in above]
        text = "\n".join([head.text, *body] if head.text else body).strip("\n ")
        # Such a program joins consecutive messages of one person; labels after prose were the start of a new message.
        cut = _labels_behind(text) if not row.has_clock and head.time else 0
        for part in (text[:cut].rstrip(), text[cut:]) if cut else (text,):
            yield Message(head.name, part, head.time, f"line {head.line + 1}", head.mine)


def _labels_behind(text: str) -> int:
    """Find the index in the first line, after a space, at which labels of a reading start.

    Returns 0 if the text starts with labels or has none.
    """
    line = text.split("\n", 1)[0]
    if labels_in(line):
        return 0
    gaps = [index + 1 for index, character in enumerate(line) if character == " "]
    return next((gap for gap in gaps if _OF_A_HEAD & known_fields(_label_at(line[gap:]))), 0)


_OF_A_HEAD = {"person", "question", "spread", "cards"}


def _label_at(line: str) -> list[str]:
    """Return the label at the start of a line, in a list; empty if there is none with a mark behind it."""
    end = next((index for index, character in enumerate(line[:15]) if character in ":：】"), 0)
    if not end or len(line[:end].split()) != 1 or line[0].isspace() or line[end - 1].isspace():
        return []
    return [label for label, start, end in labels_in(line)[:1] if line[start:end].rstrip().endswith((":", "：", "】"))]


def _heads(lines: list[str], row: Format, days: list[tuple[int, list[int]]]) -> Iterator[_Head]:
    """Yield every head with its time. If the chat has no years, a time earlier than the one before it is in the next
    year."""
    clocked = _clocked(lines)
    longer = _longer_names(lines, row, clocked) if row.text_after_name else {}
    intros = {number for number, line in enumerate(lines[:_INTRO_LINES]) if _is_intro(line)}
    year, last = 4, None
    for number, parts in _found(row, lines, clocked):
        before = bisect(days, (number + 1,)) - 1
        if number in intros or before >= 0 and days[before][0] == number:
            continue
        day = days[before][1] if before >= 0 else None
        time = _time(parts, day, year)
        if time and time.year < YEARS and last and (last - time).days > 1:
            year += 1
            time = _time(parts, None, year)
        last = time
        name, text = parts["name"], parts.get("text", "")
        if name in longer:
            name, text = longer[name], row.from_name(lines[number])[len(longer[name]) + 1 :].strip()
        yield _Head(number, number + len(row.lines), name, time, text, row.is_reader(parts) or None)


def _time(parts: dict[str, str], day: list[int] | None, year: int) -> datetime | None:
    """Return the time of a head. day: of the last day line; year: used if neither head nor day line has one."""
    numbers = numbers_of(parts.get("day", "")) or day or []
    if len(numbers) == 2:
        numbers = [day[0] if day else year, *numbers]
    return moment(numbers, parts.get("clock") or "0:00")


def _without_stray(heads: list[_Head], row: Format) -> list[_Head]:
    """Drop lines of a body that only look like a head: their name occurs nowhere else, or time runs backwards."""
    heads = [head for head in heads if head.name and (row.has_clock or not is_label(head.name))]
    names = Counter(head.name for head in heads)
    kept: list[_Head] = []
    for number, head in enumerate(heads):
        before = kept[-1].time if kept else None
        if head.time and before and head.time < before:
            continue
        alone = names[head.name] == 1 and len(names) > 2
        if not alone or row.has_clock and _fits_between(before, head, heads[number + 1 :]):
            kept.append(head)
    return kept


def _longer_names(lines: list[str], row: Format, clocked: list[int]) -> dict[str, str]:
    """Find names with a colon inside, by their part before it: the same text follows that part in each of its heads."""
    rests: dict[str, list[str]] = {}
    for number, parts in _found(row, lines, clocked):
        rests.setdefault(parts["name"], []).append(row.from_name(lines[number])[len(parts["name"]) :])
    longer = {}
    for name, found in rests.items():
        shared = found[0][: len(os.path.commonprefix(found))]
        end = max(widths(shared).rfind(":", 1), 0)
        if len(found) > 2 and end and not is_label(shared[1:end].strip()):
            longer[name] = name + shared[:end]
    return longer


def is_label(name: str) -> bool:
    """Check whether a name before a colon is the label of a field or a position, as in the body of a message."""
    return field_of(name) is not None or fold(name).strip(" -*#·") in position_names()


def _fits_between(before: datetime | None, head: _Head, after: list[_Head]) -> bool:
    """Check whether a head is between its neighbours' times, and within a day of the one before."""
    if head.time is None or before is None:
        return before is None and head.time is not None
    following = next((other.time for other in after if other.time), None)
    return head.time - before < timedelta(days=1) and (following is None or head.time <= following)
