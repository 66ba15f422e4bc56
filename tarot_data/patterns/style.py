"""How a reading is written: address, script, length, particles, hedges, questions, and short codes for the rest."""

from functools import cache

import numpy as np

from schemas.tables import Style
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.vocabulary import style_words
from tarot_data.text.normalise import script_table

MARKERS = (
    "emoji", "markdown", "list", "headings", "questions", "particles", "hedging", "formal_you", "third_person",
    "traditional", "english", "short_lines", "few_marks", "jargon", "net_speech", "long_sentences", "short_sentences",
)  # fmt: skip


FIELDS = tuple(field.name for field in Style.fields)


@cache
def _traditional() -> np.ndarray:
    """Of every code point, whether only the traditional script has it."""
    return _table({code for code in script_table() if chr(code) not in "妳祢著"})


def _table(members: set[int]) -> np.ndarray:
    table = np.zeros(0x110000, dtype=bool)
    table[list(members)] = True
    return table


@cache
def _simplified() -> np.ndarray:
    """Of every code point, whether only the simplified script has it."""
    table = script_table()
    return _table({ord(b) for b in table.values()} - set(table) - _shared())


def _shared() -> set[int]:
    """Simplified forms that are traditional characters of their own (后, 里, 面)."""
    import opencc

    table = script_table()
    simple = sorted(set(table.values()))
    converted = opencc.OpenCC("s2t").convert("\n".join(simple)).split("\n")
    return {ord(a) for a, b in zip(simple, converted, strict=True) if a == b}


def styles_of(batch: Batch, asks: np.ndarray) -> dict[str, list]:
    """The fields of `schemas.tables.Style`, one value a reading each. asks: whether each sentence ends in a question mark."""
    count = len(batch.readings)
    codes = batch.written
    owner = np.repeat(np.arange(count), np.diff([*batch.r_start, len(codes)]))

    def per_reading(hits: np.ndarray) -> np.ndarray:
        return np.add.reduceat(hits, batch.r_start, dtype=np.int64).astype(float)

    chars = np.maximum(per_reading(codes > 0x20), 1)
    _, kinds = style_words()
    found = batch.found["style"]
    tally = {kind: np.zeros(count) for kind in set(kinds)}
    kind_of = np.array([sorted(tally).index(kind) for kind in kinds])
    for index, kind in enumerate(sorted(tally)):
        at = found.start[kind_of[found.phrase] == index]
        tally[kind] = np.bincount(owner[at], minlength=count).astype(float)
    emoji = per_reading((codes >= 0x1F000) | ((codes >= 0x2600) & (codes < 0x27C0)))
    old, new = per_reading(_traditional()[codes]), per_reading(_simplified()[codes])
    you, formal = per_reading(np.isin(codes, [ord(c) for c in "你妳"])), per_reading(codes == ord("您"))
    latin = per_reading(((codes | 32) >= 97) & ((codes | 32) <= 122)) / chars
    lines = per_reading(codes == 10) - 3
    sentences = np.maximum(np.bincount(batch.s_reading, minlength=count), 1)
    length = np.bincount(batch.s_reading, weights=batch.s_end - batch.s_start, minlength=count) / sentences
    questions = np.bincount(batch.s_reading, weights=asks.astype(float), minlength=count) / sentences
    marks = per_reading(np.isin(codes, [ord(c) for c in "，。！？；、,!?;"])) / chars
    heads = np.bincount(
        batch.s_reading, weights=np.isin(batch.codes[batch.s_start], [ord(c) for c in "#【"]) * 1.0, minlength=count
    )
    items = np.bincount(
        batch.s_reading, weights=np.isin(batch.codes[batch.s_start], [ord(c) for c in "-*•·☐"]) * 1.0, minlength=count
    )
    bold = per_reading(codes == ord("*"))
    out = []
    for i in range(count):
        per_100 = 100 / chars[i]
        particles, hedges = tally["particle"][i] * per_100, tally["hedge"][i] * per_100
        script = (
            "traditional"
            if old[i] > 4 * new[i] and old[i]
            else "simplified"
            if new[i] > 4 * old[i] or not old[i]
            else "mixed"
        )
        address = "您" if formal[i] > you[i] else "你" if you[i] else "third" if tally["third"][i] else "none"
        marked = {
            "emoji": emoji[i] > 0,
            "markdown": heads[i] > 0 and bold[i] + items[i] > 0 or bold[i] > 3,
            "list": items[i] >= 3,
            "headings": heads[i] >= 2,
            "questions": questions[i] > 0.15,
            "particles": particles > 1.2,
            "hedging": hedges > 0.8,
            "formal_you": address == "您",
            "third_person": address == "third",
            "traditional": script == "traditional",
            "english": latin[i] > 0.15,
            "short_lines": lines[i] > 0.6 * sentences[i] and length[i] < 22,
            "few_marks": marks[i] < 0.03 and chars[i] > 60,
            "jargon": tally["jargon"][i] >= 2,
            "net_speech": tally["net"][i] >= 2,
            "long_sentences": length[i] > 40,
            "short_sentences": length[i] < 16,
        }
        out.append(
            {
                "address": address,
                "script": script,
                "sentence_chars": round(float(length[i]), 2),
                "particles_per_100": round(float(particles), 3),
                "emoji_per_100": round(float(emoji[i] * per_100), 3),
                "hedges_per_100": round(float(hedges), 3),
                "questions_share": round(float(questions[i]), 4),
                "markers": [marker for marker in MARKERS if marked[marker]],
            }
        )
    return {name: [style[name] for style in out] for name in FIELDS}
