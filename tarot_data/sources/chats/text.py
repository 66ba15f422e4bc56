"""Chats as text, by the formats of chats.csv, and tables of messages in CSV."""

import io
import os
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath

from tarot_data.lexicon.chat_formats import CLOCKED, MARKS, Format, clock_words, formats, match_line
from tarot_data.sources.chats.day_order import DayOrder
from tarot_data.sources.chats.format_choice import (
    INTRO_LINES,
    LONGEST_INTRO,
    Intros,
    clocked_lines,
    format_of,
    found_heads,
    intros_of,
    is_label,
)
from tarot_data.sources.chats.message import Message
from tarot_data.sources.chats.message_table import header_of, read_table
from tarot_data.sources.chats.message_text import own_text
from tarot_data.sources.chats.message_time import moment
from tarot_data.sources.chats.sittings import FORM, YEARS, is_list, records_of
from tarot_data.sources.chats.unknown import unread_head
from tarot_data.sources.encoding import text_of, with_newlines
from tarot_data.sources.labels import is_title, known_fields, labels_in
from tarot_data.sources.records import Blob, RawRecord, Rejected, masked_name, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables import delimited
from tarot_data.text.normalise import widths

_LEFT_TO_RIGHT = "\u200e"
"""WhatsApp on iOS writes this mark before every text of its own: pictures, calls, members who join."""

_LONGEST_NAME = 30
"""Characters of a file's name that may be the client's name."""


@dataclass(frozen=True)
class _Head:
    """The head of a message. line: index of its first line; body: index of the first line after it; day: as written, if
    it may be two; has_account: an account is behind the name, as in no line of a text."""

    line: int
    body: int
    name: str
    time: datetime | None
    text: str
    mine: bool | None
    day: str | None = None
    has_account: bool = False


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    if header_of(_first_rows(sample.text)):
        return True
    lines = _lines(sample.text)[:400]
    return format_of(lines, sample.blob.name) is not None or _unread(lines) is not None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    if header_of(_first_rows(text)):
        rows = delimited.numbered_rows(io.StringIO(text, newline=""), _separator(text), blob, FORM)
        yield from read_table(rows, blob)
        return
    yield from read_lines(_lines(text), blob)


def read_lines(lines: list[str], blob: Blob) -> Iterator[RawRecord | Rejected]:
    """Read the chats of a file's lines, one after another. Raises SourceError if none of them has a reading."""
    intros = intros_of(lines, blob.name)
    found = format_of(lines[:400], blob.name) or format_of(lines[:4000], blob.name)
    if found is None:
        raise unreadable("chat_unknown", line=masked_name((_unread(lines[:400]) or "").strip()[:80]))
    chats = _chats(lines, found, intros, blob)
    parted = (list(messages_of(lines[start:end], found, intros, start, client)) for client, start, end in chats)
    yield from records_of(parted, blob)


def _unread(lines: list[str]) -> str | None:
    """Return the first line that shows that a file is a chat in an unknown form; None if it is no chat."""
    first = next((line for line in lines if line.strip()), "")
    return first if 1 < len(first) <= LONGEST_INTRO and match_line("intro", first) is not None else unread_head(lines)


def _chats(lines: list[str], row: Format, intros: Intros, blob: Blob) -> Iterator[tuple[str | None, int, int]]:
    """Yield (client, first line, end) of each chat in a file. The client is named by an intro or the file, if at all."""
    client = intros.clients.get(row.program)
    if client is None and formats("unnamed", row.program):
        stem = PurePath(blob.name).stem
        client = stem if is_title(stem) and len(stem) <= _LONGEST_NAME else None
    starts: list[tuple[str | None, int]] = []
    if formats("chat", row.program):
        found = ((match_line("chat", line, row.program), number) for number, line in enumerate(lines))
        starts = [(parts.get("name"), number) for parts, number in found if parts is not None]
    starts = starts if len(starts) > 1 else [(client, 0)]
    ends = [*(start for _, start in starts[1:]), len(lines)]
    for (name, start), end in zip(starts, ends, strict=True):
        yield name, start, end


def _lines(text: str) -> list[str]:
    """Split a text into lines without marks of direction, except one before a program's own text."""
    text = with_newlines(text)
    if not any(chr(mark) in text for mark in MARKS):
        return text.split("\n")
    parts = text.split(f": {_LEFT_TO_RIGHT}")
    return f": {_LEFT_TO_RIGHT}".join(part.translate(MARKS) for part in parts).split("\n")


