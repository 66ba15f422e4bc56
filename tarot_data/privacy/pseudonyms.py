"""Pseudonyms for persons' names, the same everywhere and in every version, for a dataset that others may see.

The key (name to pseudonym) is a separate file, never part of a version. A pseudonym reads like a nickname (阿禾), so that
the text still addresses somebody. Replaced are: a person's name in any reading, a Chinese full name also without its
surname, and a surname with its title (林女士), whose title is kept. A name that is an ordinary word (可乐) is replaced in
that person's own readings only, one that is a card's (星星) only if somebody is addressed by it. Names of
third persons are those that `third_persons` finds by their form and what is next to them: read the dataset before you share it.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from schemas.tables import STORED, stored
from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of
from tarot_data.privacy.person_names import kind_of, name_pattern
from tarot_data.system.atomic import write_text
from tarot_data.text import chinese_words


def key_path(data_dir: Path) -> Path:
    return data_dir / "keys" / "pseudonyms.json"


def read_key(data_dir: Path) -> dict[str, str]:
    """Return name to pseudonym; {} if nobody has one yet."""
    path = key_path(data_dir)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_key(data_dir: Path, key: dict[str, str]) -> None:
    """Write the key atomically, readable by its owner only."""
    write_text(key_path(data_dir), json.dumps(key, ensure_ascii=False, indent=1), mode=0o600)


def forget(data_dir: Path, gone: Collection[str]) -> None:
    """Remove the persons of some pseudonyms from the key. The pseudonyms may be assigned again."""
    key = read_key(data_dir)
    kept = {name: other for name, other in key.items() if other not in gone}
    if kept != key:
        write_key(data_dir, kept)


def assign(persons: Iterable[str | None], key: dict[str, str]) -> dict[str, str]:
    """Return the key with a pseudonym for every named person who had none. No pseudonym is anybody's name."""
    named = sorted({person for person in persons if kind_of(person) == "named"})
    taken = {*named, *key, *key.values()}
    free = (name for name in _pool() if name not in taken)
    return {**key, **{person: next(free) for person in named if person not in key}}


def apply(published: pl.DataFrame, key: dict[str, str], others: Iterable[str] = ()) -> pl.DataFrame:
    """Replace every name of the key in every text of readings (STORED columns as strings, and more).

    others: names of the key that are replaced everywhere although they may be words. Sentence offsets are moved with the
    text. Names of files and locators are replaced too.
    """
    replaced = Replacer(key, others)
    rows = []
    for row in published.iter_rows(named=True):
        own = row["person"]
        content, moved = replaced.with_moves(row["content"], own)
        row = row | {
            "person": key.get(own, own),
            "question": replaced(row["question"], own),
            "outcome": replaced(row["outcome"], own),
            "content": content,
            "follow_ups": [
                {"at": moved(one["at"]), "asked": replaced(one["asked"], own)} for one in row["follow_ups"] or []
            ],
            "sentences": [s | {"start": moved(s["start"]), "end": moved(s["end"])} for s in row["sentences"] or []],
            "draws": [draw | {"spread": replaced(draw["spread"], own)} for draw in row["draws"]],
            "cards": [
                card | {"position": replaced(card["position"], own), "raw": replaced(card["raw"], own)}
                for card in row["cards"]
            ],
            "source": row["source"] | {n: replaced(row["source"][n], own) for n in ("file", "member", "locator")},
        }
        rows.append(row)
    schema = dict(published.schema) | {name: stored(STORED)[name] for name in _NESTED}
    return pl.DataFrame(rows, schema=schema)


_NESTED = ("follow_ups", "sentences", "draws", "cards", "source")


@dataclass(frozen=True)
class Move:
    """text[start:end] was replaced by `length` characters."""

    start: int
    end: int
    length: int


