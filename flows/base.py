"""`make base`: train the small base of the package again, from made-up and annotated readings.

Its text holds nothing of the bundled sample, and none of the made-up readings of the demo.
"""

import argparse
from collections.abc import Iterator
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from random import Random

import polars as pl

from flows.commands.declare import Context
from flows.runtime import environment
from flows.runtime.progress import bar
from schemas.tables import READINGS, STORED, stored
from tarot_data.cards.format import ORIENTATION_WORDS
from tarot_data.dataset.prompt import ASKED, prompts
from tarot_data.patterns.gold import read_all
from tarot_data.synthetic.grammar import made_up
from tarot_train import recipe as recipes
from tarot_train.base_model import TINY
from tarot_train.pretraining import pretrain
from tarot_train.recipe import Pretraining

SEED = 70_001
"""Seed of its made-up readings; that of the demo is 0."""

VOICES = ("notes", "formal")
"""The written voices; the demo's reader has one of them."""

DRILLS_FROM = 1_000_000
"""Number of the first made-up reading whose cards are a drill."""

RENAMED = 0.7
"""Share of made-up readings for a person whose name is made of two names: so many that it is copied, not known."""


def corpus(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make the readings the base learns, with their prompts. The same settings give the same rows.

    annotated: readings as `gold.read_all` returns them.
    """
    asked = [_annotated(reading) for _ in range(settings.repeats) for reading in annotated]
    asked += islice(_made_up(_names(annotated), Random(settings.seed)), settings.made_up)
    return [_row(prompt, reading["content"]) for prompt, reading in zip(_prompts(asked), asked, strict=True)]


def drills(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make rows that ask for the cards of a prompt alone: from them a model learns to copy long before it does from readings."""
    made = _made_up(_names(annotated), Random(settings.seed), first=DRILLS_FROM)
    asked = list(islice(made, settings.drills))
    return [
        _row(_lines_asked(prompt)[-1], _listed(reading["cards"]))
        for prompt, reading in zip(_prompts(asked), asked, strict=True)
    ]


def _lines_asked(prompt: str) -> list[str]:
    """Return the lines of a prompt on person, question and cards."""
    return prompt.split("\n\n")[1].splitlines()


def _listed(cards: list[dict]) -> str:
    return "、".join(card["card"] + ORIENTATION_WORDS[card["orientation"]].strip("()") for card in cards) + "。"


def _names(annotated: list[dict]) -> list[str]:
    return sorted({reading["person"] for reading in annotated if 1 < len(reading.get("person") or "") < 5})


def _made_up(names: list[str], rng: Random, first: int = 0) -> Iterator[dict]:
    """Make readings up that call every card by its canonical name, as the prompt does."""
    for index in count(first):
        named = rng.choice(names)[0] + rng.choice(names)[1:] if rng.random() < RENAMED else None
        reading = made_up(SEED, index, voice=VOICES[index % len(VOICES)], named=named)
        if any(card.name != card.card for card in reading.cards):
            continue
        cards = [
            {"card": card.card, "orientation": card.way, "position": card.position, "place": place}
            for place, card in enumerate(reading.cards, 1)
        ]
        yield _asked(reading.person, reading.question, reading.spread, cards, reading.content)


def _annotated(reading: dict) -> dict:
    return _asked(
        reading.get("person"), reading.get("question"), reading.get("spread"), reading["cards"], reading["content"]
    )


def _asked(person: str | None, question: str | None, spread: str | None, cards: list[dict], content: str) -> dict:
    """Return what a prompt needs, as in the table of readings, and the content."""
    fields = [field.name for field in READINGS["cards"].inner.fields]
    return {
        "person": person,
        "question": question,
        "draws": [{"draw": 1, "spread": spread, "spread_id": None}],
        "cards": [{name: card.get(name) for name in fields} | {"draw": 1} for card in cards],
        "content": content,
    }


def _prompts(asked: list[dict]) -> pl.Series:
    plain = stored(STORED)
    rows = [{name: reading[name] for name in ASKED} for reading in asked]
    return prompts(pl.DataFrame(rows, schema={name: plain[name] for name in ASKED}))


def _row(prompt: str, content: str) -> dict:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": content, "reasoning_content": None}],
        "chat_template_kwargs": {"enable_thinking": False},
    }


def make(annotated: Path, out: Path, overrides: dict[str, str], ctx: Context) -> Path:
    """Train the base into the folder `out`; a call that was killed is continued."""
    settings = recipes.load(TINY, overrides)
    readings = read_all(annotated)
    rows = corpus(readings, settings.pretraining)
    ctx.note("summary.base_start", n=len(rows), path=out)
    folder = pretrain(settings, rows, out, bar, drills=drills(readings, settings.pretraining))
    bar.close()
    ctx.note("summary.base_end", path=folder)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(str(files("tarot_train"))) / "bases" / TINY)
    parser.add_argument("--annotated", type=Path, default=Path("data/annotated"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the recipe")
    arguments = parser.parse_args()
    environment.prepare(Path("data"))
    bar.lang = environment.language([])
    overrides = dict(pair.split("=", 1) for pair in arguments.set)
    make(arguments.annotated, arguments.out, overrides, Context(Path("data"), False, bar.lang))
