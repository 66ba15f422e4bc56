"""Screenshots of every page for `docs/images/`, of made-up readings only, in headless Chromium.

    python -m benchmarks.screenshots [--data-dir data/demo] [--lang zh]

The data directory is that of `make demo`, which is made if it is missing. It is copied first: in the copy sentences are
corrected, votes are cast and a second version is published.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

from tests.chromium import chromium, workbench

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 210_000
WIDE, NARROW = 1200, 390


def prepared(demo: Path, data_dir: Path) -> None:
    """Prepare the demo with what only a person adds: corrections and their training, votes, a lexicon row."""
    from flows.report import write_report
    from flows.runtime import environment
    from tarot_data import lexicon
    from tarot_data.dataset import versions
    from tarot_data.patterns import train
    from tarot_data.review import blind_votes
    from tarot_data.store import corrections, tables

    # The inbox is not copied: no page shows it.
    for name in ("store", "versions", "reports", "runs"):
        copytree(demo / name, data_dir / name)
    environment.prepare(data_dir)
    rows = tables.readings(data_dir).filter("synthetic").sort("reading_id").head(6).to_dicts()
    with tables.writing(data_dir):
        for row in rows:
            unsure = min(row["sentences"], key=lambda sentence: sentence["confidence"])
            said = (
                row["reading_id"],
                row["content"],
                unsure["start"],
                unsure["end"],
                unsure["labels"],
                unsure["cards"],
            )
            corrections.add(data_dir, [corrections.to_correction(*said, "2026-01-01T00:00:00+00:00")])
        versions.publish(data_dir)
    train.learn_from(data_dir, data_dir / "lexicon" / "model")
    row = {"alias": "小愚", "card": "愚人", "use": "prose", "example": "这张小愚很强。"}
    lexicon.add(data_dir / "lexicon", "aliases", [row])
    (run, *_) = sorted((data_dir / "runs").glob("[0-9]*"))
    for pair, winner in zip(blind_votes.pairs(run), ("tuned", "tuned", "base", "tuned"), strict=False):
        blind_votes.vote(run, pair, winner)
    from flows.training.gate_checks import newest_gate
    from flows.training.runs import newest_run

    write_report(data_dir, newest_gate(data_dir), "zh", run=newest_run(data_dir))


def pages(data_dir: Path) -> dict[str, str]:
    """Map the name of a picture -> address of its page."""
    from tarot_data.store import tables

    rejected = tables.rejections(data_dir)
    mendable = rejected.filter(rejected["reason"].cast(str) == "unknown_card")["rejection_id"][0]
    made_up = tables.readings(data_dir).filter("synthetic").sort("reading_id")
    reading = made_up["reading_id"][0]
    (run, *_) = sorted((data_dir / "runs").glob("[0-9]*"))
    return {
        "review-rejections": "/rejections",
        "review-rejection": f"/rejections/{mendable}",
        "review-readings": "/readings?theme=感情",
        "review-reading": f"/readings/{reading}",
        "review-sentence": f"/readings/{reading}/2?at=1",
        "review-labels": "/labels",
        "review-lexicon": "/lexicon?table=aliases",
        "review-versions": "/versions",
        "review-diff": "/versions/diff?old=1&new=2",
        "review-run": f"/runs/{run.name}",
        "review-vote": f"/runs/{run.name}/vote",
    }


@contextmanager
def opened(browser, width: int, scheme: str = "light") -> Iterator:
    size = {"width": width, "height": 840}
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="zh-CN", reduced_motion="reduce")
    yield context.new_page()
    context.close()


def require_chinese_font() -> None:
    """Raise ValueError if the browser draws all Chinese characters as the same box."""
    with chromium() as browser, opened(browser, NARROW) as page:
        page.set_content("<span>塔</span><br><span>罗</span>")
        first, second = (page.locator("span").nth(place).screenshot() for place in (0, 1))
    if first == second:
        raise ValueError("This machine has no Chinese font; install one, such as fonts-noto-cjk.")


def take(page, name: str, into: Path, *, whole: bool = False) -> None:
    """Write a screenshot of the window or of the whole page. Raises ValueError if it is too large for git."""
    path = into / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    print(f"{path.name}: {path.stat().st_size:,} bytes", file=sys.stderr)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size:,} bytes, more than {MOST_BYTES:,}")


def shoot(data_dir: Path, into: Path, lang: str) -> None:
    wanted = pages(data_dir)
    report = max((data_dir / "reports").glob("report-v*.html"))
    into.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, workbench(data_dir, "--lang", lang) as url:
        base = url.split("/?")[0]
        with opened(browser, WIDE) as page:
            page.goto(url)
            page.wait_for_url(f"{base}/rejections")
            for name, address in wanted.items():
                page.goto(base + address)
                if name == "review-lexicon":
                    page.fill("#text", "记得给自己放个假，这张小愚正位说明下周可以和他谈一谈。")
                    page.keyboard.press("Control+Enter")
                    page.wait_for_selector("ol.list")
                take(page, name, into)
            page.goto(report.as_uri())
            take(page, "report", into)
            for section in ("cards", "labels", "sample", "training"):
                page.evaluate(f"document.getElementById('{section}').scrollIntoView()")
                take(page, f"report-{section}", into)
        with opened(browser, NARROW) as page:
            page.goto(url)
            page.wait_for_url(f"{base}/rejections")
            page.goto(base + wanted["review-reading"])
            take(page, "review-reading-390", into)
            page.goto(report.as_uri())
            take(page, "report-390", into)
        with opened(browser, WIDE, "dark") as page:
            page.goto(report.as_uri())
            take(page, "report-dark", into)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--into", type=Path, default=IMAGES)
    parser.add_argument("--lang", choices=["zh", "en"], default="zh")
    arguments = parser.parse_args()
    require_chinese_font()
    if not (arguments.data_dir / "runs").exists():
        subprocess.run(
            [sys.executable, "-m", "flows.demo", "--data-dir", str(arguments.data_dir)], cwd=ROOT, check=True
        )
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        prepared(arguments.data_dir, data_dir)
        shoot(data_dir, arguments.into, arguments.lang)


if __name__ == "__main__":
    main()
