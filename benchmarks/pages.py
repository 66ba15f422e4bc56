"""Tables of measurements, written between their marks in a page of docs/ and shown next to the former ones."""

import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def show(page: str, name: str, text: str, write: bool = True) -> None:
    """Print a table. write: put it between `<!-- name -->` and `<!-- name end -->` of docs/page as well, and print it with the
    former figures in brackets."""
    if not write:
        return print(text)
    path = ROOT / "docs" / page
    begin, end = f"<!-- {name} -->", f"<!-- {name} end -->"
    head, rest = path.read_text(encoding="utf-8").split(begin)
    former, tail = rest.split(end)
    path.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", encoding="utf-8")
    return print(beside(text, former), end="\n\n")


def beside(text: str, former: str) -> str:
    """Return a table with each changed figure followed by the former one: `| ingest | 4.1 (5.2) |`.

    A row is compared with the one of the same first cell and the same words.
    """
    known = {_key(line): line for line in former.splitlines()}
    return "\n".join(_beside(line, known.get(_key(line), line)) for line in text.splitlines())


def _key(line: str) -> str:
    first, bar, rest = line[1:].partition("|") if line.startswith("|") else ("", "", line)
    return first + bar + _NUMBER.sub("", rest)


def _beside(line: str, former: str) -> str:
    numbers = iter(_NUMBER.findall(former))

    def shown(match: re.Match) -> str:
        other = next(numbers, match[0])
        return match[0] if match[0] == other else f"{match[0]} ({other})"

    return _NUMBER.sub(shown, line)


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def measured() -> str:
    """Say in one sentence where and when a table was measured."""
    return (
        f"Measured on {platform.machine()} {platform.system()}, {os.cpu_count()} cores (load of the last quarter of an hour "
        f"{os.getloadavg()[2]:.1f}), Python {platform.python_version()}, at commit {commit()}."
    )
