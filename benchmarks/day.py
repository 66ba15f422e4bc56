"""Benchmark of a reader's day: ten new readings into a store of 20, 2,000 and 100,000, as a whole command and without Prefect.
`python -m benchmarks.day --write`.

The store is made by an ingest of made-up readings; each run is on a copy of it. Seconds are by the clock and to the end of
the process, CPU seconds include the child processes (the server of the flow).
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import processes
from benchmarks.pages import measured, show
from benchmarks.pipeline import apart
from benchmarks.processes import TAROT

SIZES = (20, 2000, 100_000)
WORK = """
import sys
from pathlib import Path
from benchmarks.pipeline import ingest
ingest(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def measure(sizes: tuple[int, ...], repeats: int, folder: Path) -> dict[int, dict[str, dict]]:
    """Return the medians by size of the store and what is run: the command, and its work alone."""
    from tarot_data.synthetic.generate import write_sample

    ten = folder / "ten"
    write_sample(10, ten, seed=99)
    write_sample(1, folder / "first", seed=98)
    found = {}
    for size in sizes:
        store, copy = folder / f"store-{size}", folder / "copy"
        write_sample(size, folder / f"inbox-{size}", seed=1)
        apart("ingest", store, folder / f"inbox-{size}")
        runs: dict[str, list[dict]] = {"`tarot ingest`": [], "its work alone": []}
        # The first command makes Prefect's database, which later ones find.
        processes.measure([*TAROT, "ingest", str(folder / "first")], TAROT_DATA_DIR=str(store))
        for _ in range(repeats):
            for what, command in (
                ("`tarot ingest`", (*TAROT, "ingest", str(ten))),
                ("its work alone", (sys.executable, "-c", WORK, str(copy), str(ten))),
            ):
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(store, copy)
                for path in filter(Path.is_file, ten.rglob("*")):
                    path.touch()  # they come after the last commit, as new files do
                runs[what].append(processes.measure([*command], TAROT_DATA_DIR=str(copy)))
        found[size] = {
            what: processes.medians(done, "first", "seconds", "cpu_seconds", "peak_mb") for what, done in runs.items()
        }
        print(size, found[size], file=sys.stderr, flush=True)
        shutil.rmtree(store)
    return found


def table(found: dict[int, dict[str, dict]]) -> str:
    lines = [
        measured(),
        "",
        "| ten readings into a store of | | seconds to the first output | to the end | CPU seconds | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for size, rows in found.items():
        for what, row in rows.items():
            first = f"{row['first']:.2f}" if what.startswith("`") else ""
            lines.append(
                f"| {size:,} | {what} | {first} | {row['seconds']:.1f} | {row['cpu_seconds']:.1f} | {row['peak_mb']:.0f} MB |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = table(measure(tuple(asked.sizes), asked.repeats, Path(folder)))
    show("performance.md", "day", text, asked.write)


if __name__ == "__main__":
    main()
