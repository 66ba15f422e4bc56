"""Client of OpenAI-compatible endpoints, for the judge of readings and the teacher of labels. Off unless one is named.

With a model on this machine (Ollama, vLLM, llama.cpp) the text stays here; otherwise it leaves.
"""

import json
from http.client import HTTPException
from ipaddress import ip_address
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from schemas.errors import Problem

SECONDS = 120
"""Longest wait for one answer, in seconds."""


class _NoRedirect(HTTPRedirectHandler):
    """Follow no redirect: text and key go to the host that was named, or nowhere."""

    def redirect_request(self, *arguments: object) -> None:
        return None


def at_home(url: str) -> bool:
    """Check whether the endpoint is on this machine or in its local network: loopback, a private address or a local name."""
    host = host_of(url)
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".lan", ".internal"))


def host_of(url: str) -> str:
    """Return the name or address of the host that an endpoint's text is sent to; the URL itself if it has none."""
    return urlsplit(url).hostname or url


def first_model(url: str, key: str | None = None, role: str = "judge") -> str:
    """Name the first model of an endpoint. Raises Problem `ROLE_away`, `ROLE_answer`."""
    given = _asked(Request(f"{url.rstrip('/')}/models", headers=_headers(key)), url, "?", role)
    try:
        return given["data"][0]["id"]
    except (KeyError, IndexError, TypeError):
        raise Problem(f"{role}_answer", url=url, model="?") from None


def answer(text: str, url: str, model: str, key: str | None = None, role: str = "judge") -> str:
    """Return what a model answers to a text, at temperature 0. url: up to and including `/v1`.

    Raises Problem `ROLE_away` if nobody answers, `ROLE_answer` if it is no chat completion.
    """
    body = {"model": model, "temperature": 0, "messages": [{"role": "user", "content": text}]}
    request = Request(f"{url.rstrip('/')}/chat/completions", json.dumps(body).encode(), _headers(key))
    try:
        return str(_asked(request, url, model, role)["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        raise Problem(f"{role}_answer", url=url, model=model) from None


def _headers(key: str | None) -> dict[str, str]:
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


def _asked(request: Request, url: str, model: str, role: str) -> object:
    if request.type not in ("http", "https"):
        raise Problem(f"{role}_away", url=url, why=request.type)
    try:
        with build_opener(_NoRedirect).open(request, timeout=SECONDS) as response:
            return json.load(response)
    except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
        raise Problem(f"{role}_away", url=url, why=getattr(error, "reason", error)) from None
    except ValueError:
        raise Problem(f"{role}_answer", url=url, model=model) from None
