"""Prefect's database of a new data directory: made from the shipped schema, migrated only if it must be."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import pytest

from flows.service import prefect_database
from flows.service.prefect_database import SCHEMA, is_ready, made_with, revision_of


@pytest.fixture(autouse=True)
def own_database(monkeypatch):
    monkeypatch.delenv("PREFECT_API_DATABASE_CONNECTION_URL", raising=False)


def test_the_schema_is_of_the_installed_prefect():
    assert made_with()[0] == version("prefect")


def lines(schema: str) -> list[str]:
    return sorted(line.strip(" \t,") for line in schema.splitlines())


@pytest.mark.slow
def test_the_schema_is_what_migrations_make():
    """Alembic writes the constraints of a changed table in the order of a set, so only the lines are compared."""
    made, shipped = prefect_database.dump(), SCHEMA.read_text(encoding="utf-8")
    assert lines(made) == lines(shipped)


def test_a_new_database_needs_no_migration(tmp_path):
    assert is_ready(tmp_path)
    assert revision_of(tmp_path / "prefect.db") == made_with()[1]
    assert [path.name for path in tmp_path.iterdir()] == ["prefect.db"]


def test_databases_made_at_once_are_one(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(is_ready, [tmp_path] * 8))
    assert [path.name for path in tmp_path.iterdir()] == ["prefect.db"]


def test_another_release_is_left_to_prefect(tmp_path, monkeypatch):
    is_ready(tmp_path)
    with sqlite3.connect(tmp_path / "prefect.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'older'")
    assert not is_ready(tmp_path)
    monkeypatch.setattr(prefect_database, "version", lambda name: "3.9.0")
    (tmp_path / "prefect.db").unlink()
    assert not is_ready(tmp_path) and not (tmp_path / "prefect.db").exists()


def test_a_database_elsewhere_is_left_to_prefect(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://localhost/tarot")
    assert not is_ready(tmp_path) and not list(tmp_path.iterdir())
