"""Benchmark of versions at 100,000 readings: publish, publish again, diff, verify, export, thinking traces, forget.

    python -m benchmarks.publish [--readings N] [--keep FOLDER]

The store is filled with made-up readings of about 600 characters, labelled by the program, eight per person. Every step runs in
its own process, so that its peak memory is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from hashlib import blake2b
from pathlib import Path
from random import Random
from time import perf_counter

import polars as pl

from tarot_data.store import delta

ROOT = Path(__file__).parents[1]
LOT = 2000
NEW = 20


def fill(data_dir: Path, first: int, count: int) -> None:
    """Append made-up readings from number first on to the store, with labels and signatures."""
    from schemas.tables import READINGS
    from tarot_data.ingest.batches import to_stored
    from tarot_data.patterns.annotate import annotate
    from tarot_data.store import tables
    from tarot_data.text.near_duplicates import signatures

    for start in range(first, first + count, LOT):
        rows = [_reading(number) for number in range(start, min(start + LOT, first + count))]
        readings = pl.DataFrame(rows, schema=READINGS).unique("reading_id", maintain_order=True)
        sentences, notes = annotate(readings)
        delta.append(data_dir, "readings", to_stored(readings, sentences, notes), {})
        tables.append_signatures(data_dir, signatures(readings).with_columns(revision=pl.lit(1, pl.Int32)), {})
        print(f"{start + len(rows):,} readings", file=sys.stderr, flush=True)


def _reading(number: int) -> dict:
    from tarot_data.cards.spreads import resolve_spread
    from tarot_data.synthetic.grammar import made_up

    made = made_up(7, number)
    digest = blake2b(f"{number}".encode(), digest_size=16).hexdigest()
    return {
        "reading_id": f"r{digest[:16]}",
        "revision": 1,
        "fingerprint": digest,
        "person": f"客{Random(number).randrange(1, 12_501)}",
        "question": made.question,
        "date": made.day,
        "draws": [{"draw": 1, "spread": made.spread, "spread_id": resolve_spread(made.spread)[0]}],
        "cards": [
            {
                "draw": 1,
                "place": place,
                "position": card.position,
                "card": card.card,
                "orientation": "upright" if card.upright else "reversed",
                "raw": card.name,
            }
            for place, card in enumerate(made.cards, 1)
        ],
        "content": made.content,
        "follow_ups": [],
        "outcome": None,
        "consent": "unknown",
        "flags": [],
        "masked": [],
        "synthetic": True,
        "source": {
            "file": "made.jsonl",
            "member": None,
            "locator": f"line {number}",
            "sha256": "0" * 64,
            "form": "jsonl",
        },
    }


def publish(data_dir: Path) -> object:
    from tarot_data.dataset import versions

    return versions.publish(data_dir)[0]["counts"]


def reasoned(data_dir: Path) -> object:
    from tarot_data.dataset import versions
    from tarot_data.dataset.examples import Budget

    return versions.publish(data_dir, Budget(reasoning=True))[0]["counts"]["examples"]


def twenty_more(data_dir: Path) -> object:
    fill(data_dir, 10_000_000, NEW)
    return publish(data_dir)


def diff(data_dir: Path) -> object:
    from tarot_data.dataset import versions
    from tarot_data.dataset.diff import diff as compare

    manifests = [versions.find(data_dir, number) for number in (1, 2)]
    found = compare(*(versions.read(data_dir, manifest) for manifest in manifests), *manifests)
    return {name: len(found[name]) for name in ("added", "removed", "changed", "moved")}


def verify(data_dir: Path) -> object:
    from tarot_data.dataset import versions

    return versions.verify(data_dir, versions.find(data_dir, 1))


def export(data_dir: Path) -> object:
    from tarot_data.dataset import export as exporting
    from tarot_data.dataset import versions

    about = {"lang": "en", "license": "other", "day": date(2024, 1, 1)}
    result = exporting.export(data_dir, versions.find(data_dir, 1), data_dir.parent / "exported", **about)
    return len(result["files"])


def forget(data_dir: Path) -> object:
    from flows.forget import forget as forgetting

    return forgetting(data_dir, "客77")["removed"]


STEPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "publish": (publish, "publish"),
    "again": (publish, "publish again, nothing new"),
    "twenty_more": (twenty_more, f"{NEW} more readings taken in and published"),
    "diff": (diff, "diff of the two versions"),
    "verify": (verify, "verify"),
    "export": (export, "export"),
    "reasoned": (reasoned, "publish with thinking traces"),
    "forget": (forget, "forget a person (store and three versions)"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="use the store in this folder, or make it there")
    parser.add_argument("--step", choices=STEPS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(_one(STEPS[arguments.step][0], arguments.keep)))
        return
    with tempfile.TemporaryDirectory() as folder:
        data_dir = arguments.keep or Path(folder) / "data"
        if not (data_dir / "store").exists():
            fill(data_dir, 0, arguments.readings)
        print("| step | seconds | CPU seconds | peak memory | result |\n|---|---|---|---|---|")
        for name, (_, words) in STEPS.items():
            row = _apart(name, data_dir)
            figures = f"{row['seconds']:.1f} | {row['cpu_seconds']:.1f} | {row['peak_mb']:.0f} MB"
            print(f"| {words} | {figures} | {row['result']} |", flush=True)


def _apart(step: str, data_dir: Path) -> dict:
    command = [sys.executable, "-m", "benchmarks.publish", "--step", step, "--keep", str(data_dir)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _one(step: Callable[[Path], object], data_dir: Path) -> dict:
    import tarot_data.dataset.versions  # noqa: F401  what every command imports is not measured

    before, start = resource.getrusage(resource.RUSAGE_SELF), perf_counter()
    result = step(data_dir)
    seconds, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak_mb(), "result": result}


def peak_mb() -> float:
    """Return the peak resident memory of this process; `ru_maxrss` would include that of its parent."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
