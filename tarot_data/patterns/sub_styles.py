"""Sub-styles: clusters of the sentences of one label, by the kinds of their cues and by their characters."""

from collections import Counter

import numpy as np
import polars as pl

from tarot_data import lexicon
from tarot_data.patterns import cues
from tarot_data.patterns.words import Counts, distinctive_words, document_counts, evenly

EXAMPLES = 3
MOST_CLUSTERED = 4000
"""Sentences of a label that are clustered; others join the nearest cluster. 4,000 take under a second."""


def sub_styles(label: str, mine: pl.DataFrame) -> list[dict]:
    """Describe the sub-styles of a label, the largest first: {name, title, kinds, words, count, share, examples}.

    mine: the label's rows of `pattern_library.sentences_of`. Fewer than six sentences are one sub-style.
    """
    if mine.is_empty():
        return []
    groups = _cluster(label, mine) if mine.height >= 6 else np.zeros(mine.height, dtype=int)
    parts = [mine.filter(pl.Series(groups == group)) for group in np.unique(groups)]
    parts.sort(key=lambda part: (-part.height, part["id"][0]))
    whole = document_counts(mine["text"].to_list())
    return [_describe(label, part, mine, whole) for part in parts]


def _cluster(label: str, mine: pl.DataFrame) -> np.ndarray:
    """Group sentences by k-means, their number by silhouette; one group if they do not differ."""
    # sklearn takes a second to import, and only the pattern library clusters.
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    points = _points(label, mine)
    sample = evenly(points, MOST_CLUSTERED)
    best, best_score = None, -1.0
    if len(np.unique(sample.round(9), axis=0)) >= 3:
        for count in range(2, min(7, len(sample) // 3 + 1)):
            model = KMeans(count, n_init=3, random_state=0).fit(sample)
            if len(set(model.labels_.tolist())) < 2:
                continue
            score = silhouette_score(sample, model.labels_, sample_size=1000, random_state=0)
            if score > best_score + 0.01:
                best, best_score = model, score
    return best.predict(points) if best is not None else np.zeros(mine.height, dtype=int)


def _points(label: str, mine: pl.DataFrame) -> np.ndarray:
    """Place sentences by their kinds of cue and their characters: (sentences, dimensions)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    own = [kind for kind in cues.kinds() if kind.startswith(f"{label}.")]
    kinds = np.array([[kind in row for kind in own] for row in mine["kinds"].to_list()], dtype=float)
    texts = ["".join(text.split()) for text in mine["text"].to_list()]
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=5000)
    try:
        characters = grams.fit_transform(texts)
    except ValueError:
        # No pair of characters occurs in two sentences.
        return np.zeros((mine.height, 1))
    size = min(12, characters.shape[1] - 1, mine.height - 1)
    reduced = np.zeros((len(texts), 1))
    if size > 1:
        # Sentences that are all alike have no variance to explain a share of.
        with np.errstate(divide="ignore", invalid="ignore"):
            reduced = TruncatedSVD(size, random_state=0).fit_transform(characters)
    return np.concatenate([kinds * 1.2, reduced], axis=1)


def _describe(label: str, part: pl.DataFrame, mine: pl.DataFrame, whole: Counts) -> dict:
    """Describe a sub-style by the cue kinds and words it has more than the others, and its most typical examples."""
    counts, all_counts = _kind_counts(label, part), _kind_counts(label, mine)
    lift = {
        kind: (count / part.height) * (count / part.height) / (all_counts[kind] / mine.height)
        for kind, count in counts.items()
        if count >= max(1, 0.2 * part.height)
    }
    kinds = [kind.split(".")[1] for kind in sorted(lift, key=lambda k: (-lift[k], k))[:2]]
    return {
        "name": "+".join(kinds) or "plain",
        "title": {lang: title(label, kinds, lang) for lang in ("zh", "en")},
        "kinds": kinds,
        "words": distinctive_words(part["text"].to_list(), whole),
        "count": part.height,
        "share": round(part.height / mine.height, 4),
        "examples": _examples(part, kinds, label),
    }


def _kind_counts(label: str, table: pl.DataFrame) -> Counter:
    return Counter(kind for kinds in table["kinds"].to_list() for kind in kinds if kind.startswith(f"{label}."))


def title(label: str, kinds: list[str], lang: str) -> str:
    """Return the name of a sub-style for people, from `lexicon/kinds.csv`."""
    names = {(row["label"], row["kind"]): row[lang] for row in lexicon.read_table("kinds")}
    return " + ".join(names[label, kind] for kind in kinds) or names["any", "plain"]


def _examples(part: pl.DataFrame, kinds: list[str], label: str) -> list[str]:
    """Choose sentences of ordinary length with the sub-style's kinds and no second label, from different readings."""
    middle = part["text"].str.len_chars().median() or 0
    rows = sorted(
        part.select("row", "text", "kinds", "labels", "confidence").rows(),
        key=lambda r: (
            -sum(f"{label}.{kind}" in r[2] for kind in kinds), len(r[3]), abs(len(r[1]) - middle) > 12, -round(r[4] or 0, 3),
            abs(len(r[1]) - middle), r[0],
        ),
    )  # fmt: skip
    chosen: dict[int, str] = {}
    for row, text, *_ in rows:
        if row not in chosen and text not in chosen.values() and len(chosen) < EXAMPLES:
            chosen[row] = text
    return list(chosen.values())
