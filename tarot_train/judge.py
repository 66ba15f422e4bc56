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


PLACES = ("A", "B")
"""The two texts of a pair as the prompt calls them."""


def prefer(pairs: list[dict], url: str, model: str, key: str | None = None) -> list[str]:
    """Return the better text of each pair: base, tuned, or neither if the answer depends on which is shown first.

    pairs: {asked: {person, question, spread, cards}, base, tuned}. Every pair is asked twice, with positions swapped.
    Raises Problem as `judge` does.
    """
    return [_prefer_one(pair, url, model, key) for pair in pairs]


def _prefer_one(pair: dict, url: str, model: str, key: str | None) -> str:
    said = set()
    for order in (("base", "tuned"), ("tuned", "base")):
        values = pair["asked"] | {"first": pair[order[0]], "second": pair[order[1]]}
        names = ("person", "question", "spread", "cards", "first", "second")
        better = _better(endpoint.answer(_filled("judge_pair", values, names), url, model, key), url, model)
        said.add(order[PLACES.index(better)] if better in PLACES else "neither")
    return said.pop() if len(said) == 1 else "neither"


def _better(answer: str, url: str, model: str) -> str:
    for found in reversed(re.findall(r"\{[^{}]*\}", answer)):
        try:
            return str(json.loads(found)["better"])
        except (ValueError, KeyError, TypeError):
            continue
    raise Problem("judge_answer", url=url, model=model)


def agreement(preferred: dict[str, str], voted: dict[str, str]) -> dict[str, int]:
    """Count {votes, agree} over the pairs on which both decided. preferred, voted: texts of a pair to the winner."""
    both = [key for key in preferred if {preferred[key], voted.get(key)} <= {"base", "tuned"}]
    return {"votes": len(both), "agree": sum(preferred[key] == voted[key] for key in both)}


def _filled(template: str, values: dict, names: tuple[str, ...]) -> str:
    text = (files("tarot_train") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
    # In one pass, so that a text that has a placeholder in it is left as it is.
    pattern = "|".join(rf"\{{{name}\}}" for name in names)
    return re.sub(pattern, lambda found: str(values.get(found[0][1:-1]) or "–"), text)


def _judge_one(reading: dict, url: str, model: str, key: str | None) -> dict[str, float]:
    text = _filled("judge", reading, ("person", "question", "spread", "cards", "content"))
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
