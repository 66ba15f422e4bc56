"""What the scores count in a reading: each measure is a number and the sentences it comes from.

`score_place.py` says how unusual a number is among readings that persons wrote.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from tarot_train.score_lines import Line, concreteness, drawn, fold, pairs, phrases
from tarot_train.tables import read_table


class Measured(NamedTuple):
    value: float
    lines: list[Line]


class Text(NamedTuple):
    """A reading prepared for measuring. clauses: (folded text, its sentence), without empty ones."""

    reading: dict
    lines: list[Line]
    clauses: list[tuple[str, Line]]
    length: int


def prepare(reading: dict, lines: list[Line]) -> Text:
    clauses = [(fold(part), line) for line in lines for part in _BREAK.split(line.text)]
    return Text(reading, lines, [c for c in clauses if c[0]], max(1, len(fold(reading["content"]))))


_BREAK = re.compile(r"[，。！？；：、…,;!?:~～\s]+")


GIVEN: dict[str, tuple[dict[str, str], ...]] = {}
"""Fitted tables that replace the shipped ones while new ones are fitted."""


def _fitted(name: str) -> tuple[dict[str, str], ...]:
    return GIVEN.get(name) or read_table(name)


def forget_tables() -> None:
    """Read the fitted tables again when they are next needed."""
    for cached in (rarity, _known_questions, card_words, _tellers):
        cached.cache_clear()


def _density(kind: str) -> Callable[[Text], Measured]:
    """Return a measure: phrases of a kind per 100 letters."""

    def measure(text: Text) -> Measured:
        hits = [(line, len(phrases(kind).findall(line.text))) for line in text.lines]
        return Measured(100 * sum(count for _, count in hits) / text.length, [line for line, count in hits if count])

    return measure


def names(text: Text) -> Measured:
    """Names of cards per 100 letters."""
    lines = [line for line in text.lines if line.mentions]
    return Measured(100 * sum(len(line.mentions) for line in lines) / text.length, lines)


def person(text: Text) -> Measured:
    """The person's name per 100 letters."""
    name = text.reading.get("person")
    lines = [line for line in text.lines if name and name in line.text]
    return Measured(100 * sum(line.text.count(name) for line in lines) / text.length, lines)


def links(text: Text) -> Measured:
    """Sentences that link cards, per drawn card."""
    lines = [line for line in text.lines if "card_link" in line.labels]
    return Measured(len(lines) / max(1, len(drawn(text.reading))), lines)


def card_text(text: Text) -> Measured:
    """Letters that read a card, per drawn card."""
    lines = [line for line in text.lines if {"card_interpretation", "card_link"} & set(line.labels)]
    return Measured(sum(len(line.folded) for line in lines) / max(1, len(drawn(text.reading))), lines)


def advice_share(text: Text) -> Measured:
    lines = [line for line in text.lines if "advice" in line.labels]
    return Measured(sum(len(line.folded) for line in lines) / text.length, lines)


def advice_worth(text: Text) -> Measured:
    """Mean concreteness of the advice, 0 without any."""
    lines = [line for line in text.lines if "advice" in line.labels]
    return Measured(sum(concreteness(line.text) for line in lines) / max(1, len(lines)), lines)


def listing(text: Text) -> Measured:
    """Share of clauses of at most three letters."""
    short = [line for clause, line in text.clauses if len(clause) <= 3]
    return Measured(len(short) / max(1, len(text.clauses)), _often(short, 3))


def _often(lines: list[Line], least: int) -> list[Line]:
    return [line for line, count in Counter(lines).items() if count >= least]


def variety(text: Text) -> Measured:
    """Share of different pairs of letters in stretches of 100, averaged."""
    folded = "".join(line.folded for line in text.lines)
    steps = range(0, max(1, len(folded) - 50), 50)
    shares = [len(set(parts)) / len(parts) for i in steps if (parts := _bigrams(folded[i : i + 100]))]
    return Measured(sum(shares) / len(shares) if shares else 1.0, [])


