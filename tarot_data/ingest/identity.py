"""Whether a record is an earlier reading as its reader has edited it, or another reading in its place.

A file is rewritten in many ways: a word mended in row 7, a row put in front of it, next month's export under last
month's name, another folder whose files are called the same. Place alone does not tell these apart; what was asked, of
whom, what was drawn and what was said do.
"""

from collections.abc import Callable
from hashlib import blake2b

import polars as pl

from schemas.tables import READINGS
from tarot_data.privacy import suppression_list
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


def _known(index: pl.DataFrame) -> dict[str, dict]:
    """Lookups of what the store has: by fingerprint, by place in a file, by file, and the revision of an id."""
    by_fingerprint, by_place, by_file, revisions = {}, {}, {}, {}
    source = index["source"].struct.unnest().select("file", "member", "locator")
    names = index.select("reading_id", "revision", "fingerprint")
    # By columns: a row of a hundred thousand as a dict of dicts costs ten times what it holds.
    for (reading_id, revision, fingerprint), place in zip(names.iter_rows(), source.iter_rows(), strict=True):
        by_fingerprint[fingerprint] = (reading_id, place)
        by_place[place] = reading_id
        by_file.setdefault(place[0], []).append(reading_id)
        revisions[reading_id] = revision
    return {
        "fingerprint": by_fingerprint,
        "place": by_place,
        "file": by_file,
        "revision": revisions,
        "claimed": set(),
        "edited": set(),
    }


def _identify(
    readings: pl.DataFrame, known: dict[str, dict], edits: Edits, replayed: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Readings that are not in the store as they stand, under their right id and revision; and all of them with
    whether they are unchanged. Adds a `row` column, unique in the lot.

    Of twins in one file one is the reading the store has and the others are duplicates; of a reading fed back, only
    the one at its very place.
    """
    by_print, by_place, by_file, newest = known["fingerprint"], known["place"], known["file"], known["revision"]
    claimed, edited = known["claimed"], known["edited"]
    ids, unchanged, again = [], [], set()
    missing: dict[str, set[str]] = {}
    anew = {} if replayed else found(readings, by_print, edits)
    for number, (fingerprint, source, own) in enumerate(
        readings.select("fingerprint", "source", "reading_id").iter_rows()
    ):
        place = (source["file"], source["member"], source["locator"])
        twin = by_print.get(fingerprint)
        old = None
        if twin is None and source["file"] in by_file:
            if source["file"] not in missing:
                missing[source["file"]] = set(by_file[source["file"]]) - known["still"] - edited
            gone, there = missing[source["file"]], by_place.get(place)
            old = edits.of(readings.row(number, named=True), there, gone & {there} if replayed else gone)
        here = twin is not None and (place == twin[1] or (not replayed and source["file"] == twin[1][0]))
        first = here and fingerprint not in claimed
        unchanged.append(first and number not in anew)
        if here:
            claimed.add(fingerprint)
        if first:
            ids.append(twin[0])
            if number in anew:
                again.add(number)
        elif old is not None:
            edited.add(old)
            gone.discard(old)
            ids.append(old)
        elif twin is None and own in newest:
            # Words that another reading held before it was rewritten: they make its id, so this one needs its own.
            ids.append("r" + blake2b("\0".join(map(str, (own, *place))).encode(), digest_size=8).hexdigest())
        else:
            ids.append(own)
    readings = as_kept(readings, {number: anew[number] for number in again})
    # Words the store has already are either told anew, under their id, or a twin, which has no revision.
    twins = [
        fingerprint in by_print and number not in again for number, fingerprint in enumerate(readings["fingerprint"])
    ]
    revisions = [1 if twin else newest.get(one, 0) + 1 for one, twin in zip(ids, twins, strict=True)]
    marked = readings.with_columns(
        reading_id=pl.Series(ids, dtype=pl.String),
        revision=pl.Series(revisions, dtype=pl.Int32),
        unchanged=pl.Series(unchanged, dtype=pl.Boolean),
        file=pl.col("source").struct.field("file"),
    ).with_row_index("row")
    return marked.filter(~pl.col("unchanged")).drop("unchanged", "file"), marked


TOLD = ("person", "question", "date", "outcome", "consent")
"""What is told of a reading beside its words and cards."""


def found(readings: pl.DataFrame, by_print: dict[str, tuple], edits: Edits) -> dict[int, dict]:
    """Number in the lot -> the reading of the store that has its words and cards, from the same file, but of which something
    else has changed: the outcome that came later, a consent given or taken back, a date put right."""
    mine = {}
    for number, (fingerprint, source) in enumerate(readings.select("fingerprint", "source").iter_rows()):
        twin = by_print.get(fingerprint)
        if twin is not None and twin[1][0] == source["file"]:
            mine[number] = (twin[0], twin[1] == tuple(source[name] for name in ("file", "member", "locator")))
    if not mine:
        return {}
    columns = ["reading_id", "content", "draws", *TOLD]
    rows = edits.fetch(sorted({one for one, _ in mine.values()}), columns).with_columns(
        pl.col("consent").cast(pl.String)
    )
    old = {row["reading_id"]: row for row in rows.iter_rows(named=True)}
    new = readings.select(*columns[1:]).with_columns(pl.col("consent").cast(pl.String))
    anew = {}
    for number, (reading_id, same_place) in mine.items():
        row, was = new.row(number, named=True), old.get(reading_id)
        # The words of one person sent to another are a template, and which of two rows stands first decides nothing.
        if was and (same_place or row["person"] == was["person"]) and _differs(row, was):
            anew[number] = was
    return anew


def _differs(row: dict, was: dict) -> bool:
    spreads = [[draw["spread"] for draw in one["draws"]] for one in (row, was)]
    return spreads[0] != spreads[1] or any(_veil_kept(row[name], was[name]) != was[name] for name in TOLD)


def _veil_kept(text: object, was: object) -> object:
    """A text as the store has it where the two differ only by the name of somebody who was forgotten."""
    if (
        not isinstance(text, str)
        or not isinstance(was, str)
        or len(text) != len(was)
        or suppression_list.MASK not in was
    ):
        return text
    return was if all(b in (a, suppression_list.MASK) for a, b in zip(text, was, strict=True)) else text


def as_kept(readings: pl.DataFrame, retold: dict[int, dict]) -> pl.DataFrame:
    """The lot with the words of what is told anew as the store has them, in which a forgotten name may be masked."""
    if not retold:
        return readings
    texts = {}
    for name in ("content", "question", "outcome"):
        values = readings[name].to_list()
        for number, was in retold.items():
            hidden = name == "content" and suppression_list.MASK in was[name]
            values[number] = was[name] if hidden else _veil_kept(values[number], was[name])
        texts[name] = pl.Series(values, dtype=READINGS[name])
    return readings.with_columns(**texts)
