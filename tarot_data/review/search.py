"""In-memory index of the readings for lists, filters and search."""

from functools import lru_cache
from pathlib import Path

import polars as pl

from schemas.deck import TO_CHECK
from tarot_data.store import corrections, delta, tables, teacher


def search(
    data_dir: Path,
    *,
    person: str = "",
    card: str = "",
    theme: str = "",
    flag: str = "",
    lacks: str = "",
    text: str = "",
    order: str = "",
) -> pl.DataFrame:
    """Find current readings (columns of `index`) that match every filter, newest date first; with `order="unsure"` those
    whose cards are from their content, then the least certain.

    person: part of a name. card, theme, flag: codes. lacks: a label that no sentence has. text: part of content or
    question.
    """
    rows = index(data_dir)
    if person:
        rows = rows.filter(pl.col("person").str.contains(person, literal=True))
    for value, column in ((card, "drawn"), (theme, "themes"), (flag, "flags")):
        if value:
            rows = rows.filter(pl.col(column).list.contains(value))
    if lacks:
        rows = rows.filter(~pl.col("labels").list.contains(lacks))
    if text:
        said = pl.col("content").str.contains(text, literal=True) | pl.col("question").str.contains(text, literal=True)
        rows = rows.filter(said.fill_null(False))
    if order == "unsure":
        rows = _doubtful_first(rows)
    return rows


