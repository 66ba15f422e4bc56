"""A named spread to cards of a shuffled deck."""

from random import Random

from schemas.deck import CARDS
from schemas.errors import Problem
from tarot_data.cards.spreads import places_of, resolve_spread


def draw_cards(spread: str, seed: int) -> list[dict]:
    """The cards of a spread as `parse_cards` gives them, upright and reversed equally likely.

    The same spread and seed give the same cards. Raises Problem `no_spread` if the spread, or how many places it
    has, is not known.
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
