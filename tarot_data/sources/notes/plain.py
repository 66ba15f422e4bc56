"""Labelled notes in .txt and .md, one or several readings a file, to raw records."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tarot_data.cards import content_cards
from tarot_data.sources.encoding import text_of
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labelled_lines import Head, read_head
from tarot_data.sources.labels import known_fields
from tarot_data.sources.lines import DAY, ORNAMENTS, WHITESPACE, Kind, Line
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes import markup, outline
from tarot_data.sources.notes.embedded_tables import table_lines
from tarot_data.sources.notes.front_matter import FORM, day_in_name, front_matter, record_of_note
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, Source, source_of
from tarot_data.sources.sniff import Sample
from tarot_data.text.numerals import NUMERALS, to_int

_DAY_AFTER_NAME = re.compile(rf"^[^\s\d]{{1,12}}[\s·|｜,，_-]+({DAY})$")
"""A heading of a name and a day: `阿宁 2024-01-05`."""
_NUMBER = re.compile(rf"[0-9]{{1,4}}|[{NUMERALS}]{{1,3}}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")
_INVISIBLE = "\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad"

SNIFFED_LINES = 400
LINES_ABOVE = 8
"""Lines above a reading's labels among which its separator, date and title are."""
NEAR_LINES = 3
"""Lines above which the heading or count of a reading is, blank lines included."""
LONGEST_TITLE = 40
LONGEST_COUNT = 20
"""Characters of a line that counts the readings."""
LONGEST_OUTCOME = 400
"""Characters of a note about the outcome below a reading."""


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    if front_matter(sample.text) is not None:
        return True
    lines = markup.lines_of("\n".join(sample.text.split("\n", SNIFFED_LINES)[:SNIFFED_LINES]))
    if any(line.labels and len(read_head(lines, index).names) >= 2 for index, line in enumerate(lines)):
        return True
    return bool(content_cards.named_cards(sample.text[:20_000])) and _CHINESE.search(sample.text) is not None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for character in _INVISIBLE:
        text = text.replace(character, "")
    matter = front_matter(text)
    if matter is None:
        yield from read_lines(markup.lines_of(text), blob, FORM)
        return
    fields, body, above = matter
    lines = markup.lines_of(body)
    for line in lines:
        line.number += above
    if not any(name == "cards" for name, _ in fields) and find_readings(lines):
        # A daily note: its front matter applies to all readings in it.
        yield from read_lines(lines, blob, FORM, common=fields)
    else:
        yield record_of_note(blob, fields, "\n".join(line.text for line in lines))


def read_lines(
    lines: list[Line], blob: Blob, form: str, locator: str = "line {}", common: Fields | None = None
) -> Iterator[RawRecord | Rejected]:
    """Split the lines of a whole note, which may be an outline or have tables; see `split`."""
    tree = outline.outline_of(lines)
    if tree and tree.properties:
        common = {**(common or {}), **read_head(tree.properties, 0).fields}
    for part in outline.readings_in(tree.bullets, _text_below) if tree else [lines]:
        yield from split(_without_tables(part), blob, form, locator, common)


def _text_below(lines: list[Line]) -> int:
    """Count the characters below the first labelled block that begins a reading; 0 if none does."""
    first = next(iter(find_readings(lines)), None)
    return len(first.head.inline) + sum(len(line.stripped) for line in lines[first.head.body :]) if first else 0


def split(
    lines: list[Line], blob: Blob, form: str, locator: str = "line {}", common: Fields | None = None
) -> Iterator[RawRecord | Rejected]:
    """Split labelled lines into readings, in order; lines without any label are one record.

    common: fields of every reading that does not have them itself.
    """
    readings = find_readings(lines)
    day = day_in_name(blob.name)
    if not readings:
        yield _unlabelled(lines, blob, source_of(blob, locator.format(lines[0].number if lines else 1), form), common)
        return
    common = common or _client_of_all(lines, readings)
    separators = {lines[r.begin].stripped for r in readings[1:] if lines[r.begin].kind == Kind.SEPARATOR}
    places: Counter[str] = Counter()
    for reading, end in zip(readings, [*(r.begin for r in readings[1:]), len(lines)], strict=True):
        above = _read_above(lines[reading.top : reading.start])
        day = above.day or day
        fields = {**common, **reading.head.fields}
        body = _without_end(lines[reading.head.body : end], separators)
        if ("outcome", 1) not in fields:
            body, outcome = _split_outcome(body)
            fields.update({("outcome", 1): [("反馈", outcome)]} if outcome else {})
        if day and ("date", 1) not in fields:
            fields[("date", 1)] = [("日期", day)]
        place = locator.format(lines[reading.start].number)
        places[place] += 1  # one paragraph or table row may become several readings
        place = f"{place} part {places[place]}" if places[place] > 1 else place
        texts = [*filter(None, [reading.head.inline]), *(line.text for line in body)]
        title = above.title or (above.name if ("question", 1) in reading.head.fields else None)
        yield to_record(
            fields, source_of(blob, place, form), content="\n".join(texts).strip(), title=title, date_hint=blob.hint
        )


