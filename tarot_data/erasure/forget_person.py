"""Everything one person left in store, versions and reports, removed: no later search of the disk finds name or words.

Each step is done whole or not at all and finds by itself what is left to do, so a command that was killed is simply
run again. What is derived goes first and the readings, from which everything else is known to be theirs, last.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.dataset import versions
from tarot_data.privacy import pseudonyms, suppression_list
from tarot_data.store import corrections, delta
from tarot_data.system.atomic import write_text
from tarot_data.text.normalise import fold

NAMED_AFTER = frozenset("file member locator name root".split())
"""Fields that hold names of files and sheets."""

TEXTS = NAMED_AFTER | frozenset(
    "person question content outcome spread position raw values excerpt record fields reasoning_content".split()
)
"""Fields in which somebody's words, and so a name, may stand. The others hold codes, numbers and closed lists."""

FRAGMENT = 12
"""Characters of a passage by which someone's words are known again: longer than any phrase of politeness."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom to forget, and what is known to be theirs."""

    name: str
    mask: bool
    """Whether the name is masked where it stands in what other people wrote."""
    reading_ids: frozenset[str] = frozenset()
    rejection_ids: frozenset[str] = frozenset()
    fingerprints: frozenset[str] = frozenset()
    """Of their readings, and the keys of their rejections."""
    contents: frozenset[str] = frozenset()
    pseudonym: str | None = None
    """What they are called in versions that hide names."""
    hashes: frozenset[str] = frozenset()
    """Hashes of the versions that hold something of theirs, or their name, before they are forgotten."""

    @property
    def ids(self) -> frozenset[str]:
        return self.reading_ids | self.rejection_ids


def find(data_dir: Path, name: str, mentions: str | None = None) -> Person:
    """What is known of a person. mentions: `mask` or `keep` their name in what others wrote.

    Left to itself, a name is masked there unless it is a card's. Raises Problem `no_person` where neither store nor
    versions know the name, `name_is_a_word` where it is an ordinary word that others use and mentions is not given.
    """
    name = name.strip()
    rejections = delta.scan(data_dir, "rejections")
    rejections = None if rejections is None else rejections.collect()
    ids: set[str] = set()
    nameless: set[str] = set()
    persons: set[str] = set()
    key = pseudonyms.read_key(data_dir)
    pseudonym = next((other for known, other in key.items() if suppression_list.same(known, name)), None)
    for manifest, frame in _readings(data_dir):
        ids |= set(frame.filter(_theirs(frame, _called(manifest, name, pseudonym)))["reading_id"])
        nameless |= set(frame.filter(pl.col("person").is_null())["reading_id"])
        persons |= set(frame["person"].drop_nulls())
    if rejections is not None:
        ids |= _nameless_twins(rejections, nameless, name)
    is_card = any(fold(row["alias"]) == fold(name) for row in lexicon.read_table("aliases"))
    person = Person(
        name=name,
        mask=mentions != "keep" and not is_card,
        reading_ids=frozenset(ids),
        pseudonym=pseudonym,
    )

    fingerprints: set[str] = set()
    contents: set[str] = set()
    hashes: set[str] = set()
    mentioned = False
    for manifest, frame in _readings(data_dir):
        theirs = frame.filter(all_theirs(frame, person, manifest))
        fingerprints |= set(theirs["fingerprint"])
        contents |= set(theirs["content"])
        named = person.mask and _mentioning(frame.filter(~all_theirs(frame, person, manifest)), name).any()
        mentioned |= named
        if manifest and (named or theirs.height):
            hashes.add(manifest["hash"])
    if mentions is None and mentioned and _is_word(name):
        raise Problem("name_is_a_word", name=name)
    person = replace(
        person,
        fingerprints=frozenset(fingerprints),
        contents=frozenset(contents),
        hashes=frozenset(hashes),
    )
    if rejections is not None:
        refused = rejections.filter(_theirs_rejected(rejections, person))
        person = replace(
            person,
            rejection_ids=frozenset(refused["rejection_id"]),
            fingerprints=person.fingerprints | frozenset(refused["key"]),
        )
    known = suppression_list.read(data_dir)
    if not person.ids and not person.hashes and not (known and suppression_list.is_forgotten(known, name)):
        raise Problem("no_person", name=name, like=_like(persons, name))
    return person


def _readings(data_dir: Path) -> Iterator[tuple[dict | None, pl.DataFrame]]:
    """(None, every revision in the store), then (manifest, readings) of each version: what tells whose they are."""
    columns = "reading_id fingerprint person question content outcome draws cards source".split()
    rows = delta.scan(data_dir, "readings")
    if rows is not None:
        yield None, rows.select(columns).collect()
    for manifest in versions.listed(data_dir):
        yield manifest, versions.read(data_dir, manifest).select(columns)


