"""The pattern library: a reader's habits over all their readings, counted and with real examples.

Input: stored readings with their annotation; output: dicts for JSON. The examples are real sentences, for the reader's
own eyes only.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

import polars as pl

from schemas.deck import CARDS, ORIENTATIONS, OTHER_SIDE, PATTERNS
from tarot_data import lexicon
from tarot_data.patterns import cues, features, time_expressions
from tarot_data.patterns.batch import Batch, to_batch, to_rows
from tarot_data.patterns.cue_kinds import advice_forms, link_kinds
from tarot_data.patterns.sub_styles import EXAMPLES, kinds_of_sentences, sub_styles
from tarot_data.patterns.words import Counts, differences, document_counts, is_function_word, without
from tarot_data.text.normalise import fold

MOST_WORDS = 8
"""Words that tell the orientations of a card apart, at most."""

MOST_PAIRS = 20
"""Pairs of cards the library lists; `card_entry` has every pair of its card."""


def pattern_library(stored: pl.DataFrame) -> dict:
    """Build {opening, card_interpretation, card_link, advice, closing, style} of annotated readings (STORED schema).

    Each label: {count, share, styles: [{name, kinds, words, count, share, examples}]}, and of its own: cards
    (card_interpretation: how each card is read upright and reversed) and turns (how all upright and all reversed cards
    differ), kinds and pairs (card_link), forms and times (advice).
    """
    table = sentences_of(stored, with_styles=True)
    library = {}
    for label in PATTERNS:
        mine = _with_label(table, label)
        share = round(mine.height / max(table.height, 1), 4)
        library[label] = {"count": mine.height, "share": share, "styles": sub_styles(label, mine)}
    library["card_interpretation"] |= _read_cards(table, stored)
    library["card_link"] |= _links(table)
    library["advice"] |= _advice(table)
    library["style"] = _style(stored, table)
    return library


def sentences_of(stored: pl.DataFrame, with_styles: bool = False) -> pl.DataFrame:
    """List the sentences of stored readings: row, index, text, labels, cards, named (cards it names), kinds of cues.

    with_styles: and the column styles, as `sub_styles.kinds_of_sentences`.
    """
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
    found = _cues_and_names(flat, to_batch(to_rows(stored)), with_styles)
    return flat.with_columns(pl.Series(name, values, dtype=pl.List(pl.String)) for name, values in found.items())


def _cues_and_names(flat: pl.DataFrame, batch: Batch, with_styles: bool) -> dict[str, list[list[str]]]:
    """Find `label.kind` of every cue in each stored sentence, strongest first, and the cards it names."""
    sentence, cue, _ = cues.find(*features.encode(batch))
    kinds = cues.strongest(cues.kind_weights(sentence, cue, batch.size), cues.kinds())
    names: list[list[str]] = [[] for _ in range(batch.size)]
    for s, card in zip(batch.m_sentence.tolist(), batch.m_card.tolist(), strict=True):
        if s >= 0:
            names[s].append(CARDS[card])
    spans = zip(batch.s_reading.tolist(), batch.spans[:, 0].tolist(), strict=True)
    number_of = {span: number for number, span in enumerate(spans)}
    numbers = [number_of.get(span, -1) for span in flat.select("row", "start").rows()]
    found = {"kinds": kinds, "named": names}
    if with_styles:
        found["styles"] = kinds_of_sentences(batch)
    # A stored sentence that is split differently now has none.
    return {name: [values[n] if n >= 0 else [] for n in numbers] for name, values in found.items()}


def _with_label(table: pl.DataFrame, label: str) -> pl.DataFrame:
    return table.filter(pl.col("labels").list.contains(label))


def _typical(texts: Iterable[str], length: int) -> list[str]:
    """Choose examples of about this length in characters."""
    return sorted(texts, key=lambda text: (abs(len(text) - length), text))[:EXAMPLES]


def _by_count(counts: Counter) -> list[tuple]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _counts(lists: Iterable[list[str] | None]) -> dict[str, int]:
    """Count the values of all lists, the most frequent first."""
    return dict(Counter(value for values in lists for value in values or ()).most_common())


def _read_cards(table: pl.DataFrame, stored: pl.DataFrame) -> dict[str, dict]:
    """Describe how cards are read: {cards: {card: {upright | reversed | unknown: …}}, turns: {upright, reversed}}.

    Of each orientation count, readings, themes, words, differs and examples. differs: [{word, here, there, z}], the
    words of this orientation that the other one lacks, with the number of sentences that have them (`words.differences`);
    of a card that is only read one way, against the reader's other cards. words: the same without figures. turns: such
    lists of all cards together, which tell how this reader reads reversals.
    """
    drawn = {
        (row, card["card"]): card["orientation"]
        for row, cards in enumerate(stored["cards"].to_list())
        for card in cards or ()
    }
    mine = _with_label(table, "card_interpretation").filter(pl.col("cards").list.len() == 1)
    found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    by_name: set[str] = set()
    for row, text, (card,), named in mine.select("row", "text", "cards", "named").rows():
        found[card, drawn.get((row, card), "unknown")].append((row, text))
        if card in named:
            by_name.add(text)
    themes = stored["themes"].cast(pl.List(pl.String)).to_list()
    whole = document_counts(mine["text"].to_list())
    counts = {key: document_counts([text for _, text in rows]) for key, rows in found.items()}
    cards: dict[str, dict] = {}
    for card, turn in sorted(found, key=lambda key: (CARDS.index(key[0]), ORIENTATIONS.index(key[1]))):
        rows, texts = zip(*found[card, turn], strict=True)
        rest = counts.get((card, OTHER_SIDE.get(turn, ""))) or without(whole, counts[card, turn])
        differs = _differing(counts[card, turn], rest, whole)
        cards.setdefault(card, {})[turn] = {
            "count": len(texts),
            "readings": len(set(rows)),
            "themes": list(_counts(themes[row] for row in set(rows)))[:3],
            "words": [one["word"] for one in differs],
            "differs": differs,
            # A sentence that names the card can be understood by itself.
            "examples": [*_typical(by_name & set(texts), 26), *_typical(set(texts) - by_name, 26)][:EXAMPLES],
        }
    return {"cards": cards, "turns": _turns(found, whole)}


def _turns(found: dict[tuple[str, str], list[tuple[int, str]]], whole: Counts) -> dict[str, list[dict]]:
    """Tell how the sentences of all upright and of all reversed cards differ; {} if the reader has only one of them."""
    texts = {turn: [text for (_, t), rows in found.items() if t == turn for _, text in rows] for turn in OTHER_SIDE}
    if not all(texts.values()):
        return {}
    counts = {turn: document_counts(mine) for turn, mine in texts.items()}
    return {turn: _differing(counts[turn], counts[other], whole) for turn, other in OTHER_SIDE.items()}


def _differing(part: Counts, rest: Counts, whole: Counts) -> list[dict]:
    """List the words that tell two groups of sentences apart, without names of cards, words for orientations and function words."""
    skipped = _names()
    return [
        {"word": word, "here": part.words[word], "there": rest.words[word], "z": z}
        for word, z in differences(part, rest, whole).items()
        if fold(word) not in skipped and not is_function_word(word)
    ][:MOST_WORDS]


@lexicon.cached
def _names() -> frozenset[str]:
    """Return the folded names of cards and words for orientations."""
    aliases = (row["alias"] for row in lexicon.read_table("aliases"))
    turns = (row["word"] for row in lexicon.read_table("orientation"))
    return frozenset(fold(word) for word in (*CARDS, *aliases, *turns))


def _links(table: pl.DataFrame) -> dict:
    kinds = Counter()
    by_kind: dict[str, list[str]] = defaultdict(list)
    for text, _, named in _link_rows(table):
        kinds.update(named)
        by_kind[named[0]].append(text)
    return {
        "kinds": {k: {"count": count, "examples": _typical(by_kind[k], 28)} for k, count in _by_count(kinds)},
        "pairs": _pairs(table)[:MOST_PAIRS],
    }


def _link_rows(table: pl.DataFrame) -> list[tuple[str, list[str], list[str]]]:
    """List text, cards and kinds of every link."""
    rows = _with_label(table, "card_link").select("text", "cards", "kinds").rows()
    return [(text, cards, link_kinds(found)) for text, cards, found in rows]


def _pairs(table: pl.DataFrame) -> list[dict]:
    """List [{cards, count, kinds, example}] of every two cards that a link relates, the most frequent first."""
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
    """Describe one card as this reader reads it: {card, readings, upright?, reversed?, unknown?, links}.

    readings: how many draw it. An orientation is left out if no sentence reads the card so. links: as in `pairs`, every
    card it was ever related to.
    """
    drawn = pl.col("cards").list.eval(pl.element().struct.field("card").cast(pl.String)).list.contains(card)
    mine = stored.filter(drawn)
    table = sentences_of(mine)
    return {
        "card": card,
        "readings": mine.height,
        **_read_cards(table, mine)["cards"].get(card, {}),
        "links": [pair for pair in _pairs(table) if card in pair["cards"]],
    }


def _advice(table: pl.DataFrame) -> dict:
    mine = _with_label(table, "advice")
    texts = mine["text"].to_list()
    forms, by_form, times, by_time = Counter(), defaultdict(list), Counter(), Counter()
    for text, found, found_times in zip(
        texts, mine["kinds"].to_list(), time_expressions.find_times(texts), strict=True
    ):
        named = advice_forms(found, text)
        if found_times and "time" not in named:
            named.append("time")
        forms.update(named)
        by_form[named[0]].append(text)
        times.update(time.text for time in found_times)
        by_time.update(time.kind for time in found_times)
    return {
        "forms": {f: {"count": count, "examples": _typical(by_form[f], 24)} for f, count in _by_count(forms)},
        "times": [{"text": text, "count": count} for text, count in _by_count(times)[:20]],
        "time_kinds": dict(_by_count(by_time)),
    }


def _style(stored: pl.DataFrame, table: pl.DataFrame) -> dict:
    if not stored.height:
        return {"readings": 0, "sentences": 0}
    style = stored.select("style").drop_nulls().unnest("style")
    labels = _counts(table["labels"].to_list())
    means = {name: style[name].mean() or 0 for name in style.columns if style[name].dtype == pl.Float32}
    words = document_counts(table["text"].to_list()).words
    in_order = table.group_by("row", maintain_order=True).agg(pl.col("labels").list.first())["labels"].to_list()
    orders = Counter("→".join(dict.fromkeys(label for label in found if label != "other")) for found in in_order)
    emoji = Counter(filter(_is_emoji, "".join(stored["content"].to_list())))
    return {
        "readings": stored.height,
        "sentences": table.height,
        "chars_per_reading": round(float(stored["content"].str.len_chars().mean() or 0), 1),
        "sentences_per_reading": round(table.height / stored.height, 1),
        **{name: round(float(mean), 3) for name, mean in means.items()},
        "address": dict(Counter(style["address"].to_list()).most_common()),
        "script": dict(Counter(style["script"].to_list()).most_common()),
        "markers": _counts(style["markers"].to_list()),
        "labels": {label: round(labels.get(label, 0) / max(table.height, 1), 4) for label in (*PATTERNS, "other")},
        "order": [{"order": text, "count": count} for text, count in orders.most_common(5)],
        "words": [word for word, count in _by_count(words)[:80] if fold(word) not in _names() and count > 1][:30],
        "emoji": [character for character, _ in emoji.most_common(10)],
        "themes": _counts(stored["themes"].to_list()),
    }


def _is_emoji(character: str) -> bool:
    return "\U0001f300" <= character <= "\U0001faff" or "\u2600" <= character <= "\u27bf"
