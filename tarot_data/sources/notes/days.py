"""Lines of a day in a note (`3月2日 周六 晴`), and what such lines divide: days of a diary, a text of nobody below a reading."""

import re

from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon.dates import parse_date
from tarot_data.sources.lines import DAY as WHOLE_DAY
from tarot_data.sources.lines import Kind, Line
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes.body_end import is_of_nobody, trimmed
from tarot_data.sources.notes.head_words import DAY, words_of
from tarot_data.text.normalise import fold

LONGEST_SIGNER = 8
"""Characters of the name below the wishes of a letter."""
LONGEST_DAY_LINE = 24
"""Characters of a line of a day, or of the time at which a day closes."""
SHORTEST_DIARY = 40
"""Characters of a text below a rule that addresses nobody and names no card, from which it is no closing."""
_AROUND_WISHES = " ，,。.！!～~"
_WHOLE_DAY = re.compile(rf"{WHOLE_DAY}(?=\s)")
_TIME = re.compile(r"(?<!\d)(?:[01]?\d|2[0-3])[:：][0-5]\d(?!\d)")


def day_alone(line: Line) -> str | None:
    """Return the day of a line that has nothing else but a weekday, a time of day or the weather; None for any other."""
    if len(line.stripped) > LONGEST_DAY_LINE:
        return None
    if DAY.search(line.title) is None:
        in_words = line.stripped[:4].isnumeric() and parse_date(line.stripped).day  # 二〇二五年三月二日
        return line.stripped if in_words else None
    words = words_of(line.title)
    return words.found[0][1] if len(words.found) == 1 and words.day and not words.rest else None


def split_day_at_end(lines: list[Line]) -> tuple[list[Line], str | None]:
    """Split a body before the day that is its last line, as below a letter."""
    last = next((index for index in range(len(lines) - 1, 0, -1) if lines[index].stripped), 0)
    day = day_alone(lines[last]) or _day_with_remark(lines[last]) if last else None
    return (trimmed(without_signer(lines[:last])), day) if day else (without_signer(lines), None)


def without_signer(lines: list[Line]) -> list[Line]:
    """Return the lines of a letter without the name below its wishes (`祝好` over `南鸢`)."""
    texts = [index for index, line in enumerate(lines) if line.stripped]
    if len(texts) < 3 or not fold(lines[texts[-2]].stripped.strip(_AROUND_WISHES)).endswith(noise_words("wishes")):
        return lines
    name, wishes = lines[texts[-1]], lines[texts[-2]]
    short = len(name.stripped) <= LONGEST_SIGNER and len(wishes.stripped) <= LONGEST_DAY_LINE
    return lines[: texts[-1]] if short and not name.ends_sentence and is_of_nobody(name.text) else lines


def _day_with_remark(line: Line) -> str | None:
    """Return the day with its year that a last line begins with, if few words follow: `2024年6月6日 记于书房`."""
    match = _WHOLE_DAY.match(line.stripped)
    short = match and len(line.stripped) <= LONGEST_DAY_LINE and not line.ends_sentence and not line.labels
    return match[0] if short and is_of_nobody(line.text) else None


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


def _time_at_end(lines: list[Line]) -> int | None:
    """Return the index of a short last line with a time of day, apart from the text above; None if there is none."""
    texts = [index for index, line in enumerate(lines) if line.stripped]
    if len(texts) < 2 or lines[texts[-1] - 1].stripped:
        return None
    last = lines[texts[-1]].stripped
    return texts[-1] if len(last) <= LONGEST_DAY_LINE and _TIME.search(last) and is_of_nobody(last) else None


def _is_diary(lines: list[Line]) -> bool:
    """Check for text without labels and headings that names no card and addresses nobody."""
    texts = [line for line in lines if line.stripped]
    if not texts or any(line.labels or line.level for line in texts):
        return False
    return is_of_nobody("\n".join(line.text for line in texts))
