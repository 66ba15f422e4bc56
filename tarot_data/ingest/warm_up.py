"""Loading of what reading and labelling need, before the first file: tables, patterns, forms, the labeller."""

from schemas.deck import CARDS
from schemas.tables import READINGS, typed
from tarot_data import lexicon
from tarot_data.ingest.clean import to_readings
from tarot_data.patterns.annotate import annotated
from tarot_data.sources import reader
from tarot_data.sources.records import Blob

SENTENCES = 20


def warm_up() -> None:
    """Read, clean and label a note; nothing is kept but what that loads."""
    annotated(typed(sample(), READINGS))


def sample() -> list[dict]:
    """Return the reading of a note that has a card and some example sentences."""
    sentences = [row["example"] for row in lexicon.read_table("cues")[:SENTENCES]]
    note = "\n".join(["---", f"cards: {CARDS[0]}", "---", *sentences])
    blob = Blob(file="note", member=None, name="note.txt", sha256="", data=note.encode())
    return to_readings(list(reader.read_blob(blob)))[0]
