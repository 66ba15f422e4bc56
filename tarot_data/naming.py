"""Which drawn cards a sentence speaks of: by name, rank, picture, position or pronoun, or because it goes on about one.

The sentences of all readings are walked in step, first ones first, so that a sentence knows the card the reader was at.
An interpretation speaks of the likeliest card; a link of every card that is likely enough.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tarot_data.features import Batch, Pairs

INTERPRETS, LINKS, ADVISES, OTHER = range(4)
FEATURES = (
    "named", "named_alone", "named_before", "image", "image_share", "image_most", "rank", "rank_most", "suit", "position",
    "ordinal", "current", "previous", "next", "met", "last", "first",
    "current_unnamed", "current_one_named", "previous_unnamed", "previous_one_named", "next_unnamed",
    "current_paragraph", "next_paragraph", "current_image", "previous_image", "next_image",
    "pair_current", "pair_previous", "back_current", "back_previous", "group", "many", "all_cards", "bias",
)  # fmt: skip


class Weights(NamedTuple):
    """interprets, links: one weight a feature of a card. silent: one a feature of a link that names no card."""

    interprets: np.ndarray
    links: np.ndarray
    silent: np.ndarray


def to_arrays(weights: Weights) -> dict[str, np.ndarray]:
    return {
        "naming_interprets": weights.interprets.astype(np.float32),
        "naming_links": weights.links.astype(np.float32),
        "naming_silent": weights.silent.astype(np.float32),
    }


def from_arrays(arrays: dict[str, np.ndarray]) -> Weights:
    return Weights(*(arrays[f"naming_{part}"].astype(np.float64) for part in Weights._fields))


def jobs_of(labels: list[list[str]]) -> np.ndarray:
    """The job that decides how a sentence names cards."""
    return np.array(
        [
            LINKS
            if "card_link" in ls
            else INTERPRETS
            if "card_interpretation" in ls
            else ADVISES
            if "advice" in ls
            else OTHER
            for ls in labels
        ],
        dtype=np.int64,
    )


Choose = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _walk(batch: Batch, pairs: Pairs, jobs: np.ndarray, choose: Choose) -> np.ndarray:
    """(pairs,) whether the sentence names the card. choose(sentences, job, features, real) -> (sentences, slots) bool."""
    readings = len(batch.drawn)
    slots = max((len(d) for d in batch.drawn), default=0)
    chosen_all = np.zeros(len(pairs.p_sentence), dtype=bool)
    if not slots or not batch.size:
        return chosen_all
    sizes = np.array([len(d) for d in batch.drawn])
    grid = np.arange(slots)[None, :]
    current, previous = np.full(readings, -1), np.full(readings, -1)
    met = np.zeros((readings, slots), dtype=bool)
    first_sentence = np.full(readings, -1)
    order = np.nonzero(batch.s_index == 0)[0]
    first_sentence[batch.s_reading[order]] = order
    counts = np.bincount(batch.s_reading, minlength=readings)
    paragraph = pairs.paragraph
    for step in range(int(counts.max())):
        live = np.nonzero(counts > step)[0]
        s = first_sentence[live] + step
        real = grid < sizes[live][:, None]
        at = pairs.first[s][:, None] + np.minimum(grid, np.maximum(sizes[live] - 1, 0)[:, None])
        at = np.where(real, at, 0)

        def column(values: np.ndarray, at=at, real=real) -> np.ndarray:
            return np.where(real, values[at], 0.0) if len(values) else np.zeros(real.shape)

        named, image, rank, suit, position = (
            column(v) for v in (pairs.named, pairs.image, pairs.rank, pairs.suit, pairs.position)
        )
        ordinal, place = column(pairs.ordinal), column(pairs.place)
        is_current = (grid == current[live][:, None]) & real
        is_previous = (grid == previous[live][:, None]) & real
        reached = np.where(met[live], grid, -1).max(axis=1)
        is_next = (grid == reached[:, None] + 1) & real
        is_named = named > 0
        count = is_named.sum(axis=1, keepdims=True)
        cur, prev, nxt = is_current * 1.0, is_previous * 1.0, is_next * 1.0
        image_2 = np.minimum(image, 2)
        top = image.max(axis=1, keepdims=True)
        most = (image == top) & (image > 0)
        rank_top = rank.max(axis=1, keepdims=True)
        new_paragraph = paragraph[s][:, None] * 1.0
        pair_word, back_word, group_word, many_word = (
            f[s][:, None] * 1.0 for f in (pairs.two, pairs.back, pairs.group, pairs.many)
        )
        features = np.stack(
            [
                np.minimum(named, 1), is_named & (count == 1), is_named * (1 - np.minimum(place, 1)),
                image_2, image / np.maximum(image.sum(axis=1, keepdims=True), 0.5), most, np.minimum(rank, 1),
                (rank == rank_top) & (rank > 0), np.minimum(suit, 1), np.minimum(position, 1), np.minimum(ordinal, 1),
                cur, prev, nxt, met[live] & real,
                (grid == sizes[live][:, None] - 1), (grid == 0) & real,
                cur * (count == 0), cur * (count == 1) * ~is_named, prev * (count == 0), prev * (count == 1) * ~is_named,
                nxt * (count == 0), cur * new_paragraph, nxt * new_paragraph, cur * image_2, prev * image_2, nxt * image_2,
                cur * pair_word * ~is_named, prev * pair_word * ~is_named, cur * back_word * ~is_named,
                prev * back_word * ~is_named, np.broadcast_to(group_word, real.shape) * ~is_named,
                np.broadcast_to(many_word, real.shape) * ~is_named,
                np.broadcast_to((sizes[live] == 2)[:, None], real.shape), real,
            ],
            axis=2,
        ).astype(np.float64)  # fmt: skip
        chosen = choose(s, jobs[s], features, real) & real
        rows, columns = np.nonzero(chosen)
        chosen_all[at[rows, columns]] = True
        # Where the reader now is: the one card just spoken of, or placed by a heading.
        evident = np.where((jobs[s] == OTHER)[:, None], is_named | (position > 0) | (ordinal > 0), chosen)
        evident &= ~(jobs[s] == ADVISES)[:, None] | is_named
        single = evident.sum(axis=1) == 1
        slot = evident.argmax(axis=1)
        linked = (jobs[s] == LINKS) & (chosen.sum(axis=1) > 1)
        now = current[live]
        away = linked & ~chosen[np.arange(len(live)), np.maximum(now, 0)]
        slot = np.where(away, np.where(chosen, grid, -1).max(axis=1), slot)
        moved = (single & ~(jobs[s] == LINKS) | away) & (slot != now)
        previous[live[moved]] = now[moved]
        current[live[moved]] = slot[moved]
        met[live[single], slot[single]] = True
        met[live] |= chosen
    return chosen_all


def train(batch: Batch, pairs: Pairs, labels: list[list[str]], named: list[set[str]], chosen: np.ndarray) -> Weights:
    """Weights from annotated sentences. labels, named: gold; chosen: which sentences to learn from."""
    from scipy.optimize import minimize

    from schemas.deck import CARDS

    gold = np.array(
        [CARDS[card] in named[s] for s, card in zip(pairs.p_sentence.tolist(), pairs.p_card.tolist(), strict=True)]
    )
    kept: dict[int, list] = {INTERPRETS: [], LINKS: []}

    def follow(sentences, job, features, real):
        truth = np.zeros(real.shape, dtype=bool)
        for row, s in enumerate(sentences.tolist()):
            span = slice(pairs.first[s], pairs.first[s + 1])
            truth[row, : span.stop - span.start] = gold[span]
            if chosen[s] and job[row] in kept:
                kept[int(job[row])].append((features[row][real[row]], truth[row][real[row]]))
        return truth

    _walk(batch, pairs, jobs_of(labels), follow)
    single = [(x, y) for x, y in kept[INTERPRETS] if y.sum() == 1 and len(y) > 1]
    x_all = np.concatenate([x for x, _ in single])
    y_all = np.concatenate([y for _, y in single])
    starts = np.concatenate([[0], np.cumsum([len(y) for _, y in single])[:-1]])
    group = np.repeat(np.arange(len(single)), [len(y) for _, y in single])

    def softmax_loss(w):
        score = x_all @ w
        top = np.maximum.reduceat(score, starts)
        e = np.exp(score - top[group])
        total = np.add.reduceat(e, starts)
        p = e / total[group]
        return np.log(total).sum() + top.sum() - score[y_all].sum() + 0.5 * w @ w, x_all.T @ (p - y_all) + w

    interprets = minimize(softmax_loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B").x
    links = _logistic(
        np.concatenate([x for x, _ in kept[LINKS]]), np.concatenate([y for _, y in kept[LINKS]]).astype(float)
    )
    grouped = [_silence(x[None], np.ones((1, len(x)), dtype=bool), x[None] @ links)[0] for x, _ in kept[LINKS]]
    silent = _logistic(np.stack(grouped), np.array([float(not y.any()) for _, y in kept[LINKS]]))
    return Weights(interprets, links, silent)


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from scipy.optimize import minimize

    def loss(w):
        score = x @ w
        p = 1 / (1 + np.exp(-score))
        return np.logaddexp(0, score).sum() - score @ y + 0.5 * w @ w, x.T @ (p - y) + w

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x


def _silence(features: np.ndarray, real: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(sentences, 9): what tells a statistic over the spread from a link of cards."""
    score = np.where(real, score, -9.0)
    top = np.sort(score, axis=1)[:, ::-1]
    first, second = top[:, 0], top[:, 1] if top.shape[1] > 1 else np.full(len(top), -9.0)
    at = FEATURES.index
    named = (features[:, :, at("named")] * real).sum(axis=1)
    flags = [(features[:, :, at(name)] * real).max(axis=1) for name in ("group", "many", "pair_current", "image_most")]
    return np.stack(
        [np.clip(first, -6, 6), np.clip(second, -6, 6), named == 0, named == 1, *flags, np.ones(len(top))], axis=1
    )


