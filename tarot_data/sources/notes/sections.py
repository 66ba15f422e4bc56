"""Parts of the lines below a head: the body of the reading, its outcome, fields at the end, and what belongs to
something else (tasks, other sections of a daily note)."""

import re
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards import card_fields, content_cards
from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon.field_names import CARD_LISTS, field_of
from tarot_data.lexicon.word_lists import any_of
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labels import Label, position_in
from tarot_data.sources.lines import BULLETS, DAY, Kind, Line
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes.bare_heads import words_of
from tarot_data.text.normalise import fold

LINES_AT_END = 8
"""Lines at the end of a body among which the label of the outcome is."""
LONGEST_OUTCOME = 400
"""Characters of a note about the outcome below a reading."""
LONGEST_DAY_LINE = 24
SHORTEST_DIARY = 40
"""Characters of a text below a rule that addresses nobody and names no card, from which it is no closing."""
LINES_BELOW_TAGS, LONGEST_BELOW_TAGS = 3, 40
"""Lines below the hash tags of a post, and their characters: who is mentioned, a request for comments."""
_ASIDES = ("()", "（）", "**", "__", "[]", "【】")
_DEEPEST = 9
LONGEST_LOOKED_AT = 2000
"""Characters of a section in which cards are looked for."""
SHORTEST_ABOVE = 40
"""Characters of a text above the first labels that may be a reading."""

_MARKS = " \t\u3000>#*_-•·■□◆●▪【】[]「」『』：:"
_SAID = re.compile(r"[^:：\n]{1,16}[:：]")
"""Who says something, before a colon."""
_NO_NAME = " \t@《》()[]<>"
_CHECKED = re.compile(r"[\w，。！、 ]{0,10}[✅☑✔✓]\ufe0f?|[✅☑✔✓]\ufe0f?[\w，。！、 ]{0,10}")
"""A short line with a check mark is about the order: `好评✅`."""
_TIME = re.compile(r"(?<!\d)(?:[01]?\d|2[0-3])[:：][0-5]\d(?!\d)")
_LABELLED_NAME = re.compile(r"\s*(?:[【\[『「][^】\]』」\n]{1,20}[】\]』」]|\*\*[^*\n]{1,20}\*\*|[^：:\n]{1,20}[：:])")
_DAY = re.compile(DAY)
_AT_END = {"date", "ignored", "tags", "id", "reader", "deck", "consent", "synthetic"}
"""Fields that may be below a body."""
_IF_MISSING = {"person", "question", "spread", *CARD_LISTS}
"""Fields that a block below a body gives if the head has none of them."""


def own_lines(lines: list[Line], level: int, daily: bool, dated: bool) -> list[Line]:
    """Return the lines of a body without what belongs to something else, and without tasks at its ends.

    level: of the heading above the reading, 0 if it has none. daily: the note has sections of other things. dated: a
    date heads the reading, so that the next date heads something else.
    """
    kept: list[Line] = []
    block: list[Line] = []  # lines under the label of something else, which are body if the body goes on below them
    skipping: str | None = None
    outline = _DEEPEST  # the highest heading of the reading's own sections; deeper ones are parts of them
    for index, line in enumerate(lines):
        if line.kind == Kind.DATE and dated and not line.level:
            break
        if line.level:
            other = line.level <= outline and _is_other_section(lines, index, level, daily)
            skipping = "section" if other else None
            outline = outline if other else min(outline, line.level)
        elif skipping != "section":
            skipping = _other_block(line) or _still_skipped(skipping, line)
        if skipping in ("block", "name") or block and not line.stripped:
            block.append(line)
        elif not skipping:
            if line.stripped and any(each.stripped for each in kept):
                kept += block
                block = []
            kept.append(line)
    return without_tasks(kept)


def _still_skipped(skipping: str | None, line: Line) -> str | None:
    """Return what is left out at a line in the block of something else: a value ends at a blank line."""
    if skipping == "block" and not line.stripped:
        return None
    return "block" if skipping == "name" and line.stripped else skipping


