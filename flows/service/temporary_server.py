"""A Prefect server for one command; it exits with the command, however that ends.

Prefect's own temporary server outlives a killed command and makes the command import the whole server, which takes 3
CPU seconds more. This one is forked from the command, which has imported what both need of Prefect, a CPU second of it.
"""

import atexit
import gc
import multiprocessing
import secrets
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from flows.runtime.environment import prefect_home
from flows.service.child_process import become_service
from flows.service.prefect_database import is_ready
from flows.service.settings import START_SECONDS
from schemas.errors import Problem

STOP_SECONDS = 5.0

METHOD = "fork" if sys.platform == "linux" else "spawn"
"""How the process is started. The system libraries of macOS do not survive a fork."""

SETTINGS = {
    # Prefect keeps credentials in blocks; our flows have none. Its memo of them would import Dask to look for more.
    "server.register_blocks_on_start": False,
    "server.memoize_block_auto_registration": False,
}


class Temporary:
    """The server process, its secret and, once it is up, its address."""

    def __init__(self, home: Path, method: str = METHOD) -> None:
        self.log = home / "temporary.log"
        self.token = secrets.token_urlsafe(32)
        context = multiprocessing.get_context(method)
        self.port, sender = context.Pipe(duplex=False)
        settings = SETTINGS | ({"server.database.migrate_on_start": False} if is_ready(prefect_home()) else {})
        self.process = context.Process(target=_serve, args=(self.log, settings, self.token, sender), daemon=True)
        gc.freeze()  # or the collector of either process copies the pages that they share
        self.process.start()
        sender.close()
        # Prefect's threads have sent their last events by then: Python waits for threads first.
        atexit.register(self.stop)

    def address(self) -> str:
        """Wait for `http://127.0.0.1:port`. Raises Problem `serving_failed` if the server does not come up."""
        try:
            if self.port.poll(START_SECONDS):
                return f"http://127.0.0.1:{self.port.recv()}"
        except EOFError:
            pass  # It ended without a port.
        self.stop()
        raise Problem("serving_failed", part="server", log=self.log)

    def stop(self) -> None:
        atexit.unregister(self.stop)
        self.process.terminate()
        self.process.join(STOP_SECONDS)
        self.process.kill()
        self.process.join()
        self.port.close()


def _serve(log: Path, settings: dict[str, object], token: str, port: Connection) -> None:
    """Serve in a process of its own until that is asked to end, or its parent ends."""
    become_service(log)
    from prefect.settings import temporary_settings

    from flows.service import prefect_server

    # The parent may have read its settings already, so variables would come too late.
    with temporary_settings(settings):
        prefect_server.run(0, token, port.send)
