"""A Prefect server for one command; it exits with the command, however that ends.

Prefect's own temporary server outlives a killed command and makes the command import the whole server, which takes 3
CPU seconds more.
"""

import atexit
import os
import secrets
import select
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from flows.runtime.environment import prefect_home
from flows.service.child_process import start
from flows.service.prefect_database import settings_for
from flows.service.settings import START_SECONDS, TEMPORARY
from schemas.errors import Problem

STOP_SECONDS = 5.0

SETTINGS = {
    # Prefect keeps credentials in blocks; our flows have none. Its memo of them would import Dask to look for more.
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
    # It asks nothing of others over https, but importing Prefect reads all CA certificates twice.
    "SSL_CERT_FILE": "",
    "SSL_CERT_DIR": os.devnull,
}


class Temporary:
    """The server process, its secret and, once it is up, its address."""

    def __init__(self, home: Path) -> None:
        self.log = home / "temporary.log"
        # Ctrl-C does not end it, so that the end of the run can still be reported to it.
        arguments = ["flows.service.prefect_server", TEMPORARY]
        self.token = secrets.token_urlsafe(32)
        variables = os.environ | SETTINGS | settings_for(prefect_home()) | {"TAROT_SERVER_TOKEN": self.token}
        self.process = start(arguments, self.log, variables, reads_output=True, truncate=True)
        # Registered first, so called last: Prefect's threads send their last events to the server when Python ends.
        atexit.register(self.stop)

    def address(self) -> str:
        """Wait for `http://127.0.0.1:port`. Raises Problem `serving_failed` if the server does not come up."""
        end, line = time.monotonic() + START_SECONDS, b""
        out = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            if not select.select([out], [], [], max(0.0, end - time.monotonic()))[0] or not (more := os.read(out, 64)):
                self.stop()
                raise Problem("serving_failed", part="server", log=self.log)
            line += more
        return f"http://127.0.0.1:{int(line)}"

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
