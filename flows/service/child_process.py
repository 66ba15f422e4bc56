"""A process that ends when the one that started it is gone, however that one ended: no orphan keeps a port or a lock."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

GRACE_SECONDS = 10.0


def start(
    words: list[str], log: Path, variables: dict[str, str], *, heard: bool, anew: bool = False
) -> subprocess.Popen:
    """A module of ours as a process that ends with this one (`end_with_pipe`). heard: its standard output is read here,
    else it goes where its errors go: into log, which only its owner may read, behind what is there unless anew."""
    mode = os.O_TRUNC if anew else os.O_APPEND
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | mode, 0o600), "wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *words],
            stdin=subprocess.PIPE,  # Its other end closes when this process ends, and the one started with it.
            stdout=subprocess.PIPE if heard else errors,
            stderr=errors,
            env=variables,
            start_new_session=True,  # Ctrl-C is for this process, which ends the others in order.
        )


def end_with_pipe(*, at_once: bool) -> None:
    """End when the other end of standard input closes: whoever started this process holds it and never writes.

    at_once: with everything this process started, which must be the leader of its group and safe to kill; else by
    SIGTERM, and ten seconds later in any case.
    """

    def watch() -> None:
        while os.read(0, 1024):
            pass
        if at_once:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        _end()

    threading.Thread(target=watch, daemon=True).start()


def end_with_parent(every_seconds: float = 1.0) -> None:
    """End when the parent process is another one than now, which is what its death looks like on POSIX."""
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
