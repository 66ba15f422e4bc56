"""Recognisers of contact details, compiled from `lexicon/recognisers.toml` and the cue words of `lexicon/contacts.csv`.

The code has no words: a new form of contact detail is an entry of the table, a new kind a row of contacts.csv.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby

from tarot_data import lexicon
from tarot_data.privacy.checksums import CHECKS
from tarot_data.text.normalise import widths

TABLE = "recognisers.toml"
FEW_WORDS = 8
"""Words that are found faster one by one than by one pattern."""

FLAGS = re.IGNORECASE | re.VERBOSE | re.DOTALL
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
    texts: dict[str, str]
    """Pattern by column; compiled at first use, since most texts need few of them and all take 0.2 s."""
    checks: tuple[Callable[[str], bool], ...]
    pieces: bool
    example: str
    counter_example: str
    line: int
    """Line of the entry in recognisers.toml."""

    pattern = _lazy("pattern")
    detail = _lazy("detail")
    after = _lazy("after")
    lead = _lazy("lead")
    outside = _lazy("outside")

    def spans(self, look: "Look") -> Iterator[tuple[int, int]]:
        """Yield start and end of every detail of this form in a text in plain form."""
        for zone in look.zones if self.when == "digits" else ((),):
            for match in self.pattern.finditer(look.text, *zone):
                yield from self.details(match)

    def details(self, match: re.Match) -> list[tuple[int, int]]:
        """Return the spans of a match of the pattern that are details."""
        spans = [span for span in match.regs[1:] if span[0] >= 0] if match.re.groups else [match.span()]
        if self.lead:
            spans = [(self.lead.match(match.string, *span).end(), span[1]) for span in spans]
        return [span for span in spans if self._accepts(match.string, *span)]

    def _accepts(self, text: str, start: int, end: int) -> bool:
        """Check the detail itself and the text around it."""
        found = text[start:end]
        return (
            (self.detail is None or self.detail.fullmatch(found) is not None)
            and (self.after is None or self.after.match(text, end) is not None)
            and all(check(found) for check in self.checks)
            and (self.outside is None or not any(_overlap(o.span(), start, end) for o in self.outside.finditer(text)))
        )


def _overlap(span: tuple[int, int], start: int, end: int) -> bool:
    return span[0] < end and start < span[1]


class Look(dict[str, bool]):
    """The triggers that hold in a text (half width), by name, each tested on first use."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __missing__(self, trigger: str) -> bool:
        test = triggers()[trigger]
        holds = self[trigger] = any(map(self.__getitem__, test)) if isinstance(test, tuple) else bool(test(self.text))
        return holds

    @cached_property
    def zones(self) -> list[tuple[int, int]]:
        """Return the spans around numbers, in which alone the recognisers of the trigger `digits` search."""
        return [(max(0, a - ZONE_EDGE), b + ZONE_EDGE) for a, b in (m.span() for m in _zone().finditer(self.text))]

    @cached_property
    def announced(self) -> set[str]:
        """Return the kinds that have a cue word in the text."""
        return announced_kinds(self.text)


@cache
def _table() -> dict:
    return tomllib.loads((files("tarot_data.lexicon") / TABLE).read_text(encoding="utf-8"))


@cache
def _zone() -> re.Pattern:
    return re.compile(_table()["zone"], re.VERBOSE)


ZONE_EDGE = 6
"""Characters before and after a zone that belong to it: brackets, letters. No more than `zone` skips between digits."""


def is_worth_a_look(text: str) -> bool:
    """Test whether a text may hold a contact detail: nine of ten do not, so their triggers are not remembered."""
    return any(test(text) for test in _worth())


@cache
def _worth() -> tuple[Callable[[str], object], ...]:
    """Return the triggers that make up `worth_a_look`."""
    found, names = [], ["worth_a_look"]
    for name in names:
        test = triggers()[name]
        if isinstance(test, tuple):
            names += test
        else:
            found.append(test)
    return tuple(found)


@cache
def triggers() -> dict[str, Callable[[str], object] | tuple[str, ...]]:
    """Return the triggers by name: a function that is true of a text in which it holds, or the names of any of which holds."""
    return {name: _trigger(name) for name in _table()["triggers"]}


