"""A data directory in S3-compatible storage: `--data-dir s3://bucket/prefix`.

Commands work on a local copy of the bucket and send back what they changed when they end (`flows.runtime.bucket_copy`).
This module is imported by every command, so it imports neither obstore nor the copy before a bucket is opened.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import Problem

SCHEME = "s3://"


def is_bucket(place: object) -> bool:
    return str(place).startswith(SCHEME)


@contextmanager
def opened(place: Path | str, say: Callable[..., None] | None = None, *, alone: bool = True) -> Iterator[Path]:
    """Yield the folder to work in: place itself, or the local copy of the bucket, synchronised before and after.

    place: a folder, an `s3://` URL, or the local copy of one. say(key, **values): prints a message for the user. alone:
    keep the lease until the block ends, so that nobody else writes; else only while files are exchanged. After Ctrl-C
    nothing is sent; the next command on this machine sends it. Raises Problem `no_s3`, `bucket`, `busy`.
    """
    url = str(place).rstrip("/") if is_bucket(place) else url_of(Path(place))
    if url is None:
        yield Path(place)
        return
    if not find_spec("obstore"):
        raise Problem("no_s3")
    # obstore belongs to the extra `s3`.
    from flows.runtime.bucket_copy import Copy

    copy = Copy(url, folder_of(url), say)
    with copy.lease() if alone else nullcontext():
        copy.exchange()
        try:
            yield copy.folder
        except (Exception, SystemExit):
            copy.exchange()
            raise
        copy.exchange()


def folder_of(url: str) -> Path:
    """Return the folder of the local copy, readable by its owner only."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "tarot" / hashlib.sha256(url.encode()).hexdigest()[:16] / "data"


def url_of(folder: Path) -> str | None:
    """Return the bucket of which a folder is the local copy, or None."""
    index = folder.parent / "index.json"
    if folder.name != "data" or not index.exists():
        return None
    try:
        return json.loads(index.read_text(encoding="utf-8")).get("url")
    except ValueError:
        return None
