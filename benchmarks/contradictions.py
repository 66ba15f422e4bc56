"""Share of contradicted cards that are found, over the annotated readings: each card in turn filed otherwise than drawn.

A card counts as plainly contradicted if an interpreting sentence of that card alone names it (another card filed), or gives
it the drawn orientation next to its name and no other (another orientation filed).
"""

from hashlib import blake2b

from schemas.deck import CARDS, MAJORS, OTHER_SIDE
from tarot_data.cards import mentions
from tarot_data.ingest.undrawn_cards import alike


def altered(readings: list[dict]) -> dict[str, list[tuple[dict, bool]]]:
    """Return readings with one card each filed otherwise, and whether the text plainly contradicts it: turned, swapped."""
    out: dict[str, list[tuple[dict, bool]]] = {"turned": [], "swapped": []}
    for reading in readings:
        names = [card["card"] for card in reading["cards"]]
        found = mentions.find_cards(reading["content"], names)
        for at, card in enumerate(reading["cards"]):
            mine = [mention for mention in found if mention.card == card["card"]]
            if names.count(card["card"]) > 1:
                continue
            if card["orientation"] in OTHER_SIDE:
                says = {mention.orientation for mention in mine} - {"unknown"} == {card["orientation"]}
                out["turned"].append((_filed(reading, at, orientation=OTHER_SIDE[card["orientation"]]), says))
            named = any(
                "card_interpretation" in sentence["labels"]
                and sentence["cards"] == [card["card"]]
                and any(sentence["start"] <= mention.start < sentence["end"] for mention in mine)
                for sentence in reading["sentences"]
            )
            out["swapped"].append((_filed(reading, at, card=_another(reading["id"], at, names)), named))
    return out


def _filed(reading: dict, at: int, **change: str) -> dict:
    cards = [{**card, **change} if place == at else card for place, card in enumerate(reading["cards"])]
    return {**reading, "id": f"{reading['id']} {at}", "cards": cards}


def _another(key: str, at: int, names: list[str]) -> str:
    """Choose an undrawn card by a hash; half the time of the same suit, or a major for a major."""
    number = int.from_bytes(blake2b(f"{key} {at}".encode(), digest_size=6).digest())
    fresh = [card for card in CARDS if card not in names and not alike(card, names[at])]
    major = names[at] in MAJORS
    near = [card for card in fresh if (card in MAJORS) == major and (major or card[:2] == names[at][:2])]
    pool = near if number % 2 else fresh
    return pool[number // 2 % len(pool)]
