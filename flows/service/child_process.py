"""Start child processes that exit with their parent, however it ended, so that no orphan keeps a port or a lock."""

import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import parent_process
from pathlib import Path

GRACE_SECONDS = 10.0


def start(arguments: list[str], log: Path, variables: dict[str, str], *, reads_output: bool) -> subprocess.Popen:
    """Start one of our modules as a process that ends with this one (`end_with_pipe`).

    arguments: the module and its arguments. log: standard error is appended to it, readable by its owner only.
    reads_output: standard output is a pipe that the caller reads; else it goes to the log.
    """
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *arguments],
            stdin=subprocess.PIPE,  # Its other end closes when this process ends, which ends the child.
            stdout=subprocess.PIPE if reads_output else errors,
            stderr=errors,
            env=variables,
            start_new_session=True,  # Ctrl-C reaches this process only, which ends the others in order.
        )


def become_service(log: Path) -> None:
    """Make a child of `multiprocessing` a service: it ends with its parent, not by Ctrl-C, and writes to a new log.

    The log is readable by its owner only. The streams of a forked process may be locked by a thread that it lacks, so
    both are replaced.
    """
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.stdout = sys.stderr = os.fdopen(file, "w", buffering=1, encoding="utf-8")

    def watch() -> None:
        parent_process().join()
        _end()

    threading.Thread(target=watch, daemon=True).start()


def end_with_pipe(*, at_once: bool) -> None:
    """End this process when standard input closes; its parent keeps the other end open and never writes.

    at_once: kill the process group at once, which this process must lead. Else send SIGTERM, and exit after
    GRACE_SECONDS in any case.
    """

    def watch() -> None:
        while os.read(0, 1024):
            pass
        if at_once:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        _end()

    threading.Thread(target=watch, daemon=True).start()


def end_with_parent(every_seconds: float = 1.0) -> None:
    """End this process when its parent dies, which POSIX shows as another parent id."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every_seconds)
        _end()

    threading.Thread(target=watch, daemon=True).start()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
