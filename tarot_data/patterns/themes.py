"""Themes of a reading: none, one or several of the nine, from the words of its question and content."""

import numpy as np

from schemas.deck import THEMES
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.vocabulary import theme_words
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold

ASKED = 3.0
"""A word of the question counts as three of the content: the question is what a sitting is about."""

ENOUGH = 3.0
"""Weight a theme needs: one word of the question, or two or three different words of the content."""

FURTHER = 0.34
"""Share of the strongest theme's weight that a further theme needs."""


def themes_of(batch: Batch) -> list[list[str]]:
    """Choose at most three themes of every reading, strongest first.

    Words inside a card's name do not count; each other word counts once.
    """
    words, theme, weight = theme_words()
    weights = np.zeros((len(batch.readings), len(THEMES)))
    found = batch.found["themes"]
    inside = np.zeros(len(batch.codes), dtype=bool)
    inside[phrase_matcher.inside(batch.m_start, batch.m_end)] = True
    free = ~inside[found.start]
    reading = np.searchsorted(batch.r_start, found.start[free], side="right") - 1
    once = np.unique(reading * len(words) + found.phrase[free])
    np.add.at(weights, (once // len(words), theme[once % len(words)]), weight[once % len(words)])
    asked = "\n".join(fold(r.get("question") or "").replace("\n", " ") for r in batch.readings)
    ends = np.cumsum([len(line) + 1 for line in asked.split("\n")])
    found = phrase_matcher.find_all(asked, words)
    chosen = phrase_matcher.longest(found)
    reading = np.searchsorted(ends, found.start[chosen], side="right")
    np.add.at(weights, (reading, theme[found.phrase[chosen]]), ASKED * np.maximum(weight[found.phrase[chosen]], 1))
    out = []
    for row in weights:
        order = np.argsort(-row, kind="stable")
        top = row[order[0]] if len(row) else 0
        out.append([THEMES[i] for i in order[:3] if row[i] >= max(ENOUGH, FURTHER * top)])
    return out