def _trigger(name: str) -> Callable[[str], object] | tuple[str, ...]:
    one = _table()["triggers"][name]
    if "pattern" in one:
        return re.compile(one["pattern"], re.VERBOSE).search
    if "words" in one:
        words = one["words"]
        if len(words) > FEW_WORDS:
            return re.compile("|".join(map(re.escape, words))).search
        return lambda text: any(map(text.__contains__, words))
    return tuple(one["any"])


@lexicon.cached
def groups() -> tuple[tuple[str, tuple[Recogniser, ...]], ...]:
    """Return (trigger, recognisers) of neighbours in the table that have the same trigger."""
    return tuple((when, tuple(rows)) for when, rows in groupby(recognisers(), key=lambda row: row.when))


@lexicon.cached
def recognisers() -> tuple[Recogniser, ...]:
    """Return the compiled recognisers in the order of the table."""
    text = (files("tarot_data.lexicon") / TABLE).read_text(encoding="utf-8")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith("[[recogniser]]")]
    rows = zip(_table()["recogniser"], lines, strict=True)
    return tuple(_compiled(row, line) for row, line in rows if not _switched_off(row))


def _switched_off(row: dict) -> bool:
    setting, _, value = row.get("unless", "").partition("=")
    return bool(setting) and lexicon.setting(setting) == value


def _compiled(row: dict, line: int) -> Recogniser:
    parts = _parts(row["kind"])
    texts = {name: row[name] for name in ("pattern", "detail", "after", "lead") if row.get(name)}
    if "outside" in row:
        texts["outside"] = parts[row["outside"]]
    return Recogniser(
        kind=row["kind"],
        when=row["when"],
        cue=row.get("cue", False),
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
    """Return the cue words of every kind, half width."""
    return _by_kind("cues")


def _by_kind(column: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in lexicon.read_table("contacts"):
        found[row["kind"]] = (
            *found.get(row["kind"], ()),
            *filter(None, dict.fromkeys((*row[column].split("|"), *widths(row[column]).split("|")))),
        )
    return found


@lexicon.cached
def _cue_words() -> tuple[dict[str, list[tuple[str, str]]], dict[str, list[str]]]:
    """Return (word, kind) by first character of cue words found anywhere, and kinds by whole English word; lower case."""
    anywhere: dict[str, list[tuple[str, str]]] = defaultdict(list)
    english: dict[str, list[str]] = defaultdict(list)
    for column in ("cues", "hints"):
        for kind, words in _by_kind(column).items():
            for word in map(str.lower, words):
                if word.isascii() and word.isalpha():
                    english[word].append(kind)
                else:
                    anywhere[word[0]].append((word.removesuffix("*"), kind))
    return anywhere, english


@lexicon.cached
def _cue_start() -> re.Pattern:
    """Return the pattern of the first character of a cue word that is there as a whole."""
    rests = {first: "|".join(re.escape(word[1:]) for word, _ in words) for first, words in _cue_words()[0].items()}
    return re.compile("|".join(f"{re.escape(first)}(?={rest})" for first, rest in rests.items()))


def announced_kinds(text: str) -> set[str]:
    """Return the kinds that have a cue word or a hint in a text (half width)."""
    lowered = text.lower()
    anywhere, english = _cue_words()
    if triggers()["cue_apart"](lowered):
        lowered += lowered.translate(_WITHOUT_GAPS)
    kinds = {
        kind
        for match in _cue_start().finditer(lowered)
        for word, kind in anywhere[match[0]]
        if lowered.startswith(word, match.start())
    }
    kinds.update(kind for kind, pattern in _cue_patterns().items() if kind not in kinds and pattern.search(lowered))
    words = {token.removesuffix("id") or token for token in _ENGLISH.findall(lowered)}
    return kinds.union(*(english[token] for token in english.keys() & words))


@cache
def _cue_patterns() -> dict[str, re.Pattern]:
    """Return the pattern of a kind's cues that are no fixed word."""
    parts = _table()["parts"]
    return {kind: re.compile(_filled(text, parts), FLAGS) for kind, text in _table()["cue_patterns"].items()}


_WITHOUT_GAPS = str.maketrans("", "", " .·-")
