"""Readings to annotated sentences: labels, cards, themes, style. One call a batch, same input, same output."""

from typing import NamedTuple

import numpy as np
import polars as pl

from schemas.deck import CARDS, LABELS, THEMES
from schemas.tables import ANNOTATIONS, SENTENCES, Style
from tarot_data.lexicon import Row, read_table
from tarot_data.patterns import model as labeller
from tarot_data.patterns.style import styles_of
from tarot_data.patterns.themes import themes_of
from tarot_data.system.memory import no_cycles

LOT = 1000
"""Readings labelled at a time: 150 MB. Half as many take a tenth more time, twice as many none less."""


class Annotated(NamedTuple):
    """sentences: SENTENCES. notes: NOTES, one row a reading. mentions: MENTIONS, every card that is called by name."""

    sentences: pl.DataFrame
    notes: pl.DataFrame
    mentions: pl.DataFrame


def annotate(readings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sentences (SENTENCES) and one row of (reading_id, themes, style, labeller) a reading, in the order of readings.

    readings: reading_id, content, cards; person and question are used where they are there. Offsets are characters of
    content as given.
    """
    found = annotated(readings)
    return found.sentences, found.notes


def annotated(readings: pl.DataFrame) -> Annotated:
    """`annotate`, and where the readings name which card."""
    with no_cycles():
        found = [_annotate(readings.slice(start, LOT)) for start in range(0, readings.height, LOT)]
    if not found:
        return Annotated(*(pl.DataFrame(schema=schema) for schema in (SENTENCES, NOTES, MENTIONS)))
    return Annotated(*(pl.concat(frames) for frames in zip(*found, strict=True)))


NOTES = pl.Schema({name: ANNOTATIONS[name] for name in ("reading_id", "themes", "style", "labeller")})
MENTIONS = pl.Schema({"reading_id": pl.String, "start": pl.Int32, "end": pl.Int32, "card": pl.Enum(CARDS)})


def to_rows(readings: pl.DataFrame) -> list[dict]:
    """The frame's readings as the labeller takes them: dicts of content, cards (card, position, orientation), person, question."""
    count = readings.height
    columns = {
        name: readings[name].cast(pl.String).to_list() if name in readings.columns else [None] * count
        for name in ("reading_id", "content", "person", "question")
    }
    cards: list[list[dict]] = [[] for _ in range(count)]
    if "cards" in readings.columns and readings["cards"].dtype != pl.Null:
        # One column at a time: a list of structs turned into Python objects row by row costs more than labelling.
        flat = readings.select(cards="cards").with_row_index("row").explode("cards").drop_nulls("cards").unnest("cards")
        fields = [name for name in ("card", "position", "orientation") if name in flat.columns]
        values = [flat[name].cast(pl.String).to_list() for name in fields]
        for row, *card in zip(flat["row"].to_list(), *values, strict=True):
            cards[row].append(dict(zip(fields, card, strict=True)))
    keys = list(columns)
    return [
        {**dict(zip(keys, values, strict=True)), "cards": cards[row]}
        for row, values in enumerate(zip(*columns.values(), strict=True))
    ]


def lists(values: list[list[str]], inner: pl.DataType) -> pl.Series:
    """A list column of closed values; through joined strings, as polars takes nested Python lists slowly."""
    joined = pl.DataFrame({"": pl.Series(["|".join(value) for value in values], dtype=pl.String)})
    empty = pl.lit([], dtype=pl.List(pl.String))
    return joined.select(
        pl.when(pl.col("") == "").then(empty).otherwise(pl.col("").str.split("|")).cast(pl.List(inner))
    ).to_series()


def _annotate(readings: pl.DataFrame) -> Annotated:
    looks, _, labels, confidence, cards = labeller.label(to_rows(readings))
    batch = looks.batch
    base = batch.r_start[batch.s_reading]
    sentences = pl.DataFrame(
        {
            "reading_id": readings["reading_id"].gather(batch.s_reading),
            "index": batch.s_index.astype(np.int32),
            "start": (batch.s_start - base).astype(np.int32),
            "end": (batch.s_end - base).astype(np.int32),
            "labels": lists(labels, pl.Enum(LABELS)),
            "cards": lists([[CARDS[card] for card in named] for named in cards], pl.Enum(CARDS)),
            "confidence": np.clip(confidence, 0, 1).astype(np.float32),
        },
        schema=SENTENCES,
    )
    asks = looks.dense[:, looks.names.index("asks")] > 0
    style = styles_of(batch, asks)
    markers = lists(style.pop("markers"), pl.String())
    annotations = pl.DataFrame(
        {
            "reading_id": readings["reading_id"],
            "themes": lists(themes_of(batch), pl.Enum(THEMES)),
            "style": pl.DataFrame({**style, "markers": markers}, schema=dict(Style)).to_struct(),
            "labeller": pl.repeat(labeller.version(), batch.r_start.size, dtype=pl.String, eager=True),
        },
        schema=NOTES,
    )
    reading = np.searchsorted(batch.r_start, batch.m_start, side="right") - 1
    base = batch.r_start[reading]
    mentions = pl.DataFrame(
        {
            "reading_id": readings["reading_id"].gather(reading),
            "start": (batch.m_start - base).astype(np.int32),
            "end": (batch.m_end - base).astype(np.int32),
            "card": pl.Series(CARDS, dtype=pl.Enum(CARDS)).gather(batch.m_card),
        },
        schema=MENTIONS,
    )
    return Annotated(sentences, annotations, mentions)


def check_lexicon() -> list:
    """Findings (`proofreading.Finding`: file, line, code, values, say(lang)) over all tables; [] where all is well."""
    from tarot_data.patterns.lexicon_check import check_lexicon as check

    return check()


UNCERTAIN = pl.Schema(
    {
        "reading_id": pl.String,
        "index": pl.Int32,
        "start": pl.Int32,
        "end": pl.Int32,
        "text": pl.String,
        "labels": pl.List(pl.Enum(LABELS)),
        "cards": pl.List(pl.Enum(CARDS)),
        "confidence": pl.Float32,
        "margin": pl.Float32,
        "instead": pl.List(pl.Enum(LABELS)),
    }
)
"""confidence: probability of just these labels. instead: the next likeliest; margin: how much likelier the first are."""

LOOKED_AT = 500
"""Readings of a large store that are labelled again for their margins: those with the least sure sentences."""


def uncertain_sentences(stored: pl.DataFrame, done: pl.DataFrame | None = None, limit: int = 50) -> pl.DataFrame:
    """The sentences of stored readings that the labeller is least sure of, least sure first (UNCERTAIN).

    stored: STORED schema. done: `corrections.CORRECTIONS`; a sentence a person has spoken of is not asked for again.
    """
    least = stored.select(
        "reading_id", least=pl.col("sentences").list.eval(pl.element().struct.field("confidence").min())
    )
    chosen = least.sort(pl.col("least").list.first(), "reading_id", nulls_last=True).head(LOOKED_AT)
    mine = stored.join(chosen, on="reading_id", how="semi", maintain_order="left")
    found = labeller.label(to_rows(mine))
    batch = found.looks.batch
    if not batch.size:
        return pl.DataFrame(schema=UNCERTAIN)
    base = batch.r_start[batch.s_reading]
    order = np.argsort(-found.states, axis=1, kind="stable")
    first = np.array([labeller.STATES.index(tuple(labels)) for labels in found.labels])
    other = np.where(order[:, 0] == first, order[:, 1], order[:, 0])
    rows = np.arange(batch.size)
    table = pl.DataFrame(
        {
            "reading_id": mine["reading_id"].gather(batch.s_reading),
            "index": batch.s_index.astype(np.int32),
            "start": (batch.s_start - base).astype(np.int32),
            "end": (batch.s_end - base).astype(np.int32),
            "text": [
                batch.readings[r]["content"][s:e]
                for r, s, e in zip(
                    batch.s_reading.tolist(),
                    (batch.s_start - base).tolist(),
                    (batch.s_end - base).tolist(),
                    strict=True,
                )
            ],
            "labels": lists(found.labels, pl.Enum(LABELS)),
            "cards": lists([[CARDS[card] for card in named] for named in found.cards], pl.Enum(CARDS)),
            "confidence": found.confidence.astype(np.float32),
            "margin": (found.states[rows, first] - found.states[rows, other]).astype(np.float32),
            "instead": lists([list(labeller.STATES[state]) for state in other], pl.Enum(LABELS)),
        },
        schema=UNCERTAIN,
    )
    if done is not None:
        table = table.join(done.select("reading_id", "start"), on=["reading_id", "start"], how="anti")
    return table.sort("margin", "reading_id", "start").head(limit)


def _place(row: Row | None) -> dict:
    return {"file": row.file if row else "aliases.csv", "line": row.line if row else None}


def explain(text: str, question: str | None = None, person: str | None = None) -> dict:
    """What a text is taken for, and why: {sentences: [...], cards: [...], themes: [...]}.

    A sentence: {text, labels, chances: {label: probability}, cards, rows: [{file, line, cue, label, kind, weight}],
    kinds: of a link, forms: of advice, times: expressions of time}. rows are the cues that stand in it, those that
    moved the decision most first; weight is what the row adds to the first label's score, in nats over the mean label.
    cards: [{card, text, orientation, start, end, file, line}] with the alias row of each.
    """
    from tarot_data.cards.mentions import find_cards
    from tarot_data.patterns import cues, pattern_library, time_expressions
    from tarot_data.text.normalise import fold

    mentions = find_cards(text)
    aliases = {}
    for row in read_table("aliases"):
        aliases.setdefault(fold(row["alias"]), row)
    model = labeller.current()
    reading = {"content": text, "cards": [], "question": question, "person": person}
    looks, states, labels, _, named = labeller.label([reading], model)
    chances = states @ labeller.CARRIES
    sentence, cue, _ = looks.cues
    out = []
    for s in range(looks.batch.size):
        start, end = int(looks.batch.s_start[s]), int(looks.batch.s_end[s])
        mine = [cues.cues()[c] for c in cue[sentence == s].tolist()]
        rows = [
            {
                "file": one.row.file,
                "line": one.row.line,
                "cue": one.row["cue"],
                "label": one.label,
                "kind": one.kind,
                "weight": round(labeller.pull_of(model, one, labels[s][0]), 3),
            }
            for one in mine
        ]
        kinds = [f"{one.label}.{one.kind}" for one in mine]
        out.append(
            {
                "text": text[start:end],
                "labels": labels[s],
                "chances": {label: round(float(chances[s, i]), 4) for i, label in enumerate(LABELS)},
                "cards": [CARDS[card] for card in named[s]],
                "rows": sorted(rows, key=lambda row: (-row["weight"], row["line"])),
                "kinds": pattern_library.link_kinds(kinds) if "card_link" in labels[s] else [],
                "forms": pattern_library.advice_forms(kinds, text[start:end]) if "advice" in labels[s] else [],
                "times": [time.text for time in time_expressions.find_times([text[start:end]])[0]],
            }
        )
    return {
        "sentences": out,
        "cards": [
            {
                "card": mention.card,
                "text": text[mention.start : mention.end],
                "orientation": mention.orientation,
                "start": mention.start,
                "end": mention.end,
                **_place(aliases.get(fold(text[mention.start : mention.end]))),
            }
            for mention in mentions
        ],
        "themes": themes_of(looks.batch)[0],
    }
