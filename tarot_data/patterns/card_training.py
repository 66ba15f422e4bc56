"""Training of the card attribution: annotated sentences to its weights."""

import numpy as np

from schemas.deck import CARDS
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.card_attribution import Weights, silence, two_best
from tarot_data.patterns.card_context import (
    FEATURES,
    INTERPRETS,
    LINKS,
    STATIC,
    Steps,
    choose_in_order,
    jobs_of,
    static_features,
)
from tarot_data.patterns.card_evidence import Pairs

LINK_DECAY = 0.3
"""Weight decay of the links: they are few, but so are their features. Chosen with each writer left out."""


def annotated_pairs(pairs: Pairs, named: list[set[str]]) -> np.ndarray:
    """Mark the pairs whose sentence is annotated with the card. named: the cards of each sentence."""
    owners, cards = pairs.p_sentence.tolist(), pairs.p_card.tolist()
    return np.array([CARDS[card] in named[s] for s, card in zip(owners, cards, strict=True)], dtype=bool)


def train(batch: Batch, pairs: Pairs, labels: list[list[str]], gold: np.ndarray, chosen: np.ndarray) -> Weights:
    """Fit weights to annotated sentences. gold: by `annotated_pairs`; chosen: the sentences to learn from."""
    static = np.stack([column.astype(float) for column in static_features(pairs)])
    seen: dict[int, list[tuple[int, np.ndarray, np.ndarray]]] = {INTERPRETS: [], LINKS: []}

    def follow(steps: Steps) -> np.ndarray:
        truth = gold[steps.at] & steps.real
        for row, s in enumerate(steps.sentences.tolist()):
            if chosen[s] and steps.job[row] in seen:
                mine = steps.real[row]
                x = np.concatenate([static[:, steps.at[row][mine]], steps.moving[:, row][:, mine]]).T
                seen[int(steps.job[row])].append((s, x, truth[row][mine]))
        return truth

    choose_in_order(batch, pairs, jobs_of(labels), follow)
    interprets = _softmax([(x, y) for _, x, y in seen[INTERPRETS] if y.sum() == 1 and len(y) > 1])
    links = _logistic(
        np.concatenate([x for _, x, _ in seen[LINKS]]), np.concatenate([y for *_, y in seen[LINKS]]).astype(float)
    )
    quiet = silence(dict(zip(STATIC, static, strict=True)), pairs)
    features = [np.concatenate([two_best((x @ links)[None])[:, 0], quiet[:, s]]) for s, x, _ in seen[LINKS]]
    silent = _logistic(np.stack(features), np.array([float(not y.any()) for *_, y in seen[LINKS]]))
    return Weights(interprets, links, silent)


def _softmax(sentences: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Fit weights that choose one card of each sentence: features (cards, features) and which card is right."""
    x_all = np.concatenate([x for x, _ in sentences])
    y_all = np.concatenate([y for _, y in sentences])
    sizes = [len(y) for _, y in sentences]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    group = np.repeat(np.arange(len(sentences)), sizes)

    def loss(w):
        score = x_all @ w
        top = np.maximum.reduceat(score, starts)
        e = np.exp(score - top[group])
        total = np.add.reduceat(e, starts)
        p = e / total[group]
        return np.log(total).sum() + top.sum() - score[y_all].sum() + 0.5 * w @ w, x_all.T @ (p - y_all) + w

    return _minimise(loss, len(FEATURES))


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fit weights of a logistic regression, L2-regularised by LINK_DECAY."""

    def loss(w):
        score = x @ w
        p = 1 / (1 + np.exp(-score))
        return np.logaddexp(0, score).sum() - score @ y + 0.5 * LINK_DECAY * w @ w, x.T @ (p - y) + LINK_DECAY * w

    return _minimise(loss, x.shape[1])


def _minimise(loss, size: int) -> np.ndarray:
    # Takes 0.4 s, and only training needs it.
    from scipy.optimize import minimize

    return minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B").x
