"""Heads without labels (`3/2 小满 问要不要搬家`, `圣三角`, `抽到 愚人 力量逆`) to the same lines with labels.

A head is a block of short lines around the cards, of which `head_line` reads each.
"""

import re
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

from tarot_data.cards import card_fields, content_cards
from tarot_data.sources.lines import WHITESPACE, Kind, Line, may_begin_with_day
from tarot_data.sources.name_evidence import asks
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes.card_lines import (
    end_of_cards,
    explains_cards,
    has_cards,
    heads_a_card,
    is_label_of_cards,
    is_list_of_cards,
)
from tarot_data.sources.notes.head_line import LONGEST_LINE, LONGEST_SIGNATURE, SHORTEST_BODY, bare, parts_of
from tarot_data.sources.notes.head_words import CARDS, DATE, ENDS, FIELDS, PERSON, QUESTION, SPREAD, Part, words_of

LINES_ABOVE = 7
"""Lines above the cards among which the other lines of the head are, blank ones included."""
LINES_BELOW = 4
"""Lines below the cards whose text is counted, or that name the client."""
_EDGES = (Kind.SEPARATOR, Kind.DATE)
_RULE = "---"
_AROUND = WHITESPACE + "*:："
_GOES_ON = ("，", ",", "、", "；")
_STOP = "。"
_GAP = re.compile(rf"[\s|｜→:：{_STOP}]+")
"""Before the cards at the end of a line: `周二 小舟。工作。女皇、宝剑八。`."""


def with_labels(lines: list[Line], named: bool = False) -> list[Line]:
    """Return the lines of a note with its unlabelled heads labelled; the lines themselves if it has none.

    named: the file's name has the person, so that cards alone at the top are a head.
    """
    lines = [part for line in lines for part in _before_cards(line)]
    heads = _heads(lines, named)
    if not heads:
        return lines
    out: list[Line] = []
    end = 0
    for head in heads:
        out += lines[end : head.begin]
        above = next((line for line in reversed(out) if line.stripped), None)
        if above and above.kind != Kind.SEPARATOR:
            out.append(Line(_RULE, lines[head.begin].number))
        out += head.lines
        end = head.end
    return out + lines[end:]


def _before_cards(line: Line) -> list[Line]:
    """Split a line of who asks what before the cards at its end: `丸子 要不要回老家考编 女祭司逆位 皇帝正位`."""
    text = line.stripped.rstrip(_STOP)
    gaps = list(_GAP.finditer(text))[1:] if len(text) <= LONGEST_LINE else []  # one word before may be a position
    if not gaps or line.labels or Line(text.replace(_STOP, "")).ends_sentence or not content_cards.names_card(text):
        return [line]
    if text.isascii() or has_cards(line):
        return [line]
    at = next((gap for gap in gaps if has_cards(Line(text[gap.end() :]))), None)
    before = Line(text[: at.start()], line.number) if at else line
    if before is line or before.text.isascii() or not any(label == PERSON for label, _ in parts_of(before) or ()):
        return [line]
    return [before, Line(text[at.end() :], line.number)]


class _Head(NamedTuple):
    """begin, end: indexes of its lines. lines: the lines with labels."""

    begin: int
    end: int
    lines: list[Line]


def _heads(lines: list[Line], named: bool) -> list[_Head]:
    found: list[_Head] = []
    above = index = count = 0
    floor: int | None = 0
    labelled = [index for index, line in enumerate(lines) if is_label_of_cards(line)]
    while cards := _next_cards(lines, index, labelled):
        index, explained = cards
        several = not lines[index].labels and len(card_fields.listed(lines[index].text)) > 1
        alone = (named or several) and not any(line.stripped and not line.level for line in lines[:index])
        if labelled and not alone and _is_complete(lines, index):
            # Where the cards end is not needed before another head is, and takes long to find.
            above, floor, index = index, None, index + 1
            continue
        floor = end_of_cards(lines, above) if floor is None else floor
        end = index if explained else end_of_cards(lines, index)
        if head := _head_around(lines, index, end, floor, alone, count + 1):
            found.append(head)
            count = lines[head.begin].count
        floor = index = max(end, index + 1)
        while end < index < len(lines) and explains_cards(lines, index, 1):
            floor = index = index + 1
    return found


def _next_cards(lines: list[Line], start: int, labelled: list[int]) -> tuple[int, bool] | None:
    """Return the index of the next cards from a line on, and whether each is explained; None if there are none.

    labelled: indexes of labels of cards. If there are any, other lines of cards are of a body.
    """
    if labelled:
        following = bisect_left(labelled, start)
        return (labelled[following], False) if following < len(labelled) else None
    for index in range(start, len(lines)):
        # What is said of each card is text, and so are the cards then.
        explained = explains_cards(lines, index) or heads_a_card(lines, index)
        if explained or is_list_of_cards(lines[index]):
            return index, explained
    return None


