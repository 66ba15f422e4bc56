"""What goes in and what was kept or left out."""

import json
from contextlib import suppress
from pathlib import Path

from flows.cli import Context
from flows.commands.output import cluster_of, print_gate, print_ingest, print_published, print_run
from flows.runtime import environment
from flows.runtime.terminal import one_line
from flows.service import prefect_session
from schemas.errors import Problem


def run(
    ctx: Context,
    paths: tuple[Path, ...],
    min_readings: int,
    min_new: int,
    base: str | None,
    recipe: str | None,
    no_train: bool,
    runner: str,
    address: str | None,
) -> None:
    if not paths:
        inbox = ctx.data_dir / "inbox"
        if not inbox.is_dir():
            raise Problem("no_inbox", path=inbox)
        paths = (inbox,)
    with prefect_session.prefect_at(ctx.data_dir):
        from flows.ingest import Inbox
        from flows.run import run as run_flow

        options = {"base": base, "recipe": recipe, "no_train": no_train, "lang": ctx.lang}
        options["cluster"] = cluster_of(runner, address)
        result = run_flow(ctx.data_dir, Inbox(list(paths)), min_readings, min_new, **options)
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


def ingest(ctx: Context, paths: tuple[Path, ...], runner: str, address: str | None) -> None:
    from tarot_data.ingest.stages import nothing_new

    cluster = cluster_of(runner, address)
    # To know every file again costs hashing; Prefect, which takes longer to start than that, is not asked.
    result = nothing_new(ctx.data_dir, list(paths)) or _ingested(ctx, paths, cluster)
    if ctx.as_json:
        return ctx.json(result)
    print_ingest(ctx, result)
    ctx.print("summary.total", readings=result["readings"])


def _ingested(ctx: Context, paths: tuple[Path, ...], cluster: str | None) -> dict:
    with prefect_session.prefect_at(ctx.data_dir):
        from flows.ingest import Inbox
        from flows.ingest import ingest as ingest_flow
        from flows.runtime.dask_runner import spread_over

        return spread_over(ingest_flow, cluster)(ctx.data_dir, Inbox(list(paths)), spread=cluster is not None)


def readings(ctx: Context, id: str | None, person: str | None, source: bool, inbox: Path | None) -> None:
    import polars as pl

    from tarot_data.store import tables

    rows = tables.readings(ctx.data_dir)
    if id:
        rows = rows.filter(pl.col("reading_id") == id)
        if rows.is_empty():
            raise Problem("no_reading", id=id)
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


def rejected(ctx: Context, reason: str | None, export: Path | None) -> None:
    from tarot_data.ingest import fixes
    from tarot_data.report.wording import Words

    rows, words = rejections_of(ctx, reason), Words(ctx.lang)
    if export:
        return export_rejections(ctx, rows, export)
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.drop("record", "masked", "key").iter_rows(named=True):
        if ctx.as_json:
            ctx.json(row)
        else:
            ctx.print(
                "summary.rejection",
                id=row["rejection_id"],
                place=place_of(row["source"]),
                reason=ctx.say(f"reason.{row['reason']}"),
                detail=words.detail(row["detail"]),
                excerpt=(row["excerpt"] or "").replace("\n", " "),
            )
    fixable = rows.filter(fixes.with_record())
    if not fixable.is_empty() and not ctx.as_json:
        ctx.note("summary.fix_next", id=fixable["rejection_id"][0])


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
    from tarot_data.ingest import fix_workbook
    from tarot_data.ingest.fixes import Fix
    from tarot_data.store import tables

    fields = {name: text for name, text in texts.items() if text is not None}
    fields |= {"cards": list(cards)} if cards else {}
    fields |= {"spreads": list(spread)} if spread else {}
    if content:
        fields["content"] = content.read_text(encoding="utf-8-sig")
    decision = Fix(fields=fields, accepted=accept, dismissed=dismiss)
    if bool(ids) == bool(sheet) or (ids and decision == Fix()) or (accept and dismiss):
        raise Problem("fix_what")
    opened = tables.rejections(ctx.data_dir)
    known = set(opened["rejection_id"])
    if unknown := [name for name in ids if name not in known]:
        # So says a fix that was done, and killed before it had tidied up: what it left goes now.
        with suppress(Problem), tables.writing(ctx.data_dir, wait_seconds=0):
            tables.sweep(ctx.data_dir)
        raise Problem("no_rejection", id=unknown[0])
    decided = fix_workbook.read(sheet, opened) if sheet else dict.fromkeys(ids, decision)
    feed_back(ctx, decided)


def replay(ctx: Context, reason: str | None) -> None:
    rows = rejections_of(ctx, reason)
    feed_back(ctx, {}, rows["rejection_id"].to_list())