def end_before_other(lines: list[Line], start: int, end: int, rule: Line) -> int:
    """Return the end of a body before a text that names no card under a rule like the one above the reading."""
    last = next((index for index in range(end - 1, start, -1) if lines[index].stripped == rule.stripped), end)
    texts = [line for line in lines[last + 1 : end] if line.stripped]
    text = "\n".join(line.text for line in texts)
    if not texts or any(line.labels for line in texts) or find_cards(text[:LONGEST_LOOKED_AT]):
        return end
    return last


def end_before_diary(lines: list[Line], start: int, end: int, closes: bool) -> int:
    """Return the end of a body before a rule or a line of a day, apart from the text above, over a text that names no card
    and addresses nobody. closes: it is the last of several readings, so that a short last line with a time of day is none of
    it either (`收摊 21:40`)."""
    closing = _time_at_end(lines[start:end]) if closes else None
    if closing is not None:
        return start + closing
    rule = next((index for index in range(end - 1, start, -1) if lines[index].kind == Kind.SEPARATOR), None)
    below = lines[rule + 1 : end] if rule else []
    if sum(len(line.stripped) for line in below) >= SHORTEST_DIARY and _is_diary(below):
        return rule
    for index in range(start + 1, end):
        apart = not lines[index - 1].stripped or lines[index - 1].kind == Kind.SEPARATOR
        if apart and day_alone(lines[index]) is not None and _is_diary(lines[index + 1 : end]):
            return index
    return end


def days_with_cards(lines: list[Line]) -> list[tuple[list[Line], str | None]]:
    """Split a text without labels at the lines of a day, if it begins with one and others follow: return the parts that
    name a card, with their days, or else the whole."""
    days = [index for index, line in enumerate(lines) if any(map(str.isdecimal, line.stripped[:5])) and day_alone(line)]
    first = next((index for index, line in enumerate(lines) if line.stripped), 0)
    if days[:1] != [first] or len(days) < 2:
        return [(lines, None)]
    parts = [(lines[day + 1 : end], lines[day]) for day, end in zip(days, [*days[1:], len(lines)], strict=True)]
    texts = ("\n".join(line.text for line in part) for part, _ in parts)
    found = [(part, day_alone(day)) for (part, day), text in zip(parts, texts, strict=True) if find_cards(text)]
    return found or [(lines, None)]


def _time_at_end(lines: list[Line]) -> int | None:
    """Return the index of a short last line with a time of day, apart from the text above; None if there is none."""
    texts = [index for index, line in enumerate(lines) if line.stripped]
    if len(texts) < 2 or lines[texts[-1] - 1].stripped:
        return None
    last = lines[texts[-1]].stripped
    return texts[-1] if len(last) <= LONGEST_DAY_LINE and _TIME.search(last) and _is_of_nobody(last) else None


def _is_diary(lines: list[Line]) -> bool:
    """Check for text without labels and headings that names no card and addresses nobody."""
    texts = [line for line in lines if line.stripped]
    if not texts or any(line.labels or line.level for line in texts):
        return False
    return _is_of_nobody("\n".join(line.text for line in texts))


def _is_of_nobody(text: str) -> bool:
    """Check that a text names no card and addresses nobody."""
    text = text[:LONGEST_LOOKED_AT]
    return not any(word in fold(text) for word in noise_words("addressed")) and not find_cards(text)


def day_alone(line: Line) -> str | None:
    """Return the day of a line that has nothing else but a weekday, a time of day or the weather; None for any other."""
    if len(line.stripped) > LONGEST_DAY_LINE or not any(map(str.isdecimal, line.stripped)):
        return None
    words = words_of(line.title)
    return words.found[0][1] if len(words.found) == 1 and words.day and not words.rest else None


def split_day_at_end(lines: list[Line]) -> tuple[list[Line], str | None]:
    """Split a body before the day that is its last line, as below a letter."""
    last = next((index for index in range(len(lines) - 1, 0, -1) if lines[index].stripped), 0)
    day = day_alone(lines[last]) if last else None
    return (trimmed(lines[:last]), day) if day else (lines, None)


class _Voices(NamedTuple):
    """own: the beginning of a line that the reader says; client: of one that the client says; reply: a word of thanks;
    speech: of somebody who asks or says I."""

    own: re.Pattern
    client: re.Pattern
    reply: re.Pattern
    speech: re.Pattern


