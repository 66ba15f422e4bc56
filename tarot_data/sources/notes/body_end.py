"""The ends of a body: blank lines, tasks, hash tags, labelled lines, the outcome, what became of the client."""

import re

from tarot_data.cards import card_fields
from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon.field_names import CARD_LISTS
from tarot_data.sources.field_values import Fields
from tarot_data.sources.lines import DAY, Kind, Line
from tarot_data.sources.noise import has_word, noise_words
from tarot_data.text.normalise import fold

LINES_AT_END = 8
"""Lines at the end of a body among which the label of the outcome is."""
LONGEST_OUTCOME = 400
"""Characters of a note about the outcome below a reading."""
LONGEST_DAY_TOLD = 60
"""Characters of a paragraph about the day of the writer."""
LONGEST_SIGNATURE = 14
LONGEST_ORDER_LINE = 24
"""Characters of a line about the order."""
LINES_BELOW_TAGS, LONGEST_BELOW_TAGS = 3, 40
"""Lines below the hash tags of a post, and their characters: who is mentioned, a request for comments."""
LONGEST_LOOKED_AT = 2000
"""Characters of a section in which cards are looked for."""
_ASIDES = ("()", "（）", "**", "__", "[]", "【】")
MARKS = " \t\u3000>#*_-•·■□◆●▪【】[]「」『』：:"
_CHECKED = re.compile(r"[\w，。！、 ]{0,10}[✅☑✔✓]\ufe0f?|[✅☑✔✓]\ufe0f?[\w，。！、 ]{0,10}")
"""A short line with a check mark is about the order: `好评✅`."""
_DAY = re.compile(DAY)
_AT_END = {"date", "ignored", "tags", "id", "reader", "deck", "consent", "synthetic"}
"""Fields that may be below a body."""
_IF_MISSING = {"person", "question", "spread", *CARD_LISTS}
"""Fields that a block below a body gives if the head has none of them."""


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
    return line.field == "content" and not line.value.strip(MARKS)


def unquoted(lines: list[Line]) -> list[Line]:
    """Return the lines of a body without the marks of a quotation that all of it is in."""
    if not all(line.stripped[:1] in (">", "") for line in lines):
        return lines
    return [Line(line.text.lstrip(" >"), line.number) for line in lines]


def without_tasks(lines: list[Line]) -> list[Line]:
    """Return lines without the tasks at their beginning and end, unless a label or heading of the reading is above."""
    begin = next((index for index, line in enumerate(lines) if _is_no_task(line)), None)
    if begin is None:
        return []
    end = next(index for index in range(len(lines), begin, -1) if _is_no_task(lines[index - 1]))
    if lines[end - 1].level or lines[end - 1].stripped.endswith((":", "：")):
        end = len(lines)
    return lines[begin if any(line.is_task for line in lines[:begin]) else 0 : end]


def _is_no_task(line: Line) -> bool:
    return bool(line.stripped) and not line.is_task


def without_tags(lines: list[Line]) -> list[Line]:
    """Return the lines of a body without a paragraph of hash tags at its end (`#塔罗 #复合`), and few short lines below them
    that name no card."""
    texts = [index for index, line in enumerate(lines) if line.stripped]
    near = texts[-LINES_BELOW_TAGS - 1 :]
    tags = next((index for index in reversed(near) if _is_of_tags(lines[index])), None)
    if not tags or lines[tags - 1].stripped:
        return lines
    below = [lines[index] for index in near if index > tags]
    if any(len(line.stripped) > LONGEST_BELOW_TAGS or find_cards(line.text) for line in below):
        return lines
    return trimmed(lines[:tags])


def _is_of_tags(line: Line) -> bool:
    return line.stripped[0] == "#" and not line.level and all(word[0] == "#" for word in line.stripped.split())


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
        if not line.labels or not (_is_marked(line) or not line.value.strip()) or not _may_end(line, known):
            break
        if line.field not in known:
            label = line.labels[0]
            added.setdefault(label.key, []).append((label.name, line.value.strip()))
        end = index
    return without_tasks(lines[:end]), added


def _may_end(line: Line, known: set[str]) -> bool:
    if line.field == "date":
        return _DAY.search(line.value) is not None  # `时间：三个月内` is an answer
    if line.field in _IF_MISSING:
        return line.field not in known and (line.field not in CARD_LISTS or bool(card_fields.listed(line.value)))
    return line.field in _AT_END


