"""Commands that score readings: a person's, a model's, several models side by side."""

from pathlib import Path

from flows.commands.declare import Context, argument, command, existing, option
from flows.commands.output import print_scores
from flows.runtime import environment
from schemas.errors import Problem

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("score")
@argument("file", type=existing(allow_dash=True))
@option("--explain", is_flag=True)
def score(ctx: Context, file: Path, explain: bool) -> None:
    from flows.commands.given_readings import given_readings
    from tarot_data.patterns.annotate_records import annotate_records
    from tarot_train.scores import DIMENSIONS
    from tarot_train.scores import score as score_reading

    for record in annotate_records(given_readings(ctx, file)):
        result = score_reading(record)
        if ctx.as_json:
            wanted = (*DIMENSIONS, "overall", *(["explain"] if explain else []))
            ctx.json({"id": record["id"]} | {name: result[name] for name in wanted})
            continue
        parts = [f"{ctx.say(f'dimension.{name}')} {result[name]:.2f}" for name in (*DIMENSIONS, "overall")]
        ctx.print("summary.score", id=record["id"], scores="  ".join(parts))
        if explain:
            for name in DIMENSIONS:
                print_explained(ctx, name, result[name], result["explain"][name])


def print_explained(ctx: Context, dimension: str, value: float, found: list[dict]) -> None:
    ctx.print("summary.explained", dimension=ctx.say(f"dimension.{dimension}"), value=value)
    for item in found:
        values = {name: ctx.say(f"explain.{way}") if name == "way" else way for name, way in item["values"].items()}
        if "measure" in values:
            values["measure"] = ctx.say(f"measure.{values['measure']}")
        if "words" in values:
            values["words"] = "、".join(values["words"])
        what = ctx.say(f"explain.{item['code']}", **values)
        print(f"    {item['sign']} {what}  {item['text']}".rstrip())


@command("evaluate", alone=False)
@argument("run", required=False)
@option("--judge", metavar="URL")
@option("--judge-model")
def evaluate(ctx: Context, run: str | None, judge: str | None, judge_model: str | None) -> None:
    # Prefect takes two seconds to import; `score` and `compare` do not need it.
    from flows.training.runs import find_run, read_run
    from flows.training.train import evaluate_again

    folder = find_run(ctx.data_dir, run)
    result = evaluate_again(ctx.data_dir, folder)
    if judge:
        result["scores"] = _judged(ctx, folder, judge, judge_model)
    if ctx.as_json:
        return ctx.json(result)
    ctx.print("summary.evaluated", run=folder.name, **result["scores"]["held_out"])
    print_scores(ctx, result["scores"])
    ctx.print(f"champion.{result['champion']['why']}")
    for line in read_run(folder)["generations"]:
        if line["id"].startswith("fixed-"):
            print_fixed_case(ctx, line)


def print_fixed_case(ctx: Context, line: dict) -> None:
    print()
    head = " · ".join((line["person"], line["question"], line["cards"]))
    print(f"# {head}  [{ctx.say('model.' + line['model'])} {line['scores']['overall']:.2f}]")
    print(line["content"])


def _judged(ctx: Context, folder: Path, url: str, model: str | None) -> dict:
    from tarot_train import endpoint
    from tarot_train import evaluate as evaluation
    from tarot_train import judge as judging

    if not endpoint.at_home(url):
        ctx.note("summary.judge_away", url=url)
    key = environment.judge_key()
    model = model or endpoint.first_model(url, key)
    about = {"url": url, "model": model} | _preferred(folder, url, model, key)
    return evaluation.judged(folder, lambda readings: judging.judge(readings, url, model, key), about)


def _preferred(folder: Path, url: str, model: str, key: str | None) -> dict:
    """Let the judge choose between base and tuned text of every question; return {prefers, agreement} with the votes."""
    from tarot_data.review import blind_votes
    from tarot_train import judge as judging

    pairs = [pair for pair in blind_votes.pairs(folder) if pair["base"].strip() and pair["tuned"].strip()]
    asked = [{"asked": pair, "base": pair["base"], "tuned": pair["tuned"]} for pair in pairs]
    chosen = judging.prefer(asked, url, model, key)
    preferred = {pair["texts"]: choice for pair, choice in zip(pairs, chosen, strict=True)}
    return {
        "prefers": {name: chosen.count(name) for name in blind_votes.WINNERS},
        "agreement": judging.agreement(preferred, blind_votes.votes(folder)),
    }


@command("compare", alone=False)
@argument("runs", nargs=-1, metavar="RUN|BASE...")
def compare(ctx: Context, runs: tuple[str, ...]) -> None:
    from flows.training.compare import compared

    rows = compared(ctx.data_dir, runs)
    if not rows:
        raise Problem("no_runs")
    path = _write_chart(ctx, rows)
    if ctx.as_json:
        for row in rows:
            ctx.json(row | {"chart": str(path)})
        return
    print_table(ctx, rows)
    if len({row["dataset"] for row in rows}) > 1:
        ctx.print("summary.compare_datasets")
    if any(row["stand_in"] for row in rows):
        ctx.print("summary.standin")
    ctx.print("summary.chart", path=path)


def _named(ctx: Context, row: dict) -> str:
    mark = " ★" if row["champion"] else ""
    run = f" {row['run']}{mark}" if row["run"] else ""
    return f"{row['base']} {ctx.say('model.' + row['model'])}{run}"


def _write_chart(ctx: Context, rows: list[dict]) -> Path:
    from tarot_train.comparison_chart import scores_svg

    names = {name: ctx.say(f"dimension.{name}") for name in rows[0]["scores"]}
    path = ctx.data_dir / "reports" / "compare.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    models = [(_named(ctx, row), row["scores"]) for row in rows]
    path.write_text(scores_svg(models, names, ctx.say("summary.compare_title")), encoding="utf-8")
    return path


def print_table(ctx: Context, rows: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column(ctx.say("compare.model"))
    heads = ["loss", "bits", *rows[0]["scores"], "copied", "style", "votes"]
    for name in heads:
        key = f"dimension.{name}" if name in rows[0]["scores"] else f"compare.{name}"
        table.add_column(ctx.say(key), justify="right")
    for row in rows:
        style = row["style_distance"]
        table.add_row(
            _named(ctx, row),
            f"{row['loss']:.3f}",
            f"{row['bits_per_character']:.3f}" if "bits_per_character" in row else "–",
            *(f"{value:.2f}" for value in row["scores"].values()),
            str(row["copied"]["longest"]),
            "–" if style is None else f"{style:.2f}",
            _votes(row.get("votes")),
        )
    # Standard output shows control characters, so rich must send none.
    Console(width=None if ctx.is_terminal() else 200, highlight=False, color_system=None).print(table)


def _votes(tally: dict | None) -> str:
    """Format the votes for the tuned text and for the base text, `7:2`."""
    voted = tally and tally["tuned"] + tally["base"] + tally["neither"]
    return f"{tally['tuned']}:{tally['base']}" if voted else "–"
