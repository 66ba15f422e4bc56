"""Training, what comes before it and after."""

from pathlib import Path

from flows import environment
from flows.cli import Context
from flows.commands.shared import lines_of, print_run
from flows.gate import gate
from schemas.problems import Problem


def score(ctx: Context, file: Path) -> None:
    from tarot_data.outside import annotate_records, read_lines
    from tarot_train.scores import DIMENSIONS
    from tarot_train.scores import score as score_reading

    with lines_of(file) as lines:
        annotated = annotate_records(list(read_lines(lines, str(file))))
    for record in annotated:
        result = score_reading(record)
        if ctx.as_json:
            ctx.json({"id": record["id"]} | {name: result[name] for name in (*DIMENSIONS, "overall")})
        else:
            parts = [f"{ctx.say(f'dimension.{name}')} {result[name]:.2f}" for name in (*DIMENSIONS, "overall")]
            ctx.print("summary.score", id=record["id"], scores="  ".join(parts))


def plan(
    ctx: Context,
    base: str | None,
    recipe: str | None,
    set: tuple[str, ...],
    examples: int | None,
    tokens: int | None,
    gpu: str | None,
    price: float | None,
) -> None:
    from flows.planning import plan_training

    overrides = dict(assignment(part) for part in set)
    result = plan_training(ctx.data_dir, base, recipe, overrides, examples, tokens, gpu, price)
    ctx.json(result) if ctx.as_json else print_plan(ctx, result)


def train(
    ctx: Context, version: int | None, base: str | None, recipe: str | None, set: tuple[str, ...], min_readings: int
) -> None:
    from tarot_data import versions

    manifest = versions.find(ctx.data_dir, version)
    opened = gate(manifest, min_readings)
    if not opened["ready"]:
        raise Problem("gate_shut", **opened)
    overrides = dict(assignment(part) for part in set)
    with environment.prefect_at(ctx.data_dir):
        from flows.training import train as train_flow

        result = train_flow(ctx.data_dir, manifest["version"], base=base, recipe=recipe, overrides=overrides)
    if ctx.as_json:
        return ctx.json(result)
    print_run(ctx, result, result["scores"])


def evaluate(ctx: Context, run: str | None) -> None:
    from flows.runs import find_run
    from flows.training import evaluate_again

    folder = find_run(ctx.data_dir, run)
    scores = evaluate_again(ctx.data_dir, folder)
    if ctx.as_json:
        return ctx.json({"run": folder.name, "scores": scores})
    print_run(ctx, {"already": False, "adapter": str(folder / "adapter")}, scores)


def compare(ctx: Context, runs: tuple[str, ...]) -> None:
    from flows.runs import find_run, read_run, run_dirs

    folders = [find_run(ctx.data_dir, name) for name in runs] or run_dirs(ctx.data_dir)
    if not folders:
        raise Problem("no_run", name="", have="–")
    rows = []
    for folder in folders:
        found = read_run(folder)
        if found["scores"]:
            about = {"run": folder.name, "base": found["manifest"]["base"]["name"]}
            rows += [about | {"model": name} | found["scores"][name] for name in ("base", "tuned")]
    for row in rows:
        if ctx.as_json:
            ctx.json(row)
        else:
            parts = [f"{ctx.say(f'dimension.{name}')} {value:.2f}" for name, value in row["scores"].items()]
            print(
                f"{row['run']}  {row['base']}  {ctx.say('model.' + row['model'])}  {row['loss']:.3f}  {'  '.join(parts)}"
            )


def print_plan(ctx: Context, result: dict) -> None:
    need = result["memory_gib"]
    ctx.print("plan.base", base=result["base"], device=result["device"]["name"] or result["device"]["kind"])
    ctx.print("plan.examples", **{name: result["examples"][name] for name in ("train", "validation", "test")})
    ctx.print("plan.tokens", mean=result["tokens"]["mean"], longest=result["tokens"]["longest"])
    ctx.print("plan.steps", steps=result["steps"], epochs=result["epochs"], warmup=result["warmup_steps"])
    ctx.print("plan.parameters", trainable=result["trainable_parameters"], total=result["parameters"])
    ctx.print("plan.memory", **need)
    ctx.print("plan.hours", low=round(result["hours_range"][0] * 60, 1), high=round(result["hours_range"][1] * 60, 1))
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
    ctx.print("plan.go" if result["go"] else "plan.no_go")
    for obstacle in result["obstacles"]:
        print("  " + ctx.say(f"problem.{obstacle['code']}", **obstacle["values"]))


def assignment(part: str) -> tuple[str, str]:
    """`lora.r=16` to its key and value. Raises Problem `not_an_assignment`."""
    key, sign, value = part.partition("=")
    if not sign or not key:
        raise Problem("not_an_assignment", part=part)
    return key.strip(), value.strip()
