"""Flows that `tarot serve` starts: the inbox on a schedule, and a training when an event announces a version.

The paths of the inbox and the data directory come from the environment, not from parameters, which Prefect stores.
"""

import json
import time
from pathlib import Path

from prefect import flow

from flows.ingest import Inbox, ingest
from flows.publish import publish, report_task
from flows.runtime import bucket, environment
from flows.runtime.artifacts import summarise
from flows.runtime.dask_runner import on_cluster
from flows.runtime.error_redaction import kind_of, withhold_errors
from flows.runtime.progress import bar
from flows.runtime.run_log import HOOKS
from flows.service import prefect_session
from flows.service.child_process import end_with_parent
from flows.service.triggers import announce, may_still_train, train_once
from flows.training.gate import may_train
from flows.training.gate_checks import newest_gate
from flows.training.runs import newest_run
from flows.training.train import train
from tarot_data.dataset import versions
from tarot_data.ingest import stages
from tarot_data.store import delta, tables
from tarot_data.system.atomic import write_text

QUIET_SECONDS = 2.0
"""Files younger than this may be incomplete: a folder that is being copied becomes one version, not three."""

MOST_WAIT_SECONDS = 20.0
"""Longest wait of a tick for a quiet inbox. A file that never rests (a database in use) is read in its current state.
"""


@flow(name="watch the inbox", **HOOKS)
@withhold_errors
def watch(min_readings: int, min_new: int, training: dict, lang: str) -> dict:
    """Run one tick: ingest what is new in the inbox and, if anything changed, publish, report and check the gate.

    training: {base, recipe, overrides}; their tokenizer sets the maximum length of an example.

    Returns {outcome, ingest, version, report, gate, announced}; outcome: nothing_new, published, or busy if another
    process writes.
    """
    end_with_parent()
    bar.lang = lang
    data_dir, inbox = environment.default_data_dir(), environment.inbox_paths()
    environment.prepare(data_dir)
    try:
        with bucket.opened(data_dir), prefect_session.prefect_at(data_dir):
            return _tick(data_dir, inbox, min_readings, min_new, training, lang)
    except Exception as error:
        if kind_of(error) == "busy":
            return {"outcome": "busy"}
        raise


def _tick(
    data_dir: Path, inbox: list[Path], min_readings: int, min_new: int, training: dict, lang: str
) -> dict[str, object]:
    cluster = environment.cluster()
    result: dict[str, object] = {"outcome": "nothing_new", "announced": False}
    if _anything_new(data_dir, inbox):
        wait_until_quiet(inbox)
        result["ingest"] = on_cluster(ingest, cluster)(data_dir, Inbox(inbox), spread=cluster is not None)
    if (state := store_state(data_dir)) != _seen(data_dir):
        result["outcome"] = "published"
        if tables.count(data_dir):
            manifest, new = publish(data_dir, training["base"], training["recipe"])
            result["version"] = {key: manifest[key] for key in ("version", "hash", "counts")} | {"new": new}
        result["report"] = _report(data_dir, min_readings, min_new, lang)
        _remember(data_dir, state)
    result["gate"] = newest_gate(data_dir, min_readings, min_new)
    manifest = versions.newest(data_dir)
    if may_train(result["gate"], requested=False) and may_still_train(data_dir, manifest["hash"]):
        announce(manifest)
        result["announced"] = True
    if result["outcome"] != "nothing_new" or result["announced"]:
        summarise(result, lang)
    return result


@flow(name="train when ready", flow_run_name="dataset version {version}", **HOOKS)
@withhold_errors
def train_when_ready(
    version: int, hash: str, min_readings: int, min_new: int, training: dict, lang: str
) -> dict[str, object]:
    """Train and score the announced version, once. Returns {outcome, run, adapter, scores, report}."""
    end_with_parent()
    bar.lang = lang
    data_dir = environment.default_data_dir()
    environment.prepare(data_dir)

    def once() -> dict:
        return train(data_dir, version, training["base"], training["recipe"], training["overrides"])

    with bucket.opened(data_dir, alone=False), prefect_session.prefect_at(data_dir):
        result = train_once(data_dir, version, hash, once, required=min_readings, min_new=min_new)
        if result["outcome"] == "trained":
            result["report"] = _report(data_dir, min_readings, min_new, lang)
        summarise(result, lang)
    return result


def wait_until_quiet(inbox: list[Path]) -> None:
    """Return once no file of the inbox has changed for QUIET_SECONDS."""
    end = time.monotonic() + MOST_WAIT_SECONDS
    while time.monotonic() < end:
        newest = max(
            (max(path.stat().st_mtime, path.stat().st_ctime) for path in _files(inbox)),
            default=0.0,
        )
        age = time.time() - newest
        if age >= QUIET_SECONDS:
            return
        time.sleep(min(QUIET_SECONDS, max(0.1, QUIET_SECONDS - age)))


def store_state(data_dir: Path) -> dict[str, int | None]:
    """Return the newest commit of every table; equal if no process wrote in between."""
    return {name: delta.delta_version(data_dir, name) for name in delta.TABLES}


def _anything_new(data_dir: Path, inbox: list[Path]) -> bool:
    there = [path for path in inbox if path.exists()]
    return bool(there and stages.new_files(data_dir, there)[0])


def _files(inbox: list[Path]) -> list[Path]:
    found = []
    for place in inbox:
        found += [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return found


def _report(data_dir: Path, min_readings: int, min_new: int, lang: str) -> str:
    return report_task(data_dir, newest_gate(data_dir, min_readings, min_new), lang, newest_run(data_dir))["path"]


def _seen(data_dir: Path) -> dict | None:
    path = _seen_path(data_dir)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else dict.fromkeys(delta.TABLES)


def _remember(data_dir: Path, state: dict) -> None:
    write_text(_seen_path(data_dir), json.dumps(state))


def _seen_path(data_dir: Path) -> Path:
    return data_dir / "checks" / "published.json"
