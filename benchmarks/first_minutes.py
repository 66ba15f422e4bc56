"""Run the commands of docs/first-minutes.md and docs/zh/first-minutes.md, and write their real output back into the pages.

    python -m benchmarks.first_minutes [--write]

A page is a recording: each block marked `sh` is followed by a block marked `text` with what it prints in an empty folder, in the
language of the page. What differs from call to call (times, hashes, progress) is left out. Without --write the exit code says
whether the pages are current.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from flows.commands.declare import say
from schemas.messages import catalogue

ROOT = Path(__file__).parents[1]
PAGES = {"en": ROOT / "docs/first-minutes.md", "zh": ROOT / "docs/zh/first-minutes.md"}
_RECORDED = re.compile(r"(?<=^```sh\n)(.*?)(^```\n\n```text\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b|\b[0-9a-f]{8}\b")
_SECONDS = 300


def recorded(lang: str, folder: Path, more: dict[str, str] | None = None) -> str:
    """Return the page of a language with the output of its commands, run in a folder.

    more: further variables of the commands, such as those of a Prefect server that is running. Raises CalledProcessError if a command fails.
    """
    settings = environment(lang, folder) | (more or {})

    def again(block: re.Match) -> str:
        commands, between, _ = block.groups()
        return commands + between + without_progress(shell(commands, folder, settings), lang)

    return _RECORDED.sub(again, PAGES[lang].read_text(encoding="utf-8"))


def environment(lang: str, folder: Path) -> dict[str, str]:
    """Return the variables for the commands, among which `tarot` is this checkout. Writes it below `folder/.bin`."""
    command = folder / ".bin" / "tarot"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flows.cli "$@"\n', encoding="utf-8")
    command.chmod(0o700)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("TAROT_", "PREFECT_"))}
    return variables | {
        "PATH": f"{command.parent}{os.pathsep}{variables['PATH']}",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "TAROT_LANG": lang,
    }


def shell(commands: str, folder: Path, settings: dict[str, str]) -> str:
    """Run a block in a folder and return what a terminal would show, both streams in their order."""
    done = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=folder,
        env=settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=_SECONDS,
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, commands)
        error.add_note(done.stdout)
        raise error
    return done.stdout


def without_progress(output: str, lang: str) -> str:
    """Remove lines of progress, which a terminal clears, and replace times and hashes by `…`."""
    titles = [f"{say(key, lang)} " for key in catalogue() if key.startswith(("progress.", "doing."))]

    def is_progress(line: str) -> bool:
        return any(line.startswith(title) and line[len(title) :][:1].isdigit() for title in titles)

    lines = [_VARIES.sub("…", line.rstrip()) for line in output.splitlines() if not is_progress(line)]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    changed = []
    for lang, path in PAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            text = recorded(lang, Path(folder))
        if text != path.read_text(encoding="utf-8"):
            changed.append(str(path.relative_to(ROOT)))
            if arguments.write:
                path.write_text(text, encoding="utf-8")
    print("\n".join(changed) or "The pages are current.")
    sys.exit(1 if changed and not arguments.write else 0)


if __name__ == "__main__":
    main()
