"""How good a reading is, in six figures from 0 to 1, each with the sentences it rests on.

A reading is judged by what stands in it: the links it draws, who and what it speaks to, whether it holds together, the
words of the craft, advice one can act on, and whether it reads the cards that lie there. No reference is needed, so a
person's reading and a model's are scored alike. What is counted is counted once however often it is repeated, and
saturates: more of the same is worth less and less, but never nothing.

Kept honest by pairs of a human reading and a copy made worse on purpose (tests/train/test_pairs.py); weights and
half-values were set on one half of the annotated readings and tested on the other.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import exp

from tarot_train.tables import read_table

DIMENSIONS = ("reasoning", "personalisation", "coherence", "terminology", "advice", "fidelity")

PHASES = {"opening": 0, "card_interpretation": 1, "card_link": 1, "advice": 2, "closing": 3}
"""The order a reading runs in; a sentence that is something else has no place in it."""


@dataclass(frozen=True)
class Line:
    """A sentence as the scores see it. repeat: whether its words stood there before."""

    text: str
    folded: str
    labels: tuple[str, ...]
    cards: tuple[str, ...]
    repeat: bool
    paragraph: int


def score(reading: dict) -> dict[str, object]:
    """{reasoning, personalisation, coherence, terminology, advice, fidelity, overall, explain}.

    reading: {person, question, cards: [{card, orientation}], content, sentences: [{start, end, labels, cards}],
    mentions: [{card, orientation, start, end}]}. explain: dimension to the sentences that decided, each with what it
    counted as; a sentence that speaks against is marked with a minus.
    """
    lines = _lines(reading)
    parts = {name: _PARTS[name](reading, lines) for name in DIMENSIONS}
    figures = {name: max(0.0, min(1.0, value)) for name, (value, _) in parts.items()}
    mean = sum(WEIGHTS[name] * figures[name] for name in DIMENSIONS) / sum(WEIGHTS.values())
    # A reading that does not hold together is no good reading, whatever stands in it.
    overall = mean * (0.4 + 0.6 * figures["coherence"]) * (0.5 + 0.5 * substance(reading, lines)[0])
    return {**figures, "overall": overall, "explain": {name: found for name, (_, found) in parts.items()}}


WEIGHTS = {
    "reasoning": 1.0,
    "personalisation": 1.0,
    "coherence": 1.0,
    "terminology": 1.0,
    "advice": 1.0,
    "fidelity": 1.0,
}


def saturate(amount: float, half: float) -> float:
    """0 for nothing, a half at `half`, towards 1 beyond: never flat, so that more is always more."""
    return 1 - 0.5 ** (amount / half)


@cache
def phrases(kind: str) -> re.Pattern[str]:
    """All patterns of a kind in `tables/phrases.csv` as one."""
    return re.compile("|".join(f"(?:{row['pattern']})" for row in read_table("phrases") if row["kind"] == kind))


def _lines(reading: dict) -> list[Line]:
    seen: set[str] = set()
    lines, paragraph, before = [], 0, 0
    content = reading["content"]
    for sentence in reading["sentences"]:
        text = content[sentence["start"] : sentence["end"]]
        paragraph += "\n" in content[before : sentence["start"]]
        before = sentence["end"]
        folded = _fold(text)
        lines.append(
            Line(
                text.strip(),
                folded,
                tuple(sentence["labels"]),
                tuple(sentence["cards"]),
                len(folded) > 3 and folded in seen,
                paragraph,
            )
        )
        seen.add(folded)
    return lines


def _fold(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _found(sign: str, what: str, line: Line) -> dict[str, str]:
    return {"sign": sign, "what": what, "text": line.text}


def drawn(reading: dict) -> dict[str, str]:
    """Drawn card to orientation."""
    return {card["card"]: card["orientation"] for card in reading["cards"]}


# The dimensions


def reasoning(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Links between cards, for so many cards; interpretations; words that tie one statement to another."""
    cards = max(1, len(drawn(reading)))
    links = [line for line in lines if "card_link" in line.labels and not line.repeat]
    readings = [line for line in lines if "card_interpretation" in line.labels and not line.repeat]
    causes = sum(len(phrases("cause").findall(line.text)) for line in links + readings)
    linked = saturate(len(links), 0.5 * max(1, cards - 1) if cards > 1 else 1)
    value = 0.65 * linked + 0.2 * saturate(len(readings), cards) + 0.15 * saturate(causes, cards)
    return value, [_found("+", "card_link", line) for line in links]


