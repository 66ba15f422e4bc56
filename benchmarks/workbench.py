"""Benchmark of every page of the workbench with a full store, requested over HTTP as by a browser.

    python -m benchmarks.workbench [--readings N] [--keep FOLDER] [--write]

The store is filled with made-up readings, 1,000 of their sentences are corrected, 5,000 broken records are read; two
versions are published. Every page is asked for `ASKED` times after the workbench has warmed up; two lists again right
after a correction and a commit, which is when the index has to follow. `--write` puts the table into docs/performance.md.
"""

import argparse
import http.cookiejar
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

from benchmarks.pages import measured, show
from benchmarks.pipeline import ingest
from benchmarks.publish import fill
from tests.chromium import workbench

ASKED = 9
CORRECTED, BROKEN = 1_000, 5_000


def prepare(data_dir: Path, readings: int) -> None:
    from tarot_data.dataset import versions
    from tarot_data.store import corrections, tables
    from tarot_data.synthetic.generate import write_sample

    with tables.writing(data_dir):
        if not tables.count(data_dir):
            fill(data_dir, 0, readings)
    with tempfile.TemporaryDirectory() as inbox:
        write_sample(BROKEN, Path(inbox), seed=3, broken=1.0)
        print(ingest(data_dir, Path(inbox)), file=sys.stderr)
    with tables.writing(data_dir):
        for start in (0, CORRECTED // 2):
            rows = tables.readings(data_dir).sort("reading_id").slice(start, CORRECTED // 2)
            said = []
            for row in rows.iter_rows(named=True):
                one = row["sentences"][0]
                place = (row["reading_id"], row["content"], one["start"], one["end"])
                said.append(corrections.to_correction(*place, ["opening"], [], "2026-01-01T00:00:00+00:00"))
            corrections.add(data_dir, said)
            versions.publish(data_dir)


def pages(data_dir: Path) -> dict[str, str]:
    """Map page -> its address."""
    from tarot_data.store import tables

    rejected = tables.rejections(data_dir)
    reading = tables.index(data_dir)["reading_id"].sort()[-1]
    return {
        "rejections, first page": "/rejections",
        "rejections of one reason, last page": f"/rejections?reason={rejected['reason'][0]}&page=9999",
        "one rejection": f"/rejections/{rejected['rejection_id'][rejected.height // 2]}",
        "readings, first page": "/readings",
        "readings, last page": "/readings?page=99999",
        "readings by card, theme and label": "/readings?card=%E6%84%9A%E4%BA%BA&theme=%E6%84%9F%E6%83%85&lacks=advice",
        "readings by person": "/readings?person=%E5%AE%A212",
        "readings by words": "/readings?text=%E7%BC%B0%E7%BB%B3",
        "one reading": f"/readings/{reading}",
        "one sentence": f"/readings/{reading}/0",
        "least sure sentences": "/labels",
        "the next of them": "/labels/next",
        "lexicon": "/lexicon",
        "versions and trainings": "/versions",
    }


def measure(data_dir: Path) -> list[tuple[str, float, float]]:
    """(page, median, longest) in ms."""
    from tarot_data.store import corrections, tables

    out = []
    with workbench(data_dir) as url:
        # A proxy of the environment must not be used for this machine.
        browser = build_opener(ProxyHandler({}), HTTPCookieProcessor(http.cookiejar.CookieJar()))
        browser.open(url).read()
        base = url.split("/?")[0]

        def ask(address: str) -> float:
            started = time.perf_counter()
            browser.open(base + address).read()
            return 1000 * (time.perf_counter() - started)

        wanted = pages(data_dir)
        print(f"warming up: {sum(ask(address) for address in wanted.values()):.0f} ms", file=sys.stderr)
        for name, address in wanted.items():
            took = [ask(address) for _ in range(ASKED)]
            out.append((name, statistics.median(took), max(took)))
            print(out[-1], file=sys.stderr, flush=True)
        row = tables.reading(data_dir, tables.index(data_dir)["reading_id"].sort()[-2])
        place = (row["reading_id"], row["content"], row["sentences"][0]["start"], row["sentences"][0]["end"])
        with tables.writing(data_dir):
            corrections.add(data_dir, [corrections.to_correction(*place, ["opening"], [], "2026-01-01T00:00:00+00:00")])
        took = ask("/labels")
        out.append(("least sure sentences, right after a correction", took, took))
        with tables.writing(data_dir):
            fill(data_dir, 20_000_000 + tables.count(data_dir), 10)
        took = ask("/readings")
        out.append(("readings, right after a commit", took, took))
    return out


def table(found: list[tuple[str, float, float]], readings: int, left_out: int) -> str:
    lines = [
        f"{measured()} With {readings:,} readings, {CORRECTED:,} corrected sentences and {left_out:,} records left out.",
        "",
        f"| page | median of {ASKED}, ms | longest, ms |",
        "|---|---|---|",
        *(f"| {name} | {middle:.0f} | {longest:.0f} |" for name, middle, longest in found),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="a folder to keep, or to use again")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    arguments = parser.parse_args()
    from tarot_data.store import tables

    with tempfile.TemporaryDirectory() as folder:
        data_dir = arguments.keep or Path(folder) / "data"
        if not (data_dir / "versions").exists():
            prepare(data_dir, arguments.readings)
        text = table(measure(data_dir), tables.count(data_dir), tables.rejections(data_dir).height)
    show("performance.md", "workbench", text, arguments.write)


if __name__ == "__main__":
    main()
