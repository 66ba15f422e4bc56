"""Run flows in a block against a Prefect server: the running one, or a temporary one."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.runtime import disk_errors
from flows.runtime.environment import prefect_home, with_token
from flows.runtime.error_redaction import original_errors
from flows.runtime.progress import bar
from flows.service.status import served_at, token_of
from flows.service.temporary_server import Temporary
from schemas.errors import Problem
from tarot_data.system.memory import loading

MAX_DATABASE_PATH = 504
"""Longest path of a database in bytes: SQLite's MAX_PATHNAME of 512 less the suffix of its log."""


@contextmanager
def prefect_at(data_dir: Path, load: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Run flows in the block with their state in the folder that `prepare` has set.

    load: called while the server starts, to import the flows and what they need.

    The folder must exist: without it a flow waits two minutes for a server that cannot start. The heartbeat, a thread
    that sleeps a second at the end of every flow, is off, because no server here watches for lost runs. Raises Problem
    `not_writable`, `disk_full`, `data_dir_too_long`.
    """
    database = prefect_home() / "prefect.db"
    if (length := len(os.fsencode(database))) > MAX_DATABASE_PATH:
        raise Problem("data_dir_too_long", path=data_dir, length=length, limit=MAX_DATABASE_PATH)
    try:
        Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_errors.to_problem(error, data_dir) or Problem(
            "not_writable", path=data_dir, why=error.strerror
        ) from None
    disk_errors.require_space(data_dir)
    # Use a running server: two servers on one database file would lock each other out.
    address = served_at(data_dir)
    bar("server")
    with loading():
        # Before the fork, so that the server need not import them as well; a first run asks for the last three.
        import fastapi.encoders  # noqa: F401
        import prefect.flow_engine
        import prefect.task_engine  # noqa: F401
        from prefect.settings import (
            PREFECT_API_URL,
            PREFECT_CLIENT_CUSTOM_HEADERS,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            temporary_settings,
        )

        own = None if address or _has_server_setting() else Temporary(prefect_home())
        load()
    address = own.address() if own else address
    bar.close()
    here = {}
    if address:
        token = own.token if own else token_of(data_dir)
        here = {PREFECT_API_URL: f"{address}/api", PREFECT_CLIENT_CUSTOM_HEADERS: with_token(token)}
    with original_errors(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None} | here):
        yield


def _has_server_setting() -> bool:
    """Check whether the user configured a Prefect server: in the environment, or in a profile."""
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH") or prefect_home() / "profiles.toml")
    named = os.environ.get("PREFECT_API_URL") or os.environ.get("PREFECT_PROFILE")
    return bool(named) or (profiles.exists() and "PREFECT_API_URL" in profiles.read_text(encoding="utf-8"))
