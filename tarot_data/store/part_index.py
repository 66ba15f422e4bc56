"""Which parts of a table may have some keys: sorted hashes of the keys of each large part, in a file next to it.

A store of a million readings has twenty large parts; ten new readings share keys with few of them, and only those are
read. A part never changes, so neither does its index, which the first search makes and `delta.purge` removes.
"""

import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

from tarot_data.store import delta
from tarot_data.system.atomic import replacing
from tarot_data.text.near_duplicates import scheme

LARGE = 1 << 20
"""Bytes from which a part is indexed; reading a smaller one takes a few milliseconds."""

HASH = np.dtype("<u4")
"""Of three keys of 50,000 readings, one in 30,000 other keys is found by chance, which costs time only."""


def parts_with(data_dir: Path, name: str, hashes: np.ndarray) -> list[str]:
    """Return the parts of `readings` or `signatures` that may have a row with a key of these hashes; all others have none."""
    wanted = np.unique(hashes)
    return [part for part in delta.parts(data_dir, name) if _may_have(part, name, wanted)]


def hashes_of(keys: Iterable[str]) -> np.ndarray:
    """Hash ids, fingerprints and names of files, independently of the release of any library."""
    return np.fromiter((zlib.crc32(key.encode()) for key in keys), dtype=HASH)


def hashes_of_bands(bands: np.ndarray) -> np.ndarray:
    """Take the upper half of 64-bit bands."""
    return (bands >> np.uint64(32)).astype(HASH)


def _may_have(part: str, name: str, wanted: np.ndarray) -> bool:
    if Path(part).stat().st_size < LARGE:
        return True
    known = _hashes(part, name)
    if known is None:
        return True
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return bool((known[at] == wanted).any())


def _hashes(part: str, name: str) -> np.ndarray | None:
    """Return the sorted hashes of a part, or None if it has signatures that cannot be compared as they are."""
    kind = f"{zlib.crc32(scheme().encode()):08x}" if name == "signatures" else "keys"
    path = Path(f"{part}.{kind}")
    if not path.exists():
        made = _signature_hashes(part) if name == "signatures" else _reading_hashes(part)
        if made is None or not len(made):
            return None
        made = np.sort(made)
        # If the disk is full, or the store is another user's, the next search makes it again.
        with suppress(OSError), replacing(path) as half:
            made.tofile(half)
        return made
    return np.memmap(path, dtype=HASH, mode="r")


def _reading_hashes(part: str) -> np.ndarray:
    rows = pl.scan_parquet(part, glob=False)
    keys = rows.select("reading_id", "fingerprint", file=pl.col("source").struct.field("file")).collect()
    return hashes_of(key for column in keys for key in column.unique())


def _signature_hashes(part: str) -> np.ndarray | None:
    rows = pl.scan_parquet(part, glob=False).select("bands", "scheme").collect()
    if (rows["scheme"] != scheme()).any():
        return None
    return hashes_of_bands(rows["bands"].explode(empty_as_null=False).to_numpy().view(np.uint64))
