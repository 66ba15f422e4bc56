"""Choice of the column, or key of JSON objects, that holds the texts of the readings.

The choice is made over the rows of a table: by the length of the cells, whether they are prose, whether they speak of
the cards of their row, and whether they are words of the reader or of the client.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median

from tarot_data import lexicon
from tarot_data.cards.content_cards import named_cards
from tarot_data.lexicon.field_names import name_of
from tarot_data.sources.field_values import is_empty
from tarot_data.sources.noise import noise_words
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

SAMPLE_ROWS = 200
"""Rows of a table, or objects of a file, over which its text is chosen."""

SHORTEST_TEXT = 30
"""Median characters of the filled cells of a column of texts; the shortest of 176 annotated readings has 40."""

ENOUGH = 1.0
"""Score from which a column is the text, and by which it must exceed the next. A label counts 2, cards named up to 3."""

OVERRULES = 3.0
"""Score by which an unknown column must exceed the column that a known label calls the content."""

_CELL = 2000
"""Characters of a cell that are looked at."""
_STOPS = tuple("。！？，!?,；…")
_ASKS = tuple("?？")


@dataclass(frozen=True)
class TextChoice:
    """label: of the texts, None if none is. rivals: labels between which nothing decides. unknown: labels of columns with
    text that were not understood."""

    label: str | None = None
    rivals: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def choose_text(columns: dict[str, Sequence[object]], cards: Sequence[object]) -> TextChoice:
    """Choose the column of texts. columns: the cells of those that may be it, by label. cards: the cards of each row.

    A column whose label means the content keeps it, unless another one is plainly the reading.
    """
    texts = {label: _texts(cells) for label, cells in columns.items()}
    known = next((label for label in texts if is_content(label) and any(texts[label])), None)
    prose = [label for label in texts if label != known and _is_prose(texts[label])]
    candidates = sorted(prose, key=is_content)
    unknown = tuple(label for label in candidates if not is_content(label))
    if not candidates:
        return TextChoice(known)
    drawn = [frozenset(named_cards(plain(value)[:_CELL])) for value in cards]
    scores = {label: _score(label, texts[label], drawn) for label in candidates}
    best = max(candidates, key=scores.get)
    if known and scores[best] < _score(known, texts[known], drawn) + OVERRULES:
        return TextChoice(known, unknown=unknown)
    return _decided(best, scores, unknown)


def _decided(best: str, scores: dict[str, float], unknown: tuple[str, ...]) -> TextChoice:
    """Take the column of the best score if that is high enough and no other one comes near."""
    if scores[best] < ENOUGH:
        return TextChoice(None, unknown=unknown)
    second = max((label for label in scores if label != best), key=scores.get, default=None)
    if second is not None and scores[best] < scores[second] + ENOUGH:
        return TextChoice(None, rivals=(best, second), unknown=unknown)
    return TextChoice(best, unknown=tuple(label for label in unknown if label != best))


def is_content(label: str) -> bool:
    """Check for a label that means the content."""
    return name_of(label) == "content"


def _texts(cells: Iterable[object]) -> list[str]:
    """Return the texts of a column, one a row; "" for a cell without one."""
    return ["" if is_empty(cell) else plain(cell)[:_CELL] for cell in cells]


def _is_prose(texts: list[str]) -> bool:
    """Check for cells that are sentences: long, with stops, and not JSON or a link."""
    filled = [text for text in texts if text]
    if not filled or median(len(text) for text in filled) < SHORTEST_TEXT:
        return False
    prose = sum(any(stop in text for stop in _STOPS) and text.lstrip()[:1] not in "[{" for text in filled)
    return prose * 2 > len(filled) and not all(text.isascii() for text in filled)


def _score(label: str, texts: list[str], drawn: list[frozenset[str]]) -> float:
    """Return the evidence for a column: its label, the cards of its row in its cells, whose words they are."""
    filled = [(text, cards) for text, cards in zip(texts, drawn, strict=True) if text]
    voices = (*lexicon.words("marks", "you"), *lexicon.words("marks", "formal_you")), lexicon.words("marks", "me")
    naming = asking = client = 0
    for text, cards in filled:
        named = frozenset(named_cards(text))
        naming += bool(named & cards if cards else named)
        asking += text.rstrip().endswith(_ASKS)
        you, me = (sum(map(text.count, words)) for words in voices)
        client += me > you
    return label_score(label) + (3 * naming - asking - client) / len(filled)


@lexicon.cached(maxsize=4096)
def label_score(label: str) -> float:
    """Return 2 for a label of a reader's text (塔罗师解读), -3 for one of the client's (背景): its last known word decides,
    the longer one (给客户) if two end there."""
    folded = fold(label)
    if folded.isascii():
        # The first noun of an English label counts: `Reading for the client`.
        words = folded.split()
        folded = " ".join(takewhile(lambda word: word not in noise_words("label preposition"), words)) or folded
    ends = {
        kind: max(
            (folded.rfind(word) + len(word) for word in noise_words(f"{kind} label") if word in folded), default=0
        )
        for kind in ("text", "client")
    }
    if not any(ends.values()):
        return 0.0
    return 2.0 if ends["text"] >= ends["client"] else -3.0
