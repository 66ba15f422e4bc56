"""Prefect artifacts of a run, for the server's pages: a summary in words and numbers, and the progress of a long task.

Artifacts are kept in Prefect's database, so they hold counts, reasons and the path of the report, but no text that
people wrote.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext

from flows.runtime.progress import bar
from schemas.messages import gate_sentences, say

EVERY_SECONDS = 3.0
"""Seconds between updates. An update is a request of some 50 ms, so more frequent ones would slow the work."""


def progress_for(key: str) -> Callable[[str, int, int], None]:
    """Return a `progress(stage, done, total)` for the terminal's bar and, inside a task, an artifact. key: [a-z0-9-]."""
    state: dict[str, Any] = {"id": None, "stage": None, "at": 0.0}

    def progress(stage: str, done: int, total: int) -> None:
        bar(stage, done, total)
        if TaskRunContext.get() is None:
            return
        now = time.monotonic()
        if stage != state["stage"]:
            state.update(id=None, stage=stage, at=now)  # A stage that ends at once has nothing to show.
        if now - state["at"] < EVERY_SECONDS and not (state["id"] and done >= total):
            return
        state["at"], share = now, 100 * done / total if total else 100.0
        if state["id"] is None:
            state["id"] = create_progress_artifact(progress=share, key=f"{key}-{stage}", description=bar.title())
        else:
            update_progress_artifact(state["id"], progress=share)

    return progress


def summarise(result: dict, lang: str) -> None:
    """Create the artifact of the current run, if any: counts, rejections and their reasons, gate, report, scores."""
    if FlowRunContext.get() is not None:
        create_markdown_artifact(summary(result, lang), key="summary", description=say("artifact.summary", lang))


def summary(result: dict, lang: str) -> str:
    """Format a result {ingest, version, gate, report, run, scores} as Markdown; each key may be missing."""
    parts = []
    if counts := result.get("ingest"):
        rows = [
            (say(f"artifact.{name}", lang), counts[name])
            for name in ("files", "accepted", "updated", "unchanged", "rejected", "redacted", "readings")
        ]
        parts += [_table(say("artifact.ingest", lang), rows)]
        reasons = sorted(counts["reasons"].items(), key=lambda item: -item[1])
        if reasons:
            rows = [(say(f"reason.{reason}", lang), count) for reason, count in reasons]
            parts += [_table(say("artifact.reasons", lang), rows)]
    if version := result.get("version"):
        about = {"version": version["version"], "hash": version["hash"][:8]} | version["counts"]
        key = "summary.version_new" if version["new"] else "summary.version_same"
        parts += [say(key, lang, **about)]
    if gate_state := result.get("gate"):
        parts += [f"## {say('artifact.gate', lang)}", *(f"- {line}" for line in gate_sentences(gate_state, lang))]
    if scores := result.get("scores"):
        rows = [
            (say(f"dimension.{name}", lang), scores["base"]["scores"][name], scores["tuned"]["scores"][name])
            for name in scores["tuned"]["scores"]
        ]
        change = scores["difference"]["loss"]
        loss = {model: scores[model]["loss"] for model in ("base", "tuned")} | {
            end: change[end] for end in ("low", "high")
        }
        parts += [say("summary.loss", lang, **loss), _table(say("artifact.scores", lang), rows)]
    if path := result.get("report"):
        parts += [say("summary.report", lang, path=f"[{path}]({Path(path).resolve().as_uri()})")]
    if outcome := result.get("outcome"):
        parts += [say(f"outcome.{outcome}", lang)]
    return "\n\n".join(parts)


def _table(title: str, rows: list[tuple]) -> str:
    def cell(value: object) -> str:
        return f"{value:.2f}" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    columns = len(rows[0])
    return "\n".join([f"## {title}", "", "|" + "  |" * columns, "|" + "---|" * columns, *lines])
