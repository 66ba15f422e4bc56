"""Readings that are not in the store: dicts in, annotated dicts out. What a model wrote walks this road too."""

import json
from collections.abc import Iterable, Iterator

import polars as pl

from schemas.errors import Problem
from schemas.tables import READINGS
from tarot_data.cards.card_fields import UnknownCard, parse_cards
from tarot_data.cards.mentions import find_cards
from tarot_data.cards.spreads import resolve_spread
from tarot_data.patterns.annotate import annotate

BATCH = 2000


def read_lines(lines: Iterable[str], name: str) -> Iterator[dict]:
    """One JSON object a line, with `id` and `content`; blank lines are passed over.

    Raises Problem `bad_line` naming file and line.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise Problem("bad_line", name=name, line=number, why=str(error)) from None
        if not isinstance(record, dict) or not isinstance(record.get("content"), str):
            raise Problem("bad_line", name=name, line=number, why="no content")
        yield {"id": str(record.get("id", number)), **{k: v for k, v in record.items() if k != "id"}}


def drawn_cards(record: dict) -> list[dict]:
    """The record's cards resolved to {draw, place, position, card, orientation, raw}; [] where it has none.

    Raises Problem `unknown_card`.
    """
    if not record.get("cards"):
        return []
    try:
        return [{"draw": 1, **card} for card in parse_cards(record["cards"], record.get("spread"))]
    except UnknownCard as error:
        raise Problem("unknown_card", id=record["id"], card=str(error)) from None


def annotate_records(records: list[dict]) -> list[dict]:
    """{id, content, cards?, person?, question?, spread?} to {id, cards, sentences, themes, style, …}.

    sentences: [{start, end, text, labels, cards}], offsets in characters of the content as given. Also carries over
    person, question, spread and content, and adds mentions: [{card, orientation, start, end}].
    """
    out = []
    for start in range(0, len(records), BATCH):
        out += _annotate(records[start : start + BATCH])
    return out


def _annotate(records: list[dict]) -> list[dict]:
    keys = [f"r{number:016x}" for number in range(len(records))]
    cards = [drawn_cards(record) for record in records]
    frame = pl.DataFrame(
        {
            "reading_id": keys,
            "person": [record.get("person") for record in records],
            "question": [record.get("question") for record in records],
            "draws": [
                [{"draw": 1, "spread": record.get("spread"), "spread_id": resolve_spread(record.get("spread"))[0]}]
                for record in records
            ],
            "cards": cards,
            "content": [record["content"] for record in records],
        },
        schema={name: READINGS[name] for name in ("reading_id", "person", "question", "draws", "cards", "content")},
    )
    sentences, annotations = annotate(frame)
    by_reading: dict[str, list[dict]] = {key: [] for key in keys}
    for row in sentences.sort("reading_id", "index").iter_rows(named=True):
        by_reading[row["reading_id"]].append(row)
    notes = {row["reading_id"]: row for row in annotations.iter_rows(named=True)}
    return [
        {
            "id": record["id"],
            "person": record.get("person"),
            "question": record.get("question"),
            "spread": record.get("spread"),
            "content": record["content"],
            "cards": drawn,
            "sentences": [
                {
                    "start": row["start"],
                    "end": row["end"],
                    "text": record["content"][row["start"] : row["end"]],
                    "labels": row["labels"],
                    "cards": row["cards"],
                }
                for row in by_reading[key]
            ],
            "mentions": [
                {"card": m.card, "orientation": m.orientation, "start": m.start, "end": m.end}
                for m in find_cards(record["content"])
            ],
            "themes": notes[key]["themes"],
            "style": notes[key]["style"],
        }
        for key, record, drawn in zip(keys, records, cards, strict=True)
    ]
