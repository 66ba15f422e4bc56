"""Benchmark of the ingest pipeline at growing sizes, of ten readings into a full store, and of publish and diff. `python -m benchmarks.pipeline --sizes 1000 10000`, or `make bench` for all of it; `make bench-million` for
a million readings, which takes most of an hour.

Every measurement runs in its own process, so that CPU seconds and peak memory are its own. Readings are made up
by `tarot sample`, in every raw form, about 600 characters each.
"""

import argparse
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks import processes
from benchmarks.pages import ROOT, measured, show
from benchmarks.processes import TAROT, medians

A_LOT = 20_000
"""Readings of the inbox for measuring the whole command."""


def ingest(data: Path, inbox: Path) -> dict:
    """Run the four stages of the ingest flow without Prefect."""
    from tarot_data.ingest import stages
    from tarot_data.store import tables

    staging = data / "staging"
    with tables.writing(data):
        files, _, _ = stages.new_files(data, [inbox])
        try:
            clean = stages.read_and_clean(data, files, staging)
            return stages.commit(data, stages.decide(data, clean, staging), files)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def publish(data: Path, _: Path) -> dict:
    from tarot_data.dataset import versions
    from tarot_data.store import tables

    with tables.writing(data):
        return versions.publish(data)[0]["counts"]


def diff(data: Path, _: Path) -> dict:
    from tarot_data.dataset import versions
    from tarot_data.dataset.diff import diff as compare

    manifests = versions.listed(data)[-2:]
    found = compare(*(versions.read(data, manifest) for manifest in manifests), *manifests)
    return {key: len(found[key]) for key in ("added", "removed", "changed", "moved")}


def report(data: Path, _: Path) -> dict:
    from flows.report import write_report
    from flows.training.gate_checks import newest_gate

    return {"bytes": Path(write_report(data, newest_gate(data), "zh")["path"]).stat().st_size}


JOBS = {job.__name__: job for job in (ingest, publish, diff, report)}


def warm() -> None:
    """Import and load what the first reading needs, so that start-up is not measured."""
    import deltalake  # noqa: F401
    import polars as pl

    from schemas.tables import READINGS
    from tarot_data.ingest import card_conflicts, clean, compare, validate  # noqa: F401
    from tarot_data.patterns.annotate import annotate
    from tarot_data.text.near_duplicates import signatures
    from tests.builders import reading

    frame = pl.DataFrame([reading()], schema=READINGS)
    annotate(frame)
    signatures(frame)


def one(job: str, data: Path, inbox: Path) -> dict:
    """Measure a job in this process: {seconds, cpu_seconds, peak_mb, result}."""
    warm()
    before, start = resource.getrusage(resource.RUSAGE_SELF), perf_counter()
    result = JOBS[job](data, inbox)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": perf_counter() - start,
        "cpu_seconds": cpu,
        "peak_mb": after.ru_maxrss / 1024,
        "result": result,
    }


