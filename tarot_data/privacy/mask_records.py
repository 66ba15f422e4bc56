"""Masking of contact details in raw records (nested dicts and lists), keys included."""

from datetime import date, datetime

from tarot_data.privacy import mask
from tarot_data.text.cleanup import plain

LONGEST_KEPT = 400_000
"""Characters of one text of a rejected record that are stored; no reading is as long as that."""


DEEPEST, MOST_ITEMS = 12, 500
"""Levels of a record, and items of one object or list, that are stored."""


def masked_object(value: object, longest: int = LONGEST_KEPT) -> tuple[object, list[str]]:
    """Mask every string of a JSON-like object, keys too, cut at `longest` characters; return it and the kinds masked."""
    texts: list[tuple[str, str]] = []
    shape = _with_slots(value, texts)
    masked, kinds = mask.mask_all([text[:longest] for text, _ in texts], [label for _, label in texts])
    return _filled(shape, masked), kinds


class _Slot(int):
    """Index of a text in the list that is masked as a whole."""


def _with_slots(item: object, texts: list[tuple[str, str]], depth: int = 0, label: str = "") -> object:
    """Replace every string by a slot, and add it with its label to texts. label: the key it belongs to."""
    if depth > DEEPEST or isinstance(item, bytes):
        return None
    if isinstance(item, dict):
        # Keys at the top are our own; those below are the source's and may announce their values (微信, phone).
        named = [(str(key), value) for key, value in list(item.items())[:MOST_ITEMS]]
        return {
            _with_slots(key, texts, depth): _with_slots(value, texts, depth + 1, key if depth else "")
            for key, value in named
        }
    if isinstance(item, list | tuple):
        return [_with_slots(value, texts, depth + 1, label) for value in list(item)[:MOST_ITEMS]]
    if isinstance(item, bool) or item is None or _is_harmless(item, label):
        return item
    texts.append((plain(item.isoformat() if isinstance(item, date | datetime) else item), label))
    return _Slot(len(texts) - 1)


def _is_harmless(item: object, label: str) -> bool:
    """Test whether a value is a number too short for a contact detail."""
    return isinstance(item, int | float) and abs(item) < (1e4 if label and mask.announces(label) else 1e9)


def _filled(item: object, masked: list[str]) -> object:
    """Replace every slot by its masked text."""
    if isinstance(item, _Slot):
        return masked[item]
    if isinstance(item, dict):
        return {_filled(key, masked): _filled(value, masked) for key, value in item.items()}
    return [_filled(value, masked) for value in item] if isinstance(item, list) else item
