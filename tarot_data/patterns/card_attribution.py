"""Which drawn cards a sentence speaks of: by name, rank, picture, position or pronoun, or because it goes on about one.

The sentences of all readings are walked in step, first ones first, so that a sentence knows the card the reader was at.
An interpretation speaks of the likeliest card; a link of every card that is likely enough.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tarot_data.patterns.batch import Batch
from tarot_data.patterns.card_evidence import Pairs, per_pair_max

INTERPRETS, LINKS, ADVISES, OTHER = range(4)
STATIC = (
    "named", "named_alone", "named_before", "image", "image_share", "image_most", "rank", "rank_most", "suit", "position",
    "ordinal", "last", "first", "group", "many", "two_drawn", "bias", "member", "fits", "whole", "image_alone",
    "image_one", "rank_alone", "suit_alone", "position_alone", "ordinal_alone",
    "statistic", "third", "third_image",
)  # fmt: skip
"""What a pair of sentence and card tells by itself."""

MOVING = (
    "current", "previous", "next", "met", "current_unnamed", "current_one_named", "previous_unnamed",
    "previous_one_named", "next_unnamed", "current_paragraph", "next_paragraph", "current_image", "previous_image",
    "next_image", "pair_current", "pair_previous", "back_current", "back_previous",
    "just", "just_unnamed", "just_linked", "just_pair", "just_image",
)  # fmt: skip
"""What depends on the cards the reader has spoken of before."""

FEATURES = (*STATIC, *MOVING)
SILENT_FLAGS = ("group", "many", "image_most", "statistic", "whole", "fits", "ordinal")
SILENCE = ("best", "second", "none_named", "one_named", *SILENT_FLAGS, "bias")
"""What tells a statistic over the spread, which names no card, from a link of cards."""


class Weights(NamedTuple):
    """interprets, links: one weight a feature of a card. silent: one a feature of a link that names no card."""

    interprets: np.ndarray
    links: np.ndarray
    silent: np.ndarray


def to_arrays(weights: Weights) -> dict[str, np.ndarray]:
    return {
        "naming_features": np.array(FEATURES),
        "naming_silence": np.array(SILENCE),
        "naming_interprets": weights.interprets.astype(np.float32),
        "naming_links": weights.links.astype(np.float32),
        "naming_silent": weights.silent.astype(np.float32),
    }


def from_arrays(arrays: dict[str, np.ndarray]) -> Weights:
    """What a model of other features knows is kept by their names; a feature it has not met weighs nothing."""

    def aligned(part: str, names: tuple[str, ...], known: str) -> np.ndarray:
        found = dict(zip(arrays[known].tolist(), arrays[part].tolist(), strict=True))
        return np.array([found.get(name, 0.0) for name in names])

    return Weights(
        aligned("naming_interprets", FEATURES, "naming_features"),
        aligned("naming_links", FEATURES, "naming_features"),
        aligned("naming_silent", SILENCE, "naming_silence"),
    )


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


class Steps(NamedTuple):
    """One step of the walk: the sentences that stand there, and their cards in a (sentences, slots) grid.

    at: number of the pair, 0 where real is False. moving: (len(MOVING), sentences, slots).
    """

    sentences: np.ndarray
    job: np.ndarray
    at: np.ndarray
    real: np.ndarray
    moving: np.ndarray


Choose = Callable[[Steps], np.ndarray]


def static_features(pairs: Pairs) -> Iterator[np.ndarray]:
    """The features of STATIC, each (pairs,), one at a time: all of them together would be the largest array of a batch."""
    p, first = pairs, pairs.first
    sentence = p.p_sentence

    def spread(values: np.ndarray) -> np.ndarray:
        return values[sentence]

    named = p.named > 0
    count = spread(_sum(named, first))
    alone, several = count == 0, (count > 1) & ~named
    sizes = (first[1:] - first[:-1])[sentence]
    image, rank, suit = np.minimum(p.image, 2), np.minimum(p.rank, 1), np.minimum(p.suit, 1)
    position, ordinal = np.minimum(p.position, 1), np.minimum(p.ordinal, 1)
    yield np.minimum(p.named, 1)
    yield named & (count == 1)
    yield named * (1 - np.minimum(p.place, 1))
    yield image
    yield p.image / np.maximum(spread(_sum(p.image, first)), 0.5)
    yield (p.image == spread(per_pair_max(p.image, first))) & (p.image > 0)
    yield rank
    yield (p.rank == spread(per_pair_max(p.rank, first))) & (p.rank > 0)
    yield from (suit, position, ordinal)
    yield p.p_slot == sizes - 1
    yield p.p_slot == 0
    yield spread(p.group) & ~named
    yield spread(p.many) & ~named
    yield sizes == 2
    yield np.ones(len(sentence))
    yield from (p.member * alone, p.fits * alone, p.whole * alone)
    yield image * alone
    yield image * ((count == 1) & ~named)
    yield from (rank * alone, suit * alone, position * alone, ordinal * alone)
    yield spread(p.statistic) & ~named
    yield several
    yield image * several


def _walk(batch: Batch, pairs: Pairs, jobs: np.ndarray, choose: Choose) -> np.ndarray:
    """(pairs,) whether the sentence names the card. choose(steps) -> (sentences, slots) bool.

    Readings of few cards and of many are walked apart: a step costs as much as its longest draw.
    """
    chosen = np.zeros(len(pairs.p_sentence), dtype=bool)
    if not batch.size:
        return chosen
    sizes = np.array([len(drawn) for drawn in batch.drawn])
    starts = np.full(len(sizes), -1)
    order = np.nonzero(batch.s_index == 0)[0]
    starts[batch.s_reading[order]] = order
    counts = np.bincount(batch.s_reading, minlength=len(sizes))
    evident = (pairs.named > 0) | (pairs.position > 0) | (pairs.ordinal > 0)
    for low, high in ((1, 4), (5, 7), (8, 1 << 30)):
        mine = np.nonzero((sizes >= low) & (sizes <= high) & (counts > 0))[0]
        if len(mine):
            _walk_some(pairs, jobs, choose, chosen, evident, sizes[mine], starts[mine], counts[mine])
    return chosen


def _walk_some(pairs, jobs, choose, chosen_all, evident_all, sizes, starts, counts) -> None:
    """Walks readings given by their number of cards, first sentence and number of sentences; fills chosen_all."""
    grid = np.arange(int(sizes.max()))[None, :]
    current, previous = np.full(len(sizes), -1), np.full(len(sizes), -1)
    met, just = (np.zeros((len(sizes), grid.shape[1]), dtype=bool) for _ in range(2))
    linking = np.zeros(len(sizes), dtype=bool)
    for step in range(int(counts.max())):
        live = np.nonzero(counts > step)[0]
        s = starts[live] + step
        real = grid < sizes[live][:, None]
        at = np.where(real, pairs.first[s][:, None] + grid, 0)
        named = (pairs.named[at] > 0) & real
        image = np.minimum(pairs.image[at], 2) * real
        reached = np.where(met[live], grid, -1).max(axis=1)
        cur = (grid == current[live][:, None]) & real
        prev = (grid == previous[live][:, None]) & real
        nxt = (grid == reached[:, None] + 1) & real
        last = just[live] & real
        count = named.sum(axis=1, keepdims=True)
        none, one = count == 0, (count == 1) & ~named
        new, pair, back = (f[s][:, None] for f in (pairs.paragraph, pairs.two, pairs.back))
        columns = (
            cur, prev, nxt, met[live] & real, cur & none, cur & one, prev & none, prev & one, nxt & none, cur & new, nxt & new,
            cur * image, prev * image, nxt * image, cur & pair & ~named, prev & pair & ~named, cur & back & ~named,
            prev & back & ~named, last, last & none, last & none & linking[live][:, None], last & none & pair, last * image,
        )  # fmt: skip
        moving = np.empty((len(MOVING), *real.shape))
        for number, column in enumerate(columns):
            moving[number] = column
        job = jobs[s]
        chosen = choose(Steps(s, job, at, real, moving)) & real
        rows, slots = np.nonzero(chosen)
        chosen_all[at[rows, slots]] = True
        # Where the reader now is: the one card just spoken of, or placed by a heading.
        evident = np.where((job == OTHER)[:, None], evident_all[at] & real, chosen)
        evident &= ~(job == ADVISES)[:, None] | named
        single = evident.sum(axis=1) == 1
        slot = evident.argmax(axis=1)
        linked = (job == LINKS) & (chosen.sum(axis=1) > 1)
        now = current[live]
        away = linked & ~chosen[np.arange(len(live)), np.maximum(now, 0)]
        slot = np.where(away, np.where(chosen, grid, -1).max(axis=1), slot)
        moved = (single & (job != LINKS) | away) & (slot != now)
        previous[live[moved]] = now[moved]
        current[live[moved]] = slot[moved]
        met[live[single], slot[single]] = True
        met[live] |= chosen
        spoke = chosen.any(axis=1)
        just[live[spoke]] = chosen[spoke]
        linking[live] = linked


def train(batch: Batch, pairs: Pairs, labels: list[list[str]], named: list[set[str]], chosen: np.ndarray) -> Weights:
    """Weights from annotated sentences. labels, named: gold; chosen: which sentences to learn from."""
    from scipy.optimize import minimize

    from schemas.deck import CARDS

    gold = np.array(
        [CARDS[card] in named[s] for s, card in zip(pairs.p_sentence.tolist(), pairs.p_card.tolist(), strict=True)]
    )
    kept: dict[int, list[tuple[int, np.ndarray, np.ndarray]]] = {INTERPRETS: [], LINKS: []}

    static = np.stack([column.astype(float) for column in static_features(pairs)])

    def follow(steps: Steps) -> np.ndarray:
        truth = gold[steps.at] & steps.real
        for row, s in enumerate(steps.sentences.tolist()):
            if chosen[s] and steps.job[row] in kept:
                mine = steps.real[row]
                x = np.concatenate([static[:, steps.at[row][mine]], steps.moving[:, row][:, mine]]).T
                kept[int(steps.job[row])].append((s, x, truth[row][mine]))
        return truth

    _walk(batch, pairs, jobs_of(labels), follow)
    single = [(x, y) for _, x, y in kept[INTERPRETS] if y.sum() == 1 and len(y) > 1]
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
        np.concatenate([x for _, x, _ in kept[LINKS]]), np.concatenate([y for *_, y in kept[LINKS]]).astype(float)
    )
    quiet = silence(dict(zip(STATIC, static, strict=True)), pairs)
    told = [np.concatenate([_two_best((x @ links)[None])[:, 0], quiet[:, s]]) for s, x, _ in kept[LINKS]]
    silent = _logistic(np.stack(told), np.array([float(not y.any()) for *_, y in kept[LINKS]]))
    return Weights(interprets, links, silent)


LINK_DECAY = 0.3
"""Of the squared weights: links are few, but so are their features. Chosen with each writer left out."""


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from scipy.optimize import minimize

    def loss(w):
        score = x @ w
        p = 1 / (1 + np.exp(-score))
        return np.logaddexp(0, score).sum() - score @ y + 0.5 * LINK_DECAY * w @ w, x.T @ (p - y) + LINK_DECAY * w

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x


def silence(static: Mapping[str, np.ndarray], pairs: Pairs) -> np.ndarray:
    """(len(SILENCE) - 2, sentences): all of SILENCE but the two best scores. static: SILENT_FLAGS, by name."""
    names = _sum(pairs.named > 0, pairs.first)
    some = [per_pair_max(static[name].astype(float), pairs.first) for name in SILENT_FLAGS]
    return np.stack([names == 0, names == 1, *some, np.ones(len(names))]).astype(float)


def _two_best(link: np.ndarray) -> np.ndarray:
    """(2, sentences), -6 to 6. link: score of each card as part of a link, -30 where there is no card."""
    if link.shape[1] == 1:
        return np.stack([np.clip(link[:, 0], -6, 6), np.full(len(link), -6.0)])
    return np.clip(-np.partition(-link, 1, axis=1)[:, :2].T, -6, 6)


class Scores(NamedTuple):
    """What the weights make of the pairs themselves, once for all walks. silent: of the sentences, likewise."""

    interprets: np.ndarray
    links: np.ndarray
    silent: np.ndarray


def scores_of(pairs: Pairs, weights: Weights) -> Scores:
    interprets, links = np.zeros(len(pairs.p_sentence)), np.zeros(len(pairs.p_sentence))
    flags = {}
    for number, (name, column) in enumerate(zip(STATIC, static_features(pairs), strict=True)):
        interprets += weights.interprets[number] * column
        links += weights.links[number] * column
        if name in SILENT_FLAGS:
            flags[name] = column
    return Scores(interprets, links, weights.silent[2:] @ silence(flags, pairs))


def _weigh(steps: Steps, scores: Scores, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Scores of every card of the step as the one interpreted, and as part of a link; -30 where there is no card."""
    size = len(STATIC)
    flat = steps.moving.reshape(len(MOVING), -1)
    own, link = (
        np.where(steps.real, fixed[steps.at] + (mine[size:] @ flat).reshape(steps.at.shape), -30.0)
        for fixed, mine in ((scores.interprets, weights.interprets), (scores.links, weights.links))
    )
    return own, link


