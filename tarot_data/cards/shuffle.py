"""Cards of a shuffled deck for a named spread."""

from random import Random

from schemas.deck import CARDS
from schemas.errors import Problem
from tarot_data.cards.spreads import places_of, resolve_spread


def draw_cards(spread: str, seed: int) -> list[dict]:
    """Draw the cards of a spread as `parse_cards` returns them, upright and reversed equally likely.

    The same spread and seed give the same cards. Raises Problem `no_spread` if the spread, or its number of places, is
    not known.
    """
    count = places_of(spread)
    if not count or count > len(CARDS):
        raise Problem("no_spread", spread=spread)
    _, positions = resolve_spread(spread)
    names = positions if len(positions) == count else [None] * count
    chance = Random(seed)
    drawn = []
    for place, (name, position) in enumerate(zip(chance.sample(CARDS, count), names, strict=True), 1):
        orientation = chance.choice(("upright", "reversed"))
        drawn.append(
            {"draw": 1, "place": place, "position": position, "card": name, "orientation": orientation, "raw": name}
        )
    return drawn
