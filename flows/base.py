"""`make base`: train the small base of the package again, from made-up and annotated readings.

Its text holds nothing of the bundled sample, and no made-up reading in the voice of the demo, so that the demo can show what
tuning adds.
"""

import argparse
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from random import Random

import polars as pl

from flows.commands.declare import Context
from flows.demo import VOICE
from flows.runtime import environment
from flows.runtime.progress import bar
from schemas.tables import READINGS, STORED, stored
from tarot_data.dataset.prompt import ASKED, prompts
from tarot_data.patterns.gold import read_all
from tarot_data.synthetic.grammar import made_up
from tarot_data.synthetic.tables import tables
from tarot_train import recipe as recipes
from tarot_train.base_model import TINY
from tarot_train.pretraining import pretrain
from tarot_train.recipe import Pretraining

SEED = 70_001
"""Seed of its made-up readings; that of the demo is 0."""

RENAMED = 0.7
"""Share of made-up readings for a person of the annotated readings: many names, so that a name is copied, not known."""


def corpus(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make the rows the base learns: prompt and reading, or a reading as plain text. The same settings give the same rows.

    annotated: readings as `gold.read_all` returns them.
    """
    rng = Random(settings.seed)
    names = sorted({reading["person"] for reading in annotated if 1 < len(reading.get("person") or "") < 5})
    asked = [_annotated(reading) for reading in annotated] * settings.repeats
    plain = [number % 2 == 1 for number in range(settings.repeats) for _ in annotated]
    asked += _made_up(settings.made_up, names, rng)
    plain += [rng.random() < 0.1 for _ in range(settings.made_up)]
    # Cards, names and questions once more: a model learns to copy from these long before it does from readings.
    drills = [number >= len(asked) for number in range(len(asked) + settings.drills)]
    asked += _made_up(settings.drills, names, rng, first=settings.made_up)
    plain += [True] * settings.drills
    frame = pl.DataFrame([{name: reading[name] for name in ASKED} for reading in asked], schema=_schema())
    return [
        _row(None if without_prompt else prompt, _twice(prompt) if drill else reading["content"])
        for prompt, reading, without_prompt, drill in zip(prompts(frame), asked, plain, drills, strict=True)
    ]


def _twice(prompt: str) -> str:
    """The lines of a prompt on person, question and cards, two times."""
    asked = prompt.split("\n\n")[1]
    return f"{asked}\n\n{asked}"


def _made_up(n: int, names: list[str], rng: Random, first: int = 0) -> Iterator[dict]:
    voices = [voice for voice in tables().voices[0] if voice != VOICE]
    for index in range(first, first + n):
        named = rng.choice(names) if names and rng.random() < RENAMED else None
        reading = made_up(SEED, index, voice=voices[index % len(voices)], named=named)
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
    """What a prompt needs, as in the table of readings, and the content."""
    fields = [field.name for field in READINGS["cards"].inner.fields]
    return {
        "person": person,
        "question": question,
        "draws": [{"draw": 1, "spread": spread, "spread_id": None}],
        "cards": [{name: card.get(name) for name in fields} | {"draw": 1} for card in cards],
        "content": content,
    }


def _schema() -> dict:
    plain = stored(STORED)
    return {name: plain[name] for name in ASKED}


def _row(prompt: str | None, content: str) -> dict:
    return {
        "prompt": [{"role": "user", "content": prompt}] if prompt else [],
        "completion": [{"role": "assistant", "content": content, "reasoning_content": None}],
        "chat_template_kwargs": {"enable_thinking": False},
    }


def make(annotated: Path, out: Path, overrides: dict[str, str], ctx: Context) -> Path:
    """Train the base into the folder `out`; a call that was killed is continued."""
    settings = recipes.load(TINY, overrides)
    rows = corpus(read_all(annotated), settings.pretraining)
    ctx.note("summary.base_start", n=len(rows), path=out)
    folder = pretrain(settings, rows, out, bar)
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
