"""Import pandera for polars as if pandas and hypothesis were not installed.

The extra `train` installs pandas, the extra `dev` hypothesis, and pandera would import them for classes not used here:
80 MB and 0.4 s, and 0.1 s, in every process that writes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

import polars as pl

HIDDEN = frozenset({"pandas", "hypothesis"})


class _Hide:
    """Import finder that hides HIDDEN from the thread that made it."""

    def __init__(self) -> None:
        self.thread = get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in HIDDEN and get_ident() == self.thread:
            # pandera parses these words.
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


@contextmanager
def _without_hidden() -> Iterator[None]:
    finder = _Hide()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with _without_hidden():
    import pandera.polars as pa
    from pandera.polars import PolarsData

    # At the first check pandera looks for pandas again, and remembers the result.
    pa.DataFrameSchema({"a": pa.Column(int, pa.Check.ge(0))}).validate(pl.DataFrame({"a": [0]}))

__all__ = ["PolarsData", "pa"]
