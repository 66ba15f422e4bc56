"""List of forgotten persons and removed readings as keyed hashes, so that a second ingest of the inbox does not bring them back.

The key is in the same file: anyone with the file can test whether a given name is in it, but cannot read the names.
This is needed to recognise a person (see also docs/versions.md).
"""

import json
import re
import secrets
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path

import polars as pl

from tarot_data.system.atomic import write_text
from tarot_data.text.normalise import fold

FILE = "forgotten.json"

MASK = "某"
"""Replaces every character of a forgotten name in other persons' texts, so that sentence offsets stay right."""

PLACES = ("file", "member", "locator")
"""Fields of a source that may have a person's name in them: chats and sheets are named after clients."""


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    key: bytes
    names: frozenset[str]
    """Keyed hashes of folded names."""
    lengths: tuple[int, ...]
    """Lengths of these names in characters, to find a name inside a file name."""
    readings: frozenset[str]
    """Keyed hashes of the fingerprints of their readings and of the keys of their rejections."""
    removed: dict[str, frozenset[str]] = field(default_factory=dict)
    """Keyed hash of the reading_id of a single removed reading -> keyed hashes as in `readings`."""

    @property
    def words(self) -> frozenset[str]:
        """Return the keyed hashes of everything that must not come back."""
        return self.readings.union(*self.removed.values())


def read(data_dir: Path) -> Forgotten | None:
    """Return the persons forgotten in this data directory; None if there are none."""
    path = data_dir / FILE
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Forgotten(
        key=bytes.fromhex(found["key"]),
        names=frozenset(found["names"]),
        lengths=tuple(found["lengths"]),
        readings=frozenset(found["readings"]),
        removed={name: frozenset(hashes) for name, hashes in found.get("removed", {}).items()},
    )


def remember(data_dir: Path, name: str, fingerprints: set[str]) -> None:
    """Add a name and the fingerprints of its readings. The caller must have acquired `store.writing`."""
    old = read(data_dir) or _nobody()
    _write(
        data_dir,
        replace(
            old,
            names=old.names | {_hash(old, _folded(name))},
            lengths=tuple(sorted({*old.lengths, len(_folded(name))})),
            readings=old.readings | {_hash(old, fingerprint) for fingerprint in fingerprints},
        ),
    )


def remember_reading(data_dir: Path, reading_id: str, fingerprints: set[str]) -> None:
    """Add a single reading and the fingerprints it has had. The caller must have acquired `store.writing`."""
    old = read(data_dir) or _nobody()
    name = _hash(old, reading_id)
    hashes = old.removed.get(name, frozenset()) | {_hash(old, fingerprint) for fingerprint in fingerprints}
    _write(data_dir, replace(old, removed=old.removed | {name: hashes}))


def readmit_reading(data_dir: Path, reading_id: str) -> bool:
    """Remove a single reading from the list by its whole id; return whether it was there."""
    old = read(data_dir)
    if old is None or (name := _hash(old, reading_id)) not in old.removed:
        return False
    _write(data_dir, replace(old, removed={other: hashes for other, hashes in old.removed.items() if other != name}))
    return True


def _nobody() -> Forgotten:
    return Forgotten(key=secrets.token_bytes(32), names=frozenset(), lengths=(), readings=frozenset())


def readmit(data_dir: Path, name: str) -> bool:
    """Remove a name from the list; return whether it was there.

    The hashes of all readings are dropped as well, because nobody knows whose they are.
    """
    old = read(data_dir)
    if old is None or not is_forgotten(old, name):
        return False
    names = old.names - {_hash(old, _folded(name))}
    lengths = old.lengths if names else ()
    _write(data_dir, replace(old, names=names, lengths=lengths, readings=frozenset()))
    return True


def is_forgotten(known: Forgotten, person: str | None) -> bool:
    return person is not None and _hash(known, _folded(person)) in known.names


