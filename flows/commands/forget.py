"""Commands that remove a person or a single reading everywhere, or allow them again."""

import click

from flows.commands.declare import Context, argument, command, option
from flows.runtime import environment
from flows.runtime.progress import bar

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("forget")
@option("--person", required=True)
@option("--also", multiple=True)
@option("--only", is_flag=True)
@option("--mentions", type=click.Choice(["mask", "keep"]))
@option("--dry-run", is_flag=True)
@option("--allow-again", is_flag=True)
def forget(
    ctx: Context,
    person: str,
    also: tuple[str, ...],
    only: bool,
    mentions: str | None,
    dry_run: bool,
    allow_again: bool,
) -> None:
    from flows import forget as forgetting

    if allow_again:
        return readmit(ctx, person, *also)
    result = forgetting.forget(
        ctx.data_dir,
        person,
        also=also,
        only=only,
        mentions=mentions,
        dry_run=dry_run,
        prefect_home=environment.prefect_home(),
        progress=bar,
    )
    bar.close()
    print_removed(ctx, result, "summary.forgot")


@command("remove")
@argument("id")
@option("--dry-run", is_flag=True)
@option("--allow-again", is_flag=True)
def remove(ctx: Context, id: str, dry_run: bool, allow_again: bool) -> None:
    from flows import forget as forgetting

    if allow_again:
        forgetting.readmit_reading(ctx.data_dir, id)
        return ctx.json({"readmitted": True}) if ctx.as_json else ctx.print("summary.readmitted_reading", id=id)
    home = environment.prefect_home()
    result = forgetting.remove_reading(ctx.data_dir, id, dry_run=dry_run, prefect_home=home, progress=bar)
    bar.close()
    print_removed(ctx, result, "summary.removed_reading")


def print_removed(ctx: Context, result: dict, message: str) -> None:
    """Write the report again if it was removed, and print the receipt of a removal."""
    from flows.forget import write_report_again

    dry_run = result.get("dry_run", False)
    if not dry_run:
        write_report_again(ctx.data_dir, result, ctx.lang)
    if ctx.as_json:
        return ctx.json(result)
    if dry_run:
        numbers = list(result["versions"])
        counts = {"readings": result["readings"], "rejections": result["rejections"], "runs": len(result["runs"])}
        ctx.print("summary.forget_dry_run", versions=numbers, **counts)
        for key in ("names", "similar"):
            if names := result.get(key):
                ctx.print(f"summary.forget_{key}", names=list(names))
        return None
    ctx.print(message, id=result.get("reading_id"), **result["removed"])
    for row in result["versions"]:
        ctx.print("summary.forgot_version", version=row["version"], was=row["was"][:8], hash=row["is"][:8])
    for row in result["runs"]:
        ctx.print(f"summary.forgot_run_{row['adapter']}", run=row["run"])
    ctx.print("summary.forgot_receipt", path=result["receipt"])
    for key in ("left", "raw", "copies"):
        for path in result[key]:
            ctx.print(f"summary.forgot_{key}", path=path)


def readmit(ctx: Context, *names: str) -> None:
    from flows import forget as forgetting

    forgetting.readmit(ctx.data_dir, *names)
    ctx.json({"readmitted": True}) if ctx.as_json else ctx.print("summary.readmitted")