def _voices(persons: list[str]) -> _Voices:
    own, client, says = (any_of(noise_words(kind)) for kind in ("self", "client word", "says"))
    names = any_of(filter(None, (fold(person).strip(_NO_NAME) for person in persons)))
    client = f"{names}|{client}" if names else client
    return _Voices(
        re.compile(rf"[>\s]*(?:{own})\s?:\s?"),
        re.compile(rf"[>\s]*(?:{client})(?:{says})?\s?:"),
        re.compile(any_of(noise_words("client reply"))),
        re.compile(any_of((*noise_words("client reply"), *noise_words("self"), *noise_words("asks")))),
    )


def without_client(lines: list[Line], persons: list[str]) -> list[Line]:
    """Return the lines of a body without what the client says in it: quoted at its end (`> 阿鸢：好准`, `她：谢谢`), or between
    what the reader says (`她：…`, `我：…`). Lines of positions (`我：愚人`, `她：力量`) name cards on both sides."""
    if not any(line.stripped[:1] == ">" or _SAID.match(line.text) for line in lines):
        return lines
    voices = _voices(persons)
    folded = [fold(line.text) for line in lines]
    said = _lines_of_client(folded, voices)
    if not said or any(find_cards(lines[index].text) for index in said):
        return lines
    if _is_dialogue(lines, folded, said, voices):
        return _own_words(lines, folded, voices)
    return lines[: _end_before_quote(folded, said, voices)]


def _lines_of_client(folded: list[str], voices: _Voices) -> list[int]:
    """Return the indices of the lines that the client says; if none is marked so, the last quoted one that thanks."""
    said = [index for index, text in enumerate(folded) if voices.client.match(text)]
    return said or [index for index, text in enumerate(folded) if text[:1] == ">" and voices.reply.search(text)][-1:]


def _is_dialogue(lines: list[Line], folded: list[str], said: list[int], voices: _Voices) -> bool:
    """Check that the client asks, thanks or says I, and that the reader names cards in lines marked as their own."""
    if not any(voices.speech.search(folded[index]) for index in said):
        return False
    return any(voices.own.match(text) and find_cards(line.text) for line, text in zip(lines, folded, strict=True))


def _own_words(lines: list[Line], folded: list[str], voices: _Voices) -> list[Line]:
    """Return the lines that the reader says, without the mark of who speaks; a voice lasts until the next mark."""
    kept, client = [], False
    for line, text in zip(lines, folded, strict=True):
        own = voices.own.match(text)
        client = client and not own or bool(voices.client.match(text))
        if not client:
            kept.append(Line(line.text[own.end() :], line.number) if own else line)
    return trimmed(kept)


def _end_before_quote(folded: list[str], said: list[int], voices: _Voices) -> int:
    """Return the end of the body before a reply of the client that is quoted below it; all lines if there is none."""
    end = len(folded)
    while end and (folded[end - 1].lstrip()[:1] in ("", ">") or end - 1 in said):
        end -= 1
    replies = any(text.lstrip()[:1] == ">" or voices.reply.search(text) for text in folded[end:])
    return end if end and said[-1] >= end and replies else len(folded)


def without_aftermath(lines: list[Line], persons: list[str]) -> list[Line]:
    """Return the lines of a body without a last paragraph about the order, or a last line that says what became of the
    client: in brackets, quoted, in italics or beginning with their name (`（阿眠后来说转了）`)."""
    last = len(lines) - 1
    if last < 1 or not lines[last].stripped:
        return lines
    start = next((index + 1 for index in range(last, 0, -1) if not lines[index].stripped), 0)
    if start and _is_housekeeping(lines[start:]):
        return trimmed(lines[:start])
    text = lines[last].stripped
    marked = (text[0] + text[-1]) in _ASIDES or text[0] == ">"
    named = not lines[last - 1].stripped and text.startswith(tuple(filter(None, persons)))
    return trimmed(lines[:last]) if (marked or named) and _happened(text) and not find_cards(text) else lines


