"""Access to the workbench: only with its printed link, from this machine, through its own forms.

Other pages in the same browser can send requests to this machine, and a DNS name can be pointed at it (DNS rebinding). So a
request must name this machine as its host, carry the cookie that only the link sets, and, if it changes something, the
token of its form.
"""

import hmac
from collections.abc import Awaitable, Callable
from hashlib import sha256
from secrets import compare_digest
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import Response

HOSTS = ("127.0.0.1", "localhost", "::1")
MOST_BYTES = 4_000_000
"""Most bytes of a form. The longest record has 400,000 characters of three bytes, nine when encoded."""

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
"""A report is one file with inline styles and no script."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser would hide the origin of a form from its own server.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Answer = Callable[[Request], Awaitable[Response]]
Refusal = Callable[[Request, str, int], Response]
Welcome = Callable[[str], Response]
"""Makes the page that redirects to an address."""


class Refused(Exception):
    """A refused request. code: a key `refused_…` of the catalogue's [review]."""

    def __init__(self, code: str, status: int) -> None:
        self.code, self.status = code, status
        super().__init__(code)


class Guard:
    """token: secret of the link. The cookie is named after the port, since browsers keep cookies per host."""

    def __init__(self, token: str) -> None:
        self.token = token

    def form_token(self, path: str) -> str:
        """Return the token that a form sent to path must carry."""
        return hmac.new(self.token.encode(), path.encode(), sha256).hexdigest()

    async def __call__(self, request: Request, answer: Answer, refuse: Refusal, welcome: Welcome) -> Response:
        response = await self._answered(request, answer, refuse, welcome)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    async def _answered(self, request: Request, answer: Answer, refuse: Refusal, welcome: Welcome) -> Response:
        try:
            host = urlsplit(f"//{request.headers.get('host', '')}")
            name, port = host.hostname, host.port
        except ValueError:
            name, port = None, None
        if name not in HOSTS:
            return refuse(request, "refused_host", 400)
        cookie = f"tarot_review_{port or 80}"
        given = request.query_params.get("token")
        if given is not None and request.method == "GET":
            if not compare_digest(given.encode(), self.token.encode()):
                return refuse(request, "refused_token", 403)
            # The page redirects to the address without the token, which then stays in no history. An HTTP redirect
            # from a link on another site would not send the strict cookie.
            rest = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
            response = welcome(request.url.path + (f"?{urlencode(rest)}" if rest else ""))
            response.set_cookie(cookie, self.token, httponly=True, samesite="strict", path="/")
            return response
        if not compare_digest(request.cookies.get(cookie, "").encode(), self.token.encode()):
            return refuse(request, "refused_token", 403)
        if request.method not in ("GET", "HEAD") and not _own_origin(request):
            return refuse(request, "refused_form", 403)
        return await answer(request)

    async def form(self, request: Request) -> dict[str, str]:
        """Parse the fields of a form of one of our pages. Raises Refused."""
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                raise Refused("refused_long", 413)
        try:
            fields = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise Refused("refused_form", 400) from None
        if not compare_digest(fields.pop("form_token", "").encode(), self.form_token(request.url.path).encode()):
            raise Refused("refused_form", 403)
        # A browser sends every line break as CR LF.
        return {name: value.replace("\r\n", "\n") for name, value in fields.items()}


def _own_origin(request: Request) -> bool:
    """Check whether the form is on our own site, or the client does not say (browsers do)."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    return (origin is None or urlsplit(origin).netloc == request.headers["host"]) and site in (None, "same-origin")
