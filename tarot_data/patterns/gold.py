"""Annotated readings (`data/annotated/*.txt`, the compact form of its GUIDELINES.md): parser and score.

Two annotators are compared by the same score: sentences by character offsets, so that a different sentence split only
costs if it mislabels text.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas.deck import CARDS, PATTERNS
from schemas.errors import Problem
from tarot_data.cards.card_fields import parse_cards
from tarot_data.cards.format import ORIENTATION_WORDS, card_text

CODES = {
    "O": "opening",
    "I": "card_interpretation",
    "L": "card_link",
    "A": "advice",
    "C": "closing",
    "X": "other",
}
_SENTENCE = re.compile(r"^([OILACX](?:\+[OILACX])?)(?:\[([^\]]*)\])? (.+)$")
_BREAKS = {"¶": "\n\n", "↵": "\n"}
_ORIENTATIONS = {word or "(未知)": orientation for orientation, word in ORIENTATION_WORDS.items()}


def parse(path: Path) -> Iterator[dict]:
    """Parse the readings of one file: {id, style, person, question, spread, date, cards, content, sentences, …}.

    cards: [{card, orientation}]. sentences: [{start, end, text, labels, cards}], offsets in characters of content.
    Every other `@key` is kept as written. Raises Problem `annotated_line` with file and line.
    """
    reading = None
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), "@id "], 1):
        try:
            if line.startswith("@id "):
                if reading:
                    yield _finished(reading)
                reading = {"id": line[4:].strip(), "cards": [], "sentences": [], "content": ""}
            elif line.strip() and not line.startswith("#!"):
                _add(line, reading)
        except ValueError as error:
            raise Problem("annotated_line", file=path.name, line=number, why=str(error)) from None


def _add(line: str, reading: dict | None) -> None:
    """Add a line to a reading. Raises ValueError if it breaks the form."""
    if reading is None:
        raise ValueError("no @id before it")
    if line.startswith("@"):
        key, _, value = line[1:].partition(" ")
        reading[key] = _cards(value) if key == "cards" else value.strip()
    elif line.strip() in _BREAKS:
        reading["content"] += _BREAKS[line.strip()]
    else:
        sentence = _sentence(line, len(reading["content"]))
        reading["content"] += sentence["text"]
        reading["sentences"].append(sentence)


def _sentence(line: str, start: int) -> dict:
    match = _SENTENCE.match(line)
    if not match:
        raise ValueError(f"not a labelled sentence: {line[:40]!r}")
    cards = [card.strip() for card in (match[2] or "").split(",") if card.strip()]
    if unknown := [card for card in cards if card not in CARDS]:
        raise ValueError(f"not a card: {unknown[0]!r}")
    labels = [CODES[code] for code in match[1].split("+")]
    return {"start": start, "end": start + len(match[3]), "text": match[3], "labels": labels, "cards": cards}


def _cards(value: str) -> list[dict]:
    cards = []
    for item in value.split("|"):
        card, bracket, orientation = item.strip().partition("(")
        if card not in CARDS or bracket + orientation not in _ORIENTATIONS:
            raise ValueError(f"not a card: {item.strip()!r}")
        cards.append({"card": card, "orientation": _ORIENTATIONS[bracket + orientation]})
    return cards


def _finished(reading: dict) -> dict:
    if not reading["sentences"] or reading["sentences"][0]["start"]:
        raise ValueError(f"{reading['id']}: body begins with a break")
    return {**reading, "content": reading["content"].strip()}


SMALL_VOICE = 3
"""Readings from which a voice is one by itself; fewer say too little about it."""


def read_all(folder: Path) -> list[dict]:
    """Read every annotated reading of a folder, with `writer` and `voice`.

    writer: the letter of its file (dev_a1.txt and dev_a2.txt: a). voice: the writer and the first word of `@style`; the
    readings of voices with fewer than SMALL_VOICE are one voice of their writer.
    """
    found = []
    for path in sorted(folder.glob("*.txt")):
        writer = path.stem.rpartition("_")[2][:1]
        for reading in parse(path):
            voice = " ".join([writer, *reading.get("style", "").split()[:1]])
            found.append({**_placed(reading), "writer": writer, "voice": voice, "file": path.stem})
    count = Counter(reading["voice"] for reading in found)
    return [r if count[r["voice"]] >= SMALL_VOICE else {**r, "voice": r["writer"]} for r in found]


def _placed(reading: dict) -> dict:
    """Give the cards of a reading their places and positions, by its spread."""
    written = "|".join(map(card_text, reading["cards"]))
    return {**reading, "cards": [{"draw": 1, **card} for card in parse_cards(written, reading.get("spread")).cards]}


def score(gold: Iterable[dict], predicted: Iterable[dict]) -> dict:
    """Score predicted sentences ({id, sentences: [{start, end, labels, cards}]}) against annotated readings.

    Each annotated sentence takes the labels of the predicted ones that cover more than half of the shorter of the
    two. labels: per pattern precision, recall, f1. macro_f1: their mean over the five patterns. exact: share of
    sentences with just the right labels. cards_f1: cards named by interpretations and links. All shares 0 to 1.
    """
    answers = {reading["id"]: reading["sentences"] for reading in predicted}
    hits, extra, missed, cards = Counter(), Counter(), Counter(), Counter()
    exact = total = readings = 0
    for reading in gold:
        readings += 1
        for sentence, covering in aligned(reading["sentences"], answers.get(reading["id"], [])):
            want, got = set(sentence["labels"]), _labels(covering)
            total += 1
            exact += want == got
            hits.update(want & got)
            extra.update(got - want)
            missed.update(want - got)
            if want & {"card_interpretation", "card_link"}:
                named = {card for other in covering for card in other.get("cards", ())}
                cards["hits"] += len(named & set(sentence["cards"]))
                cards["extra"] += len(named - set(sentence["cards"]))
                cards["missed"] += len(set(sentence["cards"]) - named)
    rows = {label: _f1(hits[label], extra[label], missed[label]) for label in PATTERNS}
    return {
        "readings": readings,
        "sentences": total,
        "labels": {k: {n: round(v, 4) for n, v in row.items()} for k, row in rows.items()},
        "macro_f1": round(sum(row["f1"] for row in rows.values()) / len(rows), 4),
        "exact": round(exact / (total or 1), 4),
        "cards_f1": round(_f1(cards["hits"], cards["extra"], cards["missed"])["f1"], 4),
    }


def score_voices(gold: Iterable[dict], predicted: Iterable[dict]) -> dict:
    """Score each voice by itself: {macro_f1: of each voice, worst first; mean; spread; worst_tenth}.

    macro_f1 of a voice: over the patterns that it has. spread: standard deviation over voices. worst_tenth: mean of the
    worst tenth of the voices.
    """
    by_id = {reading["id"]: reading for reading in predicted}
    voices: dict[str, list[dict]] = {}
    for reading in gold:
        voices.setdefault(reading["voice"], []).append(reading)
    scores = {}
    for voice, mine in voices.items():
        rows = score(mine, [by_id[reading["id"]] for reading in mine if reading["id"] in by_id])["labels"]
        found = [row["f1"] for label, row in rows.items() if _has(label, mine)]
        scores[voice] = round(sum(found) / (len(found) or 1), 4)
    ordered = dict(sorted(scores.items(), key=lambda item: (item[1], item[0])))
    values = list(ordered.values())
    worst = values[: max(1, len(values) // 10)]
    mean = sum(values) / len(values)
    return {
        "mean": round(mean, 4),
        "spread": round((sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5, 4),
        "worst_tenth": round(sum(worst) / len(worst), 4),
        "macro_f1": ordered,
    }


def _has(label: str, readings: list[dict]) -> bool:
    return any(label in sentence["labels"] for reading in readings for sentence in reading["sentences"])


def aligned(sentences: list[dict], predicted: list[dict]) -> Iterator[tuple[dict, list[dict]]]:
    """Pair each annotated sentence with the predicted ones that cover more than half of the shorter of the two."""
    for sentence in sentences:
        covering = []
        for other in predicted:
            shared = min(sentence["end"], other["end"]) - max(sentence["start"], other["start"])
            shorter = min(sentence["end"] - sentence["start"], other["end"] - other["start"])
            if shared > 0 and 2 * shared > shorter:
                covering.append(other)
        yield sentence, covering


def _labels(covering: list[dict]) -> set[str]:
    labels = {label for other in covering for label in other["labels"]} or {"other"}
    return labels - {"other"} if len(labels) > 1 else labels


def _f1(hits: int, extra: int, missed: int) -> dict[str, float]:
    precision, recall = hits / (hits + extra or 1), hits / (hits + missed or 1)
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall or 1)}
