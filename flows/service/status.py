"""State of `tarot serve` on a data directory: its lock shows whether it runs, a small file has its address."""

import json
import secrets
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path

from flows.runtime import environment
from schemas.errors import Problem
from tarot_data.system.atomic import write_text
from tarot_data.system.locks import exclusive, is_locked

FILE = "serving.json"


def lock_path(data_dir: Path) -> Path:
    return data_dir / "locks" / "serve.lock"


def part_path(data_dir: Path, part: str) -> Path:
    return data_dir / "locks" / f"serve-{part}.lock"


def alone(part: str) -> AbstractContextManager[None]:
    """Lock a part of `tarot serve`; wait until the same part of a killed process is gone."""
    data_dir = environment.default_data_dir()
    address = environment.server_address()
    return exclusive(part_path(data_dir, part), Problem("serving_already", path=data_dir, address=address), 60.0)


def served_at(data_dir: Path) -> str | None:
    """Return the server's address, `http://127.0.0.1:port`, or None if none is running."""
    path = data_dir / FILE
    if not path.exists() or not is_locked(lock_path(data_dir)):
        return None
    return json.loads(path.read_text(encoding="utf-8"))["address"]


def token_of(data_dir: Path) -> str:
    """Return the secret of the server on a data directory.

    It is the same for all starts, so that links and workers survive restarts. Readable by its owner only, created at
    the first call.
    """
    path = data_dir / "prefect" / "token"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_text(path, secrets.token_urlsafe(32), mode=0o600)
    return path.read_text(encoding="utf-8")


def link_to(address: str, token: str) -> str:
    """Return the link for a browser, which stores the secret as a cookie."""
    return f"{address}/?token={token}"


def accepts(address: str, token: str) -> bool:
    """Check whether the running server accepts this secret. Raises OSError if none answers."""
    request = urllib.request.Request(f"{address}/api/admin/version", headers={environment.TOKEN_HEADER: token})
    try:
        with urllib.request.urlopen(request, timeout=10):
            return True
    except urllib.error.HTTPError as error:
        if error.code != 403:
            raise
        return False


def write_address(data_dir: Path, address: str) -> None:
    write_text(data_dir / FILE, json.dumps({"address": address}) + "\n")


def remove_address(data_dir: Path) -> None:
    (data_dir / FILE).unlink(missing_ok=True)


def answers(address: str) -> bool:
    """Check whether a server is up at the address."""
    try:
        with urllib.request.urlopen(f"{address}/api/health", timeout=2):
            return True
    except OSError:
        return False
