"""A language model as teacher: it labels stored readings by the guideline, for a person to decide.

Text leaves this process: question, cards and sentences of a reading are sent to the endpoint that `ask` calls, without
the name of the querent, masked contact details as their placeholders. Readings without consent are never sent.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import polars as pl

from schemas.deck import LABELS
from schemas.errors import Problem
from tarot_data.cards.format import card_text
from tarot_data.store import corrections, tables, teacher

MOST_WRONG = 3
"""Unusable answers in a row after which to stop: the model cannot do it. The first one then costs little."""

Progress = Callable[[str, int, int], None] | None


def teach(
    data_dir: Path, ask: Callable[[str], str], about: dict, most: int, progress: Progress = None
) -> dict[str, int]:
    """Have a teacher label the readings that the labeller is least sure of; return counts.

    ask: prompt to answer. about: {url, model, host}. most: readings to ask for in this run. Every answer is stored as soon
    as it comes (`store.teacher`), so that a stopped run is continued by the next. Readings that were labelled as they
    are now are not asked for again. Returns {asked, unusable, disagreements, left}: disagreements are sentences of the
    readings asked for in this run; left are readings not asked for yet.

    Raises Problem `teacher_answer` after MOST_WRONG unusable answers in a row, and what `ask` raises.
    """
    waiting = _waiting(data_dir)
    counts = {"asked": 0, "unusable": 0, "disagreements": 0, "left": len(waiting)}
    wrong = 0
    for number, row in enumerate(waiting[:most]):
        if progress:
            progress("teacher", number, min(most, len(waiting)))
        try:
            labelled = parse(ask(prompt(row)), row)
        except ValueError:
            counts["unusable"] += 1
            wrong += 1
            if wrong == MOST_WRONG:
                raise Problem("teacher_answer", url=about["url"], model=about["model"]) from None
            continue
        wrong = 0
        counts["disagreements"] += _keep(data_dir, row, labelled, about)
        counts["asked"] += 1
        counts["left"] -= 1
    return counts


def _waiting(data_dir: Path) -> list[dict]:
    """List the readings (STORED) that no teacher has labelled as they are, the least certain first."""
    stored = tables.readings(data_dir)
    known = teacher.read(data_dir)
    rows = stored.filter(pl.col("consent") != "no", pl.col("sentences").list.len() > 0).select(
        "reading_id", "question", "content", "cards", "sentences",
        sure=pl.col("sentences").list.eval(pl.element().struct.field("confidence")).list.min(),
    )  # fmt: skip
    return [
        row
        for row in rows.sort("sure", "reading_id", nulls_last=True).to_dicts()
        if known.get(row["reading_id"], {}).get("content") != corrections.digest(row["content"])
    ]


def _keep(data_dir: Path, row: dict, labelled: list[dict], about: dict) -> int:
    """Store an answer, unless the reading has changed or gone meanwhile; return the number of disagreements."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    lesson = teacher.to_lesson(row, labelled, about["model"], about["host"], when)
    with tables.writing(data_dir):
        now = tables.reading(data_dir, row["reading_id"])
        if now is None or now["content"] != row["content"]:
            return 0
        teacher.add(data_dir, lesson)
        said = corrections.read(data_dir).filter(pl.col("reading_id") == row["reading_id"]).to_dicts()
    return len(teacher.disagreements(row["content"], row["sentences"], lesson, said))


def prompt(row: dict) -> str:
    """Write the request for a reading: the condensed guideline, question, cards and numbered sentences."""
    sentences = [" ".join(row["content"][place["start"] : place["end"]].split()) for place in row["sentences"]]
    guide = (files("tarot_data.patterns") / "teacher.txt").read_text(encoding="utf-8")
    cards = "、".join(map(card_text, row["cards"])) or "–"
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(sentences, 1))
    # Text of a reading last, so that its words never count as marks of the template.
    filled = guide.replace("<cards>", cards)
    before, between = filled.rstrip().removesuffix("<sentences>").split("<question>")
    return before + " ".join((row["question"] or "–").split()) + between + numbered


def parse(answer: str, row: dict) -> list[dict]:
    """Parse an answer: {labels, cards} of each sentence of the reading, in order.

    Raises ValueError unless it has one set of known labels for every sentence and names drawn cards only. Text around the
    JSON object is allowed, as models think aloud.
    """
    given = _last_object(answer)
    drawn = [card["card"] for card in row["cards"]]
    items = given.get("sentences")
    if not isinstance(items, list) or len(items) != len(row["sentences"]):
        raise ValueError("not one item a sentence")
    return [_checked(item, number, drawn) for number, item in enumerate(items, 1)]


def _last_object(answer: str) -> dict:
    """Return the last JSON object of a text that has `sentences`. Raises ValueError."""
    decoder = json.JSONDecoder()
    at = len(answer)
    while (at := answer.rfind("{", 0, at)) >= 0:
        try:
            found, _ = decoder.raw_decode(answer, at)
        except (ValueError, RecursionError):
            continue
        if "sentences" in found:
            return found
    raise ValueError("no JSON object")


def _checked(item: object, number: int, drawn: list[str]) -> dict:
    if not isinstance(item, dict) or item.get("n") != number:
        raise ValueError(f"{number}: not its number")
    labels, cards = item.get("labels"), item.get("cards")
    if not isinstance(labels, list) or not isinstance(cards, list):
        raise ValueError(f"{number}: no lists")
    if any(label not in LABELS for label in labels) or any(card not in drawn for card in cards):
        raise ValueError(f"{number}: an unknown label or card")
    if not 1 <= len(labels) <= 2 or len(set(labels)) < len(labels) or len(labels) > 1 and "other" in labels:
        raise ValueError(f"{number}: not a set of labels")
    return {"labels": labels, "cards": list(dict.fromkeys(cards))}
