"""The pattern library: what a reader's craft looks like over all their readings, counted and with real examples.

Sub-styles are clusters of sentences of one kind, by the kinds of cue they have and by their characters. Everything here
is for the reader's own eyes: the examples are real sentences.
"""

import logging
import re
from collections import Counter, defaultdict

import numpy as np
import polars as pl

from schemas.deck import CARDS, PATTERNS
from tarot_data import lexicon
from tarot_data.patterns import cues, features, time_expressions
from tarot_data.patterns.batch import to_batch, to_rows
from tarot_data.patterns.cue_kinds import advice_forms, link_kinds

EXAMPLES = 3
MOST_CLUSTERED = 4000
"""Sentences of a kind that are clustered; further ones join the nearest cluster. 4,000 take under a second."""

MOST_PAIRS = 20
"""Pairs of cards the library lists; `card_entry` has every pair of its card."""


def pattern_library(stored: pl.DataFrame) -> dict:
    """{opening, card_interpretation, card_link, advice, closing, style} of annotated readings (STORED schema).

    Each kind: {count, share, styles: [{name, kinds, words, count, share, examples}]}, and of its own: cards
    (card_interpretation: how each card is read upright and reversed), kinds and pairs (card_link), forms and times
    (advice).
    """
    table = sentences_of(stored)
    library = {label: _kind(label, table) for label in PATTERNS}
    library["card_interpretation"]["cards"] = _cards(table, stored)
    library["card_link"] |= _links(table)
    library["advice"] |= _advice(table)
    library["style"] = _style(stored, table)
    return library


def sentences_of(stored: pl.DataFrame) -> pl.DataFrame:
    """One row a sentence of the stored readings: row, index, text, labels, cards, those of them it names by their
    name, and the kinds of cue it has."""
    flat = (
        stored.with_row_index("row")
        .select("row", "content", sentence=pl.col("sentences"))
        .explode("sentence")
        .drop_nulls("sentence")
        .unnest("sentence")
        .with_columns(
            pl.col("labels").cast(pl.List(pl.String)),
            pl.col("cards").cast(pl.List(pl.String)),
            text=pl.col("content").str.slice(pl.col("start"), pl.col("end") - pl.col("start")),
        )
        .drop("content")
        .with_row_index("id")
    )
    kinds, named = _cues_and_names(flat, to_rows(stored))
    return flat.with_columns(
        kinds=pl.Series(kinds, dtype=pl.List(pl.String)), named=pl.Series(named, dtype=pl.List(pl.String))
    )


def _cues_and_names(flat: pl.DataFrame, rows: list[dict]) -> tuple[list[list[str]], list[list[str]]]:
    """`label.kind` of every cue in each stored sentence, strongest first; and the cards it names by their name."""
    batch = to_batch(rows)
    padded, owner = features.encode(batch)
    sentence, cue, _ = cues.find(padded, owner)
    weight = np.zeros((batch.size, len(cues.kinds())))
    for s, c in zip(sentence.tolist(), cue.tolist(), strict=True):
        one = cues.cues()[c]
        weight[s, cues.kinds().index(one.full_kind)] += one.weight
    by_name: list[list[str]] = [[] for _ in range(batch.size)]
    for s, card in zip(batch.m_sentence.tolist(), batch.m_card.tolist(), strict=True):
        if s >= 0:
            by_name[s].append(CARDS[card])
    at = {
        (int(r), int(start)): number
        for number, (r, start) in enumerate(
            zip(batch.s_reading, batch.s_start - batch.r_start[batch.s_reading], strict=True)
        )
    }
    out, named = [], []
    for row, start in flat.select("row", "start").rows():
        number = at.get((row, start))
        named.append(by_name[number] if number is not None else [])
        weights = weight[number] if number is not None else np.zeros(len(cues.kinds()))
        order = np.argsort(-weights, kind="stable")
        out.append([cues.kinds()[i] for i in order if weights[i] > 0])
    return out, named


def _kind(label: str, table: pl.DataFrame) -> dict:
    mine = table.filter(pl.col("labels").list.contains(label))
    total = max(table.height, 1)
    return {"count": mine.height, "share": round(mine.height / total, 4), "styles": _styles(label, mine)}


