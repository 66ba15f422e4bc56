"""Readings searched, filtered and looked at, their sentences coloured by label."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import polars as pl
from fastapi import Depends, FastAPI
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from schemas.deck import CARDS, FLAGS, LABELS, PATTERNS, THEMES
from schemas.problems import Problem
from schemas.tables import STORED
from tarot_data import corrections, store
from tarot_data.examples import card_text
from tarot_data.review.paging import Page, whole

PER_PAGE = 25
FILTERS = ("person", "card", "theme", "flag", "lacks", "text", "order")


def add(app: FastAPI, desk) -> None:
    Form = Annotated[dict[str, str], Depends(desk.guard.form)]

    @app.get("/readings")
    def listed(
        person: str = "",
        card: str = "",
        theme: str = "",
        flag: str = "",
        lacks: str = "",
        text: str = "",
        order: str = "",
        page: str = "1",
    ) -> Response:
        asked = dict(zip(FILTERS, (person, card, theme, flag, lacks, text, order), strict=True))
        asked = {name: value.strip() for name, value in asked.items()}
        found = search(desk.data_dir, **asked)
        part = Page(found.height, whole(page), PER_PAGE)
        return desk.page(
            "readings.html",
            here="readings",
            rows=found.slice(part.start, PER_PAGE).to_dicts(),
            part=part,
            asked=asked,
            cards=CARDS,
            themes=THEMES,
            flags=FLAGS,
            patterns=PATTERNS,
        )

    @app.get("/readings/{reading_id}")
    def one(reading_id: str) -> Response:
        row = reading(desk.data_dir, reading_id)
        return desk.page(
            "reading.html",
            here="readings",
            row=row,
            cards=[card_text(card) for card in row["cards"]],
            spreads=[draw["spread"] for draw in row["draws"] if draw["spread"]],
            parts=parts(row["content"], row["sentences"]),
            labels=LABELS,
            where=[part for part in (row["source"][name] for name in ("file", "member", "locator")) if part],
        )

    @app.get("/readings/{reading_id}/{number}")
    def sentence(reading_id: str, number: int) -> Response:
        row, one = place(desk.data_dir, reading_id, number)
        drawn = [card["card"] for card in row["cards"]]
        return desk.page(
            "sentence.html",
            here="readings",
            row=row,
            number=number,
            text=row["content"][one["start"] : one["end"]],
            words_of=corrections.digest(row["content"][one["start"] : one["end"]]),
            one=one,
            offered=list(dict.fromkeys([*drawn, *one["cards"]])),
            labels=LABELS,
            cards=CARDS,
        )

    @app.post("/readings/{reading_id}/{number}")
    def correct(reading_id: str, number: int, form: Form) -> Response:
        row, one = place(desk.data_dir, reading_id, number)
        start, end = one["start"], one["end"]
        if form.get("words") != corrections.digest(row["content"][start:end]):
            # The reading was edited since its page was made: the number means another sentence now.
            raise HTTPException(409)
        labels = [form[name] for name in ("first", "second") if form.get(name)]
        cards = [name.removeprefix("card:") for name in form if name.startswith("card:")]
        cards += [form["other"].strip()] if form.get("other", "").strip() else []
        when = datetime.now(UTC).isoformat(timespec="seconds")
        said = corrections.to_correction(reading_id, row["content"], start, end, labels, cards, when)
        with store.writing(desk.data_dir):
            corrections.add(desk.data_dir, [said])
        return RedirectResponse(f"/readings/{reading_id}#s{number}", 303)


def reading(data_dir: Path, reading_id: str) -> dict:
    """A reading (STORED) with its corrections laid over the labeller's sentences. Raises Problem `no_reading`."""
    row = store.reading(data_dir, reading_id)
    if row is None:
        raise Problem("no_reading", id=reading_id)
    said = corrections.read(data_dir).filter(pl.col("reading_id") == reading_id)
    return corrections.apply(pl.DataFrame([row], schema=STORED), said).to_dicts()[0]


def place(data_dir: Path, reading_id: str, number: int) -> tuple[dict, dict]:
    """A reading and its sentence of that number, from 0."""
    row = reading(data_dir, reading_id)
    if not 0 <= number < len(row["sentences"]):
        raise HTTPException(404)
    return row, row["sentences"][number]


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
    """Current readings (the columns of `index`) that fit everything named, newest date first; `order="unsure"`: those
    with the sentence the labeller is least sure of first.

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
    if text and not rows.is_empty():
        said = store.scan(data_dir, "readings").select(
            "reading_id",
            "revision",
            said=pl.col("content").str.contains(text, literal=True)
            | pl.col("question").fill_null("").str.contains(text, literal=True),
        )
        rows = rows.join(
            said.filter("said").collect(), on=["reading_id", "revision"], how="semi", maintain_order="left"
        )
    if order == "unsure":
        rows = rows.sort("sure", "reading_id", nulls_last=True)
    return rows


def index(data_dir: Path) -> pl.DataFrame:
    """reading_id, revision, person, question, date, drawn, themes, flags, labels, sure of every current reading, newest
    date first: what lists and filters need, and no content. Held until the store changes.

    labels: that any sentence has. sure: confidence of the least sure sentence.
    """
    return _index(data_dir, tuple(store.parts(data_dir)))


INDEX = pl.Schema(
    {
        "reading_id": pl.String,
        "revision": pl.Int32,
        "person": pl.String,
        "question": pl.String,
        "date": pl.Date,
        "drawn": pl.List(pl.String),
        "themes": pl.List(pl.String),
        "flags": pl.List(pl.String),
        "labels": pl.List(pl.String),
        "sure": pl.Float32,
    }
)


_held: dict[Path, pl.DataFrame] = {}
"""What was read of the table's files, with the file of each row. A new commit is a new file, and only that is read: the
sentences of 100,000 readings take more than a second."""


@lru_cache(maxsize=1)
def _index(data_dir: Path, files: tuple[str, ...]) -> pl.DataFrame:
    held = _held.get(data_dir, pl.DataFrame(schema={**INDEX, "file": pl.String})).filter(pl.col("file").is_in(files))
    if new := sorted({*files} - {*held["file"].unique()}):
        held = pl.concat([held, _read(new)])
    _held[data_dir] = held
    rows = store.current(held.drop("file").lazy()).collect()
    return rows.sort("date", "reading_id", descending=[True, False], nulls_last=True)


def _read(files: list[str]) -> pl.DataFrame:
    element = pl.element().struct
    rows = pl.scan_parquet(files, glob=False, include_file_paths="file").select(
        "reading_id",
        "revision",
        "person",
        pl.col("question").str.slice(0, 120),
        "date",
        pl.col("cards").list.eval(element.field("card")).alias("drawn"),
        "themes",
        "flags",
        pl.col("sentences").list.eval(element.field("labels").list.explode().unique()).alias("labels"),
        pl.col("sentences").list.eval(element.field("confidence")).list.min().alias("sure"),
        "file",
    )
    return rows.collect().cast(dict(INDEX))


def parts(content: str, sentences: list[dict]) -> list[dict]:
    """The whole content in order: each sentence with its labels, and what lies between them without."""
    out, at = [], 0
    for number, sentence in enumerate(sentences):
        if sentence["start"] > at:
            out.append({"text": content[at : sentence["start"]], "labels": [], "number": None})
        text = content[sentence["start"] : sentence["end"]]
        out.append({"text": text, "number": number} | {key: sentence[key] for key in ("labels", "cards", "confidence")})
        at = sentence["end"]
    if at < len(content):
        out.append({"text": content[at:], "labels": [], "number": None})
    return out
