"""Attribution of drawn cards to sentences: by name, rank, picture, position or pronoun, or as the card last referred
to.

An interpretation refers to the likeliest card; a link to every card that is likely enough. Input: the pairs of
sentences and cards with their evidence (`card_evidence`); output: card ids of each sentence.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tarot_data.patterns.batch import Batch
from tarot_data.patterns.card_context import (
    ADVISES,
    FEATURES,
    INTERPRETS,
    LINKS,
    MOVING,
    STATIC,
    Steps,
    choose_in_order,
    jobs_of,
    static_features,
)
from tarot_data.patterns.card_evidence import Pairs, per_pair_max, per_pair_sum

SILENT_FLAGS = ("group", "many", "image_most", "statistic", "whole", "fits", "ordinal")
SILENCE = ("best", "second", "none_named", "one_named", *SILENT_FLAGS, "bias")
"""Features that distinguish a statistic over the spread, which refers to no card, from a link of cards."""

FLOOR, SURE, OPEN = 0.1, 0.42, 0.1
"""FLOOR: least probability of a link's two cards. SURE: probability from which a sentence refers to a card. OPEN:
probability of interpreting or linking at all from which a sentence with another label refers to one. Chosen on the
annotated readings with whole writers left out."""

HALF, HEADING = 0.5, 0.02
"""HALF: probability of interpreting or linking from which a card need be no likelier than in a certain one. HEADING:
from which a heading refers to the card it names."""

THIRD = 0.7
"""Probability a third card needs: of the annotated links, 441 name two cards, 65 none, 28 more than two."""

EVIDENCE = ("link_1", "link_2", "link_3", "link_sum", "silent", "best", "best_is_current", "best_is_new")
"""Features of a sentence that `evidence` gives before its label is known."""


class Weights(NamedTuple):
    """interprets, links: one weight a feature of a card. silent: one a feature of a link that refers to no card."""

    interprets: np.ndarray
    links: np.ndarray
    silent: np.ndarray


def to_arrays(weights: Weights) -> dict[str, np.ndarray]:
    """Convert weights to the named arrays of a model file."""
    return {
        "naming_features": np.array(FEATURES),
        "naming_silence": np.array(SILENCE),
        "naming_interprets": weights.interprets.astype(np.float32),
        "naming_links": weights.links.astype(np.float32),
        "naming_silent": weights.silent.astype(np.float32),
    }


def from_arrays(arrays: dict[str, np.ndarray]) -> Weights:
    """Convert the arrays of a model file to weights, by the names of features; one it does not know weighs 0."""

    def aligned(part: str, names: tuple[str, ...], known: str) -> np.ndarray:
        found = dict(zip(arrays[known].tolist(), arrays[part].tolist(), strict=True))
        return np.array([found.get(name, 0.0) for name in names])

    return Weights(
        aligned("naming_interprets", FEATURES, "naming_features"),
        aligned("naming_links", FEATURES, "naming_features"),
        aligned("naming_silent", SILENCE, "naming_silence"),
    )


class Scores(NamedTuple):
    """Part of the scores that does not depend on earlier sentences. interprets, links: (pairs,). silent: (sentences,)."""

    interprets: np.ndarray
    links: np.ndarray
    silent: np.ndarray


def scores_of(pairs: Pairs, weights: Weights) -> Scores:
    """Score pairs by their static features."""
    interprets, links = np.zeros(len(pairs.p_sentence)), np.zeros(len(pairs.p_sentence))
    flags = {}
    for number, (name, column) in enumerate(zip(STATIC, static_features(pairs), strict=True)):
        interprets += weights.interprets[number] * column
        links += weights.links[number] * column
        if name in SILENT_FLAGS:
            flags[name] = column
    return Scores(interprets, links, weights.silent[2:] @ silence(flags, pairs))


def silence(static: Mapping[str, np.ndarray], pairs: Pairs) -> np.ndarray:
    """Compute all of SILENCE except its two best scores: (len(SILENCE) - 2, sentences). static: SILENT_FLAGS, by name."""
    names = per_pair_sum(pairs.named > 0, pairs.first)
    some = [per_pair_max(static[name].astype(float), pairs.first) for name in SILENT_FLAGS]
    return np.stack([names == 0, names == 1, *some, np.ones(len(names))]).astype(float)


def two_best(link: np.ndarray) -> np.ndarray:
    """Return the two best scores of each sentence, -6 to 6: (2, sentences). link: (sentences, slots), -30 for no card."""
    if link.shape[1] == 1:
        return np.stack([np.clip(link[:, 0], -6, 6), np.full(len(link), -6.0)])
    return np.clip(-np.partition(-link, 1, axis=1)[:, :2].T, -6, 6)


def _weigh(steps: Steps, scores: Scores, weights: Weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score every card of the step as the one interpreted and as part of a link, and each sentence as silent.

    Returns (sentences, slots) twice, -30 for no card, and (sentences,).
    """
    size = len(STATIC)
    flat = steps.moving.reshape(len(MOVING), -1)
    own, link = (
        np.where(steps.real, fixed[steps.at] + (mine[size:] @ flat).reshape(steps.at.shape), -30.0)
        for fixed, mine in ((scores.interprets, weights.interprets), (scores.links, weights.links))
    )
    return own, link, scores.silent[steps.sentences] + weights.silent[:2] @ two_best(link)


