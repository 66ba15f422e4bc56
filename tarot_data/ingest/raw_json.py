"""Raw records as JSON, as stored with rejections and fixes."""

from tarot_data.sources.records import RawDraw, RawRecord, Source
from tarot_data.text.cleanup import plain


def record_of(record: RawRecord) -> dict:
    """Convert a raw record to an object of plain values; `to_record` is the inverse."""
    return {
        "person": record.person,
        "question": record.question,
        "draws": [{"spread": draw.spread, "cards": draw.cards} for draw in record.draws],
        "content": record.content,
        "date": record.date,
        "date_hint": record.date_hint,
        "outcome": record.outcome,
        "consent": record.consent,
        "synthetic": record.synthetic,
        "record_id": record.record_id,
        **({"fixed": True} if record.fixed else {}),
        **({"extra": record.extra} if record.extra else {}),
    }


def has_resolved_cards(stored: dict) -> bool:
    """Check whether the record of a rejection is of a reading: its cards are objects with the number of their draw."""
    cards = stored.get("cards")
    return isinstance(cards, list) and bool(cards) and all(isinstance(card, dict) and "draw" in card for card in cards)


def to_record(stored: dict, source: Source) -> RawRecord:
    """Convert the record of a rejection, perhaps corrected by a person, to a raw record.

    stored: as `record_of` gives it, or of a rejected reading, with resolved `cards` next to `draws`.
    """
    draws = stored.get("draws") or []
    cards = stored.get("cards")
    if has_resolved_cards(stored):
        spreads = {draw.get("draw", number): draw.get("spread") for number, draw in enumerate(draws, 1)}
        numbers = sorted({*spreads, *(card["draw"] for card in cards)})
        raws = tuple(
            RawDraw(spread=spreads.get(number), cards=[_card_object(card) for card in cards if card["draw"] == number])
            for number in numbers
        )
    elif cards is not None:
        raws = (RawDraw(spread=draws[0].get("spread") if draws else stored.get("spread"), cards=cards),)
    else:
        raws = tuple(RawDraw(spread=draw.get("spread"), cards=draw.get("cards")) for draw in draws)
    names = ("person", "question", "date", "date_hint", "outcome", "consent", "record_id")
    return RawRecord(
        source=source,
        draws=raws,
        content=plain(stored.get("content")),
        synthetic=bool(stored.get("synthetic")),
        fixed=bool(stored.get("fixed")),
        extra=stored.get("extra") or {},
        **{name: stored.get(name) for name in names},
    )


def _card_object(card: dict) -> dict:
    position = card.get("position") or (card["place"] if card.get("place") else None)
    return {"card": card["card"], "orientation": card.get("orientation") or "unknown", "position": position}
