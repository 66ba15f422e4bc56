"""Run log, written by Prefect's state hooks: one line per run in `runs.jsonl` and, on request, one call to a webhook.

A line holds numbers, names of states and kinds of errors, but no text that people wrote and no path.
"""

import json
import os
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.runtime import environment
from flows.runtime.error_redaction import kind_of

FILE = "runs.jsonl"

COUNTS = ("files", "accepted", "updated", "unchanged", "rejected", "redacted", "readings")

ENDS = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CRASHED": "crashed",
    "CANCELLING": "cancelled",
    "CANCELLED": "cancelled",
}
"""Prefect's state types -> the words of a line, keys under `state.` in the catalogue."""

WEBHOOK_SECONDS = 10.0
"""Timeout of a webhook; a run never waits longer for it."""


def note(data_dir: Path, line: dict[str, object]) -> None:
    """Append one line. A single write, so that processes that end together do not mix their lines."""
    data_dir.mkdir(parents=True, exist_ok=True)
    text = json.dumps(line, ensure_ascii=False) + "\n"
    handle = os.open(data_dir / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def last(data_dir: Path) -> dict | None:
    """Return the newest line, or None. A line cut short by a full disk is ignored."""
    path = data_dir / FILE
    if not path.exists():
        return None
    for line in reversed(path.read_text(encoding="utf-8").splitlines()):
        try:
            return json.loads(line)
        except ValueError:
            continue
    return None


def notify(url: str, line: dict[str, object]) -> bool:
    """POST the line as JSON; return whether it was accepted. An unreachable webhook does not fail the run."""
    body = json.dumps(line, ensure_ascii=False).encode()
    try:
        if not url.startswith(("http://", "https://")):
            raise ValueError("neither http nor https")
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=WEBHOOK_SECONDS):
            return True
    except (OSError, ValueError) as error:
        print(f"notify: {kind_of(error)}", file=sys.stderr)
        return False


def figures(result: Any) -> dict[str, object]:
    """Return the numbers in the result of a flow: counts, version, gate, training."""
    if not isinstance(result, dict):
        return {}
    counted = result.get("ingest") if isinstance(result.get("ingest"), dict) else result
    out: dict[str, object] = {name: counted[name] for name in COUNTS if name in counted}
    if reasons := counted.get("reasons"):
        out["reasons"] = dict(reasons)
    if version := result.get("version"):
        about = {name: version[name] for name in ("version", "hash", "new") if name in version}
        out |= about | {"validated": version["counts"]["readings"]}
    if gate_state := result.get("gate"):
        out["gate"] = {name: gate_state[name] for name in ("ready", "missing", "missing_new", "shut")}
    run = result.get("run")
    run = run if isinstance(run, dict) else result
    if "adapter" in run:
        out |= {"run": run["run"], "already": run["already"]}
        scores = result.get("scores") or run.get("scores")
        if scores:
            out["loss"] = {model: scores[model]["loss"] for model in ("base", "tuned")}
    return out


def record(flow: Any, flow_run: Any, state: Any) -> None:
    """Write one line for a flow that ended, in any state (a state hook of Prefect).

    A subflow has no line, because it is in its parent's line, nor has a run that was stopped before it began.
    """
    if flow_run.parent_task_run_id is not None:
        return
    result, error = None, None
    try:
        result = state.result(raise_on_failure=False)
    except Exception as missing:
        error = kind_of(missing)
    if isinstance(result, BaseException):
        result, error = None, kind_of(result)
    outcome = result.get("outcome") if isinstance(result, dict) else None
    ended, kind = datetime.now(UTC), ENDS.get(state.type.value, "failed")
    if outcome in ("nothing_new", "busy") or (kind in ("crashed", "cancelled") and flow_run.start_time is None):
        return
    line = {
        "at": ended.isoformat(timespec="seconds"),
        "flow": flow.name,
        "name": flow_run.name,
        "state": kind,
        "seconds": round((ended - flow_run.start_time).total_seconds(), 1) if flow_run.start_time else None,
        "error": error if kind == "failed" else None,
        **({"outcome": outcome} if outcome else {}),
        **figures(result),
    }
    data_dir = _data_dir(flow_run)
    before = last(data_dir)
    if kind in ("crashed", "cancelled") and before and (before["flow"], before["name"]) == (flow.name, flow_run.name):
        return  # Prefect calls both hooks if it cancels a run by ending its process.
    note(data_dir, line)
    if url := environment.notify_url():
        notify(url, line)


def _data_dir(flow_run: Any) -> Path:
    return Path(flow_run.parameters.get("data_dir") or environment.default_data_dir())


HOOKS = {"on_completion": [record], "on_failure": [record], "on_crashed": [record], "on_cancellation": [record]}
"""For `@flow(**HOOKS)`."""
