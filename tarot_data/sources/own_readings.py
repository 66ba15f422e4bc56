"""Readings as `tarot readings --json` prints them, which come back the same."""

import re
from collections.abc import Iterator

from schemas.deck import KEPT_FLAGS
from tarot_data.cards.resolved import resolved_cards
from tarot_data.sources.json_files import records as json_records
from tarot_data.sources.json_files.stream import objects
from tarot_data.sources.records import Blob, RawDraw, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample

FORM = "readings"
_ID = re.compile(r"r[0-9a-f]{16}")


def recognises(sample: Sample) -> bool:
    text = sample.text
    if text is None or '"reading_id"' not in text or not json_records.looks_like_json(sample):
        return False
    return any(is_own(item) for item in json_records.first_objects(sample))


def is_own(item: dict) -> bool:
    """Check whether an object is a reading of `tarot readings --json`."""
    name = item.get("reading_id")
    known = isinstance(name, str) and _ID.fullmatch(name) is not None
    return known and isinstance(item.get("content"), str) and isinstance(item.get("spreads"), list) and "cards" in item


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    for item in objects(blob):
        if isinstance(item, Rejected):
            yield item
        elif is_own(item[1]):
            yield record_of(item[1], blob, item[0])
        else:
            yield json_records.record_of(item[1], blob, item[0], "jsonl")


def record_of(value: dict, blob: Blob, locator: str) -> RawRecord:
    """Convert one reading; cards that somebody edited are parsed like those of any file."""
    cards, flags = resolved_cards(value["cards"]), _texts(value.get("flags"))
    last = max(len(value["spreads"]), *(card["draw"] for card in cards or ()), 1)
    spreads = [spread if isinstance(spread, str) else None for spread in value["spreads"]]
    spreads += [None] * (last - len(spreads))
    if cards is None:
        draws = [RawDraw(spread=spread, cards=value["cards"] if not n else None) for n, spread in enumerate(spreads)]
    else:
        draws = [_draw(spread, [card for card in cards if card["draw"] == n]) for n, spread in enumerate(spreads, 1)]
    fields = {name: value.get(name) for name in ("person", "question", "outcome", "date")}
    return RawRecord(
        source=source_of(blob, locator, FORM),
        draws=tuple(draws),
        content=value["content"],
        follow_ups=_follow_ups(value),
        consent=value.get("consent"),
        synthetic=value.get("synthetic") is True,
        fixed="fixed" in flags,
        kept_flags=tuple(flag for flag in flags if flag in KEPT_FLAGS),
        **{name: item if isinstance(item, str) else None for name, item in fields.items()},
    )


def _follow_ups(value: dict) -> tuple[tuple[str, str], ...]:
    given = value.get("follow_ups")
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    pairs = [(item.get("at"), item.get("asked")) for item in items]
    sound = ((at, asked) for at, asked in pairs if isinstance(at, int) and at > 0 and isinstance(asked, str))
    return tuple((value["content"][:at], asked) for at, asked in sound)


def _draw(spread: str | None, cards: list[dict]) -> RawDraw:
    given = [{"card": card["card"], "orientation": card["orientation"], "position": card["position"]} for card in cards]
    return RawDraw(spread=spread, cards=given, resolved=tuple(cards))


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
