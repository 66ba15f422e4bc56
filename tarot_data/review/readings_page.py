"""Pages of readings: search, filters, sentences coloured by label, corrections."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from schemas.deck import CARDS, FLAGS, LABELS, PATTERNS, THEMES
from schemas.errors import Problem
from schemas.messages import say
from schemas.tables import STORED
from tarot_data.cards.format import card_text
from tarot_data.review.desk import Desk, Form, TheDesk
from tarot_data.review.paging import Page, whole
from tarot_data.review.search import search
from tarot_data.store import corrections, tables, teacher

PER_PAGE = 25


router = APIRouter()


class Filters(BaseModel):
    """Query of the list of readings; empty strings filter nothing."""

    person: str = ""
    card: str = ""
    theme: str = ""
    flag: str = ""
    lacks: str = ""
    text: str = ""
    order: str = ""
    page: str = "1"


@router.get("/readings")
def list_readings(desk: TheDesk, filters: Annotated[Filters, Query()]) -> Response:
    asked = {name: value.strip() for name, value in filters.model_dump(exclude={"page"}).items()}
    asked["card"] = desk.words.canonical(asked["card"])
    found = search(desk.data_dir, **asked)
    part = Page(found.height, whole(filters.page), PER_PAGE)
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


@router.get("/readings/{reading_id}")
def show_reading(desk: TheDesk, reading_id: str, did: str = "") -> Response:
    row = reading(desk.data_dir, reading_id)
    return desk.page(
        "reading.html",
        here="readings",
        row=row,
        said=desk.say("did_corrected") if did == "corrected" else None,
        cards=[card_text(card) for card in row["cards"]],
        spreads=[draw["spread"] for draw in row["draws"] if draw["spread"]],
        parts=parts(row["content"], row["sentences"]),
        labels=LABELS,
    )


@router.get("/readings/{reading_id}/{number}")
def show_sentence(desk: TheDesk, reading_id: str, number: int, at: str = "") -> Response:
    """at: its place in the list of least certain sentences, if it was opened from there."""
    row, one = place(desk.data_dir, reading_id, number)
    return sentence_page(desk, row, number, at, one["labels"], one["cards"])


def sentence_page(
    desk: Desk, row: dict, number: int, at: str, labels: list[str], marked: list[str], said: str = "", status: int = 200
) -> Response:
    """Render a sentence. labels, marked: labels and cards that the form has. said: a message on top."""
    one = row["sentences"][number]
    first, last = max(0, number - 1), min(number + 1, len(row["sentences"]) - 1)
    drawn = [card["card"] for card in row["cards"]]
    return desk.page(
        "sentence.html",
        status,
        here="readings",
        said=said,
        chosen={"labels": labels, "cards": marked},
        state=state(one),
        row=row,
        number=number,
        before=row["content"][row["sentences"][first]["start"] : one["start"]],
        text=row["content"][one["start"] : one["end"]],
        after=row["content"][one["end"] : row["sentences"][last]["end"]],
        at=whole(at) if at else None,
        words_of=corrections.digest(row["content"][one["start"] : one["end"]]),
        one=one,
        taught=opinion(desk.data_dir, row, number),
        offered=list(dict.fromkeys([*drawn, *one["cards"], *marked])),
        labels=LABELS,
        cards=CARDS,
    )


@router.post("/readings/{reading_id}/{number}")
def correct_sentence(desk: TheDesk, reading_id: str, number: int, form: Form) -> Response:
    labels = [form[name] for name in ("first", "second") if form.get(name)]
    cards = [name.removeprefix("card:") for name in form if name.startswith("card:")]
    cards += [form["other"].strip()] if form.get("other", "").strip() else []
    with tables.writing(desk.data_dir):
        row, one = place(desk.data_dir, reading_id, number)
        start, end = one["start"], one["end"]
        if form.get("words") != corrections.digest(row["content"][start:end]):
            # The reading was edited since the page was made: the number means another sentence now.
            raise HTTPException(409)
        when = datetime.now(UTC).isoformat(timespec="seconds")
        correction = corrections.to_correction(reading_id, row["content"], start, end, labels, cards, when)
        if form.get("state", state(one)) != state(one) != state(correction):
            now = "＋".join(say(f"label.{label}", desk.lang) for label in one["labels"])
            said = desk.say("labelled_elsewhere", now=now)
            return sentence_page(desk, row, number, form.get("at", ""), labels, cards, said, 409)
        corrections.add(desk.data_dir, [correction])
    if form.get("at"):
        # Corrected, it leaves the list, and the next one takes its place.
        return RedirectResponse(f"/labels/next?at={whole(form['at'])}", 303)
    return RedirectResponse(f"/readings/{reading_id}#s{number}", 303)


def state(one: dict) -> str:
    """Return the labels and cards of a sentence as one text, to notice that somebody else has changed them."""
    return "+".join([*one["labels"], *one["cards"]])


def stored_reading(data_dir: Path, reading_id: str) -> dict:
    """Read a reading (STORED) without its corrections. Raises Problem `no_reading`."""
    row = tables.reading(data_dir, reading_id)
    if row is None:
        raise Problem("no_reading", id=reading_id)
    return row


def reading(data_dir: Path, reading_id: str) -> dict:
    """Read a reading (STORED) with its corrections applied. Raises Problem `no_reading`."""
    row = stored_reading(data_dir, reading_id)
    said = corrections.read(data_dir).filter(pl.col("reading_id") == reading_id)
    return corrections.apply(pl.DataFrame([row], schema=STORED), said).to_dicts()[0]


def place(data_dir: Path, reading_id: str, number: int) -> tuple[dict, dict]:
    """Read a reading and its sentence of that number, from 0."""
    row = reading(data_dir, reading_id)
    if not 0 <= number < len(row["sentences"]):
        raise HTTPException(404)
    return row, row["sentences"][number]


def opinion(data_dir: Path, row: dict, number: int) -> dict | None:
    """Return {labels, cards, model} of a teacher that disagrees about an uncorrected sentence, None if there is none."""
    lesson = teacher.read(data_dir).get(row["reading_id"])
    if lesson is None:
        return None
    said = corrections.read(data_dir).filter(pl.col("reading_id") == row["reading_id"]).to_dicts()
    taught = teacher.disagreements(row["content"], row["sentences"], lesson, said).get(number)
    return taught and taught | {"model": lesson["model"]}


def parts(content: str, sentences: list[dict]) -> list[dict]:
    """Divide the content into sentences with labels and the gaps between them."""
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
