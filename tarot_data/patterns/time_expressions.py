"""spaCy where patterns have parts that repeat: expressions of time in advice, on its character tokenizer for Chinese."""

import re
import sys
from functools import cache
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

NUMBER = f"[0-9{NUMERALS}百两半几]"


class Time(NamedTuple):
    """An expression of time at text[start:end]. kind: deadline, duration, frequency or moment."""

    start: int
    end: int
    text: str
    kind: str


def _spacy():
    """spaCy, imported without torch.

    thinc, below spaCy, imports torch when it finds it (2 s and 250 MB) and then only asks whether it may hand it
    tensors. While spaCy is imported for the first time, `None` in sys.modules makes that import fail as if torch were
    not installed; afterwards the entry is taken out again, so that a later `import torch` works as ever.
    """
    if "spacy" in sys.modules or "torch" in sys.modules:
        import spacy

        return spacy
    sys.modules["torch"] = None
    try:
        import spacy
    finally:
        del sys.modules["torch"]
    return spacy


@cache
def chinese():
    """A blank Chinese pipeline: one token a character, so that a token's index is its place in the text."""
    return _spacy().blank("zh")


@lexicon.cached
def _matcher():
    nlp = chinese()
    from spacy.matcher import Matcher

    matcher = Matcher(nlp.vocab)
    for row in lexicon.read_table("times"):
        tokens = []
        for part in re.split(r"(\{数\})", row["pattern"]):
            if part == "{数}":
                tokens.append({"TEXT": {"REGEX": f"^{NUMBER}$"}, "OP": "+"})
            else:
                tokens += [{"TEXT": character} for character in fold(part)]
        matcher.add(f"{row['kind']}:{row.line}", [tokens])
    return matcher


@lexicon.cached
def _anything() -> re.Pattern[str]:
    """Whether any pattern stands in a text at all: two of three sentences of advice name no time, and spaCy is slow."""
    rows = (re.split(r"(\{数\})", row["pattern"]) for row in lexicon.read_table("times"))
    return re.compile(
        "|".join("".join(f"{NUMBER}+" if p == "{数}" else re.escape(fold(p)) for p in row) for row in rows)
    )


def find_times(texts: list[str]) -> list[list[Time]]:
    """The expressions of time of each text, longest first where they overlap, in order."""
    nlp, matcher = chinese(), _matcher()
    from spacy.tokens import Doc

    out = []
    for text in texts:
        folded = fold(text)
        if not _anything().search(folded):
            out.append([])
            continue
        # Every character a token, spaces too: offsets of tokens are offsets of characters.
        doc = Doc(nlp.vocab, words=list(folded), spaces=[False] * len(folded)) if folded else None
        found = [(start, end, nlp.vocab.strings[key].split(":")[0]) for key, start, end in matcher(doc)] if doc else []
        found.sort(key=lambda match: (match[0] - match[1], match[0]))
        taken: list[Time] = []
        for start, end, kind in found:
            if all(end <= time.start or start >= time.end for time in taken):
                taken.append(Time(start, end, text[start:end], kind))
        out.append(sorted(taken))
    return out