def feed_back(ctx: Context, decided: dict, ids: list[str] | None = None) -> None:
    """Feed rejections back and say what became of each. Exit 1 where a fix was refused."""
    import polars as pl

    from flows.runtime.progress import bar
    from tarot_data.ingest import replay
    from tarot_data.store import tables

    try:
        became = replay.feed_back(ctx.data_dir, decided, ids, progress=bar)
    finally:
        bar.close()
    still = tables.rejections(ctx.data_dir).height
    if ctx.as_json:
        for row in became.iter_rows(named=True):
            ctx.json(row)
    else:
        print_became(ctx, became, listed=ids is None)
        ctx.print("summary.status_rejected", count=still)
    if decided and became.filter(pl.col("became").is_in(["same", "refused"])).height:
        raise SystemExit(1)


def rejections_of(ctx: Context, reason: str | None):
    """The open rejections, of one reason where one is given."""
    import polars as pl

    from tarot_data.store import tables

    rows = tables.rejections(ctx.data_dir)
    return rows.filter(pl.col("reason").cast(pl.String) == reason) if reason else rows


def export_rejections(ctx: Context, rows, path: Path) -> None:
    from tarot_data.ingest import fix_workbook, fixes

    rows = rows.filter(fixes.with_record())
    places = {row["rejection_id"]: place_of(row["source"]) for row in rows.iter_rows(named=True)}
    fix_workbook.write(rows, path, ctx.lang, places)
    if ctx.as_json:
        return ctx.json({"path": str(path), "rejections": rows.height})
    ctx.print("summary.worksheet", count=rows.height, path=path)


def place_of(source: dict) -> str:
    return one_line(" › ".join(part for part in (source["file"], source["member"], source["locator"]) if part))


def print_source(ctx: Context, row: dict, inbox: Path | None) -> None:
    """The original record of a reading, read again from its file, masked."""
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


def print_became(ctx: Context, became, listed: bool) -> None:
    from tarot_data.report.wording import Words

    words = Words(ctx.lang)
    for row in became.iter_rows(named=True):
        if listed or row["became"] == "accepted":
            reason = ctx.say(f"reason.{row['reason']}") if row["reason"] else ""
            detail = words.detail(row["detail"]) if row["detail"] else ""
            values = {"id": row["rejection_id"], "reading": row["reading_id"], "new": row["new_id"]}
            ctx.print(f"summary.became_{row['became']}", **values, reason=reason, detail=detail)
    counts = dict(became["became"].value_counts().iter_rows())
    ctx.print("summary.became", **{name: counts.get(name, 0) for name in ("accepted", "dismissed", "refused", "same")})


def forget(ctx: Context, person: str, mentions: str | None, dry_run: bool, allow_again: bool) -> None:
    from flows import forget as forgetting
    from flows.report import write_report
    from flows.runtime.progress import bar
    from flows.training.gate_checks import look
    from tarot_data.dataset import versions

    if allow_again:
        return readmit(ctx, person)
    result = forgetting.forget(
        ctx.data_dir,
        person,
        mentions=mentions,
        dry_run=dry_run,
        prefect_home=environment.prefect_home(),
        progress=bar,
    )
    bar.close()
    if not dry_run and result["removed"]["reports"] and versions.newest(ctx.data_dir):
        write_report(ctx.data_dir, look(ctx.data_dir), ctx.lang)
    if ctx.as_json:
        return ctx.json(result)
    if dry_run:
        numbers = "、".join(map(str, result["versions"])) or "–"
        counts = {"readings": result["readings"], "rejections": result["rejections"], "runs": len(result["runs"])}
        return ctx.print("summary.forget_dry_run", versions=numbers, **counts)
    ctx.print("summary.forgot", **result["removed"])
    for row in result["versions"]:
        ctx.print("summary.forgot_version", version=row["version"], was=row["was"][:8], hash=row["is"][:8])
    for row in result["runs"]:
        ctx.print(f"summary.forgot_run_{row['adapter']}", run=row["run"])
    ctx.print("summary.forgot_receipt", path=result["receipt"])
    for key in ("left", "raw", "copies"):
        for path in result[key]:
            ctx.print(f"summary.forgot_{key}", path=path)


def readmit(ctx: Context, person: str) -> None:
    from flows import forget as forgetting

    forgetting.readmit(ctx.data_dir, person)
    ctx.json({"readmitted": True}) if ctx.as_json else ctx.print("summary.readmitted")


def print_reading(ctx: Context, row: dict, spreads: list) -> None:
    from tarot_data.cards.format import card_text

    head = [row["reading_id"], str(row["date"] or ""), row["person"] or "", row["question"] or ""]
    mark = [ctx.say("summary.synthetic_reading")] if row["synthetic"] else []
    print(one_line(" · ".join([part for part in head if part] + mark)))
    cards = "、".join(card_text(card) for card in row["cards"])
    print("  " + one_line(" ".join([spread for spread in spreads if spread] + [cards])))
