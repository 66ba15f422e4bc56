"""Labelled notes in .txt and .md, several readings a file, and Obsidian notes with front matter."""

import re
from collections import Counter
from collections.abc import Iterator

from tarot_data import lexicon
from tarot_data.cards import content_cards
from tarot_data.lexicon.field_names import field_of, synonyms
from tarot_data.sources.encoding import text_of
from tarot_data.sources.labelled_lines import Fields, Head, known_fields, labels_in, read_head
from tarot_data.sources.notes.embedded_tables import table_lines
from tarot_data.sources.notes.front_matter import FORM, day_in_name, front_matter, record_of_note
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

_SEPARATOR = re.compile(
    rf"^\s*(?:[-=_*~～—―─━－＝＊·•#.＿〰◆◇■□●○★☆✿❀※▪▫\s]{{3,}}|[-=_*~—─\s]*分[割隔]线[-=_*~—─\s]*|第\s?[0-9{NUMERALS}百]{{1,4}}\s?[位个條条则份页頁]\s?(?:客人|客户)?|[-—]?\s?\d{{1,4}}\s?[-—]?)\s*$"
)
_AROUND_DAY = r"\s#*_~=—―─–\-●○•◆■▪★☆📅🗓\ufe0f【】\[\]「」（）()"
_DATE_LINE = re.compile(
    rf"^[{_AROUND_DAY}]{{0,12}}(?:(?:19|20)\d{{2}}\s?[-/.年]\s?\d{{1,2}}\s?[-/.月]\s?\d{{1,2}}\s?[日号]?|(?:19|20)\d{{6}}(?!\d))"
    rf"[^\n]{{0,8}}?[{_AROUND_DAY}]{{0,12}}$"
)
_DAY_BEHIND = re.compile(
    r"^[^\s\d]{1,12}[\s·|｜,，_-]+((?:19|20)\d{2}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}\s?[日号]?)$"
)
"""A day behind a name in a heading: `阿宁 2024-01-05`."""
_COUNTED = re.compile(rf"[0-9]{{1,4}}|[{NUMERALS}]{{1,3}}")
_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad]")
_HEADING = re.compile(r"^\s{0,3}#{1,3}\s+(?=\S)")


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    if front_matter(sample.text) is not None:
        return True
    lines = sample.text.split("\n")[:400]
    for index, line in enumerate(lines):
        if labels_in(line):
            head = read_head(lines, index)
            if len(head.names) >= 2:
                return True
    return len(content_cards.named_cards(sample.text[:20_000])) >= 1 and bool(
        re.search(r"[\u4e00-\u9fff]{4}", sample.text)
    )


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    matter = front_matter(text)
    if matter is not None:
        fields, body, line = matter
        lines = body.split("\n")
        if not any(key[0] == "cards" for key in fields) and starts_of(lines):
            # A daily note: its front matter holds for all the readings in it.
            numbers = list(range(line + 1, line + 1 + len(lines)))
            yield from split(lines, blob, FORM, numbers=numbers, common=fields)
        else:
            yield record_of_note(blob, fields, body)
        return
    lines, numbers = _without_tables(text.split("\n"))
    yield from split(lines, blob, FORM, numbers=numbers)


def split(
    lines: list[str],
    blob: Blob,
    form: str,
    locator: str = "line {}",
    numbers: list[int] | None = None,
    common: Fields | None = None,
) -> Iterator[RawRecord | Rejected]:
    """The readings of labelled lines, in order; a file without any label is one record, kept whole.

    numbers: what each line is called in the locator, where not its own number. common: fields that hold for every
    reading which does not say otherwise.
    """
    numbers = numbers or list(range(1, len(lines) + 1))
    starts = starts_of(lines)
    if not starts:
        body = "\n".join(lines).strip()
        heading = re.match(r"^#\s+(.+)$", body)
        place = source_of(blob, locator.format(numbers[0] if numbers else 1), form)
        day = day_in_name(blob.name)
        fields = {**(common or {}), **({("date", 1): [("日期", day)]} if day else {})}
        yield to_record(fields, place, content=body, title=heading[1].strip() if heading else None, date_hint=blob.hint)
        return
    if not common and starts[0][0] and not any("person" in head.names for _, head in starts):
        above = next((index for index in range(min(8, starts[0][0])) if lines[index].strip()), 0)
        client = read_head(lines, above) if labels_in(lines[above]) else Head()
        common = client.fields if client.names == {"person"} else common
    begins = [_beginning(lines, start, max(0, start - 8)) for start, _ in starts]
    counted = _counted(begins, lines)
    begins = [min(begin, counted.get(begin, begin)) for begin in begins]
    if all(_count_above(lines, start) == number for number, (start, _) in enumerate(starts, 1)):
        # `2️⃣ 阿宁` above the labels of the second reading belongs to it.
        for number, (start, _) in enumerate(starts):
            above = next(index for index in range(start - 1, -1, -1) if lines[index].strip())
            begins[number] = min(begins[number], above)
    ends = [*begins[1:], len(lines)]
    separators = {lines[begin].strip() for begin in begins[1:] if _SEPARATOR.match(lines[begin])}
    day_above: str | None = day_in_name(blob.name)
    parts: Counter[str] = Counter()  # of one paragraph or line several readings may be made
    for (start, head), begin, end in zip(starts, begins, ends, strict=True):
        title, name = None, ""
        for line in filter(str.strip, lines[begin + (begin in counted.values()) : start]):
            if _DATE_LINE.match(line):
                day_above = re.sub(rf"^[{_AROUND_DAY}]+|[{_AROUND_DAY}]+$", "", line)
                name = re.sub(r"^[\d\-/.年月日号\s]+", "", day_above)
            elif not _SEPARATOR.match(line):
                title = _HEADING.sub("", line).strip()
                day_above = (_DAY_BEHIND.search(title) or [None, day_above])[1]
        if title is None and name and ("question", 1) in head.fields:
            title = name
        body_lines = lines[head.body : max(end, head.body)]
        while body_lines and (not body_lines[-1].strip() or body_lines[-1].strip() in separators):
            body_lines.pop()
        fields = {**(common or {}), **head.fields}
        if ("outcome", 1) not in fields:
            body_lines, said = _without_outcome(body_lines)
            fields.update({("outcome", 1): [("反馈", said)]} if said else {})
        if day_above and ("date", 1) not in fields:
            fields[("date", 1)] = [("日期", day_above)]
        place = locator.format(numbers[start])
        parts[place] += 1
        place = f"{place} part {parts[place]}" if parts[place] > 1 else place
        yield to_record(
            fields,
            source_of(blob, place, form),
            content="\n".join(([head.inline] if head.inline else []) + body_lines).strip(),
            title=title,
            date_hint=blob.hint,
        )


