"""A data directory in S3-compatible storage: `--data-dir s3://bucket/prefix`.

The bucket is the data directory; commands work on a copy of it on this machine, and what they changed goes back when
they end. Files keep their names, so that the tables below `store/` are Delta tables for any other reader too. What
points at a file (a commit, a manifest) is sent after it, so that whoever reads meanwhile, or after a copy was cut
short, finds an older state and never half of one. One writer at a time is kept by a lease, an object that its holder
renews.
"""

import filecmp
import hashlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from flows.runtime.progress import AFTER_SECONDS, bar
from flows.runtime.run_log import FILE as HISTORY
from schemas.errors import Problem
from tarot_data.system.locks import WAIT_SECONDS, only_one

SCHEME = "s3://"

LEASE = "locks/lease.json"

RENEW_SECONDS = 5.0
"""How often a holder says that it is alive."""

DEAD_SECONDS = 30.0
"""A lease that was not renewed for so long, by the clock of who waits for it, is nobody's."""

HERE_ONLY = {"prefect", "locks", "staging", "serving.json"}
"""What belongs to the processes of one machine: Prefect's database, locks, lots in the making, where `tarot serve` is."""

RETRIES = 5
"""Of a request that failed for a cause that may pass, with growing waits; obstore's own."""

AT_ONCE = 8
"""Transfers at a time."""

ALONE = {"train", "evaluate", "compare", "read", "export", "serve", "worker", "review", "plan", "doctor", "sample"}
"""Commands that last, or write only files of their own: the lease is held while files are exchanged, not throughout."""


def is_bucket(place: object) -> bool:
    return str(place).startswith(SCHEME)


@contextmanager
def opened(place: Path | str, command: str = "", say: Callable[..., None] | None = None) -> Iterator[Path]:
    """The folder to work in: place itself, or this machine's copy of the bucket, exchanged with it before and after.

    place: a folder, an `s3://` URL, or the copy of one. say(key, **values): tells the user what must be known.
    Stopped by Ctrl-C nothing is sent; the next command here sends it. Raises Problem `no_s3`, `bucket`, `busy`.
    """
    url = str(place) if is_bucket(place) else url_of(Path(place))
    if url is None:
        yield Path(place)
        return
    copy = Copy(url, say)
    with copy.lease() if command not in ALONE else nullcontext():
        copy.exchange()
        try:
            yield copy.folder
        except (Exception, SystemExit):
            copy.exchange()
            raise
        copy.exchange()


def folder_of(url: str) -> Path:
    """Where this machine keeps its copy, for its owner only."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "tarot" / hashlib.sha256(url.encode()).hexdigest()[:16] / "data"


def url_of(folder: Path) -> str | None:
    """The bucket that a folder is this machine's copy of, or None."""
    index = folder.parent / "index.json"
    if folder.name != "data" or not index.exists():
        return None
    try:
        return json.loads(index.read_text(encoding="utf-8")).get("url")
    except ValueError:
        return None


