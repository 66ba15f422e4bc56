"""Commands for rejections and corrections: list, correct, apply the fixes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.declare import Context, Target, argument, command, existing, lexicon_option, option, reason_option
from flows.commands.output import place_of, source_sentence
from flows.runtime.progress import bar
from schemas.errors import Problem
from schemas.short_ids import whole_id

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


if TYPE_CHECKING:
    import polars as pl


@command("rejected")
@reason_option
@option("--export", type=Target(dir_okay=False))
def rejected(ctx: Context, reason: str | None, export: Path | None) -> None:
    from schemas.rejections import with_detail
    from tarot_data.ingest import fixes
    from tarot_data.report.wording import Words

    ctx.check_data_dir()
    rows, wording = rejections_of(ctx, reason), Words(ctx.lang)
    if export:
        return export_rejections(ctx, rows, export)
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.drop("record", "masked", "key").iter_rows(named=True):
        if ctx.as_json:
            ctx.json(with_detail(row))
        else:
            ctx.print(
                "summary.rejection",
                id=row["rejection_id"],
                place=place_of(ctx, row["source"]),
                reason=ctx.say(f"reason.{row['reason']}"),
                detail=wording.detail(row),
                excerpt=(row["excerpt"] or "").replace("\n", " "),
            )
    fixable = rows.filter(fixes.with_record())
    if not fixable.is_empty() and not ctx.as_json:
        ctx.note("summary.fix_next", id=fixable["rejection_id"][0])


@command("fix")
@argument("ids", nargs=-1)
@option("--cards", multiple=True)
@option("--spread", multiple=True)
@option("--person")
@option("--question")
@option("--date")
@option("--outcome")
@option("--consent", type=click.Choice(["yes", "no", "unknown"]))
@option("--content", type=existing())
@option("--accept", is_flag=True)
@option("--dismiss", is_flag=True)
@option("--from", "sheet", type=existing(dir_okay=False))
def fix(
    ctx: Context,
    ids: tuple[str, ...],
    cards: tuple[str, ...],
    spread: tuple[str, ...],
    content: Path | None,
    accept: bool,
    dismiss: bool,
    sheet: Path | None,
    **texts: str | None,
) -> None:
    from tarot_data.ingest import fix_workbook, fixes
    from tarot_data.store import tables

    given = {**texts, "cards": list(cards) or None, "spreads": list(spread) or None}
    fields = {name: value for name, value in given.items() if value is not None}
    if content:
        fields["content"] = content_of(ctx, content)
    decision = fixes.Fix(fields=fields, accepted=accept, dismissed=dismiss)
    if bool(ids) == bool(sheet) or (ids and decision == fixes.Fix()) or (accept and dismiss):
        raise Problem("fix_what")
    open_rejections = tables.rejections(ctx.data_dir)
    if sheet:
        decided, readings = fix_workbook.read(sheet, open_rejections), {}
    else:
        rejected_ids = set(open_rejections["rejection_id"])
        chosen = chosen_records(ctx, ids, rejected_ids)
        decided = {name: decision for name in chosen if name in rejected_ids}
        readings = {name: decision for name in chosen if name not in rejected_ids}
    done = feed_back(ctx, decided) if decided or not readings else True
    done &= correct_readings(ctx, readings) if readings else True
    if not done:
        raise SystemExit(1)


def chosen_records(ctx: Context, ids: tuple[str, ...], rejection_ids: set[str]) -> list[str]:
    """Return the whole ids of open rejections and readings. Raises Problem `no_record`, `ambiguous_id`."""
    from tarot_data.store import tables

    known = rejection_ids | set(tables.index(ctx.data_dir)["reading_id"])
    missing = {"x": "no_rejection", "r": "no_reading"}
    problems = {given: Problem(missing.get(given[:1], "no_record"), id=given) for given in ids}
    try:
        return list(dict.fromkeys(whole_id(given, known, problem) for given, problem in problems.items()))
    except Problem:
        # A killed earlier call may have removed it without cleaning up: delete its leftovers.
        with suppress(Problem), tables.writing(ctx.data_dir, wait_seconds=0):
            tables.sweep(ctx.data_dir)
        raise


def content_of(ctx: Context, path: Path) -> str:
    """Read the words of a reading from a file. Raises Problem `content_file`."""
    from tarot_data.sources.records import SourceError
    from tarot_data.sources.whole_text import read_text

    try:
        return read_text(path)
    except SourceError as error:
        raise Problem("content_file", path=path, why=source_sentence(ctx, error.code, error.values)) from None
    except OSError as error:
        raise Problem("content_file", path=path, why=error.strerror or type(error).__name__) from None


def correct_readings(ctx: Context, decided: dict) -> bool:
    """Correct accepted readings and print what became of each; return whether none was refused."""
    from schemas.rejections import with_detail
    from tarot_data.ingest.correct import correct
    from tarot_data.report.wording import Words

    outcomes, wording = correct(ctx.data_dir, decided).to_dicts(), Words(ctx.lang)
    for row in outcomes:
        if ctx.as_json:
            ctx.json(with_detail(row))
        elif row["became"] == "refused":
            reason = ctx.say(f"reason.{row['reason']}")
            ctx.print("summary.reading_refused", reading=row["reading_id"], reason=reason, detail=wording.detail(row))
        else:
            key = "reading_same" if row["became"] == "same" else "became_corrected"
            ctx.print(f"summary.{key}", reading=row["reading_id"])
    return all(row["became"] != "refused" for row in outcomes)


@command("replay")
@reason_option
@lexicon_option
def replay(ctx: Context, reason: str | None) -> None:
    rows = rejections_of(ctx, reason)
    feed_back(ctx, {}, rows["rejection_id"].to_list())


def feed_back(ctx: Context, decided: dict, ids: list[str] | None = None) -> bool:
    """Apply the fixes and print the outcome of each; return whether all of them were effective."""
    import polars as pl

    from schemas.rejections import with_detail
    from tarot_data.ingest import replay as replaying
    from tarot_data.store import tables

    try:
        outcomes = replaying.feed_back(ctx.data_dir, decided, ids, progress=bar)
    finally:
        bar.close()
    still = tables.rejections(ctx.data_dir).height
    if ctx.as_json:
        for row in outcomes.iter_rows(named=True):
            ctx.json(with_detail(row))
    else:
        print_outcomes(ctx, outcomes, listed=ids is None)
        ctx.print("summary.status_rejected", count=still)
    return not (decided and outcomes.filter(pl.col("became").is_in(["same", "refused"])).height)


def rejections_of(ctx: Context, reason: str | None) -> pl.DataFrame:
    """Read the open rejections, all or those with one reason."""
    import polars as pl

    from tarot_data.store import tables

    rows = tables.rejections(ctx.data_dir)
    return rows.filter(pl.col("reason").cast(pl.String) == reason) if reason else rows


def export_rejections(ctx: Context, rows: pl.DataFrame, path: Path) -> None:
    from tarot_data.ingest import fix_workbook, fixes

    rows = rows.filter(fixes.with_record())
    places = {row["rejection_id"]: place_of(ctx, row["source"]) for row in rows.iter_rows(named=True)}
    fix_workbook.write(rows, path, ctx.lang, places)
    if ctx.as_json:
        return ctx.json({"path": str(path), "rejections": rows.height})
    ctx.print("summary.worksheet", count=rows.height, path=path)


def print_outcomes(ctx: Context, outcomes: pl.DataFrame, listed: bool) -> None:
    from tarot_data.report.wording import Words

    wording = Words(ctx.lang)
    for row in outcomes.iter_rows(named=True):
        if listed or row["became"] == "accepted":
            reason = ctx.say(f"reason.{row['reason']}") if row["reason"] else ""
            detail = wording.detail(row) if row["code"] else ""
            values = {"id": row["rejection_id"], "reading": row["reading_id"], "new": row["new_id"]}
            ctx.print(f"summary.became_{row['became']}", **values, reason=reason, detail=detail)
    counts = dict(outcomes["became"].value_counts().iter_rows())
    ctx.print("summary.became", **{name: counts.get(name, 0) for name in ("accepted", "dismissed", "refused", "same")})
