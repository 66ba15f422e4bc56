"""Disk full, no permission, a file that disappears or grows while it is read, a clock set back."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.runtime import disk_errors
from flows.service.prefect_session import prefect_at
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.sources import reader
from tarot_data.sources.records import RawRecord, Rejected
from tarot_data.store import delta, tables
from tests.ingest.test_fixes import FIRST, GOOD, TURNED, lay, take_in

ROOT = Path(__file__).parents[2]
OTHER = {"person": "阿宁", "question": "搬家", "cards": "愚人正位、力量正位", "content": FIRST}
THIRD = {"person": "小满", "question": "换组", "cards": "隐士正位、战车正位", "content": TURNED}

SMALL_DISK = """
import json, os, sys
from contextlib import nullcontext
from pathlib import Path
from benchmarks import job_process, torture
from flows import cli
from flows.runtime import dask_runner, disk_errors, error_redaction
from flows.service import prefect_session
from flows.service.status import lock_path
from tarot_data.system.locks import is_locked

# The real command without a Prefect server: its tasks are called as plain functions.
prefect_session.prefect_at = lambda *_: error_redaction.original_errors()
dask_runner.on_cluster = lambda flow, cluster: flow.fn
job_process.warm()
data, first, more = map(Path, sys.argv[1:])
out = []

def run(*arguments):
    log = os.dup(2)
    read, write = os.pipe()
    os.dup2(write, 2)
    code = 0
    try:
        cli.main([*arguments, "--lang", "en", "--data-dir", str(data)])
    except SystemExit as error:
        code = error.code or 0
    finally:
        os.dup2(log, 2)
        os.close(write)
    return code, os.read(read, 100000).decode()

def files():
    # Lock files are not content.
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file() and "locks" not in path.parts)

def attempt(name, *arguments):
    before = torture.content(data)
    code, said = run(*arguments)
    out.append({"name": name, "code": code, "said": said, "same": torture.content(data) == before,
                "wrong": torture.findings(data, [])})

assert run("ingest", str(first))[0] == 0
filler = data / "filler"

def fill(left):
    filler.unlink(missing_ok=True)
    free = os.statvfs(data).f_bavail * os.statvfs(data).f_frsize
    filler.write_bytes(bytes(max(0, free - left)))

lock_path(data).touch()  # as `tarot serve` leaves it
fill(8_000)
attempt("publish, 8,000 bytes free", "dataset", "publish")
assert os.system(f"mount -o remount,ro {data}") == 0
attempt("ingest, read-only", "ingest", str(more))
attempt("publish, read-only", "dataset", "publish")
assert run("status")[0] == 0 and not is_locked(lock_path(data))
assert os.system(f"mount -o remount,rw {data}") == 0
# One more page of free space each time, so that every write of the ingest fails once, until it succeeds.
for left in range(0, 1_000_000, 12_288):
    fill(left)
    attempt(f"ingest, {left} bytes free", "ingest", str(more))
    if out[-1]["code"] == 0:
        break
out[-1]["readings"] = torture.tables.count(data)
print(json.dumps(out))
"""


FULL_TARGET = """
set -e
mount -t tmpfs -o size=4k tmpfs "$3"
for command in "rejected --export $3/a.xlsx" "dataset checkout 1 $3/v" "dataset export 1 $3/e"; do
    "$1" -m flows.cli $command --data-dir "$2" --lang en 2>&1 && exit 3
    test -z "$(ls -A "$3")"
