"""A reading too long for one example, divided at its own seams, each part with the cards it speaks of.

Seams, the better first: where the text turns to another draw, a heading, where it comes to another card, a paragraph, a
line, a sentence. A part more is taken where it saves cutting through a paragraph, parts of even length where nothing
else decides. Nothing is cut inside a sentence: a single sentence over the budget stays a part of its own, and whoever trains counts and leaves it out.
"""

import re
from collections.abc import Callable

from tarot_data.cards.mentions import find_cards
from tarot_data.text.numerals import NUMERALS

Count = Callable[[str], int]
"""Tokens of a text."""

SEAMS = {"draw": 0.0, "heading": 1.0, "card": 2.0, "paragraph": 5.0, "line": 8.0, "sentence": 12.0}
"""What it costs to cut there. No paper: an order, tried on the annotated readings."""

A_PART = 4.0
"""What each part costs: one more is worth it between headings where the alternative is a line or a sentence."""

_HEADING = re.compile(rf"\s*(?:#{{1,6}}\s|[【\[《]|\*\*|[{NUMERALS}]{{1,3}}[、.]|\d{{1,2}}[、.)）]|[📍🔹🔸▶️✦★●■])")
"""How a line that heads a section begins."""

_HEADLINE, _UNMARKED = 24, 12
"""Characters of a line that may be a heading, with and without a mark at its beginning."""


def parts(row: dict, room: int, count: Count) -> list[dict]:
    """Parts of a reading: dicts of draws, cards, content and sentences, the sentences' offsets within the part.

    row: draws, cards, content and sentences ({start, end, labels, cards}). room: tokens a part's content may have.
    One part, the whole, where it fits.
    """
    content, sentences = row["content"], row["sentences"] or []
    if count(content) <= room or len(sentences) < 2:
        return [_part(row, 0, len(content), sentences)]
    starts = [0] + [sentence["start"] for sentence in sentences[1:]]
    ends = [*starts[1:], len(content)]
    sizes = [count(content[start:end]) for start, end in zip(starts, ends, strict=True)]
    costs = seams(row, starts)
    cuts = _cheapest(sizes, costs, room)
    bounds = [*cuts, len(sentences)]
    return [
        _part(row, starts[first], ends[last - 1], sentences[first:last])
        for first, last in zip(bounds, bounds[1:], strict=False)
    ]


def seams(row: dict, starts: list[int]) -> list[float]:
    """What it costs to begin a part with each sentence; infinite right behind a heading, which belongs to what follows."""
    content, sentences = row["content"], row["sentences"]
    draw_of = {card["card"]: card["draw"] for card in row["cards"]}
    heads = [_heads(content, start, s["labels"]) for start, s in zip(starts, sentences, strict=True)]
    out: list[float] = []
    seen: set[str] = set()
    draw = None
    for place, start in enumerate(starts):
        if place and heads[place - 1]:
            out.append(float("inf"))
            continue
        # A heading speaks of what follows it.
        spoken = sentences[place : place + (2 if heads[place] else 1)]
        named = [card for sentence in spoken for card in sentence["cards"] if card in draw_of]
        told = heads[place] or "card_interpretation" in sentences[place]["labels"]
        kinds = ["sentence"]
        if content[:start].rstrip(" \t").endswith("\n"):
            kinds.append("paragraph" if content[:start].rstrip(" \t").endswith("\n\n") else "line")
        if heads[place]:
            kinds.append("heading")
        if told and named and named[0] not in seen:
            kinds.append("card")
        if told and named and draw not in (None, draw_of[named[0]]):
            kinds.append("draw")
        out.append(min(SEAMS[kind] for kind in kinds))
        seen.update(named)
        draw = draw_of[named[0]] if told and named else draw
    return out


def _heads(content: str, start: int, labels: list[str]) -> bool:
    """Whether a line of its own begins here that reads like a heading: by its mark, or short and no pattern at all."""
    if not (start == 0 or content[:start].rstrip(" \t").endswith("\n")):
        return False
    line, _, rest = content[start:].partition("\n")
    line = line.strip()
    if not rest or not line or line[-1] in "。！？!?…，,～~":
        return False
    marked = len(line) <= _HEADLINE and bool(_HEADING.match(line))
    return marked or (len(line) <= _UNMARKED and labels == ["other"])


def _cheapest(sizes: list[int], costs: list[float], room: int) -> list[int]:
    """Which sentences begin a part: no part over room but of a single sentence, at the least cost."""
    best: list[tuple[float, float, list[int]]] = [(0.0, 0.0, [])]
    for last in range(1, len(sizes) + 1):
        size, found = 0, []
        for first in range(last - 1, -1, -1):
            size += sizes[first]
            if size > room and first < last - 1:
                break
            cost, uneven, cuts = best[first]
            # A forbidden seam is still better than none: it costs more than all others together.
            seam = min(costs[first], 1000.0) if first else 0.0
            found.append((cost + A_PART + seam, uneven + (size / room) ** 2, [*cuts, first]))
        best.append(min(found))
    return best[-1][2]


def _part(row: dict, start: int, end: int, sentences: list[dict]) -> dict:
    """The text from start to end with the cards it names, in drawing order; all of them where it names none."""
    text = row["content"][start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    whole = len(text) == len(row["content"].strip())
    named = {card for sentence in sentences for card in sentence["cards"]}
    named |= {mention.card for mention in find_cards(text, [card["card"] for card in row["cards"]])}
    cards = [card for card in row["cards"] if whole or card["card"] in named] or row["cards"]
    numbers = {card["draw"] for card in cards}
    moved = [s | {"start": max(0, s["start"] - start), "end": s["end"] - start} for s in sentences]
    draws = [draw for draw in row["draws"] if draw["draw"] in numbers]
    return {"draws": draws, "cards": cards, "content": text, "sentences": moved}