def _is_complete(lines: list[Line], cards: int) -> bool:
    """Check quickly that no line above labelled cards adds to their head: person and question have labels right above and
    nothing further up has a day, or the first line without a label is no line of a head."""
    near = [line for line in lines[max(0, cards - LINES_ABOVE) : cards] if line.stripped]
    named: set[str] = set()
    while near and near[-1].field not in ("", "cards", "content"):
        named |= _known([near.pop()])
    if named >= {"person", "question"}:
        return not any(may_begin_with_day(line.stripped) for line in near)
    line = next((line for line in reversed(near) if not line.labels), None)
    return line is None or line.kind == Kind.SEPARATOR or parts_of(line) is None and not _is_day(line)


def _head_around(lines: list[Line], cards: int, end: int, floor: int, alone: bool, count: int) -> _Head | None:
    """Read the head above the lines of its cards; None if it is none, or says nothing that has no label.

    alone: the cards alone are a head. count: the number that a counted head begins with.

    It is a block of its own with text below, and no cards with nothing but a head below them are above it.
    """
    if _count_text(_below_rule(lines, end)) < SHORTEST_BODY:
        return None
    parts = _parts_above(lines, cards, floor, bool(lines[cards].labels))
    below = _parts_below(lines, end) if parts == {} else {}
    begin = min(parts or (), default=cards)
    if parts is None or begin != floor and not _is_apart(lines, begin, count):
        return None
    if floor and _count_text(lines[floor:begin]) < SHORTEST_BODY:
        return None
    named = _known(lines[begin:end])
    read = {FIELDS[label] for pairs in (*parts.values(), *below.values()) for label, _ in pairs}
    if not _says_something(lines, begin, read, named, alone):
        return None
    rewritten = _rewritten(lines, begin, cards, end, parts, named)
    labelled = [_labelled(label, value, lines[index].number) for index, read in below.items() for label, value in read]
    return _Head(begin, max(below, default=end - 1) + 1, [*labelled, *rewritten])


def _says_something(lines: list[Line], begin: int, read: set[str], named: set[str], alone: bool) -> bool:
    """Check that a head says who or what without a label, or may be cards alone, or a day and its card. read, named: the
    fields without and with labels."""
    dated = "date" in read and "question" in named
    if (read - named) & {"person", "question"} or dated:
        return True
    return not named and alone or named <= {"cards"} and read == {"date"} and _are_days(lines)


def _are_days(lines: list[Line]) -> bool:
    """Check for two or more lines of cards right below a line of a day: a card a day."""
    days = (line for line, cards in pairwise(lines) if _day_and_cards(line, cards))
    return next(days, None) is not None and next(days, None) is not None


def _day_and_cards(line: Line, cards: Line) -> bool:
    return (is_list_of_cards(cards) or is_label_of_cards(cards)) and _is_day(line)


def _is_day(line: Line) -> bool:
    words = words_of(line.stripped)
    named = [word for word in words.rest if not word.endswith(noise_words("no head name"))]  # 抽卡日记
    return line.kind == Kind.DATE or words.day and not named and len(words.found) == 1


def _below_rule(lines: list[Line], end: int) -> list[Line]:
    """Return the lines below a head, also below a rule over prose."""
    below = lines[end : end + LINES_BELOW]
    texts = [line for line in below if line.stripped]
    over_prose = len(texts) > 1 and texts[0].kind == Kind.SEPARATOR and parts_of(texts[1]) is None
    return texts[1:] if over_prose else below


def _parts_above(lines: list[Line], cards: int, floor: int, labelled: bool) -> dict[int, list[Part]] | None:
    """Return the parts of the lines above the cards, by index, up to the first that is no line of a head; None if they
    have a label of the content. labelled: the cards have a label, so that a heading is read as the question anyway."""
    parts: dict[int, list[Part]] = {}
    for index in range(cards - 1, max(floor, cards - LINES_ABOVE) - 1, -1):
        line = lines[index]
        if not line.stripped:
            continue
        if line.kind == Kind.SEPARATOR or _is_body(line) or (read := _parts_at(lines, index, floor)) is None:
            break
        if line.labels and _drop_values(lines, index, parts):
            return None
        if line.level and SPREAD not in dict(read) and (labelled or not asks(line.title)):
            read = [part for part in read if part[0] != QUESTION]
        parts[index] = read
        if line.level:
            break
    return parts


