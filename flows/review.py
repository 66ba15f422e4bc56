"""Server of the workbench: a local port, a link with a secret, a browser."""

import html
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Thread

import uvicorn

from flows.runtime import environment
from schemas.errors import Problem
from schemas.messages import say
from tarot_data.review.app import create_app, warm

HOST = "127.0.0.1"
"""Only programs of this machine can reach it."""

WARM_SECONDS = 10.0
"""Longest wait at shutdown for a cache that is still being filled, in seconds."""


def serve(data_dir: Path, port: int, lang: str, on_open: Callable[[str], None], *, browser: bool) -> None:
    """Serve until Ctrl-C. port: 0 for a free one. on_open: called with the link when the port is open.

    Raises Problem `port_taken`.
    """
    token = secrets.token_urlsafe(32)
    own = environment.own_lexicon(data_dir)
    app = create_app(data_dir, token=token, own_lexicon=own, lang=lang, remove=partial(remove, data_dir, lang))
    # The server raises the signal again after it has stopped: the code below must finish first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with listening(port) as listener:
        at = listener.getsockname()[1]
        url = f"http://{HOST}:{at}/?token={token}"
        on_open(url)
        warming = Thread(target=warm, args=[data_dir], daemon=True)
        warming.start()
        with redirect_page(data_dir / f"workbench-{at}.html", url, lang) if browser else nullcontext() as page:
            if page:
                webbrowser.open(page.resolve().as_uri())
            # No access log: it would print every address, with the names that were searched for.
            config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False)
            try:
                uvicorn.Server(config).run(sockets=[listener])
            finally:
                warming.join(WARM_SECONDS)  # Python aborts if it shuts down while a thread runs native code


def remove(data_dir: Path, lang: str, reading_id: str) -> dict:
    """Remove a reading everywhere and write the newest report again; return the receipt."""
    from flows import forget  # it imports the runs, which the first page does not need

    result = forget.remove_reading(data_dir, reading_id, prefect_home=environment.prefect_home())
    forget.write_report_again(data_dir, result, lang)
    return result


@contextmanager
def redirect_page(path: Path, url: str, lang: str) -> Iterator[Path]:
    """Write a page that redirects to url, readable by its owner only, and delete it when the block ends.

    The browser is started with this page instead of the link, because every user of a machine can see command lines.
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
