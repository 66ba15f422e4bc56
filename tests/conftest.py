"""Fixtures shared by all tests."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from flows.runtime import environment

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
"""Name of this process of pytest-xdist; None in the process that started the others, or if there is only one."""

if WORKER is None:
    # Pytest's own folders stay where they are, so that those of a failed test can be looked at afterwards.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="tarot-tests-")
    tempfile.tempdir = None  # reads the variable again
    Path(os.environ["TMPDIR"]).chmod(0o711)  # PostgreSQL runs as another user

# Before any import of Prefect: its state directory for the whole test session, telemetry off.
_HOME = Path(os.environ["TMPDIR"]) / (WORKER or "main")
_HOME.mkdir(exist_ok=True)
os.environ["PREFECT_HOME"] = str(_HOME / "prefect")
environment.prepare(_HOME)


def pytest_unconfigure() -> None:
    """Remove whatever the tests, their processes and the libraries left in the temporary folder of the session.

    A process of pytest-xdist ends without Python's clean-up, so each leaves what it made for itself.
    """
    if WORKER is None:
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules with slow tests first, so that no process has one of them to itself at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def prefect():
    """Start the server of a single command, and run the flows of all tests against it.

    Yields the variables by which a command in a process of its own uses this server too, instead of starting one.
    """
    home = environment.prefect_home()
    home.mkdir(parents=True, exist_ok=True)
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_CLIENT_CUSTOM_HEADERS,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    from flows.service.temporary_server import Temporary

    server = Temporary(home, "spawn")  # the process of the tests has threads, which a fork would not survive
    url, headers = f"{server.address()}/api", environment.with_token(server.token)
    settings = {PREFECT_API_URL: url, PREFECT_CLIENT_CUSTOM_HEADERS: headers, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(settings):
        yield {"PREFECT_API_URL": url, "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(headers)}
    server.stop()
