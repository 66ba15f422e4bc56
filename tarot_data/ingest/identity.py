"""Identity of clean readings: the store has one unchanged, has an earlier text of it, or does not have it.

A file is rewritten in many ways: a word corrected in row 7, a row inserted above it, next month's export under last
month's name, another folder whose files have the same names. The locator alone does not distinguish these cases; the
person, question, cards and text do.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

import polars as pl

from schemas.tables import READINGS
from tarot_data.privacy import name_search
from tarot_data.sources import own_readings
from tarot_data.text.near_duplicates import folded, jaccard, shingles

ALIKE = 0.2
"""Shared share of 5-grams from which a text is an edit of another. Among the 192 annotated readings no two share more
than 0.035, among made-up ones 0.08; a text doubled in length shares 0.5 with its first half."""

NEARBY = 200
"""Most readings of one file that a reading is compared with; if there are more, only the one at its locator is."""

COMPARED = ["reading_id", "person", "question", "date", "cards", "content"]
METADATA = ("person", "question", "date", "outcome", "consent")
"""Fields that may be updated while words and cards stay."""


class Place(NamedTuple):
    file: str
    member: str | None
    locator: str


class Stored(NamedTuple):
    reading_id: str
    place: Place


class Match(NamedTuple):
    """reading_id and revision of a reading, and whether the store has it as it is."""

    reading_id: str
    revision: int
    unchanged: bool


class Known:
    """The readings of the store, and which of them this run has seen again."""

    def __init__(self, index: pl.DataFrame, fetch: Callable[[list[str], list[str]], pl.DataFrame]) -> None:
        """Index the readings. index: of `tables.index`. fetch: returns some columns of the readings with these ids."""
        self.by_fingerprint: dict[str, Stored] = {}
        self.by_place: dict[Place, str] = {}
        self.by_file: dict[str, list[str]] = {}
        self.revisions: dict[str, int] = {}
        self.claimed: set[str] = set()
        """Fingerprints that a reading of this run has in the same file."""
        self.fetch = fetch
        self._present: set[str] = set()
        self._missing: dict[str, set[str]] = {}
        """File -> readings that it no longer has, except those of which an edit was found."""
        self._rows: dict[str, dict] = {}
        self._shingles: dict[str, set] = {}
        source = index["source"].struct.unnest().select("file", "member", "locator")
        names = index.select("reading_id", "revision", "fingerprint")
        # Column by column: as dicts of dicts a hundred thousand rows would take ten times the memory.
        for (reading_id, revision, fingerprint), place in zip(names.iter_rows(), source.iter_rows(), strict=True):
            place = Place(*place)
            self.by_fingerprint[fingerprint] = Stored(reading_id, place)
            self.by_place[place] = reading_id
            self.by_file.setdefault(place.file, []).append(reading_id)
            self.revisions[reading_id] = revision

    def note_present(self, fingerprints: Iterable[str]) -> None:
        """Note which readings are still in this run's files: an inserted row moves them to another locator."""
        self._present |= {self.by_fingerprint[one].reading_id for one in fingerprints if one in self.by_fingerprint}

    def edited_from(self, row: dict, place: Place, only_there: bool) -> str | None:
        """Return the id of the reading of the same file that the row is an edit of, or None.

        only_there: compare only with the reading that was at the same place.
        """
        there = self.by_place.get(place)
        if place.file not in self._missing:
            self._missing[place.file] = set(self.by_file.get(place.file, ())) - self._present
        missing = self._missing[place.file]
        others = missing & {there} if only_there or len(missing) > NEARBY else missing
        if not others:
            return None
        self._load(others)
        words = shingles(folded(row["content"]))
        alike = {one: jaccard(words, self._shingles[one]) for one in sorted(others)}
        if there in others and (alike[there] >= ALIKE or _same_sitting(row, self._rows[there])):
            found = there
        else:
            found = max(alike, key=alike.__getitem__)
            if alike[found] < ALIKE:
                return None
        missing.discard(found)
        return found

    def free_id(self, reading_id: str, place: Place) -> str:
        """Return the id, or another one if it belongs to a reading that had these words before an edit."""
        if reading_id not in self.revisions:
            return reading_id
        return "r" + blake2b("\0".join(map(str, (reading_id, *place))).encode(), digest_size=8).hexdigest()

    def _load(self, ids: set[str]) -> None:
        if wanted := sorted(ids - self._rows.keys()):
            for row in self.fetch(wanted, COMPARED).iter_rows(named=True):
                self._rows[row["reading_id"]] = row
                self._shingles[row["reading_id"]] = shingles(folded(row["content"]))


def _same_sitting(one: dict, other: dict) -> bool:
    """Check whether two different texts are of one sitting: the same cards for the same person or question, or the same
    question of the same person on the same day."""
    same = {name for name in ("person", "question") if one[name] and one[name] == other[name]}
    return bool(same) and (_drawn(one) == _drawn(other) or (len(same) == 2 and one["date"] == other["date"]))


def _drawn(row: dict) -> list[tuple]:
    return [(card["draw"], card["card"], str(card["orientation"])) for card in row["cards"]]


