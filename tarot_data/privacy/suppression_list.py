"""Who was forgotten, known by keyed hashes only, so that an inbox read again brings nobody back.

The key lies in the same file: whoever has the file and a name in mind can try whether it fits, and nobody can read a
name from it. That much is needed to know a person again; docs/versions.md says so too.
"""

import json
import re
import secrets
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import polars as pl

from tarot_data.text.normalise import fold

FILE = "forgotten.json"

MASK = "某"
"""Stands for every character of a forgotten name in what others wrote: as long as the name, so that the offsets of
sentences stay right without labelling anew."""

PLACES = ("file", "member", "locator")
"""Fields of a source that may hold a person's name: a chat is named after who was chatted with, a sheet after a client."""


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    key: bytes
    names: frozenset[str]
    """Keyed hashes of folded names."""
    lengths: tuple[int, ...]
    """Characters of these names, so that a name can be found inside a file name."""
    readings: frozenset[str]
    """Keyed hashes of the fingerprints of their readings and of the keys of their rejections."""


def read(data_dir: Path) -> Forgotten | None:
    """The persons forgotten in this data directory; None where nobody was."""
    path = data_dir / FILE
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Forgotten(
        key=bytes.fromhex(found["key"]),
        names=frozenset(found["names"]),
        lengths=tuple(found["lengths"]),
        readings=frozenset(found["readings"]),
    )


def remember(data_dir: Path, name: str, fingerprints: set[str]) -> None:
    """Add a name and what it had to the forgotten ones. The caller holds `store.writing`."""
    old = read(data_dir) or Forgotten(key=secrets.token_bytes(32), names=frozenset(), lengths=(), readings=frozenset())
    _write(
        data_dir,
        Forgotten(
            key=old.key,
            names=old.names | {_hash(old, _folded(name))},
            lengths=tuple(sorted({*old.lengths, len(_folded(name))})),
            readings=old.readings | {_hash(old, fingerprint) for fingerprint in fingerprints},
        ),
    )


def readmit(data_dir: Path, name: str) -> bool:
    """Let a name in again; whether it was forgotten. The hashes of readings go too: nobody knows whose they are."""
    old = read(data_dir)
    if old is None or not is_forgotten(old, name):
        return False
    names = old.names - {_hash(old, _folded(name))}
    lengths = old.lengths if names else ()
    _write(data_dir, Forgotten(key=old.key, names=names, lengths=lengths, readings=frozenset()))
    return True


def is_forgotten(known: Forgotten, person: str | None) -> bool:
    return person is not None and _hash(known, _folded(person)) in known.names


def veiled(known: Forgotten, place: str, text: str | None) -> str | None:
    """The name of a file, entry or sheet with every forgotten name in it masked. place: one of PLACES."""
    if not text:
        return text
    folded, out = fold(text), text
    for length in known.lengths:
        for start in range(len(text) - length + 1):
            end = start + length
            if _is_word(folded, start, end) and _hash(known, folded[start:end]) in known.names:
                out = masked(out, [(start, end)] if not _is_number(place, folded[start:end]) else [])
    return out


def without(
    known: Forgotten | None, readings: pl.DataFrame, refused: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Clean readings and rejections without those of the forgotten, and how many these were.

    Theirs is what names them as its person, what says word for word what they had, and what names nobody but lies in
    a file or sheet named after them. Where such a name holds other people's records, it is masked.
    """
    if known is None or not known.names:
        return readings, refused, 0
    kept_readings = _without(known, readings, readings["person"], readings["fingerprint"])
    person = refused["record"].str.json_path_match("$.person")
    kept_refused = _without(known, refused, person, refused["key"])
    passed_over = readings.height - kept_readings.height + refused.height - kept_refused.height
    return kept_readings, kept_refused, passed_over


def _without(known: Forgotten, frame: pl.DataFrame, person: pl.Series, words: pl.Series) -> pl.DataFrame:
    """words: fingerprints of readings, keys of rejections."""
    veils: dict[tuple[str, str | None], str | None] = {}
    theirs, sources = [], []
    for who, said, source in zip(person, words, frame["source"], strict=True):
        hidden = {name: _veiled(known, name, source[name], veils) for name in PLACES}
        named_after = any(hidden[name] != source[name] for name in PLACES)
        file_itself = source["locator"] == "file"
        theirs.append(
            is_forgotten(known, who)
            or _hash(known, said) in known.readings
            or (who is None and named_after and not file_itself)
        )
        sources.append(source | hidden)
    return frame.with_columns(source=pl.Series(sources, dtype=frame["source"].dtype)).filter(
        ~pl.Series(theirs, dtype=pl.Boolean)
    )


def _veiled(known: Forgotten, place: str, text: str | None, veils: dict) -> str | None:
    if (place, text) not in veils:
        veils[place, text] = veiled(known, place, text)
    return veils[place, text]


# Names in running text


def spans(text: str, name: str) -> list[tuple[int, int]]:
    """Where a name stands in a text, in characters; width, case and script do not matter, Latin names are whole words."""
    folded, wanted = fold(text), _folded(name)
    found, start = [], folded.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if _is_word(folded, start, end):
            found.append((start, end))
        start = folded.find(wanted, end)
    return found


def place_spans(key: str, text: str, name: str) -> list[tuple[int, int]]:
    """`spans`, but in a locator a number is a line or a row, whoever is called by that number."""
    return [] if _is_number(key, _folded(name)) else spans(text, name)


def _is_number(key: str, name: str) -> bool:
    return key == "locator" and name.isdigit()


def pattern(name: str) -> str:
    """A regular expression that finds a name in any width, case and script, word boundaries apart: a first look."""
    return "".join(f"[{re.escape(''.join(sorted(_variants().get(c, set()) | {c})))}]" for c in _folded(name))


@cache
def _variants() -> dict[str, set[str]]:
    """Folded character -> the characters that are folded to it."""
    out: dict[str, set[str]] = {}
    for code in range(0x10000):
        if not 0xD800 <= code < 0xE000 and (plain := fold(chr(code))) != chr(code):
            out.setdefault(plain, set()).add(chr(code))
    return out


def masked(text: str, found: list[tuple[int, int]]) -> str:
    for start, end in found:
        text = text[:start] + MASK * (end - start) + text[end:]
    return text


def same(person: str | None, name: str) -> bool:
    return person is not None and _folded(person) == _folded(name)


def _folded(name: str) -> str:
    return fold(name.strip())


def _is_word(folded: str, start: int, end: int) -> bool:
    """False where a Latin name is only a part of a longer word."""
    before, after = folded[start - 1 : start] if start else "", folded[end : end + 1]
    return not (_latin(before) and _latin(folded[start])) and not (_latin(after) and _latin(folded[end - 1]))


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _hash(known: Forgotten, text: str) -> str:
    return blake2b(text.encode(), key=known.key, digest_size=16).hexdigest()


def _write(data_dir: Path, known: Forgotten) -> None:
    half = data_dir / f".{FILE}.half"
    text = {
        "key": known.key.hex(),
        "names": sorted(known.names),
        "lengths": list(known.lengths),
        "readings": sorted(known.readings),
    }
    half.write_text(json.dumps(text, indent=1), encoding="utf-8")
    half.chmod(0o600)
    half.replace(data_dir / FILE)
