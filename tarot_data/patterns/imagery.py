"""What a card shows: the words of `images.csv` and `ranks.csv` by which a sentence speaks of a card without its name."""

import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon
from tarot_data.cards import mentions
from tarot_data.text.normalise import fold


@lexicon.cached
def words() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Folded words, word by card (bool), and of each word whether it is a picture (0), a rank (1) or a suit (2)."""
    cards_of: dict[str, set[int]] = {}
    for row in lexicon.read_table("images"):
        for word in row["words"].split("|"):
            cards_of.setdefault(fold(word), set()).add(mentions.CARD_ID[row["card"]])
    table = {kind: {} for kind in ("rank", "measure", "thing", "suit")}
    for row in lexicon.read_table("ranks"):
        table[row["kind"]].setdefault(fold(row["word"]), []).append(row["value"])
    numbers = {
        "一": "一1",
        "二": "两二2",
        "三": "三3",
        "四": "四4",
        "五": "五5",
        "六": "六6",
        "七": "七7",
        "八": "八8",
        "九": "九9",
    }
    numbers["十"] = ["十", "10"]
    for rank, written in numbers.items():
        for number in written:
            for measure, suits in table["measure"].items():
                for thing, of in table["thing"].items():
                    for suit in set(suits) & set(of):
                        cards_of.setdefault(number + measure + thing, set()).add(mentions.CARD_ID[suit + rank])
    ranks = {}
    for word, of in table["rank"].items():
        ranks[word] = {
            i for i, card in enumerate(CARDS) for rank in of if card[2:] == rank and card[:2] in "权杖圣杯宝剑星币"
        }
    suits = {}
    for word, of in table["suit"].items():
        suits[word] = {i for i, card in enumerate(CARDS) for suit in of if card[:2] == suit}
    kinds = dict.fromkeys(cards_of, 0) | dict.fromkeys(ranks, 1)
    for word in suits:
        kinds.setdefault(word, 2)
    words = list(kinds)
    matrix = np.zeros((len(words), len(CARDS)), dtype=bool)
    for i, word in enumerate(words):
        matrix[i, list(cards_of.get(word, set()) | ranks.get(word, set()) | suits.get(word, set()))] = True
    return words, matrix, np.array(list(kinds.values()))