def _silent(steps: Steps, scores: Scores, weights: Weights, link: np.ndarray) -> np.ndarray:
    """Score of each sentence, were it a link, as one that names no card."""
    return scores.silent[steps.sentences] + weights.silent[:2] @ _two_best(link)


FLOOR, SURE, OPEN = 0.1, 0.35, 0.2
"""Least probability of a link's two cards; from which a card is named; and of interpreting or linking at all, from which
a sentence with another label names one. Chosen on the annotated readings with each writer left out."""

HALF, HEADING = 0.5, 0.02
"""Probability of interpreting or linking from which a card need be no less likely than in a sure one; and from which a
heading names the card it calls by name."""

THIRD = 0.7
"""Probability a third card needs: of the annotated links, 441 name two cards, 65 none, 28 more than two."""


EVIDENCE = ("link_1", "link_2", "link_3", "link_sum", "silent", "best", "best_is_current", "best_is_new")
"""What `evidence` gives of every sentence, before anybody knows its label."""


def evidence(batch: Batch, pairs: Pairs, weights: Weights, scores: Scores) -> np.ndarray:
    """(sentences, len(EVIDENCE)) of how many cards a sentence seems to speak of, and whether of the one at hand.

    The readings are walked with a rough guess at each job: two names make a link, one name or picture an
    interpretation.
    """
    out = np.zeros((batch.size, len(EVIDENCE)))
    names = _sum(pairs.named > 0, pairs.first)
    seen = _sum((pairs.image >= 0.5) | (pairs.rank > 0) | (pairs.ordinal > 0), pairs.first)
    jobs = np.where(names > 1, LINKS, np.where((names == 1) | (seen > 0), INTERPRETS, ADVISES))

    def choose(steps: Steps) -> np.ndarray:
        own, link = _weigh(steps, scores, weights)
        named = (pairs.named[steps.at] > 0) & steps.real
        chance = np.sort(1 / (1 + np.exp(-link)), axis=1)[:, ::-1]
        s = steps.sentences
        for place in range(min(3, chance.shape[1])):
            out[s, place] = chance[:, place]
        out[s, 3] = np.minimum(chance.sum(axis=1), 4) / 2
        out[s, 4] = 1 / (1 + np.exp(-_silent(steps, scores, weights, link)))
        rows, best = np.arange(len(own)), own.argmax(axis=1)
        out[s, 5] = 1 / np.exp(own - own[rows, best][:, None]).sum(axis=1)
        out[s, 6] = steps.moving[MOVING.index("current"), rows, best]
        out[s, 7] = 1 - steps.moving[MOVING.index("met"), rows, best]
        chosen = np.zeros(own.shape, dtype=bool)
        chosen[rows, best] = True
        return np.where((steps.job == INTERPRETS)[:, None], chosen, named)

    _walk(batch, pairs, jobs, choose)
    return out


