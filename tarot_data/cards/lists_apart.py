"""Drawn cards and lists of the reversed and of the upright ones among them (`逆位：战车`), merged."""

from collections.abc import Mapping

from schemas.deck import OTHER_SIDE


def merge_lists(cards: list[dict], lists: Mapping[str, list[dict]]) -> list[dict]:
    """Set the orientation of drawn cards from lists by orientation; return them with the listed cards that they lack.

    If only one orientation is listed, the other cards have the other one, unless they state their own. A card that is
    stated or listed in both is `unknown`.
    """
    sides: dict[str, str] = {}
    added: list[dict] = []
    for side, listed in lists.items():
        for card in listed:
            if card["card"] not in sides and all(drawn["card"] != card["card"] for drawn in cards):
                added.append(card)
            known = sides.setdefault(card["card"], side)
            sides[card["card"]] = side if known == side else "unknown"
    rest = OTHER_SIDE[next(iter(lists))] if len(lists) == 1 else "unknown"
    for card in cards:
        stated, listed_side = card["orientation"], sides.get(card["card"])
        if stated == "unknown":
            card["orientation"] = listed_side or rest
        elif listed_side and listed_side != stated:
            card["orientation"] = "unknown"
    for card in added:
        card["orientation"] = sides[card["card"]]
    return [*cards, *added]