def _doubtful_first(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort: first the readings with a flag of TO_CHECK, then the least certain, last those without a certainty."""
    checked = pl.col("flags").list.set_intersection(list(TO_CHECK)).list.len().fill_null(0) == 0
    return rows.sort(checked, "sure", nulls_last=True, maintain_order=True)


def index(data_dir: Path) -> pl.DataFrame:
    """Return the columns of every current reading for lists and filters (INDEX), newest date first, with corrections applied.

    Cached until the store changes; only new corrections are applied again.
    """
    return _overlaid(*_key(data_dir))


def _key(data_dir: Path) -> tuple[Path, tuple[str, ...], object]:
    """Cache key: changes with the store or the corrections."""
    return data_dir, tuple(delta.parts(data_dir)), _stamp(corrections.path_of(data_dir))


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes whenever the file is written: its time and size; None without the file."""
    return (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None


@lru_cache(maxsize=1)
def _overlaid(data_dir: Path, files: tuple[str, ...], stamp: object) -> pl.DataFrame:
    rows, said = _index(data_dir, files), corrections.read(data_dir)
    laid = _corrected(data_dir, rows.join(said.select("reading_id").unique(), on="reading_id", how="semi"), said)
    if laid.is_empty():
        return rows
    # Only the columns that change, so that texts are not copied.
    over = rows.select("reading_id", *BY_LABEL).join(
        laid.with_columns(over=True), on="reading_id", how="left", suffix="_new", maintain_order="left"
    )
    changed = over.select(pl.when("over").then(f"{name}_new").otherwise(name).alias(name) for name in BY_LABEL)
    return rows.with_columns(changed)


def least_sure(data_dir: Path) -> pl.DataFrame:
    """Return readings (INDEX, and taught) with an uncorrected sentence: those about which a teacher disagrees, then those whose
    cards are from their content, then the least certain.

    taught: the teacher's labels of the sentence `unsure`, null if it does not disagree.
    """
    return _least_sure(*_key(data_dir), _stamp(teacher.path_of(data_dir)))


@lru_cache(maxsize=1)
def _least_sure(data_dir: Path, files: tuple[str, ...], stamp: object, taught: object) -> pl.DataFrame:
    rows = _overlaid(data_dir, files, stamp)
    rows = _doubtful_first(rows.filter(pl.col("unsure").is_not_null()))
    disputed = _disputed(data_dir, rows["reading_id"]) if taught else pl.DataFrame(schema=DISPUTED)
    rows = rows.join(disputed, on="reading_id", how="left", suffix="_new", maintain_order="left")
    changed = [
        pl.when(pl.col("taught").is_null()).then(name).otherwise(f"{name}_new").alias(name) for name in BY_SENTENCE
    ]
    rows = rows.with_columns(changed).drop(f"{name}_new" for name in BY_SENTENCE)
    return rows.sort(pl.col("taught").is_null(), maintain_order=True)


def _disputed(data_dir: Path, reading_ids: pl.Series) -> pl.DataFrame:
    """Of every reading the sentence the labeller is least sure of among those a teacher labels otherwise (DISPUTED)."""
    lessons = teacher.read(data_dir)
    asked = reading_ids.filter(reading_ids.is_in(list(lessons))).to_list()
    said = corrections.by_reading(corrections.read(data_dir).filter(pl.col("reading_id").is_in(asked)))
    found = []
    for name, content, sentences in tables.chosen(data_dir, asked, ["reading_id", "content", "sentences"]).iter_rows():
        other = teacher.disagreements(content, sentences, lessons[name], said.get(name, []))
        if other:
            place = min(other, key=lambda place: sentences[place]["confidence"])
            one = sentences[place]
            words = content[one["start"] : one["end"]][:SHOWN_CHARS]
            found.append((name, one["confidence"], place, words, one["labels"], other[place]["labels"]))
    return pl.DataFrame(found, schema=DISPUTED, orient="row")


INDEX = pl.Schema(
    {
        "reading_id": pl.String,
        "revision": pl.Int32,
        "person": pl.String,
        "question": pl.String,
        "content": pl.String,
        "date": pl.Date,
        "drawn": pl.List(pl.String),
        "themes": pl.List(pl.String),
        "flags": pl.List(pl.String),
        "labels": pl.List(pl.String),
        "sure": pl.Float32,
        "unsure": pl.Int32,
        "words": pl.String,
        "taken": pl.List(pl.String),
    }
)
"""labels: of any sentence. unsure: number (from 0) of the least certain uncorrected sentence; sure: its confidence, words: its
beginning, taken: its labels. All null if every sentence is corrected."""

BY_LABEL = ("labels", "sure", "unsure", "words", "taken")
BY_SENTENCE = ("sure", "unsure", "words", "taken")
DISPUTED = pl.Schema(
    {name: INDEX[name] for name in ("reading_id", *BY_SENTENCE)} | {"taught": pl.List(pl.String)},
)
SHOWN_CHARS = 80


_held: dict[Path, pl.DataFrame] = {}
"""Cached columns with the file of each row. A commit is a new file, and only that is read: the sentences of 100,000 readings
take more than a second, their texts (175 MB) a third of one."""


@lru_cache(maxsize=1)
def _index(data_dir: Path, files: tuple[str, ...]) -> pl.DataFrame:
    held = _held.get(data_dir, pl.DataFrame(schema={**INDEX, "file": pl.String})).filter(pl.col("file").is_in(files))
    if new := sorted({*files} - {*held["file"].unique()}):
        held = pl.concat([held, _read(new)])
    _held[data_dir] = held
    places = held.select("reading_id", "revision", "date").with_row_index("at").lazy()
    order = tables.current(places).sort("date", "reading_id", descending=[True, False], nulls_last=True).collect()
    return held.drop("file")[order["at"]]


def _read(files: list[str]) -> pl.DataFrame:
    rows = pl.scan_parquet(files, glob=False, include_file_paths="file").select(
        "reading_id",
        "revision",
        "person",
        "question",
        "content",
        "date",
        pl.col("cards").list.eval(pl.element().struct.field("card")).alias("drawn"),
        "themes",
        "flags",
        *_by_label(),
        "file",
    )
    return rows.collect().cast(dict(INDEX))


def _by_label() -> list[pl.Expr]:
    """Return the columns BY_LABEL of content and sentences."""
    element = pl.element().struct
    confidence = pl.col("sentences").list.eval(element.field("confidence"))
    least = pl.col("sentences").list.get(confidence.list.arg_min(), null_on_oob=True).struct
    start, end = least.field("start"), least.field("end")
    return [
        pl.col("sentences").list.eval(element.field("labels").list.explode().unique()).alias("labels"),
        confidence.list.min().alias("sure"),
        confidence.list.arg_min().alias("unsure"),
        pl.col("content").str.slice(start, pl.min_horizontal(end - start, SHOWN_CHARS)).alias("words"),
        least.field("labels").alias("taken"),
    ]


_laid: dict[tuple[Path, str], tuple[object, tuple]] = {}
"""Cached effect of corrections: (data_dir, reading_id) -> its inputs, and reading_id with the columns BY_LABEL."""

ONE_BY_ONE = 3
"""Up to so many readings are read by their row in the table; a filter reads all of it, a second for 100,000."""


def _corrected(data_dir: Path, rows: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Return reading_id and the columns BY_LABEL of readings (INDEX) that have corrections."""
    by_reading: dict[str, list[dict]] = {}
    for correction in said.iter_rows(named=True):
        by_reading.setdefault(correction["reading_id"], []).append(correction)
    made_of = {
        name: (revision, by_reading[name]) for name, revision in rows.select("reading_id", "revision").iter_rows()
    }
    missing = [name for name, made in made_of.items() if _laid.get((data_dir, name), (None,))[0] != made]
    if len(missing) <= ONE_BY_ONE:
        stored = filter(None, (tables.reading(data_dir, name) for name in missing))
    else:
        wanted = delta.scan(data_dir, "readings").filter(pl.col("reading_id").is_in(missing))
        stored = tables.current(wanted.select("reading_id", "revision", "content", "sentences")).collect().to_dicts()
    for row in stored:
        name = row["reading_id"]
        _laid[data_dir, name] = (made_of[name], (name, *_as_corrected(row, by_reading[name])))
    known = [_laid[data_dir, name][1] for name in made_of if (data_dir, name) in _laid]
    return pl.DataFrame(known, schema={name: INDEX[name] for name in ("reading_id", *BY_LABEL)}, orient="row")


def _as_corrected(row: dict, said: list[dict]) -> tuple:
    """Return the columns BY_LABEL of a reading with its corrections."""
    sentences = [dict(sentence) for sentence in row["sentences"] or ()]
    corrected = {
        place: correction["labels"] for place, correction in corrections.found(row["content"], sentences, said)
    }
    for place, labels in corrected.items():
        sentences[place]["labels"] = labels
    labels = sorted({label for sentence in sentences for label in sentence["labels"]})
    left = [place for place in range(len(sentences)) if place not in corrected]
    if not left:
        return labels, None, None, None, None
    place = min(left, key=lambda place: sentences[place]["confidence"])
    least = sentences[place]
    words = row["content"][least["start"] : least["end"]][:SHOWN_CHARS]
    return labels, least["confidence"], place, words, least["labels"]
