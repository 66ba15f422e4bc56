"""ASGI wrapper of the Prefect server: refuse requests that come from a foreign page or lack the secret.

Prefect's API starts programs, so a client that may post to it can run commands as the serving user. CORS stops neither
a WebSocket nor a simple POST of a page in the same machine's browser, and loopback is open to every local user. So a
request must name this machine as its host (against DNS rebinding), have no foreign Origin, and carry the secret: in a
header (runner, worker, commands) or in the cookie that the printed link sets (browser).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from flows.runtime.environment import TOKEN_HEADER
from schemas.messages import say

HOST = "127.0.0.1"
HEALTH = "/api/health"
"""Reports only that a server is up; the supervisor requests it first. Prefect leaves it open as well."""

REFUSED = {400: "serve.refused_host", 403: "serve.refused"}
"""Keys of the message catalogue by HTTP status."""

POLICY_VIOLATION = 1008
"""Close code of a WebSocket, RFC 6455, 7.4.1."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class ServerGuard:
    """Protect an app. app: the ASGI app. token: the secret of this server."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        answer = self._answer(HTTPConnection(scope))
        if answer is None:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "refused"})
        await answer(scope, receive, send)

    def _answer(self, request: HTTPConnection) -> Response | None:
        """Return the guard's own response, or None if the request may pass to the app."""
        headers, http = request.headers, request.scope["type"] == "http"
        host = _host(headers)
        if host not in (HOST, "localhost"):
            return _refusal(400)
        if not _is_own_origin(headers):
            return _refusal(403)
        get = http and request.scope["method"] in ("GET", "HEAD")
        if get and request.url.path == HEALTH or self._is_token(headers.get(TOKEN_HEADER)):
            return None
        if get and host != HOST:  # the pages request 127.0.0.1, to which a cookie of localhost is not sent
            return RedirectResponse(str(request.url.replace(hostname=HOST)), 307)
        cookie = f"tarot_serve_{request.url.port or 80}"  # browsers store cookies by host, regardless of the port
        if get and "token" in request.query_params:
            return self._welcome(request, cookie)
        # A page of another port counts as the same site and sends the cookie too.
        if headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
            return _refusal(403)
        return None if self._is_token(request.cookies.get(cookie)) else _refusal(403)

    def _welcome(self, request: HTTPConnection, cookie: str) -> Response:
        """Set the cookie and go to the same address without the token, which then stays out of the history."""
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        if not self._is_token(dict(pairs).get("token")):
            return _refusal(403)
        rest = urlencode([pair for pair in pairs if pair[0] != "token"])
        address = escape(request.url.path + (f"?{rest}" if rest else ""), quote=True)
        # Not a redirect: if the link is on another site's page, a redirect would not send the strict cookie.
        page = HTMLResponse(f'<!doctype html><meta http-equiv="refresh" content="0;url={address}">')
        page.headers["Referrer-Policy"] = "no-referrer"
        page.set_cookie(cookie, self.token, httponly=True, samesite="strict", path="/")
        return page

    def _is_token(self, given: str | None) -> bool:
        return given is not None and compare_digest(given.encode(), self.token.encode())


def _host(headers: Headers) -> str | None:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return None


def _is_own_origin(headers: Headers) -> bool:
    """Check that the request comes from no page, or from one of this server.

    An HTML file opened from disk has the origin `null`.
    """
    origin = headers.get("origin")
    return origin is None or origin == f"http://{headers.get('host')}"


def _refusal(status: int) -> Response:
    return PlainTextResponse("".join(say(REFUSED[status], lang) + "\n" for lang in ("zh", "en")), status)
