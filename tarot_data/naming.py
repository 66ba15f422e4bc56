"""Which drawn cards a sentence speaks of: by name, rank, picture, position or pronoun, or because it goes on about one."""

from typing import NamedTuple

import numpy as np

from tarot_data.features import Batch, Pairs


class Weights(NamedTuple):
    unused: np.ndarray


def train() -> Weights:
    return Weights(np.zeros(1))


def to_arrays(weights: Weights) -> dict[str, np.ndarray]:
    return {"naming": weights.unused}


def from_arrays(arrays: dict[str, np.ndarray]) -> Weights:
    return Weights(arrays["naming"])


def name_cards(batch: Batch, pairs: Pairs, labels: list[list[str]], weights: Weights) -> list[list[int]]:
    """Card ids of every sentence, in drawing order."""
    out: list[list[int]] = []
    current, previous, owner = -1, -1, -1
    for s in range(batch.size):
        if batch.s_reading[s] != owner:
            current, previous, owner = -1, -1, batch.s_reading[s]
        drawn = batch.drawn[owner]
        span = slice(pairs.first[s], pairs.first[s + 1])
        named, image, rank, position = pairs.named[span], pairs.image[span], pairs.rank[span], pairs.position[span]
        chosen = set(np.nonzero(named)[0].tolist())
        weak = image + rank + position
        if "card_link" in labels[s]:
            if len(chosen) < 2:
                chosen |= set(np.nonzero(weak >= 1)[0].tolist())
            for slot in (current, previous):
                if len(chosen) < 2 and slot >= 0:
                    chosen.add(slot)
        elif "card_interpretation" in labels[s] or "other" in labels[s]:
            if not chosen:
                if position.any():
                    chosen = {int(position.argmax())}
                elif weak.any() and weak.max() > 1 and (current < 0 or weak[current] == 0):
                    chosen = {int(weak.argmax())}
                elif current >= 0:
                    chosen = {current}
                elif weak.any():
                    chosen = {int(weak.argmax())}
            if len(chosen) == 1 and "other" not in labels[s] or named.any():
                slot = next(iter(chosen), -1)
                if slot != current:
                    current, previous = slot, current
            if "other" in labels[s]:
                chosen = set()
        out.append([drawn[slot] for slot in sorted(chosen)])
    return out
