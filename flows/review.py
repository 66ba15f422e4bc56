"""The workbench served: a port of this machine, a link nobody can guess, a browser."""

import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from flows import environment
from schemas.problems import Problem

HOST = "127.0.0.1"
"""Only programs of this machine reach it."""


def serve(data_dir: Path, port: int, lang: str, opened: Callable[[str], None], *, browser: bool) -> None:
    """Serve until Ctrl-C. port: 0 for a free one. opened: told the link as soon as the port is open.

    Raises Problem `port_taken`.
    """
    import uvicorn

    from tarot_data.review.app import create_app, warm

    token = secrets.token_urlsafe(32)
    app = create_app(data_dir, token=token, own_lexicon=environment.own_lexicon(data_dir), lang=lang)
    with listening(port) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}/?token={token}"
        opened(url)
        Thread(target=warm, args=[data_dir], daemon=True).start()
        if browser:
            webbrowser.open(url)
        # No access log: it would print every address, with names that were searched for.
        config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listener])


def listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise Problem("port_taken", port=port) from None
    listener.listen()
    return listener
