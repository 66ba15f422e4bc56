"""The main job: an inbox to a dataset version, a report and, where the gate opens, an adapter with its scores."""

from pathlib import Path

from prefect import flow

from flows.artifacts import summarise
from flows.checks import look
from flows.gate import MIN_NEW, MIN_READINGS, may_train
from flows.history import HOOKS
from flows.ingest import Inbox, ingest
from flows.publish import publish, report_task
from flows.runs import newest_run
from flows.spread import spread_over
from flows.training import train
from flows.withheld import withholding
from tarot_data import store


@flow(name="run", validate_parameters=False, **HOOKS)
@withholding
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
    """Returns {ingest, version, report, gate, run, scores}; version, run and scores are null where there is none.

    cluster: where the ingest is spread, see `flows.spread`.
    """
    taken_in = spread_over(ingest, cluster)(data_dir, inbox, spread=cluster is not None)
    result: dict[str, object] = {"ingest": taken_in, "version": None, "run": None, "scores": None}
    if store.count(data_dir):
        manifest, new = publish(data_dir, base, recipe)
        wanted = ("version", "hash", "name", "counts", "settings")
        result["version"] = {key: manifest[key] for key in wanted} | {"new": new}
    result["gate"] = look(data_dir, min_readings, min_new)
    if may_train(result["gate"], asked=False) and not no_train:
        trained = train(data_dir, base=base, recipe=recipe)
        result["scores"] = trained.pop("scores")
        result["run"] = trained
    report = report_task(data_dir, look(data_dir, min_readings, min_new), lang, newest_run(data_dir))
    result["report"] = report["path"]
    summarise(result, lang)
    return result
