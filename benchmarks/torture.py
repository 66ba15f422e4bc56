"""Kill test: commands are killed at random moments and repeated; is the store what it would have been? `python -m benchmarks.torture --kills 200`.

Ingest, publish, fix and forget are killed with SIGKILL, each at a random moment of its work: half of them after a random
time, half right after a random one of its writes reached the disk. Then the same is run once more, to its end.
Afterwards store and versions must hold, byte for byte in content, what an undisturbed run holds: every revision of every
reading, rejections, files, signatures, decisions, corrections, the files of every version. Every tenth kill goes to the
command as a person starts it, Python, Prefect and all, and takes its whole process group.
"""

import argparse
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path

from benchmarks.job_process import JobProcess
from benchmarks.pages import ROOT, measured, show
from tarot_data.dataset import versions
from tarot_data.erasure.disk_search import find_traces
from tarot_data.ingest import fixes
from tarot_data.privacy import suppression_list
from tarot_data.store import corrections, delta, tables
from tarot_data.synthetic.generate import write_sample

PERSON = "桑桑"
SAMPLE = ROOT / "data" / "sample" / "inbox"
WATCHED = ("store", "versions", "forgotten.json", "corrections.jsonl", "receipts")

JOBS = ("ingest", "publish", "fix", "ingest again", "publish again", "forget")
"""Jobs in order, each on the result of the one before. The second ingest has new files, an edited reading and one that was removed
from its file; the second publish has a previous version."""


@dataclass
class Counts:
    killed: int = 0
    finished: int = 0
    """Runs that ended before their kill."""
    wrong: list[str] = field(default_factory=list)


def inboxes(folder: Path, made_up: int) -> tuple[Path, Path]:
    """Return the inboxes of the first and of the second ingest."""
    first, later = folder / "inbox", folder / "later"
    shutil.copytree(SAMPLE, first)
    shutil.copytree(SAMPLE, later)
    lines = (later / "readings.jsonl").read_text(encoding="utf-8").splitlines()
    edited = json.loads(lines[0]) | {"question": "停职以后要不要换一家"}
    (later / "readings.jsonl").write_text(
        "\n".join([json.dumps(edited, ensure_ascii=False), *lines[2:]]) + "\n", encoding="utf-8"
    )
    write_sample(made_up, later / "more", seed=3)
    return first, later


def arguments_of(job: str, data: Path, first: Path, later: Path) -> list[str]:
    if job == "fix":
        rows = tables.rejections(data).iter_rows(named=True)
        fixable = next(row["rejection_id"] for row in rows if row["reason"] in fixes.OVERRULED)
        return ["fix", fixable, "--accept"]
    return {
        "ingest": ["ingest", str(first)],
        "ingest again": ["ingest", str(later)],
        "publish": ["dataset", "publish"],
        "publish again": ["dataset", "publish"],
        "forget": ["forget", "--person", PERSON, "--only"],
    }[job]


def by_hand(hand: JobProcess, data: Path, arguments: list[str], kill: Callable | None = None) -> dict | None:
    """Run a job in a warm process; returns {code, errors}, or None if it was killed."""
    hand.start(data, arguments)
    if kill and kill(lambda: bool(select.select([hand.process.stdout], [], [], 0)[0])):
        hand.process.kill()
    return hand.result()


