"""Killed at random moments, and run again: is the store what it would have been? `python -m benchmarks.torture --kills 200`.

Ingest, fix, publish and forget are started as a person starts them, killed with SIGKILL after a random time, and run
once more. Afterwards the store must hold, byte for byte in content, what an undisturbed run holds: no record lost,
doubled or half written, and every version must verify.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

from tarot_data import fixes, store, versions

ROOT = Path(__file__).parents[1]
PERSON = "桑桑"


def tarot(data: Path, *arguments: str, kill_after: float | None = None) -> float | None:
    """Run the command; returns its seconds, or None where it was killed. Raises CalledProcessError where it failed."""
    command = [sys.executable, "-m", "flows.cli", *arguments, "--data-dir", str(data)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, errors = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return None
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=errors)
    return time.perf_counter() - start


def content(data: Path) -> str:
    """A hash over what the store and its newest version say, history and clocks apart."""
    digest = sha256()
    readings = store.readings(data).drop("revision")
    digest.update(readings.write_ndjson().encode())
    digest.update(store.rejections(data).write_ndjson().encode())
    digest.update(store.fixes(data).drop("sequence").sort("key").write_ndjson().encode())
    newest = versions.newest(data)
    digest.update((newest["hash"] if newest else "").encode())
    return digest.hexdigest()


def findings(data: Path) -> list[str]:
    """What is wrong with a store by itself: ids twice, versions that do not verify, leftovers of a killed run."""
    out = []
    every = store.scan(data, "readings")
    if every is not None:
        keys = every.select("reading_id", "revision").collect()
        out += ["a revision is there twice"] if keys.is_duplicated().any() else []
    for manifest in versions.listed(data):
        out += versions.verify(data, manifest)
    out += ["staging was left behind"] if (data / "staging").exists() else []
    return out


def jobs(inbox: Path, data: Path) -> dict[str, list[str]]:
    opened = store.rejections(data)
    fixable = next((row for row in opened.iter_rows(named=True) if row["reason"] in fixes.OVERRULED), None)
    return {
        "ingest": ["ingest", str(inbox)],
        "publish": ["dataset", "publish"],
        "fix": ["fix", fixable["rejection_id"], "--accept"] if fixable else [],
        "forget": ["forget", "--person", PERSON],
    }


ORDER = ("ingest", "publish", "fix", "forget")


def torture(kills: int, seed: int, seconds: float, inbox: Path) -> dict:
    """{job: {killed, finished, wrong: [finding]}}: each job killed at a random moment, then run again."""
    rng, until = random.Random(seed), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before, after, lasts = {}, {}, {}
        data = folder / "undisturbed"
        data.mkdir()
        for job in ORDER:
            before[job] = folder / f"before-{job}"
            shutil.copytree(data, before[job])
            if command := jobs(inbox, data)[job]:
                lasts[job] = tarot(data, *command)
                after[job] = content(data)
        out: dict = {job: {"killed": 0, "finished": 0, "wrong": []} for job in after}
        for number in range(kills):
            if time.monotonic() > until:
                break
            job = ORDER[number % len(ORDER)]
            if job not in after:
                continue
            broken = folder / "broken"
            shutil.copytree(before[job], broken)
            command = jobs(inbox, broken)[job]
            lasted = tarot(broken, *command, kill_after=rng.uniform(0.1, 1.1) * lasts[job])
            out[job]["finished" if lasted else "killed"] += 1
            try:
                tarot(broken, *command)
            except subprocess.CalledProcessError as error:
                # A fix or a removal that was done before the kill finds nothing left to do, and says so.
                if job not in ("fix", "forget"):
                    out[job]["wrong"].append(error.stderr.decode()[-200:])
            wrong = findings(broken)
            if content(broken) != after[job]:
                wrong.append("the content is another than that of an undisturbed run")
            out[job]["wrong"] += wrong
            print(
                f"{number + 1}/{kills} {job} {'finished' if lasted else 'killed'} {wrong or 'sound'}", file=sys.stderr
            )
            shutil.rmtree(broken)
        return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop earlier than all kills after so long")
    parser.add_argument("--inbox", type=Path, default=ROOT / "data" / "sample" / "inbox")
    arguments = parser.parse_args()
    found = torture(arguments.kills, arguments.seed, arguments.minutes * 60, arguments.inbox)
    print(json.dumps(found, ensure_ascii=False, indent=1))
    total = Counter({job: len(row["wrong"]) for job, row in found.items()})
    sys.exit(1 if sum(total.values()) else 0)


if __name__ == "__main__":
    main()
