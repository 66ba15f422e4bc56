"""Words of `images.csv` and `ranks.csv` by which a sentence refers to a card without its name."""

from collections import defaultdict

import numpy as np

from schemas.deck import CARDS, RANKS, rank_of, suit_of
from tarot_data import lexicon
from tarot_data.cards import mentions
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import to_chinese

PICTURE, RANK, SUIT = range(3)


@lexicon.cached
def words() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return folded words, (words, CARDS) whether each may mean the card, and whether it is a PICTURE, RANK or SUIT."""
    values: dict[str, dict[str, list[str]]] = {kind: defaultdict(list) for kind in ("rank", "measure", "thing", "suit")}
    for row in lexicon.read_table("ranks"):
        values[row["kind"]][fold(row["word"])].append(row["value"])
    pictures = _pictures()
    for word, cards in _counted_things(values["measure"], values["thing"]).items():
        pictures[word] |= cards
    ranks = {word: _cards_with(rank_of, of) for word, of in values["rank"].items()}
    suits = {word: _cards_with(suit_of, of) for word, of in values["suit"].items()}
    kinds = dict.fromkeys(suits, SUIT) | dict.fromkeys(pictures, PICTURE) | dict.fromkeys(ranks, RANK)
    matrix = np.zeros((len(kinds), len(CARDS)), dtype=bool)
    for number, word in enumerate(kinds):
        for cards_of in (pictures, ranks, suits):
            matrix[number, list(cards_of.get(word, ()))] = True
    return list(kinds), matrix, np.array(list(kinds.values()))


def _cards_with(part, values: list[str]) -> set[int]:
    return {number for number, card in enumerate(CARDS) if part(card) in values}


def _pictures() -> dict[str, set[int]]:
    cards_of: dict[str, set[int]] = defaultdict(set)
    for row in lexicon.read_table("images"):
        for word in filter(None, row["words"].split("|")):
            cards_of[fold(word)].add(mentions.CARD_ID[row["card"]])
    return cards_of


def _counted_things(measures: dict[str, list[str]], things: dict[str, list[str]]) -> dict[str, set[int]]:
    """Combine numbers from one to ten with a measure word and a thing of the same suit: 三根杖, 3根杖."""
    suits = [
        (measure + thing, suit)
        for measure, of in measures.items()
        for thing, suits in things.items()
        for suit in set(of) & set(suits)
    ]
    cards_of: dict[str, set[int]] = defaultdict(set)
    for number, rank in enumerate(RANKS[:10], 1):
        for written in {to_chinese(number), to_chinese(number, ordinal=True), str(number)}:
            for counted, suit in suits:
                cards_of[written + counted].add(mentions.CARD_ID[suit + rank])
    return cards_of
