"""Tables of `lexicon/synthetic/` for the grammar, and random choices from them for one reading."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate, product
from random import Random

from schemas.deck import CARDS, rank_of, suit_of
from tarot_data.lexicon import Row, cached, read_table

KEYS = {
    "questions": ("theme",),
    "asked": ("theme", "part"),
    "apply": ("theme", "orientation"),
    "openings": ("voice", "part"),
    "card_lines": ("voice", "part", "orientation"),
    "links": ("needs", "voice"),
    "advice": ("theme", "polarity"),
    "advice_frames": ("voice", "polarity"),
    "times": (),
    "closings": ("voice",),
    "asides": ("voice",),
    "suits": ("suit",),
    "ranks": ("rank",),
}
"""Tables of sentences and the columns they are chosen by."""

Weighted = tuple[list, list[float]]
"""Values and their cumulative weights."""


@dataclass(frozen=True)
class Tables:
    """texts: by table and values of KEYS. lore: by card. names: aliases by scheme and card. spreads: by theme."""

    texts: dict[str, dict[tuple[str, ...], tuple[str, ...]]]
    cards: dict[str, dict[str, str]]
    lore: dict[str, tuple[str, ...]]
    words: dict[tuple[str, str], tuple[str, ...]]
    theme_words: dict[str, tuple[str, ...]]
    themes: Weighted
    voices: Weighted
    schemes: Weighted
    names: dict[str, dict[str, str]]
    persons: Weighted
    spreads: dict[str, Weighted]


@cached
def tables() -> Tables:
    """Read all tables."""
    texts = {table: _grouped(table, *keys) for table, keys in KEYS.items()}
    words = {(row["kind"], row["key"]): tuple(row["values"].split("|")) for row in _read("words")}
    voices = {key: float(values[0]) for (kind, key), values in words.items() if kind == "voice_weight"}
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for row in _read("names"):
        names[row["scheme"]][row["canonical"]] = row["alias"]
    return Tables(
        texts=texts,
        cards={row["card"]: row.values for row in _read("cards")},
        lore={
            card: texts["suits"][(suit_of(card) or "major",)] + texts["ranks"][(rank_of(card) or "major",)]
            for card in CARDS
        },
        words=words,
        theme_words={row["theme"]: tuple(row["words"].split("|")) for row in _read("themes")},
        themes=_weights("themes", "theme"),
        voices=(list(voices), list(accumulate(voices.values()))),
        schemes=_weights("names", "scheme"),
        names=dict(names),
        persons=(
            [row.values for row in _read("persons")],
            list(accumulate(float(r["weight"]) for r in _read("persons"))),
        ),
        spreads={row["theme"]: _spreads(row["theme"]) for row in _read("themes")},
    )


def _read(table: str) -> tuple:
    return read_table(f"synthetic/{table}")


def _grouped(table: str, *keys: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Group the last column of a table by its key columns; a key cell `a|b` counts for a and for b."""
    groups = defaultdict(list)
    for row in _read(table):
        for key in product(*(row[key].split("|") for key in keys)):
            groups[key].append(list(row.values.values())[-1])
    return {key: tuple(values) for key, values in groups.items()}


def _weights(table: str, column: str) -> Weighted:
    """Read the distinct values of a column, each with the weight of its first row."""
    weights: dict[str, float] = {}
    for row in _read(table):
        weights.setdefault(row[column], float(row["weight"]))
    return list(weights), list(accumulate(weights.values()))


def _spreads(theme: str) -> Weighted:
    """Read names and positions of the spreads for a theme; one made for it is twice as likely as its weight says."""
    layouts = {row["spread_id"]: row for row in read_table("spreads")}
    rows = [row for row in _read("spreads") if row["themes"] == "any" or theme in row["themes"].split("|")]
    known = [layouts[row["spread_id"]] for row in rows]
    weights = (float(row["weight"]) * (1 if row["themes"] == "any" else 2) for row in rows)
    return [(row["spread"], _positions(row)) for row in known], list(accumulate(weights))


def _positions(row: Row) -> tuple[str, ...]:
    """Read the positions of a spread, empty ones if its cards have none."""
    return tuple(row["positions"].split("|")) if row["positions"] else ("",) * int(row["cards"])


def draw(rng: Random, weighted: Weighted):
    """Draw one of the values by their weights."""
    values, sums = weighted
    point = rng.random() * sums[-1]
    return values[next(i for i, total in enumerate(sums) if point < total)]


@dataclass
class Line:
    """A sentence of a reading. kind: greet, heading, intro, meaning, link, advice, closing, aside, …"""

    kind: str
    text: str


@dataclass
class Writer:
    """The sources of one reading: its random numbers, voice, slots, tables, and the templates it has used already."""

    rng: Random
    voice: str
    tables: Tables
    slots: dict[str, str]
    used: set[str] = field(default_factory=set)

    def rows(self, table: str, *key: str) -> tuple[str, ...]:
        return self.tables.texts[table].get(key, ())

    def words(self, kind: str, key: str) -> tuple[str, ...]:
        return self.tables.words.get((kind, key), ())

    def pick(self, rows: tuple[str, ...]) -> str:
        """Pick one of the rows, preferably one this reading has not used yet."""
        for _ in range(5):
            row = rows[int(self.rng.random() * len(rows))]
            if row not in self.used:
                break
        self.used.add(row)
        return row

    def fill(self, template: str, **slots: str) -> str:
        """Fill the slots of a template; twice, because a value may have a slot itself ({you})."""
        slots = self.slots | slots
        return template.format_map(slots).format_map(slots)

    def line(self, kind: str, rows: tuple[str, ...], **slots: str) -> Line:
        """Pick a template and fill it."""
        return Line(kind, self.fill(self.pick(rows), **slots))
