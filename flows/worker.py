"""`tarot worker`: trains on this machine what a server on another one announces, from the work pool."""

import os
import sys
from pathlib import Path

from flows import environment
from flows.runner import POOL


def work(data_dir: Path, server: str, notify: str | None) -> None:
    """Become Prefect's worker, one training at a time, until SIGTERM or Ctrl-C. Does not return.

    data_dir: the same data directory as the server's, shared between the two.
    """
    variables = environment.for_worker(data_dir, server.rstrip("/"), notify)
    worker = ["worker", "start", "--pool", POOL, "--type", "process", "--limit", "1"]
    os.execve(sys.executable, [sys.executable, "-P", "-m", "prefect", *worker], variables)