def _is_housekeeping(lines: list[Line]) -> bool:
    """Check for short lines about the order, of which one has a label that is not read (`收款 88 已到`)."""
    if any(len(line.stripped) > LONGEST_DAY_LINE or line.ends_sentence for line in lines):
        return False
    labelled = any(line.labels and line.labels[0].key[0] == "ignored" for line in lines)
    return labelled and _is_of_nobody("\n".join(line.text for line in lines))


def without_list_at_end(lines: list[Line], above: list[Line]) -> list[Line]:
    """Return the lines of a body in a daily note without a list at its end, if the note has a list above the reading too
    and the one at the end names no card."""
    end = len(lines)
    while end and lines[end - 1].stripped[:2] in BULLETS:
        end -= 1
    listed = any(line.stripped[:2] in BULLETS and not line.labels for line in above)
    if end in (0, len(lines)) or lines[end - 1].stripped or not listed:
        return lines
    text = "\n".join(line.text for line in lines[end:])
    return lines if find_cards(text[:LONGEST_LOOKED_AT]) else trimmed(lines[:end])


def without_tags(lines: list[Line]) -> list[Line]:
    """Return the lines of a body without a paragraph of hash tags at its end (`#塔罗 #复合`), and few short lines below them
    that name no card."""
    texts = [index for index, line in enumerate(lines) if line.stripped]
    near = texts[-LINES_BELOW_TAGS - 1 :]
    tags = next((index for index in reversed(near) if _is_of_tags(lines[index])), None)
    if tags is None or not tags or lines[tags - 1].stripped:
        return lines
    below = [lines[index] for index in near if index > tags]
    if any(len(line.stripped) > LONGEST_BELOW_TAGS or find_cards(line.text) for line in below):
        return lines
    return trimmed(lines[:tags])


def _is_of_tags(line: Line) -> bool:
    return line.stripped[0] == "#" and not line.level and all(word[0] == "#" for word in line.stripped.split())


def without_tasks(lines: list[Line]) -> list[Line]:
    """Return lines without the tasks at their beginning and end, unless a label or heading of the reading is above."""
    no_task = [index for index, line in enumerate(lines) if line.stripped and not line.is_task]
    if not no_task:
        return []
    begin, end = no_task[0], no_task[-1] + 1
    if lines[end - 1].level or lines[end - 1].stripped.endswith((":", "：")):
        end = len(lines)
    return lines[begin if any(line.is_task for line in lines[:begin]) else 0 : end]


def _other_block(line: Line) -> str | None:
    """Check for the label of something else: `block` if a value is on its line (`记账：午饭 32`), `name` if not."""
    match = _LABELLED_NAME.match(line.text) if len(line.text) > 1 else None
    if match is None or fold(match[0].strip(_MARKS)) not in _other_names():
        return None
    return "block" if line.text[match.end() :].strip(_MARKS) else "name"


@lexicon.cached
def _other_names() -> frozenset[str]:
    return frozenset(noise_words("other section"))


def _is_other_section(lines: list[Line], index: int, level: int, daily: bool) -> bool:
    """Check whether a heading begins something else than a part of the reading."""
    heading = lines[index]
    name = heading.title.strip(_MARKS)
    end = next((i for i in range(index + 1, len(lines)) if 0 < lines[i].level <= heading.level), len(lines))
    texts = [line for line in lines[index + 1 : end] if line.stripped]
    if texts and all(line.is_task for line in texts):
        return True
    if fold(name) in _other_names():
        # Advice may be under such a heading (`### To-do`); it then says of which card it is.
        return not _names_card(name, texts)
    outside = bool(level) and (heading.level < level or daily and heading.level == level)
    return outside and not _is_of_reading(name, texts)


def _is_of_reading(name: str, texts: list[Line]) -> bool:
    """Check whether a section has a sign that it is part of a reading: its name, or a card that it names."""
    folded = fold(name)
    if field_of(name) or position_in(name) or folded in noise_words("beside"):
        return True
    if any(word in folded for word in noise_words("reading sign")) or card_fields.listed(name):
        return True
    return _names_card(name, texts)


