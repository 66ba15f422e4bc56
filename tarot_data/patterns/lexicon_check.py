"""Every row of the lexicon, tried on its own example: what fails is named with file, line and the likely word."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from schemas.deck import CARDS, LABELS, THEMES
from schemas.messages import say
from tarot_data import lexicon
from tarot_data.cards.mentions import choose, phrases
from tarot_data.patterns import cues, features, time_expressions
from tarot_data.patterns.batch import to_batch
from tarot_data.patterns.card_evidence import GROUPS
from tarot_data.patterns.vocabulary import MARK_KINDS
from tarot_data.text.normalise import fold
from tarot_data.text.phrase_matcher import find_all


@dataclass(frozen=True)
class Finding:
    """Something wrong with a row. code: a key under `finding.` in messages.toml; values fill its sentence."""

    file: str
    line: int
    code: str
    values: dict[str, str]

    def say(self, lang: str = "zh") -> str:
        return say(f"finding.{self.code}", lang, file=self.file, line=self.line, **self.values)


CLOSED: dict[str, dict[str, tuple[str, ...]]] = {
    "cues": {"label": LABELS},
    "themes": {"theme": THEMES},
    "aliases": {"card": CARDS, "use": ("prose", "marked", "field")},
    "images": {"card": CARDS},
    "signs": {"side": ("before", "after")},
    "hedges": {"kind": ("hypothetical", "comparison", "absent", "earlier", "extra")},
    "pointers": {"kind": ("two", "back", "many", "group", "ordinal", "advice_place")},
    "ranks": {"kind": ("rank", "measure", "thing", "suit")},
    "style": {"kind": ("particle", "hedge", "third", "jargon", "net")},
    "times": {"kind": ("deadline", "duration", "frequency", "moment")},
    "orientation": {"ambiguous": ("yes", "no")},
    "kinds": {"label": (*LABELS, "any")},
    "marks": {"kind": MARK_KINDS},
}
"""Columns that take a value of a closed list."""

_NUMBERS = {"cues": ("weight",), "themes": ("weight",)}
_SPOKEN = {
    "themes": "word",
    "hedges": "word",
    "pointers": "word",
    "ranks": "word",
    "style": "word",
    "speech": "word",
    "ordinary": "phrase",
    "signs": "word",
}
"""Tables whose examples must have the word itself."""


def check_row(table: str, values: dict[str, str]) -> list[Finding]:
    """What would be wrong with a row of the reader's own, were it added to a table; [] where it may be saved.

    Raises Problem `lexicon_column` where the table has no such column.
    """
    tried = lexicon.active().plus(table, values)
    row = tried.own[table][-1]
    with lexicon.using(tried):
        return [finding for finding in check_lexicon() if (finding.file, finding.line) == (row.file, row.line)]


def check_lexicon() -> list[Finding]:
    """What is wrong in the tables that decide labels, cards, themes and style; [] where every example holds."""
    found = _strangers()
    for table, columns in CLOSED.items():
        for row in lexicon.read_table(table):
            for column, allowed in columns.items():
                if row[column] not in allowed:
                    found.append(_unknown(row, column, allowed))
    for table, columns in _NUMBERS.items():
        for row in lexicon.read_table(table):
            found += [
                _finding(row, "not_a_number", column=column, value=row[column])
                for column in columns
                if not _is_number(row[column])
            ]
    for table, column in _SPOKEN.items():
        found += _spoken(table, column)
    found += _word_lists("images") + _word_lists("marks") + _times() + _aliases() + _pointers()
    if not any(finding.file.endswith("cues.csv") for finding in found):
        # The rows below are tried with the labeller's own matcher, which needs them well formed.
        found += _cues()
    return sorted(found, key=lambda finding: (finding.file, finding.line))


def _strangers() -> list[Finding]:
    """CSV files of the reader's folder that are no tables: nothing would read them."""
    folder = lexicon.active().folder
    out = []
    for path in sorted(folder.glob("*.csv")) if folder else ():
        if path.stem not in lexicon.tables():
            near = get_close_matches(path.stem, lexicon.tables(), n=1, cutoff=0.4)
            out.append(Finding(str(path), 1, "unknown_table", {"likely": f"{near[0] if near else 'cues'}.csv"}))
    return out


def _finding(row: lexicon.Row, code: str, **values: str) -> Finding:
    return Finding(row.file, row.line, code, values)


def _unknown(row: lexicon.Row, column: str, allowed: tuple[str, ...]) -> Finding:
    near = get_close_matches(row[column], allowed, n=1, cutoff=0.4)
    return _finding(
        row, "unknown_value", column=column, value=row[column], likely=near[0] if near else "/".join(allowed[:12])
    )


def _is_number(text: str) -> bool:
    try:
        float(text or 1)
    except ValueError:
        return False
    return True


def _spoken(table: str, column: str) -> list[Finding]:
    out = []
    for row in lexicon.read_table(table):
        if not row[column]:
            out.append(_finding(row, "empty", column=column))
        elif fold(row[column]) not in fold(row["example"]):
            out.append(_finding(row, "not_in_example", word=row[column], example=row["example"]))
    return out


