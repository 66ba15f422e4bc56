"""Write tables of measurements between their marks in a page of docs/."""

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def put(page: str, name: str, text: str) -> None:
    """Write text between `<!-- name -->` and `<!-- name end -->` of docs/page."""
    path = ROOT / "docs" / page
    begin, end = f"<!-- {name} -->", f"<!-- {name} end -->"
    head, rest = path.read_text(encoding="utf-8").split(begin)
    path.write_text(f"{head}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


def measured() -> str:
    """Say in one sentence where and when a table was measured."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    commit = done.stdout.strip() or "unknown"
    return (
        f"Measured on {platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, at commit {commit}."
    )
