"""Installation without make: `python -m flows.install` makes `.venv` with every pinned dependency, as `make setup` does.

Imports only the standard library. Another package index, such as a mirror, is named in PIP_INDEX_URL.
"""

import os
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PARTS = "train,dev"
"""Extras of pyproject.toml that are installed."""


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(folder: Path = ROOT / ".venv") -> Path:
    """Make the virtual environment if it is missing, install into it, and return its interpreter."""
    python = python_of(folder)
    if not python.exists():
        venv.create(folder, with_pip=True)
    options = ["--quiet", "--disable-pip-version-check", "--progress-bar", "on"]
    what = ["-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}[{PARTS}]"]
    subprocess.run([python, "-P", "-m", "pip", "install", *options, *what], check=True)
    return python


def run_installed(module: str) -> None:
    """Return if the dependencies are here; else install them and run the module with the same arguments there."""
    if find_spec("click") and find_spec("polars"):
        return
    sys.exit(subprocess.run([install(), "-P", "-m", module, *sys.argv[1:]], cwd=ROOT).returncode)


if __name__ == "__main__":
    print(install())
