"""The publish flow: the store as the next dataset version, and the quality report that says how good it is."""

from pathlib import Path

from prefect import flow, task

from flows.reporting import write_report
from tarot_data import store, versions


@task(name="publish the dataset version")
def publish_version(data_dir: Path) -> tuple[dict, bool]:
    return versions.publish(data_dir)


@flow(name="publish", validate_parameters=False)
def publish(data_dir: Path) -> tuple[dict, bool]:
    """Publish what the store holds; returns the manifest and whether it is a new version."""
    with store.writing(data_dir):
        return publish_version(data_dir)


@task(name="write the quality report")
def report_task(data_dir: Path, required: int, lang: str, run: dict | None = None) -> dict[str, object]:
    return write_report(data_dir, required, lang, run=run)
