"""A headless Chromium on this machine, and the workbench it opens."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
MISSING = "no Chromium on this machine: apt-get install chromium, as .ci/run does"
SILENT = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
"""Without these flags Chromium contacts its vendor's hosts at every start."""


@contextmanager
def chromium() -> Iterator:
    """Yield a browser of playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SILENT.split())
        yield browser
        browser.close()


@contextmanager
def workbench(data_dir: Path, *more: str) -> Iterator[str]:
    """Run `tarot review` on a data directory; yield its link."""
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "review",
        "--no-browser",
        "--json",
        "--data-dir",
        str(data_dir),
        *more,
    ]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()
