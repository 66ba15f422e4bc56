"""The lease of a bucket: an object that says which process may write, renewed by its owner every few seconds."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from flows.runtime.progress import AFTER_SECONDS
from schemas.errors import Problem
from tarot_data.system.locks import WAIT_SECONDS

LEASE = "locks/lease.json"

RENEW_SECONDS = 5.0

DEAD_SECONDS = 30.0
"""A lease that was not renewed for this long is free. Measured by the clock of the waiting process."""


class Lease:
    """A lease with one owner at a time. Waiting processes see by the ETag of the object that the owner is alive."""

    def __init__(self, bucket: Any, url: str, say: Callable[..., None]) -> None:
        self.bucket, self.url, self.say = bucket, url, say
        self.etag, self.lost, self.count = None, False, 0
        self.over = threading.Event()
        self.renewal = threading.Lock()
        self.renewing = threading.Thread(target=self._keep_renewing, daemon=True)

    def acquire(self) -> None:
        """Acquire the lease. Raises Problem `busy` if a live owner does not finish within WAIT_SECONDS."""
        start = alive_since = time.monotonic()
        first = seen = None
        is_announced = False
        while not self._create():
            now, holder = time.monotonic(), self._holder()
            if holder is None:
                continue
            first = first or holder
            if holder != seen:
                seen, alive_since = holder, now
            if holder != first and now - start >= WAIT_SECONDS:
                raise Problem("busy", path=self.url)
            if not is_announced and now - start > AFTER_SECONDS:
                is_announced = True
                self.say("bucket.waiting", url=self.url, seconds=int(DEAD_SECONDS))
            if now - alive_since < DEAD_SECONDS:
                time.sleep(0.2)
            elif self._replace(holder):
                break
        self.renewing.start()

    def check(self) -> None:
        """Raise Problem `lease_lost` if another process took over, for instance while this machine slept."""
        if self.lost:
            raise Problem("lease_lost", path=self.url)

    def renew(self) -> None:
        """Show waiting processes that the owner is alive. Sets `lost` if this process is not the owner any more."""
        with self.renewal:
            # Read first: some servers create an object although it should be replaced only if it is unchanged.
            if not self.lost:
                self.lost = self._holder() != self.etag or not self._replace(self.etag)

    def release(self) -> None:
        self.over.set()
        if self.renewing.ident:
            self.renewing.join()
        if self.etag and not self.lost:
            with suppress(Exception):  # If the bucket cannot be reached, the lease expires by itself.
                obstore.delete(self.bucket, LEASE)
        self.etag = None

    def _holder(self) -> str | None:
        """Return the ETag of the current lease, or None if there is none."""
        try:
            return obstore.head(self.bucket, LEASE)["e_tag"]
        except FileNotFoundError:
            return None

    def _create(self) -> bool:
        try:
            self._put("create")
        except AlreadyExistsError:
            return False
        return True

    def _replace(self, etag: str) -> bool:
        """Write the lease if it still has this ETag; return whether it had."""
        try:
            self._put({"e_tag": etag})
        except (PreconditionError, FileNotFoundError):
            return False
        return True

    def _put(self, mode: Any) -> None:
        self.count += 1
        text = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "renewed": self.count})
        self.etag = obstore.put(self.bucket, LEASE, text.encode(), mode=mode)["e_tag"]

    def _keep_renewing(self) -> None:
        while not self.lost and not self.over.wait(RENEW_SECONDS):
            with suppress(Exception):  # After a network error the next loop tries again; DEAD_SECONDS are six loops.
                self.renew()
