"""Parquet batches that the ingest stages pass to each other."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from schemas.tables import READINGS, STORED, typed

BATCH = 2000
"""Readings in a batch: about 4 MB of text at 600 characters each, and 100 MB of memory while it is processed."""

IDENTIFIED = pl.Schema({"row": pl.UInt32, **READINGS})
"""Readings of a batch with their id. row: unique in the batch."""

UNCHANGED = pl.Schema({"reading_id": pl.String, "file": pl.String, "source": READINGS["source"]})
"""Readings of a run that the store has unchanged."""


def batch_numbers(identified: Path) -> list[int]:
    return [int(path.stem.rpartition("-")[2]) for path in sorted(identified.glob("readings-*.parquet"))]


def keys_of(paths: list[Path]) -> pl.DataFrame:
    """Return reading_id, fingerprint and file of the readings in batches: by these the store may know them."""
    columns = ["reading_id", "fingerprint", pl.col("source").struct.field("file").alias("file")]
    schema = {"reading_id": pl.String, "fingerprint": pl.String, "file": pl.String}
    found = [pl.scan_parquet(path, glob=False).select(columns).collect() for path in paths]
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def to_stored(readings: pl.DataFrame, sentences: pl.DataFrame, annotations: pl.DataFrame) -> pl.DataFrame:
    """Join readings, their sentences and annotations to STORED rows, in the order of readings."""
    fields = [field.name for field in STORED["sentences"].inner.fields]
    nested = (
        sentences.sort("reading_id", "index")
        .group_by("reading_id", maintain_order=True)
        .agg(sentences=pl.struct(fields))
    )
    return typed(
        readings.join(nested, on="reading_id", how="left", maintain_order="left").join(
            annotations, on="reading_id", how="left", maintain_order="left"
        ),
        STORED,
    )


def fresh_folder(folder: Path) -> Path:
    """Make a folder that must not exist yet."""
    folder.mkdir(parents=True, exist_ok=False)
    return folder


def write_batch(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="zstd", compression_level=1)


class Texts:
    """Contents of readings by id, on disk because an inbox may be larger than the memory. A later content replaces one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[str, tuple[int, int]] = {}

    def add(self, readings: pl.DataFrame) -> None:
        with self.path.open("ab") as file:
            for reading_id, content in readings.select("reading_id", "content").iter_rows():
                data = content.encode("utf-8", "surrogatepass")
                self.places[reading_id] = (file.tell(), len(data))
                file.write(data)

    def of(self, reading_ids: Iterable[str]) -> dict[str, str]:
        """Return reading_id -> content of those that are here."""
        found = {}
        mine = [reading_id for reading_id in reading_ids if reading_id in self.places]
        if mine:
            with self.path.open("rb") as file:
                for reading_id in mine:
                    start, size = self.places[reading_id]
                    file.seek(start)
                    found[reading_id] = file.read(size).decode("utf-8", "surrogatepass")
        return found


def read_batches(folder: Path, name: str, schema: pl.Schema, columns: list[str] | None = None) -> pl.DataFrame:
    """Read all batches of one name in a folder, or some of their columns."""
    schema = pl.Schema({column: schema[column] for column in columns or schema})
    paths = sorted(folder.glob(f"{name}-*.parquet"))
    frames = [typed(pl.read_parquet(path, glob=False, columns=list(schema)), schema) for path in paths]
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)
