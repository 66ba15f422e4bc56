"""List of forgotten persons and removed readings as keyed hashes, so that a second ingest of the inbox does not bring them back.

The key is in the same file: anyone with the file can test whether a given name is in it, but cannot read the names.
This is needed to recognise a person (see also docs/versions.md).
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import polars as pl

from tarot_data.privacy.name_search import is_word, masked
from tarot_data.privacy.person_names import person_key
from tarot_data.system.atomic import write_text
from tarot_data.text.normalise import fold

FILE = "forgotten.json"

PLACES = ("file", "member", "locator")
"""Fields of a source that may have a person's name in them: chats and sheets are named after clients."""


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    key: bytes
    names: frozenset[str]
    """Keyed hashes of the `person_key` of names; in lists of 0.1.0 of the folded names."""
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


def remember(data_dir: Path, names: Iterable[str], fingerprints: set[str]) -> None:
    """Add the names of a person and the fingerprints of their readings. The caller must have acquired `store.writing`."""
    old = read(data_dir) or _nobody()
    keys = {person_key(name) for name in names}
    _write(
        data_dir,
        replace(
            old,
            names=old.names | {_hash(old, key) for key in keys},
            lengths=tuple(sorted({*old.lengths, *map(len, keys)})),
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
    names = old.names - _hashes(old, name)
    lengths = old.lengths if names else ()
    _write(data_dir, replace(old, names=names, lengths=lengths, readings=frozenset()))
    return True


def is_forgotten(known: Forgotten, person: str | None) -> bool:
    return person is not None and not known.names.isdisjoint(_hashes(known, person))


def _hashes(known: Forgotten, name: str) -> set[str]:
    """Return the hashes under which a name may be listed."""
    return {_hash(known, person_key(name)), _hash(known, fold(name.strip()))}


def mask_place(known: Forgotten, place: str, text: str | None) -> str | None:
    """Mask every forgotten name in the name of a file, entry or sheet. place: one of PLACES."""
    if not text:
        return text
    out = text
    for start, end, word in _windows(text, known.lengths):
        in_locator = place == "locator" and word.isdigit()  # a line or row
        if not in_locator and is_word(text, start, end) and _hash(known, word) in known.names:
            out = masked(out, [(start, end)])
    return out


def _windows(text: str, lengths: Iterable[int]) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, word) of every word of one of the lengths: of the folded text, and of its letters and digits."""
    folded = fold(text)
    letters = [place for place, character in enumerate(folded) if character.isalnum()]
    for length in lengths:
        for start in range(len(folded) - length + 1):
            yield start, start + length, folded[start : start + length]
        for first in range(len(letters) - length + 1):
            places = letters[first : first + length]
            if places[-1] - places[0] >= length:  # otherwise it was yielded already
                yield places[0], places[-1] + 1, "".join(folded[place] for place in places)


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
