"""Pages of a card dictionary: the title is a card, the labels are its meanings. They are rejected."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import LISTS_APART
from tarot_data.sources.card_dictionary import is_meaning
from tarot_data.sources.labels import known_fields
from tarot_data.sources.notion.names import ID
from tarot_data.sources.records import Blob, RawRecord, Rejected, not_a_reading
from tarot_data.sources.sniff import Sample

LONGEST_TITLE, LONGEST_LABEL = 40, 20
LINES = 200
"""Lines of a page in which its labels are searched."""
_OF_A_READING = {"person", "question", "date", "cards", "spread"}


def recognises(sample: Sample) -> bool:
    return sample.text is not None and is_card_page(sample.blob.name, sample.text)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    raise not_a_reading("card_page")


def is_card_page(name: str, text: str) -> bool:
    """Check whether a page, by its heading or the name of its file, is about one card and has labels of meanings."""
    first, _, _ = text.lstrip("\ufeff\n ").partition("\n")
    heading = first.removeprefix("# ").strip() if first.startswith("# ") else None
    has_meaning = False
    for line in text.split("\n", LINES)[:LINES]:
        if not (label := _label(line)) or label == heading:
            continue
        fields = known_fields([label])
        if fields & _OF_A_READING:
            return False  # most pages, at one of their first lines
        has_meaning = has_meaning or is_meaning(label) or bool(fields & LISTS_APART.keys())
    return has_meaning and _is_card(heading or ID.sub("", PurePosixPath(name).stem))


def _is_card(title: str) -> bool:
    cards = card_fields.listed(title.strip()) if 0 < len(title.strip()) <= LONGEST_TITLE else []
    return len(cards) == 1 and cards[0]["orientation"] == "unknown"


def _label(line: str) -> str | None:
    """Return the label of a line: its heading, or the words before its colon."""
    bare = line.strip(" \t>#*-•【】[]")
    name, colon, _ = bare.replace("：", ":").partition(":")
    is_label = colon or line.lstrip().startswith(("#", "**", "【"))
    return name.strip(" *】") if is_label and 0 < len(name) <= LONGEST_LABEL else None
