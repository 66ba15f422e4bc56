"""The local copy of a bucket, and the synchronisation of the two.

Files keep their names, so that other programs can read the Delta tables below `store/`. A file that refers to others (a
commit, a manifest) is sent after them, so that a reader, during a transfer or after an interrupted one, finds an older
state and never an incomplete one.
"""

import filecmp
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path, PurePosixPath

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from flows.runtime.bucket_lease import Lease
from flows.runtime.environment import LOCAL_ONLY
from flows.runtime.progress import bar
from flows.runtime.run_log import FILE as RUN_LOG
from schemas.errors import Problem
from tarot_data.system.atomic import write_text
from tarot_data.system.locks import WAIT_SECONDS, exclusive

RETRIES = 5
"""Retries of a request whose error can pass, with growing waits; done by obstore."""

TRANSFERS = 8
"""Number of requests at a time."""


class Copy:
    """The copy in folder, with an index of the last state in which both were equal. say: as in `bucket.opened`."""

    def __init__(self, url: str, folder: Path, say: Callable[..., None] | None = None) -> None:
        self.url, self.folder = url, folder
        self.say = say or (lambda key, **values: None)
        self.index_path = self.folder.parent / "index.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.parent.chmod(0o700)
        with _bucket_errors(self.url):
            self.bucket = from_url(self.url, retry_config={"max_retries": RETRIES})
        self.current_lease: Lease | None = None
        self.warned = False

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Keep the lease until the block ends, so that nobody else writes to the bucket."""
        if self.current_lease:
            yield
            return
        with exclusive(self.folder.parent / "copy.lock", Problem("busy", path=self.url), WAIT_SECONDS):
            self.current_lease = Lease(self.bucket, self.url, self.say)
            try:
                with _bucket_errors(self.url):
                    self.current_lease.acquire()
                yield
            finally:
                ended, self.current_lease = self.current_lease, None
                ended.release()

    def exchange(self) -> None:
        """Make copy and bucket equal: send what changed in the copy, fetch what changed in the bucket.

        If a file changed on both sides (a lease was lost, or a training ran while others used the bucket), the bucket's
        version is kept; the local one is set aside and its path printed.
        """
        with self.lease():
            try:
                with _bucket_errors(self.url):
                    self._exchange()
            finally:
                bar.close()

    def _exchange(self) -> None:
        self.current_lease.renew()
        self.current_lease.check()
        known, remote, local = self._known(), self._remote(), self._local()
        fetch, send = [], []
        for path in sorted({*known, *remote, *local}):
            etag, *seen = known.get(path, [None, None, None])
            is_changed_here = local.get(path, [None, None]) != seen
            if remote.get(path) != etag:
                if is_changed_here and path in local:
                    self._set_aside(path, remote)
                fetch.append(path)
            elif is_changed_here:
                send.append(path)
        merged = {path for path in fetch if path == RUN_LOG and path in local and path in remote}
        try:
            self._transfer("fetched", fetch, lambda path: self._fetch(path, remote.get(path), known, path in merged))
            self._transfer("sent", [*send, *sorted(merged)], lambda path: self._send(path, known))
        finally:
            self._remember(known)

    def _set_aside(self, path: str, remote: dict[str, str]) -> None:
        """Keep the local version of a file that changed on both sides, unless both are equal. The run log is merged."""
        if path == RUN_LOG:
            return
        local, aside = (
            self.folder / path,
            self.folder.parent / "set-aside" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}" / path,
        )
        aside.parent.mkdir(parents=True, exist_ok=True)
        if path in remote:
            self._get(path, aside)
            if filecmp.cmp(aside, local, shallow=False):
                aside.unlink()
                return
        local.replace(aside)
        self.say("bucket.set_aside", path=aside)

    def _transfer(self, stage: str, paths: list[str], work: Callable[[str], None]) -> None:
        """Do the work for every path in the order of `_rank`, and show the progress."""
        done = 0
        with ThreadPoolExecutor(TRANSFERS) as pool:
            for rank in sorted({_rank(path) for path in paths}):
                for _ in pool.map(work, [path for path in paths if _rank(path) == rank]):
                    done += 1
                    bar(stage, done, len(paths))

    def _fetch(self, path: str, etag: str | None, known: dict, merge: bool) -> None:
        local = self.folder / path
        if etag is None:
            local.unlink(missing_ok=True)
            known.pop(path, None)
            return
        half = self.folder.parent / "half" / hashlib.sha256(path.encode()).hexdigest()
        half.parent.mkdir(exist_ok=True)
        self._get(path, half)
        if merge:
            data = half.read_bytes()
            half.write_bytes(data + b"".join(line for line in local.read_bytes().splitlines(True) if line not in data))
        local.parent.mkdir(parents=True, exist_ok=True)
        half.replace(local)
        known[path] = [etag, *_seen(local)]

    def _send(self, path: str, known: dict) -> None:
        self.current_lease.check()
        local = self.folder / path
        if not local.exists():
            obstore.delete(self.bucket, path)
            known.pop(path, None)
            return
        seen = _seen(local)
        result = obstore.put(self.bucket, path, local)
        if result["version"] not in (None, "null"):
            self._warn_of_versions()
        known[path] = [result["e_tag"], *seen]

    def _warn_of_versions(self) -> None:
        """Warn once that the bucket keeps overwritten and deleted objects, so that nobody in it can be forgotten."""
        if not self.warned:
            self.warned = True
            self.say("bucket.versioned", url=self.url)

    def _get(self, path: str, into: Path) -> None:
        with into.open("wb") as file:
            for part in obstore.get(self.bucket, path).stream():
                file.write(part)

    def _remote(self) -> dict[str, str]:
        found = {}
        for batch in obstore.list(self.bucket):
            found |= {item["path"]: item["e_tag"] for item in batch if _shared(item["path"])}
        return found

    def _local(self) -> dict[str, list[int]]:
        found = {}
        for folder, names, files in os.walk(self.folder):
            here = Path(folder).relative_to(self.folder)
            names[:] = [name for name in names if _shared((here / name).as_posix())]
            for name in files:
                path = (here / name).as_posix()
                if _shared(path) and not (self.folder / path).is_symlink():
                    found[path] = _seen(self.folder / path)
        return found

    def _known(self) -> dict[str, list]:
        """Return path -> [ETag in the bucket, local size, local modification time] of the last equal state."""
        try:
            return json.loads(self.index_path.read_text(encoding="utf-8"))["files"]
        except (FileNotFoundError, ValueError, KeyError):
            return {}

    def _remember(self, known: dict[str, list]) -> None:
        write_text(self.index_path, json.dumps({"url": self.url, "files": known}, ensure_ascii=False))


def _shared(path: str) -> bool:
    """Check whether a path below the data directory is data, not a file of one machine or of an unfinished write."""
    first = PurePosixPath(path).parts[0]
    return first not in LOCAL_ONLY and not any(part.endswith(".half") for part in path.split("/"))


def _rank(path: str) -> int:
    """Return the order of transfer: commits after rows, `files` after the other tables, manifests after their files."""
    if path.startswith("store/"):
        rank = 3 if path.startswith("store/files/") else 1
        return rank + path.endswith("_last_checkpoint") if "/_delta_log/" in path else 0
    name = PurePosixPath(path).name
    return 6 if "/" not in path else 5 if name == "manifest.json" else 0


def _seen(path: Path) -> list[int]:
    about = path.stat()
    return [about.st_size, about.st_mtime_ns]


CAUSES = ("error sending request", "timed out", "dns error")
"""Texts in obstore's errors if no server answered."""


@contextmanager
def _bucket_errors(url: str) -> Iterator[None]:
    """Convert errors of the bucket to a Problem without the file names that their own texts contain."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        why = _cause(str(error))
        if isinstance(error, FileNotFoundError) and not why:
            raise  # A file of this machine.
        raise Problem("bucket", path=url, why=why or type(error).__name__) from None


def _cause(text: str) -> str | None:
    """Return `403 Forbidden` or another cause that an error text of obstore names, else None."""
    _, found, status = text.partition("status code: ")
    if found and status[:3].isdigit():
        return f"{status[:3]} {HTTPStatus(int(status[:3])).phrase}"
    return next((cause for cause in CAUSES if cause in text), None)