def personalisation(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """The person by name, the words of the question, and speaking to them."""
    person, question = reading.get("person"), reading.get("question")
    found, named = [], 0
    for line in lines:
        if person and not line.repeat and line.text.count(person):
            named += 1
            found.append(_found("+", "person", line))
    wanted = _pairs(question or "")
    there = _pairs("\n".join(line.text for line in lines))
    about = [line for line in lines if wanted & _pairs(line.text) and not line.repeat]
    found += [_found("+", "question", line) for line in about]
    covered = len(wanted & there) / len(wanted) if wanted else 0.0
    you = sum(bool(phrases("you").search(line.text)) for line in lines if not line.repeat)
    value = (
        0.3 * saturate(named, 1)
        + 0.25 * covered
        + 0.2 * saturate(len(about), 2)
        + 0.25 * saturate(you, max(2.0, len(drawn(reading))))
    )
    return value, found


def _pairs(text: str) -> set[str]:
    """Neighbouring characters that are letters, within runs of them."""
    runs = re.findall(r"[^\W_]+", text)
    return {run[i : i + 2] for run in runs for i in range(len(run) - 1)}


def terminology(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Drawn cards called by name, and the craft's own words."""
    cards = drawn(reading)
    named = {mention["card"] for mention in reading["mentions"]} & set(cards)
    words, found = 0, []
    for line in lines:
        hits = [] if line.repeat else [match.group() for match in phrases("term").finditer(line.text)]
        words += len(hits)
        if hits:
            found.append(_found("+", " ".join(hits), line))
    mentions = len({(m["card"], _fold(_around(reading, m))) for m in reading["mentions"] if m["card"] in cards})
    count = max(1, len(cards))
    value = 0.4 * len(named) / count + 0.3 * saturate(mentions, 1.5 * count) + 0.3 * saturate(words, 2 * count)
    return value, found


def _around(reading: dict, mention: dict) -> str:
    return reading["content"][max(0, mention["start"] - 8) : mention["end"] + 8]


def advice(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Advice, each piece by how much one can act on it: when, what to do, with what limit."""
    total, found = 0.0, []
    for line in lines:
        if "advice" not in line.labels or line.repeat:
            continue
        worth = concreteness(line.text)
        total += worth
        found.append(_found("+" if worth >= 0.4 else "-", f"{worth:.2f}", line))
    return saturate(total, 1.2), found


def concreteness(text: str) -> float:
    """0 to 1: how much a piece of advice says what to do, when, and how far."""
    value = 0.2 + 0.25 * bool(phrases("when").search(text)) + 0.3 * bool(phrases("act").search(text))
    value += 0.1 * bool(phrases("limit").search(text)) + 0.15 * saturate(len(_fold(text)), 20)
    return value * (0.35 if phrases("vague").search(text) else 1.0)


def fidelity(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Drawn cards that are read, each as it lies, against cards nobody drew."""
    cards, found = drawn(reading), []
    if not cards:
        return 0.0, found
    read = {mention["card"] for mention in reading["mentions"]} & set(cards)
    read |= {card for line in lines for card in line.cards if "card_interpretation" in line.labels} & set(cards)
    foreign, wrong = set(), set()
    for mention in reading["mentions"]:
        line = _line_at(reading, lines, mention["start"])
        if mention["card"] not in cards:
            foreign.add(mention["card"])
            found.append(_found("-", f"{mention['card']} not drawn", line))
        elif {mention["orientation"], cards[mention["card"]]} == {"upright", "reversed"}:
            wrong.add(mention["card"])
            found.append(_found("-", f"{mention['card']} {mention['orientation']}", line))
    missing = set(cards) - read
    value = (len(read) - len(wrong & read)) / (len(cards) + len(foreign))
    found += [{"sign": "-", "what": f"{card} not read", "text": ""} for card in sorted(missing)]
    return value, found


def _line_at(reading: dict, lines: list[Line], place: int) -> Line:
    for sentence, line in zip(reading["sentences"], lines, strict=True):
        if sentence["start"] <= place < sentence["end"]:
            return line
    return Line("", "", (), (), False, 0)


def coherence(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Whether it runs from opening to closing, card by card, without going in circles, to an end."""
    if not lines:
        return 0.0, []
    fresh = [line for line in lines if not line.repeat]
    found = [_found("-", "repeated", line) for line in lines if line.repeat]
    said = sum(len(line.folded) for line in fresh) / max(1, sum(len(line.folded) for line in lines))
    whole = _whole(lines)
    value = (0.15 + 0.35 * _phase_order(fresh) + 0.3 * _card_order(reading, fresh) + 0.2 * whole) * said**2
    return value * (0.5 + 0.5 * substance(reading, lines)[0]), found


def _phase_order(lines: list[Line]) -> float:
    """Share of pairs of sentences that stand in the order opening, cards, advice, closing."""
    phases = [PHASES[line.labels[0]] for line in lines if line.labels and line.labels[0] in PHASES]
    right = wrong = 0
    for i, first in enumerate(phases):
        for second in phases[i + 1 :]:
            right += first < second
            wrong += first > second
    return right / (right + wrong) if right + wrong else 0.5


def _card_order(reading: dict, lines: list[Line]) -> float:
    """How far sentences about one card stand together, and cards come in the order drawn."""
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


def _whole(lines: list[Line]) -> float:
    """A half for an opening at the start, a half for a closing at the end; a last sentence that breaks off costs."""
    opened = any("opening" in line.labels for line in lines[:3])
    closed = any("closing" in line.labels for line in lines[-2:])
    ended = not re.search(r"[\w，、；：,;:（(“‘]$", lines[-1].text) or len(lines[-1].text) < 2
    return 0.35 * opened + 0.4 * closed + 0.25 * ended


def substance(reading: dict, lines: list[Line]) -> tuple[float, list[dict]]:
    """Share of the text that says something of these cards, this person or what to do; the rest is filler."""
    total = filler = 0
    found = []
    for line in lines:
        total += len(line.folded)
        if phrases("filler").search(line.text) and not line.cards:
            filler += len(line.folded)
            found.append(_found("-", "filler", line))
    return 1 - filler / total if total else 0.0, found


_PARTS = {
    "reasoning": reasoning,
    "personalisation": personalisation,
    "coherence": coherence,
    "terminology": terminology,
    "advice": advice,
    "fidelity": fidelity,
}


def explanations(figures: dict[str, object]) -> Iterable[str]:
    """`+ reasoning card_link: …` a line, for people."""
    for name, found in figures["explain"].items():
        for item in found:
            yield f"{item['sign']} {name} {item['what']}: {item['text']}"
