"""Card dictionaries: one row, object or page a card with its meanings. They are not readings."""

import re
from collections.abc import Sequence

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import LISTS_APART, name_of
from tarot_data.sources.field_values import is_empty
from tarot_data.sources.noise import noise_words
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

MANY_CARDS = 22
"""Different cards, one a row and none twice, from which a table without clients and meanings is a dictionary too."""

_OF_A_READING = {"person", "question", "date"}
_SEPARATORS = re.compile(r"[\s_\-()（）]+")


def is_dictionary(labels: Sequence[str], rows: Sequence[Sequence[object]]) -> bool:
    """Check whether rows have a card each, never the same, and its meanings, but no client, question or date.

    labels: one a column. A row of a reading with one card has neither meanings nor the same form in every row.
    """
    fields = [name_of(label) if label else "" for label in labels]
    if not rows or any(
        name in _OF_A_READING and _filled(rows, index) * 2 > len(rows) and not _is_name(labels[index])
        for index, name in enumerate(fields)
    ):
        return False
    meanings = sum(is_meaning(label) for label in labels) + _sides_in_words(fields, rows)
    if not meanings and len(rows) < MANY_CARDS:
        return False
    for index, name in enumerate(fields):
        if name in ("cards", "title", "person") and _one_card_each(rows, index):
            return bool(meanings) or len(rows) >= MANY_CARDS
    return False


def _filled(rows: Sequence[Sequence[object]], index: int) -> int:
    cells = (row[index] for row in rows if index < len(row))
    return sum(not is_empty(cell) for cell in cells)


def _is_name(label: str) -> bool:
    """Check for a label that names a card in a dictionary, although it is the client's in a list of readings."""
    return fold(label).strip() in ("name", "title")


def is_meaning(label: str) -> bool:
    """Check for a label of what a card means: 正位含义, keywords."""
    return _SEPARATORS.sub("", fold(label)) in _meanings()


@lexicon.cached
def _meanings() -> frozenset[str]:
    return frozenset(noise_words("card meaning"))


def _sides_in_words(fields: list[str], rows: Sequence[Sequence[object]]) -> int:
    """Count the columns 正位 and 逆位 with meanings in them, instead of cards or answers."""
    found = 0
    for index, name in enumerate(fields):
        if name not in LISTS_APART:
            continue
        cells = [plain(row[index]).strip() for row in rows[:20] if index < len(row)]
        found += any(cells) and not any(
            card_fields.listed(cell) or card_fields.answer_of(cell) is not None or card_fields.orientation_of(cell)
            for cell in cells
            if cell
        )
    return found


def _one_card_each(rows: Sequence[Sequence[object]], index: int) -> bool:
    """Check that nearly every cell of a column is one card, without an orientation, and none comes twice."""
    named = []
    for row in rows:
        cell = plain(row[index]).strip() if index < len(row) else ""
        if cell:
            cards = card_fields.listed(cell) if len(cell) <= 40 else []
            named.append(cards[0] if len(cards) == 1 else None)
    cards = [card["card"] for card in named if card and card["orientation"] == "unknown"]
    return len(cards) * 10 >= len(named) * 9 > 0 and len(set(cards)) == len(cards)