def _names_card(name: str, texts: list[Line]) -> bool:
    return bool(find_cards("\n".join([name, *(line.text for line in texts)])[:LONGEST_LOOKED_AT]))


def text_above(lines: list[Line]) -> str:
    """Return the text above the first labels if it reads like a reading: of some length, and it names cards."""
    kept = [line for line in lines if line.kind in (Kind.TEXT, Kind.BLANK) and not line.is_task]
    text = "\n".join(line.text for line in kept).strip()
    long = len("".join(text.split())) >= SHORTEST_ABOVE
    return text if long and (len(set(content_cards.named_cards(text))) > 1 or find_cards(text)) else ""


def trimmed(lines: list[Line]) -> list[Line]:
    """Return the lines of a body without blank lines and separators at its ends, a content label alone below them, and a
    heading with nothing below it."""
    edge = (Kind.BLANK, Kind.SEPARATOR)
    begin = next(
        (index for index, line in enumerate(lines) if line.kind not in edge and not line.is_ornament), len(lines)
    )
    if 0 < begin < len(lines) and _is_content_label(lines[begin]):
        begin += 1
    end = len(lines)
    while end > begin and (lines[end - 1].kind in edge or lines[end - 1].level and end - 1 > begin):
        end -= 1
    return lines[begin:end]


def _is_content_label(line: Line) -> bool:
    label = line.labels[0] if line.labels else None
    return label is not None and label.key[0] == "content" and not line.text[label.end :].strip(_MARKS)


def split_end(lines: list[Line], fields: Fields) -> tuple[list[Line], Fields]:
    """Split a body before the labelled lines at its end (`日期：2024-01-05`, `价格：88`); return it and their fields.

    Fields of a reading are only read there if the head has none of them.
    """
    known = {name for name, _ in fields}
    added: Fields = {}
    end = len(lines)
    for index in range(len(lines) - 1, 0, -1):
        line = lines[index]
        if not line.stripped or line.is_task:
            continue
        if _CHECKED.fullmatch(line.stripped):
            end = index
            continue
        label = line.labels[0] if line.labels else None
        value = line.text[label.end :].strip() if label else ""
        if label is None or not (is_marked(line, label) or not value) or not _may_end(line, label, known):
            break
        if label.key[0] not in known:
            added.setdefault(label.key, []).append((label.name, value))
        end = index
    return without_tasks(lines[:end]), added


def _may_end(line: Line, label: Label, known: set[str]) -> bool:
    name, value = label.key[0], line.text[label.end :]
    if name == "date":
        return _DAY.search(value) is not None  # `时间：三个月内` is an answer
    if name in _IF_MISSING:
        return name not in known and (name not in CARD_LISTS or bool(card_fields.listed(value)))
    return name in _AT_END


def is_marked(line: Line, label: Label) -> bool:
    """Check whether a label is marked by a heading, a colon or brackets, not only by the space after it."""
    return (
        line.stripped[0] == "#"
        or line.text[: label.end].rstrip(" *_").endswith((":", "：", "】", "]"))
        or line.text[: label.end].rstrip().endswith("**")
    )


def _happened(text: str) -> bool:
    """Check for what happened later: it is said of the client, not to them (`八月她回来说，真的搬了`)."""
    folded = fold(text)
    said = any(word in folded for word in noise_words("addressed"))
    return not said and any(word in folded for word in noise_words("happened"))


def split_outcome(lines: list[Line]) -> tuple[list[Line], str]:
    """Split a body before the label of the outcome near its end (`反馈：…`); the outcome is empty if there is none."""
    for index in range(len(lines) - 1, max(0, len(lines) - LINES_AT_END), -1):
        line = lines[index]
        label = line.labels[0] if line.labels else None
        if not label or label.key[0] != "outcome":
            continue
        outcome = "\n".join([line.text[label.end :], *(below.text for below in lines[index + 1 :])]).strip()
        if (
            label.name in noise_words("outcome or plan")
            and not _happened(outcome)
            or not is_marked(line, label)
            or not any(above.text for above in lines[:index])
        ):
            break
        return (lines[:index], outcome) if 0 < len(outcome) <= LONGEST_OUTCOME else (lines, "")
    return lines, ""
