"""Data of one person in the store and the versions: readings, rejections, mentions in texts of others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from schemas.short_ids import whole_id
from schemas.tables import REJECTIONS, stored
from tarot_data import lexicon
from tarot_data.dataset import versions
from tarot_data.erasure.mentions import mentioning
from tarot_data.privacy import pseudonyms, suppression_list
from tarot_data.store import delta
from tarot_data.text.normalise import fold

FRAGMENT = 12
"""Characters of a passage that identifies a text: longer than any phrase of politeness."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """The person to forget, and the data known to be theirs; or a single reading to remove, with an empty name."""

    name: str
    mask: bool
    """Whether the name is masked in texts of other people."""
    reading_ids: frozenset[str] = frozenset()
    rejection_ids: frozenset[str] = frozenset()
    fingerprints: frozenset[str] = frozenset()
    """Of their readings, and the keys of their rejections."""
    contents: frozenset[str] = frozenset()
    pseudonym: str | None = None
    """Their name in versions published with pseudonyms."""
    hashes: frozenset[str] = frozenset()
    """Hashes of the versions with readings of theirs or with their name, before they are forgotten."""

    @property
    def ids(self) -> frozenset[str]:
        return self.reading_ids | self.rejection_ids


def find(data_dir: Path, name: str, mentions: str | None = None) -> Person:
    """Collect the data of a person. mentions: `mask` or `keep` their name in texts of other people.

    Without mentions, a name is masked there unless it is also a card's. Raises Problem `no_person` if neither store nor
    versions know the name, `name_is_a_word` if it is an ordinary word that others use and mentions is not given.
    """
    name = name.strip()
    rejections = _all_rejections(data_dir)
    key = pseudonyms.read_key(data_dir)
    pseudonym = next((other for known, other in key.items() if suppression_list.same(known, name)), None)
    ids, persons = _reading_ids(data_dir, name, pseudonym, rejections)
    is_card = any(fold(row["alias"]) == fold(name) for row in lexicon.read_table("aliases"))
    mask = mentions != "keep" and not is_card
    person = Person(name=name, mask=mask, reading_ids=frozenset(ids), pseudonym=pseudonym)
    person, mentioned = _with_readings(data_dir, person)
    if mentions is None and mentioned and _is_word(name):
        raise Problem("name_is_a_word", name=name)
    person = _with_rejections(rejections, person)
    forgotten = suppression_list.read(data_dir)
    if not person.ids and not person.hashes and not (forgotten and suppression_list.is_forgotten(forgotten, name)):
        raise Problem("no_person", name=name, like=_like(persons, name))
    return person


def find_reading(data_dir: Path, given: str) -> Person:
    """Collect the data of one reading of the store or a version, its copies among the rejections included.

    given: its id, or the beginning of it. Raises Problem `no_reading`, `ambiguous_id`.
    """
    known = {name for _, frame in _all_readings(data_dir) for name in frame["reading_id"]}
    reading_id = whole_id(given, known, Problem("no_reading", id=given))
    person, _ = _with_readings(data_dir, Person(name="", mask=False, reading_ids=frozenset([reading_id])))
    return _with_rejections(_all_rejections(data_dir), person)


def _all_rejections(data_dir: Path) -> pl.DataFrame:
    rows = delta.scan(data_dir, "rejections")
    return pl.DataFrame(schema=stored(REJECTIONS)) if rows is None else rows.collect()


def _with_rejections(rejections: pl.DataFrame, person: Person) -> Person:
    """Add the ids and keys of the person's rejections."""
    theirs = rejections.filter(rejections_of(rejections, person))
    return replace(
        person,
        rejection_ids=frozenset(theirs["rejection_id"]),
        fingerprints=person.fingerprints | frozenset(theirs["key"]),
    )


def _reading_ids(
    data_dir: Path, name: str, pseudonym: str | None, rejections: pl.DataFrame
) -> tuple[set[str], set[str]]:
    """Return the ids of the person's readings in store and versions, and the names of all persons."""
    ids: set[str] = set()
    nameless: set[str] = set()
    persons: set[str] = set()
    for manifest, frame in _all_readings(data_dir):
        ids |= set(frame.filter(_theirs(frame, _called(manifest, name, pseudonym)))["reading_id"])
        nameless |= set(frame.filter(pl.col("person").is_null())["reading_id"])
        persons |= set(frame["person"].drop_nulls())
    return ids | _nameless_twins(rejections, nameless, name), persons


def _with_readings(data_dir: Path, person: Person) -> tuple[Person, bool]:
    """Add fingerprints, contents and versions of the person's readings; return whether texts of others mention them."""
    fingerprints: set[str] = set()
    contents: set[str] = set()
    hashes: set[str] = set()
    mentioned = False
    for manifest, frame in _all_readings(data_dir):
        mine = all_theirs(frame, person, manifest)
        fingerprints |= set(frame.filter(mine)["fingerprint"])
        contents |= set(frame.filter(mine)["content"])
        named = person.mask and mentioning(frame.filter(~mine), person.name).any()
        mentioned |= named
        if manifest and (named or mine.any()):
            hashes.add(manifest["hash"])
    found = {"fingerprints": frozenset(fingerprints), "contents": frozenset(contents), "hashes": frozenset(hashes)}
    return replace(person, **found), mentioned