def _first_rows(text: str) -> list[list[str]]:
    separator = _separator(text)
    return [line.rstrip("\r").split(separator) for line in text.lstrip("\ufeff").split("\n")[:8]]


def _separator(text: str) -> str:
    return "\t" if "\t" in text[:400] else ","


def _day(line: str, program: str) -> dict[str, str] | None:
    if "20" not in line and "19" not in line:
        return None
    return match_line("day", line, program) or match_line("own day", line, program)


def _is_intro(line: str, program: str) -> bool:
    return len(line) <= LONGEST_INTRO and match_line("intro", line, program) is not None


def messages_of(
    lines: list[str], row: Format, intros: Intros, offset: int = 0, client: str | None = None
) -> Iterator[Message]:
    """Yield the messages of a chat's lines in a format, in the order of their times.

    offset: of the lines in their file. client: who is meant by a sender without a name.
    """
    days = [(number, parts["day"]) for number, line in enumerate(lines) if (parts := _day(line, row.program))]
    heads = _without_stray(list(_heads(lines, row, days, client)), row, intros)
    above = {number for number, _ in days}
    if "name" not in row.parts:
        above |= {number for number, line in enumerate(lines) if match_line("name", line, row.program)}
    ends = [*(head.line for head in heads[1:]), len(lines)]
    bodies = [
        (head, _body([lines[number] for number in range(head.body, end) if number not in above], head.text, row))
        for head, end in zip(heads, ends, strict=False)
    ]
    unnamed = clock_words("unnamed") if formats("unnamed", row.program) else ()
    for head, text in reversed(bodies) if _is_latest_first(heads) else bodies:
        # Such a program joins consecutive messages of one person; labels after prose were the start of a new message.
        parts = _parts_of_run(text, row) if head.time or formats("part", row.program) else [text]
        name = client or "" if head.name in unnamed else head.name
        for part in parts:
            yield Message(name, own_text(part), head.time, f"line {offset + head.line + 1}", head.mine, head.day)


def _is_latest_first(heads: list[_Head]) -> bool:
    times = [head.time for head in heads if head.time]
    later = sum(one > two for one, two in zip(times, times[1:], strict=False))
    earlier = sum(one < two for one, two in zip(times, times[1:], strict=False))
    return later > earlier


def _body(lines: list[str], first: str, row: Format) -> str:
    """Return what the sender wrote: without lines of the program, quoted messages and files, and without the quotation
    marks that a program puts around several lines."""
    if first.startswith(_LEFT_TO_RIGHT):
        return ""
    kept, keeps = [], True
    for line in (first, *lines) if first else lines:
        if CLOCKED.search(line) and line is not first and match_line("notice", line, row.program) is not None:
            keeps = False
        elif match_line("keep", line, row.program) is not None:
            keeps = True
        elif match_line("drop", line, row.program) is not None:
            keeps = False
        elif keeps and match_line("skip", line, row.program) is None:
            kept.append(line)
    text = "\n".join(kept).replace(_LEFT_TO_RIGHT, "").strip("\n ")
    if "quoted" in row.parts and "\n" in text and text[0] == text[-1] == '"':
        text = text[1:-1].replace('""', '"')
    return text


def _parts_of_run(text: str, row: Format) -> list[str]:
    """Split the joined messages of one person: before labels behind prose; in a program that has lines of kind part,
    also at these, and between prose and lists of cards."""
    if not row.has_clock and (cut := _labels_behind(text)):
        return [text[:cut].rstrip(), text[cut:]]
    if "\n" not in text or not formats("part", row.program):
        return [text]
    parts: list[str] = []
    before = None
    for line in text.split("\n"):
        found = match_line("part", line, row.program)
        if found and "clock" in found:
            before = None
            continue
        is_structured = bool(labels_in(line)) or is_list(line)
        if before == is_structured and found is None:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
        before = is_structured
    return parts


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


