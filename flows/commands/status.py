"""The command that shows the distance to a training and the last run."""

from datetime import datetime

from flows.commands.declare import Context, command, gate_options
from flows.commands.output import is_unpublished, print_gate, print_unpublished
from flows.runtime import run_log

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("status")
@gate_options
def status(ctx: Context, min_readings: int, min_new: int) -> None:
    from flows.training.gate_checks import newest_gate
    from flows.training.runs import champion_of, run_dirs
    from tarot_data.dataset import versions
    from tarot_data.store import tables

    version = versions.newest(ctx.data_dir)
    runs = run_dirs(ctx.data_dir)
    gate_state = newest_gate(ctx.data_dir, min_readings, min_new)
    last_run = run_log.last(ctx.data_dir)
    last_training = runs[-1].name if runs else None
    champion = champion_of(ctx.data_dir)
    rejected_open = tables.rejections(ctx.data_dir).height
    unpublished = is_unpublished(ctx, version)
    if ctx.as_json:
        return ctx.json(
            gate_state
            | {
                "version": version["version"] if version else None,
                "last_run": last_run,
                "last_training": last_training,
                "champion": champion,
                "rejected_open": rejected_open,
                "unpublished": unpublished,
                "readings": tables.count(ctx.data_dir),
            }
        )
    ctx.print("summary.status_data_dir" if ctx.data_dir.is_dir() else "summary.status_no_data_dir", path=ctx.data_dir)
    ctx.print("summary.total", readings=tables.count(ctx.data_dir))
    if version:
        ctx.print("summary.status_version", version=version["version"])
    else:
        ctx.print("summary.status_none")
    if unpublished:
        print_unpublished(ctx, version)
    print_gate(ctx, gate_state)
    if last_training:
        ctx.print("summary.status_last", run=last_training)
    if last_run:
        ended = datetime.fromisoformat(last_run["at"]).astimezone()
        values = {"at": f"{ended:%Y-%m-%d %H:%M}", "flow": ctx.word("flow", last_run["flow"])}
        ctx.print("summary.status_last_run", **values, state=ctx.say(f"state.{last_run['state']}"))
    if champion:
        ctx.print("summary.status_champion", run=champion)
    if rejected_open:
        ctx.print("summary.status_rejected", count=rejected_open)
