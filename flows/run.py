"""The main job: an inbox to a dataset version, a report and, if the gate opens, an adapter with its scores."""

from pathlib import Path

from prefect import flow

from flows.ingest import Inbox, ingest
from flows.publish import publish, report_task
from flows.runtime.artifacts import summarise
from flows.runtime.dask_runner import on_cluster
from flows.runtime.error_redaction import withhold_errors
from flows.runtime.progress import bar
from flows.runtime.run_log import HOOKS
from flows.training.gate import MIN_NEW, MIN_READINGS, may_train
from flows.training.gate_checks import newest_gate
from flows.training.runs import newest_run
from flows.training.train import train
from tarot_data.store import tables


@flow(name="run", validate_parameters=False, **HOOKS)
@withhold_errors
def run(
    data_dir: Path,
    inbox: Inbox,
    min_readings: int = MIN_READINGS,
    min_new: int = MIN_NEW,
    base: str | None = None,
    recipe: str | None = None,
    no_train: bool = False,
    lang: str = "zh",
    cluster: str | None = None,
) -> dict[str, object]:
    """Run all stages. Returns {ingest, version, report, gate, run, scores}; version, run and scores may be None.

    cluster: where the ingest runs, see `flows.runtime.dask_runner`.
    """
    taken_in = on_cluster(ingest, cluster)(data_dir, inbox, spread=cluster is not None)
    result: dict[str, object] = {"ingest": taken_in, "version": None, "run": None, "scores": None}
    if tables.count(data_dir):
        bar("publish")
        manifest, new = publish(data_dir, base, recipe)
        wanted = ("version", "hash", "name", "counts", "settings")
        result["version"] = {key: manifest[key] for key in wanted} | {"new": new}
    result["gate"] = newest_gate(data_dir, min_readings, min_new)
    if may_train(result["gate"], requested=False) and not no_train:
        trained = train(data_dir, base=base, recipe=recipe)
        result["scores"] = trained.pop("scores")
        result["run"] = trained
    bar("report")
    report = report_task(data_dir, newest_gate(data_dir, min_readings, min_new), lang, newest_run(data_dir))
    result["report"] = report["path"]
    bar.close()
    summarise(result, lang)
    return result
