"""A reader's own voice: how far a text sounds like this reader and not like readings in general.

A discriminator is trained on the spot, between half of this reader's readings and generic prose: what other readers write,
templates, texts that are bad on purpose, and this reader's own text spoilt. It is checked on the other half. It is reported
with the scores and is no part of them.
"""

from random import Random

LEAST = 8
"""Least readings of the reader for a discriminator."""


def voice(own: list[str], others: list[str], texts: dict[str, list[str]], seed: int = 0) -> dict | None:
    """Return {reader, NAME: share}: in how many of 1 such a text sounds more like the reader than generic prose does.

    own: the reader's readings, none of which the model was trained on. others: generic prose. texts: NAME -> what to
    judge. Compared are only texts that the discriminator has not seen. 0.5 is chance; reader is for the reader's own
    other readings, so the rest says little if it is below some 0.8. None if `own` or `others` is too short.
    """
    if len(own) < LEAST or len(others) < LEAST:
        return None
    # scikit-learn takes a second to import.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    chance = Random(seed)
    halves = [chance.sample(given, len(given)) for given in (own, others)]
    (seen, kept), (generic, unseen) = ((given[::2], given[1::2]) for given in halves)
    # The reader's words in a wrong order are not the reader's voice.
    generic = generic + [_spoilt(text, chance) for text in seen]
    words = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True, max_features=8000)
    model = make_pipeline(words, LogisticRegression(C=10.0, class_weight="balanced"))
    model.fit(seen + generic, [1] * len(seen) + [0] * len(generic))

    compared = model.decision_function(unseen)

    def share(given: list[str]) -> float:
        pairs = [float(a > b) for a in model.decision_function(given) for b in compared]
        return round(sum(pairs) / len(pairs), 4)

    there = {"reader": kept} | {name: [text for text in given if text.strip()] for name, given in texts.items()}
    return {name: share(given) for name, given in there.items() if given}


def _spoilt(text: str, chance: Random) -> str:
    """Shuffle the clauses of a text in threes of letters."""
    parts = [text[i : i + 3] for i in range(0, len(text), 3)]
    return "".join(chance.sample(parts, len(parts)))
