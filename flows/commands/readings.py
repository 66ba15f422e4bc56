"""The command that lists readings."""

import json
from pathlib import Path

from flows.commands.declare import Context, command, existing, option
from flows.commands.output import place_of
from flows.runtime.terminal import one_line
from schemas.errors import Problem
from schemas.short_ids import whole_id

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("readings")
@option("--id")
@option("--person")
@option("--source", is_flag=True)
@option("--inbox", type=existing(file_okay=False))
def readings(ctx: Context, id: str | None, person: str | None, source: bool, inbox: Path | None) -> None:
    import polars as pl

    from tarot_data.store import tables

    rows = tables.readings(ctx.data_dir)
    if id:
        id = whole_id(id, rows["reading_id"], Problem("no_reading", id=id))
        rows = rows.filter(pl.col("reading_id") == id)
    if person:
        rows = rows.filter(pl.col("person") == person)
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.iter_rows(named=True):
        if source:
            print_source(ctx, row, inbox)
            continue
        spreads = [draw["spread"] for draw in row["draws"]]
        if ctx.as_json:
            wanted = "reading_id person question date cards content outcome consent flags synthetic".split()
            place = {key: row["source"][key] for key in ("file", "member", "locator", "sha256")}
            ctx.json({key: row[key] for key in wanted} | {"spreads": spreads, "source": place})
        else:
            print_reading(ctx, row, spreads)


def print_source(ctx: Context, row: dict, inbox: Path | None) -> None:
    """Print the original record of a reading, read again from its file and masked."""
    from tarot_data.ingest.source_lookup import original
    from tarot_data.store import tables

    found = original(row["source"], tables.files(ctx.data_dir), inbox)
    if ctx.as_json:
        return ctx.json({"reading_id": row["reading_id"], "source": row["source"]} | found)
    print(f"{row['reading_id']} · {place_of(row['source'])}")
    print(f"sha256 {row['source']['sha256']}")
    if found["changed"]:
        ctx.note("summary.source_changed")
    print(json.dumps(found["record"], ensure_ascii=False, indent=1))


def print_reading(ctx: Context, row: dict, spreads: list) -> None:
    from tarot_data.cards.format import card_text

    head = [row["reading_id"], str(row["date"] or ""), row["person"] or "", row["question"] or ""]
    mark = [ctx.say("summary.synthetic_reading")] if row["synthetic"] else []
    print(one_line(" · ".join([part for part in head if part] + mark)))
    cards = "、".join(card_text(card) for card in row["cards"])
    print("  " + one_line(" ".join([spread for spread in spreads if spread] + [cards])))
