"""Mask contact details in raw records (nested dicts and lists), keys included."""

from datetime import date, datetime

from tarot_data.privacy import mask
from tarot_data.text.cleanup import plain

LONGEST_KEPT = 400_000
"""Characters of one text of a rejected record that are kept: a book, which no reading is."""


def masked_object(value: object, longest: int = LONGEST_KEPT) -> tuple[object, list[str]]:
    """A JSON-like object with every string in it masked (keys too) and cut at `longest`, and the kinds masked."""
    texts: list[str] = []
    labels: list[str] = []

    def gather(item: object, depth: int, label: str = "") -> object:
        if depth > 12:
            return None
        if isinstance(item, dict):
            # Names at the top are our own; those below are the source's, and may say what they hold (微信, phone).
            named = [(str(key), held) for key, held in list(item.items())[:500]]
            return {gather(key, depth): gather(held, depth + 1, key if depth else "") for key, held in named}
        if isinstance(item, list | tuple):
            return [gather(held, depth + 1, label) for held in list(item)[:500]]
        if isinstance(item, bool) or item is None:
            return item
        if isinstance(item, bytes):
            return None
        told_by_name = label and mask.announces(label)
        if isinstance(item, int | float) and abs(item) < (1e4 if told_by_name else 1e9):
            return item if item == item else None
        texts.append(plain(item.isoformat() if isinstance(item, date | datetime) else item)[:longest])
        labels.append(label)
        return _Slot(len(texts) - 1)

    def fill(item: object) -> object:
        if isinstance(item, _Slot):
            return masked[item]
        if isinstance(item, dict):
            return {fill(key): fill(held) for key, held in item.items()}
        if isinstance(item, list):
            return [fill(held) for held in item]
        return item

    shape = gather(value, 0)
    masked, kinds = mask.mask_all(texts, labels)
    return fill(shape), kinds


class _Slot(int):
    """The place of a text in the list that is masked as a whole."""
