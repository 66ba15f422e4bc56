"""Calibration of the labeller's probabilities on sentences of voices it has not seen.

A calibrated probability is proportional to p ** sharpness * exp(offset of the state). Training is surer of its own voices
than it may be of others, and more of some labels than of others.
"""

import numpy as np

DECAY = 1.0
"""Weight of the squared distance from no change, in sentences."""


def none(states: int) -> np.ndarray:
    """Return the calibration that changes nothing: sharpness 1, then an offset of 0 for each state."""
    return np.concatenate([[1.0], np.zeros(states)])


def calibrated(probabilities: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Calibrate probabilities (sentences, states)."""
    score = calibration[0] * np.log(np.maximum(probabilities, 1e-12)) + calibration[1:]
    score = np.exp(score - score.max(axis=1, keepdims=True))
    return score / score.sum(axis=1, keepdims=True)


def fit(probabilities: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Find the calibration under which the annotated states (sentences,) are likeliest."""
    # Takes 0.4 s, and only training needs it.
    from scipy.optimize import minimize

    logs = np.log(np.maximum(probabilities, 1e-12))
    start, rows = none(probabilities.shape[1]), np.arange(len(states))

    def loss(calibration: np.ndarray) -> tuple[float, np.ndarray]:
        found = calibrated(probabilities, calibration)
        change = calibration - start
        gap = found.copy()
        gap[rows, states] -= 1
        lost = -np.log(np.maximum(found[rows, states], 1e-12)).sum() + 0.5 * DECAY * change @ change
        return lost, np.concatenate([[(gap * logs).sum()], gap.sum(axis=0)]) + DECAY * change

    return minimize(loss, start, jac=True, method="L-BFGS-B").x