class Copy:
    """This machine's copy of a bucket, and what is known of both since they were last equal."""

    def __init__(self, url: str, say: Callable[..., None] | None = None) -> None:
        if not find_spec("obstore"):
            raise Problem("no_s3")
        from obstore.store import from_url

        self.url, self.say = url.rstrip("/"), say or (lambda key, **values: None)
        self.folder = folder_of(self.url)
        self.index_path = self.folder.parent / "index.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.parent.chmod(0o700)
        with _answers(self.url):
            self.bucket = from_url(self.url, retry_config={"max_retries": RETRIES})
        self.held: Lease | None = None
        self.warned = False

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Nobody else writes to the bucket until the block ends."""
        if self.held:
            yield
            return
        with only_one(self.folder.parent / "copy.lock", Problem("busy", path=self.url), WAIT_SECONDS):
            self.held = Lease(self.bucket, self.url, self.say)
            try:
                with _answers(self.url):
                    self.held.take()
                yield
            finally:
                held, self.held = self.held, None
                held.give_back()

    def exchange(self) -> None:
        """Make copy and bucket equal: what changed on one side since they last were goes to the other.

        A file that changed on both, which takes a lease lost or a training beside somebody else's commands, is as the
        bucket has it; what was here is set aside and named.
        """
        with self.lease():
            try:
                with _answers(self.url):
                    self._exchange()
            finally:
                bar.close()

    def _exchange(self) -> None:
        self.held.renew()
        self.held.check()
        known = self._known()
        theirs = self._theirs()
        ours = self._ours()
        fetch, send = [], []
        for path in sorted({*known, *theirs, *ours}):
            was = known.get(path, [None, None, None])
            there = theirs.get(path) != was[0]
            here = ours.get(path, (None, None)) != tuple(was[1:])
            if there and here and path in ours:
                self._settle(path, theirs)
                fetch.append(path)
            elif there:
                fetch.append(path)
            elif here:
                send.append(path)
        merged = {path for path in fetch if path == HISTORY and path in ours and path in theirs}
        try:
            self._all("fetched", fetch, lambda path: self._fetch(path, theirs.get(path), known, path in merged))
            self._all("sent", [*send, *sorted(merged)], lambda path: self._send(path, known))
        finally:
            self._remember(known)

    def _settle(self, path: str, theirs: dict[str, str]) -> None:
        """A file that changed on both sides: kept apart, unless what is there is what is here."""
        if path == HISTORY:
            return
        here, aside = self.folder / path, self.folder.parent / "set-aside" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}" / path
        aside.parent.mkdir(parents=True, exist_ok=True)
        if path in theirs:
            self._get(path, aside)
            if filecmp.cmp(aside, here, shallow=False):
                aside.unlink()
                return
        here.replace(aside)
        self.say("bucket.set_aside", path=aside)

    def _all(self, stage: str, paths: list[str], work: Callable[[str], None]) -> None:
        """Do the work for every path, what points at others after them, and say how far it is."""
        done = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for rank in sorted({_rank(path) for path in paths}):
                for _ in pool.map(work, [path for path in paths if _rank(path) == rank]):
                    done += 1
                    bar(stage, done, len(paths))

    def _fetch(self, path: str, etag: str | None, known: dict, merge: bool) -> None:
        here = self.folder / path
        if etag is None:
            here.unlink(missing_ok=True)
            known.pop(path, None)
            return
        half = self.folder.parent / "half" / hashlib.sha256(path.encode()).hexdigest()
        half.parent.mkdir(exist_ok=True)
        self._get(path, half)
        if merge:
            data = half.read_bytes()
            half.write_bytes(data + b"".join(line for line in here.read_bytes().splitlines(True) if line not in data))
        here.parent.mkdir(parents=True, exist_ok=True)
        half.replace(here)
        known[path] = [etag, *_seen(here)]

    def _send(self, path: str, known: dict) -> None:
        import obstore

        self.held.check()
        here = self.folder / path
        if not here.exists():
            obstore.delete(self.bucket, path)
            known.pop(path, None)
            return
        seen = _seen(here)
        result = obstore.put(self.bucket, path, here)
        if result["version"] not in (None, "null"):
            self._warn_of_versions()
        known[path] = [result["e_tag"], *seen]

    def _warn_of_versions(self) -> None:
        """The bucket keeps what is overwritten or deleted: nobody in it can be forgotten."""
        if not self.warned:
            self.warned = True
            self.say("bucket.versioned", url=self.url)

    def _get(self, path: str, into: Path) -> None:
        import obstore

        with into.open("wb") as file:
            for part in obstore.get(self.bucket, path).stream():
                file.write(part)

    def _theirs(self) -> dict[str, str]:
        import obstore

        found = {}
        for batch in obstore.list(self.bucket):
            found |= {item["path"]: item["e_tag"] for item in batch if _shared(item["path"])}
        return found

    def _ours(self) -> dict[str, tuple[int, int]]:
        found = {}
        for folder, names, files in os.walk(self.folder):
            here = Path(folder).relative_to(self.folder)
            names[:] = [name for name in names if _shared((here / name).as_posix())]
            for name in files:
                path = (here / name).as_posix()
                if _shared(path) and not (self.folder / path).is_symlink():
                    found[path] = tuple(_seen(self.folder / path))
        return found

    def _known(self) -> dict[str, list]:
        """path -> [etag there, size here, time of change here], as they were when both were equal."""
        try:
            return json.loads(self.index_path.read_text(encoding="utf-8"))["files"]
        except (FileNotFoundError, ValueError, KeyError):
            return {}

    def _remember(self, known: dict[str, list]) -> None:
        half = self.index_path.with_suffix(".half")
        half.write_text(json.dumps({"url": self.url, "files": known}, ensure_ascii=False), encoding="utf-8")
        half.replace(self.index_path)


class Lease:
    """An object that says who writes. Its holder changes it every few seconds; who waits sees that by its ETag."""

    def __init__(self, bucket: Any, url: str, say: Callable[..., None]) -> None:
        self.bucket, self.url, self.say = bucket, url, say
        self.etag, self.lost, self.count = None, False, 0
        self.over = threading.Event()
        self.renewal = threading.Lock()
        self.renewing = threading.Thread(target=self._keep, daemon=True)

    def take(self) -> None:
        """Raises Problem `busy` where a holder that is alive does not finish within WAIT_SECONDS."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        start = alive_since = time.monotonic()
        first = seen = told = None
        while self.etag is None:
            try:
                self._put("create")
                break
            except AlreadyExistsError:
                pass
            now = time.monotonic()
            try:
                held = obstore.head(self.bucket, LEASE)["e_tag"]
            except FileNotFoundError:
                continue
            first = first or held
            if held != seen:
                seen, alive_since = held, now
            if held != first and now - start >= WAIT_SECONDS:
                raise Problem("busy", path=self.url)
            if not told and now - start > AFTER_SECONDS:
                told = True
                self.say("bucket.waiting", url=self.url, seconds=int(DEAD_SECONDS))
            if now - alive_since >= DEAD_SECONDS:
                try:
                    self._put({"e_tag": held})
                except PreconditionError:
                    continue
            else:
                time.sleep(0.2)
        self.renewing.start()

    def check(self) -> None:
        """Raises Problem `lease_lost` where somebody else took over, as while this machine slept."""
        if self.lost:
            raise Problem("lease_lost", path=self.url)

    def renew(self) -> None:
        """Say that the holder is alive; `lost` afterwards, where it is not the holder any more."""
        import obstore
        from obstore.exceptions import PreconditionError

        with self.renewal:
            try:
                # Asked first: some servers create what is to be replaced only if it is as it was.
                self.lost = self.lost or obstore.head(self.bucket, LEASE)["e_tag"] != self.etag
                if not self.lost:
                    self._put({"e_tag": self.etag})
            except (PreconditionError, FileNotFoundError):
                self.lost = True

    def give_back(self) -> None:
        import obstore

        self.over.set()
        if self.renewing.ident:
            self.renewing.join()
        if self.etag and not self.lost:
            with suppress(Exception):  # A bucket out of reach: the lease runs out by itself.
                obstore.delete(self.bucket, LEASE)
        self.etag = None

    def _put(self, mode: Any) -> None:
        import obstore

        self.count += 1
        text = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "renewed": self.count})
        self.etag = obstore.put(self.bucket, LEASE, text.encode(), mode=mode)["e_tag"]

    def _keep(self) -> None:
        while not self.lost and not self.over.wait(RENEW_SECONDS):
            with suppress(Exception):  # A network that hiccups: the next turn tries again, and DEAD_SECONDS are six.
                self.renew()


def _shared(path: str) -> bool:
    """Whether a path below the data directory is of the data and not of one machine or one moment."""
    first = PurePosixPath(path).parts[0]
    return first not in HERE_ONLY and not path.endswith(".half")


def _rank(path: str) -> int:
    """What points at files goes after them: commits after rows, the table `files` after all others, manifests last."""
    if path.startswith("store/"):
        rank = 3 if path.startswith("store/files/") else 1
        return rank + path.endswith("_last_checkpoint") if "/_delta_log/" in path else 0
    name = PurePosixPath(path).name
    return 6 if "/" not in path else 5 if name == "manifest.json" else 0


def _seen(path: Path) -> list[int]:
    about = path.stat()
    return [about.st_size, about.st_mtime_ns]


@contextmanager
def _answers(url: str) -> Iterator[None]:
    """What a bucket answers as one sentence, without the names of files that its own words hold."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        found = re.search(r"status code: (\d+ [A-Za-z ]+)|(error sending request|timed out|dns error)", str(error))
        if isinstance(error, FileNotFoundError) and not found:
            raise  # A file of this machine.
        raise Problem("bucket", path=url, why=found[1] or found[2] if found else type(error).__name__) from None
