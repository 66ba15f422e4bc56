"""The store labelled anew, after the lexicon or the labeller has changed; what a person corrected stays corrected."""

from pathlib import Path

import polars as pl

from schemas.tables import READINGS
from tarot_data.ingest import validate
from tarot_data.ingest.card_conflicts import unread_cards
from tarot_data.ingest.lots import LOT, to_stored
from tarot_data.ingest.stages import Progress
from tarot_data.patterns import model
from tarot_data.patterns.annotate import annotate
from tarot_data.store import corrections, delta, tables


def relabel(data_dir: Path, progress: Progress = None) -> dict[str, int]:
    """Every current reading that another model or lexicon labelled, as a new revision. The caller holds `store.writing`.

    Returns {readings, relabelled, sentences}: how many the store has, how many were labelled anew, and how many of
    their sentences have other labels or cards than before. Themes and style follow; contradictions between content and
    cards are not looked for again.
    """
    stored = tables.readings(data_dir)
    old = stored.filter(pl.col("labeller").ne_missing(model.version()))
    said = corrections.read(data_dir)
    changed = 0
    for start in range(0, old.height, LOT):
        lot = old.slice(start, LOT)
        fresh = relabelled(lot)
        delta.append(data_dir, "readings", fresh, {"run": "relabel", "labeller": model.version()})
        changed += _other_sentences(lot, corrections.apply(fresh, said))
        if progress:
            progress("label", min(start + LOT, old.height), old.height)
    return {"readings": stored.height, "relabelled": old.height, "sentences": changed}


def relabelled(stored: pl.DataFrame) -> pl.DataFrame:
    """Stored readings with the annotation of the labeller in force, each a revision on."""
    unread = pl.lit("unread_card", dtype=READINGS["flags"].inner)
    readings = stored.select(*READINGS).with_columns(
        pl.col("revision") + 1, flags=pl.col("flags").list.set_difference(pl.concat_list(unread))
    )
    sentences, annotations = annotate(readings)
    missing = unread_cards(readings, sentences)["reading_id"].to_list()
    readings = readings.with_columns(
        flags=pl.when(pl.col("reading_id").is_in(missing)).then(pl.concat_list("flags", unread)).otherwise("flags")
    )
    kept, failed = validate.contract(to_stored(readings, sentences, annotations), sentences)
    if failed.height:
        raise ValueError(f"{failed.height} readings of the store do not keep its contract")
    return kept


def _other_sentences(before: pl.DataFrame, after: pl.DataFrame) -> int:
    """Sentences of `after` that `before` has not, or with other labels or cards."""

    def flat(frame: pl.DataFrame) -> pl.DataFrame:
        return (
            frame.select("reading_id", sentence="sentences").explode("sentence").drop_nulls().unnest("sentence").select(
                "reading_id", "start", "end", pl.col("labels").cast(pl.List(pl.String)).list.join("+"),
                pl.col("cards").cast(pl.List(pl.String)).list.join("+"),
            )
        )  # fmt: skip

    return flat(after).join(flat(before), on=["reading_id", "start", "end", "labels", "cards"], how="anti").height
