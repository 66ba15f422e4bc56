"""The Prefect server process on loopback.

With pages and services for `tarot serve`, without them for a single command (`flows.service.temporary_server`). It runs
the same app as `prefect server start`, but ends with the process that started it, and answers only requests that carry
its secret and come from no foreign page (`flows.service.server_guard`).
"""

import gc
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from flows.runtime import environment
from flows.service.child_process import end_with_pipe
from flows.service.server_guard import ServerGuard
from flows.service.settings import START_SECONDS
from flows.service.status import alone
from schemas.errors import Problem
from tarot_data.system.locks import exclusive

COMMAND_ROUTES = {"/flows", "/flow_runs", "/task_runs", "/artifacts", "/events", "/admin"}
"""What the flows of a single command ask of the server."""


def main() -> None:
    end_with_pipe(at_once=False)
    with alone("server"):
        run(int(environment.server_address().rpartition(":")[2]), environment.server_token())


class Server(uvicorn.Server):
    """A server that reports its port once it is up, if its parent waits for it."""

    report: Callable[[int], None] | None = None

    async def startup(self, sockets: list | None = None) -> None:
        # Alone: the start migrates the database, and two migrations of one new database spoil each other.
        place = environment.prefect_home() / "starting.lock"
        with exclusive(place, Problem("serving_failed", part="server", log=place.parent), START_SECONDS):
            await super().startup(sockets)
        if self.report and self.started:
            self.report(self.servers[0].sockets[0].getsockname()[1])


def run(port: int, token: str, report: Callable[[int], None] | None = None) -> None:
    """Serve until asked to end. port: 0 for any free one. token: the secret that requests must carry.

    report: called with the port once the server of a single command is up; None for that of `tarot serve`.
    """
    # Around the app, not inside it: an automation of the server calls the app in memory, without the secret.
    app = ServerGuard(_create_app(temporary=report is not None), token)
    # An open page keeps its connection for ever; the shutdown does not wait for it.
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="error", lifespan="on", timeout_graceful_shutdown=5
    )
    server = Server(config)
    server.report = report
    server.run()
    if not server.started:
        sys.exit(3)  # As uvicorn.run does.


def _create_app(temporary: bool) -> FastAPI:
    """Import Prefect's server and return its app; that of a single command has only the routes of COMMAND_ROUTES."""
    gc.disable()  # saves a sixth of these three CPU seconds
    from prefect.server.api import server

    if temporary:
        # FastAPI prepares the routes of a router at the first request that looks there.
        server.API_ROUTERS = tuple(router for router in server.API_ROUTERS if router.prefix in COMMAND_ROUTES)
    app = server.create_app(ephemeral=temporary)
    for path in (environment.prefect_home() / "ui").rglob("*"):
        if path.is_dir():
            path.chmod(0o700)  # Prefect copies its pages with the modes of their folders
    gc.freeze()
    gc.enable()
    return app


if __name__ == "__main__":
    main()
