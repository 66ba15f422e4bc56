"""Measures of what a reading says twice, once so and once otherwise, or again in other words."""

import re
from collections import Counter, defaultdict
from functools import cache

from tarot_train.score_lines import Line, phrases
from tarot_train.score_question import RAREST, rarity
from tarot_train.score_text import Measured, Text, bigrams
from tarot_train.tables import read_table


def doubted(clause: str, line: Line) -> bool:
    return bool(phrases("doubt").search(line.text) or phrases("asking").search(clause))


def denied(text: Text) -> Measured:
    """Count pairs of clauses that say the same, one of them with a negation, per 100 letters."""
    found, index = {}, defaultdict(list)
    for place, (clause, line) in enumerate(text.clauses):
        if doubted(clause, line):
            continue
        bare = phrases("negation").sub("", clause)
        parts, negated = set(bigrams(bare)), len(phrases("negation").findall(clause)) % 2
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
    return Measured(text.density(len(lines)), list(dict.fromkeys(lines)))


def pulled(text: Text) -> Measured:
    """Count things that the reading both asks for and warns of, per 100 letters.

    A thing is a rare pair of letters; both clauses ask for something, or warn of it or undo it, without condition.
    """
    said: dict[bool, set[str]] = {True: set(), False: set()}
    lines = []
    for clause, line in text.clauses:
        warned, undone = (bool(phrases(kind).search(clause)) for kind in ("warning", "undo"))
        asks = warned or undone or "advice" in line.labels or phrases("urge").search(clause)
        if not asks or doubted(clause, line):
            continue
        things = {pair for pair in bigrams(clause) if rarity().get(pair, RAREST) > 2.5}
        # Not to undo a thing is to ask for it.
        wanted = warned == undone
        lines += [line] if things & said[not wanted] else []
        said[wanted] |= things
    return Measured(text.density(len(lines)), list(dict.fromkeys(lines)))


@cache
def _opposites() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((re.compile(row["one"]), re.compile(row["other"])) for row in read_table("opposites"))


def both_ways(text: Text) -> Measured:
    """Count pairs of opposite words said of one card in different clauses, per 100 letters."""
    spoken = defaultdict(list)
    for clause, line in text.clauses:
        for card in line.cards:
            spoken[card].append((clause, line))
    lines = [line for clauses in spoken.values() for line in _opposed(clauses)]
    return Measured(text.density(len(lines)), list(dict.fromkeys(lines)))


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
    """Count clauses that repeat a thought of one of the four clauses before in other words, per 100 letters."""
    lines = []
    for thought in _thoughts():
        said = [(i, line) for i, (clause, line) in enumerate(text.clauses) if thought.search(clause)]
        lines += [line for (a, _), (b, line) in zip(said, said[1:], strict=False) if b - a <= 4]
    return Measured(text.density(len(lines)), list(dict.fromkeys(lines)))
