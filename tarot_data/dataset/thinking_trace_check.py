"""Check of a thinking trace: every sentence must be one of `reasoning.toml` and true of its reading.

The facts are computed again from the reading's fields, not with the code that wrote the trace.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

from schemas.deck import MAJORS, PATTERNS, RANKS, SUITS
from tarot_data.cards.format import card_text
from tarot_data.cards.mentions import find_cards
from tarot_data.dataset.thinking_trace import element_of, one_line, phrases
from tarot_data.dataset.thinking_trace import elements as all_elements
from tarot_data.patterns import cue_kinds
from tarot_data.text.numerals import to_int

_SKIPPED = re.compile(r"(?:\s|- )*")


def untrue(trace: str, row: dict) -> list[str]:
    """List the sentences of a trace that are not true of the reading; [] if all are.

    row: as `thinking_trace.described` returns it.
    """
    findings, place = [], _SKIPPED.match(trace).end()
    while place < len(trace):
        end = _true_until(trace, place, row)
        if end is None:
            end = min((trace.find("。", place) + 1) or len(trace), (trace.find("\n", place) + 1) or len(trace))
            findings.append(trace[place:end].strip())
        place = _SKIPPED.match(trace, end).end()
    return findings


def _true_until(trace: str, place: int, row: dict) -> int | None:
    """End of the longest true sentence that begins here."""
    ends = [end for kind, values, end in _read(trace, place) if TRUE[kind](row, **values)]
    return max(ends, default=None)


def _read(trace: str, place: int) -> Iterator[tuple[str, dict[str, str], int]]:
    for kind, pattern in _patterns():
        if match := pattern.match(trace, place):
            yield kind, match.groupdict(), match.end()


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Compile every sentence to a pattern, its slots once as short and once as long as possible within a line."""
    out = []
    for kind, ways in phrases()["say"].items():
        for way in ways:
            for slot in ("+?", "+"):
                parts = re.split(r"\{(\w+)\}", way)
                pattern = "".join(f"(?P<{p}>[^\n]{slot})" if n % 2 else re.escape(p) for n, p in enumerate(parts))
                out.append((kind, re.compile(pattern)))
    return out


def _names(row: dict) -> list[str]:
    return [card["card"] for card in row["cards"]]


def _listed(text: str) -> list[str]:
    return text.split("、")


def _reversed(row: dict) -> list[str]:
    return [card["card"] for card in row["cards"] if card["orientation"] == "reversed"]


def _majors(row: dict) -> list[str]:
    return [name for name in _names(row) if name in MAJORS]


def _suit_counts(row: dict) -> dict[str, int]:
    return {suit: sum(name.startswith(suit) for name in _names(row)) for suit in SUITS}


def _of(row: dict, label: str) -> list[dict]:
    return [sentence for sentence in row["sentences"] if label in sentence["labels"]]


def _is_repeated(row: dict, word: str, count: str) -> bool:
    return len(word) > 1 and one_line(row["question"]).count(word) == to_int(count)


def _is_cards(row: dict, cards: str) -> bool:
    return cards == "、".join(map(card_text, row["cards"])) and len({card["draw"] for card in row["cards"]}) == 1


def _is_draw(row: dict, number: str, cards: str) -> bool:
    numbers = sorted({card["draw"] for card in row["cards"]})
    place = to_int(number)
    if place is None or not 0 < place <= len(numbers):
        return False
    return cards == "、".join(card_text(card) for card in row["cards"] if card["draw"] == numbers[place - 1])


def _is_most(row: dict, suit: str, count: str) -> bool:
    counts = _suit_counts(row)
    mine = counts.pop(suit, 0)
    return mine == to_int(count) and mine > max(counts.values())


def _is_rank(row: dict, rank: str, count: str, cards: str) -> bool:
    found = [name for name in _names(row) if name not in MAJORS and name[2:] == rank]
    return rank in RANKS and found == _listed(cards) and len(found) == to_int(count)


def _is_link(row: dict, cards: list[str], how: str, order: bool = False) -> bool:
    """Check whether the reader linked exactly these cards in this way, in this order if order."""
    for sentence in _of(row, "card_link"):
        named = {card for card in sentence["cards"] if card in _names(row)}
        kind = phrases()["how"][cue_kinds.link_kinds(sentence["kinds"])[0]]
        if named == set(cards) and kind == how and (not order or _spoken(sentence, row, named) == cards):
            return True
    return False


