"""Data of one person in the store and the versions: readings, rejections, mentions in texts of others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from schemas.short_ids import whole_id
from schemas.tables import REJECTIONS, stored
from tarot_data import lexicon
from tarot_data.dataset import versions
from tarot_data.erasure.mentions import mentioning
from tarot_data.privacy import pseudonyms, suppression_list
from tarot_data.privacy.name_search import place_spans
from tarot_data.privacy.person_names import kind_of, may_be_one, person_key, plain_name
from tarot_data.store import delta
from tarot_data.text import chinese_words
from tarot_data.text.normalise import fold

FRAGMENT = 12
"""Characters of a passage that identifies a text: longer than any phrase of politeness."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """The person to forget, and the data known to be theirs; or a single reading to remove, without a name."""

    names: tuple[str, ...] = ()
    """Every spelling of their names."""
    masked: tuple[str, ...] = ()
    """The names that are masked in texts of other people."""
    similar: tuple[str, ...] = ()
    """Names of others in the store and the versions that may be the same person's."""
    reading_ids: frozenset[str] = frozenset()
    rejection_ids: frozenset[str] = frozenset()
    fingerprints: frozenset[str] = frozenset()
    """Of their readings, and the keys of their rejections."""
    contents: frozenset[str] = frozenset()
    pseudonyms: frozenset[str] = frozenset()
    """Their names in versions published with pseudonyms."""
    hashes: frozenset[str] = frozenset()
    """Hashes of the versions with readings of theirs or with their name, before they are forgotten."""

    @property
    def ids(self) -> frozenset[str]:
        return self.reading_ids | self.rejection_ids


def find(data_dir: Path, name: str, mentions: str | None = None, also: tuple[str, ...] = ()) -> Person:
    """Collect the data of a person. mentions: `mask` or `keep` their names in texts of other people. also: nicknames.

    Spellings of a name (`person_key`) are one name. Without mentions, a name is masked unless it is also a card's. Raises
    Problem `no_person` if neither store nor versions know a name, `name_is_a_word` if one is an ordinary word that others
    use and mentions is not given.
    """
    given = tuple(dict.fromkeys(one.strip() for one in (name, *also) if one.strip()))
    rejections = _all_rejections(data_dir)
    key = pseudonyms.read_key(data_dir)
    called = frozenset(map(person_key, given))
    theirs = frozenset(other for known, other in key.items() if person_key(known) in called)
    persons = _all_persons(data_dir, rejections)
    spelt = {person for person in persons if person_key(person) in called}
    names = tuple(sorted({*given, *spelt, *map(plain_name, (*given, *spelt))}))
    cards = {fold(row["alias"]) for row in lexicon.read_table("aliases")}
    masked = tuple(one for one in names if mentions != "keep" and fold(one) not in cards)
    person = Person(names=names, masked=masked, pseudonyms=theirs, similar=_similar(persons, called))
    person = replace(person, reading_ids=_reading_ids(data_dir, person, rejections))
    person, mentioned = _with_readings(data_dir, person)
    if mentions is None and mentioned and (word := next(filter(_is_word, masked), None)):
        raise Problem("name_is_a_word", name=word)
    person = _with_rejections(rejections, person)
    _require_known(data_dir, person, given or (name,), persons)
    return person


def _require_known(data_dir: Path, person: Person, given: tuple[str, ...], persons: set[str]) -> None:
    """Raise Problem `no_person` if one of the given names is neither a person's, nor forgotten already, nor in a text."""
    forgotten, known = suppression_list.read(data_dir), set(map(person_key, persons))
    for place, name in enumerate(given):
        found_elsewhere = place == 0 and (person.ids or person.hashes)
        before = forgotten and suppression_list.is_forgotten(forgotten, name)
        if not (person_key(name) in known or found_elsewhere or before):
            raise Problem("no_person", name=name, like=_like(persons, name))


def _similar(persons: set[str], called: frozenset[str]) -> tuple[str, ...]:
    others = (person for person in persons if kind_of(person) == "named" and person_key(person) not in called)
    return tuple(sorted(person for person in others if any(may_be_one(person, name) for name in called)))


def find_reading(data_dir: Path, given: str) -> Person:
    """Collect the data of one reading of the store or a version, its copies among the rejections included.

    given: its id, or the beginning of it. Raises Problem `no_reading`, `ambiguous_id`.
    """
    known = {name for _, frame in _all_readings(data_dir) for name in frame["reading_id"]}
    reading_id = whole_id(given, known, Problem("no_reading", id=given))
    person, _ = _with_readings(data_dir, Person(reading_ids=frozenset([reading_id])))
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