def mask_place(known: Forgotten, place: str, text: str | None) -> str | None:
    """Mask every forgotten name in the name of a file, entry or sheet. place: one of PLACES."""
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
    """Drop the readings and rejections of forgotten persons; return what is left and how many were dropped.

    Dropped are records that name such a person, that repeat one of their records word for word, or that name nobody and
    are in a file or sheet named after them. If other persons' records have such a file or sheet, its name is masked.
    """
    if known is None or not (known.names or known.words):
        return readings, refused, 0
    kept_readings = _without(known, readings, readings["person"], readings["fingerprint"])
    person = refused["record"].str.json_path_match("$.person")
    kept_refused = _without(known, refused, person, refused["key"])
    dropped = readings.height - kept_readings.height + refused.height - kept_refused.height
    return kept_readings, kept_refused, dropped


def _without(known: Forgotten, frame: pl.DataFrame, person: pl.Series, words: pl.Series) -> pl.DataFrame:
    """Drop rows of forgotten persons. words: fingerprints of readings, keys of rejections."""
    cache: dict[tuple[str, str | None], str | None] = {}
    theirs, sources, gone = [], [], known.words
    for who, word_hash, source in zip(person, words, frame["source"], strict=True):
        hidden = {name: _mask_place_cached(known, name, source[name], cache) for name in PLACES}
        named_after = any(hidden[name] != source[name] for name in PLACES)
        file_itself = source["locator"] == "file"
        theirs.append(
            is_forgotten(known, who)
            or _hash(known, word_hash) in gone
            or (who is None and named_after and not file_itself)
        )
        sources.append(source | hidden)
    return frame.with_columns(source=pl.Series(sources, dtype=frame["source"].dtype)).filter(
        ~pl.Series(theirs, dtype=pl.Boolean)
    )


def _mask_place_cached(known: Forgotten, place: str, text: str | None, cache: dict) -> str | None:
    if (place, text) not in cache:
        cache[place, text] = mask_place(known, place, text)
    return cache[place, text]


# Names in running text


def spans(text: str, name: str) -> list[tuple[int, int]]:
    """Find a name in a text, ignoring width, case and script; Latin names only as whole words. Offsets in characters."""
    folded, wanted = fold(text), _folded(name)
    found, start = [], folded.find(wanted) if wanted else -1
    while start >= 0:
        end = start + len(wanted)
        if _is_word(folded, start, end):
            found.append((start, end))
        start = folded.find(wanted, end)
    return found


def place_spans(key: str, text: str, name: str) -> list[tuple[int, int]]:
    """Like `spans`, but ignore numbers in a locator: they are lines or rows."""
    return [] if _is_number(key, _folded(name)) else spans(text, name)


def _is_number(key: str, name: str) -> bool:
    return key == "locator" and name.isdigit()


def pattern(name: str) -> str:
    """Return a regular expression for a name in any width, case and script, without word boundaries."""
    return "".join(f"[{re.escape(''.join(sorted(_variants().get(c, set()) | {c})))}]" for c in _folded(name))


@cache
def _variants() -> dict[str, set[str]]:
    """Return folded character -> the characters that are folded to it."""
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
    return person is not None and bool(_folded(name)) and _folded(person) == _folded(name)


def _folded(name: str) -> str:
    return fold(name.strip())


def _is_word(folded: str, start: int, end: int) -> bool:
    """Test that a Latin name is not part of a longer word."""
    before, after = folded[start - 1 : start] if start else "", folded[end : end + 1]
    return not (_latin(before) and _latin(folded[start])) and not (_latin(after) and _latin(folded[end - 1]))


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _hash(known: Forgotten, text: str) -> str:
    return blake2b(text.encode(), key=known.key, digest_size=16).hexdigest()


def _write(data_dir: Path, known: Forgotten) -> None:
    text = {
        "key": known.key.hex(),
        "names": sorted(known.names),
        "lengths": list(known.lengths),
        "readings": sorted(known.readings),
        "removed": {name: sorted(hashes) for name, hashes in sorted(known.removed.items())},
    }
    write_text(data_dir / FILE, json.dumps(text, indent=1), mode=0o600)
