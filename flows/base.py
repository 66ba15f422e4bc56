"""`make base`: train the small base of the package again, from made-up and annotated readings.

Its text holds nothing of the bundled sample, and none of the made-up readings of the demo.
"""

import argparse
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from random import Random
from string import ascii_lowercase

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

COPIES_SEED = 5
"""Seed of the names and sentences that are repeated word for word."""

VOICES = ("notes", "formal")
"""The written voices; the demo's reader has one of them."""

DRILLS_FROM, ANSWERS_FROM, OPENINGS_FROM = 1_000_000, 2_000_000, 3_000_000
"""Numbers of the first made-up readings of the drills, of the second stage and of its drills."""

RENAMED = 0.7
"""Share of made-up readings for a person whose name is made of two names: so many that it is copied, not known."""


def corpus(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make the readings the base learns, with their prompts. The same settings give the same rows.

    annotated: readings as `gold.read_all` returns them.
    """
    asked = [_annotated(reading) for _ in range(settings.repeats) for reading in annotated]
    asked += islice(_made_up(_names_of_two(annotated, Random(settings.seed))), settings.made_up)
    return [_row(prompt, reading["content"]) for prompt, reading in zip(_prompts(asked), asked, strict=True)]


def drills(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make rows that ask for the cards of a prompt alone: from them a model learns to copy long before it does from readings."""
    made = _made_up(_names_of_two(annotated, Random(settings.seed)), first=DRILLS_FROM)
    asked = list(islice(made, settings.drills))
    return [
        _row(_lines_asked(prompt)[-1], _listed(reading["cards"]))
        for prompt, reading in zip(_prompts(asked), asked, strict=True)
    ]


def answers(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make the readings of the second stage: persons have new names, and questions are composed, so that both must be copied."""
    rng = Random(settings.seed)
    asked = [_annotated(reading) for _ in range(settings.repeats) for reading in annotated]
    asked += islice(_made_up(_new_names(annotated, rng), first=ANSWERS_FROM, composed=True), settings.made_up)
    return [_row(prompt, reading["content"]) for prompt, reading in zip(_prompts(asked), asked, strict=True)]


def openings(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make the drills of the second stage: the lines of a prompt on person, question and cards, and the opening of its reading.

    The questions are parts of sentences of annotated readings: there are so many that none can be known.
    """
    rng = Random(settings.seed)
    parts = _parts_of_sentences(annotated)
    made = islice(_made_up(_new_names(annotated, rng), first=OPENINGS_FROM, composed=True), settings.drills)
    asked = []
    for reading in made:
        question = rng.choice(parts)
        opening = reading["content"].split("\n\n")[0].replace(reading["question"], question)
        asked.append(reading | {"question": question, "content": opening})
    # Without the request for a reading: a whole prompt would be answered by an opening alone.
    lines = ("\n".join(_lines_asked(prompt)) for prompt in _prompts(asked))
    return [_row(prompt, reading["content"]) for prompt, reading in zip(lines, asked, strict=True)]


def copies(annotated: list[dict], settings: Pretraining) -> list[dict]:
    """Make rows that repeat their prompt, a name and parts of sentences: from nothing else does a model learn to copy so soon."""
    rng = Random(COPIES_SEED)
    names, parts = _new_names(annotated, rng), _parts_of_sentences(annotated)
    texts = ("，".join([next(names), *rng.sample(parts, rng.randint(1, 4))]) for _ in range(settings.copies))
    return [_row(text, text) for text in texts]


def _parts_of_sentences(annotated: list[dict]) -> list[str]:
    """List the parts of sentences, 5 to 20 letters without a mark, each once."""
    text = "\n".join(reading["content"] for reading in annotated)
    return sorted({part for part in re.findall(r"[^\W\d_]+", text) if 5 <= len(part) <= 20})


def _new_names(annotated: list[dict], rng: Random) -> Iterator[str]:
    """Make names up: two or three characters, one twice, or Latin letters."""
    found = Counter(letter for reading in annotated for letter in reading["content"])
    characters = sorted(x for x, n in found.items() if n >= 5 and x.isalpha() and not x.isascii())
    while True:
        kind = rng.random()
        if kind < 0.1:
            yield "".join(rng.choices(ascii_lowercase, k=rng.randint(2, 6))).capitalize()
        elif kind < 0.3:
            yield rng.choice(characters) * 2
        else:
            yield "".join(rng.choices(characters, k=rng.choice((2, 2, 3))))


def _lines_asked(prompt: str) -> list[str]:
    """Return the lines of a prompt on person, question and cards."""
    return prompt.split("\n\n")[1].splitlines()


def _listed(cards: list[dict]) -> str:
    return "、".join(card["card"] + ORIENTATION_WORDS[card["orientation"]].strip("()") for card in cards) + "。"


def _names(annotated: list[dict]) -> list[str]:
    return sorted({reading["person"] for reading in annotated if 1 < len(reading.get("person") or "") < 5})


def _names_of_two(annotated: list[dict], rng: Random) -> Iterator[str | None]:
    """Make names of two names; None, a person of the tables, between them."""
    names = _names(annotated)
    while True:
        yield rng.choice(names)[0] + rng.choice(names)[1:] if rng.random() < RENAMED else None


def _made_up(names: Iterator[str | None], first: int = 0, composed: bool = False) -> Iterator[dict]:
    """Make readings up that call every card by its canonical name, as the prompt does."""
    for index in count(first):
        reading = made_up(SEED, index, voice=VOICES[index % len(VOICES)], named=next(names), composed=composed)
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
    """Train the base into the folder `out` in two stages; a call that was killed is continued."""
    settings = recipes.load(TINY, overrides)
    readings = read_all(annotated)
    rows, later = corpus(readings, settings.pretraining), answers(readings, settings.second)
    ctx.note("summary.base_start", n=len(rows) + len(later), path=out)
    start = out.with_name(f".{out.name}.first")
    pretrain(settings, rows, start, bar, drills=drills(readings, settings.pretraining))
    repeated = copies(readings, settings.second)
    short = openings(readings, settings.second) + repeated
    folder = pretrain(settings, later, out, bar, drills=short, copies=repeated, start=start)
    shutil.rmtree(start, ignore_errors=True)
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