def _bigrams(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


def latin(text: Text) -> Measured:
    """Share of Latin letters."""
    return Measured(sum(c.isascii() and c.isalpha() for c in text.reading["content"]) / text.length, [])


def markup(text: Text) -> Measured:
    """Headings, bold marks and bullets per line of text."""
    found = re.findall(r"\*\*|#{2,}|^\s*(?:[-•]|\d+\.)\s|[✅⚠📌]", text.reading["content"], re.M)
    return Measured(len(found) / (1 + text.reading["content"].strip().count("\n")), [])


# The question


@cache
def rarity() -> dict[str, float]:
    """Map a pair of letters to its rarity among annotated readings; what is missing is rarer than all."""
    return {row["pair"]: float(row["rarity"]) for row in _fitted("rarity")}


@cache
def _known_questions() -> tuple[dict[str, float], ...]:
    return tuple(_wanted(row["question"]) for row in _fitted("questions"))


def _wanted(question: str) -> dict[str, float]:
    """Map the pairs of letters of a question to their weights, which add up to 1."""
    weights = {pair: rarity().get(pair, RAREST) for pair in pairs(question)}
    whole = sum(weights.values())
    return {pair: weight / whole for pair, weight in weights.items()} if whole else {}


RAREST = 6.0


def asked(text: Text) -> Measured:
    """Share of the question's words that the reading uses, rare ones counted more."""
    wanted = _wanted(text.reading.get("question") or "")
    used = pairs(text.reading["content"])
    lines = [line for line in text.lines if any(p in wanted for p in pairs(line.text))]
    return Measured(sum(weight for pair, weight in wanted.items() if pair in used), lines)


def other_questions(text: Text) -> Measured:
    """How much more the reading is about its question than about those of other readings that it fits best."""
    used = pairs(text.reading["content"])
    own = _wanted(text.reading.get("question") or "")
    fits = [
        sum(weight for pair, weight in wanted.items() if pair in used)
        for wanted in _known_questions()
        if wanted.keys() != own.keys()
    ]
    best = sorted(fits)[-5:]
    return Measured(sum(own[pair] for pair in own if pair in used) - sum(best) / max(1, len(best)), [])


def copied_question(text: Text) -> Measured:
    """Share of letters in passages of at least four copied from the question."""
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
    """Share of sentences with words of the question."""
    wanted = pairs(text.reading.get("question") or "")
    lines = [line for line in text.lines if wanted & pairs(line.text)]
    return Measured(len(lines) / max(1, len(text.lines)), lines)


@cache
def _topics() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["topic"], re.compile(row["words"])) for row in read_table("topics"))


def on_topic(text: Text) -> Measured:
    """Share of the words of any topic that belong to a topic of the question; 1 if it has none."""
    wanted = {topic for topic, words in _topics() if words.search(text.reading.get("question") or "")}
    if not wanted:
        return Measured(1.0, [])
    on = off = 0
    lines = []
    for line in text.lines:
        hits = {topic: len(words.findall(line.text)) for topic, words in _topics()}
        on += sum(hits[topic] for topic in wanted)
        away = sum(hits.values()) - sum(hits[topic] for topic in wanted)
        off += away
        if away > 1:
            lines.append(line)
    return Measured((on + 0.5) / (on + off + 1), lines)


def other_topic(text: Text) -> Measured:
    """Words of the topic most spoken of that is none of the question's, per 100 letters."""
    asked_words = text.reading.get("question") or ""
    best, lines = 0, []
    for _, words in _topics():
        if not words.search(asked_words):
            found = [(line, len(words.findall(line.text))) for line in text.lines]
            count = sum(n for _, n in found)
            if count > best:
                best, lines = count, [line for line, n in found if n]
    return Measured(100 * best / text.length, lines)


# The cards


@cache
def card_words() -> dict[str, dict[str, float]]:
    """Map a card to the pairs of letters that readers use of it, with weights; see `benchmarks/fit_scores.py`."""
    return {row["card"]: {word[:2]: float(word[2:]) for word in row["words"].split()} for row in _fitted("card_words")}


