"""A Prefect server for one command, which ends with it however it ends.

Prefect would start one by itself. That one outlives a command that is killed, and whoever starts it imports the whole
server only to do so: 3 CPU seconds more.
"""

import atexit
import os
import secrets
import select
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from flows.service.child_process import start
from flows.service.settings import START_SECONDS, TEMPORARY
from schemas.errors import Problem

STOP_SECONDS = 5.0

# Blocks are what Prefect keeps credentials in; no flow of ours has any.
SETTINGS = {"PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}


class Temporary:
    """The process, its secret and, once it is up, its address: this does keep a state."""

    def __init__(self, home: Path) -> None:
        self.log = home / "temporary.log"
        # Not ended by Ctrl-C, it is still told how the run ended.
        words = ["flows.service.prefect_server", TEMPORARY]
        self.token = secrets.token_urlsafe(32)
        variables = os.environ | SETTINGS | {"TAROT_SERVER_TOKEN": self.token}
        self.process = start(words, self.log, variables, heard=True, anew=True)
        # Prefect's own threads tell the server of the last events when Python ends, and are asked to before this is:
        # what was registered first comes last.
        atexit.register(self.stop)

    def address(self) -> str:
        """`http://127.0.0.1:port`, once it answers. Raises Problem `serving_failed` where it does not come up."""
        end, told = time.monotonic() + START_SECONDS, b""
        out = self.process.stdout.fileno()
        while not told.endswith(b"\n"):
            if not select.select([out], [], [], max(0.0, end - time.monotonic()))[0] or not (more := os.read(out, 64)):
                self.stop()
                raise Problem("serving_failed", part="server", log=self.log)
            told += more
        return f"http://127.0.0.1:{int(told)}"

    def stop(self) -> None:
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
