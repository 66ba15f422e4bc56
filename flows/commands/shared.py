"""What several commands print or read."""

import sys
from contextlib import contextmanager
from pathlib import Path

from flows.cli import Context


def print_ingest(ctx: Context, result: dict) -> None:
    ctx.print("summary.ingest", **{k: result[k] for k in ("files", "accepted", "updated", "unchanged", "rejected")})
    if result["reasons"]:
        ctx.print("summary.reasons")
        for reason, count in sorted(result["reasons"].items(), key=lambda item: -item[1]):
            ctx.print("summary.reason_line", count=count, reason=ctx.say(f"reason.{reason}"))
        ctx.print("summary.rejected_next")
    if result.get("forgotten"):
        ctx.print("summary.passed_over", count=result["forgotten"])
    if result["redacted"]:
        ctx.print("summary.redacted", count=result["redacted"])


def print_published(ctx: Context, manifest: dict, new: bool) -> None:
    if new:
        ctx.print("summary.version_new", version=manifest["version"], hash=manifest["hash"][:8], **manifest["counts"])
        if manifest["counts"].get("divided"):
            ctx.print("summary.divided", **manifest["counts"])
        if manifest["counts"].get("too_long"):
            ctx.print("summary.too_long", max_tokens=manifest["settings"]["max_tokens"], **manifest["counts"])
    else:
        ctx.print("summary.version_same", version=manifest["version"])


def print_gate(ctx: Context, opened: dict) -> None:
    ctx.print("summary.gate_open" if opened["ready"] else "summary.gate_shut", **opened)


def print_run(ctx: Context, result: dict, scores: dict) -> None:
    ctx.print("summary.already_trained" if result["already"] else "summary.trained", adapter=result["adapter"])
    ctx.print("summary.loss", base=scores["base"]["loss"], tuned=scores["tuned"]["loss"])
    for dimension in scores["tuned"]["scores"]:
        ctx.print(
            "summary.score_line",
            dimension=ctx.say(f"dimension.{dimension}"),
            base=scores["base"]["scores"][dimension],
            tuned=scores["tuned"]["scores"][dimension],
        )
    if scores["stand_in"]:
        ctx.print("summary.standin")
    ctx.print(f"champion.{result['champion']['why']}")


@contextmanager
def lines_of(file: Path):
    if str(file) == "-":
        yield sys.stdin
    else:
        with file.open(encoding="utf-8-sig") as lines:
            yield lines
