"""Lines of a note that are cards and nothing else, or that explain one card each."""

import re

from tarot_data import lexicon
from tarot_data.cards import card_fields, content_cards
from tarot_data.cards.card_words import suits
from tarot_data.lexicon.word_lists import any_of
from tarot_data.sources.labelled_lines import LONGEST_LIST_LINE
from tarot_data.sources.lines import Line
from tarot_data.sources.notes.head_words import ENDS

LINES_OF_CARDS = 15
FEWEST_EXPLAINED = 3


def is_label_of_cards(line: Line) -> bool:
    return line.field == "cards"


def is_list_of_cards(line: Line) -> bool:
    """Check for drawn cards without a label. In a note that labels its cards elsewhere such a line is of a body."""
    return line.field in ("", "content") and has_cards(line)


def explains_cards(lines: list[Line], index: int, least: int = FEWEST_EXPLAINED) -> bool:
    """Check for consecutive lines of a card with a text behind a dash."""
    rows = lines[index : index + least]
    return len(rows) == least and all(map(content_cards.explained_card, (row.text for row in rows)))


def heads_a_card(lines: list[Line], index: int) -> bool:
    """Check for a line of a position and one card, or a heading of one, over a text, with another such line below it:
    `【他的想法】愚人（逆）`."""
    return (
        _is_card_at_place(lines[index])
        and any(_is_card_at_place(line) for line in lines[index + 2 : index + LINES_OF_CARDS])
        and not has_cards(lines[index + 1])
    )


def _is_card_at_place(line: Line) -> bool:
    if not has_cards(line):
        return False
    cards = card_fields.listed(line.stripped)
    return len(cards) == 1 and bool(cards[0]["position"] or line.level)


def has_cards(line: Line) -> bool:
    """Check for a line of cards and nothing else; the search for a name is the quick test."""
    text = line.stripped
    if not text or len(text) > LONGEST_LIST_LINE or any(mark in text[:-1] for mark in ENDS):
        return False
    return bool(content_cards.names_card(text) or line.item or _short_card().search(text)) and bool(
        card_fields.listed(text)
    )


@lexicon.cached
def _short_card() -> re.Pattern:
    """Compile a pattern for cards that the prose does not name so: a suit apart from its rank, English letters (3S, KnW)."""
    return re.compile(rf"{any_of(word for word in suits() if len(word) > 1)}|\b(?:[2-9]|10|Q|Kn?|Pg)[SWCP]\b")


def end_of_cards(lines: list[Line], start: int) -> int:
    end = start + 1
    last = min(len(lines), start + LINES_OF_CARDS)
    while end < last and not _is_labelled(lines[end]) and has_cards(lines[end]):
        end += 1
    return end


def _is_labelled(line: Line) -> bool:
    """Check for a label that is no name of a position: `结果：愚人` continues a list of cards."""
    return line.field not in ("", "content", "position", "background")
