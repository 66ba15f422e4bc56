"""Parts of the lines below a head that belong to something else: other sections of a daily note, lists, tasks."""

import re
from itertools import takewhile

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon.field_names import field_of, name_of
from tarot_data.sources.labels import position_in
from tarot_data.sources.lines import BULLETS, Kind, Line
from tarot_data.sources.noise import has_word, noise_words
from tarot_data.sources.notes.body_end import LONGEST_LOOKED_AT, MARKS, trimmed, without_tasks
from tarot_data.text.normalise import fold

_LONGEST_ALONE = 8
"""Characters of a line that is nothing but the name of something else."""
_DEEPEST = 9
_LABELLED_NAME = re.compile(r"\s*(?:[【\[『「][^】\]』」\n]{1,20}[】\]』」]|\*\*[^*\n]{1,20}\*\*|[^：:\n]{1,20}[：:])")


def own_lines(lines: list[Line], level: int, daily: bool, dated: bool) -> list[Line]:
    """Return the lines of a body without what belongs to something else, and without tasks at its ends.

    level: of the heading above the reading, 0 if it has none. daily: the note has sections of other things. dated: a
    date heads the reading, so that the next date heads something else.
    """
    if dated:
        lines = list(takewhile(lambda line: line.kind != Kind.DATE or line.level, lines))
    if not any(line.level or _other_block(line) for line in lines):
        return without_tasks(lines)
    kept: list[Line] = []
    block: list[Line] = []  # lines under the label of something else, which are body if the body goes on below them
    skipping: str | None = None
    outline = _DEEPEST  # the highest heading of the reading's own sections; deeper ones are parts of them
    for index, line in enumerate(lines):
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


def _other_block(line: Line) -> str | None:
    """Check for the label of something else: `block` if a value is on its line (`记账：午饭 32`), `name` if not."""
    first = line.stripped[:1]
    if not first or first.isalpha() and fold(first) not in _other_starts():
        return None  # most lines begin with another character
    if len(line.stripped) <= _LONGEST_ALONE and fold(line.stripped.strip(MARKS)) in _other_names():
        return "name"
    match = _LABELLED_NAME.match(line.text) if len(line.text) > 1 else None
    if match is None or fold(match[0].strip(MARKS)) not in _other_names():
        return None
    return "block" if line.text[match.end() :].strip(MARKS) else "name"


@lexicon.cached
def _other_names() -> frozenset[str]:
    return frozenset(noise_words("other section"))


@lexicon.cached
def _other_starts() -> frozenset[str]:
    """Return the first characters of these names."""
    return frozenset(name[0] for name in _other_names())


def _is_other_section(lines: list[Line], index: int, level: int, daily: bool) -> bool:
    """Check whether a heading begins something else than a part of the reading."""
    heading = lines[index]
    name = heading.title.strip(MARKS)
    end = next((i for i in range(index + 1, len(lines)) if 0 < lines[i].level <= heading.level), len(lines))
    texts = [line for line in lines[index + 1 : end] if line.stripped]
    if texts and all(line.is_task for line in texts):
        return True
    if fold(name) in _other_names() or name_of(name) == "ignored":
        # Advice may be under such a heading (`### To-do`); it then says of which card it is.
        return not _names_card(name, texts)
    outside = bool(level) and (heading.level < level or daily and heading.level == level)
    return outside and not _is_of_reading(name, texts)


def _is_of_reading(name: str, texts: list[Line]) -> bool:
    """Check whether a section has a sign that it is part of a reading: its name, or a card that it names."""
    folded = fold(name)
    if field_of(name) or position_in(name) or folded in noise_words("beside"):
        return True
    if has_word(folded, "reading sign") or card_fields.listed(name):
        return True
    return _names_card(name, texts)


def _names_card(name: str, texts: list[Line]) -> bool:
    return bool(find_cards("\n".join([name, *(line.text for line in texts)])[:LONGEST_LOOKED_AT]))
