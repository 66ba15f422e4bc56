"""Text of a note tool to lines without the tool's markup, each with its line number in the file.

The marks are rules of `tarot_data/lexicon/markup.toml`; callouts, properties and entities need code.
"""

import html
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labels import labels_in
from tarot_data.sources.lines import Line, to_lines

_MARKERS = _DROPPED, _LOST, _BREAK = "\x02", "\x03", "\x04"
"""Characters that mark, while the rules are applied, a place where markup was removed, a line end inside it, and a line
end that the file does not have."""
_COMMON = " -#>"
_AROUND = " \t>-*+•" + _BREAK
"""Marks of a list item or quotation that are nothing by themselves."""

_PROPERTIES = {"person", "question", "title", "spread", "cards", "position", "orientation", "content", "date"} | {
    "outcome",
    "consent",
    "synthetic",
    "reader",
    "deck",
}
"""Fields that a property (`牌阵:: 圣三角`) may have; others (id, tags, collapsed) are the tool's."""

Replacement = Callable[[re.Match], str]


@dataclass(frozen=True)
class Rule:
    """A kind of markup. marks: texts of which every note with the markup has one; on_line: the pattern is of one line,
    so that only lines with a mark are searched."""

    marks: tuple[str, ...]
    pattern: re.Pattern
    replace: Replacement
    on_line: bool = False

    def applied(self, text: str) -> str:
        """Return a text without this markup."""
        if not self.on_line:
            return self.pattern.sub(self.replace, text)
        parts, end = [], 0
        for start, stop in sorted(set(self._marked_lines(text))):
            parts += text[end:start], self.pattern.sub(self.replace, text[start:stop])
            end = stop
        return "".join([*parts, text[end:]])

    def _marked_lines(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of the lines with a mark."""
        for mark in self.marks:
            found = text.find(mark)
            while found >= 0:
                end = text.find("\n", found)
                end = end if end >= 0 else len(text)
                yield text.rfind("\n", 0, found) + 1, end
                found = text.find(mark, end)


@cache
def entries() -> list[dict[str, object]]:
    """Return the rules of markup.toml."""
    return tomllib.loads(files("tarot_data.lexicon").joinpath("markup.toml").read_text(encoding="utf-8"))["rule"]


@cache
def rules() -> tuple[Rule, ...]:
    of_table = (
        Rule(
            tuple(entry["marks"]),
            re.compile(entry["pattern"], re.MULTILINE),
            _replacement(entry),
            entry.get("on_line", False),
        )
        for entry in entries()
    )
    return (*_BEFORE_TABLE, *of_table, *_AFTER_TABLE)


@cache
def _marks_by_sign() -> dict[str, list[tuple[str, int]]]:
    """Return the marks with the number of their rule, by a character of the mark that few notes have.

    A hundred marks are searched in every note; most notes have none of these twenty characters.
    """
    found: dict[str, list[tuple[str, int]]] = {}
    for number, rule in enumerate(rules()):
        for mark in rule.marks:
            sign = next((each for each in mark if not (each in _COMMON or each.islower())), mark[0])
            found.setdefault(sign, []).append((mark, number))
    return found


def lines_of(text: str) -> list[Line]:
    """Return the lines of a note without markup. Line ends must be \\n; lines are numbered from 1 as in the text."""
    applied = {
        number for sign, marks in _marks_by_sign().items() if sign in text for mark, number in marks if mark in text
    }
    if not applied:
        return to_lines(text.split("\n"))
    for marker in _MARKERS:
        text = text.replace(marker, "")
    for number in sorted(applied):
        text = rules()[number].applied(text)
    return list(_numbered(text)) if any(map(text.__contains__, _MARKERS)) else _with_single_blanks(text)


def text_of(text: str) -> str:
    """Return a note without markup as one text."""
    return "\n".join(line.text for line in lines_of(text))


def _with_single_blanks(text: str) -> list[Line]:
    """Return the lines of a text in which no markup was found, without blank lines below blank lines."""
    lines = to_lines(text.split("\n"))
    return [line for above, line in zip((Line("-"), *lines), lines, strict=False) if line.stripped or above.stripped]


def _numbered(text: str) -> Iterator[Line]:
    """Split at line ends and at added breaks, without lines on which nothing is left."""
    number, closed = 0, False
    for raw in text.split("\n"):
        number += 1
        first, number = number, number + raw.count(_LOST)
        kept = raw.replace(_LOST, "")
        if _DROPPED in kept:
            kept = kept.replace(_DROPPED, "")
            if not kept.strip(_AROUND):
                continue
        if _BREAK not in kept:
            # Of the blank lines above and below a dropped line one is enough.
            if kept.strip() or not closed:
                yield Line(kept, first)
            closed = not kept.strip()
            continue
        if not kept.strip(_BREAK + " \t"):
            continue
        closed = False
        if kept.lstrip()[:1] == "|":
            yield Line(kept.replace(_BREAK, " "), first)
            continue
        yield from (Line(part.strip(), first) for part in kept.strip(_BREAK + " \t").split(_BREAK))


def _replacement(entry: dict[str, object]) -> Replacement:
    to, keep = str(entry["to"]), str(entry.get("keep", ""))

    # `expand` parses its template at every call, which made a note of 300,000 marks slow.
    filled = "\\" in to

    def replace(match: re.Match) -> str:
        after = match.expand(to) if filled else to
        if keep and not (Line(after).is_labelled or keep.endswith("cards") and card_fields.listed(after)):
            return match[0]
        return (after.replace("\n", _BREAK) or _DROPPED) + _LOST * match[0].count("\n")

    return replace


def _callout(match: re.Match) -> str:
    """Unwrap `> [!info]- 牌面` and the quoted lines below it, if its title is a label or labels are in it; any other stays
    a quotation."""
    first, *quoted = match[0].split("\n")
    head = _CALLOUT_HEAD.match(first)
    if head is None:
        return match[0]
    title = head[2].strip() or (head[1] if field_of(head[1]) else "")
    texts = [line.lstrip(" \t>") for line in quoted]
    if field_of(title):
        return "\n".join([f"{title}：", *texts])
    if any(map(labels_in, texts)):
        return "\n".join([title or _DROPPED, *texts])
    return "\n".join([f"> {title}" if title else _DROPPED, *quoted])


def _admonition(match: re.Match) -> str:
    """Write a block of the Admonition plug-in, whose first line may be its title, as a callout."""
    title, _, below = match[2].partition("\n") if match[2].startswith("title:") else ("", "", match[2])
    lines = below.rstrip("\n").split("\n")
    callout = "\n".join([f"> [!{match[1]}] {title.removeprefix('title:').strip()}", *(f"> {line}" for line in lines)])
    return callout + _LOST * (match[0].count("\n") - callout.count("\n"))


def _property_line(match: re.Match) -> str:
    """Read `牌阵:: 圣三角` as a labelled line, also a position and its card; drop a property of no field."""
    value = match["value"] or ""
    kept = _is_field(match["key"]) or bool(card_fields.listed(value.replace("[[", "").replace("]]", "")))
    return f"{match['lead']}{match['key']}：{value}" if kept else _DROPPED


def _bracketed_line(match: re.Match) -> str:
    """Read `[牌阵:: 圣三角] (日期:: 2024-03-05)` as labelled lines."""
    pairs = [(pair["key"].strip(), pair["value"].strip()) for pair in _BRACKETED.finditer(match[0])]
    return _BREAK.join(f"{key}：{value}" for key, value in pairs if _is_field(key)) or _DROPPED


def _is_field(key: str) -> bool:
    known = field_of(key)
    return known is not None and known[0] in _PROPERTIES


def _entity(match: re.Match) -> str:
    return html.unescape(match[0]).replace("\xa0", " ")


_CALLOUT_HEAD = re.compile(r"[ \t>]*\[!([\w-]+)(?:\|[^\]\n]*)?\][+-]?(.*)")
_KEY = r"(?P<key>(?![\s#])[^:：\[\]()|*\n]{0,19}[^\s:：\[\]()|*])"
_BRACKETED = re.compile(rf"[\[(]{_KEY}::(?P<value>[^\[\]()\n]*(?:\([^()\n]*\)[^\[\]()\n]*)*)[\])]")
_BRACKETED_LINE = _BRACKETED.pattern.replace("(?P<key>", "(?:").replace("(?P<value>", "(?:")
_BEFORE_TABLE = (
    Rule(("```ad-",), re.compile(r"^```(ad-[\w-]+)\n((?:(?!```).*\n){0,200}?)```[ \t]*$", re.MULTILINE), _admonition),
)
_AFTER_TABLE = (
    Rule(("[!", "```ad-"), re.compile(r"^[ \t]*>[ \t>]*\[!.*(?:\n[ \t]*>.*)*", re.MULTILINE), _callout),
    Rule(("::",), re.compile(rf"^[ \t]*(?:[-*+] )?(?:{_BRACKETED_LINE}[ \t,，;]*)+$", re.MULTILINE), _bracketed_line),
    Rule(
        ("::",),
        re.compile(
            rf"^(?P<lead>[ \t]*(?:[-*+] )?)(?:\*\*|__)?{_KEY}(?:\*\*|__)?::(?:[ \t]+(?P<value>.*)|$)", re.MULTILINE
        ),
        _property_line,
    ),
    Rule(("::",), re.compile(_BRACKETED.pattern), lambda match: match["value"].strip()),
    Rule(("&",), re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|nbsp|amp|lt|gt|quot|emsp|ensp);"), _entity),
)