done
"""


def can_mount() -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


def with_mounts(script: str, *arguments: str, timeout: int) -> subprocess.CompletedProcess:
    """Run a shell script that may mount disks, which nothing else sees."""
    command = ["unshare", "-rm", "sh", "-c", script, "sh", *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, timeout=timeout)


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no small disk can be mounted here: unshare -rm is refused")
def test_full_and_read_only_disks_keep_the_store(tmp_path):
    first, more, data = tmp_path / "first", tmp_path / "more", tmp_path / "data"
    for folder in (first, more, data):
        folder.mkdir()
    lay(first, GOOD)
    lay(more, OTHER, THIRD, name="b.jsonl")
    script = tmp_path / "small_disk.py"
    script.write_text(SMALL_DISK, encoding="utf-8")
    shell = (
        f'mount -t tmpfs -o size=3m tmpfs "{data}" && exec "{sys.executable}" "{script}" "{data}" "{first}" "{more}"'
    )
    done = with_mounts(shell, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    *refused, last = json.loads(done.stdout.splitlines()[-1])
    for row in refused:
        assert row["code"] == 1 and row["same"] and not row["wrong"], row
        sentence = "cannot be written to (EROFS)" if "read-only" in row["name"] else "The disk is full"
        assert sentence in row["said"] and "Traceback" not in row["said"], row
    assert last["code"] == 0 and last["readings"] == 3 and len(refused) > 8, last


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no small disk can be mounted here: unshare -rm is refused")
def test_a_full_target_disk_is_named(tmp_path):
    inbox, data, target = tmp_path / "inbox", tmp_path / "data", tmp_path / "target"
    for folder in (inbox, data, target):
        folder.mkdir()
    lay(inbox, GOOD, OTHER, THIRD, {"person": "阿宁", "cards": "愚人正位", "content": "短"})
    take_in(data, inbox)
    versions.publish(data)
    done = with_mounts(FULL_TARGET, sys.executable, str(data), str(target), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "disk is full" in line]  # a slow machine shows progress too
    assert [
        f"The disk is full: nothing more fits into {target}/{name}" in line
        for name, line in zip(("a.xlsx", "v", "e"), lines, strict=True)
    ] == [True] * 3, lines


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left on device", "/elsewhere/x"), "disk_full"),
        (RuntimeError("Generic LocalFileSystem error: Unable to write: No space left (os error 28)"), "disk_full"),
        (RuntimeError("Read-only file system (os error 30)"), "not_writable"),
        (PermissionError(13, "Permission denied", "DATA/store/x"), "not_writable"),
        (PermissionError(13, "Permission denied", "/somebody/elses.txt"), None),
        (FileNotFoundError(2, "No such file", "DATA/x"), None),
        (ValueError("nothing about a disk"), None),
    ],
)
def test_disk_errors_of_every_library_are_known(tmp_path, error, code):
    if isinstance(error, OSError):
        error.filename = error.filename.replace("DATA", str(tmp_path))
    problem = disk_errors.to_problem(error, tmp_path)
    assert (problem and problem.code) == code


def test_prefect_needs_free_disk_space(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_errors, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(Problem, match="The disk is full.*Make room"):
        disk_errors.require_space(tmp_path)


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    lay(folder, GOOD)
    return folder


def test_a_vanished_file_is_rejected_until_back(tmp_path, inbox):
    data, away = tmp_path / "data", tmp_path / "away.jsonl"
    lay(inbox, OTHER, name="b.jsonl")
    counts = take_in(data, inbox, between=lambda: (inbox / "a.jsonl").rename(away))
    assert (counts["accepted"], counts["rejected"]) == (1, 1)
    (row,) = tables.rejections(data).to_dicts()
    assert row["reason"] == "unreadable" and row["code"] == "cannot_open" and "FileNotFoundError" in row["values"]
    away.rename(inbox / "a.jsonl")
    counts = take_in(data, inbox)
    assert (counts["accepted"], counts["rejected"]) == (1, 0)
    assert tables.count(data) == 2 and tables.rejections(data).is_empty()


def test_a_growing_file_is_completed_next_time(tmp_path, inbox):
    data = tmp_path / "data"
    lines = (inbox / "a.jsonl").read_text(encoding="utf-8")

    def grow():
        # The file grew by half a line since discovery: another program is still writing it.
        (inbox / "a.jsonl").write_text(lines + "\n" + json.dumps(OTHER, ensure_ascii=False)[:40], encoding="utf-8")

    counts = take_in(data, inbox, between=grow)
    assert (counts["accepted"], counts["rejected"]) == (1, 1)
    lay(inbox, GOOD, OTHER)
    counts = take_in(data, inbox)
    assert (counts["accepted"], counts["unchanged"], counts["rejected"]) == (1, 1, 0)
    assert tables.count(data) == 2 and tables.rejections(data).is_empty()


def test_a_shrinking_file_gives_what_was_read(tmp_path, inbox):
    path = inbox / "long.jsonl"
    line = json.dumps({**GOOD, "person": "{}"}, ensure_ascii=False)
    path.write_text("\n".join(line.replace("{}", f"客{n}") for n in range(4000)), encoding="utf-8")
    records = reader.read(path, inbox)
    next(records)
    os.truncate(path, 1_000_000)
    rest = list(records)
    assert rest and all(isinstance(record, RawRecord | Rejected) for record in rest)


def test_a_clock_set_back_loses_nothing(tmp_path, inbox):
    data = tmp_path / "data"
    take_in(data, inbox)
    versions.publish(data)
    ahead = time.time() + 10 * 365 * 86400
    for path in sorted(data.rglob("*")):
        if path.parent.name == "_delta_log" and path.suffix == ".json":
            # As if written with a clock ten years fast.
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            for line in lines:
                for part in line.values():
                    part.update({key: int(ahead * 1000) for key in ("timestamp", "modificationTime") if key in part})
            path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        os.utime(path, (ahead, ahead))
    lay(inbox, GOOD, {**OTHER, "date": "2199-01-01"})
    counts = take_in(data, inbox)
    assert (counts["accepted"], counts["unchanged"]) == (1, 1)
    manifest, new = versions.publish(data)
    assert new and manifest["version"] == 2 and manifest["counts"]["readings"] == 2
    assert [versions.verify(data, row) for row in versions.listed(data)] == [[], []]
    assert tables.count(data) == 2 and delta.delta_version(data) == 1


def test_a_too_long_path_is_refused_at_once(tmp_path, monkeypatch):
    data = tmp_path.joinpath("深" * 80, "夜" * 80)
    monkeypatch.setenv("PREFECT_HOME", str(data / "prefect"))
    with pytest.raises(Problem) as refused, prefect_at(data):
        pass
    assert (refused.value.code, refused.value.values["limit"]) == ("data_dir_too_long", 504)
    assert list(tmp_path.iterdir()) == []
