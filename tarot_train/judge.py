"""Judge readings with a language model, through any OpenAI-compatible endpoint. Off unless one is named.

Readings are sent there, names and questions included. With a model on this machine (Ollama, vLLM, llama.cpp) they stay
here; otherwise they leave it.
"""

import json
import re
from importlib.resources import files
from ipaddress import ip_address
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from schemas.errors import Problem
from tarot_train.scores import DIMENSIONS

SECONDS = 120
"""Longest wait for one answer, in seconds."""


def judge(readings: list[dict], url: str, model: str, key: str | None = None) -> list[dict[str, float]]:
    """Return {dimension: 0 to 1, overall} per reading, in order; overall is the mean.

    readings: dicts with person, question, spread, cards (text) and content. url: up to and including `/v1`.
    Raises Problem `judge_away` if nobody answers, `judge_answer` if the answer is not as asked.
    """
    return [_judge_one(reading, url.rstrip("/"), model, key) for reading in readings]


def at_home(url: str) -> bool:
    """Whether the endpoint is on this machine or in its local network: loopback, a private address or a local name."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".lan", ".internal"))


def first_model(url: str, key: str | None = None) -> str:
    """Name the first model of an endpoint. Raises Problem `judge_away`, `judge_answer`."""
    given = _asked(Request(f"{url.rstrip('/')}/models", headers=_headers(key)), url, "?")
    try:
        return given["data"][0]["id"]
    except (KeyError, IndexError, TypeError):
        raise Problem("judge_answer", url=url, model="?") from None


def _judge_one(reading: dict, url: str, model: str, key: str | None) -> dict[str, float]:
    text = (files("tarot_train") / "templates" / "judge.txt").read_text(encoding="utf-8")
    for name in ("person", "question", "spread", "cards", "content"):
        text = text.replace("{" + name + "}", str(reading.get(name) or "–"))
    body = {"model": model, "temperature": 0, "messages": [{"role": "user", "content": text}]}
    request = Request(f"{url}/chat/completions", json.dumps(body).encode(), _headers(key))
    try:
        answer = _asked(request, url, model)["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise Problem("judge_answer", url=url, model=model) from None
    return _figures(answer, url, model)


def _headers(key: str | None) -> dict[str, str]:
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


def _asked(request: Request, url: str, model: str) -> object:
    try:
        with urlopen(request, timeout=SECONDS) as response:
            return json.load(response)
    except (URLError, TimeoutError, ConnectionError) as error:
        raise Problem("judge_away", url=url, why=getattr(error, "reason", error)) from None
    except ValueError:
        raise Problem("judge_answer", url=url, model=model) from None


def _figures(answer: str, url: str, model: str) -> dict[str, float]:
    """Parse the figures of an answer: its last JSON object."""
    for found in reversed(re.findall(r"\{[^{}]*\}", answer)):
        try:
            given = json.loads(found)
            figures = {name: float(given[name]) / 10 for name in DIMENSIONS}
        except (ValueError, KeyError, TypeError):
            continue
        if all(0 <= value <= 1 for value in figures.values()):
            return figures | {"overall": sum(figures.values()) / len(figures)}
    raise Problem("judge_answer", url=url, model=model)