def _sum(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    sums = np.concatenate([[0], np.cumsum(values)])
    return sums[first[1:]] - sums[first[:-1]]


def attribute(
    batch: Batch, pairs: Pairs, labels: list[list[str]], jobs: np.ndarray, weights: Weights, scores: Scores
) -> list[list[int]]:
    """Card ids of every sentence, in drawing order. jobs: (sentences, 2) probability of interpreting and of linking.

    A card is named where it is likely enough, whichever of the two the sentence does: a sentence between
    interpretation and link then names the card both would. What does neither for sure still names a card it calls by
    name, in advice and in a heading that may run on into meaning.
    """

    heading = np.array([ls == ["other"] for ls in labels], dtype=bool)
    either = jobs.sum(axis=1)

    def choose(steps: Steps) -> np.ndarray:
        own, link = _weigh(steps, scores, weights)
        share = np.exp(own - own.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        best = np.zeros(own.shape, dtype=bool)
        best[np.arange(len(own)), own.argmax(axis=1)] = True
        named = (pairs.named[steps.at] > 0) & steps.real
        # Two cards read in one breath: both are named.
        several = named & (named.sum(axis=1, keepdims=True) > 1)
        rank = np.argsort(np.argsort(-link, axis=1, kind="stable"), axis=1, kind="stable")
        chance = 1 / (1 + np.exp(-link))
        silent = _silent(steps, scores, weights, link) > 0
        linked = ((rank < 2) & (chance > FLOOR) | (chance > THIRD)) & ~silent[:, None]
        interpreting, linking = (jobs / np.maximum(either, HALF)[:, None])[steps.sentences].T[:, :, None]
        likely = interpreting * np.maximum(np.where(best, np.maximum(share, 0.7), share * 0.5), several)
        likely = likely + linking * np.where(linked, np.maximum(chance, 0.7), chance * 0.5)
        out = (likely > SURE) & steps.real
        out |= best & ((steps.job == INTERPRETS) & ~out.any(axis=1))[:, None]
        mine = either[steps.sentences]
        out &= ~((steps.job >= ADVISES) & (mine < OPEN))[:, None]
        by_name = (steps.job == ADVISES) | heading[steps.sentences] & (mine > HEADING)
        return np.where(by_name[:, None], out | named, out)

    chosen = _walk(batch, pairs, jobs_of(labels), choose)
    out: list[list[int]] = [[] for _ in range(batch.size)]
    at = np.nonzero(chosen)[0]
    for sentence, card in zip(pairs.p_sentence[at].tolist(), pairs.p_card[at].tolist(), strict=True):
        out[sentence].append(card)
    return out