def _spoken(sentence: dict, row: dict, named: set[str]) -> list[str]:
    """Return the named cards in the order of the sentence."""
    return list(dict.fromkeys(m.card for m in find_cards(sentence["text"], _names(row)) if m.card in named))


def _is_directed(row: dict, first: str, second: str, how: str, forward: bool) -> bool:
    names = _names(row)
    if first not in names or second not in names or (names.index(first) < names.index(second)) is not forward:
        return False
    return _is_link(row, [first, second], how, order=True)


def _is_advice_after(row: dict, card: str) -> bool:
    first = next((n for n, s in enumerate(row["sentences"]) if "advice" in s["labels"]), None)
    before = [
        s["cards"][0] for s in row["sentences"][: first or 0] if len(s["cards"]) == 1 and s["cards"][0] in _names(row)
    ]
    return bool(before) and before[-1] == card


def _are_forms(row: dict, count: str, forms: str) -> bool:
    given = _of(row, "advice")
    words = {phrases()["form"][form] for s in given for form in cue_kinds.advice_forms(s["kinds"], s["text"])}
    return set(_listed(forms)) == words and len(given) == to_int(count)


def _is_order(row: dict, labels: str) -> bool:
    words = phrases()["label"]
    order = [words[s["labels"][0]] for s in row["sentences"] if s["labels"][0] in PATTERNS]
    return _listed(labels) == list(dict.fromkeys(order))


TRUE: dict[str, Callable[..., bool]] = {
    "asked": lambda row, person, question: (row["person"], one_line(row["question"])) == (person, question),
    "question": lambda row, question: not row["person"] and one_line(row["question"]) == question,
    "person": lambda row, person: row["person"] == person and not one_line(row["question"]),
    "themes": lambda row, themes: _listed(themes) == row["themes"],
    "repeated": _is_repeated,
    "drawn": lambda row, spread, count: (
        [one_line(draw["spread"]) for draw in row["draws"] if draw["spread"]][:1] == [spread]
        and len(row["cards"]) == to_int(count)
    ),
    "drawn_plain": lambda row, count: len(row["cards"]) == to_int(count),
    "drawn_several": lambda row, draws, count: (
        len({card["draw"] for card in row["cards"]}) == to_int(draws) and len(row["cards"]) == to_int(count)
    ),
    "cards": _is_cards,
    "cards_of": _is_draw,
    "majors": lambda row, count, cards: _listed(cards) == _majors(row) and to_int(count) == len(_majors(row)),
    "one_major": lambda row, cards: _majors(row) == [cards],
    "no_majors": lambda row: not _majors(row),
    "all_majors": lambda row: _majors(row) == _names(row),
    "reversed": lambda row, count, cards: _listed(cards) == _reversed(row) and to_int(count) == len(_reversed(row)),
    "one_reversed": lambda row, cards: _reversed(row) == [cards],
    "no_reversed": lambda row: all(card["orientation"] == "upright" for card in row["cards"]),
    "all_reversed": lambda row: _reversed(row) == _names(row),
    "unknown": lambda row, count: (
        sum(card["orientation"] not in ("upright", "reversed") for card in row["cards"]) == to_int(count)
    ),
    "most_suit": _is_most,
    "missing_suits": lambda row, suits: _listed(suits) == [s for s, n in _suit_counts(row).items() if not n],
    "missing_elements": lambda row, elements: (
        set(_listed(elements)) == set(all_elements()) - {element_of(name) for name in _names(row)}
    ),
    "repeated_rank": _is_rank,
    "link_forward": lambda row, first, second, how: _is_directed(row, first, second, how, True),
    "link_backward": lambda row, first, second, how: _is_directed(row, first, second, how, False),
    "link": lambda row, first, second, how: _is_link(row, [first, second], how),
    "link_many": lambda row, cards, how: _is_link(row, _listed(cards), how),
    "no_links": lambda row: not _of(row, "card_link"),
    "advice_cards": lambda row, cards: (
        set(_listed(cards)) <= {card for s in _of(row, "advice") for card in s["cards"]} & set(_names(row))
    ),
    "advice_after": _is_advice_after,
    "advice_forms": _are_forms,
    "times": lambda row, times: (
        bool(_of(row, "advice"))
        and all(any(t in one_line(s["text"]) for s in _of(row, "advice")) for t in _listed(times))
    ),
    "no_advice": lambda row: not _of(row, "advice"),
    "plan": _is_order,
    "turn_counts": lambda row: True,
    "turn_links": lambda row: True,
    "turn_advice": lambda row: True,
}
"""Kind of a sentence -> function that says whether it is true of a row, given the values of its slots."""
