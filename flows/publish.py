"""The publish flow: the store as the next dataset version, with its quality report."""

from pathlib import Path

from prefect import flow, task

from flows.report import write_report
from flows.runtime.error_redaction import withhold_errors
from flows.runtime.retries import RETRIES, retry_if_it_can_pass
from flows.runtime.run_log import HOOKS
from flows.runtime.store_lock import writing
from flows.training.token_budget import budget_of
from tarot_data.dataset import versions


@task(name="publish the dataset version", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def publish_version(data_dir: Path, base: str | None = None, recipe: str | None = None) -> tuple[dict, bool]:
    return versions.publish(data_dir, budget_of(base, recipe))


@flow(name="publish", validate_parameters=False, **HOOKS)
@withhold_errors
def publish(data_dir: Path, base: str | None = None, recipe: str | None = None) -> tuple[dict, bool]:
    """Publish the content of the store; return the manifest and whether it is a new version.

    base, recipe: their tokenizer and `max_tokens` set the maximum length of an example.
    """
    with writing(data_dir):
        return publish_version(data_dir, base, recipe)


@task(name="write the quality report", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def report_task(data_dir: Path, gate_state: dict, lang: str, run: dict | None = None) -> dict[str, object]:
    return write_report(data_dir, gate_state, lang, run=run)
