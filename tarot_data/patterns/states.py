"""The labels a sentence may have, as the states of the labeller."""

import numpy as np

from schemas.deck import LABELS

STATES = (
    ("opening",),
    ("card_interpretation",),
    ("card_link",),
    ("advice",),
    ("closing",),
    ("other",),
    ("card_interpretation", "advice"),
    ("card_link", "opening"),
    ("card_link", "advice"),
)
"""The labels a sentence may have. Two rarer pairs (one sentence each of 3,098) are learned as their first label."""

CARRIES = np.array([[label in state for label in LABELS] for state in STATES], dtype=float)
"""(states, labels) whether the state has the label."""


def _state_of(first: str, second: str) -> int:
    """Return the state of two labels in either order, or of one given twice; the first label's if no state has both.

    Two labels are both likelier than not only if some state has both.
    """
    wanted = {first, second}
    return next((number for number, state in enumerate(STATES) if set(state) == wanted), STATES.index((first,)))


STATE_OF = np.array([[_state_of(first, second) for second in LABELS] for first in LABELS])
"""(labels, labels) the state of a pair of labels; on the diagonal that of one label."""
