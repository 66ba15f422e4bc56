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

    from tarot_data.privacy.person_names import person_key
    from tarot_data.store import tables

    ctx.check_data_dir()
    rows = tables.readings(ctx.data_dir)
    if id:
        id = whole_id(id, rows["reading_id"], Problem("no_reading", id=id))
        rows = rows.filter(pl.col("reading_id") == id)
    if person:
        spellings = [name for name in rows["person"].unique() if name and person_key(name) == person_key(person)]
        rows = rows.filter(pl.col("person").is_in(spellings))
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.iter_rows(named=True):
        if source:
            print_source(ctx, row, inbox)
            continue
        if ctx.as_json:
            ctx.json(as_json(row) | (details(row) if id else {}))
        elif id:
            show_reading(ctx, row)
        else:
            print_reading(ctx, row)


def as_json(row: dict) -> dict:
    """Return a reading as `tarot readings --json` prints it; `ingest`, `score` and `annotate` read it again."""
    wanted = "reading_id person question date cards content follow_ups outcome consent flags synthetic".split()
    place = {key: row["source"][key] for key in ("file", "member", "locator", "sha256")}
    spreads = [draw["spread"] for draw in row["draws"]]
    return {key: row[key] for key in wanted} | {"spreads": spreads, "source": place}


def details(row: dict) -> dict:
    """Return what `--id` adds: revision, draws, sentences with their text, labels and cards, themes, style, labeller."""
    content = row["content"]
    sentences = [{**one, "text": content[one["start"] : one["end"]]} for one in row["sentences"] or ()]
    names = ("revision", "draws", "themes", "style", "labeller", "masked")
    return {name: row[name] for name in names} | {"sentences": sentences}


def show_reading(ctx: Context, row: dict) -> None:
    """Print everything about one reading, one sentence a line with its label and cards in front."""
    revision = [ctx.say("summary.shown_revision", revision=row["revision"])] if row["revision"] > 1 else []
    mark = [ctx.say("summary.synthetic_reading")] if row["synthetic"] else []
    print(" · ".join([row["reading_id"], *revision, *mark]))
    flags = [ctx.say(f"report.flag_{flag}") for flag in row["flags"]]
    lines = [(name, row[name]) for name in ("person", "question", "date")]
    lines += [("cards", line) for line in drawn_lines(row)]
    lines += [("outcome", row["outcome"]), ("consent", row["consent"]), ("place", place_of(ctx, row["source"]))]
    named = [(ctx.say(f"worksheet.{name}"), value) for name, value in lines]
    named.append((ctx.say("summary.shown_themes"), "、".join(row["themes"] or ())))
    named.append((ctx.say("summary.shown_flags"), "、".join(flags)))
    for name, value in named:
        if value not in (None, "", "unknown"):
            ctx.print("summary.shown_line", name=name, value=one_line(str(value)))
    print()
    for sentence in details(row)["sentences"]:
        labels = "+".join(ctx.say(f"label.{label}") for label in sentence["labels"])
        cards = f" [{'、'.join(sentence['cards'])}]" if sentence["cards"] else ""
        print(f"{labels}{cards}\t{one_line(sentence['text'].strip())}")
    ctx.note("summary.shown_next", id=row["reading_id"])


def drawn_lines(row: dict) -> list[str]:
    """Return the spread and the cards of each draw."""
    from tarot_data.cards.format import card_text

    lines = []
    for draw in row["draws"]:
        cards = "、".join(card_text(card) for card in row["cards"] if card["draw"] == draw["draw"])
        lines.append(" ".join(filter(None, [draw["spread"], cards])))
    return lines


def print_source(ctx: Context, row: dict, inbox: Path | None) -> None:
    """Print the original record of a reading, read again from its file and masked."""
    from tarot_data.ingest.source_lookup import original
    from tarot_data.store import tables

    found = original(row["source"], tables.files(ctx.data_dir), inbox)
    if ctx.as_json:
        return ctx.json({"reading_id": row["reading_id"], "source": row["source"]} | found)
    print(f"{row['reading_id']} · {place_of(ctx, row['source'])}")
    print(f"sha256 {row['source']['sha256']}")
    if found["changed"]:
        ctx.note("summary.source_changed")
    print(json.dumps(found["record"], ensure_ascii=False, indent=1))


def print_reading(ctx: Context, row: dict) -> None:
    from tarot_data.cards.format import card_text

    spreads = [draw["spread"] for draw in row["draws"]]
    head = [row["reading_id"], str(row["date"] or ""), row["person"] or "", row["question"] or ""]
    mark = [ctx.say("summary.synthetic_reading")] if row["synthetic"] else []
    print(one_line(" · ".join([part for part in head if part] + mark)))
    cards = "、".join(card_text(card) for card in row["cards"])
    print("  " + one_line(" ".join([spread for spread in spreads if spread] + [cards])))