def _is_marked(line: Line) -> bool:
    """Check whether the label of a line is marked by a heading, a colon or brackets, not only by the space after it."""
    label = line.text[: line.labels[0].end].rstrip()
    return line.stripped[0] == "#" or label.endswith("**") or label.rstrip(" *_").endswith((":", "：", "】", "]"))


def split_outcome(lines: list[Line]) -> tuple[list[Line], str]:
    """Split a body before the label of the outcome near its end (`反馈：…`); the outcome is empty if there is none."""
    for index in range(len(lines) - 1, max(0, len(lines) - LINES_AT_END), -1):
        line = lines[index]
        if line.field != "outcome":
            continue
        outcome = "\n".join([line.value, *(below.text for below in lines[index + 1 :])]).strip()
        planned = line.labels[0].name in noise_words("outcome or plan") and not _happened(outcome)
        if planned or not _is_marked(line) or not any(above.text for above in lines[:index]):
            break
        return (lines[:index], outcome) if len(outcome) <= LONGEST_OUTCOME else (lines, "")
    return lines, ""


def without_day(lines: list[Line]) -> list[Line]:
    """Return the lines of a body without a last paragraph of one line about the day of its writer: it names no card and
    addresses nobody (`晚上整理了牌布，早睡。`)."""
    last = lines[-1] if len(lines) > 2 and not lines[-2].stripped else Line("")
    tells = fold(last.stripped).startswith(noise_words("time of day")) and len(last.stripped) <= LONGEST_DAY_TOLD
    return trimmed(lines[:-1]) if tells and _happened(last.text) and not find_cards(last.text) else lines


def _happened(text: str) -> bool:
    """Check for what happened later: it is said of the client, not to them (`八月她回来说，真的搬了`)."""
    folded = fold(text)
    return not has_word(folded, "addressed") and has_word(folded, "happened")


def without_aftermath(lines: list[Line], persons: list[str]) -> list[Line]:
    """Return the lines of a body without a signature (`——月白塔罗`, or below the `--` of a mail), a last paragraph about the order, or a last line that says what became of the
    client: in brackets, quoted, in italics or beginning with their name (`（阿眠后来说转了）`)."""
    last = len(lines) - 1
    if last < 1 or not lines[last].stripped:
        return lines
    mail = next(
        (index for index in range(last, max(0, last - LINES_BELOW_TAGS - 1), -1) if lines[index].stripped == "--"), 0
    )
    if mail and is_of_nobody("\n".join(line.text for line in lines[mail:])):
        return trimmed(lines[:mail])
    if _is_signature(lines[last]):
        return trimmed(lines[:last])
    start = next((index for index in range(last, 0, -1) if lines[index].is_ornament), -1) + 1
    if start and _is_housekeeping(lines[start:], bool(lines[start - 1].stripped)):
        return trimmed(lines[:start])
    text = lines[last].stripped
    marked = (text[0] + text[-1]) in _ASIDES or text[0] == ">"
    named = not lines[last - 1].stripped and text.startswith(tuple(filter(None, persons)))
    return trimmed(lines[:last]) if (marked or named) and _happened(text) and not find_cards(text) else lines


def _is_signature(line: Line) -> bool:
    """Check for a last line of a dash and a few words that are no sentence."""
    return line.stripped[:1] in "—–" and len(line.stripped) <= LONGEST_SIGNATURE and is_of_nobody(line.text)


def _is_housekeeping(lines: list[Line], apart: bool) -> bool:
    """Check for short lines about the order, of which one has a label that is not read (`收款 88 已到`). apart: they are
    under a rule, and may be sentences."""
    if any(len(line.stripped) > LONGEST_ORDER_LINE or line.ends_sentence and not apart for line in lines):
        return False
    labelled = any(line.field == "ignored" for line in lines)
    return labelled and is_of_nobody("\n".join(line.text for line in lines))


def is_of_nobody(text: str) -> bool:
    """Check that a text names no card and addresses nobody."""
    text = text[:LONGEST_LOOKED_AT]
    return not has_word(fold(text), "addressed") and not find_cards(text)
