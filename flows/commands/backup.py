"""The command that copies a data directory."""

from pathlib import Path

from flows.commands.declare import Context, Target, argument, command

# Tables are imported inside the function, so that --help waits for nothing (flows/commands/__init__.py).


@command("backup")
@argument("folder", type=Target(file_okay=False))
def backup(ctx: Context, folder: Path) -> None:
    from flows.backup import backup as copied
    from flows.runtime.progress import bar

    result = copied(ctx.data_dir, folder, bar)
    bar.close()
    ctx.json(result) if ctx.as_json else ctx.print("summary.backed_up", **result)
