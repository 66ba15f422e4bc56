"""What goes in and what was kept or left out."""

from pathlib import Path

from flows import environment
from flows.cli import Context
from flows.commands.shared import print_gate, print_ingest, print_published, print_run
from schemas.problems import Problem


def run(
    ctx: Context,
    paths: tuple[Path, ...],
    min_readings: int,
    base: str | None,
    recipe: str | None,
    no_train: bool,
) -> None:
    if not paths:
        inbox = ctx.data_dir / "inbox"
        if not inbox.is_dir():
            raise Problem("no_inbox", path=inbox)
        paths = (inbox,)
    with environment.prefect_at(ctx.data_dir):
        from flows.ingest import Inbox
        from flows.run import run as run_flow

        options = {"base": base, "recipe": recipe, "no_train": no_train, "lang": ctx.lang}
        result = run_flow(ctx.data_dir, Inbox(list(paths)), min_readings, **options)
    if ctx.as_json:
        return ctx.json(result)
    print_ingest(ctx, result["ingest"])
    if version := result["version"]:
        print_published(ctx, version, version["new"])
        if version["counts"]["synthetic"]:
            ctx.print("summary.synthetic", count=version["counts"]["synthetic"])
    print_gate(ctx, result["gate"])
    if result["run"]:
        print_run(ctx, result["run"], result["scores"])
    ctx.print("summary.report", path=result["report"])
    if result["run"]:
        ctx.print("summary.read_next")


def ingest(ctx: Context, paths: tuple[Path, ...]) -> None:
    with environment.prefect_at(ctx.data_dir):
        from flows.ingest import Inbox
        from flows.ingest import ingest as ingest_flow

        result = ingest_flow(ctx.data_dir, Inbox(list(paths)))
    if ctx.as_json:
        return ctx.json(result)
    print_ingest(ctx, result)
    ctx.print("summary.total", readings=result["readings"])


def readings(ctx: Context, id: str | None, person: str | None) -> None:
    import polars as pl

    from tarot_data import store

    rows = store.readings(ctx.data_dir)
    if id:
        rows = rows.filter(pl.col("reading_id") == id)
        if rows.is_empty():
            raise Problem("no_reading", id=id)
    if person:
        rows = rows.filter(pl.col("person") == person)
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.iter_rows(named=True):
        spreads = [draw["spread"] for draw in row["draws"]]
        if ctx.as_json:
            wanted = "reading_id person question date cards content outcome consent flags synthetic".split()
            source = {key: row["source"][key] for key in ("file", "member", "locator", "sha256")}
            ctx.json({key: row[key] for key in wanted} | {"spreads": spreads, "source": source})
        else:
            print_reading(ctx, row, spreads)


def rejected(ctx: Context, reason: str | None) -> None:
    import polars as pl

    from tarot_data import store
    from tarot_data.report.page import Words

    rows, words = store.rejections(ctx.data_dir), Words(ctx.lang)
    if reason:
        rows = rows.filter(pl.col("reason").cast(pl.String) == reason)
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.drop("record", "masked").iter_rows(named=True):
        if ctx.as_json:
            ctx.json(row)
        else:
            source = row["source"]
            place = " › ".join(part for part in (source["file"], source["member"], source["locator"]) if part)
            ctx.print(
                "summary.rejection",
                id=row["rejection_id"],
                place=place,
                reason=ctx.say(f"reason.{row['reason']}"),
                detail=words.detail(row["detail"]),
                excerpt=(row["excerpt"] or "").replace("\n", " "),
            )


def print_reading(ctx: Context, row: dict, spreads: list) -> None:
    from tarot_data.examples import card_text

    head = [row["reading_id"], str(row["date"] or ""), row["person"] or "", row["question"] or ""]
    mark = [ctx.say("summary.synthetic_reading")] if row["synthetic"] else []
    print(" · ".join([part for part in head if part] + mark))
    cards = "、".join(card_text(card) for card in row["cards"])
    print("  " + " ".join([spread for spread in spreads if spread] + [cards]))
