"""Corrections of accepted readings: the reading with its corrected fields passes the stages of an ingest again.

The correction is stored as a fix under the fingerprint of the reading, so that it holds when its file, or a copy, is
read again (`tarot_data.ingest.fixes`).
"""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl

from schemas.deck import KEPT_FLAGS
from schemas.errors import Problem
from schemas.tables import REJECTIONS
from tarot_data.cards.format import card_text
from tarot_data.cards.spreads import resolve_spread
from tarot_data.ingest import fixes
from tarot_data.ingest.batches import IDENTIFIED, UNCHANGED, fresh_folder, read_batches, write_batch
from tarot_data.ingest.clean import to_reading
from tarot_data.ingest.compare import compare_batches
from tarot_data.ingest.fixes import Fix
from tarot_data.ingest.reading_frame import reading_frame
from tarot_data.ingest.replay import BECAME
from tarot_data.ingest.stages import commit_batches, label_batches
from tarot_data.privacy import suppression_list
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources.records import RawDraw, RawRecord, Source
from tarot_data.store import tables

COMPARED = ("person", "question", "date", "draws", "cards", "content", "outcome", "consent")
FOUND_AGAIN = ("fixed", "unread_card")
"""Flags that the stages after cleaning decide."""


def correct(data_dir: Path, decided: dict[str, Fix], revisions: dict[str, int] | None = None) -> pl.DataFrame:
    """Correct readings under the writer's lock; return BECAME, one row a reading, `rejection_id` null.

    became: corrected, same (nothing would change), or refused with reason, code and values; a refused correction changes
    nothing. decided: reading_id -> Fix; `accepted` overrules a card conflict or a near-duplicate. revisions: what the
    person saw. Raises Problem `no_reading`, `reading_changed` if a reading has another revision, `dismiss_reading`,
    `person_forgotten`.
    """
    staging = data_dir / "staging"
    with tables.writing(data_dir):
        tables.sweep(data_dir)
        rows = {name: tables.reading(data_dir, name) for name in decided}
        for name, row in rows.items():
            if row is None:
                raise Problem("no_reading", id=name)
            if decided[name].dismissed:
                raise Problem("dismiss_reading", id=name)
            if row["revision"] != (revisions or {}).get(name, row["revision"]):
                raise Problem("reading_changed", id=name)
        try:
            return _correct(data_dir, rows, decided, staging)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _correct(data_dir: Path, rows: dict[str, dict], decided: dict[str, Fix], staging: Path) -> pl.DataFrame:
    became = {name: dict.fromkeys(BECAME) | {"became": "same", "reading_id": name} for name in rows}
    decided = {name: replace(fix, fields=masked_object(fix.fields)[0]) for name, fix in decided.items()}
    results = {name: to_reading(corrected_record(row, decided[name].fields)) for name, row in rows.items()}
    changed = {}
    for name, result in results.items():
        if "reading_id" not in result:
            became[name] |= _refused(result)
        elif _differs(result, rows[name]):
            changed[name] = result | {"reading_id": name, "revision": rows[name]["revision"] + 1}
    if changed:
        prints = {name: row["fingerprint"] for name, row in changed.items()}
        # A reading whose cards and words stay was compared before, and its reader may have overruled the result.
        overruled = [
            prints[name] for name in changed if decided[name].accepted or _same_words(changed[name], rows[name])
        ]
        out = _compared(data_dir, list(changed.values()), staging, overruled)
        refused = {row["key"]: row for row in read_batches(out, "rejections", REJECTIONS).to_dicts()}
        for name, key in prints.items():
            became[name] |= _refused(refused[key]) if key in refused else {"became": "corrected"}
        kept = {name: row for name, row in changed.items() if became[name]["became"] == "corrected"}
        before = fixes.read(data_dir)
        for name, row in kept.items():
            fixes.write(
                data_dir, fixes.of_reading(before, rows[name]["fingerprint"], row, decided[name], texts_of(row))
            )
        write_batch(pl.DataFrame(schema=REJECTIONS), out / "rejections-00000.parquet")
        commit_batches(data_dir, out, "fix", lambda *_: pl.DataFrame(schema=tables.FILES))
    return pl.DataFrame(list(became.values()), schema=BECAME)


def _refused(row: dict) -> dict:
    return {"became": "refused"} | {name: row[name] for name in ("reason", "code", "values")}


