"""Judge readings with a language model, through any OpenAI-compatible endpoint. Off unless one is named.

Readings are sent there, names and questions included. With a model on this machine (Ollama, vLLM, llama.cpp) they stay
here; otherwise they leave it.
"""

import json
import re
from importlib.resources import files

from schemas.errors import Problem
from tarot_train import endpoint
from tarot_train.scores import DIMENSIONS


def judge(readings: list[dict], url: str, model: str, key: str | None = None) -> list[dict[str, float]]:
    """Return {dimension: 0 to 1, overall} per reading, in order; overall is the mean.

    readings: dicts with person, question, spread, cards (text) and content. url: up to and including `/v1`.
    Raises Problem `judge_away` if nobody answers, `judge_answer` if the answer is not as asked.
    """
    return [_judge_one(reading, url, model, key) for reading in readings]


def _judge_one(reading: dict, url: str, model: str, key: str | None) -> dict[str, float]:
    text = (files("tarot_train") / "templates" / "judge.txt").read_text(encoding="utf-8")
    for name in ("person", "question", "spread", "cards", "content"):
        text = text.replace("{" + name + "}", str(reading.get(name) or "–"))
    return _figures(endpoint.answer(text, url, model, key), url, model)


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
