"""Measures of how far a reading is about its question."""

import re
from collections import defaultdict
from functools import cache
from heapq import nlargest
from math import fsum

from tarot_train.score_cards import card_words
from tarot_train.score_lines import Line, fold, pairs, phrases
from tarot_train.score_text import Measured, Text, fitted, of_fitted
from tarot_train.tables import read_table


@of_fitted
def rarity() -> dict[str, float]:
    """Map a letter or a pair of letters to its rarity among annotated readings; what is missing is rarer than all."""
    return {row["pair"]: float(row["rarity"]) for row in fitted("rarity")}


@of_fitted
def _known_questions() -> tuple[dict[str, float], ...]:
    return tuple(_wanted(row["question"]) for row in fitted("questions"))


@of_fitted
def _asking() -> dict[str, list[tuple[int, float]]]:
    """Map a part of questions to (place in `_known_questions`, weight) of those that have it."""
    places = defaultdict(list)
    for place, wanted in enumerate(_known_questions()):
        for part, weight in wanted.items():
            places[part].append((place, weight))
    return dict(places)


def _used(text: str) -> set[str]:
    """Return the pairs of letters and single ones: `猫` of `把猫送回老家` is in `猫砂`."""
    return pairs(text) | set(fold(text))


def _wanted(question: str) -> dict[str, float]:
    """Map the letters and pairs of a question to their weights, which add up to 1."""
    weights = {part: rarity().get(part, RAREST if len(part) == 2 else RAREST_LETTER) for part in _used(question)}
    whole = fsum(weights.values())
    return {pair: weight / whole for pair, weight in weights.items()} if whole else {}


RAREST, RAREST_LETTER = 6.0, 5.0


def asked(text: Text) -> Measured:
    """Return the share of the question's words that the reading uses, rare ones counted more."""
    wanted = _wanted(text.reading.get("question") or "")
    lines = [line for line in text.lines if any(p in wanted for p in pairs(line.text))]
    return Measured(_share_used(wanted, _used(text.reading["content"])), lines)


def _share_used(wanted: dict[str, float], used: set[str]) -> float:
    """Add up the weights of the parts of a question that a text uses."""
    return fsum(weight for part, weight in wanted.items() if part in used)


def other_questions(text: Text) -> Measured:
    """Return how much more the reading is about its question than about those of other readings that it fits best."""
    used = _used(text.reading["content"])
    own = _wanted(text.reading.get("question") or "")
    fits = [0.0] * len(_known_questions())
    # In the order of the text's parts as sorted, so that the same text has the same sum in every process.
    for part in sorted(used & _asking().keys()):
        for place, weight in _asking()[part]:
            fits[place] += weight
    others = zip(fits, _known_questions(), strict=True)
    best = nlargest(5, (fit for fit, wanted in others if wanted.keys() != own.keys()))
    return Measured(_share_used(own, used) - sum(best) / max(1, len(best)), [])


def restated(text: Text) -> Measured:
    """Return how far the question that the first three sentences repeat is from the one that was asked; 0 if none does."""
    question, found = text.reading.get("question") or "", []
    for line in text.lines[:3] if question else ():
        said = [fold(line.text[match.end() :]) for match in phrases("restates").finditer(line.text)]
        found += [(_likeness(passage, question), line) for passage in said if len(passage) >= 4]
    like, line = max(found, key=lambda one: one[0], default=(1.0, None))
    return Measured(1 - like, [line] if line else [])


def _likeness(passage: str, question: str) -> float:
    """Return the share of the question that a passage uses, or of its letters that the question has, if that is higher."""
    letters = set(passage)
    return max(_share_used(_wanted(question), _used(passage)), len(letters & set(question)) / len(letters))


def copied_question(text: Text) -> Measured:
    """Return the share of letters in passages of at least four copied from the question."""
    question, total, lines = fold(text.reading.get("question") or ""), 0, []
    for line in text.lines:
        if copied := _copied(line.folded, question):
            total += copied
            lines.append(line)
    return Measured(total / text.length, lines)


def _copied(folded: str, question: str) -> int:
    total = i = 0
    while i < len(folded):
        size = 0
        while i + size < len(folded) and folded[i : i + size + 1] in question:
            size += 1
        total += size if size >= 4 else 0
        i += size if size >= 4 else 1
    return total


def question_share(text: Text) -> Measured:
    """Return the share of sentences with words of the question."""
    wanted = pairs(text.reading.get("question") or "")
    lines = [line for line in text.lines if wanted & pairs(line.text)]
    return Measured(len(lines) / max(1, len(text.lines)), lines)


@cache
def _topics() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["topic"], re.compile(row["words"])) for row in read_table("topics"))


def _spoken(line: Line, words: re.Pattern[str]) -> int:
    """Count words of a topic, without those that readers use of the card itself: the dog of the Fool is no pet."""
    known = _pairs_of(line.cards)
    return sum(not any(word in pair or pair in word for pair in known) for word in words.findall(line.text))


@of_fitted
def _pairs_of(cards: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(pair for card in cards for pair in card_words().get(card, ()))


def on_topic(text: Text) -> Measured:
    """Return the share of the words of any topic that belong to a topic of the question; 1 if it has none."""
    wanted = {topic for topic, words in _topics() if words.search(text.reading.get("question") or "")}
    if not wanted:
        return Measured(1.0, [])
    on = off = 0
    lines = []
    for line in text.lines:
        hits = {topic: _spoken(line, words) for topic, words in _topics()}
        on += sum(hits[topic] for topic in wanted)
        away = sum(hits.values()) - sum(hits[topic] for topic in wanted)
        off += away
        if away > 1:
            lines.append(line)
    return Measured((on + 0.5) / (on + off + 1), lines)


def other_topic(text: Text) -> Measured:
    """Count words of the most frequent topic that is none of the question's, per 100 letters."""
    asked_words = text.reading.get("question") or ""
    best, lines = 0, []
    for _, words in _topics():
        if not words.search(asked_words):
            found = [(line, _spoken(line, words)) for line in text.lines]
            count = sum(n for _, n in found)
            if count > best:
                best, lines = count, [line for line, n in found if n]
    return Measured(text.density(best), lines)