FLOOR, SURE, OPEN = 0.1, 0.35, 0.2
"""Least probability of a link's two cards; from which a card is named; and of interpreting or linking at all, from which
a sentence with another label names one. Chosen on the annotated readings with each writer left out."""

THIRD = 0.6
"""Probability a third card needs: of the annotated links, 441 name two cards, 65 none, 28 more than two."""


EVIDENCE = ("link_1", "link_2", "link_3", "link_sum", "silent", "best", "best_is_current", "best_is_new")
"""What `evidence` gives of every sentence, before anybody knows its label."""


def evidence(batch: Batch, pairs: Pairs, weights: Weights) -> np.ndarray:
    """(sentences, len(EVIDENCE)) of how many cards a sentence seems to speak of, and whether of the one at hand.

    The readings are walked with a rough guess at each job: two names make a link, one name or picture an
    interpretation.
    """
    out = np.zeros((batch.size, len(EVIDENCE)))
    names = _sum(pairs.named > 0, pairs.first)
    seen = _sum((pairs.image >= 0.5) | (pairs.rank > 0) | (pairs.ordinal > 0), pairs.first)
    jobs = np.where(names > 1, LINKS, np.where((names == 1) | (seen > 0), INTERPRETS, ADVISES))
    at = FEATURES.index

    def choose(sentences, job, features, real):
        score = np.where(real, features @ weights.links, -30.0)
        chance = np.sort(1 / (1 + np.exp(-score)), axis=1)[:, ::-1]
        width = chance.shape[1]
        for place in range(3):
            out[sentences, place] = chance[:, place] if place < width else 0.0
        out[sentences, 3] = np.minimum(chance.sum(axis=1), 4) / 2
        out[sentences, 4] = 1 / (1 + np.exp(-(_silence(features, real, score) @ weights.silent)))
        own = np.where(real, features @ weights.interprets, -30.0)
        share = np.exp(own - own.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        best = own.argmax(axis=1)
        rows = np.arange(len(best))
        out[sentences, 5] = share[rows, best]
        out[sentences, 6] = features[rows, best, at("current")]
        out[sentences, 7] = 1 - features[rows, best, at("met")]
        chosen = np.zeros(real.shape, dtype=bool)
        chosen[rows, best] = True
        named = features[:, :, at("named")] > 0
        return np.where((job == INTERPRETS)[:, None], chosen, named)

    _walk(batch, pairs, jobs, choose)
    return out


def _sum(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    sums = np.concatenate([[0], np.cumsum(values)])
    return sums[first[1:]] - sums[first[:-1]]


def name_cards(
    batch: Batch, pairs: Pairs, labels: list[list[str]], chances: np.ndarray, weights: Weights
) -> list[list[int]]:
    """Card ids of every sentence, in drawing order. chances: (sentences, 2) of interpreting and of linking.

    A card is named where it is likelier than not, whichever of the two the sentence does: a sentence between
    interpretation and link then names the card both would.
    """
    rows_of = np.arange(pairs.first.size)

    def choose(sentences, job, features, real):
        own = np.where(real, features @ weights.interprets, -30.0)
        share = np.exp(own - own.max(axis=1, keepdims=True)) * real
        share /= share.sum(axis=1, keepdims=True)
        best = np.zeros(real.shape, dtype=bool)
        best[rows_of[: len(real)], own.argmax(axis=1)] = True
        named = (features[:, :, 0] > 0) & real
        # Two cards read in one breath: both are named.
        several = named & (named.sum(axis=1, keepdims=True) > 1)
        score = np.where(real, features @ weights.links, -30.0)
        rank = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1, kind="stable")
        chance = 1 / (1 + np.exp(-score))
        silent = _silence(features, real, score) @ weights.silent > 0
        linked = ((rank < 2) & (chance > FLOOR) | (chance > THIRD)) & ~silent[:, None]
        interpreting, linking = chances[sentences, 0][:, None], chances[sentences, 1][:, None]
        both = interpreting * np.maximum(
            np.where(best, np.maximum(share, 0.7), share * 0.5), several
        ) + linking * np.where(linked, np.maximum(chance, 0.7), chance * 0.5)
        out = both > SURE
        alone = (job == INTERPRETS) & ~out.any(axis=1)
        out |= best & alone[:, None]
        out &= (
            ~((job >= ADVISES) & (chances[sentences].sum(axis=1) < OPEN))[:, None] | named & (job == ADVISES)[:, None]
        )
        return np.where((job == ADVISES)[:, None], out | named, out)

    chosen = _walk(batch, pairs, jobs_of(labels), choose)
    out: list[list[int]] = [[] for _ in range(batch.size)]
    for pair in np.nonzero(chosen)[0].tolist():
        out[pairs.p_sentence[pair]].append(int(pairs.p_card[pair]))
    return out
