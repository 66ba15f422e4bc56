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
