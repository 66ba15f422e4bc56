"""Where a table of the store may be. Apart from `delta`, so that a command can look before it imports polars."""

from pathlib import Path


def folders(data_dir: Path, name: str) -> tuple[Path, Path]:
    """Return the folder of a table, and its other one if the path of the data directory is awkward (`delta.table_path`)."""
    store = data_dir / "store"
    return store / name, store / "@" / name
