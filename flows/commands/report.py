"""The command that writes the quality report."""

from flows.commands.declare import Context, command, option
from flows.commands.output import is_unpublished, print_unpublished

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("report")
@option("--pseudonyms", is_flag=True)
def report(ctx: Context, pseudonyms: bool) -> None:
    from flows.report import write_report
    from flows.training.gate_checks import newest_gate
    from flows.training.runs import newest_run
    from tarot_data.dataset import versions

    ctx.check_data_dir()
    result = write_report(
        ctx.data_dir, newest_gate(ctx.data_dir), ctx.lang, run=newest_run(ctx.data_dir), pseudonyms=pseudonyms
    )
    if ctx.as_json:
        return ctx.json(result)
    ctx.print("summary.report", path=result["path"])
    if is_unpublished(ctx, version := versions.newest(ctx.data_dir)):
        print_unpublished(ctx, version)
