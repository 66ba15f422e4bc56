"""Measure of meaning: on which side of opposites a reading puts a card, against where readers put it.

`tables/axes.csv` has pairs of opposite ideas with the words of both sides, `tables/sides.csv` the side a card belongs to, upright
and reversed, and the fitted `tables/card_sides.csv` how often readers use words of each side for it, the rows of the former
counted in.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache

import opencc

from tarot_train.score_cards import about
from tarot_train.score_lines import drawn, is_negated
from tarot_train.score_text import Measured, Text, fitted, of_fitted
from tarot_train.tables import read_table

Side = tuple[str, bool]
"""An axis, and whether it is its first side."""

AGAINST, FOR = 1.5, 1.0
"""Most that one idea counts against a card, and for it. Two words of one side count, not more."""


@cache
def _sides_of_words() -> dict[str, list[Side]]:
    out = defaultdict(list)
    for row in read_table("axes"):
        for side in ("one", "other"):
            for word in row[side].split("|"):
                out[word].append((row["axis"], side == "one"))
    return out


@cache
def _words() -> re.Pattern[str]:
    """Compile the words of both sides, the longest first."""
    return re.compile("|".join(map(re.escape, sorted(_sides_of_words(), key=len, reverse=True))))


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def sides_used(texts: Iterable[str]) -> Counter[Side]:
    """Count the words of each side in sentences, the longest at each place; a negated word counts for the other side."""
    count = Counter()
    for text in map(_simplifier().convert, texts):
        for match in _words().finditer(text):
            negated = is_negated(text, match.start())
            count.update((axis, one != negated) for axis, one in _sides_of_words()[match[0]])
    return count


@of_fitted
def card_sides() -> dict[tuple[str, str], dict[Side, float]]:
    """Map a card and its orientation to the log-odds of each side, against readings of all cards."""
    out = {}
    for row in fitted("card_sides"):
        given = (part.split(":") for part in row["sides"].split())
        out[row["card"], row["orientation"]] = {
            (axis, one): float(odds) for axis, *both in given for one, odds in zip((True, False), both, strict=True)
        }
    return out


def side(card: str, orientation: str, texts: Iterable[str]) -> float:
    """Return how far what is said of a card is on its side: 0 if nothing tells, negative if it is on the other one."""
    odds = card_sides().get((card, orientation), {})
    return sum(min(n, 2) * max(-AGAINST, min(FOR, odds.get(used, 0.0))) for used, n in sides_used(texts).items())


def wrong_side(text: Text) -> Measured:
    """Return how far the drawn cards are put on the side of their opposites: the worst card, and the mean of all."""
    found = []
    for card, orientation in drawn(text.reading).items():
        lines = [line for line in about(text, card) if "card_interpretation" in line.labels]
        found.append((-min(0.0, side(card, orientation, (line.text.replace(card, "") for line in lines))), lines))
    worst, lines = max(found, key=lambda one: one[0], default=(0.0, []))
    return Measured(0.5 * worst + 0.5 * sum(value for value, _ in found) / max(1, len(found)), lines if worst else [])