class Replacer:
    """Replacement of names in running text; compiles its patterns once for a whole dataset."""

    def __init__(self, key: dict[str, str], others: Iterable[str] = ()) -> None:
        others = set(others)
        self._words: dict[str, str] = {}
        self._own: dict[str, list[str]] = {}
        anywhere = []
        for name, pseudonym in key.items():
            for form, other in _forms(name, pseudonym):
                self._words.setdefault(form.lower(), other)
                if form == name and (form in others or not _is_word(form)):
                    anywhere.append(form)
                else:
                    self._own.setdefault(name, []).append(form)
        self._anywhere = anywhere
        self._patterns: dict[str | None, re.Pattern | None] = {}

    def _pattern(self, own: str | None) -> re.Pattern | None:
        if own not in self._own:
            own = None
        if own not in self._patterns:
            forms = sorted({*self._anywhere, *self._own.get(own, [])}, key=len, reverse=True)
            self._patterns[own] = re.compile("|".join(map(_bounded, forms)), re.IGNORECASE) if forms else None
        return self._patterns[own]

    def __call__(self, text: str | None, own: str | None = None) -> str | None:
        return self.with_moves(text, own)[0] if text else text

    def with_moves(self, text: str, own: str | None = None):
        """Return the text with names replaced, and a function from old to new offsets. own: the person of the text."""
        pattern = self._pattern(own)
        if pattern is None:
            return text, int
        parts, moves, last = [], [], 0
        for match in pattern.finditer(text):
            other = self._words[match[0].lower()]
            parts += [text[last : match.start()], other]
            moves.append(Move(match.start(), match.end(), len(other)))
            last = match.end()
        parts.append(text[last:])

        def moved(place: int) -> int:
            shift = 0
            for move in moves:
                if place <= move.start:
                    break
                if place < move.end:
                    # Inside a name no sentence begins, but an end must not leave the text.
                    return move.start + shift + min(place - move.start, move.length)
                shift += move.length - (move.end - move.start)
            return place + shift

        return "".join(parts), moved


def _forms(name: str, pseudonym: str) -> list[tuple[str, str]]:
    """Return how a person is called and its replacement: the full name, the name without its surname."""
    if not _is_han(name):
        return [(name, pseudonym)]
    for title in (name[1:], name[2:]):
        if title in (*lexicon.words("persons", "title"), *lexicon.words("persons", "office")):
            return [(name, pseudonym[-1] + title)]
    given = [(name[-2:], pseudonym)] if len(name) in (3, 4) else []
    return [(name, pseudonym), *given]


def _is_han(name: str) -> bool:
    return bool(name) and all("\u4e00" <= character <= "\u9fff" for character in name)


def _is_word(name: str) -> bool:
    """Test whether a name is also one character, an ordinary word (jieba's dictionary), or a card's name."""
    return len(name) == 1 or name in chinese_words.frequent(1) or name in _card_names()


@lexicon.cached
def _card_names() -> frozenset[str]:
    return frozenset(row["alias"] for row in lexicon.read_table("aliases"))


def _bounded(name: str) -> str:
    """Return the name as a pattern: not inside a Latin word (Mel in Melissa); a card's name only if it is addressed."""
    if name in _card_names():
        addressed = any_of(lexicon.words("persons", "addressed"))
        return rf"(?:(?<=^)|(?<=[\n。！？!?,，～~])){re.escape(name)}(?=[，,：:！!～~、]?(?:{addressed}))"
    return name_pattern(name)


@lexicon.cached
def _pool() -> tuple[str, ...]:
    """Return all pseudonyms, the shortest and plainest first."""
    rows = lexicon.read_table("pseudonyms")
    characters = [character for row in rows for character in row["characters"].split("|")]
    leads = [lead for row in rows for lead in row["lead"].split("|")]
    short = [lead + character for lead in leads for character in characters]
    doubled = [character * 2 for character in characters]
    pairs = [one + other for one in characters for other in characters if one != other]
    triples = [lead + pair for lead in leads for pair in pairs]
    return (*short, *doubled, *pairs, *triples)
