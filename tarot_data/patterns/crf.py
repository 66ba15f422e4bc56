"""A linear-chain conditional random field over many sequences at once, in numpy: training, marginals.

Emissions are a linear function of sparse and dense features; every sequence is one reading, every step a sentence.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass
class Layout:
    """Position of each step in a padded (sequence, time) grid. kind: of the transition to each step."""

    sequence: np.ndarray
    time: np.ndarray
    lengths: np.ndarray
    kind: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        return np.arange(self.lengths.max(initial=0))[None, :] < self.lengths[:, None]


def layout(sequence: np.ndarray, kind: np.ndarray) -> Layout:
    """Build the grid. sequence: id of every step, ascending; ids without a step are skipped."""
    if not len(sequence):
        return Layout(sequence, sequence, np.zeros(0, dtype=np.int64), kind)
    change = np.concatenate([[True], sequence[1:] != sequence[:-1]])
    dense = np.cumsum(change) - 1
    starts = np.nonzero(change)[0]
    return Layout(dense, np.arange(len(sequence)) - starts[dense], np.diff([*starts, len(sequence)]), kind)


def marginals(
    emissions: np.ndarray, transitions: np.ndarray, begin: np.ndarray, end: np.ndarray, grid: Layout
) -> tuple[np.ndarray, np.ndarray, float]:
    """Compute (steps, states) probabilities, expected transitions, and the log of the partition functions.

    emissions: (steps, states). transitions[k, i, j]: from state i to state j of a step of kind k.
    """
    steps, states = emissions.shape
    kinds = len(transitions)
    if not steps:
        return emissions, np.zeros(transitions.shape), 0.0
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
    kind = np.zeros((longest, sequences), dtype=np.int64)
    kind[grid.time, grid.sequence] = grid.kind
    every = np.arange(sequences)
    # Of all kinds side by side: (from, kind and to), and back (kind and to, from).
    move = np.exp(transitions).transpose(1, 0, 2).reshape(states, kinds * states)
    forward = np.empty_like(local)
    scale = np.ones((longest, sequences, 1))
    forward[0] = local[0]
    scale[0] = forward[0].sum(axis=1, keepdims=True)
    forward[0] /= scale[0]
    for t in range(1, longest):
        step = (forward[t - 1] @ move).reshape(sequences, kinds, states)[every, kind[t]] * local[t]
        total = step.sum(axis=1, keepdims=True)
        forward[t] = np.where(live[t], step / total, forward[t - 1])
        scale[t] = np.where(live[t], total, 1.0)
    backward = np.ones_like(local)
    expected = np.zeros((states, kinds * states))
    for t in range(longest - 2, -1, -1):
        ahead = local[t + 1] * backward[t + 1] / scale[t + 1]
        placed = np.zeros((sequences, kinds, states))
        placed[every, kind[t + 1]] = np.where(live[t + 1], ahead, 0.0)
        placed = placed.reshape(sequences, kinds * states)
        backward[t] = np.where(live[t + 1], placed @ move.T, 1.0)
        expected += forward[t].T @ placed
    expected = (expected * move).reshape(states, kinds, states).transpose(1, 0, 2)
    probabilities = (forward * backward)[grid.time, grid.sequence]
    log_partition = float((np.log(scale) + np.where(live, top, 0.0)).sum())
    return probabilities / probabilities.sum(axis=1, keepdims=True), expected, log_partition


UNITS = 32
"""Hidden units of the dense features: whether a question is advice depends on how often this reader asks."""

INNER_DECAY, OUTER_DECAY = 10.0, 1.0

SHUT = -200.0
"""Added to the score of a state that a step is known not to have; its exponential is negligible."""


@dataclass
class Weights:
    """sparse: (features, states). dense: (features, states). inner: (features, units), of the dense features.
    outer: (units, states). All float64 while training."""

    sparse: np.ndarray
    dense: np.ndarray
    transitions: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    inner: np.ndarray
    outer: np.ndarray


def train(
    sparse, dense: np.ndarray, states: np.ndarray, sequence: np.ndarray, kind: np.ndarray, shape: tuple[int, int],
    sparse_decay: float, dense_decay: float, transition_decay: float = 0.1, iterations: int = 40,
    hidden: np.ndarray | None = None,
) -> Weights:  # fmt: skip
    """Fit weights that maximise the likelihood of the states (steps,), less the squared weights times the decays.

    sparse: scipy CSR (steps, features). sequence: id of every step, ascending. kind: of the transition to each step.
    shape: number of kinds and of states. hidden: steps whose state is not annotated; the likelihood is then that of the
    others, summed over the possible states of these.
    """
    from scipy.optimize import minimize

    n_sparse, n_dense = sparse.shape[1], dense.shape[1]
    kinds, count = shape
    shapes = (
        (n_sparse, count), (n_dense, count), (kinds, count, count), (count,), (count,), (n_dense, UNITS), (UNITS, count),
    )  # fmt: skip
    sizes = [math.prod(size) for size in shapes]
    edges = np.cumsum([0, *sizes])
    decay = np.repeat([sparse_decay, dense_decay, *[transition_decay] * 3, INNER_DECAY, OUTER_DECAY], sizes)
    scale = 1 / np.sqrt(decay + _curvature(sparse, dense, kind, int((np.diff(sequence) > 0).sum()) + 1, shape))
    transposed = sparse.T.tocsr()
    parts = _parts(states, sequence, kind, shape, np.zeros(len(states), dtype=bool) if hidden is None else hidden)

    def unpack(flat: np.ndarray) -> Weights:
        return Weights(*(flat[a:b].reshape(size) for a, b, size in zip(edges, edges[1:], shapes, strict=False)))

    def loss(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        flat = scaled * scale
        w = unpack(flat)
        units = np.tanh(dense @ w.inner)
        emissions = np.asarray(sparse @ w.sparse) + dense @ w.dense + units @ w.outer
        total, gap, moves = 0.0, np.zeros_like(emissions), np.zeros_like(w.transitions)
        begin, end = np.zeros_like(w.begin), np.zeros_like(w.end)
        for part in parts:
            lost, gap[part.rows], moved = _part_loss(part, emissions[part.rows], w)
            total += lost
            moves += moved
            begin += gap[part.rows][part.first].sum(axis=0)
            end += gap[part.rows][part.last].sum(axis=0)
        inner = dense.T @ ((gap @ w.outer.T) * (1 - units * units))
        by_part = (np.asarray(transposed @ gap), dense.T @ gap, moves, begin, end, inner, units.T @ gap)
        gradient = np.concatenate([part.ravel() for part in by_part])
        return total + 0.5 * (decay * flat * flat).sum(), (gradient + decay * flat) * scale

    start = np.zeros(edges[-1])
    # Units that start alike would stay alike.
    start[edges[5] :] = np.random.default_rng(0).normal(0, 0.1, edges[-1] - edges[5])
    result = minimize(loss, start / scale, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "maxcor": 12})
    return unpack(result.x * scale)


def _curvature(sparse, dense: np.ndarray, kind: np.ndarray, sequences: int, shape: tuple[int, int]) -> np.ndarray:
    """Estimate the second derivative of the loss by each weight.

    The search is for weights divided by its root: a third of the steps then do, because features of thousands of
    sentences no longer hold back the rare ones.
    """
    kinds, count = shape
    squares = np.asarray(sparse.multiply(sparse).sum(axis=0)).ravel()
    dense_squares = (dense * dense).sum(axis=0)
    by_part = (
        np.repeat(squares, count), np.repeat(dense_squares, count),
        np.repeat(np.bincount(kind, minlength=kinds) / count, count * count), np.full(2 * count, sequences),
        np.repeat(dense_squares / 4, UNITS), np.full(UNITS * count, len(dense) / 4),
    )  # fmt: skip
    return np.concatenate(by_part) / count


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


def _parts(
    states: np.ndarray, sequence: np.ndarray, kind: np.ndarray, shape: tuple[int, int], hidden: np.ndarray
) -> list[_Part]:
    partly = np.isin(sequence, np.unique(sequence[hidden]))
    out = []
    for rows in (np.nonzero(~partly)[0], np.nonzero(partly)[0]):
        if not len(rows):
            continue
        grid = layout(sequence[rows], kind[rows])
        target = np.zeros((len(rows), shape[1]))
        target[np.arange(len(rows)), states[rows]] = 1
        moves = np.zeros((shape[0], shape[1], shape[1]))
        following = grid.time[1:] > 0
        np.add.at(moves, tuple(x[following] for x in (grid.kind[1:], states[rows][:-1], states[rows][1:])), 1)
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