def as_a_person(data: Path, arguments: list[str], out: Path, kill: Callable | None = None) -> dict | None:
    """Run a job as a command."""
    command = [sys.executable, "-m", "flows.cli", *arguments, "--lang", "en", "--data-dir", str(data)]
    with out.open("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=errors, stderr=errors, start_new_session=True)
        # Starting Python and Prefect is most of a short run: the work begins with the lock.
        lock = data / "locks" / "store.lock"
        before = lock.stat().st_mtime_ns if lock.exists() else 0
        while kill and process.poll() is None and (not lock.exists() or lock.stat().st_mtime_ns == before):
            time.sleep(0.002)
        if kill and kill(lambda: process.poll() is not None) and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        errors.seek(0)
        return None if code < 0 else {"code": code, "errors": errors.read()[-2000:]}


def seen(data: Path) -> int:
    """Return a number that changes with every write in the data directory."""
    marks = []
    for name in WATCHED:
        root = data / name
        # os.walk skips a folder that is renamed meanwhile.
        below = [Path(folder, file) for folder, folders, files in os.walk(root) for file in (*folders, *files)]
        for path in [root, *below]:
            with suppress(FileNotFoundError):
                found = path.stat()
                marks.append((str(path), found.st_size, found.st_mtime_ns))
    return hash(tuple(marks))


def after_seconds(seconds: float) -> Callable:
    def kill(ended: Callable[[], bool]) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if ended():
                return False
            time.sleep(0.001)
        return True

    return kill


def after_writes(data: Path, writes: int) -> Callable:
    """Wait for the n-th change on the disk."""

    def kill(ended: Callable[[], bool]) -> bool:
        now, left = seen(data), writes
        while left:
            if ended():
                return False
            if (then := seen(data)) != now:
                now, left = then, left - 1
        return True

    return kill


def counted(data: Path, totals: list[int]) -> Callable:
    """Count the changes on the disk, without a kill."""

    def kill(ended: Callable[[], bool]) -> bool:
        now = seen(data)
        totals.append(0)
        while not ended():
            if (then := seen(data)) != now:
                now = then
                totals[-1] += 1
        return False

    return kill


def content(data: Path) -> dict[str, str]:
    """Map part -> hash of its content, without clocks and commit numbers."""
    out = {}
    for name in delta.TABLES:
        rows = delta.scan(data, name)
        frame = None if rows is None else rows.collect()
        # Sorted as text: lists and structs have no order, and the order of commits is not content.
        lines = [] if frame is None else sorted(frame.write_ndjson().splitlines())
        out[name] = _hash("\n".join(lines))
    out["open rejections"] = _hash(tables.rejections(data).write_ndjson())
    out["current readings"] = _hash(tables.readings(data).write_ndjson())
    out["corrections"] = _hash(corrections.read(data).write_ndjson())
    for manifest in versions.listed(data):
        kept = {key: value for key, value in manifest.items() if key != "store_version"}
        out[f"version {manifest['version']}"] = _hash(json.dumps(kept, sort_keys=True, default=str))
    known = suppression_list.read(data)
    out["forgotten"] = str((len(known.names), len(known.readings), known.lengths) if known else None)
    return out


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def findings(data: Path, told: list[str]) -> list[str]:
    """List faults of a store: a revision twice, a version that does not verify, leftovers of a killed run.

    told: passages that must not be in the data directory.
    """
    out = []
    every = delta.scan(data, "readings")
    if every is not None:
        keys = every.select("reading_id", "revision").collect()
        out += ["a revision is there twice"] if keys.is_duplicated().any() else []
    for manifest in versions.listed(data):
        out += versions.verify(data, manifest)
    folders = {path.name for path in versions.folder(data).glob("*")}
    out += [f"{name} is no version" for name in folders - {manifest["name"] for manifest in versions.listed(data)}]
    out += ["staging was left behind"] if (data / "staging").exists() else []
    out += [f"{path} still says what was forgotten" for path in find_traces(data, told)]
    return out


def torture(
    kills: int,
    seed: int,
    seconds: float = 3600.0,
    made_up: int = 20,
    by_command: int = 10,
    jobs: tuple[str, ...] = JOBS,
) -> dict[str, Counts]:
    """Kill each job in turn at a random moment and repeat it, until so many were killed; a run that ends before its kill does not
    count. by_command: every n-th run is a whole command."""
    rng, until = random.Random(seed), time.monotonic() + seconds
    found = {job: Counts() for job in jobs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, later = inboxes(folder, made_up)
        out, data = folder / "log", folder / "data"
        data.mkdir()
        before, after, lasts, writes = {}, {}, {}, {}
        steady, spare = JobProcess(), JobProcess()
        told: list[str] = []
        for job in jobs:
            before[job] = folder / f"before {job}"
            shutil.copytree(data, before[job])
            arguments = arguments_of(job, data, first, later)
            if job == "forget":
                theirs = tables.readings(data).filter(person=PERSON)
                told = [PERSON, *(text[20:40] for text in theirs["content"])]
                assert theirs.height and find_traces(data, told), "nobody to forget"
            totals: list[int] = []
            steady.start(data, arguments)
            started = time.monotonic()
            counted(data, totals)(lambda: bool(select.select([steady.process.stdout], [], [], 0)[0]))
            done = steady.result()
            assert done and done["code"] == 0, (job, done)
            lasts[job], writes[job], after[job] = time.monotonic() - started, totals[0], content(data)
            assert not findings(data, told), job
            if job == "publish":
                row = tables.readings(data).row(0, named=True)
                first_sentence = (row["sentences"][0]["start"], row["sentences"][0]["end"])
                correction = corrections.to_correction(
                    row["reading_id"], row["content"], *first_sentence, ["other"], [], "2024-01-05T20:00:00+08:00"
                )
                corrections.add(data, [correction])
        for number in count():
            if sum(row.killed for row in found.values()) >= kills or time.monotonic() > until:
                break
            job = jobs[number % len(jobs)]
            broken = folder / "data"
            shutil.rmtree(broken)
            shutil.copytree(before[job], broken)
            arguments = arguments_of(job, broken, first, later)
            if (number + number // len(jobs)) % 2:
                kill, how = after_writes(broken, 1 + rng.randrange(max(1, writes[job]))), "write"
            else:
                kill, how = after_seconds(rng.uniform(0, lasts[job])), "time"
            person = by_command and (number // len(jobs) + number) % by_command == by_command - 1
            if person:
                killed = as_a_person(broken, arguments, out, kill) is None
            else:
                killed = by_hand(spare, broken, arguments, kill) is None
                spare.kill()
                spare = JobProcess()
            found[job].killed += killed
            found[job].finished += not killed
            again = as_a_person(broken, arguments, out) if person else by_hand(steady, broken, arguments)
            wrong = []
            # A fix that was done before the kill reports that nothing is left to do.
            if again is None or (again["code"] and not (job == "fix" and "No open rejection" in again["errors"])):
                wrong.append(f"run again it failed: {again}")
            try:
                wrong += findings(broken, told if job == "forget" else [])
                now = content(broken)
            except Exception as error:
                wrong.append(f"cannot be read: {error!r}")
            else:
                parts = sorted({*now, *after[job]})
                wrong += [f"{part} differ" for part in parts if now.get(part) != after[job].get(part)]
            found[job].wrong += wrong
            print(
                f"{sum(row.killed for row in found.values())}/{kills} {job} by {how}{', command' if person else ''}: "
                f"{'killed' if killed else 'finished'}, {wrong or 'sound'}",
                file=sys.stderr,
                flush=True,
            )
        steady.kill()
        spare.kill()
    return found


def table(found: dict[str, Counts]) -> str:
    lines = [measured(), "", "| job | killed | ended before the kill | wrong afterwards |", "|---|---|---|---|"]
    lines += [f"| {job} | {row.killed} | {row.finished} | {len(row.wrong)} |" for job, row in found.items()]
    every = found.values()
    totals = (
        sum(row.killed for row in every),
        sum(row.finished for row in every),
        sum(len(row.wrong) for row in every),
    )
    return "\n".join([*lines, f"| all | {totals[0]} | {totals[1]} | {totals[2]} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop earlier than all kills after so long")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    arguments = parser.parse_args()
    found = torture(arguments.kills, arguments.seed, arguments.minutes * 60)
    show("reliability.md", "torture", table(found), arguments.write)
    sys.exit(any(row.wrong for row in found.values()))


if __name__ == "__main__":
    main()
