"""The meaning of keys that their names leave open, decided over the first objects of a file or rows of a table."""

from collections.abc import Sequence

from tarot_data.lexicon.field_names import field_of, name_of
from tarot_data.sources.card_dictionary import is_dictionary
from tarot_data.sources.drawn_by_value import are_drawn
from tarot_data.sources.records import not_a_reading, unreadable
from tarot_data.sources.text_choice import SHORTEST_TEXT, TextChoice, choose_text, is_content, label_score

FEWEST_ENTRIES = 3
"""Entries from which a list or an object may be a card dictionary."""


def understood(values: Sequence[dict]) -> TextChoice:
    """Choose the key of the texts among those of the objects and of the objects in them that describe them.

    Raises SourceError if the objects are a card dictionary, or if two keys may be the text.
    """
    values = [value for value in values if isinstance(value, dict)]
    if is_card_dictionary(values):
        raise not_a_reading("card_dictionary")
    texts = [texts_of(value) for value in values]
    labels = dict.fromkeys(label for found in texts for label in found)
    if all(is_content(label) for label in labels):
        return TextChoice()
    choice = choose_text(
        {label: [found.get(label) for found in texts] for label in labels}, [_cards(value) for value in values]
    )
    if choice.rivals:
        raise unreadable("two_texts", first=choice.rivals[0], second=choice.rivals[1])
    return choice


def is_card_dictionary(values: Sequence[dict]) -> bool:
    """Check whether objects, or the entries of a list or object in the only one, are a card each with its meanings."""
    entries = _entries(values[0]) if len(values) == 1 else [*values]
    if len(entries) < FEWEST_ENTRIES:
        return False
    labels = [*dict.fromkeys(str(key) for entry in entries[:200] for key in entry)][:100]
    return is_dictionary(labels, [[entry.get(label) for label in labels] for entry in entries])


def _entries(value: dict) -> list[dict]:
    """Return the objects of the longest list in an object; or its own objects, with their keys as the cards."""
    lists = [child for child in value.values() if isinstance(child, list) and all(isinstance(e, dict) for e in child)]
    if lists:
        return max(lists, key=len)
    children = {key: child for key, child in value.items() if isinstance(child, dict)}
    if len(children) == 1 and len(value) <= 3:
        return _entries(next(iter(children.values())))
    return [{"card": key, **child} for key, child in children.items()] if len(children) * 2 > len(value) else []


def texts_of(value: dict) -> dict[str, str]:
    """Return the texts of an object under keys that mean the content or nothing that is known, by key; also of objects
    in it under an unknown key."""
    found: dict[str, str] = {}
    for key, child in list(value.items())[:200]:
        if not _is_open(str(key)):
            continue
        if isinstance(child, str):
            found.setdefault(str(key), child)
        elif isinstance(child, dict) and not is_content(str(key)) and label_score(str(key)) >= 0:
            inner = ((str(k), v) for k, v in list(child.items())[:100] if isinstance(v, str) and _is_open(str(k)))
            for label, text in inner:
                found.setdefault(label, text)
    return found


def may_be_text(key: str, value: object) -> bool:
    """Check for a long text under a key that is not known but named like a reader's text."""
    return isinstance(value, str) and len(value) >= SHORTEST_TEXT and field_of(key) is None and label_score(key) > 0


def card_lists(value: dict) -> list[tuple[str, str]]:
    """Return the keys that mean nothing known (`主牌`) but whose short texts are card lists, with these."""
    return [
        (str(key), child)
        for key, child in list(value.items())[:200]
        if isinstance(child, str) and field_of(str(key)) is None and are_drawn(str(key), [child])
    ]


def is_told_by_values(value: dict) -> bool:
    """Check for a long text and a card list under keys that mean nothing known."""
    has_text = any(isinstance(child, str) and len(child) >= SHORTEST_TEXT for child in value.values())
    return has_text and bool(card_lists(value))


def _is_open(key: str) -> bool:
    return field_of(key) is None or is_content(key)


def _cards(value: dict) -> str:
    """Return the cards of an object as text."""
    return "、".join(str(child)[:500] for key, child in value.items() if name_of(str(key)) == "cards")
