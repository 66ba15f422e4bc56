"""Corrections of single sentences by the reader: a file next to the store, applied to the labeller's annotation.

A correction is identified by its reading and a digest of its sentence, so that it survives another labelling and edits
elsewhere in the reading, but not a rewritten sentence. The file has labels and ids, no words.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import polars as pl

from schemas import deck
from schemas.deck import CARDS, LABELS
from schemas.errors import Problem
from tarot_data.store import json_lines
from tarot_data.text.normalise import words

CORRECTIONS = pl.Schema(
    {
        "reading_id": pl.String,
        "start": pl.Int32,
        "end": pl.Int32,
        "words": pl.String,
        "labels": pl.List(deck.Label),
        "cards": pl.List(deck.Card),
        "when": pl.String,
    }
)
"""start, end: of the sentence, in characters of content. words: hex digest of its words. when: ISO 8601."""


def path_of(data_dir: Path) -> Path:
    return data_dir / "corrections.jsonl"


def to_correction(
    reading_id: str, content: str, start: int, end: int, labels: Sequence[str], cards: Sequence[str], when: str
) -> dict:
    """Make a correction of the sentence content[start:end]. labels: one, or two with the more specific first.

    Raises Problem `not_a_correction` if a label or card is not known or the sentence is outside the content.
    """
    wrong = [label for label in labels if label not in LABELS] + [card for card in cards if card not in CARDS]
    if not 0 <= start < end <= len(content):
        wrong.append(f"{start}–{end}")
    if not 1 <= len(labels) <= 2 or len(set(labels)) < len(labels):
        wrong.append("+".join(labels) or "–")
    if wrong:
        raise Problem("not_a_correction", what=", ".join(wrong))
    return {
        "reading_id": reading_id, "start": start, "end": end, "words": digest(content[start:end]), "labels": list(labels),
        "cards": list(dict.fromkeys(cards)), "when": when,
    }  # fmt: skip


def digest(sentence: str) -> str:
    """Return 16 hex digits for the letters, digits and characters of a sentence; for all of it if it has none."""
    return blake2b((words(sentence) or sentence).encode(), digest_size=8).hexdigest()


def add(data_dir: Path, corrections: Iterable[dict]) -> None:
    """Append corrections made by `to_correction`; a later one of the same sentence replaces an earlier one.

    The caller has entered `tables.writing`.
    """
    json_lines.add(path_of(data_dir), corrections)


def read(data_dir: Path) -> pl.DataFrame:
    """Return the newest correction of every sentence (CORRECTIONS), in the order they were made."""
    return pl.DataFrame(list(json_lines.read(path_of(data_dir))), schema=CORRECTIONS).unique(
        ["reading_id", "start", "words"], keep="last", maintain_order=True
    )


def forget(data_dir: Path, reading_ids: Sequence[str]) -> int:
    """Remove all corrections of some readings; return how many. The caller has entered `tables.writing`."""
    return json_lines.forget(path_of(data_dir), reading_ids)


def by_reading(corrections: pl.DataFrame) -> dict[str, list[dict]]:
    """Return reading_id -> its corrections, in their order."""
    grouped: dict[str, list[dict]] = {}
    for correction in corrections.iter_rows(named=True):
        grouped.setdefault(correction["reading_id"], []).append(correction)
    return grouped


def apply(stored: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Replace labels and cards of corrected sentences in readings (STORED), with confidence 1.

    A sentence is found by start and words, or by its words alone if they occur once in the reading.
    """
    mine = stored.join(corrections.select("reading_id").unique(), on="reading_id", how="semi")
    if mine.is_empty():
        return stored
    of_readings = by_reading(corrections)
    changed = []
    for reading_id, content, sentences in mine.select("reading_id", "content", "sentences").iter_rows():
        sentences = [dict(sentence) for sentence in sentences or ()]
        for place, correction in found(content, sentences, of_readings[reading_id]):
            sentences[place] |= {"labels": correction["labels"], "cards": correction["cards"], "confidence": 1.0}
        changed.append((reading_id, sentences))
    fresh = pl.DataFrame(
        changed, schema={"reading_id": pl.String, "_corrected": stored.schema["sentences"]}, orient="row"
    )
    return (
        stored.join(fresh, on="reading_id", how="left", maintain_order="left")
        .with_columns(sentences=pl.coalesce("_corrected", "sentences"))
        .drop("_corrected")
    )


def found(content: str, sentences: list[dict], corrections: list[dict]) -> list[tuple[int, dict]]:
    """Return (index of the sentence, correction) of each correction whose sentence exists."""
    by_words: dict[str, list[int]] = {}
    for place, sentence in enumerate(sentences):
        by_words.setdefault(digest(content[sentence["start"] : sentence["end"]]), []).append(place)
    found = []
    for correction in corrections:
        places = by_words.get(correction["words"], [])
        there = [place for place in places if sentences[place]["start"] == correction["start"]]
        if there or len(places) == 1:
            found.append(((there or places)[0], correction))
    return found
