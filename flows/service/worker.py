"""`tarot worker`: train on this machine what a server on another one announces through the work pool."""

import os
import sys
from pathlib import Path

from flows.runtime import environment
from flows.service.settings import POOL
from flows.service.status import accepts, token_of
from schemas.errors import Problem


def work(data_dir: Path, server: str, notify: str | None) -> None:
    """Become Prefect's worker, one training at a time, until SIGTERM or Ctrl-C. Does not return.

    data_dir: the same data directory as the server's, shared between the two: its secret is read there, unless
    TAROT_SERVER_TOKEN has it (a bucket does not). Raises Problem `server_token`, `no_server`.
    """
    server = server.rstrip("/")
    token = environment.given_token() or token_of(data_dir)
    try:
        if not accepts(server, token):
            raise Problem("server_token", address=server, path=data_dir)
    except OSError as error:
        raise Problem("no_server", address=server, why=getattr(error, "reason", error)) from None
    variables = environment.for_worker(data_dir, server, token, notify)
    worker = ["worker", "start", "--pool", POOL, "--type", "process", "--limit", "1"]
    os.execve(sys.executable, [sys.executable, "-P", "-m", "prefect", *worker], variables)