# Whose


def all_theirs(frame: pl.DataFrame, person: Person, manifest: dict | None = None) -> pl.Series:
    """Rows of a table of readings that are the person's. manifest: of the version, where the table is one's."""
    called = _called(manifest, person.name, person.pseudonym)
    return frame["reading_id"].is_in(sorted(person.reading_ids)) | _theirs(frame, called)


def _called(manifest: dict | None, name: str, pseudonym: str | None) -> str:
    hidden = manifest and manifest["settings"].get("pseudonyms")
    return pseudonym if hidden and pseudonym else name


def _theirs(frame: pl.DataFrame, name: str) -> pl.Series:
    """Rows that name the person, or name nobody and lie in a file or sheet named after them."""
    persons = [person for person in frame["person"].unique() if suppression_list.same(person, name)]
    return frame["person"].is_in(persons).fill_null(False) | (frame["person"].is_null() & _named_after(frame, name))


def _named_after(frame: pl.DataFrame, name: str) -> pl.Series:
    """Rows whose file, archive entry or sheet is named after the person."""
    found = pl.Series([False] * frame.height, dtype=pl.Boolean)
    for place in suppression_list.PLACES:
        column = frame["source"].struct.field(place)
        after = [text for text in column.unique() if text and suppression_list.place_spans(place, text, name)]
        found |= column.is_in(after).fill_null(False)
    return found


def _nameless_twins(rejections: pl.DataFrame, nameless: set[str], name: str) -> set[str]:
    """Readings of nobody known whose duplicate was refused under this person's name: the same words, so theirs."""
    copies = pl.col("reason").is_in(["duplicate", "near_duplicate"])
    refused = rejections.filter(copies & _person_is(rejections["record"], name))
    return nameless & set(_twins(refused).drop_nulls())


def _theirs_rejected(rejections: pl.DataFrame, person: Person) -> pl.Series:
    """Rejections of the person's records, of copies of their readings, and of what names nobody and mentions them."""
    record = rejections["record"]
    passages = [fragments(content) for content in person.contents]
    copies = [
        twin in person.reading_ids or any(_most(parts, text or "") for parts in passages)
        for twin, text in zip(_twins(rejections), record, strict=True)
    ]
    nobodys = record.is_not_null() & record.str.json_path_match("$.person").is_null()
    mentioned = _named_after(rejections, person.name)
    if person.mask:
        mentioned |= _mentioning(rejections, person.name)
    return _person_is(record, person.name) | pl.Series(copies, dtype=pl.Boolean) | (nobodys & mentioned)


def _twins(rejections: pl.DataFrame) -> pl.Series:
    """reading_id that each rejection repeats, null if it repeats none."""
    return rejections["values"].str.json_path_match("$.twin")


def _person_is(record: pl.Series, name: str) -> pl.Series:
    whose = record.str.json_path_match("$.person")
    return whose.is_in([person for person in whose.unique() if suppression_list.same(person, name)]).fill_null(False)


