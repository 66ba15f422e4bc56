"""Altered copies of annotated readings to learn from, so that cards, place and layout alone do not decide a label.

A new reader may record no cards, begin or end a reading without the usual opening and closing, or break lines otherwise.
"""

from collections.abc import Iterable
from hashlib import blake2b

DROPPED = ("opening", "advice", "closing")
"""Labels whose sentences a copy may lack."""

EXCERPT = 3
"""Most sentences of an excerpt."""

FULL_STOP, COMMA = "。", "，"


def altered(readings: Iterable[dict]) -> list[dict]:
    """Return one copy and one excerpt of every reading, altered as a hash of its id decides.

    Half of the copies have no drawn cards; half lack the sentences of each of DROPPED; a quarter is in lines without
    full stops and commas, a quarter in one paragraph. An excerpt is one to EXCERPT sentences in a row, with the cards
    that they name.
    """
    out = []
    for reading in readings:
        bits, first = blake2b(reading["id"].encode(), digest_size=2).digest()
        dropped = {label for place, label in enumerate(DROPPED, 1) if bits >> place & 1}
        copy = _without(reading, dropped)
        layout = bits >> 4 & 3
        if layout < 2:
            copy = (_in_lines, _in_one_paragraph)[layout](copy)
        out.append({**copy, "cards": [] if bits & 1 else copy["cards"]})
        out.append(_excerpt(reading, first))
    return out


def _excerpt(reading: dict, number: int) -> dict:
    """Return a few sentences of a reading as a reading. number: decides where they begin and how many they are."""
    count = len(reading["sentences"])
    first = number % count
    found = _rebuilt(reading, range(first, min(count, first + 1 + number % EXCERPT)))
    named = {card for sentence in found["sentences"] for card in sentence["cards"]}
    return {**found, "cards": [card for card in reading["cards"] if card["card"] in named]}


def _without(reading: dict, dropped: set[str]) -> dict:
    """Leave out the sentences that have no other label than the dropped ones; the reading as it is if few are left."""
    kept = [number for number, s in enumerate(reading["sentences"]) if not set(s["labels"]) <= dropped]
    return _rebuilt(reading, kept) if len(kept) > 2 else reading


def _in_lines(reading: dict) -> dict:
    """Write one sentence a line, without full stops, spaces for commas."""

    def plain(text: str) -> str:
        return text.removesuffix(FULL_STOP).replace(COMMA, " ") or text

    return _rebuilt(reading, range(len(reading["sentences"])), lambda gap, before: "\n", plain)


def _in_one_paragraph(reading: dict) -> dict:
    """Write all sentences in a row where an end mark divides them, else with a line break."""

    def joined(gap: str, before: str) -> str:
        return gap if "\n" not in gap or before[-1:].isalnum() else ""

    return _rebuilt(reading, range(len(reading["sentences"])), joined)


def _rebuilt(reading: dict, kept: Iterable[int], gap_of=lambda gap, before: gap, text_of=lambda text: text) -> dict:
    """Write the kept sentences anew, with their offsets. gap_of: gap before a sentence and text before it to the new gap."""
    content, sentences = "", []
    for number in kept:
        sentence = reading["sentences"][number]
        if content:
            before = reading["sentences"][number - 1]["end"]
            content += gap_of(reading["content"][before : sentence["start"]], content)
        start = len(content)
        content += text_of(reading["content"][sentence["start"] : sentence["end"]])
        sentences.append({**sentence, "start": start, "end": len(content)})
    return {**reading, "content": content, "sentences": sentences}