LONGEST_OUTCOME = 400
"""Characters of what is noted about the outcome below a reading."""


_AHEAD = ("后续", "followup")
"""Labels that in a body may as well be about what is to come."""


@lexicon.cached
def _outcomes() -> tuple[str, ...]:
    return tuple(word for word, (name, _) in synonyms().items() if name == "outcome")


def _without_outcome(lines: list[str]) -> tuple[list[str], str]:
    """A body without what a label of the outcome begins at its end (`反馈：…`), and that."""
    for index in range(len(lines) - 1, max(0, len(lines) - 8), -1):
        beginning = fold(lines[index][:30])
        if not any(word in beginning for word in _outcomes()):
            continue
        labels = labels_in(lines[index])
        if not labels:
            continue
        label, _, end = labels[0]
        if (
            field_of(label)[0] != "outcome"
            or fold(label) in _AHEAD
            or not re.search(r"^\s*#|[:：】\]]\s?$", lines[index][:end])
            or not any(lines[:index])
        ):
            return lines, ""
        said = "\n".join([lines[index][end:], *lines[index + 1 :]]).strip()
        return (lines[:index], said) if 0 < len(said) <= LONGEST_OUTCOME else (lines, "")
    return lines, ""


def _counted(begins: list[int], lines: list[str]) -> dict[int, int]:
    """Lines that count the readings (`【2】`, `案例三`, `2/6`), each by the beginning it stands above: one above every reading
    but perhaps the first, all of one shape, one more each time."""
    above: dict[int, int] = {}
    for begin in begins:
        index = next((index for index in range(begin - 1, max(-1, begin - 4), -1) if lines[index].strip()), None)
        if index is not None and _COUNTED.search(lines[index]) and len(lines[index].strip()) <= LONGEST_COUNT:
            above[begin] = index
    found = {begin: lines[index].strip() for begin, index in above.items()}
    shapes = {_COUNTED.sub("0", line, count=1) for line in found.values()}
    counts = [to_int(_COUNTED.search(line)[0]) or 0 for line in found.values()]
    follows = all(later == former + 1 for former, later in zip(counts, counts[1:], strict=False))
    return above if len(found) > 1 and len(found) >= len(begins) - 1 and len(shapes) == 1 and follows else {}


LONGEST_COUNT = 20
"""Characters of a line that counts the readings."""


def _without_tables(lines: list[str]) -> tuple[list[str], list[int]]:
    """Lines with the Markdown tables at the top of a reading as labelled lines, and the number each line had."""
    found, numbers = [], []
    index = 0
    while index < len(lines):
        rows, end = _table_at(lines, index)
        added = lines[index : index + 1]
        if rows and _heads_reading(rows, [line for line in found[-8:] if line.strip()]):
            added = table_lines(rows)
        else:
            end = index + 1
        found += added
        numbers += [index + 1] * len(added)
        index = end
    return found, numbers


def _table_at(lines: list[str], index: int) -> tuple[list[list[str]], int]:
    """Rows of the Markdown table that begins at a line, the rule below its header left out, and the line behind it."""
    if not (lines[index].lstrip().startswith("|") and index + 1 < len(lines) and _RULE.match(lines[index + 1])):
        return [], index
    end = index
    while end < len(lines) and lines[end].lstrip().startswith("|"):
        end += 1
    rows = [[cell.strip(" *") for cell in line.strip().strip("|").split("|")] for line in lines[index:end]]
    return [rows[0], *rows[2:]], end