def _unlabelled(lines: list[Line], blob: Blob, source: Source, common: Fields | None) -> RawRecord:
    body = "\n".join(line.text for line in lines).strip()
    heading = Line(body).title if Line(body).level == 1 and "\n" not in body else None
    day = day_in_name(blob.name)
    fields = {**(common or {}), **({("date", 1): [("日期", day)]} if day else {})}
    return to_record(fields, source, content=body, title=heading, date_hint=blob.hint)


# Beginnings of readings


class Lead(NamedTuple):
    """The lines above a labelled block, as far as they belong to it.

    begin: the first of them, the block itself if there is none. title: the last of them that is no separator or date.
    separated: the first is a separator or a date line. nearest: the last line above that is not blank, within
    NEAR_LINES; level, count: of the heading and of the number at its start.
    """

    begin: int
    title: str | None
    separated: bool
    nearest: int | None
    level: int
    count: int


@dataclass
class Reading:
    """A labelled block that begins a reading. begin: the reading's first line; top: likewise, without its count."""

    start: int
    head: Head
    lead: Lead
    begin: int
    top: int


def find_readings(lines: list[Line]) -> list[Reading]:
    """Find the labelled blocks that begin readings; labels inside a body (`问题：`) begin none."""
    found: list[Reading] = []
    words: set[str] = set()
    index = 0
    while index < len(lines):
        if not lines[index].labels:
            index += 1
            continue
        lead = _lead_above(lines, index)
        head = read_head(lines, index, title=lead.title)
        word = lines[index].labels[0].name.strip()
        if _begins_reading(head, lead, word in words, found):
            found.append(Reading(index, head, lead, lead.begin, lead.begin))
            words.add(word)
            index = max(head.body, index + 1)
        else:
            index += 1
    _add_counts(found, lines)
    return found


def _begins_reading(head: Head, lead: Lead, again: bool, found: list[Reading]) -> bool:
    """Check whether a block begins a reading. again: its first label began an earlier one.

    The first is the first block that asks or draws. A later one is under a separator or a date, or begins with the same
    label and names a person, or is under a heading of the same level or under the next number.
    """
    names = head.names
    if not names & {"person", "question", "cards"} or not (len(names) >= 2 or (head.inline and not found)):
        return False
    if not found:
        return True
    # Anonymous clients still ask and draw; a follow-up (`追问：`, no field) is part of the same sitting.
    asks_and_draws = {"question", "cards"} <= names
    if lead.separated:
        return "person" in names or again or asks_and_draws
    like_the_first = lead.level == found[0].lead.level != 0
    return again and ("person" in names or asks_and_draws and (like_the_first or lead.count == len(found) + 1))


def _lead_above(lines: list[Line], start: int) -> Lead:
    begin = _begin_above(lines, start)
    titles = [line.title for line in lines[begin:start] if line.kind not in _NO_TITLE]
    nearest = next((i for i in range(start - 1, max(-1, start - NEAR_LINES - 1), -1) if lines[i].stripped), None)
    first, last = lines[begin], lines[nearest] if nearest is not None else Line("")
    separated = begin < start and not first.level and first.kind in (Kind.SEPARATOR, Kind.DATE)
    return Lead(begin, titles[-1] if titles else None, separated, nearest, last.level, last.count)


def _begin_above(lines: list[Line], start: int) -> int:
    """Find the separator, date or title above a block: a title is a heading, or a short line below a separator.

    Without a separator a short line is the end of the body above, or the title at the top of a file.
    """
    begin, texts = start, 0
    floor = max(0, start - LINES_ABOVE)
    for index in range(start - 1, floor - 1, -1):
        line = lines[index]
        if line.kind == Kind.SEPARATOR:
            return index
        if line.kind == Kind.DATE or line.level:
            # Between a date and the labels there may be a name, as a title below a separator.
            if texts == 0 or not line.level and begin == start:
                begin = index
        elif line.kind != Kind.BLANK:
            texts += 1
            if texts > 1 or len(line.stripped) > LONGEST_TITLE or line.ends_sentence or "…" in line.text:
                return begin
    return 0 if floor == 0 and texts == 1 else begin


_NO_TITLE = (Kind.BLANK, Kind.SEPARATOR, Kind.DATE)


def _add_counts(readings: list[Reading], lines: list[Line]) -> None:
    """Let each reading begin at the line above that counts the readings (`【2】`, `案例三`, `2️⃣ 阿宁`), if all have one."""
    counters = _counter_lines(readings, lines)
    for reading in readings:
        if reading.begin in counters:
            reading.begin = counters[reading.begin]
            reading.top = reading.begin + 1
    if all(reading.lead.count == number for number, reading in enumerate(readings, 1)):
        for reading in readings:
            if reading.lead.nearest < reading.begin:
                reading.begin = reading.top = reading.lead.nearest