def _differs(row: dict, was: dict) -> bool:
    flags = [set(one["flags"]) - {*FOUND_AGAIN} for one in (row, was)]
    return flags[0] != flags[1] or any(row[name] != was[name] for name in COMPARED)


def _same_words(row: dict, was: dict) -> bool:
    return row["fingerprint"] == was["fingerprint"] and row["content"] == was["content"]


def _compared(data_dir: Path, rows: list[dict], staging: Path, overruled: list[str]) -> Path:
    """Label and compare corrected readings; return the folder of batches. Raises Problem `person_forgotten`."""
    readings = reading_frame(rows)
    left, _, _ = suppression_list.without(suppression_list.read(data_dir), readings, pl.DataFrame(schema=REJECTIONS))
    if left.height < readings.height:
        gone = readings.join(left, on="reading_id", how="anti")
        raise Problem("person_forgotten", id=gone["reading_id"][0])
    identified, labelled = fresh_folder(staging / "identified"), fresh_folder(staging / "labelled")
    empty = {"rejections": pl.DataFrame(schema=REJECTIONS), "unchanged": pl.DataFrame(schema=UNCHANGED)}
    empty["forgotten"] = pl.DataFrame({"records": [0]})
    for name, frame in (empty | {"readings": readings.with_row_index("row").select(*IDENTIFIED)}).items():
        write_batch(frame, identified / f"{name}-00000.parquet")
    label_batches(identified, labelled, [0])
    return compare_batches(data_dir, identified, labelled, staging, overruled)


def corrected_record(row: dict, fields: dict[str, object]) -> RawRecord:
    """Convert a reading (STORED) to the raw record of its corrected fields."""
    record = record_of_reading(row, "spreads" in fields and "cards" not in fields)
    if "cards_from_content" in row["flags"] and "content" in fields:
        # Unless others are given, the cards are those of the corrected content, as when its file is read again.
        draws = tuple(replace(draw, cards=None, resolved=None) for draw in record.draws)
        kept = tuple(flag for flag in record.kept_flags if flag != "cards_from_content")
        record = replace(record, draws=draws, kept_flags=kept)
    return fixes.corrected(record, fields)


def record_of_reading(row: dict, other_spreads: bool = False) -> RawRecord:
    """Convert a reading (READINGS) to a raw record that cleaning turns into the same reading.

    other_spreads: its spreads will be replaced, so positions that come from them are left out.
    """
    draws = []
    for draw in row["draws"] or [{"draw": 1, "spread": None}]:
        cards = [card for card in row["cards"] if card["draw"] == draw["draw"]]
        known = resolve_spread(draw["spread"])[1] if other_spreads else []
        given = [{name: card[name] for name in ("card", "orientation")} | _position(card, known) for card in cards]
        draws.append(RawDraw(spread=draw["spread"], cards=given, resolved=None if other_spreads else tuple(cards)))
    kept = tuple(flag for flag in row["flags"] if flag in KEPT_FLAGS)
    return RawRecord(
        source=Source(**row["source"]),
        draws=tuple(draws),
        content=row["content"],
        follow_ups=tuple((row["content"][: one["at"]], one["asked"]) for one in row["follow_ups"] or ()),
        date=row["date"].isoformat() if row["date"] else None,
        synthetic=row["synthetic"],
        fixed="fixed" in row["flags"],
        kept_flags=kept,
        **{name: row[name] for name in ("person", "question", "outcome", "consent")},
    )


def _position(card: dict, known: list[str]) -> dict[str, object]:
    """Return the position of a card, or its place if its position is the spread's own name of that place."""
    own = 0 < card["place"] <= len(known) and card["position"] == known[card["place"] - 1]
    return {"position": (card["place"] or None) if own or not card["position"] else card["position"]}


def texts_of(row: dict) -> dict[str, object]:
    """Return every field of a reading as a fix of it would write them: an empty text for what it does not have."""
    numbers = [draw["draw"] for draw in row["draws"]]
    drawn = [[card_text(card) for card in row["cards"] if card["draw"] == number] for number in numbers]
    texts = {name: str(row[name] or "") for name in fixes.FIELDS if name not in ("cards", "spreads")}
    return texts | {"cards": list(map("、".join, drawn)), "spreads": [draw["spread"] or "" for draw in row["draws"]]}
