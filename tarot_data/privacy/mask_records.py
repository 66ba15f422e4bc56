"""Mask contact details in raw records (nested dicts and lists), keys included."""

from datetime import date, datetime

from tarot_data.privacy import mask
from tarot_data.text.cleanup import plain

LONGEST_KEPT = 400_000
"""Characters of one text of a rejected record that are stored: a book, which no reading is."""


def masked_object(value: object, longest: int = LONGEST_KEPT) -> tuple[object, list[str]]:
    """Mask every string of a JSON-like object, keys too, cut at `longest` characters; return it and the kinds masked."""
    texts: list[str] = []
    labels: list[str] = []

    def gather(item: object, depth: int, label: str = "") -> object:
        if depth > 12:
            return None
        if isinstance(item, dict):
            # Keys at the top are our own; those below are the source's and may announce their values (微信, phone).
            named = [(str(key), value) for key, value in list(item.items())[:500]]
            return {gather(key, depth): gather(value, depth + 1, key if depth else "") for key, value in named}
        if isinstance(item, list | tuple):
            return [gather(value, depth + 1, label) for value in list(item)[:500]]
        if isinstance(item, bool) or item is None:
            return item
        if isinstance(item, bytes):
            return None
        announced = label and mask.announces(label)
        if isinstance(item, int | float) and abs(item) < (1e4 if announced else 1e9):
            return item if item == item else None
        texts.append(plain(item.isoformat() if isinstance(item, date | datetime) else item)[:longest])
        labels.append(label)
        return _Slot(len(texts) - 1)

    def fill(item: object) -> object:
        if isinstance(item, _Slot):
            return masked[item]
        if isinstance(item, dict):
            return {fill(key): fill(value) for key, value in item.items()}
        if isinstance(item, list):
            return [fill(value) for value in item]
        return item

    shape = gather(value, 0)
    masked, kinds = mask.mask_all(texts, labels)
    return fill(shape), kinds


class _Slot(int):
    """Index of a text in the list that is masked as a whole."""
