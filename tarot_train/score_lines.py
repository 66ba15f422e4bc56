"""The sentences of a reading as the scores see them, and the small tools that every score uses."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from tarot_train.tables import read_table


@dataclass(frozen=True)
class Line:
    """A sentence as the scores see it.

    mentions: (card, orientation) named in it. repeat: whether an earlier sentence has the same words. empty: whether it
    would fit any reading, since it names no card, person, question or action.
    """

    text: str
    folded: str
    labels: tuple[str, ...]
    cards: tuple[str, ...]
    mentions: tuple[tuple[str, str], ...]
    repeat: bool
    empty: bool


def saturate(amount: float, half: float) -> float:
    """Map an amount to 0 (nothing), 0.5 (at `half`) and towards 1 beyond, strictly increasing."""
    return 1 - 0.5 ** (amount / half)


@cache
def phrases(kind: str) -> re.Pattern[str]:
    """Compile all patterns of a kind in `tables/phrases.csv` to one."""
    return re.compile("|".join(f"(?:{row['pattern']})" for row in read_table("phrases") if row["kind"] == kind))


def lines_of(reading: dict) -> list[Line]:
    seen: set[str] = set()
    lines = []
    for sentence in reading["sentences"]:
        start, end = sentence["start"], sentence["end"]
        text = reading["content"][start:end].strip()
        folded = fold(text)
        mentions = tuple((m["card"], m["orientation"]) for m in reading["mentions"] if start <= m["start"] < end)
        lines.append(
            Line(
                text=text,
                folded=folded,
                labels=tuple(sentence["labels"]),
                cards=tuple(sentence["cards"]),
                mentions=mentions,
                repeat=len(folded) > 3 and folded in seen,
                empty=not mentions and _is_empty(reading, text, sentence["labels"]),
            )
        )
        seen.add(folded)
    return lines


def _is_empty(reading: dict, text: str, labels: list[str]) -> bool:
    if phrases("motto").search(text):
        return True
    if (reading.get("person") and reading["person"] in text) or pairs(reading.get("question") or "") & pairs(text):
        return False
    if phrases("you").search(text):
        return False
    if phrases("generic").search(text):
        return True
    if "card_link" in labels or phrases("term").search(text):
        return False
    # A sentence labelled advice counts only if it asks for something.
    kinds = ("someone", "when", "act", *(("limit", "urge") if "advice" in labels else ()))
    return not any(phrases(kind).search(text) for kind in kinds)


@lru_cache(1024)  # several measures ask for those of the same lines
def pairs(text: str) -> frozenset[str]:
    """Return the pairs of neighbouring letters."""
    runs = re.findall(r"[^\W_]+", text)
    return frozenset(run[i : i + 2] for run in runs for i in range(len(run) - 1))


def fold(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def is_negated(text: str, at: int) -> bool:
    """Check for a negation in the two characters before a place of a text."""
    return bool(phrases("negation").search(text[max(0, at - 2) : at]))


def finding(sign: str, code: str, line: Line | None = None, **values: object) -> dict[str, object]:
    return {"sign": sign, "code": code, "values": values, "text": line.text if line else ""}


def drawn(reading: dict) -> dict[str, str]:
    """Map a drawn card to its orientation."""
    return {card["card"]: card["orientation"] for card in reading["cards"]}


def concreteness(text: str) -> float:
    """Rate from 0 to 1 how far a piece of advice says what to do, when, and how much."""
    when, act = bool(phrases("when").search(text)), bool(phrases("act").search(text))
    value = 0.1 + 0.25 * when + 0.3 * act
    value += 0.1 * bool(phrases("limit").search(text)) + 0.25 * saturate(len(fold(text)), 16)
    return value * (0.3 if phrases("vague").search(text) else 1.0) * (1.0 if when or act else 0.5)
