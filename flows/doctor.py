"""Report of what this machine has and lacks, so that a command does not fail halfway."""

import os
import platform
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from flows.training.gate_checks import newest_gate
from tarot_train.device import describe

FRAGILE = {"prefect": "3.8.8", "polars": "2.1.0", "pandera": "0.35.0", "deltalake": "1.6.6", "torch": "2.13.0"}
"""Packages of which other versions are known to break something, with the version this was tested with."""

FREE_GIB = 2.0
"""Free disk space that a store, its versions and a small adapter need, with a margin."""


def examine(data_dir: Path) -> list[dict[str, object]]:
    """Return {name, ok, value, advice} per check; advice is a key under `doctor.` in the catalogue, or None."""
    free = shutil.disk_usage(_nearest(data_dir)).free / 2**30
    findings = [
        _finding("python", sys.version_info >= (3, 11), platform.python_version(), "python"),
        _finding("cores", True, os.cpu_count(), None),
        _finding("disk_gib", free >= FREE_GIB, round(free, 1), "disk"),
        _finding("data_dir", os.access(_nearest(data_dir), os.W_OK), str(data_dir), "data_dir"),
    ]
    for name, wanted in FRAGILE.items():
        if name == "torch" and find_spec("torch") is None:
            findings.append(_finding("torch", False, None, "torch"))
            continue
        have = metadata.version(name).split("+")[0]
        findings.append(_finding(name, have == wanted, have, "version"))
    if find_spec("torch"):
        findings.append(_finding("device", True, describe(), None))
    findings.append(_validated(data_dir))
    return findings


def _validated(data_dir: Path) -> dict[str, object]:
    gate_state = newest_gate(data_dir)
    return _finding("validated", not gate_state["missing"], gate_state["validated"], "validated")


def _finding(name: str, ok: bool, value: object, advice: str | None) -> dict[str, object]:
    return {"name": name, "ok": bool(ok), "value": value, "advice": None if ok else advice}


def _nearest(path: Path) -> Path:
    """Return the nearest existing folder above a path that may not exist yet."""
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return path