def _parts_at(lines: list[Line], index: int, floor: int) -> list[Part] | None:
    """Read a line of a head by itself, or by the heading above it."""
    line = lines[index]
    read = parts_of(line)
    if read is None and (line.level or _is_day(line)) and (words := words_of(line.title)).day:
        return [part for part in words.found if part[0] == DATE]
    if read is None and _is_below_dated_heading(lines, index, floor):
        return [(QUESTION, bare(line.stripped))]
    return read


def _is_below_dated_heading(lines: list[Line], index: int, floor: int) -> bool:
    """Check for a short line right below a heading that has a day (`## 10/9 无名` over 想换城市): what was asked."""
    line, above = lines[index], next((line for line in reversed(lines[floor:index]) if line.stripped), Line(""))
    if (
        not above.level
        or line.level
        or len(line.stripped) > LONGEST_SIGNATURE
        or any(mark in line.text for mark in ENDS)
    ):
        return False
    return words_of(above.title).day


def _parts_below(lines: list[Line], end: int) -> dict[int, list[Part]]:
    """Return the parts of the lines between the cards at the top of a block and its text, which name somebody."""
    parts: dict[int, list[Part]] = {}
    for index in range(end, min(end + LINES_BELOW, len(lines))):
        line = lines[index]
        if not line.stripped or line.labels or line.kind != Kind.TEXT or line.ends_sentence:
            break
        if len(line.stripped) > LONGEST_SIGNATURE or not (read := parts_of(line)):
            break
        parts[index] = read
    named = any(label == PERSON for read in parts.values() for label, _ in read)
    return parts if named and _count_text(lines[max(parts) + 1 :][:LINES_BELOW]) >= SHORTEST_BODY else {}


def _is_body(line: Line) -> bool:
    """Check for the text of the reading above behind its label: `解读：…`."""
    return line.field == "content" and len(line.value) >= SHORTEST_BODY


def _is_apart(lines: list[Line], begin: int, count: int) -> bool:
    """Check whether a block begins at a line: below a blank line, a heading, a rule, a date or a short first line, or with a
    heading, a day alone or the count of the next head."""
    if lines[begin].count == count or _is_day(lines[begin]):
        return True
    above = lines[begin - 1]
    if not any(line.stripped for line in lines[: begin - 1]) and len(above.stripped) <= LONGEST_SIGNATURE:
        return not above.ends_sentence
    return not above.stripped or bool(lines[begin].level or above.level) or above.kind in _EDGES


def _drop_values(lines: list[Line], index: int, parts: dict[int, list[Part]]) -> bool:
    """Leave the lines of a value below its label as they are. Returns True for the label of the content."""
    label = lines[index].labels[-1]
    if label.key[0] == "content":
        return True
    value = lines[index].text[label.end :].strip(_AROUND)
    if label.key[0] in ("background", "ignored") or not value or value.endswith(_GOES_ON):
        below = index + 1
        while below in parts and not lines[below].labels:
            del parts[below]
            below += 1
    return False


def _known(lines: list[Line]) -> set[str]:
    """Return the fields that lines have labels for."""
    return {label.key[0] for line in lines for label in line.labels}


def _count_text(lines: list[Line]) -> int:
    """Count the characters of lines above the first separator or date."""
    stop = next((i for i, line in enumerate(lines) if line.kind in _EDGES), len(lines))
    return sum(len(line.stripped) for line in lines[:stop])


def _rewritten(
    lines: list[Line], begin: int, cards: int, end: int, parts: dict[int, list[Part]], named: set[str]
) -> list[Line]:
    """Label the lines of a head; what has a label already, and a second value of a field, is left as it is."""
    out: list[Line] = []
    taken = set(named)
    for index in range(begin, cards):
        line = lines[index]
        if index not in parts or line.labels:
            if line.stripped or not (out and parts.get(index - 1)):
                out.append(line)
            continue
        read = [(label, value) for label, value in parts[index] if FIELDS[label] not in taken]
        taken |= {FIELDS[label] for label, _ in read}
        known = any(FIELDS[label] in named or label == QUESTION for label, _ in parts[index])
        if line.level or known and not read:
            out.append(line)
        for label, value in read:
            if label != DATE or line.kind != Kind.DATE:
                out.append(_labelled(label, value, line.number))
            elif not line.level:
                out.insert(0, Line(value, line.number))  # a date line is above the labels
    return out + _labelled_cards(lines[cards:end], "cards" in taken)


def _labelled(label: str, value: str, number: int) -> Line:
    return Line(f"{label}：{value}", number, guessed=label in (PERSON, QUESTION))


def _labelled_cards(lines: list[Line], labelled: bool) -> list[Line]:
    if labelled or not lines:
        return lines
    first = lines[0]
    text = first.value if first.labels else first.text
    return [Line(f"{CARDS}：", first.number), Line(text, first.number), *lines[1:]]
