"""Persons' names replaced by other names, the same one everywhere and in every version, for a dataset shown to others.

The key, name to pseudonym, is a file of its own beside the versions and never in one. A pseudonym reads like a nickname
(阿禾), so that the reader's voice still addresses somebody. What is found: a person's name wherever it stands in any
reading, a Chinese full name also without its surname, and a surname with its title (林女士) with the title kept. A name
that is an ordinary word (可乐) is replaced in that person's own readings only, one that is a card's (星星) only where
somebody is addressed by it. Other nicknames, and names of people who never asked, are not found: read before you share.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from schemas.tables import STORED, stored
from tarot_data import lexicon
from tarot_data.privacy.person_names import kind_of

_TITLE = re.compile(
    r"^([\u4e00-\u9fff]{1,2})(女士|小姐|先生|太太|同学|老师|姐|哥|姨|叔|总|阿姨|大哥|大姐|妈妈|爸爸|医生)$"
)
_HAN = re.compile(r"^[\u4e00-\u9fff]+$")


def key_path(data_dir: Path) -> Path:
    return data_dir / "keys" / "pseudonyms.json"


def read_key(data_dir: Path) -> dict[str, str]:
    """Name to pseudonym, {} where nobody has one yet."""
    path = key_path(data_dir)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_key(data_dir: Path, key: dict[str, str]) -> None:
    """Write the key whole or not at all, readable by its owner only."""
    path = key_path(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.touch(mode=0o600)
    half.write_text(json.dumps(key, ensure_ascii=False, indent=1), encoding="utf-8")
    half.replace(path)


def forget(data_dir: Path, pseudonym: str | None) -> None:
    """Take the person of a pseudonym out of the key. It is nobody's then and may be given again."""
    key = read_key(data_dir)
    if pseudonym in key.values():
        write_key(data_dir, {name: other for name, other in key.items() if other != pseudonym})


def assign(persons: Iterable[str | None], key: dict[str, str]) -> dict[str, str]:
    """The key, with a pseudonym for every named person who has none. Nobody is given a name that somebody has."""
    named = sorted({person for person in persons if kind_of(person) == "named"})
    taken = {*named, *key, *key.values()}
    free = (name for name in _pool() if name not in taken)
    return {**key, **{person: next(free) for person in named if person not in key}}


def apply(published: pl.DataFrame, key: dict[str, str]) -> pl.DataFrame:
    """Readings (STORED columns as strings, and more) with every name of the key replaced in every text.

    The offsets of sentences move with the text. Names of files and places are replaced too.
    """
    replaced = Replacer(key)
    rows = []
    for row in published.iter_rows(named=True):
        own = row["person"]
        content, moved = replaced.with_moves(row["content"], own)
        row = row | {
            "person": key.get(own, own),
            "question": replaced(row["question"], own),
            "outcome": replaced(row["outcome"], own),
            "content": content,
            "sentences": [s | {"start": moved(s["start"]), "end": moved(s["end"])} for s in row["sentences"] or []],
            "draws": [draw | {"spread": replaced(draw["spread"], own)} for draw in row["draws"]],
            "cards": [
                card | {"position": replaced(card["position"], own), "raw": replaced(card["raw"], own)}
                for card in row["cards"]
            ],
            "source": row["source"] | {n: replaced(row["source"][n], own) for n in ("file", "member", "locator")},
        }
        rows.append(row)
    schema = dict(published.schema) | {name: stored(STORED)[name] for name in ("sentences", "draws", "cards", "source")}
    return pl.DataFrame(rows, schema=schema)


@dataclass(frozen=True)
class Move:
    """text[start:end] became a text of another length: shift characters longer."""

    start: int
    end: int
    length: int


class Replacer:
    """Names to pseudonyms in running text; the patterns are made once for a whole dataset."""

    def __init__(self, key: dict[str, str]) -> None:
        self._words: dict[str, str] = {}
        self._own: dict[str, list[str]] = {}
        anywhere = []
        for name, pseudonym in key.items():
            for form, other in _forms(name, pseudonym):
                self._words.setdefault(form.lower(), other)
                if form == name and not _is_word(form):
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
        """The text with names replaced, and where a place of the old text is in the new one.

        own: the person whose text it is.
        """
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
                    # Inside a name: no sentence begins there, but an end must not leave the text.
                    return move.start + shift + min(place - move.start, move.length)
                shift += move.length - (move.end - move.start)
            return place + shift

        return "".join(parts), moved


def _forms(name: str, pseudonym: str) -> list[tuple[str, str]]:
    """How a person is called, and what stands for it: the name, without its surname, without its title."""
    forms = [(name, pseudonym)]
    if title := _TITLE.match(name):
        return [(name, pseudonym[-1] + title[2])]
    if _HAN.match(name) and len(name) in (3, 4):
        forms.append((name[-2:], pseudonym))
    return forms


def _is_word(name: str) -> bool:
    """Whether a name is something else too: one character, an ordinary word (jieba's dictionary), or a card's name."""
    import jieba

    jieba.initialize()
    return len(name) == 1 or bool(jieba.dt.FREQ.get(name)) or name in _card_names()


@lexicon.cached
def _card_names() -> frozenset[str]:
    return frozenset(row["alias"] for row in lexicon.read_table("aliases"))


def _bounded(name: str) -> str:
    """The name as a pattern: Mel in Melissa is another word, and 星星 is a person only where somebody is addressed."""
    pattern = re.escape(name)
    if name in _card_names():
        return rf"(?:(?<=^)|(?<=[\n。！？!?，,～~])){pattern}(?=[，,：:！!～~、]?(?:你|您|好|宝|姐|同学|女士|先生))"
    return rf"(?<![0-9A-Za-z]){pattern}(?![0-9A-Za-z])" if name.isascii() else pattern


@lexicon.cached
def _pool() -> tuple[str, ...]:
    rows = lexicon.read_table("pseudonyms")
    characters = [character for row in rows for character in row["characters"].split("|")]
    leads = [lead for row in rows for lead in row["lead"].split("|")]
    short = [lead + character for lead in leads for character in characters]
    doubled = [character * 2 for character in characters]
    pairs = [one + other for one in characters for other in characters if one != other]
    triples = [lead + pair for lead in leads for pair in pairs]
    return (*short, *doubled, *pairs, *triples)
