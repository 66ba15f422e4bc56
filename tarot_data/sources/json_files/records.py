"""JSON and JSONL of readings to records, one object at a time. A new way to write a field is a function in LAYOUTS."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of, name_of
from tarot_data.sources.field_values import Fields
from tarot_data.sources.json_files import profile
from tarot_data.sources.json_files.layouts import ASIDE, is_reading
from tarot_data.sources.json_files.stream import MAX_DEPTH, depth_over, objects
from tarot_data.sources.labels import known_fields
from tarot_data.sources.lines import Line
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes.in_records import notes_in
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample
from tarot_data.sources.text_choice import SAMPLE_ROWS, TextChoice, label_score
from tarot_data.text.normalise import fold


def recognises(sample: Sample) -> bool:
    if not looks_like_json(sample):
        return False
    first = first_objects(sample)
    return any(map(is_reading, first)) or profile.is_card_dictionary(first) or not first and _begins_an_object(sample)


def looks_like_json(sample: Sample) -> bool:
    if sample.text is None:
        return False
    text = sample.text.lstrip("\ufeff \t\n")
    while text.startswith(("#", "//")) and "\n" in text[:2000]:
        text = text.partition("\n")[2].lstrip()
    return text[:1] == "{" or text[:1] == "[" and text[1:].lstrip()[:1] in ("{", "[", '"', "]")


def first_objects(sample: Sample, limit: int = 5) -> list[dict]:
    """Return the first readable objects of a file, taken out of their containers."""
    readable = (item[1] for item in objects(sample.blob) if not isinstance(item, Rejected))
    return list(islice(readable, limit))


def _begins_an_object(sample: Sample) -> bool:
    """Check whether a file starts like an object; if none can be read, each line is rejected separately."""
    text = (sample.text or "").lstrip()
    return text[:1] == "{" and text[1:].lstrip()[:1] == '"'


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    items = objects(blob)
    head = list(islice(items, SAMPLE_ROWS))
    choice = profile.understood([item[1] for item in head if not isinstance(item, Rejected)])
    for item in chain(head, items):
        if isinstance(item, Rejected):
            yield item
        else:
            locator, value = item
            yield from notes_in(record_of(value, blob, locator, "jsonl", choice=choice), blob)


def record_of(
    value: dict, blob: Blob, locator: str, form: str, hint: str | None = None, choice: TextChoice | None = None
) -> RawRecord | Rejected:
    """Convert one object to a record. hint: text that may hold the year, the file's name by default. choice: the key of
    the texts, if the file's objects were looked at."""
    source = source_of(blob, locator, form)
    fields = fields_of(value)
    if any(isinstance(child, dict) and depth_over(child) for pairs in fields.values() for _, child in pairs):
        deep = {"code": "too_deep", "values": {"limit": MAX_DEPTH}}
        return Rejected(source=source, stage="read", reason="unreadable", **deep)
    if choice and choice.label and field_of(choice.label) is None:
        text = profile.texts_of(value).get(choice.label)
        fields = {key: pairs for key, pairs in fields.items() if key[0] != "content"}
        fields[("content", 1)] = [(choice.label, text)]
    unknown = choice.unknown if choice else ()
    return to_record(fields, source, date_hint=hint or blob.hint, extra={}, record_id=_identity(value), unknown=unknown)


def fields_of(value: dict) -> Fields:
    """Collect the fields of an object and of the objects in it that describe it; the outer value of a field counts."""
    fields: Fields = {}
    draws: list[dict] = []
    for number, layer in enumerate(_layers(value)):
        for key, child in list(layer.items())[:500]:
            child = _unwrapped(child)
            if child is None or child == "" or key in ("metadata", "meta", "info"):
                continue
            if _is_draws(str(key), child) and not _are_cards(child):
                draws = child
                continue
            entries = next((found for layout in LAYOUTS if (found := layout(str(key), child)) is not None), [])
            known = {*fields} if number else set()
            for field, label, text in entries:
                # Of cards that are named twice (ids here, names there), those that can be read count.
                if field not in known or field[0] == "cards":
                    fields.setdefault(field, []).append((label, text))
    _add_draws(fields, draws)
    _add_more_texts(fields, value)
    if not any(name == "cards" for name, _ in fields):
        lists = profile.card_lists(value)
        for label, text in lists:
            fields.setdefault(("cards" if len(lists) == 1 else "extra", 1), []).append((label, text))
    _add_texts_of_cards(fields)
    return fields


