"""What the scores count in a reading: each measure is a number and the sentences it comes from.

`score_place.py` says how unusual a number is among readings that persons wrote. Measures of words are here, those of the
question, the cards and contradictions in modules of their own.
"""

import re
from collections import Counter
from collections.abc import Callable

from tarot_train.score_cards import card_meaning, card_words_share, contradicted, least_card, mistaken
from tarot_train.score_contradiction import both_ways, denied, pulled, same_thought
from tarot_train.score_lines import Line, concreteness, drawn, phrases
from tarot_train.score_meaning import wrong_side
from tarot_train.score_question import (
    asked,
    copied_question,
    on_topic,
    other_questions,
    other_topic,
    question_share,
    restated,
)
from tarot_train.score_text import Measured, Text, bigrams


def _density(kind: str, without: str = "") -> Callable[[Text], Measured]:
    """Return a measure: phrases of a kind per 100 letters, without those that the question has.

    without: a label whose sentences do not count.
    """

    def measure(text: Text) -> Measured:
        question = text.reading.get("question") or ""
        found = [(line, phrases(kind).finditer(line.text)) for line in text.lines if without not in line.labels]
        hits = [(line, sum(match.group() not in question for match in matches)) for line, matches in found]
        return Measured(text.density(sum(count for _, count in hits)), [line for line, count in hits if count])

    return measure


def names(text: Text) -> Measured:
    """Count names of cards per drawn card."""
    lines = [line for line in text.lines if line.mentions]
    return Measured(sum(len(line.mentions) for line in lines) / max(1, len(drawn(text.reading))), lines)


def person(text: Text) -> Measured:
    """Count the person's name per 100 letters, but for the first time: a short reading that greets overdoes nothing."""
    name = text.reading.get("person")
    lines = [line for line in text.lines if name and name in line.text]
    count = sum(line.text.count(name) for line in lines)
    return Measured(text.density(max(0, count - 1)), lines)


def links(text: Text) -> Measured:
    """Count sentences that link cards, per drawn card."""
    lines = [line for line in text.lines if "card_link" in line.labels]
    return Measured(len(lines) / max(1, len(drawn(text.reading))), lines)


def card_text(text: Text) -> Measured:
    """Count letters that read a card, per drawn card."""
    lines = [line for line in text.lines if {"card_interpretation", "card_link"} & set(line.labels)]
    return Measured(sum(len(line.folded) for line in lines) / max(1, len(drawn(text.reading))), lines)


def advice_share(text: Text) -> Measured:
    lines = [line for line in text.lines if "advice" in line.labels]
    return Measured(sum(len(line.folded) for line in lines) / text.length, lines)


def advice_worth(text: Text) -> Measured:
    """Return the mean concreteness of the advice, 0 without any."""
    lines = [line for line in text.lines if "advice" in line.labels]
    return Measured(sum(concreteness(line.text) for line in lines) / max(1, len(lines)), lines)


def listing(text: Text) -> Measured:
    """Return the share of clauses of at most three letters."""
    short = [line for clause, line in text.clauses if len(clause) <= 3]
    return Measured(len(short) / max(1, len(text.clauses)), _often(short, 3))


def _often(lines: list[Line], least: int) -> list[Line]:
    return [line for line, count in Counter(lines).items() if count >= least]


def variety(text: Text) -> Measured:
    """Return the share of different pairs of letters in stretches of 100, averaged."""
    folded = "".join(line.folded for line in text.lines)
    steps = range(0, max(1, len(folded) - 50), 50)
    shares = [len(set(parts)) / len(parts) for i in steps if (parts := bigrams(folded[i : i + 100]))]
    return Measured(sum(shares) / len(shares) if shares else 1.0, [])


def latin(text: Text) -> Measured:
    """Return the share of Latin letters."""
    return Measured(sum(c.isascii() and c.isalpha() for c in text.reading["content"]) / text.length, [])


def markup(text: Text) -> Measured:
    """Count headings, bold marks and bullets per line of text."""
    found = re.findall(r"\*\*|#{2,}|^\s*(?:[-•]|\d+\.)\s|[✅⚠📌]", text.reading["content"], re.M)
    return Measured(len(found) / (1 + text.reading["content"].strip().count("\n")), [])


MEASURES: dict[str, tuple[str, str, Callable[[Text], Measured]]] = {
    "links": ("reasoning", "both", links),
    "causes": ("reasoning", "both", _density("cause")),
    "card_text": ("reasoning", "low", card_text),
    "asked": ("personalisation", "low", asked),
    "other_questions": ("personalisation", "low", other_questions),
    "restated": ("personalisation", "high", restated),
    "on_topic": ("personalisation", "low", on_topic),
    "other_topic": ("personalisation", "high", other_topic),
    "copied_question": ("personalisation", "high", copied_question),
    "question_share": ("personalisation", "both", question_share),
    "person": ("personalisation", "high", person),
    "you": ("personalisation", "both", _density("you")),
    "denied": ("coherence", "high", denied),
    "pulled": ("coherence", "high", pulled),
    "both_ways": ("coherence", "high", both_ways),
    "same_thought": ("coherence", "high", same_thought),
    "variety": ("coherence", "low", variety),
    "listing": ("coherence", "both", listing),
    "praise": ("coherence", "high", _density("praise")),
    "hedge": ("coherence", "high", _density("hedge")),
    "vague": ("coherence", "high", _density("vague")),
    "generic": ("coherence", "high", _density("generic")),
    "markup": ("coherence", "high", markup),
    "latin": ("coherence", "high", latin),
    "names": ("terminology", "both", names),
    "terms": ("terminology", "both", _density("term")),
    "definition": ("terminology", "high", _density("definition")),
    "therapy": ("terminology", "high", _density("therapy")),
    "assistant": ("terminology", "high", _density("assistant")),
    "advice_share": ("advice", "both", advice_share),
    "advice_worth": ("advice", "low", advice_worth),
    "when": ("advice", "both", _density("when")),
    "act": ("advice", "both", _density("act")),
    "card_meaning": ("fidelity", "low", card_meaning),
    "mistaken": ("fidelity", "high", mistaken),
    "contradicted": ("fidelity", "high", contradicted),
    "wrong_side": ("fidelity", "high", wrong_side),
    "card_words_share": ("fidelity", "low", card_words_share),
    "least_card": ("fidelity", "low", least_card),
    "again": ("fidelity", "high", _density("again")),
    "certain": ("fidelity", "high", _density("certain")),
    "foretold": ("fidelity", "high", _density("figure", without="advice")),
}
"""Measure -> (the dimension it belongs to, what counts against a reading: low, high or both, function)."""