def _sigmoid(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-score))


def _best(own: np.ndarray) -> np.ndarray:
    """Mark the best card of each sentence: (sentences, slots)."""
    best = np.zeros(own.shape, dtype=bool)
    best[np.arange(len(own)), own.argmax(axis=1)] = True
    return best


def evidence(batch: Batch, pairs: Pairs, weights: Weights, scores: Scores) -> np.ndarray:
    """Compute EVIDENCE: how many cards each sentence seems to refer to, and whether to the current one.

    Returns (sentences, len(EVIDENCE)). The job of each sentence is guessed: two names make a link, one name or picture
    an interpretation.
    """
    out = np.zeros((batch.size, len(EVIDENCE)))
    names = per_pair_sum(pairs.named > 0, pairs.first)
    seen = per_pair_sum((pairs.image >= 0.5) | (pairs.rank > 0) | (pairs.ordinal > 0), pairs.first)
    jobs = np.where(names > 1, LINKS, np.where((names == 1) | (seen > 0), INTERPRETS, ADVISES))

    def choose(steps: Steps) -> np.ndarray:
        own, link, silent = _weigh(steps, scores, weights)
        named = (pairs.named[steps.at] > 0) & steps.real
        chance = np.sort(_sigmoid(link), axis=1)[:, ::-1]
        s = steps.sentences
        for place in range(min(3, chance.shape[1])):
            out[s, place] = chance[:, place]
        out[s, 3] = np.minimum(chance.sum(axis=1), 4) / 2
        out[s, 4] = _sigmoid(silent)
        rows, best = np.arange(len(own)), own.argmax(axis=1)
        out[s, 5] = 1 / np.exp(own - own[rows, best][:, None]).sum(axis=1)
        out[s, 6] = steps.moving[MOVING.index("current"), rows, best]
        out[s, 7] = 1 - steps.moving[MOVING.index("met"), rows, best]
        return np.where((steps.job == INTERPRETS)[:, None], _best(own), named)

    choose_in_order(batch, pairs, jobs, choose)
    return out


def attribute(
    batch: Batch, pairs: Pairs, labels: list[list[str]], chances: np.ndarray, weights: Weights, scores: Scores
) -> list[list[int]]:
    """Attribute cards to every sentence: their ids, in drawing order.

    chances: (sentences, 2) probability of interpreting and of linking. A card is chosen if it is likely enough for the
    two together: a sentence between interpretation and link then gets the card both would. Any other sentence still
    gets a card it names, if it is advice or a heading that may continue as interpretation.
    """
    heading = np.array([mine == ["other"] for mine in labels], dtype=bool)
    either = chances.sum(axis=1)
    shares = chances / np.maximum(either, HALF)[:, None]

    def choose(steps: Steps) -> np.ndarray:
        own, link, silent = _weigh(steps, scores, weights)
        named = (pairs.named[steps.at] > 0) & steps.real
        best = _best(own)
        chosen = (_likelihood(own, link, silent, best, named, shares[steps.sentences]) > SURE) & steps.real
        chosen |= best & ((steps.job == INTERPRETS) & ~chosen.any(axis=1))[:, None]
        mine = either[steps.sentences]
        chosen &= ~((steps.job >= ADVISES) & (mine < OPEN))[:, None]
        by_name = (steps.job == ADVISES) | heading[steps.sentences] & (mine > HEADING)
        return np.where(by_name[:, None], chosen | named, chosen)

    chosen = choose_in_order(batch, pairs, jobs_of(labels), choose)
    out: list[list[int]] = [[] for _ in range(batch.size)]
    at = np.nonzero(chosen)[0]
    for sentence, card in zip(pairs.p_sentence[at].tolist(), pairs.p_card[at].tolist(), strict=True):
        out[sentence].append(card)
    return out


def _likelihood(
    own: np.ndarray, link: np.ndarray, silent: np.ndarray, best: np.ndarray, named: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Estimate how likely each sentence refers to each card: (sentences, slots). shares: of interpreting and linking."""
    share = np.exp(own - own.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    # Two cards interpreted in one sentence: both count.
    several = named & (named.sum(axis=1, keepdims=True) > 1)
    rank = np.argsort(np.argsort(-link, axis=1, kind="stable"), axis=1, kind="stable")
    chance = _sigmoid(link)
    linked = ((rank < 2) & (chance > FLOOR) | (chance > THIRD)) & ~(silent > 0)[:, None]
    interpreting, linking = shares.T[:, :, None]
    likely = interpreting * np.maximum(np.where(best, np.maximum(share, 0.7), share * 0.5), several)
    return likely + linking * np.where(linked, np.maximum(chance, 0.7), chance * 0.5)
