"""Fixtures shared by all tests."""

import os
import tempfile
from pathlib import Path

import pytest

from flows.runtime import environment

# Before any import of Prefect: its state directory for the whole test session, telemetry off.
_HOME = tempfile.TemporaryDirectory(prefix="tarot-tests-")
os.environ["PREFECT_HOME"] = str(Path(_HOME.name) / "prefect")
environment.prepare(Path(_HOME.name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules with slow tests first, so that no process has one of them to itself at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def prefect():
    """Start a real Prefect API on its own database, once per session (about ten seconds)."""
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield
