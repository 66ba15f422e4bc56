"""The place of a reading among readings that persons wrote: per measure, what it costs to be below or above them.

`tables/places.csv` is fitted on the annotated readings (`benchmarks/fit_scores.py`): the usual range of each measure over
all voices, each voice counted the same, and the weights of being outside it.
"""

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
        """How far a value is below `low` and above `high`, in widths of the range; at most 1.5 and 3."""
        width = self.most - self.least or NO_RANGE
        return min(max((self.low - value) / width, 0.0), 1.5), min(max((value - self.high) / width, 0.0), 3.0)


@cache
def places() -> dict[str, Place]:
    columns = Place._fields
    return {row["measure"]: Place(*(float(row[column]) for column in columns)) for row in read_table("places")}


def costs(text: Text) -> tuple[dict[str, float], dict[str, list[dict]]]:
    """Return the cost of all measures per dimension, and findings on those that cost most."""
    cost: dict[str, float] = {}
    findings: dict[str, list[dict]] = {}
    for name, (dimension, _, measure) in MEASURES.items():
        place, found = places()[name], measure(text)
        below, above = place.distance(found.value)
        worth = place.below * below + place.above * above
        cost[dimension] = cost.get(dimension, 0.0) + worth
        if worth >= TELLING:
            shown: list[Line | None] = [*found.lines[:EXAMPLES]] or [None]
            values = {"measure": name, "value": round(found.value, 2), "least": place.least, "most": place.most}
            findings.setdefault(dimension, []).extend(finding("-", "unusual", line, **values) for line in shown)
    return cost, findings


def overall(mean: float, cost: float) -> float:
    """Combine the mean of the figures (0 to 1) and the costs of all measures to a figure from 0 to 1."""
    scale = _scale()
    odds = scale["mean"] * logit(mean) + scale["bias"] - cost
    return 1 / (1 + exp(-odds))


def logit(share: float) -> float:
    share = min(max(share, 0.005), 0.995)
    return log(share / (1 - share))


@cache
def _scale() -> dict[str, float]:
    return {row["name"]: float(row["value"]) for row in read_table("scale")}
