"""The lock of the store for commands: they say that they wait for another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.runtime import environment
from flows.runtime.progress import bar
from tarot_data.store import tables


@contextmanager
def writing(data_dir: Path) -> Iterator[None]:
    """Enter `tables.writing`, showing the stage `waiting` until another process has written.

    Raises Problem `busy` if that takes longer than `environment.wait_seconds`, `store_newer`.
    """
    bar("waiting")
    with tables.writing(data_dir, environment.wait_seconds()):
        bar.close()
        yield