def match(readings: pl.DataFrame, known: Known, replayed: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the readings of a batch their id and revision; return the new or changed ones, and all of them.

    Both have a column `row`, unique in the batch; the second also `unchanged` and `file`. Of twins in one file one is
    the reading that the store has, the others are duplicates. replayed: the readings are rejections fed back, of which
    only one at the very same place is the reading that the store has.
    """
    updates = {} if replayed else metadata_updates(readings, known)
    applied, matches = {}, []
    rows = readings.select("fingerprint", "source", "reading_id").iter_rows()
    for number, (fingerprint, source, own) in enumerate(rows):
        place = _place(source)
        twin = known.by_fingerprint.get(fingerprint)
        if twin is None:
            edited = None
            if place.file in known.by_file:
                edited = known.edited_from(readings.row(number, named=True), place, only_there=replayed)
            reading_id = edited or known.free_id(own, place)
            matches.append(Match(reading_id, known.revisions.get(reading_id, 0) + 1, unchanged=False))
            continue
        if is_own_copy(source, twin) and number not in updates and not replayed:
            matches.append(Match(twin.reading_id, 1, unchanged=True))
            continue
        same_source = place == twin.place if replayed else place.file == twin.place.file
        if not same_source or fingerprint in known.claimed:
            matches.append(Match(own, 1, unchanged=False))
            continue
        known.claimed.add(fingerprint)
        if number in updates:
            applied[number] = updates[number]
            matches.append(Match(twin.reading_id, known.revisions[twin.reading_id] + 1, unchanged=False))
        else:
            matches.append(Match(twin.reading_id, 1, unchanged=True))
    columns = pl.DataFrame(
        matches, schema={"reading_id": pl.String, "revision": pl.Int32, "unchanged": pl.Boolean}, orient="row"
    )
    matched = keep_masks(readings, applied).with_columns(columns, file=pl.col("source").struct.field("file"))
    matched = matched.with_row_index("row")
    return matched.filter(~pl.col("unchanged")).drop("unchanged", "file"), matched


def is_own_copy(source: dict, twin: Stored) -> bool:
    """Check whether a record is a reading that the store printed (`tarot readings --json`) and got back."""
    return source["form"] == own_readings.FORM and source["file"] != twin.place.file


def _place(source: dict) -> Place:
    return Place(source["file"], source["member"], source["locator"])


def metadata_updates(readings: pl.DataFrame, known: Known) -> dict[int, dict]:
    """Find readings with words and cards of the store, from the same file or the store itself, but with other metadata or
    spreads.

    Returns number in the batch -> the row of the store.
    """
    candidates = {}
    for number, (fingerprint, source) in enumerate(readings.select("fingerprint", "source").iter_rows()):
        twin = known.by_fingerprint.get(fingerprint)
        own = twin is not None and is_own_copy(source, twin)
        if own or (twin is not None and twin.place.file == source["file"]):
            candidates[number] = (twin.reading_id, own or twin.place == _place(source))
    if not candidates:
        return {}
    columns = ["reading_id", "content", "draws", "follow_ups", *METADATA]
    consent = pl.col("consent").cast(pl.String)
    rows = known.fetch(sorted({one for one, _ in candidates.values()}), columns).with_columns(consent)
    old = {row["reading_id"]: row for row in rows.iter_rows(named=True)}
    new = readings.select(*columns[1:]).with_columns(consent)
    updates = {}
    for number, (reading_id, same_place) in candidates.items():
        row, was = new.row(number, named=True), old.get(reading_id)
        # The same words sent to another person are a template: the order of two rows must not decide between them.
        if was and (same_place or row["person"] == was["person"]) and _differs(row, was):
            updates[number] = was
    return updates


def _differs(row: dict, was: dict) -> bool:
    # A reading whose cards are from its content had no draw at all in earlier releases.
    spreads = [[draw["spread"] for draw in one["draws"] if draw["spread"]] for one in (row, was)]
    # Only those of a reading that had none: what was asked may have the masked name of a forgotten person.
    asked = bool(row["follow_ups"]) and not was["follow_ups"]
    return asked or spreads[0] != spreads[1] or any(_with_mask(row[name], was[name]) != was[name] for name in METADATA)


def _with_mask(text: object, was: object) -> object:
    """Return the stored text if the two differ only by the masked name of a forgotten person, else the new one."""
    texts = isinstance(text, str) and isinstance(was, str) and len(text) == len(was)
    if not texts or name_search.MASK not in was:
        return text
    return was if all(b in (a, name_search.MASK) for a, b in zip(text, was, strict=True)) else text


def keep_masks(readings: pl.DataFrame, updates: dict[int, dict]) -> pl.DataFrame:
    """Keep the masked names of forgotten persons in the texts of readings whose metadata is updated."""
    if not updates:
        return readings
    texts = {}
    for name in ("content", "question", "outcome"):
        values = readings[name].to_list()
        for number, was in updates.items():
            hidden = name == "content" and name_search.MASK in was[name]
            values[number] = was[name] if hidden else _with_mask(values[number], was[name])
        texts[name] = pl.Series(values, dtype=READINGS[name])
    return readings.with_columns(**texts)
