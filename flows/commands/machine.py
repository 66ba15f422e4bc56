"""Commands to try things on this machine: generate synthetic readings, list what is installed."""

from pathlib import Path

import click

from flows.commands.declare import Context, Target, command, option
from flows.runtime.progress import bar

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("sample", alone=False)
@option("--n", type=click.IntRange(1), default=220, show_default=True)
@option("--out", type=Target(file_okay=False), required=True)
@option("--seed", type=int, default=0, show_default=True)
@option("--broken", type=click.FloatRange(0, 1), default=0.0, show_default=True)
def sample(ctx: Context, n: int, out: Path, seed: int, broken: float) -> None:
    from tarot_data.synthetic.generate import write_sample

    result = write_sample(n, out, seed=seed, broken=broken, progress=bar)
    bar.close()
    ctx.json(result) if ctx.as_json else ctx.print("summary.sample", n=n, out=out)


@command("doctor", alone=False)
def doctor(ctx: Context) -> None:
    from flows.doctor import examine
    from tarot_train.device import find as found_device

    findings = examine(ctx.data_dir)
    if ctx.as_json:
        return ctx.json({"findings": findings, "ok": all(finding["ok"] for finding in findings)})
    for finding in findings:
        value = ctx.say("doctor.none") if finding["value"] is None else finding["value"]
        if finding["name"] == "device":
            value = ctx.say("doctor.threads", **found_device().as_dict())
        advice = f"  {ctx.say('doctor.' + finding['advice'])}" if finding["advice"] else ""
        name = ctx.word("doctor", f"name_{finding['name']}").removeprefix("name_")
        print(f"{'✓' if finding['ok'] else '✗'} {ctx.say('summary.shown_line', name=name, value=value)}{advice}")
