"""Writing style of each reading: address, script, sentence length, particles, hedges, questions, and marker codes."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import opencc

from tarot_data import lexicon
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.vocabulary import code_bits, code_table, marks, style_words
from tarot_data.text.normalise import script_table

PLAIN, FORMAL = "你", "您"
"""Values of address, besides `third` and `none`."""

MARKERS: dict[str, Callable[[SimpleNamespace], np.ndarray]] = {
    "emoji": lambda c: c.emoji > 0,
    "markdown": lambda c: (c.headings > 0) & (c.bold + c.items > 0) | (c.bold > 3),
    "list": lambda c: c.items >= 3,
    "headings": lambda c: c.headings >= 2,
    "questions": lambda c: c.questions_share > 0.15,
    "particles": lambda c: c.per_100["particle"] > 1.2,
    "hedging": lambda c: c.per_100["hedge"] > 0.8,
    "formal_you": lambda c: c.address == FORMAL,
    "third_person": lambda c: c.address == "third",
    "traditional": lambda c: c.script == "traditional",
    "english": lambda c: c.latin_share > 0.15,
    "short_lines": lambda c: (c.lines > 0.6 * c.sentences) & (c.length < 22),
    "few_marks": lambda c: (c.marks_share < 0.03) & (c.chars > 60),
    "jargon": lambda c: c.words["jargon"] >= 2,
    "net_speech": lambda c: c.words["net"] >= 2,
    "long_sentences": lambda c: c.length > 40,
    "short_sentences": lambda c: c.length < 16,
}
"""Rule of each marker, from the counts of `_count` to a bool array of shape (readings,)."""


def styles_of(batch: Batch, asks: np.ndarray) -> dict[str, list]:
    """Compute the fields of `schemas.tables.Style`, one value a reading each.

    asks: (sentences,) whether each ends in a question mark.
    """
    counts = _count(batch, asks)
    marked = {marker: rule(counts).tolist() for marker, rule in MARKERS.items()}
    return {
        "address": counts.address.tolist(),
        "script": counts.script.tolist(),
        "sentence_chars": _rounded(counts.length, 2),
        "particles_per_100": _rounded(counts.per_100["particle"], 3),
        "emoji_per_100": _rounded(counts.per_100["emoji"], 3),
        "hedges_per_100": _rounded(counts.per_100["hedge"], 3),
        "questions_share": _rounded(counts.questions_share, 4),
        "markers": [
            [m for m, has in zip(marked, row, strict=True) if has] for row in zip(*marked.values(), strict=True)
        ],
    }


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    return [round(value, digits) for value in values.tolist()]


def _count(batch: Batch, asks: np.ndarray) -> SimpleNamespace:
    """Count per reading, as arrays of shape (readings,).

    chars: without white space. length: mean characters of a sentence. …_share: 0 to 1, of characters; questions of
    sentences. headings, items: sentences that begin with such a mark. words, per_100: style words by their kind.
    """
    count, codes = len(batch.readings), batch.written

    def characters(hits: np.ndarray) -> np.ndarray:
        return np.add.reduceat(hits, batch.r_start, dtype=np.int64).astype(float)

    def sentences(values: np.ndarray) -> np.ndarray:
        return np.bincount(batch.s_reading, weights=values.astype(float), minlength=count)

    chars = np.maximum(characters(codes > 0x20), 1)
    number = np.maximum(np.bincount(batch.s_reading, minlength=count), 1)
    heads = batch.codes[batch.s_start]
    emoji = characters((codes >= 0x1F000) | ((codes >= 0x2600) & (codes < 0x27C0)))
    words = _words(batch)
    per_100 = 100 / chars
    sets = (marks("plain_you"), marks("formal_you"), _traditional(), _simplified(), "，。！？；、,!?;")
    bits = code_bits(*sets)[codes]
    you, formal, old, new, punctuation = (characters(bits >> bit & 1 > 0) for bit in range(len(sets)))
    return SimpleNamespace(
        chars=chars,
        sentences=number,
        length=sentences(batch.s_end - batch.s_start) / number,
        lines=characters(codes == 10) - 3,
        emoji=emoji,
        bold=characters(codes == ord("*")),
        headings=sentences(code_table("#【")[heads]),
        items=sentences(code_table("-*•·☐")[heads]),
        questions_share=sentences(asks) / number,
        latin_share=characters(((codes | 32) >= 97) & ((codes | 32) <= 122)) / chars,
        marks_share=punctuation / chars,
        words=words,
        per_100={"emoji": emoji * per_100, **{kind: found * per_100 for kind, found in words.items()}},
        address=np.select(
            [formal > you, you > 0, words["third"] > 0],
            [FORMAL, PLAIN, "third"],
            "none",
        ),
        script=np.select(
            [(old > 4 * new) & (old > 0), (new > 4 * old) | (old == 0)], ["traditional", "simplified"], "mixed"
        ),
    )


def _words(batch: Batch) -> dict[str, np.ndarray]:
    """Count the words of the table `style` in each reading, by their kind."""
    kinds, found = np.array(style_words()[1]), batch.found["style"]
    reading = np.searchsorted(batch.r_start, found.start, side="right") - 1
    of_match = kinds[found.phrase]
    return {
        kind: np.bincount(reading[of_match == kind], minlength=len(batch.readings)).astype(float)
        for kind in np.unique(kinds).tolist()
    }


@lexicon.cached
def _traditional() -> str:
    """Return the characters that only the traditional script has."""
    return "".join(set(map(chr, script_table())) - set(marks("both_scripts")))


@lexicon.cached
def _simplified() -> str:
    """Return the characters that only the simplified script has."""
    table = script_table()
    return "".join(set(table.values()) - set(map(chr, table)) - _shared())


def _shared() -> set[str]:
    """Find the simplified forms that are traditional characters of their own (后, 里, 面)."""
    simple = sorted(set(script_table().values()))
    converted = opencc.OpenCC("s2t").convert("\n".join(simple)).split("\n")
    return {a for a, b in zip(simple, converted, strict=True) if a == b}
