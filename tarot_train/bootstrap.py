"""Bootstrap intervals of differences between two models on the same examples."""

import random
from collections.abc import Sequence

RESAMPLES = 2000


def mean_difference(base: Sequence[float], tuned: Sequence[float], seed: int = 0) -> dict[str, float]:
    """Return {mean, low, high} of tuned minus base, paired; 95 % of the resamples are between low and high."""
    return ratio_difference([(b, 1.0) for b in base], [(t, 1.0) for t in tuned], seed)


def ratio_difference(
    base: Sequence[tuple[float, float]], tuned: Sequence[tuple[float, float]], seed: int = 0
) -> dict[str, float]:
    """Return {mean, low, high} of tuned minus base, each a ratio of sums over pairs such as (summed loss, tokens).

    Pair i of both belongs to the same example; resamples draw examples, so their dependence is kept. 95 % interval by
    percentiles. Raises ValueError if the two differ in length or are empty.
    """
    if len(base) != len(tuned) or not base:
        raise ValueError(f"{len(base)} pairs of the base, {len(tuned)} of the tuned model")
    chance = random.Random(seed)
    count = len(base)

    def difference(picked: Sequence[int]) -> float:
        below = [sum(pairs[i][1] for i in picked) for pairs in (base, tuned)]
        above = [sum(pairs[i][0] for i in picked) for pairs in (base, tuned)]
        return above[1] / below[1] - above[0] / below[0]

    drawn = sorted(difference([chance.randrange(count) for _ in range(count)]) for _ in range(RESAMPLES))
    return {
        "mean": difference(range(count)),
        "low": drawn[int(0.025 * RESAMPLES)],
        "high": drawn[int(0.975 * RESAMPLES) - 1],
    }
