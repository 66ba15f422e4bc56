"""The ingest flow: an inbox of raw files into the store."""

import shutil
from pathlib import Path

from prefect import flow, task

from flows.progress import bar
from tarot_data import ingest as stages
from tarot_data import store


class Inbox:
    """The paths to read, in a form Prefect cannot record: a file's name may hold a person's or a telephone number."""

    __slots__ = ("paths",)

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths


@task(name="find new files")
def find_files(data_dir: Path, inbox: Inbox) -> tuple[list, int, list[str]]:
    return stages.new_files(data_dir, inbox.paths)


@task(name="read, mask and clean")
def read_and_clean(data_dir: Path, files: list, staging: Path) -> Path:
    return stages.read_and_clean(data_dir, files, staging, progress=bar)


@task(name="label, validate and compare")
def decide(data_dir: Path, clean: Path, staging: Path) -> Path:
    return stages.decide(data_dir, clean, staging, progress=bar)


@task(name="commit to the store")
def commit(data_dir: Path, decided: Path, files: list) -> dict:
    return stages.commit(data_dir, decided, files)


@flow(name="ingest", validate_parameters=False)
def ingest(data_dir: Path, inbox: Inbox) -> dict:
    """Raw files to validated, labelled readings in the store; every loss has a reason.

    Returns {files, accepted, updated, unchanged, rejected, redacted, forgotten, readings, rejected_open, masked, reasons,
    synthetic}: files seen, readings by what became of them in this run, and totals of the store afterwards.
    """
    with store.writing(data_dir):
        store.sweep(data_dir)
        files, known, kept = find_files(data_dir, inbox)
        counts = {"accepted": 0, "updated": 0, "unchanged": 0, "rejected": 0, "redacted": 0, "forgotten": 0}
        counts |= {"masked": {}, "reasons": {}, "synthetic": 0}
        if files:
            staging = data_dir / "staging"
            try:
                clean = read_and_clean(data_dir, files, staging)
                counts = commit(data_dir, decide(data_dir, clean, staging), files)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
                bar.close()
        return {
            "files": len(files) + known,
            **counts,
            "unchanged": counts["unchanged"] + len(set(kept)),
            "readings": store.count(data_dir),
            "rejected_open": store.rejections(data_dir).height,
        }