def _counter_lines(readings: list[Reading], lines: list[Line]) -> dict[int, int]:
    """Map beginnings of readings to the counter lines above them: above all but perhaps the first, alike, counting by
    one."""
    above: dict[int, int] = {}
    for begin in (reading.begin for reading in readings):
        index = next((i for i in range(begin - 1, max(-1, begin - NEAR_LINES - 1), -1) if lines[i].stripped), None)
        if index is not None and len(lines[index].stripped) <= LONGEST_COUNT and _NUMBER.search(lines[index].text):
            above[begin] = index
    texts = [lines[index].stripped for index in above.values()]
    matches = [_NUMBER.search(text) for text in texts]
    shapes = {text[: m.start()] + "0" + text[m.end() :] for text, m in zip(texts, matches, strict=True)}
    counts = [to_int(match[0]) or 0 for match in matches]
    follows = all(later == former + 1 for former, later in zip(counts, counts[1:], strict=False))
    return above if len(above) > 1 and len(above) >= len(readings) - 1 and len(shapes) == 1 and follows else {}


def _client_of_all(lines: list[Line], readings: list[Reading]) -> Fields:
    """Return the person at the top of a file of several readings if no reading names one."""
    top = readings[0].start
    if not top or any("person" in reading.head.names for reading in readings):
        return {}
    first = next((index for index in range(min(LINES_ABOVE, top)) if lines[index].stripped), 0)
    client = read_head(lines, first) if lines[first].labels else Head()
    return client.fields if client.names == {"person"} else {}


# Parts of a reading


class Above(NamedTuple):
    """Fields from the lines above the labels. name: the text of a date line without its date."""

    title: str | None = None
    day: str | None = None
    name: str = ""


def _read_above(lines: list[Line]) -> Above:
    above = Above()
    for line in lines:
        if line.kind == Kind.DATE:
            day = line.text.strip(ORNAMENTS)
            above = above._replace(day=day, name=day.lstrip("0123456789-/.年月日号" + WHITESPACE))
        elif line.kind not in _NO_TITLE:
            dated = _DAY_AFTER_NAME.search(line.title)
            above = above._replace(title=line.title, day=dated[1] if dated else above.day)
    return above


def _without_end(lines: list[Line], separators: set[str]) -> list[Line]:
    """Return the lines of a body without blank lines and separators at its end."""
    end = len(lines)
    while end and (not lines[end - 1].stripped or lines[end - 1].stripped in separators):
        end -= 1
    return lines[:end]


def _split_outcome(lines: list[Line]) -> tuple[list[Line], str]:
    """Split a body before the label of the outcome near its end (`反馈：…`); the outcome is empty if there is none."""
    for index in range(len(lines) - 1, max(0, len(lines) - LINES_ABOVE), -1):
        line = lines[index]
        label = line.labels[0] if line.labels else None
        if not label or label.key[0] != "outcome":
            continue
        marked = line.stripped[0] == "#" or line.text[: label.end].rstrip().endswith((":", "：", "】", "]"))
        if label.name in noise_words("outcome or plan") or not marked or not any(above.text for above in lines[:index]):
            break
        outcome = "\n".join([line.text[label.end :], *(below.text for below in lines[index + 1 :])]).strip()
        return (lines[:index], outcome) if 0 < len(outcome) <= LONGEST_OUTCOME else (lines, "")
    return lines, ""


# Tables


def _without_tables(lines: list[Line]) -> list[Line]:
    """Convert the Markdown tables at the top of a reading to labelled lines with the line number of the table."""
    found: list[Line] = []
    index = 0
    while index < len(lines):
        rows, end = _table_at(lines, index)
        if rows and _heads_reading(rows, [line for line in found[-LINES_ABOVE:] if line.stripped]):
            found += (Line(text, lines[index].number) for text in table_lines(rows))
        else:
            end = index + 1
            found.append(lines[index])
        index = end
    return found


def _table_at(lines: list[Line], index: int) -> tuple[list[list[str]], int]:
    """Return the rows of the Markdown table that begins at a line, without the rule below its header, and the index
    after it."""
    if not _is_row(lines[index]) or index + 1 == len(lines) or not _is_rule(lines[index + 1]):
        return [], index
    end = next((below for below in range(index, len(lines)) if not _is_row(lines[below])), len(lines))
    rows = [[cell.strip(" *") for cell in line.stripped.strip("|").split("|")] for line in lines[index:end]]
    return [rows[0], *rows[2:]], end


def _is_row(line: Line) -> bool:
    return line.stripped[:1] == "|"


def _is_rule(line: Line) -> bool:
    return _is_row(line) and "--" in line.stripped and not "".join(line.stripped.split()).strip("|:-")


def _heads_reading(rows: list[list[str]], above: list[Line]) -> bool:
    """Check whether a table is the head of a reading: labels and their values, or the cards that the labels above it
    lack."""
    labelled = known_fields([row[0] for row in rows if len(row) == 2])
    if {"person", "question", "cards"} & labelled and len(labelled) > 1:
        return True
    named = {label.key[0] for line in above[-6:] for label in line.labels}
    return "cards" in known_fields(rows[0]) and bool(above and above[-1].labels) and "cards" not in named