def _all_readings(data_dir: Path) -> Iterator[tuple[dict | None, pl.DataFrame]]:
    """Yield (None, every revision in the store), then (manifest, readings) of each version."""
    columns = "reading_id fingerprint person question content outcome draws cards source".split()
    rows = delta.scan(data_dir, "readings")
    if rows is not None:
        yield None, rows.select(columns).collect()
    for manifest in versions.listed(data_dir):
        yield manifest, versions.read(data_dir, manifest).select(columns)


def all_theirs(frame: pl.DataFrame, person: Person, manifest: dict | None = None) -> pl.Series:
    """Return a mask of the person's rows in a table of readings. manifest: of the version that the table belongs to."""
    called = _called(manifest, person.name, person.pseudonym)
    return frame["reading_id"].is_in(sorted(person.reading_ids)) | _theirs(frame, called)


def _called(manifest: dict | None, name: str, pseudonym: str | None) -> str:
    hidden = manifest and manifest["settings"].get("pseudonyms")
    return pseudonym if hidden and pseudonym else name


def _theirs(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a mask of rows that name the person, or name nobody and come from a file or sheet named after them."""
    persons = [person for person in frame["person"].unique() if suppression_list.same(person, name)]
    return frame["person"].is_in(persons).fill_null(False) | (frame["person"].is_null() & _named_after(frame, name))


def _named_after(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a mask of rows whose file, archive entry or sheet is named after the person."""
    found = pl.Series([False] * frame.height, dtype=pl.Boolean)
    for place in suppression_list.PLACES:
        column = frame["source"].struct.field(place)
        after = [text for text in column.unique() if text and suppression_list.place_spans(place, text, name)]
        found |= column.is_in(after).fill_null(False)
    return found


def _nameless_twins(rejections: pl.DataFrame, nameless: set[str], name: str) -> set[str]:
    """Return ids of readings without a person whose duplicate was rejected under this name: the same words, so theirs."""
    copies = pl.col("reason").is_in(["duplicate", "near_duplicate"])
    refused = rejections.filter(copies & names_person(rejections["record"], name))
    return nameless & set(_twins(refused).drop_nulls())


def rejections_of(rejections: pl.DataFrame, person: Person) -> pl.Series:
    """Return a mask of rejections of the person's records, of copies of their readings, and of records that name nobody
    but mention them."""
    record = rejections["record"]
    passages = [fragments(content) for content in person.contents]
    copies = [
        twin in person.reading_ids or any(_most(parts, text or "") for parts in passages)
        for twin, text in zip(_twins(rejections), record, strict=True)
    ]
    nobodys = record.is_not_null() & record.str.json_path_match("$.person").is_null()
    mentioned = _named_after(rejections, person.name)
    if person.mask:
        mentioned |= mentioning(rejections, person.name)
    return names_person(record, person.name) | pl.Series(copies, dtype=pl.Boolean) | (nobodys & mentioned)


def _twins(rejections: pl.DataFrame) -> pl.Series:
    """Return the reading_id that each rejection repeats, or null."""
    return rejections["values"].str.json_path_match("$.twin")


def names_person(record: pl.Series, name: str) -> pl.Series:
    whose = record.str.json_path_match("$.person")
    return whose.is_in([person for person in whose.unique() if suppression_list.same(person, name)]).fill_null(False)


def fragments(content: str) -> list[str]:
    """Return passages from all parts of a content, which identify a copy of it; none has a quotation mark or line break."""
    runs = [run for run in re.split(r'[\n"\\]+', content) if len(run) >= FRAGMENT]
    starts = [(run, (len(run) - FRAGMENT) // 2) for run in runs[:: max(1, len(runs) // 6)]]
    return sorted({run[start : start + FRAGMENT] for run, start in starts})


def _most(passages: list[str], text: str) -> bool:
    """Check whether a text has more than half of the passages: a single one may be a phrase that the reader often uses."""
    return 2 * sum(passage in text for passage in passages) > len(passages)


@cache
def _common_words() -> frozenset[str]:
    """Return the words of jieba's dictionary, folded. Its tag for personal names does not help: 阳光 and 明白 have it."""
    lines = (files("jieba") / "dict.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(fold(line.split(" ")[0]) for line in lines)


def _is_word(name: str) -> bool:
    return len(name) < 2 or fold(name) in _common_words()


def _like(persons: set[str], name: str) -> str:
    return "、".join(get_close_matches(name, sorted(persons), n=3, cutoff=0.3)) or "–"