def _heads(lines: list[str], row: Format, days: list[tuple[int, str]], client: str | None) -> Iterator[_Head]:
    """Yield every head with its time. If the chat has no years, a time earlier than the one before it is in the next
    year. client: whose name, with spaces, an intro gives."""
    intros = {number for number, line in enumerate(lines[:INTRO_LINES]) if _is_intro(line, row.program)}
    found = list(found_heads(row, lines, clocked_lines(lines)))
    longer = _longer_names(lines, row, found) if row.text_after_name else {}
    order = DayOrder.of(
        [(parts.get("day", ""), parts.get("clock", "")) for _, parts in found] + [(day, "") for _, day in days]
    )
    year, last = 4, None
    for number, parts in found:
        above = bisect(days, number, key=lambda pair: pair[0]) - 1
        if number in intros or above >= 0 and days[above][0] == number:
            continue
        day = days[above][1] if above >= 0 else ""
        written = parts.get("day", "") or day
        time = _time(parts, order.numbers_of(day) if day else None, year, order)
        if time and time.year < YEARS and last and (last - time).days > 1:
            year += 1
            time = _time(parts, None, year, order)
        last = time
        name, text = _named(parts, lines[number], row, longer, client)
        mine = row.is_reader(parts) or None
        open_day = written if order.is_open(written) else None
        yield _Head(number, number + len(row.texts), name, time, text, mine, open_day, "id" in parts)


def _named(
    parts: dict[str, str], line: str, row: Format, longer: dict[str, str], client: str | None
) -> tuple[str, str]:
    """Return name and text of a head, if the name has the character inside that separates it from the text."""
    name, text = parts["name"], parts.get("text", "")
    is_spaced = row.separator == " " and bool(client)
    rest = row.from_name(line) if longer or is_spaced else ""
    whole = client if is_spaced and rest.startswith(client) else longer.get(name, name)
    if whole != name:
        # `Amy Chen left` is a notice, `Amy Chen hello` a message.
        return whole, rest[len(whole) + 1 :].strip() if rest[len(whole)] == row.separator else ""
    return name, text


def _time(parts: dict[str, str], day: list[int] | None, year: int, order: DayOrder) -> datetime | None:
    """Return the time of a head. day: of the last day line; year: used if neither head nor day line has one."""
    numbers = order.numbers_of(parts.get("day", "")) or day or []
    if len(numbers) == 2:
        numbers = [day[0] if day else year, *numbers]
    return moment(numbers, parts.get("clock") or "0:00")


def _without_stray(heads: list[_Head], row: Format, intros: Intros) -> list[_Head]:
    """Drop lines of a body that only look like a head: their name occurs nowhere else, and time runs backwards or there
    are other senders. In a merged chat without times nobody counts but the two that it names, or everybody."""
    heads = [head for head in heads if head.name and (row.has_clock or not is_label(head.name))]
    if _is_merged(row, intros):
        return [head for head in heads if not intros.people or head.name in intros.people]
    names = Counter(head.name for head in heads)
    kept: list[_Head] = []
    for number, head in enumerate(heads):
        before = kept[-1].time if kept else None
        is_backwards = bool(head.time and before) and head.time < before
        is_alone = names[head.name] == 1 and (len(names) > 2 or is_backwards)
        if not is_alone or head.has_account or row.has_clock and _fits_between(before, head, heads[number + 1 :]):
            kept.append(head)
    return kept


def _is_merged(row: Format, intros: Intros) -> bool:
    return not row.has_clock and "text" in row.parts and row.program in intros.clients


def _longer_names(lines: list[str], row: Format, heads: list[tuple[int, dict[str, str]]]) -> dict[str, str]:
    """Find names that have the character inside which separates a name from the text: the same text follows their first
    part in each of its heads, (line, parts)."""
    rests: dict[str, list[str]] = {}
    for number, parts in heads:
        rests.setdefault(parts["name"], []).append(row.from_name(lines[number])[len(parts["name"]) :])
    longer = {}
    for name, found in rests.items():
        shared = found[0][: len(os.path.commonprefix(found))]
        end = max(widths(shared).rfind(row.separator, 1), 0)
        if len(found) > 2 and end and not is_label(shared[1:end].strip()):
            longer[name] = name + shared[:end]
    return longer


def _fits_between(before: datetime | None, head: _Head, after: list[_Head]) -> bool:
    """Check whether a head is between its neighbours' times, and within a day of the one before."""
    if head.time is None or before is None:
        return before is None and head.time is not None
    following = next((other.time for other in after if other.time), None)
    return timedelta(0) <= head.time - before < timedelta(days=1) and (following is None or head.time <= following)