def _word_lists(table: str) -> list[Finding]:
    """Check that each example has one of the row's words."""
    return [
        _finding(row, "not_in_example", word=row["words"].split("|")[0], example=row["example"])
        for row in lexicon.read_table(table)
        if not any(word and fold(word) in fold(row["example"]) for word in row["words"].split("|"))
    ]


def _pointers() -> list[Finding]:
    """The note of a pointing word says which place, group or number it points at, in words the labeller knows."""
    out = []
    for row in lexicon.read_table("pointers"):
        if row["kind"] == "group" and row["note"] not in ("", *GROUPS):
            out.append(_unknown(row, "note", GROUPS))
        elif (
            row["kind"] == "ordinal"
            and not re.fullmatch(r"-?\d+(\|-?\d+)*", row["note"])
            or row["kind"] == "many"
            and not re.fullmatch(r"\d*", row["note"])
        ):
            out.append(_finding(row, "not_a_number", column="note", value=row["note"]))
    return out


def _times() -> list[Finding]:
    rows = lexicon.read_table("times")
    return [
        _finding(row, "not_in_example", word=row["pattern"], example=row["example"])
        for row, found in zip(rows, time_expressions.find_times([row["example"] for row in rows]), strict=True)
        if not found
    ]


def _aliases() -> list[Finding]:
    """A name that may stand in prose is found there, and no name stands for two cards."""
    out: list[Finding] = []
    seen: dict[str, lexicon.Row] = {}
    tried: list[tuple[lexicon.Row, str]] = []
    for row in lexicon.read_table("aliases"):
        if row["use"] == "field" or not row["alias"]:
            continue
        first = seen.setdefault(fold(row["alias"]), row)
        if first["card"] != row["card"]:
            values = {"word": row["alias"], "card": row["card"], "other": first["card"], "first": str(first.line)}
            out.append(_finding(row, "two_cards", **values))
        else:
            tried.append((row, row["example"] or f"这张{row['alias']}，正位"))
    named = _named([example for _, example in tried])
    for (row, example), cards in zip(tried, named, strict=True):
        if row["card"] not in cards:
            out.append(_finding(row, "card_not_found", word=row["alias"], card=row["card"], example=example))
    return out


def _named(examples: list[str]) -> list[set[str]]:
    """The cards each example names, all looked for in one pass."""
    text = "\n".join(fold(example) for example in examples)
    starts = np.cumsum([0, *(len(example) + 1 for example in examples)])[:-1]
    start, _, card = choose(text, find_all(text, phrases()), starts, [None] * len(examples))
    out: list[set[str]] = [set() for _ in examples]
    for owner, number in zip((np.searchsorted(starts, start, side="right") - 1).tolist(), card.tolist(), strict=True):
        out[owner].add(CARDS[number])
    return out


def _cues() -> list[Finding]:
    """Every cue stands in its example, and no other label's cues outweigh it there."""
    rows = cues.cues()
    batch = to_batch([{"content": cue.row["example"] or " ", "cards": [], "person": _person(cue)} for cue in rows])
    padded, owner = features.encode(batch)
    sentence, number, _ = cues.find(padded, owner)
    reading = batch.s_reading[sentence]
    stands = set(zip(reading.tolist(), number.tolist(), strict=True))
    votes = np.zeros((len(rows), len(LABELS)))
    by_label, _ = cues.votes(sentence, number, batch.size)
    np.add.at(votes, batch.s_reading, by_label)
    out: list[Finding] = []
    seen: dict[str, int] = {}
    for index, cue in enumerate(rows):
        key = cue.key
        if key in seen:
            out.append(_finding(cue.row, "twice", word=cue.row["cue"], first=str(seen[key])))
        seen.setdefault(key, cue.row.line)
        if (index, index) not in stands:
            likely = _likely(cue)
            out.append(_finding(cue.row, "not_in_example", word=likely or cue.row["cue"], example=cue.row["example"]))
        elif votes[index].max() > votes[index, LABELS.index(cue.label)]:
            other = LABELS[int(votes[index].argmax())]
            out.append(_finding(cue.row, "outvoted", word=cue.row["cue"], label=cue.label, other=other))
    return out


def _person(cue: cues.Cue) -> str | None:
    """The name an example speaks to: what stands before the comma or 好."""
    if "{人}" not in cue.row["cue"]:
        return None
    head = cue.row["example"].lstrip("# ")
    for mark in ("您好", "你好", "好", "，", " ", "的"):
        if mark in head:
            return head.split(mark)[0]
    return head


def _likely(cue: cues.Cue) -> str | None:
    """The piece of the example that comes nearest to a cue that is not in it."""
    plain = cue.parts[0] if cue.parts else ""
    text = cues.plain(cue.row["example"])
    pieces = {text[i : i + len(plain)] for i in range(max(1, len(text) - len(plain) + 1))}
    near = get_close_matches(plain, sorted(pieces), n=1, cutoff=0.5)
    return f"{cue.row['cue']}（{near[0]}？）" if near and near[0] != plain else None
