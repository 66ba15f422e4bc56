"""Whether `tarot serve` is running on a data directory, and where: its lock says whether, a small file where."""

import json
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path

from flows import environment
from schemas.problems import Problem
from tarot_data.locks import held, only_one

FILE = "serving.json"


def lock_path(data_dir: Path) -> Path:
    return data_dir / "locks" / "serve.lock"


def part_path(data_dir: Path, part: str) -> Path:
    return data_dir / "locks" / f"serve-{part}.lock"


def alone(part: str) -> AbstractContextManager[None]:
    """For a part of `tarot serve`: it waits until the same part of one that was killed is gone."""
    data_dir = environment.default_data_dir()
    address = environment.server_address()
    return only_one(part_path(data_dir, part), Problem("serving_already", path=data_dir, address=address), 60.0)


def served_at(data_dir: Path) -> str | None:
    """The server's address, `http://127.0.0.1:port`, or None where none is running."""
    path = data_dir / FILE
    if not path.exists() or not held(lock_path(data_dir)):
        return None
    return json.loads(path.read_text(encoding="utf-8"))["address"]


def say_where(data_dir: Path, address: str) -> None:
    half = data_dir / f".{FILE}.half"
    half.write_text(json.dumps({"address": address}) + "\n", encoding="utf-8")
    half.replace(data_dir / FILE)


def say_gone(data_dir: Path) -> None:
    (data_dir / FILE).unlink(missing_ok=True)


def answers(address: str) -> bool:
    """Whether a server is up there."""
    try:
        with urllib.request.urlopen(f"{address}/api/health", timeout=2):
            return True
    except OSError:
        return False