GROUNDED = 40.0
"""Most that one card counts."""


def card_meaning(text: Text) -> Measured:
    """How much of what is said of each drawn card readers say of that card; mean over the cards."""
    cards, values, odd = drawn(text.reading), [], []
    for card in cards:
        lines = _about(text, card)
        values.append(min(GROUNDED, known(card, lines)))
        odd += lines if values[-1] < 4 else []
    return Measured(sum(values) / max(1, len(values)), odd)


def card_words_share(text: Text) -> Measured:
    """Like `card_meaning`, per 100 letters of what is said of the cards."""
    cards = drawn(text.reading)
    spoken = {card: _about(text, card) for card in cards}
    letters = sum(len(line.folded) for lines in spoken.values() for line in lines)
    return Measured(100 * sum(min(GROUNDED, known(c, ls)) for c, ls in spoken.items()) / max(60, letters), [])


def known(card: str, lines: list[Line]) -> float:
    words = card_words().get(card, {})
    used = set().union(*(pairs(line.text) for line in lines)) if lines else set()
    return sum(words.get(pair, 0.0) for pair in used - set(_bigrams(card)))


def _about(text: Text, card: str) -> list[Line]:
    return [line for line in text.lines if line.cards == (card,) or (card in line.cards and len(line.cards) <= 2)]


@cache
def _tellers() -> dict[str, list[tuple[str, float]]]:
    """Map a pair of letters to the cards it tells, with weights."""
    out: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for card, words in card_words().items():
        for pair, weight in words.items():
            out[pair].append((card, weight))
    return out


def mistaken(text: Text) -> Measured:
    """Share of drawn cards of which the reading says what readers say of another card, or nothing."""
    cards, odd, count = drawn(text.reading), [], 0
    for card in cards:
        lines, fits = _about(text, card), Counter()
        used = set().union(*(pairs(line.text) for line in lines)) if lines else set()
        for pair in used - set(_bigrams(card)):
            for other, weight in _tellers().get(pair, ()):
                fits[other] += weight
        if not fits[card] or fits[card] < max(fits.values()):
            count += 1
            odd += lines
    return Measured(count / max(1, len(cards)), odd)


@cache
def _against() -> dict[tuple[str, str], re.Pattern[str]]:
    return {
        (row["card"], way): re.compile(row[way])
        for row in read_table("meanings")
        for way in ("upright", "reversed")
        if row[way]
    }


def contradicted(text: Text) -> Measured:
    """Words that contradict a drawn card as readers speak of it (`tables/meanings.csv`), per drawn card."""
    cards, lines = drawn(text.reading), []
    for card, way in cards.items():
        for line in _about(text, card):
            lines += [line] * _wrong_words(line.text, card, way)
    return Measured(len(lines) / max(1, len(cards)), list(dict.fromkeys(lines)))


def _wrong_words(text: str, card: str, way: str) -> int:
    """Count words against a card in a sentence, but none that is negated, doubted, or of the other orientation."""
    words = _against().get((card, way))
    other = "upright" if way == "reversed" else "reversed"
    if not words or phrases("doubt").search(text) or phrases(other).search(text):
        return 0
    return sum(not phrases("negation").search(text[max(0, m.start() - 2) : m.start()]) for m in words.finditer(text))


def least_card(text: Text) -> Measured:
    """Letters of the sentences on the drawn card that is spoken of least."""
    sizes = {card: sum(len(line.folded) for line in _about(text, card)) for card in drawn(text.reading)}
    return Measured(min(sizes.values(), default=0), [])


# Contradiction and repetition