def _all_persons(data_dir: Path, rejections: pl.DataFrame) -> set[str]:
    """Return the names of all persons in store and versions; in versions with pseudonyms these are not names."""
    persons = set(rejections["record"].str.json_path_match("$.person").drop_nulls())
    for manifest, frame in _all_readings(data_dir):
        if not (manifest and manifest["settings"].get("pseudonyms")):
            persons |= set(frame["person"].drop_nulls())
    return persons | set(pseudonyms.read_key(data_dir))


def _reading_ids(data_dir: Path, person: Person, rejections: pl.DataFrame) -> frozenset[str]:
    """Return the ids of the person's readings in store and versions."""
    ids: set[str] = set()
    nameless: set[str] = set()
    for manifest, frame in _all_readings(data_dir):
        ids |= set(frame.filter(_theirs(frame, _called(manifest, person)))["reading_id"])
        nameless |= set(frame.filter(pl.col("person").is_null())["reading_id"])
    return frozenset(ids | _nameless_twins(rejections, nameless, person.names))


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
        named = mentioning(frame.filter(~mine), person.masked).any()
        mentioned |= named
        if manifest and (named or mine.any()):
            hashes.add(manifest["hash"])
    found = {"fingerprints": frozenset(fingerprints), "contents": frozenset(contents), "hashes": frozenset(hashes)}
    return replace(person, **found), mentioned


def _all_readings(data_dir: Path) -> Iterator[tuple[dict | None, pl.DataFrame]]:
    """Yield (None, every revision in the store), then (manifest, readings) of each version."""
    columns = "reading_id fingerprint person question content follow_ups outcome draws cards source".split()
    rows = delta.scan(data_dir, "readings")
    if rows is not None:
        yield None, rows.select(columns).collect()
    for manifest in versions.listed(data_dir):
        yield manifest, versions.read(data_dir, manifest).select(columns)


def all_theirs(frame: pl.DataFrame, person: Person, manifest: dict | None = None) -> pl.Series:
    """Return a mask of the person's rows in a table of readings. manifest: of the version that the table belongs to."""
    return frame["reading_id"].is_in(sorted(person.reading_ids)) | _theirs(frame, _called(manifest, person))


def _called(manifest: dict | None, person: Person) -> tuple[str, ...]:
    hidden = manifest and manifest["settings"].get("pseudonyms")
    return tuple(person.pseudonyms) if hidden and person.pseudonyms else person.names


def _theirs(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    """Return a mask of rows that name the person, or name nobody and come from a file or sheet named after them."""
    return _called_so(frame["person"], names) | (frame["person"].is_null() & _named_after(frame, names))


def _called_so(persons: pl.Series, names: tuple[str, ...]) -> pl.Series:
    """Return a mask of the persons with one of the names, in any spelling."""
    keys = set(map(person_key, names))
    return persons.is_in([person for person in persons.unique().drop_nulls() if person_key(person) in keys]).fill_null(
        False
    )


def _named_after(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    """Return a mask of rows whose file, archive entry or sheet is named after the person."""
    found = pl.Series([False] * frame.height, dtype=pl.Boolean)
    for place in suppression_list.PLACES:
        column = frame["source"].struct.field(place)
        after = [text for text in column.unique() if text and place_spans(place, text, names)]
        found |= column.is_in(after).fill_null(False)
    return found


def _nameless_twins(rejections: pl.DataFrame, nameless: set[str], names: tuple[str, ...]) -> set[str]:
    """Return ids of readings without a person whose duplicate was rejected under this name: the same words, so theirs."""
    copies = pl.col("reason").is_in(["duplicate", "near_duplicate"])
    refused = rejections.filter(copies & names_person(rejections["record"], names))
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
    mentioned = _named_after(rejections, person.names) | mentioning(rejections, person.masked)
    return names_person(record, person.names) | pl.Series(copies, dtype=pl.Boolean) | (nobodys & mentioned)


def _twins(rejections: pl.DataFrame) -> pl.Series:
    """Return the reading_id that each rejection repeats, or null."""
    return rejections["values"].str.json_path_match("$.twin")


def names_person(record: pl.Series, names: tuple[str, ...]) -> pl.Series:
    """Return a mask of records (JSON) with one of the names as their person."""
    return _called_so(record.str.json_path_match("$.person"), names)


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
    return frozenset(map(fold, chinese_words.frequent(0)))


def _is_word(name: str) -> bool:
    return len(name) < 2 or fold(name) in _common_words()


def _like(persons: set[str], name: str) -> list[str]:
    return get_close_matches(name, sorted(persons), n=3, cutoff=0.3)
