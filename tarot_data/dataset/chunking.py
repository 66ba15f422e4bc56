"""Chunking: divide a reading that is too long for one example, each part with the cards it mentions.

Seams, best first: another draw, a heading, another card, a paragraph, a line, a sentence. One more part is made if that
avoids a cut inside a paragraph, and parts have even lengths if nothing else decides. Sentences are never cut: one that is
over the budget alone stays a part, which training counts and leaves out.
"""

import re
from collections.abc import Callable

from tarot_data.cards.mentions import find_cards
from tarot_data.text.numerals import NUMERALS

Count = Callable[[str], int]
"""Tokens of a text."""

SEAMS = {"draw": 0.0, "heading": 1.0, "card": 2.0, "paragraph": 5.0, "line": 8.0, "sentence": 12.0}
"""Cost of a cut. The order was tried on the annotated readings; the values are ours."""

A_PART = 4.0
"""Cost of each part: one more, cut at a heading, is cheaper than a cut at a line or sentence."""

_HEADING = re.compile(rf"\s*(?:#{{1,6}}\s|[【\[《]|\*\*|[{NUMERALS}]{{1,3}}[、.]|\d{{1,2}}[、.)）]|[📍🔹🔸▶️✦★●■])")
"""Beginning of a line that heads a section."""

_HEADLINE, _UNMARKED = 24, 12
"""Characters of a line that may be a heading, with and without a mark at its beginning."""


def parts(row: dict, limit: int, count: Count) -> list[dict]:
    """Divide a reading into parts: dicts of draws, cards, content and sentences, with offsets within the part.

    row: draws, cards, content and sentences ({start, end, labels, cards}). limit: tokens the content of a part may have.
    A reading that fits is one part.
    """
    content, sentences = row["content"], row["sentences"] or []
    if count(content) <= limit or len(sentences) < 2:
        return [_part(row, 0, len(content), sentences)]
    starts = [0] + [sentence["start"] for sentence in sentences[1:]]
    ends = [*starts[1:], len(content)]
    sizes = [count(content[start:end]) for start, end in zip(starts, ends, strict=True)]
    costs = seams(row, starts)
    cuts = _cheapest(sizes, costs, limit)
    bounds = [*cuts, len(sentences)]
    return [
        _part(row, starts[first], ends[last - 1], sentences[first:last])
        for first, last in zip(bounds, bounds[1:], strict=False)
    ]


def seams(row: dict, starts: list[int]) -> list[float]:
    """Return the cost of beginning a part with each sentence; infinite right after a heading, which belongs to what follows."""
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
        spoken = sentences[place : place + (2 if heads[place] else 1)]  # a heading is about the sentence after it
        named = [card for sentence in spoken for card in sentence["cards"] if card in draw_of]
        kinds = [_line_seam(content[:start]), *(["heading"] if heads[place] else [])]
        if named and (heads[place] or "card_interpretation" in sentences[place]["labels"]):
            kinds += ["card"] if named[0] not in seen else []
            kinds += ["draw"] if draw not in (None, draw_of[named[0]]) else []
            draw = draw_of[named[0]]
        out.append(min(SEAMS[kind] for kind in kinds))
        seen.update(named)
    return out


def _line_seam(before: str) -> str:
    """Return the kind of seam by the line breaks at the end of the text before it."""
    before = before.rstrip(" \t")
    return "paragraph" if before.endswith("\n\n") else "line" if before.endswith("\n") else "sentence"


def _heads(content: str, start: int, labels: list[str]) -> bool:
    """Check whether a heading begins here: a line with a heading mark, or a short one labelled `other`."""
    if not (start == 0 or content[:start].rstrip(" \t").endswith("\n")):
        return False
    line, _, rest = content[start:].partition("\n")
    line = line.strip()
    if not rest or not line or line[-1] in "。！？!?…，,～~":
        return False
    marked = len(line) <= _HEADLINE and bool(_HEADING.match(line))
    return marked or (len(line) <= _UNMARKED and labels == ["other"])


def _cheapest(sizes: list[int], costs: list[float], limit: int) -> list[int]:
    """Choose the sentences that begin a part, at the least cost; only a single sentence may be over limit."""
    best: list[tuple[float, float, list[int]]] = [(0.0, 0.0, [])]
    for last in range(1, len(sizes) + 1):
        size, found = 0, []
        for first in range(last - 1, -1, -1):
            size += sizes[first]
            if size > limit and first < last - 1:
                break
            cost, uneven, cuts = best[first]
            # A forbidden seam costs more than all others together, but is better than no cut.
            seam = min(costs[first], 1000.0) if first else 0.0
            found.append((cost + A_PART + seam, uneven + (size / limit) ** 2, [*cuts, first]))
        best.append(min(found))
    return best[-1][2]


def _part(row: dict, start: int, end: int, sentences: list[dict]) -> dict:
    """Cut out start to end, with the cards it names in drawing order, or all cards if it names none."""
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