def _styles(label: str, mine: pl.DataFrame) -> list[dict]:
    """Sub-styles of one kind of sentence: k-means over cue kinds and characters, the number by silhouette."""
    if mine.height < 6:
        return [_style_of(label, mine, mine, _document_counts(mine["text"].to_list()))] if mine.height else []
    groups = _cluster(label, mine)
    parts = [mine.filter(pl.Series(groups == group)) for group in sorted(set(groups.tolist()))]
    parts.sort(key=lambda part: (-part.height, part["id"][0]))
    whole = _document_counts(mine["text"].to_list())
    return [_style_of(label, part, mine, whole) for part in parts]


def _cluster(label: str, mine: pl.DataFrame) -> np.ndarray:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import silhouette_score

    own = [kind for kind in cues.kinds() if kind.startswith(f"{label}.")]
    kinds = np.array([[kind in row for kind in own] for row in mine["kinds"].to_list()], dtype=float)
    texts = [re.sub(r"\s", "", text) for text in mine["text"].to_list()]
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=5000)
    try:
        characters = grams.fit_transform(texts)
    except ValueError:
        # No pair of characters stands in two sentences.
        return np.zeros(mine.height, dtype=int)
    size = min(12, characters.shape[1] - 1, mine.height - 1)
    # Sentences that are all alike have no variance to explain a share of.
    with np.errstate(divide="ignore", invalid="ignore"):
        reduced = (
            TruncatedSVD(size, random_state=0).fit_transform(characters) if size > 1 else np.zeros((len(texts), 1))
        )
    points = np.concatenate([kinds * 1.2, reduced], axis=1)
    sample = points[:: max(1, len(points) // MOST_CLUSTERED)][:MOST_CLUSTERED]
    if len(np.unique(sample.round(9), axis=0)) < 3:
        return np.zeros(mine.height, dtype=int)
    best, best_score = None, -1.0
    for count in range(2, min(7, len(sample) // 3 + 1)):
        model = KMeans(count, n_init=3, random_state=0).fit(sample)
        if len(set(model.labels_.tolist())) < 2:
            continue
        score = silhouette_score(sample, model.labels_, sample_size=1000, random_state=0)
        if score > best_score + 0.01:
            best, best_score = model, score
    return best.predict(points) if best is not None else np.zeros(mine.height, dtype=int)


def _style_of(label: str, part: pl.DataFrame, mine: pl.DataFrame, whole: tuple[Counter, int]) -> dict:
    """A sub-style: the cue kinds and words it has more than the others, and its most typical short examples."""
    counts = Counter(kind for kinds in part["kinds"].to_list() for kind in kinds if kind.startswith(f"{label}."))
    all_counts = Counter(kind for kinds in mine["kinds"].to_list() for kind in kinds if kind.startswith(f"{label}."))
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
        "words": _telling_words(part["text"].to_list(), whole),
        "count": part.height,
        "share": round(part.height / max(mine.height, 1), 4),
        "examples": _examples(part, kinds, label),
    }


def title(label: str, kinds: list[str], lang: str) -> str:
    """The name of a sub-style for people, from `lexicon/kinds.csv`."""
    names = {(row["label"], row["kind"]): row[lang] for row in lexicon.read_table("kinds")}
    return " + ".join(names[label, kind] for kind in kinds) or names["any", "plain"]


def _examples(part: pl.DataFrame, kinds: list[str], label: str) -> list[str]:
    """Sentences of ordinary length that have the sub-style's kinds and no second label, from different readings."""
    middle = part["text"].str.len_chars().median() or 0
    rows = sorted(
        part.select("row", "text", "kinds", "labels", "confidence").rows(),
        key=lambda r: (
            -sum(f"{label}.{kind}" in r[2] for kind in kinds), len(r[3]), abs(len(r[1]) - middle) > 12, -round(r[4] or 0, 3),
            abs(len(r[1]) - middle), r[0],
        ),
    )  # fmt: skip
    chosen, seen = [], set()
    for row, text, *_ in rows:
        if row not in seen and text not in chosen:
            chosen.append(text)
            seen.add(row)
        if len(chosen) == EXAMPLES:
            break
    return chosen


@lexicon.cached
def _jieba():
    import jieba

    jieba.setLogLevel(logging.ERROR)
    for row in lexicon.read_table("aliases"):
        if row["use"] == "prose" and len(row["alias"]) > 1 and row["alias"][0] >= "一":
            jieba.add_word(row["alias"])
    for card in CARDS:
        jieba.add_word(card)
    return jieba


@lexicon.cached(maxsize=100_000)
def words_of(text: str) -> frozenset[str]:
    """The different words of two characters or more."""
    return frozenset(word for word in _jieba().lcut(text) if len(word) > 1 and re.fullmatch(r"[一-鿿A-Za-z]+", word))


def _document_counts(texts: list[str]) -> tuple[Counter, int]:
    """In how many texts each word stands, and how many texts; of at most MOST_CLUSTERED of them, evenly taken."""
    sample = texts[:: max(1, len(texts) // MOST_CLUSTERED)][:MOST_CLUSTERED]
    return Counter(word for text in sample for word in words_of(text)), max(len(sample), 1)


def _telling_words(part: list[str], whole: tuple[Counter, int], most: int = 6) -> list[str]:
    """Words that stand in the part more often than in the whole, by log-likelihood ratio."""
    inside, size = _document_counts(part)
    total, all_size = whole
    scores = {
        word: count * np.log((count / size) / (max(total[word], 1) / all_size))
        for word, count in inside.items()
        if count > 1
    }
    telling = [word for word in sorted(scores, key=lambda w: (-scores[w], w))[:most] if scores[word] > 0]
    return telling or [word for word, count in inside.most_common(most) if count > 1]


def _cards(table: pl.DataFrame, stored: pl.DataFrame) -> dict[str, dict]:
    """How each card is read: {card: {upright | reversed | unknown: {count, themes, words, examples}}}."""
    drawn = {
        (row, card): orientation
        for row, card, orientation in stored.select("cards")
        .with_row_index("row")
        .explode("cards")
        .drop_nulls("cards")
        .select(
            "row",
            pl.col("cards").struct.field("card").cast(pl.String),
            pl.col("cards").struct.field("orientation").cast(pl.String),
        )
        .rows()
    }
    themes = dict(enumerate(stored["themes"].cast(pl.List(pl.String)).to_list()))
    texts: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    by_name: set[str] = set()
    mine = table.filter(pl.col("labels").list.contains("card_interpretation") & (pl.col("cards").list.len() == 1))
    for row, text, cards, named in mine.select("row", "text", "cards", "named").rows():
        texts[cards[0], drawn.get((row, cards[0]), "unknown")].append((row, text))
        if cards[0] in named:
            by_name.add(text)
    background = _document_counts(mine["text"].to_list())
    out: dict[str, dict] = {}
    for card in CARDS:
        for orientation in ("upright", "reversed", "unknown"):
            found = texts.get((card, orientation))
            if not found:
                continue
            about = Counter(theme for row in {row for row, _ in found} for theme in themes[row] or ())
            # A sentence that names the card can be understood by itself.
            order = sorted({text for _, text in found}, key=lambda t: (t not in by_name, abs(len(t) - 26), t))
            examples = order[:EXAMPLES]
            out.setdefault(card, {})[orientation] = {
                "count": len(found),
                "readings": len({row for row, _ in found}),
                "themes": [theme for theme, _ in about.most_common(3)],
                "words": _telling_words([text for _, text in found], background) if len(found) > 2 else [],
                "examples": examples,
            }
    return out


def _links(table: pl.DataFrame) -> dict:
    kinds = Counter()
    by_kind: dict[str, list[str]] = defaultdict(list)
    for text, _, named in _link_rows(table):
        kinds.update(named)
        by_kind[named[0]].append(text)
    return {
        "kinds": {
            kind: {"count": count, "examples": sorted(by_kind[kind], key=lambda t: (abs(len(t) - 28), t))[:EXAMPLES]}
            for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
        },
        "pairs": _pairs(table)[:MOST_PAIRS],
    }


def _link_rows(table: pl.DataFrame) -> list[tuple[str, list[str], list[str]]]:
    """Text, cards and kinds of every link."""
    mine = table.filter(pl.col("labels").list.contains("card_link"))
    return [(text, cards, link_kinds(found)) for text, cards, found in mine.select("text", "cards", "kinds").rows()]


def _pairs(table: pl.DataFrame) -> list[dict]:
    """[{cards, count, kinds, example}] of every two cards some link relates, the most frequent first."""
    pairs, how, examples = Counter(), defaultdict(Counter), {}
    for text, cards, named in _link_rows(table):
        for number, one in enumerate(cards):
            for two in cards[number + 1 :]:
                pair = tuple(sorted((one, two), key=CARDS.index))
                pairs[pair] += 1
                how[pair].update(named)
                examples.setdefault(pair, text)
    return [
        {
            "cards": list(pair),
            "count": pairs[pair],
            "kinds": [kind for kind, _ in how[pair].most_common(2)],
            "example": examples[pair],
        }
        for pair in sorted(pairs, key=lambda pair: (-pairs[pair], CARDS.index(pair[0]), CARDS.index(pair[1])))
    ]


def card_entry(stored: pl.DataFrame, card: str) -> dict:
    """One card as this reader reads it: {card, readings, upright?, reversed?, unknown?, links}.

    readings: how many draw it. An orientation is there where some sentence reads the card so. links: as in `pairs`,
    every card it was ever related to.
    """
    drawn = pl.col("cards").list.eval(pl.element().struct.field("card").cast(pl.String)).list.contains(card)
    mine = stored.filter(drawn)
    table = sentences_of(mine)
    return {
        "card": card,
        "readings": mine.height,
        **_cards(table, mine).get(card, {}),
        "links": [pair for pair in _pairs(table) if card in pair["cards"]],
    }


def _advice(table: pl.DataFrame) -> dict:
    mine = table.filter(pl.col("labels").list.contains("advice"))
    texts = mine["text"].to_list()
    forms, by_form, times, by_time = Counter(), defaultdict(list), Counter(), Counter()
    for text, found, said in zip(texts, mine["kinds"].to_list(), time_expressions.find_times(texts), strict=True):
        named = advice_forms(found, text)
        if said and "time" not in named:
            named.append("time")
        forms.update(named)
        by_form[named[0]].append(text)
        times.update(time.text for time in said)
        by_time.update(time.kind for time in said)
    return {
        "forms": {
            form: {"count": count, "examples": sorted(by_form[form], key=lambda t: (abs(len(t) - 24), t))[:EXAMPLES]}
            for form, count in sorted(forms.items(), key=lambda item: (-item[1], item[0]))
        },
        "times": [
            {"text": text, "count": count} for text, count in sorted(times.items(), key=lambda i: (-i[1], i[0]))[:20]
        ],
        "time_kinds": dict(sorted(by_time.items(), key=lambda item: (-item[1], item[0]))),
    }


_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")


def _style(stored: pl.DataFrame, table: pl.DataFrame) -> dict:
    if not stored.height:
        return {"readings": 0, "sentences": 0}
    style = stored.select("style").drop_nulls().unnest("style")
    labels = Counter(label for found in table["labels"].to_list() for label in found)
    words, _ = _document_counts(table["text"].to_list())
    named = set(CARDS) | {row["alias"] for row in lexicon.read_table("aliases")}
    emoji = Counter(character for text in stored["content"].to_list() for character in _EMOJI.findall(text))
    order = Counter(
        "→".join(dict.fromkeys(labels[0] for labels in found if labels[0] != "other"))
        for found in table.group_by("row", maintain_order=True).agg("labels")["labels"].to_list()
    )

    def mean(name: str) -> float:
        return round(float(style[name].mean() or 0), 3)

    return {
        "readings": stored.height,
        "sentences": table.height,
        "chars_per_reading": round(float(stored["content"].str.len_chars().mean() or 0), 1),
        "sentences_per_reading": round(table.height / stored.height, 1),
        **{name: mean(name) for name in style.columns if style[name].dtype == pl.Float32},
        "address": dict(Counter(style["address"].to_list()).most_common()),
        "script": dict(Counter(style["script"].to_list()).most_common()),
        "markers": dict(Counter(m for found in style["markers"].to_list() for m in found or ()).most_common()),
        "labels": {label: round(labels[label] / max(table.height, 1), 4) for label in (*PATTERNS, "other")},
        "order": [{"order": text, "count": count} for text, count in order.most_common(5)],
        "words": [word for word, count in words.most_common(80) if word not in named and count > 1][:30],
        "emoji": [character for character, _ in emoji.most_common(10)],
        "themes": dict(Counter(t for found in stored["themes"].to_list() for t in found or ()).most_common()),
    }
