"""New labels for the store after the lexicon or the labeller has changed; corrections of a person stay."""

from pathlib import Path

import polars as pl

from schemas.tables import READINGS
from tarot_data.ingest import validate
from tarot_data.ingest.batches import BATCH, to_stored
from tarot_data.ingest.card_conflicts import unread_cards
from tarot_data.ingest.stages import Progress
from tarot_data.patterns import model
from tarot_data.patterns.annotate import annotate
from tarot_data.store import corrections, delta, tables


def relabel(data_dir: Path, progress: Progress = None) -> dict[str, int]:
    """Append a revision of every current reading that another model or lexicon labelled.

    Returns {readings, relabelled, sentences}: readings in the store, readings labelled again, and sentences of these with
    other labels or cards than before. Themes and style are updated too; card conflicts are not searched again. The
    caller has entered `tables.writing`.
    """
    stored = tables.readings(data_dir)
    old = stored.filter(pl.col("labeller").ne_missing(model.version()))
    corrected = corrections.read(data_dir)
    changed = 0
    for start in range(0, old.height, BATCH):
        batch = old.slice(start, BATCH)
        fresh = relabelled(batch)
        delta.append(data_dir, "readings", fresh, {"run": "relabel", "labeller": model.version()})
        changed += _other_sentences(batch, corrections.apply(fresh, corrected))
        if progress:
            progress("label", min(start + BATCH, old.height), old.height)
    return {"readings": stored.height, "relabelled": old.height, "sentences": changed}


def relabelled(stored: pl.DataFrame) -> pl.DataFrame:
    """Annotate stored readings with the current labeller, as their next revision."""
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
        raise ValueError(f"{failed.height} readings of the store break its contract")
    return kept


def _other_sentences(before: pl.DataFrame, after: pl.DataFrame) -> int:
    """Count the sentences of `after` that are not in `before` with the same labels and cards."""

    def flat(frame: pl.DataFrame) -> pl.DataFrame:
        return (
            frame.select("reading_id", sentence="sentences").explode("sentence").drop_nulls().unnest("sentence").select(
                "reading_id", "start", "end", pl.col("labels").cast(pl.List(pl.String)).list.join("+"),
                pl.col("cards").cast(pl.List(pl.String)).list.join("+"),
            )
        )  # fmt: skip

    return flat(after).join(flat(before), on=["reading_id", "start", "end", "labels", "cards"], how="anti").height
