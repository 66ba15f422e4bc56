"""JSON and JSONL of readings, whatever the shape of their cards; objects are read one at a time, however large the file."""

import re
from collections.abc import Iterator
from typing import Any

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.json_stream import _ASIDE, MAX_DEPTH, depth_over, is_reading, objects
from tarot_data.sources.labelled_lines import Fields, known_fields
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample


def recognises(sample: Sample) -> bool:
    if not looks_like_json(sample):
        return False
    return any(is_reading(item) for item in first_objects(sample)) or _broken_but_json(sample)


def looks_like_json(sample: Sample) -> bool:
    if sample.text is None:
        return False
    text = sample.text.lstrip("\ufeff \t\n")
    while text.startswith(("#", "//")) and "\n" in text[:2000]:
        text = text.partition("\n")[2].lstrip()
    return text[:1] == "{" or bool(re.match(r"\[\s*[{\[\"\]]", text))


def first_objects(sample: Sample, limit: int = 5) -> list[dict]:
    """The first objects of a file that could be read, wrappers opened."""
    found: list[dict] = []
    for item in objects(sample.blob):
        if isinstance(item, Rejected):
            continue
        found.append(item[1])
        if len(found) >= limit:
            break
    return found


def _broken_but_json(sample: Sample) -> bool:
    """A file whose every line begins as an object but none can be read: each is a refusal of its own."""
    return bool(re.match(r"\s*\{\s*\"", sample.text or "")) and not first_objects(sample)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    form = "jsonl"
    for item in objects(blob):
        if isinstance(item, Rejected):
            yield item
        else:
            locator, value = item
            yield record_of(value, blob, locator, form)


def record_of(value: dict, blob: Blob, locator: str, form: str, hint: str | None = None) -> RawRecord | Rejected:
    """A record of one object: its keys by the synonyms, `metadata` opened, draws as draws."""
    source = source_of(blob, locator, form)
    fields: Fields = {}
    extra: dict[str, object] = {}
    spreads: list = []
    layers = [value, *(value[key] for key in _ASIDE if isinstance(value.get(key), dict))]
    # Who asked what and when may lie in an object of its own: `{"session": {"date": …, "question": …}}`.
    layers += [
        {name: told for name, told in held.items() if known_fields([str(name)]) <= {"question", "date"}}
        for key, held in value.items()
        if isinstance(held, dict)
        and not field_of(str(key))
        and known_fields(list(map(str, held))) & {"question", "date"}
    ]
    for layer in layers:
        for key, held in list(layer.items())[:500]:
            if held is None or held == "" or key in ("metadata", "meta", "info"):
                continue
            if (
                str(key).lower() in ("draws", "draw")
                and isinstance(held, list)
                and all(isinstance(d, dict) for d in held)
            ):
                if _are_cards(held):
                    fields.setdefault(("cards", 1), []).append((str(key), held))
                else:
                    spreads = held
                continue
            known = field_of(str(key))
            if known and known[0] == "spread" and isinstance(held, dict):
                # What was laid lies with the spread: `{"spread": {"name": …, "cards": […]}}`.
                for name, cards in held.items():
                    cards = _placed(cards)
                    objects = isinstance(cards, list) and all(isinstance(card, dict) for card in cards)
                    if cards and (known_fields([str(name)]) == {"cards"} or objects and _are_cards(cards)):
                        fields.setdefault(("cards", known[1]), []).append((str(name), cards))
            if known is None and str(key).lower() in ("orientations", "positions"):
                known = (str(key).lower()[:-1], 1)
            if known is None and isinstance(held, str) and card_fields.is_extra(str(key)):
                known = ("extra", 1)
            if known and known[0] != "ignored" and not (layer is not value and known in fields):
                fields.setdefault(known, []).append((str(key), _value_of(known[0], held)))
    for number, draw in enumerate(spreads, 1):
        for key, held in draw.items():
            known = field_of(str(key))
            if known and known[0] in ("cards", "spread"):
                fields.setdefault((known[0], number), []).append((str(key), held))
    if any(isinstance(held, dict) and depth_over(held) for pairs in fields.values() for _, held in pairs):
        deep = {"code": "too_deep", "values": {"limit": MAX_DEPTH}}
        return Rejected(source=source, stage="read", reason="unreadable", **deep)
    if not any(key[0] == "content" for key in fields):
        cards = [held for key, pairs in fields.items() if key[0] == "cards" for _, held in pairs]
        if told := [text for held in cards for text in _told_by_cards(held)]:
            fields[("content", 1)] = [("content", told)]
    return to_record(fields, source, date_hint=hint or blob.hint, extra=extra, record_id=_identity(value))


def _placed(cards: object) -> object:
    """Cards of objects whose `name` is that of the place, a `card` being there too."""
    if not isinstance(cards, list) or not all(isinstance(d, dict) and "card" in d and "name" in d for d in cards):
        return cards
    return [{"position" if key == "name" else key: value for key, value in d.items()} for d in cards]


def _are_cards(held: list[dict]) -> bool:
    """Whether draws are one card each, two or more of them."""
    return len(held) > 1 and all(
        isinstance(card := next((d[key] for key in d if known_fields([str(key)]) == {"cards"}), None), str)
        and len(card_fields.listed(card)) == 1
        for d in held
    )


def _told_by_cards(cards: object) -> list[str]:
    """What the objects of cards say of each, where no text of the whole is there."""
    if not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards):
        return []
    words = ("meaning", "comment", "note", "含义", "牌义")
    found = []
    for card in cards:
        key = next((k for k in card if known_fields([str(k)]) == {"content"} or str(k).lower() in words), None)
        if key is not None and isinstance(card[key], str) and card[key].strip():
            found.append(card[key].strip())
    return found


def _identity(value: dict) -> str | None:
    for key in ("id", "uuid", "reading_id"):
        if isinstance(value.get(key), str | int) and not isinstance(value.get(key), bool):
            return str(value[key])[:80]
    return None


def _value_of(field: str, held: Any) -> object:
    if field == "cards":
        return held
    if isinstance(held, dict):
        if field == "content" and _flat(held) is None:
            # Sections of a text under names of their own: overview, advice.
            return [text for text in held.values() if isinstance(text, str) and text.strip()] or None
        own = next((held[key] for key in held if known_fields([str(key)]) == {field}), None)
        return own if isinstance(own, str) else _flat(held)
    return held


def _flat(value: Any) -> object:
    """A value of a field that holds text: lists of text stay lists, an object gives its name."""
    if isinstance(value, dict):
        return next(
            (value[key] for key in ("name", "title", "text", "value", "$date") if isinstance(value.get(key), str)), None
        )
    return value