_RULE = re.compile(r"^\s*\|(?=[^\n]*--)[\s:|\-]+$")


def _heads_reading(rows: list[list[str]], above: list[str]) -> bool:
    """Whether a table is a reading's head: labels beside their values, or the cards that the labels above it lack."""
    labelled = {known[0] for row in rows if len(row) == 2 and (known := field_of(row[0]))}
    if {"person", "question", "cards"} & labelled and len(labelled) > 1:
        return True
    header = {known[0] for cell in rows[0] if (known := field_of(cell))}
    labels = [label for line in above[::-1][:6] for label, _, _ in labels_in(line)]
    return "cards" in header and bool(above) and bool(labels_in(above[-1])) and "cards" not in known_fields(labels)


def _beginning(lines: list[str], start: int, floor: int) -> int:
    """Where the reading whose labels begin at a line begins itself: at the separator, date or title above them.

    A title is a heading, or a short line between a separator and the labels; without a separator such a line is the
    end of the body above.
    """
    begin = start
    plain = 0
    for index in range(start - 1, floor - 1, -1):
        line = lines[index]
        if not line.strip():
            continue
        if _SEPARATOR.match(line):
            return index
        if _DATE_LINE.match(line) or _HEADING.match(line):
            # Between a day and the labels a name may stand, as a title may below a separator.
            begin = index if plain == 0 or not _HEADING.match(line) and begin == start else begin
            continue
        plain += 1
        if plain > 1 or len(line.strip()) > 40 or re.search(r"[。！？!?…]", line):
            break
    else:
        if floor == 0 and plain == 1:
            # The first line of a file is a title too.
            return 0
    return begin


def starts_of(lines: list[str]) -> list[tuple[int, Head]]:
    """Where readings begin, with their heads.

    The first is the first labelled block. A later one begins with a word that began an earlier one, or stands under a
    separator: labels inside a body (`问题：`, even `客户：` under a heading) are body.
    """
    found: list[tuple[int, Head]] = []
    words: set[str] = set()
    index = marked = 0
    while index < len(lines):
        labels = labels_in(lines[index])
        if not labels:
            index += 1
            continue
        head = read_head(lines, index, title=_title_above(lines, index))
        names = head.names
        word = fold(labels[0][0]).strip()
        asks = bool(names & {"person", "question", "cards"}) and (len(names) >= 2 or head.inline != "")
        above = _above(lines, index)
        if not found:
            begins = asks
        elif _SEPARATOR.match(above) or _DATE_LINE.match(above):
            # Whoever asks anonymously still asks something and draws; a follow-up (`追问：`, no field) is the same sitting.
            anonymous = {"question", "cards"} <= names
            begins = asks and len(names) >= 2 and ("person" in names or word in words or anonymous)
        else:
            told = {"question", "cards"} <= names and (
                _heading_above(lines, index) == marked != 0 or _count_above(lines, index) == len(found) + 1
            )
            begins = asks and len(names) >= 2 and word in words and ("person" in names or told)
        if begins:
            marked = _heading_above(lines, index) if not found else marked
            found.append((index, head))
            words.add(word)
            index = max(head.body, index + 1)
        else:
            index += 1
    return found


def _line_above(lines: list[str], index: int) -> str:
    """The first line with anything in it above another, three lines up at most."""
    return next((lines[above] for above in range(index - 1, max(-1, index - 4), -1) if lines[above].strip()), "")


def _heading_above(lines: list[str], index: int) -> int:
    """The level of the heading right above a line, 0 where there is none."""
    above = _line_above(lines, index).lstrip()
    return len(above) - len(above.lstrip("#")) if _HEADING.match(above) else 0


_COUNT = re.compile(r"^\W{0,3}([0-9]{1,3})(?:\ufe0f?\u20e3|\s?[.、:：)）】])\s*\S.{0,20}$")


def _count_above(lines: list[str], index: int) -> int:
    """The number that a line above another begins with (`2️⃣ 阿宁`), 0 where it has none."""
    match = _COUNT.match(_line_above(lines, index))
    return int(match[1]) if match else 0


def _above(lines: list[str], index: int) -> str:
    """The separator or date line above a line, with no more than a title between; a separator at the top of the file."""
    begin = _beginning(lines, index, max(0, index - 8))
    return lines[begin] if begin < index and not _HEADING.match(lines[begin]) else "---" if index == 0 else ""


def _title_above(lines: list[str], index: int) -> str | None:
    """The title right above a labelled block."""
    begin = _beginning(lines, index, max(0, index - 8))
    titles = [
        line
        for line in lines[begin:index]
        if line.strip() and not _SEPARATOR.match(line) and not _DATE_LINE.match(line)
    ]
    return _HEADING.sub("", titles[-1]).strip() if titles else None
