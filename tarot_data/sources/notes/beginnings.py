"""Beginnings of the readings in the lines of a note: labelled blocks with the lines above that belong to them."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from tarot_data.cards import card_fields, content_cards
from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon.field_names import CARD_LISTS
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labelled_lines import Head, read_head
from tarot_data.sources.labels import position_in
from tarot_data.sources.lines import BULLETS, Kind, Line
from tarot_data.sources.name_evidence import is_sure_name
from tarot_data.text.numerals import NUMERALS, to_int

LINES_ABOVE = 8
"""Lines above a reading's labels among which its separator, date and title are."""
NEAR_LINES = 3
"""Lines above which the heading or count of a reading is, blank lines included."""
LONGEST_TITLE = 40
SHORTEST_BODY = 30
"""Characters of the text between two heads of different readings if no separator is there."""
SHORTEST_ABOVE = 40
"""Characters of a text above the first labels that may be a reading."""
LONGEST_COUNT = 20
"""Characters of a line that counts or marks the readings."""
NO_TITLE = (Kind.BLANK, Kind.SEPARATOR, Kind.DATE)
"""Kinds of lines that are no title of the labels below them."""

_NUMBER = re.compile(rf"[0-9]{{1,4}}|[{NUMERALS}]{{1,3}}")


class Lead(NamedTuple):
    """The lines above a labelled block, as far as they belong to it.

    begin: the first of them, the block itself if there is none. title: the last of them that is no separator or date.
    separated: the first is a separator or a date line; dated: one of them is a date. nearest: the last line above that
    is not blank, within NEAR_LINES; level, count: of the heading and of the number at its start.
    """

    begin: int
    title: str | None
    separated: bool
    dated: bool
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
        draws_at_top = not found and head.names.issubset(CARD_LISTS) and _is_top(lines[:index])
        if (draws_at_top or _begins_reading(head, lead, word in words, found)) and not _restates(
            lines, head, lead, found
        ):
            found.append(Reading(index, head, lead, lead.begin, lead.begin))
            words.add(word)
            index = max(head.body, index + 1)
        else:
            index += 1
    _add_counts(found, lines)
    return found


def _is_top(above: list[Line]) -> bool:
    """Check whether nothing but a title or a date is above a line."""
    return len(above) <= LINES_ABOVE and all(line.kind in NO_TITLE or line.level for line in above)


def _begins_reading(head: Head, lead: Lead, again: bool, found: list[Reading]) -> bool:
    """Check whether a block begins a reading. again: its first label began an earlier one.

    The first is the first block that asks or draws. A later one names a person or draws under a separator, a date or
    the label that began an earlier one; or it asks and draws as the block before it did, and its heading is not deeper.
    """
    names, day_and_cards = head.names, lead.dated and head.draws
    if not (head.draws or names & {"person", "question"}):
        return False
    if found and _repeats_counted(head, lead, found[-1]):
        return True
    if len(names) < 2 and not day_and_cards and not (head.inline and not found):
        return False
    return not found or _begins_next(head, lead, again, found)


def _begins_next(head: Head, lead: Lead, again: bool, found: list[Reading]) -> bool:
    """Check whether a block that may begin a reading begins one after those found."""
    names_person = "person" in head.names
    # Anonymous clients still ask and draw; a follow-up (`追问：`, no field) is part of the same sitting.
    asks_and_draws = head.draws and "question" in head.names
    if lead.separated:
        return names_person or again or asks_and_draws or lead.dated and head.draws
    if lead.level > found[0].lead.level > 0:
        return again and names_person
    repeated = next(iter(head.fields))[0] in found[-1].head.names
    return again and (names_person or head.draws) or repeated and asks_and_draws


def _repeats_counted(head: Head, lead: Lead, former: Reading) -> bool:
    """Check for cards, perhaps with a text, under a title that counts on from that of the reading before (`## 2. 阿宁`),
    which has no other labels either. The positions of one spread may be counted too."""
    bare = {*CARD_LISTS, "content"}
    counts_on = lead.count > 1 and lead.count == former.lead.count + 1 and lead.level == former.lead.level
    if not counts_on or not head.names <= bare or not former.head.names <= bare | {"person", "question", "date"}:
        return False
    title = Line(lead.title or "").without_count
    lists = [value for name in CARD_LISTS for _, value in head.fields.get((name, 1), ())]
    return position_in(title) is None and any(len(card_fields.listed(value)) > 1 for value in lists)


def _restates(lines: list[Line], head: Head, lead: Lead, found: list[Reading]) -> bool:
    """Check whether a block under a head repeats it at the top of the body, with no text of a reading between."""
    if not found or lead.separated or "person" in head.names or found[-1].head.inline:
        return False
    between = lines[found[-1].head.body : lead.begin]
    return sum(len(line.stripped) for line in between if line.kind == Kind.TEXT) < SHORTEST_BODY


