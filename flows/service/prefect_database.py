"""A new Prefect database, made from `prefect_schema.sql` in a moment instead of by Prefect's 112 migrations.

`python -m flows.service.prefect_database` writes that file: it runs the migrations of the installed Prefect and dumps the
result. Another version of Prefect, or a database that another version made, is left to the migrations.
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

SCHEMA = files("flows.service") / "prefect_schema.sql"

MIGRATE = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""


def is_ready(home: Path) -> bool:
    """Check whether a server can use the database in home without migrating it; make the database if there is none.

    home: PREFECT_HOME of the server; it must exist.
    """
    prefect, newest = made_with()
    if os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL") or version("prefect") != prefect:
        return False
    database = home / "prefect.db"
    if not database.exists():
        _create(database)
    return revision_of(database) == newest


def revision_of(database: Path) -> str | None:
    """Return the newest migration of a database, or None if it cannot be read or has none."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as open_:
        return open_.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    return None


def _create(database: Path) -> None:
    """Make a database under another name first. If another process makes it at the same time, that one counts."""
    with NamedTemporaryFile(dir=database.parent, prefix=".prefect-", suffix=".db") as half:
        with closing(sqlite3.connect(half.name)) as open_:
            open_.executescript(SCHEMA.read_text(encoding="utf-8"))
        with suppress(OSError):  # it exists by now, or the file system has no links and Prefect migrates
            os.link(half.name, database)


@cache
def made_with() -> tuple[str, str]:
    """Return (version of Prefect, newest migration) from the first line, `-- prefect 3.8.8, revision a3b9c7d2e5f1`."""
    with SCHEMA.open(encoding="utf-8") as lines:
        words = lines.readline().replace(",", "").split()
    return words[2], words[4]


def dump() -> str:
    """Return the schema that Prefect's own migrations make, as SQL with its first line. Takes some ten seconds."""
    with TemporaryDirectory() as home:
        subprocess.run([sys.executable, "-c", MIGRATE], check=True, env=os.environ | {"PREFECT_HOME": home})
        database = Path(home) / "prefect.db"
        head = f"-- prefect {version('prefect')}, revision {revision_of(database)}\n"
        with closing(sqlite3.connect(database)) as open_:
            return head + "\n".join(open_.iterdump()) + "\n"


if __name__ == "__main__":
    Path(str(SCHEMA)).write_text(dump(), encoding="utf-8")
