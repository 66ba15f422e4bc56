"""The Prefect server as a process of its own, on loopback: that of `tarot serve`, with pages and services, or a temporary
one for a single command (`flows.service.temporary_server`), without them.

The same app as `prefect server start` runs, but it ends with who started it, and answers only requests that know the
secret of `environment.server_token` and come from no foreign page (`flows.service.server_guard`).
"""

import sys

from flows.runtime import environment
from flows.service.child_process import end_with_pipe
from flows.service.status import alone

TEMPORARY = "--temporary"

START_SECONDS = 180.0
"""A new database takes ten seconds of migrations; a slow machine under load several times that."""


def main() -> None:
    end_with_pipe(at_once=False)
    if TEMPORARY in sys.argv:
        return run(port=0, temporary=True)
    with alone("server"):
        run(port=int(environment.server_address().rpartition(":")[2]))


def run(port: int, temporary: bool = False) -> None:
    """Serve until asked to end; once up, a temporary one tells its port on standard output. port 0: any that is free."""
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.service.server_guard import ServerGuard

    class Server(uvicorn.Server):
        async def startup(self, sockets: list | None = None) -> None:
            await super().startup(sockets)
            if temporary and self.started:
                print(self.servers[0].sockets[0].getsockname()[1], flush=True)

    # Around the app, not in it: an automation of the server calls the app in memory, without the secret.
    app = ServerGuard(create_app(ephemeral=temporary, final=True), environment.server_token())
    # A page left open holds a connection for ever; stopping does not wait for it.
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="error", lifespan="on", timeout_graceful_shutdown=5
    )
    server = Server(config)
    server.run()
    if not server.started:
        sys.exit(3)  # as uvicorn.run does


if __name__ == "__main__":
    main()