def _lead_above(lines: list[Line], start: int) -> Lead:
    begin = _begin_above(lines, start)
    titles = [line.title for line in lines[begin:start] if line.kind not in NO_TITLE]
    nearest = _nearest_above(lines, start)
    first, last = lines[begin], lines[nearest] if nearest is not None else Line("")
    separated = begin < start and not first.level and first.kind in (Kind.SEPARATOR, Kind.DATE)
    dated = any(line.kind == Kind.DATE for line in lines[begin:start])
    return Lead(begin, titles[-1] if titles else None, separated, dated, nearest, last.level, last.count)


def _nearest_above(lines: list[Line], start: int) -> int | None:
    """Find the last line above a line that is not blank, within NEAR_LINES."""
    above = range(start - 1, max(-1, start - NEAR_LINES - 1), -1)
    return next((index for index in above if lines[index].stripped), None)


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
            listed = line.stripped[:2] in BULLETS and not line.labels
            if texts > 1 or listed or len(line.stripped) > LONGEST_TITLE or line.ends_sentence or "…" in line.text:
                return begin
    return 0 if floor == 0 and texts == 1 else begin


def _add_counts(readings: list[Reading], lines: list[Line]) -> None:
    """Let each reading begin at the line above that counts the readings (`【2】`, `案例三`, `2️⃣ 阿宁`), or that is the same
    above all of them (`[Reading]`), if all have one."""
    counters = _counter_lines(readings, lines) or _marker_lines(readings, lines)
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
    for begin, start in ((reading.begin, reading.start) for reading in readings):
        index = _nearest_above(lines, begin) if begin or not start else begin  # the first may be taken for a title
        if index is not None and len(lines[index].stripped) <= LONGEST_COUNT and _NUMBER.search(lines[index].text):
            above[begin] = index
    texts = [lines[index].stripped for index in above.values()]
    matches = [_NUMBER.search(text) for text in texts]
    shapes = {text[: m.start()] + "0" + text[m.end() :] for text, m in zip(texts, matches, strict=True)}
    counts = [to_int(match[0]) or 0 for match in matches]
    follows = all(later == former + 1 for former, later in zip(counts, counts[1:], strict=False))
    return above if len(above) > 1 and len(above) >= len(readings) - 1 and len(shapes) == 1 and follows else {}


def _marker_lines(readings: list[Reading], lines: list[Line]) -> dict[int, int]:
    """Map beginnings of readings to the line above their labels, if it is the same short line of text above all."""
    above = {reading.begin: reading.lead.nearest for reading in readings}
    if len(above) < 2 or None in above.values():
        return {}
    marker = lines[next(iter(above.values()))]
    alike = {lines[index].stripped for index in above.values()} == {marker.stripped}
    return above if alike and marker.kind == Kind.TEXT and len(marker.stripped) <= LONGEST_COUNT else {}


def client_of_all(lines: list[Line], readings: list[Reading]) -> Fields:
    """Return the person of a file of several readings that only its top names, above the first reading or in it, and the
    date if the others are further numbered questions."""
    named = [reading for reading in readings if "person" in reading.head.names]
    first = readings[0]
    if named == [first] and len(readings) > 1 and next(iter(first.head.fields))[0] == "person":
        apart = not lines[first.start + 1].stripped
        if not apart and any(lines[reading.begin].kind == Kind.SEPARATOR for reading in readings[1:]):
            return {}
        # `问题二` without a client goes on in the same sitting.
        same_day = all(next(iter(reading.head.fields))[1] > 1 for reading in readings[1:])
        common = {"person", "date"} if same_day else {"person"}
        return {key: pairs for key, pairs in first.head.fields.items() if key[0] in common}
    if not first.start or named:
        return {}
    return _client_at_top(lines, first.start, alone=len(readings) == 1)


def _client_at_top(lines: list[Line], start: int, alone: bool) -> Fields:
    """Return the person that the first line labels, or that is the title over several readings. start: of the first."""
    top = next((index for index in range(min(LINES_ABOVE, start)) if lines[index].stripped), 0)
    if not alone and (titled := _named_in_title(lines[top])):
        return titled
    client = read_head(lines, top) if lines[top].labels else Head()
    return client.fields if client.names == {"person"} else {}


def client_in_title(lines: list[Line], readings: list[Reading]) -> Fields:
    """Return the person whose name is the title of a note of several readings."""
    top = next((line for line in lines if line.stripped), Line(""))
    return _named_in_title(top) if len(readings) > 1 else {}


def _named_in_title(line: Line) -> Fields:
    return {("person", 1): [("person", line.title)]} if line.level == 1 and is_sure_name(line.title) else {}


def text_above(lines: list[Line]) -> str:
    """Return the text above the first labels if it reads like a reading: of some length, and it names cards."""
    kept = [line for line in lines if line.kind in (Kind.TEXT, Kind.BLANK) and not line.is_task]
    text = "\n".join(line.text for line in kept).strip()
    long = len("".join(text.split())) >= SHORTEST_ABOVE
    return text if long and (len(set(content_cards.named_cards(text))) > 1 or find_cards(text)) else ""
