"""Scores of a reading: six figures from 0 to 1, each with the sentences it rests on.

Scored are the links between cards, the person and question it addresses, coherence, terminology, advice one can act on,
and fidelity to the drawn cards. No reference is needed, so readings of persons and of models are scored alike. A repeated
sentence counts once, and counts saturate: more of the same is worth less and less, but never nothing.

Tested on pairs of a human reading and a copy spoilt on purpose (tests/train/test_pairs.py); weights and half-values were
set on one half of the annotated readings and tested on the other.
"""

import re
from math import exp
from unicodedata import numeric

from tarot_train.score_lines import Line, concreteness, drawn, finding, lines_of, pairs, phrases, saturate
from tarot_train.score_place import costs, overall
from tarot_train.score_text import prepare

DIMENSIONS = ("reasoning", "personalisation", "coherence", "terminology", "advice", "fidelity")

PHASES = {"opening": 0, "card_interpretation": 1, "card_link": 1, "advice": 2, "closing": 3}
"""Order of the parts of a reading by label; `other` has no place in it."""


def score(reading: dict) -> dict[str, object]:
    """Return {reasoning, personalisation, coherence, terminology, advice, fidelity, overall, explain}.

    reading: {person, question, cards: [{card, orientation}], content, sentences: [{start, end, labels, cards}],
    mentions: [{card, orientation, start, end}]}. explain: dimension to the sentences that decided, each {sign, code,
    values, text}: for (+) or against (-), with a code of the catalogue's `explain.` table and its values.
    """
    lines = lines_of(reading)
    if not lines:
        return dict.fromkeys((*DIMENSIONS, "overall"), 0.0) | {"explain": {name: [] for name in DIMENSIONS}}
    parts = {name: measure(reading, lines) for name, measure in PARTS.items()}
    content = {name: max(0.0, min(1.0, value)) for name, (value, _) in parts.items()}
    text = prepare(reading, lines)
    cost, unusual = costs(text)
    figures = {name: content[name] * exp(-cost.get(name, 0.0) / SOFTENED) for name in DIMENSIONS}
    explain = {name: found + unusual.get(name, []) for name, (_, found) in parts.items()}
    return {**figures, "overall": overall(content, sum(cost.values()), text.length), "explain": explain}


SOFTENED = 5
"""Cost by which a figure falls to 0.37 of what its reading has; in the overall score costs count whole. With 2, a text whose last
sentences were cut off looked more coherent in one of five pairs, since a fault went with them."""


# The dimensions