def apart(job: str, data: Path, inbox: Path) -> dict:
    """Measure a job in its own process."""
    command = [sys.executable, "-m", "benchmarks.pipeline", "--job", job, "--data", str(data), "--inbox", str(inbox)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def median(runs: list[dict]) -> dict:
    return medians(runs, "seconds", "cpu_seconds", "peak_mb")


def on_copies(job: str, full: Path, repeats: int) -> dict:
    """Return the median of a job that changes its store, each time on a copy; the last copy replaces the store."""
    copy, runs = full.with_name("copy"), []
    for _ in range(repeats):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(full, copy)
        runs.append(apart(job, copy, full))
    shutil.rmtree(full)
    copy.rename(full)
    return median(runs)


def measure(sizes: list[int], repeats: int, folder: Path, ingest_only: bool = False) -> dict:
    """Return {pipeline: [{n, seconds, cpu_seconds, peak_mb, accepted}], ten: {store, empty, full}} and, unless only the ingest
    is asked for, {commands, publish, publish_again, diff, report}."""
    from tarot_data.synthetic.generate import write_sample

    out: dict = {"pipeline": []}
    for n in sizes:
        inbox = folder / f"inbox-{n}"
        write_sample(n, inbox, seed=1)
        runs = []
        for repeat in range(repeats):
            full = folder / f"data-{n}-{repeat}"
            runs.append(apart("ingest", full, inbox))
            if (n, repeat) != (sizes[-1], repeats - 1):
                shutil.rmtree(full)
        out["pipeline"].append({"n": n, "accepted": runs[0]["result"]["accepted"], "runs": len(runs), **median(runs)})
        print(out["pipeline"][-1], file=sys.stderr, flush=True)
        shutil.rmtree(inbox)
    if not ingest_only:
        out["commands"] = commands(folder, repeats)
        out["publish"] = on_copies("publish", full, repeats)
        print(out["publish"], out["commands"], file=sys.stderr, flush=True)
    empty, filled = [], []
    for repeat in range(max(repeats, 3)):
        write_sample(10, folder / f"ten-{repeat}" / f"added-{repeat}", seed=100 + repeat)
        empty.append(apart("ingest", folder / f"empty-{repeat}", folder / f"ten-{repeat}"))
        filled.append(apart("ingest", full, folder / f"ten-{repeat}"))
    out["ten"] = {"store": sizes[-1], "empty": median(empty), "full": median(filled)}
    print(out["ten"], file=sys.stderr, flush=True)
    if not ingest_only:
        out["publish_again"] = on_copies("publish", full, repeats)
        for job in ("diff", "report"):
            out[job] = median([apart(job, full, folder) for _ in range(repeats)])
    return out


def commands(folder: Path, repeats: int) -> dict[str, dict]:
    """Return the medians of whole commands, each on its own data directory."""
    from tarot_data.synthetic.generate import write_sample

    empty = folder / "nothing"
    empty.mkdir()
    out = {
        f"`tarot {word}`": median([processes.measure([*TAROT, word], TAROT_DATA_DIR=str(empty)) for _ in range(5)])
        for word in ("--help", "status")
    }
    inboxes = {}
    for n in (10, 20, A_LOT):
        inboxes[n] = folder / f"commands-{n}"
        write_sample(n, inboxes[n] / f"of-{n}", seed=n)
    runs: dict[str, list[dict]] = {}
    for repeat in range(repeats):
        data = folder / f"commands-{repeat}"
        for title, n in (
            ("ten readings, the first time", 10),
            ("twenty more", 20),
            ("nothing new", 20),
        ):
            runs.setdefault(f"`tarot ingest`, {title}", []).append(
                processes.measure([*TAROT, "ingest", str(inboxes[n])], TAROT_DATA_DIR=str(data))
            )
        data = folder / f"commands-lot-{repeat}"
        runs.setdefault(f"`tarot ingest`, {A_LOT:,} readings", []).append(
            processes.measure([*TAROT, "ingest", str(inboxes[A_LOT])], TAROT_DATA_DIR=str(data))
        )
    return out | {title: median(done) for title, done in runs.items()}


def exponent(rows: list[dict]) -> float:
    """Return the exponent of growth in CPU seconds from the smallest to the largest size; 1 is linear."""
    first, last = rows[0], rows[-1]
    return math.log(last["cpu_seconds"] / first["cpu_seconds"]) / math.log(last["n"] / first["n"])


def table(found: dict) -> str:
    """Write the figures as Markdown."""
    lines = [
        measured(),
        "",
        "| readings | runs | accepted | seconds | CPU seconds | readings per CPU second | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["pipeline"]:
        lines.append(
            f"| {row['n']:,} | {row['runs']} | {row['accepted']:,} | {row['seconds']:.1f} | {row['cpu_seconds']:.1f} "
            f"| {row['n'] / row['cpu_seconds']:.0f} | {row['peak_mb']:.0f} MB |"
        )
    ten, full = found["ten"]["empty"], found["ten"]["full"]
    lines += [
        "",
        f"Exponent of growth in CPU seconds: {exponent(found['pipeline']):.2f}." if len(found["pipeline"]) > 1 else "",
    ]
    lines += [
        "",
        f"| at {found['ten']['store']:,} readings | seconds | CPU seconds | peak memory |",
        "|---|---|---|---|",
        f"| ten new readings, empty store | {ten['seconds']:.2f} | {ten['cpu_seconds']:.2f} | {ten['peak_mb']:.0f} MB |",
        f"| ten new readings, full store | {full['seconds']:.2f} | {full['cpu_seconds']:.2f} | {full['peak_mb']:.0f} MB |",
    ]
    for name, words in (
        ("publish", "publish"),
        ("publish_again", "publish again, 30 new"),
        ("diff", "diff"),
        ("report", "report"),
    ):
        if not (row := found.get(name)):
            continue
        lines.append(f"| {words} | {row['seconds']:.1f} | {row['cpu_seconds']:.1f} | {row['peak_mb']:.0f} MB |")
    if "commands" in found:
        lines += [
            "",
            "| whole commands, Prefect and its server included | seconds | CPU seconds | peak memory |",
            "|---|---|---|---|",
        ]
    for words, row in found.get("commands", {}).items():
        lines.append(f"| {words} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} | {row['peak_mb']:.0f} MB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 20_000, 100_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument(
        "--ingest-only", action="store_true", help="only the way into the store, for a million readings"
    )
    parser.add_argument("--job", choices=JOBS)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--inbox", type=Path)
    arguments = parser.parse_args()
    if arguments.job:
        print(json.dumps(one(arguments.job, arguments.data, arguments.inbox), default=str))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measure(arguments.sizes, arguments.repeats, Path(folder), arguments.ingest_only)
    show("performance.md", "far" if arguments.ingest_only else "pipeline", table(found), arguments.write)


if __name__ == "__main__":
    main()
