"""Commands for a training: plan it, and run it."""

import click

from flows.commands.declare import (
    Context,
    base_options,
    command,
    min_readings_option,
    option,
    set_option,
)
from flows.commands.output import print_run

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("plan", alone=False)
@base_options
@option("--examples", type=click.IntRange(1))
@option("--tokens", type=click.IntRange(1))
@option("--gpu")
@option("--price", type=click.FloatRange(0))
@set_option
@min_readings_option
def plan(
    ctx: Context,
    base: str | None,
    recipe: str | None,
    overrides: dict[str, str],
    examples: int | None,
    tokens: int | None,
    gpu: str | None,
    price: float | None,
    min_readings: int,
) -> None:
    from flows.training.plan import plan_training, refusals
    from tarot_data.dataset import versions

    result = plan_training(ctx.data_dir, base, recipe, overrides, examples, tokens, gpu, price)
    if not examples:
        manifest = versions.find(ctx.data_dir, None)
        against = refusals(ctx.data_dir, manifest, min_readings, base, recipe, overrides, ctx.lang)
        result["obstacles"] += [{"code": problem.code, "values": problem.values} for problem in against]
        result["go"] = not result["obstacles"]
    ctx.json(result) if ctx.as_json else print_plan(ctx, result)


@command("train", alone=False)
@option("--version")
@base_options
@set_option
@min_readings_option
@option("--smoke", is_flag=True)
@option("--preferences", is_flag=True)
@option("--sweep", type=click.FloatRange(0, min_open=True), metavar="HOURS")
def train(
    ctx: Context,
    version: str | None,
    base: str | None,
    recipe: str | None,
    overrides: dict[str, str],
    min_readings: int,
    smoke: bool,
    preferences: bool,
    sweep: float | None,
) -> None:
    if preferences:
        return train_on_preferences(ctx)
    from flows.service import prefect_session
    from flows.training.plan import plan_training, refusals
    from tarot_data.dataset import versions

    manifest = versions.find(ctx.data_dir, version)
    for problem in refusals(ctx.data_dir, manifest, min_readings, base, recipe, overrides, ctx.lang):
        raise problem
    planned = None
    if not ctx.as_json:
        planned = plan_training(ctx.data_dir, base, recipe, overrides, version=manifest["version"])
        print_plan(ctx, planned)

    if sweep:
        return search(ctx, manifest, base, recipe, overrides, sweep)

    def tried(trial: dict) -> None:
        if planned:
            minutes = round(trial["seconds_an_update"] * planned["steps"] / 60, 1)
            ctx.print("summary.trial", **trial, steps=planned["steps"], minutes=minutes)

    with prefect_session.prefect_at(ctx.data_dir, load):
        # Prefect takes a second to import and must be imported inside the block that sets its settings.
        from flows.training.train import train as train_flow

        result = train_flow(
            ctx.data_dir,
            manifest["version"],
            base=base,
            recipe=recipe,
            overrides=overrides,
            smoke=smoke,
            tried=tried,
        )
    if ctx.as_json:
        return ctx.json(result)
    print_curve(ctx, result["run"])
    print_run(ctx, result, result["scores"])


def load() -> None:
    """Import the flow of a training with its libraries."""
    import flows.training.train  # noqa: F401


def search(
    ctx: Context, manifest: dict, base: str | None, recipe: str | None, overrides: dict[str, str], hours: float
) -> None:
    """Search rank and rate within so many hours, and evaluate the best run."""
    from flows.training import train as flow

    def tried(found: dict) -> None:
        if not ctx.as_json:
            ctx.print("summary.try", **found)

    result = flow.search(ctx.data_dir, manifest, base, recipe, overrides, hours, tried)
    if ctx.as_json:
        return ctx.json(result)
    for left in result["left_out"]:
        ctx.print("summary.try_left_out", **left)
    print_run(ctx, result, result["scores"])


def train_on_preferences(ctx: Context) -> None:
    """Train the champion further on the preference pairs, and evaluate the result."""
    from flows.training.preferences import preferences
    from flows.training.runs import best_run
    from flows.training.train import evaluate_again, prefer

    folder = prefer(ctx.data_dir, best_run(ctx.data_dir), preferences(ctx.data_dir))
    result = evaluate_again(ctx.data_dir, folder)
    ctx.json(result) if ctx.as_json else print_run(ctx, result, result["scores"])


def print_curve(ctx: Context, run: str) -> None:
    from flows.training.runs import find_run, read_run
    from tarot_train.loss_curve import loss_text

    folder = find_run(ctx.data_dir, run)
    ctx.print("summary.curve", path=folder / "loss.svg")
    print(loss_text(read_run(folder)["log"]))


def print_plan(ctx: Context, result: dict) -> None:
    need, device = result["memory_gib"], result["device"]
    ctx.print("plan.base", base=result["base"], device=device["name"] or device["kind"])
    ctx.print("plan.examples", **result["examples"])
    if result["examples"]["follow_ups"]:
        ctx.print("plan.follow_ups", count=result["examples"]["follow_ups"])
    counted = ctx.say(f"plan.counted_{result['tokens']['counted']}")
    ctx.print("plan.tokens", **{**result["tokens"], "counted": counted})
    ctx.print(
        "plan.steps",
        steps=result["steps"],
        epochs=result["epochs"],
        warmup=result["warmup_steps"],
        every=result["eval_every"],
    )
    ctx.print("plan.parameters", trainable=result["trainable_parameters"], total=result["parameters"])
    ctx.print("plan.memory", **need, usable=device["usable_gib"])
    ctx.print("plan.evaluation", evaluation=need["evaluation"])
    if device["kind"] != "cpu":
        _, *several = result["processes"]
        parts = [ctx.say("plan.process", **found) for found in several]
        ctx.print("plan.processes", parts="; ".join(parts))
    ctx.print("plan.least", sixteen=result["memory_16_bit_gib"], four=result["memory_4_bit_gib"])
    ctx.print("plan.disk", disk=result["disk_gib"], adapter=result["adapter_mb"])
    ctx.print("plan.time", low=_time(ctx, result["hours_range"][0]), high=_time(ctx, result["hours_range"][1]))
    if result["cost"] is not None:
        ctx.print("plan.cost", cost=result["cost"])
    ctx.print(
        "plan.as_written",
        trainable=result["as_written"]["trainable_parameters"],
        memory=result["as_written"]["memory_gib"],
        epochs=result["as_written"]["epochs"],
    )
    for change in result["changes"]:
        why = ctx.say(f"change.{change['code']}", **change["values"])
        ctx.print("plan.change", setting=change["setting"], recipe=change["recipe"], used=change["used"], why=why)
    for remark in result["remarks"]:
        print("  " + ctx.say(f"remark.{remark['code']}", **remark["values"]))
    ctx.print("plan.go" if result["go"] else "plan.no_go")
    for obstacle in result["obstacles"]:
        print("  " + ctx.say(f"problem.{obstacle['code']}", **obstacle["values"]))
    if result["hours"] > LONG_HOURS:
        ctx.print("plan.long")


LONG_HOURS = 72
"""Above this duration the plan recommends a rented GPU."""


def _time(ctx: Context, hours: float) -> str:
    for unit, length in (("days", 24.0), ("hours", 1.0), ("minutes", 1 / 60)):
        if hours >= 2 * length:
            return ctx.say(f"plan.{unit}", n=round(hours / length, 1))
    return ctx.say("plan.seconds", n=max(1, round(3600 * hours)))
