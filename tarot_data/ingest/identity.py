"""Whether a record is an earlier reading as its reader has edited it, or another reading in its place.

A file is rewritten in many ways: a word mended in row 7, a row put in front of it, next month's export under last
month's name, another folder whose files are called the same. Place alone does not tell these apart; what was asked, of
whom, what was drawn and what was said do.
"""

from collections.abc import Callable

import polars as pl

from tarot_data.text.near_duplicates import folded, jaccard, shingles

ALIKE = 0.2
"""Shared share of 5-grams from which a text is an edit of another. Among the 192 annotated readings no two share more
than 0.035, among made-up ones 0.08; a text doubled in length shares 0.5 with its first half."""

NEARBY = 200
"""Readings of one file that are compared with one that has lost its place; beyond, only the place counts."""

COLUMNS = ["reading_id", "person", "question", "date", "cards", "content"]
"""What is compared."""


class Edits:
    """The readings a file had and has no more, against those it has now."""

    def __init__(self, fetch: Callable[[list[str], list[str]], pl.DataFrame]) -> None:
        """fetch: the columns asked for of the readings with these ids."""
        self.fetch, self.rows, self.shingles = fetch, {}, {}

    def of(self, row: dict, there: str | None, missing: set[str]) -> str | None:
        """The reading_id that the row is an edit of, or None.

        there: the reading that stood in the row's place. missing: all that the file had and has no more.
        """
        others = missing if len(missing) <= NEARBY else missing & {there}
        if not others:
            return None
        self._know(others)
        words = shingles(folded(row["content"]))
        alike = {one: jaccard(words, self.shingles[one]) for one in sorted(others)}
        if there in others and (alike[there] >= ALIKE or _same_reading(row, self.rows[there])):
            return there
        best = max(alike, key=alike.__getitem__)
        return best if alike[best] >= ALIKE else None

    def _know(self, ids: set[str]) -> None:
        if wanted := sorted(ids - self.rows.keys()):
            for row in self.fetch(wanted, COLUMNS).iter_rows(named=True):
                self.rows[row["reading_id"]] = row
                self.shingles[row["reading_id"]] = shingles(folded(row["content"]))


def _same_reading(one: dict, other: dict) -> bool:
    """Whether it is one sitting though the words are others: the same cards for the same person or question, or the same
    question of the same person on the same day."""
    same = {name for name in ("person", "question") if one[name] and one[name] == other[name]}
    return bool(same) and (_drawn(one) == _drawn(other) or (len(same) == 2 and one["date"] == other["date"]))


def _drawn(row: dict) -> list[tuple]:
    return [(card["draw"], card["card"], str(card["orientation"])) for card in row["cards"]]