def fragments(content: str) -> list[str]:
    """Passages from all over a content, by which a copy of it is known; none with a quotation mark or a break."""
    runs = [run for run in re.split(r'[\n"\\]+', content) if len(run) >= FRAGMENT]
    starts = [(run, (len(run) - FRAGMENT) // 2) for run in runs[:: max(1, len(runs) // 6)]]
    return sorted({run[start : start + FRAGMENT] for run, start in starts})


def _most(passages: list[str], text: str) -> bool:
    """Whether more than half of the passages stand in a text: one alone may be a phrase the reader says to all."""
    return 2 * sum(passage in text for passage in passages) > len(passages)


@cache
def _common_words() -> frozenset[str]:
    """Words of jieba's dictionary, folded. Its marks of personal names are of no use: 阳光 and 明白 have them."""
    lines = (files("jieba") / "dict.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(fold(line.split(" ")[0]) for line in lines)


def _is_word(name: str) -> bool:
    return len(name) < 2 or fold(name) in _common_words()


def _like(persons: set[str], name: str) -> str:
    from difflib import get_close_matches

    return "、".join(get_close_matches(name, sorted(persons), n=3, cutoff=0.3)) or "–"


# Names in what others wrote


def _mentioning(frame: pl.DataFrame, name: str) -> pl.Series:
    """Rows in whose texts the name stands."""
    texts = [column for column in frame.columns if column in TEXTS or frame[column].dtype.is_nested()]
    rows = frame.lazy().select(row=pl.struct(texts).struct.json_encode()).with_row_index("place")
    rows = rows.filter(pl.col("row").str.contains(suppression_list.pattern(name))).collect()
    places = {place for place, row in rows.iter_rows() if suppression_list.spans(row, name)}
    return pl.Series([place in places for place in range(frame.height)], dtype=pl.Boolean)


def without_mentions(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    """The frame with the name masked wherever it stands in a text, and in how many rows it stood.

    Where mentions are kept, it is masked in names of files and sheets all the same.
    """
    hit = _mentioning(frame, person.name)
    if not hit.any():
        return frame, 0
    marked = frame.with_row_index("_place")
    keys = TEXTS if person.mask else NAMED_AFTER
    before = marked.filter(hit).to_dicts()
    after = [_masked(row, person.name, keys) for row in before]
    whole = pl.concat([marked.filter(~hit), pl.DataFrame(after, schema=marked.schema)]).sort("_place").drop("_place")
    return whole, sum(one != other for one, other in zip(before, after, strict=True))


def _masked(value: object, name: str, keys: frozenset[str], key: str = "") -> object:
    if isinstance(value, dict):
        return {inner: _masked(below, name, keys, inner) for inner, below in value.items()}
    if isinstance(value, list):
        return [_masked(below, name, keys, key) for below in value]
    if not isinstance(value, str) or key not in keys:
        return value
    return suppression_list.masked(value, suppression_list.place_spans(key, value, name))


# The steps


def forget_store(data_dir: Path, person: Person) -> dict[str, int]:
    """Remove the person from every table but the readings, and from the log and the unused files of all of them."""
    counts = dict.fromkeys((*REWRITERS, "mentions"), 0)
    for name, rewriter in REWRITERS.items():
        if not delta.exists(data_dir, name):
            continue
        before = delta.scan(data_dir, name).collect()
        kept, counts[name] = rewriter(before, person)
        kept, masked = without_mentions(kept, person)
        counts["mentions"] += masked
        _replace(data_dir, name, before, kept)
    counts["corrections"] = corrections.forget(data_dir, sorted(person.reading_ids))
    return counts


def forget_readings(data_dir: Path, person: Person) -> dict[str, int]:
    """Remove the person's readings, all revisions of them, and mask the name in those of others."""
    if not delta.exists(data_dir, "readings"):
        return {"readings": 0, "revisions": 0, "mentions": 0}
    before = delta.scan(data_dir, "readings").collect()
    theirs = all_theirs(before, person)
    kept, mentions = without_mentions(before.filter(~theirs), person)
    _replace(data_dir, "readings", before, kept)
    gone = before.filter(theirs)
    return {"readings": gone["reading_id"].n_unique(), "revisions": gone.height, "mentions": mentions}


def _replace(data_dir: Path, name: str, before: pl.DataFrame, kept: pl.DataFrame) -> None:
    if kept.equals(before):
        delta.purge(data_dir, name)
    else:
        delta.rewrite(data_dir, name, kept, {"run": "forget"})


def _without_rejections(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    theirs = frame["rejection_id"].is_in(sorted(person.rejection_ids)) | _theirs_rejected(frame, person)
    return frame.filter(~theirs), frame.filter(theirs)["rejection_id"].n_unique()


def _without_signatures(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    kept = frame.filter(~pl.col("reading_id").is_in(sorted(person.reading_ids)))
    return kept, frame.height - kept.height


def _without_fixes(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    """Decisions about the person's records, and those that gave a record to the person."""
    theirs = frame["key"].is_in(sorted(person.fingerprints)) | _person_is(frame["fields"], person.name)
    return frame.filter(~theirs), int(theirs.sum())


def _without_in_files(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    """Files keep their place but no ids of the person's, and are read once more: what is refused then is counted."""
    ids = sorted(person.ids)
    theirs = frame.select(
        pl.any_horizontal(
            pl.col(column).list.eval(pl.element().is_in(ids)).list.any() for column in ("kept", "rejected")
        )
    ).to_series()
    named = [bool(suppression_list.spans(name, person.name)) for name in frame["name"]]
    touched = theirs.fill_null(False) | pl.Series(named, dtype=pl.Boolean)
    kept = frame.with_columns(
        pl.col(column).list.filter(~pl.element().is_in(ids)).alias(column) for column in ("kept", "rejected")
    ).with_columns(pipeline=pl.when(touched).then(pl.lit("")).otherwise("pipeline"))
    return kept, int(touched.sum())


REWRITERS: dict[str, Callable[[pl.DataFrame, Person], tuple[pl.DataFrame, int]]] = {
    "files": _without_in_files,
    "signatures": _without_signatures,
    "fixes": _without_fixes,
    "rejections": _without_rejections,
}
"""In this order: what a rejection is known by is found again after a kill only while the rejection is there, as with the
readings, which go last of all."""


def read_again(data_dir: Path) -> None:
    """Have the next ingest read every file once more; what was decided about each stays until then."""
    if delta.exists(data_dir, "files"):
        files = delta.scan(data_dir, "files").collect()
        delta.rewrite(data_dir, "files", files.with_columns(pipeline=pl.lit("")), {"run": "readmit"})


def forget_versions(data_dir: Path, person: Person) -> list[dict]:
    """Republish every version that holds the person; [{version, was, is, readings}], oldest first.

    Folders that a kill left half written or half removed go as well, and every parent's hash is the present one.
    """
    for path in versions.folder(data_dir).glob("*"):
        if path.is_dir() and not (path / "manifest.json").exists() or path.name.startswith("."):
            versions.discard(path)
    done = []
    for manifest in versions.listed(data_dir):
        before = versions.read(data_dir, manifest)
        theirs = all_theirs(before, person, manifest)
        kept, mentions = without_mentions(before.filter(~theirs), person)
        if not theirs.any() and not mentions:
            continue
        examples = versions.read_examples(data_dir, manifest).join(kept, on="reading_id", how="semi")
        examples, _ = without_mentions(examples, person)
        after = versions.republish(data_dir, manifest, kept, examples)
        done.append(
            {
                "version": manifest["version"],
                "was": manifest["hash"],
                "is": after["hash"],
                "readings": int(theirs.sum()),
                "mentions": mentions,
            }
        )
    _mend(data_dir)
    pseudonyms.forget(data_dir, person.pseudonym)
    return done


def _mend(data_dir: Path) -> None:
    """Discard what was republished and is still there, and point every parent to its present hash."""
    current = versions.listed(data_dir)
    names = {manifest["name"] for manifest in current}
    for path in versions.folder(data_dir).glob("*"):
        if path.is_dir() and path.name not in names:
            versions.discard(path)
    present = {digest: manifest["hash"] for manifest in current for digest in versions.former_hashes(manifest)}
    for manifest in current:
        parent = manifest["parent"]
        while parent in present and present[parent] != parent:
            parent = present[parent]
        if parent != manifest["parent"]:
            path = versions.path_of(data_dir, manifest) / "manifest.json"
            versions.write_manifest(path, manifest | {"parent": parent})


def forget_reports(data_dir: Path) -> int:
    """Remove every report: each was made of what the store held then. The newest can be written again."""
    pages = sorted((data_dir / "reports").glob("*.html"))
    for page in pages:
        page.unlink()
    return len(pages)


def forget_lines(path: Path, person: Person) -> int:
    """Remove the lines of a JSON-lines file that are the person's, name them or say what they were told; how many."""
    tells = teller(person)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not any(map(tells, _texts(line)))]
    if len(kept) < len(lines):
        write_text(path, "".join(kept))
    return len(lines) - len(kept)


def forget_values(path: Path, person: Person) -> int:
    """Empty every text of a JSON file that names the person or says what they were told; how many."""
    tells, gone = teller(person), 0

    def emptied(value: object) -> object:
        nonlocal gone
        if isinstance(value, dict):
            return {key: emptied(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [emptied(inner) for inner in value]
        if isinstance(value, str) and tells(value):
            gone += 1
            return ""
        return value

    value = emptied(json.loads(path.read_text(encoding="utf-8")))
    if gone:
        write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return gone


def teller(person: Person) -> Callable[[str], bool]:
    """Whether a text holds an id or the name of the person, or repeats FRAGMENT characters of what they were told."""
    told = {text[at : at + FRAGMENT] for text in person.contents for at in range(len(text) - FRAGMENT + 1)}

    def tells(text: str) -> bool:
        return (
            text.split("-")[0] in person.ids
            or any(text[at : at + FRAGMENT] in told for at in range(len(text) - FRAGMENT + 1))
            or (person.mask and bool(suppression_list.spans(text, person.name)))
        )

    return tells


def _texts(line: str) -> Iterator[str]:
    """Every text in a line of JSON; the line itself where it is none."""
    try:
        values = [json.loads(line)]
    except ValueError:
        values = [line]
    while values:
        value = values.pop()
        if isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str):
            yield value
