"""The workbench served: a port of this machine, a link nobody can guess, a browser."""

import html
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Thread

import uvicorn

from flows.runtime import environment
from schemas.errors import Problem
from schemas.messages import say
from tarot_data.review.app import create_app, warm

HOST = "127.0.0.1"
"""Only programs of this machine reach it."""

WARM_SECONDS = 10.0
"""Longest wait at the end for a cache that is still being filled."""


def serve(data_dir: Path, port: int, lang: str, opened: Callable[[str], None], *, browser: bool) -> None:
    """Serve until Ctrl-C. port: 0 for a free one. opened: told the link as soon as the port is open.

    Raises Problem `port_taken`.
    """
    token = secrets.token_urlsafe(32)
    app = create_app(data_dir, token=token, own_lexicon=environment.own_lexicon(data_dir), lang=lang)
    # The server hands a signal on when it has stopped: what is below must come to its end first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with listening(port) as listener:
        at = listener.getsockname()[1]
        url = f"http://{HOST}:{at}/?token={token}"
        opened(url)
        warming = Thread(target=warm, args=[data_dir], daemon=True)
        warming.start()
        with door(data_dir / f"workbench-{at}.html", url, lang) if browser else nullcontext() as page:
            if page:
                webbrowser.open(page.resolve().as_uri())
            # No access log: it would print every address, with names that were searched for.
            config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False)
            try:
                uvicorn.Server(config).run(sockets=[listener])
            finally:
                warming.join(WARM_SECONDS)  # Python aborts if it shuts down around a thread in native code


@contextmanager
def door(path: Path, url: str, lang: str) -> Iterator[Path]:
    """A page that goes on to url, for the owner's eyes, there for as long as the block runs.

    A browser is started with this page and not with the link: every user of a machine sees the words programs are
    started with.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    link, title = html.escape(url), html.escape(say("review.opening", lang))
    path.write_text(
        f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={link}"><title>{title}</title><p><a href="{link}">{title}</a></p>\n',
        encoding="utf-8",
    )
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


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
