"""The ingest flow: an inbox of raw files into the store."""

import shutil
from collections.abc import Callable
from pathlib import Path

from prefect import flow, task

from flows.runtime import environment
from flows.runtime.artifacts import progress_for
from flows.runtime.error_redaction import Withheld, withhold_errors
from flows.runtime.progress import bar
from flows.runtime.retries import RETRIES, can_pass, retry_if_it_can_pass
from flows.runtime.run_log import HOOKS
from flows.runtime.store_lock import writing
from tarot_data.ingest import batches, stages
from tarot_data.ingest.compare import compare_batches
from tarot_data.sources.inbox import Piped
from tarot_data.store import delta, tables


class Inbox:
    """The paths to read, in a form Prefect cannot record: a file name may hold a person's name or a telephone number."""

    __slots__ = ("paths",)

    def __init__(self, paths: list[Path | Piped]) -> None:
        self.paths = paths


@task(name="find new files", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def find_files(data_dir: Path, inbox: Inbox) -> tuple[list, int, list[str]]:
    return stages.new_files(data_dir, inbox.paths)


@task(name="wait for files that are in use", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def wait_for(files: list) -> None:
    raise_if_any_locked(files)


@task(name="read, mask and clean", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def read_and_clean(data_dir: Path, files: list, staging: Path) -> Path:
    return stages.read_and_clean(data_dir, files, staging, progress=progress_for("reading"))


@task(name="read, mask and clean a part", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def clean_part(data_dir: Path, files: list, out: Path, number: int) -> None:
    environment.prepare(data_dir)
    stages.clean_shard(data_dir, files, out, number)


@task(name="label, validate and compare", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def decide(data_dir: Path, clean: Path, staging: Path) -> Path:
    return stages.decide(data_dir, clean, staging, progress=progress_for("labelling"))


@task(name="tell new from known", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def identify(data_dir: Path, clean: Path, staging: Path) -> Path:
    return stages.identify(data_dir, clean, staging)


@task(name="label a part", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def label_part(data_dir: Path, identified: Path, labelled: Path, numbers: list[int]) -> None:
    environment.prepare(data_dir)
    stages.label_batches(identified, labelled, numbers)


@task(name="validate and compare", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def compare(data_dir: Path, identified: Path, labelled: Path, staging: Path) -> Path:
    return compare_batches(data_dir, identified, labelled, staging)


@task(name="commit to the store", retry_condition_fn=retry_if_it_can_pass, **RETRIES)
@withhold_errors
def commit(data_dir: Path, decided: Path, files: list) -> dict:
    with delta.all_or_none(data_dir):
        return stages.commit(data_dir, decided, files)


@flow(name="ingest", validate_parameters=False, **HOOKS)
@withhold_errors
def ingest(data_dir: Path, inbox: Inbox, spread: bool = False) -> dict:
    """Convert raw files to validated, labelled readings in the store; every loss has a reason.

    spread: submit cleaning and labelling, batch by batch, to the flow's task runner (`flows.runtime.dask_runner`),
    whose processes must see inbox and data directory under the same paths. The result is the same, byte for byte.

    Returns {files, accepted, updated, unchanged, rejected, redacted, forgotten, readings, rejected_open, masked,
    reasons, synthetic, columns}: number of files found, readings by their outcome in this run, and totals of the store
    afterwards. columns: the files of this run with the labels of their columns that were not understood.
    """
    with writing(data_dir):
        tables.sweep(data_dir)
        files, known, kept = find_files(data_dir, inbox)
        counts = stages.NOTHING_NEW
        if files:
            files = wait_until_unlocked(files, lambda: find_files(data_dir, inbox)[0])
            staging = data_dir / "staging"
            try:
                decided = (_on_cluster if spread else _in_process)(data_dir, files, staging)
                counts = commit(data_dir, decided, files)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
                bar.close()
        return stages.tally(data_dir, len(files) + known, kept, counts)


def _in_process(data_dir: Path, files: list, staging: Path) -> Path:
    return decide(data_dir, read_and_clean(data_dir, files, staging), staging)


def _on_cluster(data_dir: Path, files: list, staging: Path) -> Path:
    """Run the same stages in batches. Stages that need the whole store or several batches stay in this process."""
    clean, labelled = staging / "clean", staging / "labelled"
    for folder in (clean, labelled):
        folder.mkdir(parents=True)
    _wait("read", [clean_part.submit(data_dir, part, clean, n) for n, part in enumerate(stages.shards(files))])
    identified = identify(data_dir, clean, staging)
    numbers = batches.batch_numbers(identified)
    parts = [numbers[first : first + stages.SHARD_BATCHES] for first in range(0, len(numbers), stages.SHARD_BATCHES)]
    _wait("label", [label_part.submit(data_dir, identified, labelled, part) for part in parts])
    return compare(data_dir, identified, labelled, staging)


def _wait(stage: str, futures: list) -> None:
    progress = progress_for(stage)
    for done, future in enumerate(futures, 1):
        future.result()
        progress(stage, done, len(futures))


def wait_until_unlocked(files: list, again: Callable[[], list]) -> list:
    """Wait until no other program locks the files, and return them.

    Files that stay locked are returned too; the reader rejects them. again: finds the files again, because a file that
    was locked may have changed since.
    """
    try:
        raise_if_any_locked(files)
    except OSError:
        try:
            wait_for(files)
        except Withheld as error:
            if not can_pass(error):
                raise
        return again()
    return files


def raise_if_any_locked(files: list) -> None:
    """Run `raise_if_locked` on every file that is on a disk; piped input has no file."""
    for file in files:
        if file.data is None:
            raise_if_locked(file.path)


def raise_if_locked(path: Path) -> None:
    """Raise the error of opening a file if its cause can pass (another program's lock, an unreliable network drive).

    Any other error is left to the reader, which rejects the file.
    """
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        if can_pass(error):
            raise
