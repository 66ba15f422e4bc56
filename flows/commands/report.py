"""The command that writes the quality report."""

from flows.commands.declare import Context, command, option
from flows.report import write_report
from flows.training.gate_checks import newest_gate
from flows.training.runs import newest_run


@command("report")
@option("--pseudonyms", is_flag=True)
def report(ctx: Context, pseudonyms: bool) -> None:
    result = write_report(
        ctx.data_dir, newest_gate(ctx.data_dir), ctx.lang, run=newest_run(ctx.data_dir), pseudonyms=pseudonyms
    )
    ctx.json(result) if ctx.as_json else ctx.print("summary.report", path=result["path"])