def _unwrapped(value: object) -> object:
    """Return the value of a property that names its type (`{"type": "select", "select": {"name": …}}`, as Notion has it):
    the text of rich text, the first day of a date; any other value as it is."""
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in value or kind == "type":
        return value
    inner = value[kind]
    if isinstance(inner, dict) and "start" in inner:
        return inner["start"]
    pieces = [item.get("plain_text") for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []
    return "".join(pieces) if pieces and all(isinstance(piece, str) for piece in pieces) else inner


def _add_draws(fields: Fields, draws: list[dict]) -> None:
    """Add `"draws": [{"spread": "圣三角", "cards": […]}, …]`: spread and cards of each draw, by its number."""
    for number, draw in enumerate(draws, 1):
        for key, child in draw.items():
            name = name_of(str(key))
            if name in ("cards", "spread"):
                fields.setdefault((name, number), []).append((str(key), child))


def _add_more_texts(fields: Fields, value: dict) -> None:
    """Add the texts that continue the content under keys of their own (`解读` and `建议`, `总结`), in the order of the keys."""
    if ("content", 1) not in fields:
        return
    for number, (key, text) in enumerate(value.items(), FIRST_MORE):
        if _is_text(text) and fold(str(key)) in noise_words("beside") and not card_fields.listed(text[:200]):
            fields.setdefault(("content", number), []).append((str(key), text))


def _add_texts_of_cards(fields: Fields) -> None:
    """Add the texts of the cards as the content of a reading that has no other."""
    if any(name == "content" for name, _ in fields):
        return
    cards = [child for (name, _), pairs in fields.items() if name == "cards" for _, child in pairs]
    if texts := [text for child in cards for text in _texts_of_cards(child)]:
        fields[("content", 1)] = [("content", texts)]


def _layers(value: dict) -> list[dict]:
    """Return the object, its metadata, and what objects in it say of the reading (`{"session": {"date": …}}`, `{"result":
    {"cards": […], "text": …}}`)."""
    layers = [value, *(value[key] for key in ASIDE if isinstance(value.get(key), dict))]
    for key, child in value.items():
        names = _inside(str(key)) if isinstance(child, dict) else frozenset()
        if names and known_fields(list(map(str, child))) & names:
            layers.append({name: inner for name, inner in child.items() if known_fields([str(name)]) & names})
    return layers


def _inside(key: str) -> frozenset[str]:
    """Return the fields that an object under a key may have for the reading around it."""
    known = field_of(key)
    if known:
        return _OF_A_TEXT if known[0] == "content" else frozenset()
    return _CONTEXT if label_score(key) < 0 else _CONTEXT | _OF_A_TEXT | {"content"}


FIRST_MORE = 200
"""Number of the first text that continues the content."""
_CONTEXT, _OF_A_TEXT = frozenset({"question", "date"}), frozenset({"cards", "spread"})

Entries = list[tuple[tuple[str, int], str, object]]
"""(field, number), label and value."""


def _drawn_cards(key: str, child: object) -> Entries | None:
    """Read `"draws": [{"card": "愚人"}, {"card": "力量"}]`: each draw is one card."""
    return [(("cards", 1), key, child)] if _is_draws(key, child) else None


def _spread_object(key: str, child: object) -> Entries | None:
    """Read `"spread": {"name": "圣三角", "cards": […]}`, or the cards under a key like `positions`."""
    known = field_of(key)
    if not known or known[0] != "spread" or not isinstance(child, dict):
        return None
    entries: Entries = []
    for name, cards in child.items():
        cards = _placed(cards)
        are_objects = isinstance(cards, list) and all(isinstance(card, dict) for card in cards)
        if cards and (known_fields([str(name)]) == {"cards"} or are_objects and _are_cards(cards)):
            entries.append((("cards", known[1]), str(name), cards))
    if child and all(isinstance(card, str) and card_fields.listed(card) for card in child.values()):
        return [(("cards", known[1]), key, child)]
    return [*entries, (known, key, _value_of("spread", child))]


def _named_field(key: str, child: object) -> Entries | None:
    """Read `"question": "要不要换组"`: a key that is a synonym of a field. Fields that are never used give nothing."""
    known = field_of(key)
    if known is None:
        return None
    return [] if known[0] == "ignored" else [(known, key, _value_of(known[0], child))]


def _parallel_list(key: str, child: object) -> Entries | None:
    """Read `"orientations": ["正", "逆"]`, `"positions": ["过去", "现在"]`: as many as there are cards."""
    field = key.lower()[:-1] if key.lower() in ("orientations", "positions") else None
    return [((field, 1), key, _value_of(field, child))] if field else None


def _extra_card(key: str, child: object) -> Entries | None:
    """Read `"底牌": "月亮逆位"`: a card without a place."""
    return [(("extra", 1), key, child)] if isinstance(child, str) and card_fields.is_extra(key) else None


LAYOUTS = (_drawn_cards, _spread_object, _named_field, _parallel_list, _extra_card)
"""Functions of a key and its value, tried in order; each returns the entries, or None if it has another layout."""


def _is_draws(key: str, child: object) -> bool:
    return key.lower() in ("draws", "draw") and isinstance(child, list) and all(isinstance(d, dict) for d in child)


def _placed(cards: object) -> object:
    """Rename `name` to `position` in card objects that have a `card` too."""
    if not isinstance(cards, list) or not all(isinstance(d, dict) and "card" in d and "name" in d for d in cards):
        return cards
    return [{"position" if key == "name" else key: value for key, value in d.items()} for d in cards]


def _are_cards(child: list[dict]) -> bool:
    """Check whether a list of objects is draws of one card each; a single one that is labelled cards is a draw."""
    labelled = any("cards" in known_fields(list(map(str, draw))) for draw in child)
    return len(child) > labelled and all(map(_is_card, child))


def _is_card(draw: dict) -> bool:
    """Check for one card, under a label of cards or as the name of an object (`{"pos": "我", "name": "高塔"}`)."""
    names = known_fields(list(map(str, draw)))
    if "cards" not in names:
        return "spread" not in names and len(card_fields.listed([draw])) == 1
    card = next(value for key, value in draw.items() if known_fields([str(key)]) == {"cards"})
    return isinstance(card, str) and len(card_fields.listed(card)) == 1


def _texts_of_cards(cards: object) -> list[str]:
    """Collect the text that each card has in its object, for a reading without a text of the whole."""
    if not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards):
        return []
    words = noise_words("card text")
    found = []
    for card in cards:
        key = next((k for k in card if known_fields([str(k)]) == {"content"} or fold(str(k)) in words), None)
        if key is not None and isinstance(card[key], str) and card[key].strip():
            found.append(card[key].strip())
    return found


