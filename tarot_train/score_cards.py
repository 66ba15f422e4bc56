"""Measures of what a reading says of the drawn cards, against what readers say of them."""

import re
from collections import Counter, defaultdict
from functools import cache
from math import fsum

from tarot_train.score_lines import Line, drawn, is_negated, pairs, phrases
from tarot_train.score_text import Measured, Text, bigrams, fitted, of_fitted
from tarot_train.tables import read_table


@of_fitted
def card_words() -> dict[str, dict[str, float]]:
    """Map a card to the pairs of letters that readers use of it, with weights; see `benchmarks/fit_scores.py`."""
    return {row["card"]: {word[:2]: float(word[2:]) for word in row["words"].split()} for row in fitted("card_words")}


GROUNDED = 40.0
"""Most that one card counts."""


def card_meaning(text: Text) -> Measured:
    """Return how much of what is said of each drawn card readers say of that card; mean over the cards."""
    cards, values, odd = drawn(text.reading), [], []
    for card in cards:
        lines = about(text, card)
        values.append(min(GROUNDED, known(card, lines)))
        odd += lines if values[-1] < 4 else []
    return Measured(sum(values) / max(1, len(values)), odd)


def card_words_share(text: Text) -> Measured:
    """Like `card_meaning`, per 100 letters of what is said of the cards."""
    cards = drawn(text.reading)
    spoken = {card: about(text, card) for card in cards}
    letters = sum(len(line.folded) for lines in spoken.values() for line in lines)
    return Measured(100 * sum(min(GROUNDED, known(c, ls)) for c, ls in spoken.items()) / max(60, letters), [])


def known(card: str, lines: list[Line]) -> float:
    words = card_words().get(card, {})
    used = set().union(*(pairs(line.text) for line in lines)) if lines else set()
    return fsum(words.get(pair, 0.0) for pair in used - set(bigrams(card)))


def about(text: Text, card: str) -> list[Line]:
    """Return the sentences on a card alone, or on it and one other."""
    return [line for line in text.lines if line.cards == (card,) or (card in line.cards and len(line.cards) <= 2)]


@of_fitted
def _tellers() -> dict[str, list[tuple[str, float]]]:
    """Map a pair of letters to the cards it tells, with weights."""
    out: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for card, words in card_words().items():
        for pair, weight in words.items():
            out[pair].append((card, weight))
    return out


def mistaken(text: Text) -> Measured:
    """Return the share of drawn cards of which the reading says what readers say of another card, or nothing."""
    cards, odd, count = drawn(text.reading), [], 0
    for card in cards:
        lines, fits = about(text, card), Counter()
        used = set().union(*(pairs(line.text) for line in lines)) if lines else set()
        for pair in sorted(used - set(bigrams(card))):
            for other, weight in _tellers().get(pair, ()):
                fits[other] += weight
        if not fits[card] or fits[card] < max(fits.values()):
            count += 1
            odd += lines
    return Measured(count / max(1, len(cards)), odd)


@cache
def _against() -> dict[tuple[str, str], re.Pattern[str]]:
    return {
        (row["card"], way): re.compile(row[way])
        for row in read_table("meanings")
        for way in ("upright", "reversed")
        if row[way]
    }


def contradicted(text: Text) -> Measured:
    """Count words that contradict a drawn card as readers speak of it (`tables/meanings.csv`), per drawn card."""
    cards, lines = drawn(text.reading), []
    for card, way in cards.items():
        for line in about(text, card):
            lines += [line] * _wrong_words(line.text, card, way)
    return Measured(len(lines) / max(1, len(cards)), list(dict.fromkeys(lines)))


def _wrong_words(text: str, card: str, way: str) -> int:
    """Count words against a card in a sentence, but none that is negated, doubted, or of the other orientation."""
    words = _against().get((card, way))
    other = "upright" if way == "reversed" else "reversed"
    if not words or any(phrases(kind).search(text) for kind in ("doubt", "asking", other)):
        return 0
    return sum(not is_negated(text, match.start()) for match in words.finditer(text))


def least_card(text: Text) -> Measured:
    """Count letters of the sentences on the drawn card that has least."""
    sizes = {card: sum(len(line.folded) for line in about(text, card)) for card in drawn(text.reading)}
    return Measured(min(sizes.values(), default=0), [])
