"""Recognisers of contact details, compiled from `lexicon/recognisers.toml` and the cue words of `lexicon/contacts.csv`.

The code has no words: a new form of contact detail is an entry of the table, a new kind a row of contacts.csv.
"""

import re
import tomllib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.privacy.checksums import CHECKS
from tarot_data.text.normalise import script_table, widths

TABLE = "recognisers.toml"
FLAGS = re.IGNORECASE | re.VERBOSE | re.DOTALL | re.ASCII
_REFERENCE = re.compile(r"\{([a-z_]+)\}")
_ENGLISH = re.compile("[a-z]+")


def _lazy(column: str) -> cached_property:
    """Return an attribute that compiles the pattern of a column at first use; None if the entry has none."""
    return cached_property(lambda row: re.compile(row.texts[column], FLAGS) if column in row.texts else None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recogniser:
    """One form of contact detail; the columns are described at the top of recognisers.toml."""

    kind: str
    when: str
    cue: bool
    long_cue: bool
    texts: dict[str, str]
    """Pattern by column; compiled at first use, since most texts need few of them and all take 0.2 s."""
    checks: tuple[Callable[[str], bool], ...]
    pieces: bool
    example: str
    counter_example: str
    line: int
    """Line of the entry in recognisers.toml."""

    pattern = _lazy("pattern")
    behind = _lazy("behind")
    before = _lazy("before")
    detail = _lazy("detail")
    after = _lazy("after")
    lead = _lazy("lead")
    outside = _lazy("outside")

    def spans(self, look: "Look") -> Iterator[tuple[int, int]]:
        """Yield start and end of every detail of this form in a text in plain form."""
        behind = "behind" in self.texts
        for match in self._behind_cues(look) if behind else look.matches(self.pattern, self.when == "digits"):
            yield from self._details(match, look)

    def _behind_cues(self, look: "Look") -> Iterator[re.Match]:
        """Yield the matches of `behind` at the ends of cue words, of each detail once."""
        for start, end in look.cues(self.kind):
            if end - start > self.long_cue and (self.before is None or self.before.match(look.text, start)):
                match = self.behind.match(look.text, end)
                if match:
                    yield match

    def _details(self, match: re.Match, look: "Look") -> list[tuple[int, int]]:
        """Return the spans of a match of the pattern that are details."""
        spans = [span for span in match.regs[1:] if span[0] >= 0] if match.re.groups else [match.span()]
        if self.lead:
            spans = [(self.lead.match(look.text, *span).end(), span[1]) for span in spans]
        return [span for span in spans if self._accepts(look, *span)]

    def _accepts(self, look: "Look", start: int, end: int) -> bool:
        """Check the detail itself and the text around it."""
        found = look.text[start:end]
        return (
            (self.detail is None or self.detail.fullmatch(found) is not None)
            and (self.after is None or self.after.match(look.text, end) is not None)
            and all(check(found) for check in self.checks)
            and (self.outside is None or not look.overlaps(self.outside, start, end))
        )


class Look(dict[str, bool]):
    """The triggers that hold in a text (half width), by name, each tested on first use."""

    def __init__(self, text: str, whole: str = "") -> None:
        """whole: the text that `text` is a part of, whose cue words count too."""
        self.text = text
        self._whole = whole or text
        self._cues: dict[str, list[tuple[int, int]]] = {}
        self._matches: dict[tuple[re.Pattern, bool], list[re.Match]] = {}

    def __missing__(self, trigger: str) -> bool:
        holds = self[trigger] = triggers()[trigger].holds(self)
        return holds

    @cached_property
    def characters(self) -> set[str]:
        return set(self.text)

    @cached_property
    def zones(self) -> list[tuple[int, int]]:
        """Return the spans around numbers, in which alone the recognisers of the trigger `digits` search."""
        return [(max(0, a - ZONE_EDGE), b + ZONE_EDGE) for a, b in (m.span() for m in _zone().finditer(self.text))]

    def cues(self, kind: str) -> list[tuple[int, int]]:
        """Return start and end of every cue word of a kind, of words that begin at the same place each."""
        if kind not in self._cues:
            self._cues[kind] = sorted(span for one in cue_patterns(kind) for span in _cue_spans(one, self.text))
        return self._cues[kind]

    def matches(self, pattern: re.Pattern, near_digits: bool = False) -> list[re.Match]:
        """Return the matches of a pattern, searched once for all entries that have it. near_digits: only in `zones`."""
        key = pattern, near_digits
        if key not in self._matches:
            zones = self.zones if near_digits else ((),)
            self._matches[key] = [match for zone in zones for match in pattern.finditer(self.text, *zone)]
        return self._matches[key]

    def overlaps(self, pattern: re.Pattern, start: int, end: int) -> bool:
        """Test whether a match of a pattern overlaps a span."""
        matches = self.matches(pattern)
        last = bisect_left(matches, end, key=re.Match.start) - 1
        return last >= 0 and matches[last].end() > start

    @cached_property
    def announced(self) -> set[str]:
        """Return the kinds that have a cue word in the text."""
        return announced_kinds(self._whole)


def _cue_spans(pattern: re.Pattern, text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every match of a pattern, overlapping ones and shorter ones from the same start too."""
    match = pattern.search(text)
    while match:
        start, end = match.span()
        yield start, end
        yield from ((start, at) for at in range(end - 1, start, -1) if pattern.fullmatch(text, start, at))
        match = pattern.search(text, start + 1)


@cache
def _table() -> dict:
    return tomllib.loads(_text())


@cache
def _text() -> str:
    return (files("tarot_data.lexicon") / TABLE).read_text(encoding="utf-8")


@cache
def _zone() -> re.Pattern:
    return re.compile(_table()["zone"], re.VERBOSE)


ZONE_EDGE = 6
"""Characters before and after a zone that belong to it: brackets, letters. No more than `zone` skips between digits."""


def signed_parts(text: str) -> list[tuple[int, int]]:
    """Return the spans of a text in plain form that may hold contact details: nine texts of ten have none.

    Lines with a sign, with the line before and after them, since a word that announces a detail may be there.
    """
    spans = sorted(span for pattern in _signs() for span in _lines_around(pattern, text))
    parts: list[tuple[int, int]] = []
    for start, end in spans:
        if parts and start <= parts[-1][1]:
            parts[-1] = (parts[-1][0], max(end, parts[-1][1]))
        else:
            parts.append((start, end))
    return parts


def _lines_around(pattern: re.Pattern, text: str) -> Iterator[tuple[int, int]]:
    """Yield the span of every line with a match, from the line before it to the line after; empty lines do not count."""
    match = pattern.search(text)
    while match:
        start = text.rfind("\n", 0, match.start()) + 1
        before = text.rfind("\n", 0, len(text[:start].rstrip())) + 1
        end = (text.find("\n", match.start()) + 1 or len(text) + 1) - 1
        after = len(text) - len(text[end:].lstrip())
        yield before, (text.find("\n", after) + 1 or len(text) + 1) - 1
        match = pattern.search(text, max(end, match.start() + 1))


@lexicon.cached
def _signs() -> tuple[re.Pattern, ...]:
    """Return a pattern of all signs and telling words, each found by two characters, and one of the wider signs."""
    lettered = [
        word for kind in _table()["lettered_kinds"] for one in ("cues", "hints") for word in _by_kind(one)[kind]
    ]
    ends = "".join(sorted({re.escape(word[-1]) for word in lettered if word and not word[-1].isascii()}))
    signs = [_SIGN.fullmatch(text.replace("{cue_ends}", ends)).groups() for text in _table()["signs"]]
    signs += [(f"[{word[0]}]", f"[{word[1]}]", word[2:]) for word in _table()["triggers"]["telling_words"]["words"]]
    for word in dict.fromkeys(word.removesuffix("*") for word in lettered):
        if word.isascii() and word.isalpha() and word[1:]:
            first, second, *rest = (f"[{letter.lower()}{letter.upper()}]" for letter in word)
            signs.append((first, second, f"(?<![A-Za-z]..){''.join(rest)}(?![A-Za-z])"))
    return tuple(_searched_at_once([sign for sign in signs if (WIDE in sign[1]) == wide]) for wide in (False, True))


def _searched_at_once(signs: list[tuple[str, str, str]]) -> re.Pattern:
    """Return one pattern of signs that skips, by classes of all, what cannot be the first two characters of one.

    The second character is tried before the first: the regular expression engine leaves an alternative at once if the
    class it begins with does not fit.
    """
    firsts, seconds = ("".join(sign[place][1:-1] for sign in signs) for place in (0, 1))
    parts: dict[str, list[str]] = defaultdict(list)
    for first, second, rest in signs:
        parts[second].append(f"(?<={first}.){rest}")
    branches = "|".join(f"{second}(?:{'|'.join(rests)})" for second, rests in parts.items())
    return re.compile(f"[{firsts}](?=[{seconds}])(?:{branches})", re.DOTALL)


_SIGN = re.compile(r"(\[.+?(?<!\\)\])(\[.+?(?<!\\)\])(.*)", re.DOTALL)
"""Two classes of one character, and the rest of a sign."""

WIDE = r"\w"
"""Class of a second character that any letter is in."""


class Trigger(NamedTuple):
    """A test of a text: a pattern that is found in it, or others of which any holds."""

    starts: frozenset[str]
    """Characters of which one is in every text in which it holds."""
    pattern: re.Pattern | None
    any_of: tuple[str, ...] = ()

    def holds(self, look: Look) -> bool:
        if self.starts.isdisjoint(look.characters):
            return False
        return any(look[name] for name in self.any_of) if self.any_of else self.pattern.search(look.text) is not None


@cache
def triggers() -> dict[str, Trigger]:
    """Return the triggers by name."""
    characters = "".join({*map(chr, range(128)), *_text()})
    found: dict[str, Trigger] = {}
    for name, one in sorted(_table()["triggers"].items(), key=lambda item: "any" in item[1]):
        if "any" in one:
            starts = frozenset().union(*(found[other].starts for other in one["any"]))
            found[name] = Trigger(starts, None, tuple(one["any"]))
        elif "words" in one:
            starts = frozenset(word[0] for word in one["words"])
            found[name] = Trigger(starts, re.compile("|".join(map(re.escape, one["words"]))))
        else:
            start = _START.match(one["pattern"])[1]
            found[name] = Trigger(frozenset(re.findall(start, characters)), re.compile(one["pattern"], re.VERBOSE))
    return found


_START = re.compile(r"\s*(\[.+?(?<!\\)\]|.)", re.DOTALL)
"""The character or class that a pattern begins with."""


@lexicon.cached
def groups() -> tuple[tuple[str, tuple[Recogniser, ...]], ...]:
    """Return trigger and recognisers of neighbours in the table that have the same trigger; "" is any cue word."""
    return tuple((when, tuple(rows)) for when, rows in groupby(recognisers(), key=lambda row: row.when))


@lexicon.cached
def recognisers() -> tuple[Recogniser, ...]:
    """Return the compiled recognisers in the order of the table."""
    lines = [number for number, line in enumerate(_text().splitlines(), 1) if line.startswith("[[recogniser]]")]
    rows = zip(_table()["recogniser"], lines, strict=True)
    return tuple(_compiled(row, line) for row, line in rows if not _switched_off(row))


def _switched_off(row: dict) -> bool:
    setting, _, value = row.get("unless", "").partition("=")
    return bool(setting) and lexicon.setting(setting) == value


def _compiled(row: dict, line: int) -> Recogniser:
    parts = _parts(row["kind"])
    texts = {name: row[name] for name in ("pattern", "behind", "before", "detail", "after", "lead") if row.get(name)}
    if "outside" in row:
        texts["outside"] = parts[row["outside"]]
    return Recogniser(
        kind=row["kind"],
        when=row.get("when", ""),
        cue=row.get("cue", False),
        long_cue=row.get("long_cue", False),
        texts={name: _filled(text, parts) for name, text in texts.items()},
        checks=tuple(CHECKS[name] for name in row.get("checks", ())),
        pieces=row.get("pieces", False),
        example=row["example"],
        counter_example=row["counter_example"],
        line=line,
    )


def _filled(text: str, parts: dict[str, str]) -> str:
    """Replace every `{name}` by the part of that name, which may have others in it."""
    return _REFERENCE.sub(lambda match: _filled(parts[match[1]], parts), text)


@lexicon.cached
def _parts(kind: str) -> dict[str, str]:
    """Return the parts that patterns of a kind may refer to."""
    words = sorted(cues().get(kind, ()), key=len, reverse=True)
    other = [_table()["cue_patterns"][kind]] if kind in _table()["cue_patterns"] else []
    return _table()["parts"] | {
        "cue_words": _any_of(_bounded(words)),
        "cue": _any_of(_bounded(words) + other),
        "long_cue": _any_of(_bounded([word for word in words if len(word) > 1]) + other),
        "plain_cue": _any_of(map(re.escape, words)),
        "spelt_digits": "".join(_table()["spelt_digits"].values()),
    }


def _any_of(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns)})"


def _bounded(words: list[str]) -> list[str]:
    """Return patterns of cue words: ASCII words must not begin inside another one; two characters may be apart.

    A test of the first character saves the others at nine places of ten.
    """
    found = []
    for ascii_first, before in ((True, "(?<![A-Za-z0-9])"), (False, "")):
        group = [word for word in words if word[0].isascii() == ascii_first]
        letters = (r"[ .\-·]?".join(map(re.escape, word)) if len(word) == 2 else re.escape(word) for word in group)
        if group:
            first = "".join(map(re.escape, sorted({word[0] for word in group})))
            found.append(f"(?=[{first}]){before}(?:{'|'.join(letters)})")
    return found


@lexicon.cached
def cue_patterns(kind: str) -> list[re.Pattern]:
    """Return the pattern of the cue words of a kind, and of its cues that are no fixed word if it has any."""
    parts, other = _parts(kind), _other_cues()
    return [re.compile(parts["cue_words"], FLAGS), *([other[kind]] if kind in other else [])]


@lexicon.cached
def spelt_number() -> tuple[re.Pattern, dict[int, str]]:
    """Return the pattern of a number spelt out, and the table that translates it to digits."""
    digits = {ord(character): digit for digit, same in _table()["spelt_digits"].items() for character in same}
    return re.compile(_filled(_table()["parts"]["spelt_number"], _parts("")), FLAGS), digits


# Cue words


@lexicon.cached
def placeholders() -> dict[str, str]:
    """Return the placeholder of every kind."""
    return {row["kind"]: row["placeholder"] for row in lexicon.read_table("contacts") if row["placeholder"]}


@lexicon.cached
def cues() -> dict[str, tuple[str, ...]]:
    """Return the cue words of every kind, half width and simplified."""
    return _by_kind("cues")


def plain_script(text: str) -> str:
    """Fold a text to half width and simplified script, as texts are searched."""
    return widths(text).translate(script_table())


def _by_kind(column: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in lexicon.read_table("contacts"):
        found[row["kind"]] = (
            *found.get(row["kind"], ()),
            *filter(None, dict.fromkeys(plain_script(row[column]).split("|"))),
        )
    return found


@lexicon.cached
def _cue_words() -> tuple[dict[str, list[tuple[str, str]]], dict[str, list[str]], re.Pattern]:
    """Return (word, kind) by first two characters of cue words found anywhere, kinds by whole English word, in lower case,
    and the pattern of places where a word may begin."""
    anywhere: dict[str, list[tuple[str, str]]] = defaultdict(list)
    english: dict[str, list[str]] = defaultdict(list)
    for column in ("cues", "hints"):
        for kind, words in _by_kind(column).items():
            for word in map(str.lower, words):
                if word.isascii() and word.isalpha():
                    english[word].append(kind)
                else:
                    anywhere[word.removesuffix("*")[:2]].append((word.removesuffix("*"), kind))
    starts = {place: re.escape("".join({start[place] for start in anywhere if start[1:]})) for place in (0, 1)}
    alone = re.escape("".join(start for start in anywhere if not start[1:]))
    return anywhere, english, re.compile(f"[{starts[0]}](?=[{starts[1]}])|[{alone}]")


@lexicon.cached(maxsize=1)
def announced_kinds(text: str) -> set[str]:
    """Return the kinds that have a cue word or a hint in a text (half width, simplified)."""
    lowered = text.lower()
    anywhere, english, starts = _cue_words()
    if triggers()["cue_apart"].pattern.search(lowered):
        lowered += lowered.translate(_WITHOUT_GAPS)
    kinds = {
        kind
        for match in starts.finditer(lowered)
        for start in (lowered[match.start() : match.start() + 2], match[0])
        if start in anywhere
        for word, kind in anywhere[start]
        if lowered.startswith(word, match.start())
    }
    kinds.update(kind for kind, pattern in _other_cues().items() if kind not in kinds and pattern.search(lowered))
    words = {token.removesuffix("id") or token for token in _ENGLISH.findall(lowered)}
    return kinds.union(*(english[token] for token in english.keys() & words))


@cache
def _other_cues() -> dict[str, re.Pattern]:
    """Return the patterns of cues that are no fixed word, by kind."""
    parts = _table()["parts"]
    return {kind: re.compile(_filled(text, parts), FLAGS) for kind, text in _table()["cue_patterns"].items()}


_WITHOUT_GAPS = str.maketrans("", "", " .·-")
