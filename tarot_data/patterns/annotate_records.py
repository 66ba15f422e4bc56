"""Annotation of readings that are not in the store, such as generated ones: dicts in, annotated dicts out."""

import json
from collections.abc import Iterable, Iterator

import polars as pl

from schemas.errors import Problem
from schemas.tables import READINGS
from tarot_data.cards.card_fields import parse_cards, unknown_name
from tarot_data.cards.mentions import find_cards
from tarot_data.cards.resolved import resolved_cards
from tarot_data.cards.spreads import resolve_spread
from tarot_data.patterns.annotate import annotate

BATCH = 2000

GIVEN = ("reading_id", "person", "question", "date", "spreads", "outcome", "consent", "flags", "synthetic")
"""Fields of `tarot readings --json` that an annotated record keeps."""


def read_lines(lines: Iterable[str], name: str) -> Iterator[dict]:
    """Read one JSON object a line, with `content` and perhaps `id`; skip blank lines.

    Raises Problem `bad_line` with file and line.
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
        key = record.get("id", record.get("reading_id", number))
        yield {"id": str(key), **{k: v for k, v in record.items() if k != "id"}}


def drawn_cards(record: dict) -> list[dict]:
    """Resolve the record's cards to {draw, place, position, card, orientation, raw}; return [] if it has none.

    Cards of `tarot readings --json` are used as they are. Raises Problem `unknown_card`.
    """
    if not record.get("cards"):
        return []
    if known := resolved_cards(record["cards"]):
        return known
    parsed = parse_cards(record["cards"], spreads_of(record)[0])
    if parsed.unknown:
        raise Problem("unknown_card", id=record["id"], card=unknown_name(parsed))
    return [{"draw": 1, **card} for card in parsed.cards]


def spreads_of(record: dict) -> list[str | None]:
    """Return the spread of every draw: `spread`, or `spreads` as `tarot readings --json` prints them; at least one."""
    named = record.get("spreads") if isinstance(record.get("spreads"), list) else []
    texts = [record.get("spread"), *named] if record.get("spread") else named or [None]
    return [text if isinstance(text, str) else None for text in texts]


def annotate_records(records: list[dict]) -> list[dict]:
    """Annotate {id, content, cards?, person?, question?, spread?} to {id, cards, sentences, themes, style, …}.

    sentences: [{start, end, text, labels, cards}], offsets in characters of the content as given. Person, question,
    spread and content are copied, and mentions added: [{card, orientation, start, end}].
    """
    batches = (records[start : start + BATCH] for start in range(0, len(records), BATCH))
    return [record for batch in batches for record in _annotate(batch)]


def _annotate(records: list[dict]) -> list[dict]:
    frame = _to_frame(records)
    found, annotations = annotate(frame)
    sentences: dict[str, list[dict]] = {key: [] for key in frame["reading_id"]}
    for row in found.sort("reading_id", "index").iter_rows(named=True):
        sentences[row["reading_id"]].append(row)
    rows = zip(records, frame["cards"].to_list(), sentences.values(), annotations.to_dicts(), strict=True)
    return [_to_record(*row) for row in rows]


def _to_frame(records: list[dict]) -> pl.DataFrame:
    """Build the columns of READINGS that the labeller uses, with ids that number the records."""
    columns = {
        "reading_id": [f"r{number:016x}" for number in range(len(records))],
        "person": [record.get("person") for record in records],
        "question": [record.get("question") for record in records],
        "draws": [
            [
                {"draw": number, "spread": spread, "spread_id": resolve_spread(spread)[0]}
                for number, spread in enumerate(spreads_of(record), 1)
            ]
            for record in records
        ],
        "cards": [drawn_cards(record) for record in records],
        "content": [record["content"] for record in records],
    }
    return pl.DataFrame(columns, schema={name: READINGS[name] for name in columns})


def _to_record(record: dict, cards: list[dict], sentences: list[dict], notes: dict) -> dict:
    content = record["content"]
    return {
        "id": record["id"],
        **{name: record[name] for name in GIVEN if name in record},
        **{name: record.get(name) for name in ("person", "question")},
        "spread": spreads_of(record)[0],
        "content": content,
        "cards": cards,
        "sentences": [
            {
                "start": row["start"],
                "end": row["end"],
                "text": content[row["start"] : row["end"]],
                "labels": row["labels"],
                "cards": row["cards"],
            }
            for row in sentences
        ],
        "mentions": [
            {"card": m.card, "orientation": m.orientation, "start": m.start, "end": m.end} for m in find_cards(content)
        ],
        "themes": notes["themes"],
        "style": notes["style"],
    }
