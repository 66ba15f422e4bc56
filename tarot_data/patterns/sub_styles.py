"""Sub-styles: how the sentences of one label do its job, by the phrases of `cues.csv` and `sub_styles.csv`.

A sentence belongs to the kind whose phrases weigh most in it; its names are in `kinds.csv`. No model and no clusters: the
reader can see why, and change the tables.
"""

from collections import Counter

import numpy as np
import polars as pl

from tarot_data import lexicon
from tarot_data.patterns import cues, features
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.words import Counts, distinctive_words, document_counts, without

EXAMPLES = 3

PLAIN = "plain"
"""Kind of the sentences that none of the phrases fits."""


def sub_styles(label: str, mine: pl.DataFrame) -> list[dict]:
    """Describe the sub-styles of a label, the largest first, `plain` last.

    Returns {name, title, kinds, words, count, share, examples} each. mine: the label's rows of
    `pattern_library.sentences_of`, with the column `styles`.
    """
    if mine.is_empty():
        return []
    own = [first_kind(label, styles) for styles in mine["styles"].to_list()]
    counts = Counter(own)
    whole = document_counts(mine["text"].to_list())
    order = sorted(counts, key=lambda kind: (kind == PLAIN, -counts[kind], kind))
    return [_describe(label, kind, mine.filter(pl.Series(own) == kind), mine.height, whole) for kind in order]


def first_kind(label: str, styles: list[str]) -> str:
    """Return the first kind of a label in `label.kind` names, `plain` if there is none."""
    return next((style.partition(".")[2] for style in styles if style.startswith(f"{label}.")), PLAIN)


def kinds_of_sentences(batch: Batch) -> list[list[str]]:
    """Find `label.kind` of the cues and phrases in each sentence of a batch, the strongest first.

    Kinds of equal weight are in the order of `kinds.csv`, which lists the more telling ones of a label first.
    """
    text = features.encode(batch)
    weights = np.zeros((batch.size, len(_kinds())))
    number = {kind: place for place, kind in enumerate(_kinds())}
    for table in (cues.cues, cues.style_cues):
        sentence, cue, _ = cues.find(*text, table)
        kind = np.array([number.get(one.full_kind, -1) for one in table()])
        weight = np.array([one.weight for one in table()])
        known = kind[cue] >= 0
        # Of the phrases of one kind in a sentence only the strongest counts, or a long sentence would be all of them.
        np.maximum.at(weights, (sentence[known], kind[cue][known]), weight[cue][known])
    return cues.strongest(weights, _kinds())


@lexicon.cached
def _kinds() -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{row['label']}.{row['kind']}" for row in lexicon.read_table("kinds")))


def _describe(label: str, kind: str, part: pl.DataFrame, total: int, whole: Counts) -> dict:
    """Describe a sub-style by the words it has more than the others, and its most typical examples."""
    inside = document_counts(part["text"].to_list())
    return {
        "name": kind,
        "title": {lang: title(label, [kind], lang) for lang in ("zh", "en")},
        "kinds": [kind] if kind != PLAIN else [],
        "words": distinctive_words(inside, without(whole, inside), whole),
        "count": part.height,
        "share": round(part.height / total, 4),
        "examples": _examples(part),
    }


def title(label: str, kinds: list[str], lang: str) -> str:
    """Return the name of a sub-style for people, from `lexicon/kinds.csv`."""
    names = {(row["label"], row["kind"]): row[lang] for row in lexicon.read_table("kinds")}
    return " + ".join(names[label, kind] for kind in kinds if kind != PLAIN) or names["any", PLAIN]


def _examples(part: pl.DataFrame) -> list[str]:
    """Choose sentences of ordinary length with no second label and few other kinds, from different readings."""
    middle = part["text"].str.len_chars().median() or 0
    rows = sorted(
        part.select("row", "text", "styles", "labels", "confidence").rows(),
        key=lambda r: (len(r[3]), abs(len(r[1]) - middle) > 12, len(r[2]), -round(r[4] or 0, 3), abs(len(r[1]) - middle), r[0]),
    )  # fmt: skip
    chosen: dict[int, str] = {}
    for row, text, *_ in rows:
        if row not in chosen and text not in chosen.values() and len(chosen) < EXAMPLES:
            chosen[row] = text
    return list(chosen.values())
