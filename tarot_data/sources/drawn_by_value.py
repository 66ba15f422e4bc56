"""Cards under a label that means nothing known, found by the values: every one is a card list."""

from collections.abc import Sequence

from schemas.deck import is_major
from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.sources.labels import position_in
from tarot_data.sources.noise import has_word, noise_words
from tarot_data.sources.text_choice import label_score
from tarot_data.text.normalise import fold

LONGEST_LIST = 200
"""Characters of a card list under a label that is not known."""


def are_drawn(label: str, cells: Sequence[str]) -> bool:
    """Check that texts under a label are all cards drawn now.

    A number (`总分`: 0) is none, and a single major without orientation (`守护星`: 太阳) only under a label that is about
    cards (主牌). Former and birth cards (上次的牌, 本命牌) are not drawn.
    """
    if not cells or not all(len(cell) <= LONGEST_LIST and any(map(str.isalpha, cell)) for cell in cells):
        return False
    if not _may_draw(label):
        return False
    found = []
    for cell in cells:
        if not (listed := card_fields.listed(cell)):
            return False
        found.append(listed)
    if position_in(label) or any(word in fold(label) for word in noise_words("heading cards")):
        return True
    return all(
        len(cards) > 1 or cards[0]["orientation"] != "unknown" or not is_major(cards[0]["card"]) for cards in found
    )


@lexicon.cached(maxsize=4096)
def _may_draw(label: str) -> bool:
    folded = fold(label)
    if position_in(label):
        return True
    return label_score(label) >= 0 and not has_word(folded, "other cards")
