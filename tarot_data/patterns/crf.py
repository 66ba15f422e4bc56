"""A linear-chain conditional random field over many sequences at once, in numpy: training, marginals.

Emissions are a linear function of sparse and dense features; every sequence is one reading, every step a sentence.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass
class Layout:
    """Position of each step in a padded (sequence, time) grid."""

    sequence: np.ndarray
    time: np.ndarray
    lengths: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        return np.arange(self.lengths.max(initial=0))[None, :] < self.lengths[:, None]


def layout(sequence: np.ndarray) -> Layout:
    """Build the grid. sequence: id of every step, ascending; ids without a step are skipped."""
    if not len(sequence):
        return Layout(sequence, sequence, np.zeros(0, dtype=np.int64))
    change = np.concatenate([[True], sequence[1:] != sequence[:-1]])
    dense = np.cumsum(change) - 1
    starts = np.nonzero(change)[0]
    return Layout(dense, np.arange(len(sequence)) - starts[dense], np.diff([*starts, len(sequence)]))


def marginals(
    emissions: np.ndarray, transitions: np.ndarray, begin: np.ndarray, end: np.ndarray, grid: Layout
) -> tuple[np.ndarray, np.ndarray, float]:
    """Compute (steps, states) probabilities, (states, states) expected transitions, and the log of the partition
    functions.

    emissions: (steps, states). transitions[i, j]: from state i to state j.
    """
    steps, states = emissions.shape
    if not steps:
        return emissions, np.zeros((states, states)), 0.0
    mask = grid.mask
    sequences, longest = mask.shape
    padded = np.zeros((longest, sequences, states))
    padded[grid.time, grid.sequence] = emissions
    padded[0] += begin
    padded[grid.lengths - 1, np.arange(sequences)] += end
    live = mask.T[:, :, None]
    # Scaled forward and backward sums: probabilities, not logs, with one scale a step.
    top = padded.max(axis=2, keepdims=True)
    local = np.exp(padded - top)
    move = np.exp(transitions)
    forward = np.empty_like(local)
    scale = np.ones((longest, sequences, 1))
    forward[0] = local[0]
    scale[0] = forward[0].sum(axis=1, keepdims=True)
    forward[0] /= scale[0]
    for t in range(1, longest):
        step = (forward[t - 1] @ move) * local[t]
        total = step.sum(axis=1, keepdims=True)
        forward[t] = np.where(live[t], step / total, forward[t - 1])
        scale[t] = np.where(live[t], total, 1.0)
    backward = np.ones_like(local)
    expected = np.zeros((states, states))
    for t in range(longest - 2, -1, -1):
        ahead = local[t + 1] * backward[t + 1] / scale[t + 1]
        backward[t] = np.where(live[t + 1], ahead @ move.T, 1.0)
        expected += forward[t].T @ np.where(live[t + 1], ahead, 0.0)
    expected *= move
    probabilities = (forward * backward)[grid.time, grid.sequence]
    log_partition = float((np.log(scale) + np.where(live, top, 0.0)).sum())
    return probabilities / probabilities.sum(axis=1, keepdims=True), expected, log_partition


SHUT = -200.0
"""Added to the score of a state that a step is known not to have; its exponential is negligible."""


@dataclass
class Weights:
    """sparse: (features, states). dense: (features, states). All float64 while training."""

    sparse: np.ndarray
    dense: np.ndarray
    transitions: np.ndarray
    begin: np.ndarray
    end: np.ndarray

    def emissions(self, sparse, dense: np.ndarray) -> np.ndarray:
        """Compute the emissions: (steps, states)."""
        return np.asarray(sparse @ self.sparse) + dense @ self.dense


def train(
    sparse, dense: np.ndarray, states: np.ndarray, sequence: np.ndarray, count: int,
    sparse_decay: float, dense_decay: float, transition_decay: float = 0.1, iterations: int = 120,
    hidden: np.ndarray | None = None,
) -> Weights:  # fmt: skip
    """Fit weights that maximise the likelihood of the states (steps,), less the squared weights times the decays.

    sparse: scipy CSR (steps, features). sequence: id of every step, ascending. count: number of states. hidden: steps
    whose state is not annotated; the likelihood is then that of the others, summed over the possible states of these.
    """
    from scipy.optimize import minimize

    n_sparse, n_dense = sparse.shape[1], dense.shape[1]
    sizes = [n_sparse * count, n_dense * count, count * count, count, count]
    edges = np.cumsum([0, *sizes])
    transposed = sparse.T.tocsr()
    parts = _parts(states, sequence, count, np.zeros(len(states), dtype=bool) if hidden is None else hidden)

    def unpack(flat: np.ndarray) -> Weights:
        parts = [flat[a:b] for a, b in zip(edges, edges[1:], strict=False)]
        return Weights(
            parts[0].reshape(n_sparse, count), parts[1].reshape(n_dense, count), parts[2].reshape(count, count),
            parts[3], parts[4],
        )  # fmt: skip

    decay = np.concatenate(
        [np.full(s, d) for s, d in zip(sizes, [sparse_decay, dense_decay, *[transition_decay] * 3], strict=True)]
    )

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = unpack(flat)
        emissions = w.emissions(sparse, dense)
        total, gap, moves = 0.0, np.zeros_like(emissions), np.zeros_like(w.transitions)
        begin, end = np.zeros_like(w.begin), np.zeros_like(w.end)
        for part in parts:
            lost, gap[part.rows], moved = _part_loss(part, emissions[part.rows], w)
            total += lost
            moves += moved
            begin += gap[part.rows][part.first].sum(axis=0)
            end += gap[part.rows][part.last].sum(axis=0)
        gradient = np.concatenate(
            [np.asarray(transposed @ gap).ravel(), (dense.T @ gap).ravel(), moves.ravel(), begin, end]
        )
        return total + 0.5 * (decay * flat * flat).sum(), gradient + decay * flat

    result = minimize(
        loss, np.zeros(edges[-1]), jac=True, method="L-BFGS-B", options={"maxiter": iterations, "maxcor": 12}
    )
    return unpack(result.x)


class _Part(NamedTuple):
    """Sequences of the same kind, with or without hidden steps. shut: added to emissions so that annotated steps keep
    their state, if others are hidden.

    first, last: the steps that begin and end a sequence. target, moves: how often each state, and each transition, is
    annotated.
    """

    rows: np.ndarray
    grid: Layout
    target: np.ndarray
    moves: np.ndarray
    first: np.ndarray
    last: np.ndarray
    shut: np.ndarray | None


def _parts(states: np.ndarray, sequence: np.ndarray, count: int, hidden: np.ndarray) -> list[_Part]:
    partly = np.isin(sequence, np.unique(sequence[hidden]))
    out = []
    for rows in (np.nonzero(~partly)[0], np.nonzero(partly)[0]):
        if not len(rows):
            continue
        grid = layout(sequence[rows])
        target = np.zeros((len(rows), count))
        target[np.arange(len(rows)), states[rows]] = 1
        moves = np.zeros((count, count))
        following = grid.time[1:] > 0
        np.add.at(moves, (states[rows][:-1][following], states[rows][1:][following]), 1)
        mine = hidden[rows].any()
        shut = np.where((target > 0) | hidden[rows][:, None], 0.0, SHUT) if mine else None
        last = grid.time == grid.lengths[grid.sequence] - 1
        out.append(_Part(rows, grid, target, moves, grid.time == 0, last, shut))
    return out


def _part_loss(part: _Part, emissions: np.ndarray, w: Weights) -> tuple[float, np.ndarray, np.ndarray]:
    """Compute the negative log-likelihood of a part, and its gradient by emissions and by transitions."""
    found, expected, log_partition = marginals(emissions, w.transitions, w.begin, w.end, part.grid)
    if part.shut is None:
        wanted, moves = part.target, part.moves
        gold = (
            (emissions * wanted).sum() + (moves * w.transitions).sum() + (wanted[part.first] @ w.begin).sum()
            + (wanted[part.last] @ w.end).sum()
        )  # fmt: skip
    else:
        wanted, moves, gold = marginals(emissions + part.shut, w.transitions, w.begin, w.end, part.grid)
    return log_partition - gold, found - wanted, expected - moves
