"""Labelled notes in .txt and .md, one or several readings a file, to raw records."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards import content_cards
from tarot_data.lexicon.field_names import field_of
from tarot_data.lexicon.word_lists import any_of
from tarot_data.sources.addressee import greeted
from tarot_data.sources.encoding import text_of, with_newlines
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labelled_lines import read_head
from tarot_data.sources.labels import labels_in
from tarot_data.sources.lines import DAY, ORNAMENTS, WHITESPACE, Kind, Line, may_begin_with_day
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes import bare_heads, body_end, markup, other_sections, outline
from tarot_data.sources.notes.beginnings import (
    NO_TITLE,
    Reading,
    client_in_title,
    client_of_all,
    find_readings,
    text_above,
)
from tarot_data.sources.notes.card_lines import has_cards
from tarot_data.sources.notes.client_words import without_client
from tarot_data.sources.notes.days import (
    LONGEST_DAY_LINE,
    day_alone,
    days_with_cards,
    end_before_diary,
    split_day_at_end,
)
from tarot_data.sources.notes.file_name import day_of_file, person_in_name
from tarot_data.sources.notes.front_matter import FORM, front_matter, record_of_note
from tarot_data.sources.notes.markdown_tables import without_tables
from tarot_data.sources.notes.narration import split_narration
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, Source, source_of
from tarot_data.sources.sniff import Sample
from tarot_data.text.normalise import fold

_DAY_AFTER_NAME = re.compile(
    rf"^[^\d]{{1,30}}[\s·|｜,，_-]+({DAY})(?:[T\s]+[0-9]{{1,2}}[:：][0-9]{{2}}(?:[:：][0-9]{{2}})?)?$"
)
"""A heading of a name and a day: `阿宁 2024-01-05`."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")
_INVISIBLE = "\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad"

_UNLABELLED = ("unlabelled_head",)
_SPACED = re.compile(r"(?<![\u4e00-\u9fff])([\u4e00-\u9fff])[ \u3000]{1,8}([\u4e00-\u9fff])(?=\s?[:：])")
_RULE = "=-_*~—─━"
_RULED = re.compile(rf"[{re.escape(_RULE)}]{{3,}}\s*([^{re.escape(_RULE)}]{{1,16}}?)\s*[{re.escape(_RULE)}]{{3,}}")
"""A word between two rules on a line."""
LONGEST_SPACED, LONGEST_RULED = 200, 100
_BRACKETED = re.compile(r"(?:【[^【】]{1,80}】\s?){2,6}")
_IN_BRACKETS = re.compile(r"【([^【】]+)】")
_AFTER_DAY = WHITESPACE + "|｜，,"
_GAP = re.compile(rf"[{_AFTER_DAY}]+")

SNIFFED_LINES = 400


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    if front_matter(sample.text) is not None:
        return True
    lines = markup.lines_of("\n".join(sample.text.split("\n", SNIFFED_LINES)[:SNIFFED_LINES]))
    if any(line.labels and len(read_head(lines, index).names) >= 2 for index, line in enumerate(lines)):
        return True
    return content_cards.names_card(sample.text[:20_000]) and _CHINESE.search(sample.text) is not None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text = with_newlines(text_of(blob)[0])
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
    if not any(name == "cards" for name, _ in fields) and find_readings(bare_heads.with_labels(lines)):
        # A daily note: its front matter applies to all readings in it.
        yield from read_lines(lines, blob, FORM, common=fields)
    else:
        record = record_of_note(blob, fields, "\n".join(line.text for line in lines))
        yield record if record.person else replace(record, person=person_in_name(blob, record.content))


def read_lines(
    lines: list[Line], blob: Blob, form: str, locator: str = "line {}", common: Fields | None = None
) -> Iterator[RawRecord | Rejected]:
    """Split the lines of a whole note, which may be an outline or have tables; see `split`."""
    tree = outline.outline_of(lines)
    if tree and tree.properties:
        common = {**(common or {}), **read_head(tree.properties, 0).fields}
    for part in outline.readings_in(tree.bullets, _text_below) if tree else [lines]:
        yield from split(without_tables(part), blob, form, locator, common)


def _text_below(lines: list[Line]) -> int:
    """Count the characters below the first labelled block that begins a reading; 0 if none does."""
    first = next(iter(find_readings(lines)), None)
    return len(first.head.inline) + sum(len(line.stripped) for line in lines[first.head.body :]) if first else 0


