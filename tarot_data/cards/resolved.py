"""Cards as a reading has them: already resolved, so that they are used as they are instead of being parsed."""

from schemas.deck import CARDS, ORIENTATIONS

MOST_DRAWS = 100


def resolved_cards(value: object) -> list[dict] | None:
    """Return the cards of a value that is a list of `schemas.tables.DrawnCard`; None if it is anything else."""
    if not isinstance(value, list) or not value or not all(isinstance(card, dict) for card in value):
        return None
    cards = [_card(card) for card in value]
    return None if None in cards else cards


def _card(value: dict) -> dict | None:
    draw, place, position = value.get("draw"), value.get("place"), value.get("position")
    numbers = _is_number(draw, 1, MOST_DRAWS) and _is_number(place, 0, 400)
    known = value.get("card") in CARDS and value.get("orientation") in ORIENTATIONS
    if not numbers or not known or not isinstance(position, str | None):
        return None
    raw = value.get("raw") if isinstance(value.get("raw"), str) else value["card"]
    names = {name: value[name] for name in ("draw", "place", "card", "orientation")}
    return names | {"position": position or None, "raw": raw}


def _is_number(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
