"""The Prefect server of `tarot serve`, as a process of its own: API and pages on loopback, services included.

The same app as `prefect server start` runs, but it ends with `tarot serve`, and answers only to this machine's own name,
so that a page in a browser cannot reach it under a name that somebody points here (DNS rebinding).
"""

from flows import environment
from flows.parent import end_with_pipe
from flows.serving import alone

HOSTS = ["127.0.0.1", "localhost", "prefect-in-memory"]
"""The last is what the server calls itself when an automation acts; no name in a browser resolves to it."""


def main() -> None:
    end_with_pipe(at_once=False)
    with alone("server"):
        run()


def run() -> None:
    import uvicorn
    from prefect.server.api.server import create_app
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = create_app(final=True)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    port = int(environment.server_address().rpartition(":")[2])
    # A page left open holds a connection for ever; stopping does not wait for it.
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", lifespan="on", timeout_graceful_shutdown=5)


if __name__ == "__main__":
    main()