def split(
    lines: list[Line], blob: Blob, form: str, locator: str = "line {}", common: Fields | None = None
) -> Iterator[RawRecord | Rejected]:
    """Split the lines of heads and texts into readings, in order; lines without any head are one record.

    common: fields of every reading that does not have them itself.
    """
    lines = list(_all_divided(lines))
    client = person_in_name(blob, "\n".join(line.text for line in lines))
    written, lines = lines, bare_heads.with_labels(lines, named=client is not None)
    readings = find_readings(lines)
    if not readings:
        for part, day in days_with_cards(lines):
            source = source_of(blob, locator.format(part[0].number if part else 1), form)
            yield _unlabelled(part, day, blob, source, common, client)
        return
    client = _client_without_label(lines, readings, client)
    if not common:  # a name without a label is that of one reading, unless it is the title of the note
        named_once = _persons(lines) != _persons(written)
        common = client_in_title(written, readings) if named_once else client_of_all(lines, readings)
    common = common or {}
    note = _Note(lines, day_of_file(blob, client), client)
    early = lines[: readings[0].begin]
    preface = text_above(early)
    places: Counter[str] = Counter()
    former = 0
    for reading, end in zip(readings, [*(r.begin for r in readings[1:]), len(lines)], strict=True):
        place = locator.format(lines[reading.start].number)
        places[place] += 1  # one paragraph or table row may become several readings
        source = source_of(blob, f"{place} part {places[place]}" if places[place] > 1 else place, form)
        record = _record(reading, note.body(reading, former, end), note, common, source, blob.hint)
        if any(line.guessed for line in lines[reading.begin : reading.head.body]):
            record = replace(record, kept_flags=_UNLABELLED)
        if preface and not record.content:
            record = replace(record, content=preface)
        elif preface:
            place = locator.format(next(line.number for line in early if line.stripped))
            yield to_record({}, source_of(blob, place, form), content=preface, date_hint=blob.hint)
        yield record
        preface, former = "", reading.head.body


def _all_divided(lines: list[Line]) -> Iterator[Line]:
    may_be_divided = _divisible().match
    for line in lines:
        if " " in line.text or "\u3000" in line.text or may_be_divided(line.text):
            yield from _divided(line)
        else:
            yield line


@lexicon.cached
def _divisible() -> re.Pattern:
    """Compile a quick test for lines that may be divided: they begin with a bracket, a rule or a day."""
    day = rf".{{0,{LONGEST_DAY_LINE}}}\d|[{re.escape(ORNAMENTS)}]*(?:{any_of(lexicon.words('dates', 'era'))})"
    return re.compile(rf"\s*(?:[【{re.escape(_RULE)}]|{day})")


def _client_without_label(lines: list[Line], readings: list[Reading], client: str | None) -> str | None:
    """Return the client in the file's name, or greeted above the first reading; None if a label names somebody."""
    if any("person" in reading.head.names for reading in readings):
        return None
    return client or greeted("\n".join(line.text for line in lines[: readings[0].start]))


def _divided(line: Line) -> list[Line]:
    """Return the lines that a line has in it, nearly always itself; a label between rules (`=== 解 读 ===`) in brackets."""
    if line.stripped and line.stripped[0] in _RULE and (match := _RULED.fullmatch(line.stripped[:LONGEST_RULED])):
        inside = "".join(match[1].split())
        if fold(inside) in noise_words("end mark"):
            return [Line("---", line.number)]
        if field_of(inside):
            return [Line(f"【{inside}】", line.number)]
    line = _with_whole_labels(line)
    if line.stripped[:1] == "【" and _BRACKETED.fullmatch(line.stripped) and not line.labels:
        return [Line(part, line.number) for part in _IN_BRACKETS.findall(line.stripped)]
    return _before_label(line) if may_begin_with_day(line.stripped[:LONGEST_DAY_LINE]) else [line]


def _with_whole_labels(line: Line) -> Line:
    """Close the gaps inside labels that are set to one width: `姓    名：`."""
    if not _SPACED.search(line.text[:LONGEST_SPACED]):
        return line
    text = _SPACED.sub(lambda match: match[1] + match[2] if field_of(match[1] + match[2]) else match[0], line.text)
    return Line(text, line.number)


def _before_label(line: Line) -> list[Line]:
    """Split a line before the label or the cards behind its day: `2024年4月7日　个案：秀芬`."""
    parts = _GAP.split(line.stripped[:LONGEST_DAY_LINE], maxsplit=1)
    if len(parts) < 2 or not may_begin_with_day(parts[0]):
        return [line]  # nearly every line; its labels take longer to find
    day, rest = Line(parts[0], line.number), line.stripped[len(parts[0]) :].lstrip(_AFTER_DAY)
    if not (day.kind == Kind.DATE or day_alone(day)) or line.labels:
        return [line]
    if not labels_in(rest) and not has_cards(Line(rest)):
        return [line]
    return [day, Line(rest, line.number)]


def _persons(lines: list[Line]) -> int:
    return sum(label.key[0] == "person" for line in lines for label in line.labels)


class Above(NamedTuple):
    """Fields from the lines above the labels. name: the text of a date line without its date."""

    title: str | None = None
    day: str | None = None
    name: str = ""


