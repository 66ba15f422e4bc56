"""Output and input functions that several commands share."""

import sys

from flows.commands.declare import Context
from flows.runtime.terminal import one_line
from schemas import rejections
from schemas.errors import Problem
from schemas.messages import gate_sentences
from schemas.rejections import describe, values_json


def print_ingest(ctx: Context, result: dict) -> None:
    ctx.print("summary.ingest", **{k: result[k] for k in ("files", "accepted", "updated", "unchanged", "rejected")})
    if result["reasons"]:
        ctx.print("summary.reasons")
        for reason, count in sorted(result["reasons"].items(), key=lambda item: -item[1]):
            ctx.print("summary.reason_line", count=count, reason=ctx.say(f"reason.{reason}"))
        ctx.print("summary.rejected_next")
    for file, labels in sorted(result.get("columns", {}).items()):
        ctx.print("summary.columns", file=one_line(file), columns=list(map(one_line, labels)))
    if result.get("forgotten"):
        ctx.print("summary.passed_over", count=result["forgotten"])
    if result["redacted"]:
        ctx.print("summary.redacted", count=result["redacted"])


def print_published(ctx: Context, manifest: dict, new: bool) -> None:
    if new:
        ctx.print("summary.version_new", version=manifest["version"], hash=manifest["hash"][:8], **manifest["counts"])
        if manifest["counts"].get("divided"):
            ctx.print("summary.divided", **manifest["counts"])
        if manifest["counts"].get("withheld"):
            ctx.print("summary.withheld", **manifest["counts"])
        if manifest["counts"].get("too_long"):
            ctx.print("summary.too_long", max_tokens=manifest["settings"]["max_tokens"], **manifest["counts"])
    else:
        ctx.print("summary.version_same", version=manifest["version"])


def is_unpublished(ctx: Context, version: dict | None) -> bool:
    """Check whether the store has changed since a version, the newest one, or has readings and no version."""
    from tarot_data.store import delta

    return (version["store_version"] if version else None) != delta.delta_version(ctx.data_dir)


def print_unpublished(ctx: Context, version: dict | None) -> None:
    ctx.print("summary.status_publish" if version else "summary.status_publish_first")


def print_gate(ctx: Context, gate_state: dict) -> None:
    for line in gate_sentences(gate_state, ctx.lang, ctx.say):
        print(line)


def print_run(ctx: Context, result: dict, scores: dict) -> None:
    ctx.print("summary.already_trained" if result["already"] else "summary.trained", adapter=result["adapter"])
    print_scores(ctx, scores)
    ctx.print(f"champion.{result['champion']['why']}")


def print_scores(ctx: Context, scores: dict) -> None:
    """Print base against tuned: each figure with the 95 % interval of its change."""
    base, tuned, difference = scores["base"], scores["tuned"], scores["difference"]
    ctx.print("summary.loss", base=base["loss"], tuned=tuned["loss"], **_interval(difference["loss"]))
    ctx.print("summary.perplexity", base=base["perplexity"], tuned=tuned["perplexity"])
    for dimension in tuned["scores"]:
        ctx.print(
            "summary.score_line",
            dimension=ctx.say(f"dimension.{dimension}"),
            base=base["scores"][dimension],
            tuned=tuned["scores"][dimension],
            reader=scores["reader"]["scores"].get(dimension, float("nan")),
            **_interval(difference[dimension]),
        )
    ctx.print("summary.copied", longest=tuned["copied"]["longest"], share=tuned["copied"]["mean_share"])
    if tuned["style_distance"] is not None:
        ctx.print("summary.style", base=base["style_distance"], tuned=tuned["style_distance"])
    if voice := scores.get("voice"):
        ctx.print("summary.voice", **{"base": float("nan"), "tuned": float("nan")} | voice)
    if judge := scores.get("judge"):
        sides = {name: judge[name]["overall"] for name in ("base", "tuned")}
        ctx.print("summary.judged", model=judge["model"], **sides, **_interval(judge["difference"]))
        if "prefers" in judge:
            ctx.print("summary.judge_prefers", **judge["prefers"], **judge["agreement"])
    if scores["stand_in"]:
        ctx.print("summary.standin")


def _interval(difference: dict) -> dict[str, float]:
    return {name: difference[name] for name in ("low", "high")}


def standard_input(ctx: Context) -> bytes:
    """Read all of standard input. Raises Problem `nothing_piped` if it is empty."""
    if sys.stdin.isatty():
        ctx.note("summary.waits_for_input")
    data = sys.stdin.buffer.read()
    if not data.strip():
        raise Problem("nothing_piped")
    return data


def source_sentence(ctx: Context, code: str, values: dict[str, object]) -> str:
    """Say in the user's language why a source cannot be read. code, values: of a `SourceError` or `Rejected`."""
    return describe(code, values_json({name: str(value) for name, value in values.items()}), ctx.lang)


def place_of(ctx: Context, source: dict) -> str:
    return one_line(rejections.place_of(source, ctx.lang))
