"""Who asks what, in sentences: at the end of a question, or at the beginning of a text that tells of the client."""

import re

from tarot_data import lexicon
from tarot_data.cards import content_cards
from tarot_data.sources.field_values import Fields
from tarot_data.sources.lines import Line
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes.head_line import MARKS, SHORTEST_BODY, leads, parts_of
from tarot_data.sources.notes.head_words import CARDS, FIELDS, PERSON, QUESTION
from tarot_data.text.normalise import fold

LONGEST_NARRATION = 300
"""Characters of a text in which what it tells about the client ends."""
_SENTENCE = re.compile(r"[^。！？!?\n]+(?:[。！？!?\n]+|$)")


def split_client(question: str) -> tuple[str | None, str]:
    """Split a question before who asks it in its last sentence (`请解读。客人小武问：要不要跳槽？`); (None, question) without."""
    sentence = [each[0] for each in _SENTENCE.finditer(question)][-1:]
    parts = dict(parts_of(Line(sentence[0].strip())) or ()) if sentence else {}
    return (parts[PERSON], parts[QUESTION]) if PERSON in parts and QUESTION in parts else (None, question)


def split_narration(text: str) -> tuple[Fields, str]:
    """Split a text before what it tells about the client in the third person: who came, what they asked, which cards were
    drawn (`阿荞打来，问要不要跟着去。我给她抽了三张，依次是愚人、力量、月亮。`); without such a beginning, no fields.

    It ends with the sentence of the cards, or with the question if that is first.
    """
    found: dict[str, str] = {}
    end = 0
    for sentence in _SENTENCE.finditer(text[:LONGEST_NARRATION]):
        told = sentence[0].strip(MARKS + "。！!")
        folded = fold(told)
        if any(word in folded for word in lexicon.words("marks", "you")) or folded.startswith(
            noise_words("calls before")
        ):
            break
        cards = content_cards.list_drawn(told) if content_cards.names_card(told) else len(told)
        if cards is None or content_cards.names_card(told[:cards]):
            break  # `过去是教皇；现在抽到圣杯四`: a part of the cards
        asked = leads().asks.match(folded[:cards]) is not None
        parts = [part for part in parts_of(Line(told[:cards])) or () if asked or part[0] != QUESTION]
        for label, value in parts:
            found.setdefault(label, value)
        if cards < len(told):
            found[CARDS], end = told[cards:], sentence.end()
            break
        if end == sentence.start() and any(label in (PERSON, QUESTION) for label, _ in parts):
            end = sentence.end()
    if not end or len(text) - end < SHORTEST_BODY:
        return {}, text
    return {(FIELDS[label], 1): [(label, value)] for label, value in found.items()}, text[end:].strip()