class _Note:
    """The lines of a note and what applies to all readings in it. headings: indexes of its headings. dated: it is of one
    day, whose date is in its name or its first line. day: that date. client:
    the person in its name."""

    def __init__(self, lines: list[Line], day: str | None, client: str | None) -> None:
        self.lines = lines
        self.client = client
        self.headings = [index for index, line in enumerate(lines) if line.stripped[:1] == "#" and line.level]
        texts = [line for line in lines if line.stripped]
        first = texts[1] if texts[0].level == 1 and texts[0].kind != Kind.DATE and texts[1:] else texts[0]
        self.dated = first.kind == Kind.DATE or day is not None
        alone = first.kind == Kind.DATE and sum(line.kind == Kind.DATE for line in lines) == 1
        self.day = first.text.strip(ORNAMENTS) if alone else day

    def body(self, reading: Reading, former: int, end: int) -> list[Line]:
        """Return the lines of a reading's body. former: index after the head before; end: index after the reading."""
        above = [index for index in self.headings if index < reading.start]
        level = self.lines[above[-1]].level if above and above[-1] >= former else 0
        daily = self.dated or level > 0 and sum(self.lines[index].level == level for index in above) > 1
        rule = self.lines[reading.begin]
        if rule.kind == Kind.SEPARATOR:
            end = other_sections.end_before_other(self.lines, reading.head.body, end, rule)
        closes = former > 0 and end == len(self.lines)
        end = end_before_diary(self.lines, reading.head.body, end, closes)
        below = other_sections.own_lines(self.lines[reading.head.body : end], level, daily, reading.lead.dated)
        below = body_end.trimmed(below)
        if not daily:
            return below
        return body_end.without_day(other_sections.without_list_at_end(below, self.lines[former : reading.start]))

    def day_of(self, reading: Reading, above: Above) -> str | None:
        """Return the date above a reading: a date line heads its own reading, a heading all readings below it."""
        headings = (self.lines[index] for index in reversed(self.headings) if index < reading.start)
        dates = (line.text.strip(ORNAMENTS) for line in headings if line.kind == Kind.DATE)
        return above.day or next(dates, self.day)


def _record(reading: Reading, body: list[Line], note: _Note, common: Fields, source: Source, hint: str) -> RawRecord:
    """Build the record of a reading. body: its lines below the head."""
    fields = {**common, **reading.head.fields}
    if reading.head.inline:
        apart = [line for line in note.lines[reading.head.body :][:1] if not line.stripped]
        body = body_end.trimmed(body_end.without_tags([*apart, *body]))
        body = [Line(reading.head.inline, note.lines[reading.start].number), *body]
    body, at_end = body_end.split_end(body_end.without_tags(body), fields)
    fields.update(at_end)
    if ("outcome", 1) not in fields:
        body, outcome = body_end.split_outcome(body)
        if outcome:
            fields["outcome", 1] = [("反馈", outcome)]
            body, at_end = body_end.split_end(body, fields)
            fields.update(at_end)
    persons = [str(value) for _, value in fields.get(("person", 1), ())]
    body = body_end.without_aftermath(without_client(body, persons), persons)
    body, day = split_day_at_end(body)
    if day:
        fields.setdefault(("date", 1), [("日期", day)])
    above = _read_above(note.lines[reading.top : reading.start])
    if ("date", 1) not in fields and (day := note.day_of(reading, above)):
        fields[("date", 1)] = [("日期", day)]
    title = above.title or (above.name if ("question", 1) in reading.head.fields else None)
    content = "\n".join(line.text for line in body_end.unquoted(body)).strip()
    return to_record(fields, source, content=content, title=title, date_hint=hint, client=note.client)


def _unlabelled(
    lines: list[Line], day: str | None, blob: Blob, source: Source, common: Fields | None, client: str | None
) -> RawRecord:
    """Build the record of a note without labels. day: of the line above it."""
    lines, last = split_day_at_end(body_end.without_tags(lines))
    body = "\n".join(line.text for line in lines).strip()
    heading = Line(body).title if Line(body).level == 1 and "\n" not in body else None
    day = day or day_of_file(blob, client) or last
    told, body = split_narration(body)
    fields = {**told, **(common or {}), **({("date", 1): [("日期", day)]} if day else {})}
    record = to_record(fields, source, content=body, title=heading, date_hint=blob.hint, client=client)
    return replace(record, kept_flags=_UNLABELLED) if told else record


def _read_above(lines: list[Line]) -> Above:
    above = Above()
    for line in lines:
        if line.kind == Kind.DATE:
            day = line.text.strip(ORNAMENTS)
            above = above._replace(day=day, name=day.lstrip("0123456789-/.年月日号" + WHITESPACE))
        elif line.kind not in NO_TITLE:
            dated = _DAY_AFTER_NAME.search(line.title)
            above = above._replace(title=line.title, day=dated[1] if dated else above.day)
    return above