def _identity(value: dict) -> str | None:
    for key in ("id", "uuid", "reading_id"):
        if isinstance(value.get(key), str | int) and not isinstance(value.get(key), bool):
            return str(value[key])[:80]
    return None


def _value_of(field: str, child: Any) -> object:
    if field == "cards":
        return child
    if isinstance(child, dict):
        if field == "content" and _flat(child) is None:
            return _sections_of(child) or None
        own = next((child[key] for key in child if known_fields([str(key)]) == {field}), None)
        return own if isinstance(own, str) else _flat(child)
    return child


def _sections_of(child: dict) -> list[str]:
    """Return the sections of a text under their own names (overview, advice), without fields and codes next to them, and
    what a list in it says of each card."""
    found = [(str(key), part) for key, part in child.items() if isinstance(part, list) or _is_text(part)]
    own = [part for key, part in found if isinstance(part, list) or known_fields([key]) <= {"content"}]
    texts = [text for part in own for text in (_sentences_of_cards(part) if isinstance(part, list) else [part])]
    return [text for text in texts if not text.isascii()] or [part for _, part in found if isinstance(part, str)]


def _sentences_of_cards(cards: list) -> list[str]:
    return [text for text in _texts_of_cards(cards) if Line(text).ends_sentence]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2,4})?", re.IGNORECASE)
_OWN_LANGUAGE = "zh"


def _in_one_language(value: dict) -> object:
    """Return the Chinese text of an object that has a text a language (`{"zh-TW": …, "en": …}`), or else its first one;
    None for any other object."""
    texts = {key.lower(): child for key, child in value.items() if isinstance(child, str) and _LANGUAGE.fullmatch(key)}
    if len(texts) < len(value) or not texts:
        return None
    ranked = sorted(texts, key=lambda key: not key.startswith(_OWN_LANGUAGE))
    return next((texts[key] for key in ranked if texts[key].strip()), None)


def _flat(value: Any) -> object:
    """Return the name or text of an object; any other value as it is."""
    if isinstance(value, dict):
        if (text := _in_one_language(value)) is not None:
            return text
        return next(
            (value[key] for key in ("name", "title", "text", "value", "$date") if isinstance(value.get(key), str)), None
        )
    return value
