"""The place of a reading among readings of like length that persons wrote: per measure, what it costs to be below or above.

`tables/places.csv` is fitted on the annotated readings (`benchmarks/fit_scores.py`): the usual range of each measure at a few
lengths, over all voices, each voice counted the same, and the weights of being outside it.
"""

from bisect import bisect_left
from functools import cache
from math import exp, log
from typing import NamedTuple

from tarot_train.score_lines import Line, finding
from tarot_train.score_measures import MEASURES
from tarot_train.score_text import Text
from tarot_train.tables import read_table

TELLING = 0.5
"""Least cost that an explanation mentions."""

EXAMPLES = 3
"""Sentences shown for a measure."""

NO_RANGE = 0.3
"""Width of the range of a measure that is 0 in nineteen of twenty readings."""


class Place(NamedTuple):
    """low, high: where costs begin. least, most: the range of nine in ten readings. below, above: cost of its width."""

    low: float
    high: float
    least: float
    most: float
    below: float
    above: float

    def distance(self, value: float) -> tuple[float, float]:
        """Return how far a value is below `low` and above `high`, in widths of the range; at most 1.5 and 3."""
        width = self.most - self.least or NO_RANGE
        return min(max((self.low - value) / width, 0.0), 1.5), min(max((value - self.high) / width, 0.0), 3.0)


def places(letters: int) -> dict[str, Place]:
    """Return the places of all measures at a length, between those of the lengths that were fitted."""
    return mixed(letters, _places())


def mixed(letters: int, fitted: dict[int, dict[str, Place]]) -> dict[str, Place]:
    """Mix the places of the lengths around one. fitted: length -> measure -> place."""
    shares = between(letters, tuple(fitted))
    parts = range(len(Place._fields))
    return {
        name: Place(*(sum(share * fitted[at][name][i] for at, share in shares) for i in parts)) for name in MEASURES
    }


@cache
def _places() -> dict[int, dict[str, Place]]:
    """Map a length to measure -> place."""
    out: dict[int, dict[str, Place]] = {}
    for row in read_table("places"):
        place = Place(*(float(row[column]) for column in Place._fields))
        out.setdefault(int(row["letters"]), {})[row["measure"]] = place
    return out


def between(letters: int, lengths: tuple[int, ...]) -> list[tuple[int, float]]:
    """Return the lengths around a length with their shares, by logarithm; [(the nearest, 1.0)] outside all of them."""
    above = bisect_left(lengths, letters)
    if above in (0, len(lengths)):
        return [(lengths[min(above, len(lengths) - 1)], 1.0)]
    low, high = lengths[above - 1 : above + 1]
    share = log(letters / low) / log(high / low)
    return [(low, 1 - share), (high, share)]


def costs(text: Text) -> tuple[dict[str, float], dict[str, list[dict]]]:
    """Return the cost of all measures per dimension, and findings on those that cost most."""
    here = places(text.length)
    cost: dict[str, float] = {}
    findings: dict[str, list[dict]] = {}
    for name, (dimension, _, measure) in MEASURES.items():
        place, found = here[name], measure(text)
        below, above = place.distance(found.value)
        worth = place.below * below + place.above * above
        cost[dimension] = cost.get(dimension, 0.0) + worth
        if worth >= TELLING:
            shown: list[Line | None] = [*found.lines[:EXAMPLES]] or [None]
            values = {
                "measure": name,
                "value": round(found.value, 2),
                "least": round(place.least, 2),
                "most": round(place.most, 2),
            }
            findings.setdefault(dimension, []).extend(finding("-", "unusual", line, **values) for line in shown)
    return cost, findings


def overall(figures: dict[str, float], cost: float, letters: int) -> float:
    """Combine the six figures (0 to 1, before their costs) and the costs of all measures to a figure from 0 to 1.

    The bias is higher for short readings: one that has everything in few words does not lose to a long bad one.
    """
    scale = _scale()
    bias = sum(share * scale[at]["bias"] for at, share in between(letters, tuple(scale)))
    weights = next(iter(scale.values()))
    odds = sum(weights[name] * logit(figure) for name, figure in figures.items()) + bias - cost
    return 1 / (1 + exp(-odds))


def logit(share: float) -> float:
    """Log-odds; a figure of 0.15 or less is as bad as any, since good readings of some voices have one."""
    share = min(max(share, 0.15), 0.97)
    return log(share / (1 - share))


@cache
def _scale() -> dict[int, dict[str, float]]:
    """Map a length to {bias, and the weight of each figure}; the weights are the same at all lengths."""
    return {int(row["letters"]): {name: float(row[name]) for name in row} for row in read_table("scale")}