def reasoning(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Score links between drawn cards relative to their number, interpretations, and causal words.

    A sentence that names only cards nobody drew does not count.
    """
    here = set(drawn(reading))
    cards = max(1, len(here))
    sound = [line for line in lines if not line.repeat and not line.empty and _is_of(line, here)]
    links = [line for line in sound if "card_link" in line.labels]
    readings = [line for line in sound if "card_interpretation" in line.labels]
    causes = sum(len(phrases("cause").findall(line.text)) for line in links + readings)
    linked = saturate(len(links), 0.5 * max(1, cards - 1) if cards > 1 else 1)
    value = 0.65 * linked + 0.2 * saturate(len(readings), cards) + 0.15 * saturate(causes, cards)
    return value, [finding("+", "card_link", line) for line in links]


def _is_of(line: Line, cards: set[str]) -> bool:
    named = {card for card, _ in line.mentions}
    return not named or bool(named & cards)


def personalisation(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Score the person's name, the words of the question, and direct address."""
    person = reading.get("person")
    fresh = [line for line in lines if not line.repeat]
    named = [line for line in fresh if person and person in line.text]
    wanted = pairs(reading.get("question") or "")
    about = [line for line in fresh if wanted & pairs(line.text)]
    covered = len(wanted & pairs("\n".join(line.text for line in lines))) / len(wanted) if wanted else 0.0
    you = sum(bool(phrases("you").search(line.text)) for line in fresh)
    value = (
        0.3 * saturate(len(named), 1)
        + 0.25 * covered
        + 0.2 * saturate(len(about), 2)
        + 0.25 * saturate(you, max(2.0, len(drawn(reading))))
    )
    return value, [finding("+", "person", line) for line in named] + [finding("+", "question", line) for line in about]


def terminology(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Score drawn cards called by name, and technical terms."""
    cards = drawn(reading)
    named = {card for line in lines for card, _ in line.mentions} & set(cards)
    mentions = sum(card in cards for line in lines if not line.repeat for card, _ in line.mentions)
    words, found = 0, []
    for line in lines:
        hits = [] if line.repeat else [match.group() for match in phrases("term").finditer(line.text)]
        words += len(hits)
        if hits or line.mentions:
            words_of = list(dict.fromkeys([card for card, _ in line.mentions] + hits))
            found.append(finding("+", "term", line, words=words_of))
    count = max(1, len(cards))
    value = 0.4 * len(named) / count + 0.3 * saturate(mentions, 1.5 * count) + 0.3 * saturate(words, 2 * count)
    return value, found


def advice(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Score advice, weighted by how concrete each piece is: when, what to do, with what limit."""
    total, found = 0.0, []
    for line in lines:
        if "advice" not in line.labels or line.repeat or line.empty:
            continue
        worth = concreteness(line.text)
        total += worth
        found.append(finding("+" if worth >= 0.4 else "-", "advice", line, worth=round(worth, 2)))
    return saturate(total, 1.2), found


def fidelity(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Score drawn cards that are read in their own orientation, against cards nobody drew."""
    cards = drawn(reading)
    if not cards:
        return 0.0, []
    read = {card for line in lines for card, _ in line.mentions}
    foreign = read - set(cards)
    read |= {card for line in lines for card in line.cards if "card_interpretation" in line.labels}
    ways = _ways(lines, set(cards))
    value, found = 0.0, []
    for card, orientation in cards.items():
        worth, against = _card_read(card, orientation, ways[card], card in read)
        value += worth
        found += against
    found += [
        finding("-", "not_drawn", line, card=card) for line in lines for card, _ in line.mentions if card in foreign
    ]
    denied = _orientations_denied(lines, cards)
    wrong = sum(way != cards[card] for card in cards for way, _ in ways[card] if cards[card] != "unknown")
    value *= 0.8 + 0.2 * _drawn_order(lines, list(cards))
    return value / (len(cards) + len(foreign)) * 0.95 ** (wrong + len(denied)), found + denied


def _card_read(card: str, orientation: str, ways: list[tuple[str, Line]], read: bool) -> tuple[float, list[dict]]:
    """(worth, findings) of a drawn card. Read against its orientation it counts 0.3; reversed without a word of it 0.8."""
    said = {way for way, _ in ways}
    if not read:
        return 0.0, [finding("-", "not_read", card=card)]
    if orientation in said or orientation == "unknown":
        return 1.0, []
    if said:
        return 0.3, [finding("-", "turned", line, card=card, way=way) for way, line in ways]
    return (0.8 if orientation == "reversed" else 0.95), []


def _orientations_denied(lines: list[Line], cards: dict[str, str]) -> list[dict]:
    """Find sentences that deny an orientation which was drawn, or claim more cards of one than were drawn."""
    found = []
    for way in ("upright", "reversed"):
        if way in cards.values():
            found += [
                finding("-", "denied", line, way=way) for line in lines if phrases(f"none_{way}").search(line.text)
            ]
        if "unknown" not in cards.values():
            count = sum(orientation == way for orientation in cards.values())
            over = (line for line in lines if _overstated(line.text, way, count))
            found += [finding("-", "overstated", line, way=way, count=count) for line in over]
    return found


def _drawn_order(lines: list[Line], cards: list[str]) -> float:
    """Return the share of pairs of drawn cards that are first named in the order drawn; 1 if there is no pair.

    A text that confuses two cards reads them in another order.
    """
    first = list(dict.fromkeys(card for line in lines for card, _ in line.mentions))
    named = [first.index(card) for card in cards if card in first]
    pairs = [(a, b) for i, a in enumerate(named) for b in named[i + 1 :]]
    return sum(a < b for a, b in pairs) / len(pairs) if pairs else 1.0


def _ways(lines: list[Line], cards: set[str]) -> dict[str, list[tuple[str, Line]]]:
    """Map each drawn card to the (orientation, sentence) pairs in which the text states its orientation.

    Stated with the name, or by a sentence that is about one card only and states one orientation only.
    """
    ways: dict[str, list[tuple[str, Line]]] = {card: [] for card in cards}
    for line in lines:
        told = [(card, way) for card, way in line.mentions if way != "unknown" and card in cards]
        for card, way in told:
            ways[card].append((way, line))
        about = (set(line.cards) | {card for card, _ in line.mentions}) & cards
        signs = [way for way in ("upright", "reversed") if phrases(way).search(line.text)]
        # The Hanged Man hangs in either orientation.
        about = {card for card in about if not phrases("hangs").search(card)}
        if not told and len(about) == 1 and len(signs) == 1:
            ways[about.pop()].append((signs[0], line))
    return ways


def _overstated(text: str, way: str, count: int) -> bool:
    """Check whether a sentence says that more cards have an orientation than do: `三张逆位` for one."""
    return any(_number(found["number"]) > count for found in phrases(f"some_{way}").finditer(text))


def _number(digit: str) -> int:
    """Return the value of one digit or Chinese numeral; `两`, to which Unicode gives none, is 2."""
    return int(numeric(digit, 2))


def coherence(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Order from opening to closing and card by card, without repetition, filler or a missing end."""
    if not lines:
        return 0.0, []
    fresh = [line for line in lines if not line.repeat]
    found = [finding("-", "repeated", line) for line in lines if line.repeat]
    found += [finding("-", "empty", line) for line in fresh if line.empty]
    length = max(1, sum(len(line.folded) for line in lines))
    stuck = [line for line in fresh if phrases("stutter").search(line.folded)]
    found += [finding("-", "stuck", line) for line in stuck]
    said = (sum(len(line.folded) for line in fresh) - sum(map(_stuttered, stuck))) / length
    empty = sum(len(line.folded) for line in fresh if line.empty) / length
    order = 0.4 * _phase_order(fresh) + 0.35 * _card_order(reading, fresh) + 0.25 * _links_follow(fresh)
    value = (0.15 + 0.85 * order) * (0.1 + 0.9 * _whole(reading, lines)) * said**2 * (1 - empty) ** 1.5
    if _breaks_off(lines):
        found.append(finding("-", "breaks_off", lines[-1]))
        value *= 0.6
    return value, found


def _breaks_off(lines: list[Line]) -> bool:
    """Check whether the last sentence lacks an end mark, in a reading whose other sentences mostly have one."""
    *others, last = (not re.search(r"[一-鿿，、；：,;:（(“‘]$", line.text) for line in lines)
    return not last and sum(others) > 0.6 * len(others)


def _stuttered(line: Line) -> int:
    """Count characters that repeat those right before them."""
    return sum(len(match.group()) for match in phrases("stutter").finditer(line.folded))


def _phase_order(lines: list[Line]) -> float:
    """Return the share of pairs of sentences in the order opening, cards, advice, closing."""
    phases = [PHASES[line.labels[0]] for line in lines if line.labels and line.labels[0] in PHASES]
    right = wrong = 0
    for i, first in enumerate(phases):
        for second in phases[i + 1 :]:
            right += first < second
            wrong += first > second
    return right / (right + wrong) if right + wrong else 0.5


def _card_order(reading: dict, lines: list[Line]) -> float:
    """Return the share of steps between interpretations that stay at a card or go on to the next one drawn."""
    order = {card: place for place, card in enumerate(drawn(reading))}
    spoken = [
        order[line.cards[0]]
        for line in lines
        if line.labels and line.labels[0] == "card_interpretation" and line.cards and line.cards[0] in order
    ]
    if len(spoken) < 2:
        return 0.5
    steps = sum(0 <= b - a <= 1 for a, b in zip(spoken, spoken[1:], strict=False))
    return steps / (len(spoken) - 1)


def _links_follow(lines: list[Line]) -> float:
    """Return the share of linked cards that were interpreted before the link."""
    read: set[str] = set()
    before = after = 0
    for line in lines:
        if "card_link" in line.labels:
            before += len(set(line.cards) & read)
            after += len(set(line.cards) - read)
        if line.labels and line.labels[0] == "card_interpretation":
            read |= set(line.cards)
    return before / (before + after) if before + after else 0.5


def _whole(reading: dict, lines: list[Line]) -> float:
    """Rate completeness from 0 to 1: opening, closing, an end mark, every card read, advice."""
    opened = any("opening" in line.labels for line in lines[:3])
    closed = any("closing" in line.labels and not phrases("generic").search(line.text) for line in lines[-2:])
    ended = not _breaks_off(lines)
    cards = drawn(reading)
    read = {card for line in lines if line.labels != ("other",) for card in line.cards} & set(cards)
    advised = any("advice" in line.labels for line in lines)
    return 0.15 * opened + 0.25 * closed + 0.2 * ended + 0.25 * len(read) / max(1, len(cards)) + 0.15 * advised


PARTS = {
    "reasoning": reasoning,
    "personalisation": personalisation,
    "coherence": coherence,
    "terminology": terminology,
    "advice": advice,
    "fidelity": fidelity,
}