def denied(text: Text) -> Measured:
    """Pairs of clauses that say the same, one of them with a negation, per 100 letters."""
    found, index = {}, defaultdict(list)
    for place, (clause, line) in enumerate(text.clauses):
        if phrases("doubt").search(line.text):
            continue
        bare = phrases("negation").sub("", clause)
        parts, negated = set(_bigrams(bare)), len(phrases("negation").findall(clause)) % 2
        if len(parts) < 2:
            continue
        shared = Counter(other for part in parts for other in index[part])
        for other, count in shared.items():
            size, sign, before = found[other]
            if sign != negated and count >= max(2, 0.6 * min(size, len(parts))):
                before.append(line)
        found[place] = (len(parts), negated, [])
        for part in parts:
            index[part].append(place)
    lines = [line for _, _, lines in found.values() for line in lines]
    return Measured(100 * len(lines) / text.length, list(dict.fromkeys(lines)))


def pulled(text: Text) -> Measured:
    """Things that the reading both asks for and warns of, per 100 letters.

    A thing is a rare pair of letters; both clauses ask for something or warn, without condition.
    """
    asked_for, warned, lines = set(), set(), []
    for clause, line in text.clauses:
        if phrases("doubt").search(line.text):
            continue
        things = {pair for pair in _bigrams(clause) if rarity().get(pair, RAREST) > 2.5}
        if phrases("warning").search(clause):
            clash, warned = things & asked_for, warned | things
        elif "advice" in line.labels or phrases("urge").search(clause):
            clash, asked_for = things & warned, asked_for | things
        else:
            continue
        lines += [line] if clash else []
    return Measured(100 * len(lines) / text.length, list(dict.fromkeys(lines)))


@cache
def _opposites() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((re.compile(row["one"]), re.compile(row["other"])) for row in read_table("opposites"))


def both_ways(text: Text) -> Measured:
    """Pairs of opposite words said of one card in different clauses, per 100 letters."""
    spoken = defaultdict(list)
    for clause, line in text.clauses:
        for card in line.cards:
            spoken[card].append((clause, line))
    lines = [line for clauses in spoken.values() for line in _opposed(clauses)]
    return Measured(100 * len(lines) / text.length, list(dict.fromkeys(lines)))


def _opposed(clauses: list[tuple[str, Line]]) -> list[Line]:
    out = []
    for one, other in _opposites():
        ones = [line for clause, line in clauses if one.search(clause) and not other.search(clause)]
        others = [line for clause, line in clauses if other.search(clause)]
        if ones and others:
            out.append(others[-1])
    return out


@cache
def _thoughts() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(row["words"]) for row in read_table("thoughts"))


def same_thought(text: Text) -> Measured:
    """Clauses that repeat a thought of one of the four clauses before in other words, per 100 letters."""
    lines = []
    for thought in _thoughts():
        said = [(i, line) for i, (clause, line) in enumerate(text.clauses) if thought.search(clause)]
        lines += [line for (a, _), (b, line) in zip(said, said[1:], strict=False) if b - a <= 4]
    return Measured(100 * len(lines) / text.length, list(dict.fromkeys(lines)))


MEASURES: dict[str, tuple[str, str, Callable[[Text], Measured]]] = {
    "links": ("reasoning", "both", links),
    "causes": ("reasoning", "both", _density("cause")),
    "card_text": ("reasoning", "low", card_text),
    "asked": ("personalisation", "low", asked),
    "other_questions": ("personalisation", "low", other_questions),
    "on_topic": ("personalisation", "low", on_topic),
    "other_topic": ("personalisation", "high", other_topic),
    "copied_question": ("personalisation", "high", copied_question),
    "question_share": ("personalisation", "both", question_share),
    "person": ("personalisation", "both", person),
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
    "advice_share": ("advice", "both", advice_share),
    "advice_worth": ("advice", "low", advice_worth),
    "when": ("advice", "both", _density("when")),
    "act": ("advice", "both", _density("act")),
    "card_meaning": ("fidelity", "low", card_meaning),
    "mistaken": ("fidelity", "high", mistaken),
    "contradicted": ("fidelity", "high", contradicted),
    "card_words_share": ("fidelity", "low", card_words_share),
    "least_card": ("fidelity", "low", least_card),
    "again": ("fidelity", "high", _density("again")),
}
"""Measure -> (the dimension it belongs to, what counts against a reading: low, high or both, function)."""
