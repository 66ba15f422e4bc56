"""Check of the lexicon tables: every row against its own example. Output: findings with file, line and likely word."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile

import numpy as np

from schemas.deck import CARDS, LABELS, THEMES
from schemas.messages import say
from tarot_data import lexicon
from tarot_data.cards.card_fields import parse_cards
from tarot_data.cards.mentions import choose, phrases
from tarot_data.lexicon import chat_formats, dates
from tarot_data.patterns import cues, features, time_expressions
from tarot_data.patterns.batch import to_batch
from tarot_data.patterns.card_evidence import GROUPS
from tarot_data.patterns.vocabulary import MARK_KINDS
from tarot_data.privacy import person_names
from tarot_data.privacy.contacts import find_contacts, found_by
from tarot_data.privacy.recognisers import TABLE, recognisers
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
    "aliases": {"card": CARDS, "use": ("prose", "marked", "signed", "field")},
    "images": {"card": CARDS},
    "signs": {"side": ("before", "after", "end")},
    "settings": {"setting": ("cards_from_content", "birth_details"), "value": ("named", "listed", "masked", "kept")},
    "hedges": {"kind": ("hypothetical", "comparison", "absent", "earlier", "extra", "correction", "aside")},
    "pointers": {"kind": ("two", "back", "many", "group", "ordinal", "advice_place")},
    "ranks": {"kind": ("rank", "measure", "thing", "suit")},
    "style": {"kind": ("particle", "hedge", "third", "jargon", "net")},
    "times": {"kind": ("deadline", "duration", "frequency", "moment")},
    "orientation": {"ambiguous": ("yes", "no", "mark")},
    "kinds": {"label": (*LABELS, "any")},
    "sub_styles": {"label": LABELS},
    "chats": {
        "kind": chat_formats.KINDS,
        "needs": chat_formats.NEEDS,
    },
    "marks": {"kind": MARK_KINDS},
    "dates": {"kind": (*dates.LETTERS, "weekday name", "stem", "branch")},
    "database": {"kind": ("key", "reading", "deck", "name", "order", "draw")},
    "persons": {"kind": person_names.KINDS},
}
"""Columns that take a value of a closed list."""

NUMBERS = {"cues": "weight", "themes": "weight", "sub_styles": "weight"}
"""Columns that take a number or nothing."""

WORDS = {
    "themes": "word",
    "hedges": "word",
    "pointers": "word",
    "ranks": "word",
    "style": "word",
    "speech": "word",
    "ordinary": "phrase",
    "signs": "word",
    "extras": "word",
    "label_words": "word",
    "prose_words": "word",
}
"""Tables whose examples must have the word of this column."""


NOT_IN_LISTS = ("suit field", "rank field", "reversed field", "spread suffix", "spread noun", "group spread")
"""Kinds of label_words.csv whose examples are no card lists."""

_STRUCTURE = ("unknown_value", "not_a_number")
"""Findings of a row that the labeller cannot work with."""


def check_row(table: str, values: dict[str, str]) -> list[Finding]:
    """Check a row of the reader's own as if it were added to a table; return [] if it may be saved.

    Raises Problem `lexicon_column` if the table has no such column.
    """
    tried = lexicon.active().plus(table, values)
    row = tried.own[table][-1]
    with lexicon.using(tried):
        return [finding for finding in check_lexicon() if (finding.file, finding.line) == (row.file, row.line)]


def check_lexicon() -> list[Finding]:
    """Check the tables that decide labels, cards, themes and style; return [] if every example holds."""
    found = [*_unknown_tables(), *_empty_rows()]
    for table, columns in CLOSED.items():
        found += _closed(table, columns)
    for table, column in NUMBERS.items():
        found += _numbers(table, column)
    for table, column in WORDS.items():
        found += _words_in_examples(table, column)
    for table in ("images", "marks", "noise", "database", "dates", "characters", "persons", "card_conflicts"):
        found += _lists_in_examples(table)
    for check in (_times, _dates, _pointers, _contacts, _recognisers, _chats, _card_lists):
        found += check()
    if not any(finding.code in _STRUCTURE for finding in found):
        found += [*_aliases(), *_cues(), *_sub_styles()]
    return sorted(found, key=lambda finding: (finding.file, finding.line))


def _unknown_tables() -> Iterator[Finding]:
    """Find CSV files of the reader's folder that are not tables and are therefore never read."""
    folder = lexicon.active().folder
    for path in sorted(folder.glob("*.csv")) if folder else ():
        if path.stem not in lexicon.tables():
            likely = _nearest(path.stem, lexicon.tables()) or "cues"
            yield Finding(str(path), 1, "unknown_table", {"likely": f"{likely}.csv"})


def _empty_rows() -> Iterator[Finding]:
    """Find own rows without their main column, which are ignored."""
    for table, rows in lexicon.active().own.items():
        column = lexicon.main_column(table)
        # A cue of anchors and gaps only has no word to look for.
        yield from (_finding(row, "empty", column=column) for row in rows if not row[column].strip("^$…{。}"))


def _nearest(word: str, words: Iterable[str], cutoff: float = 0.4) -> str | None:
    return next(iter(get_close_matches(word, words, n=1, cutoff=cutoff)), None)


def _finding(row: lexicon.Row, code: str, **values: str) -> Finding:
    return Finding(row.file, row.line, code, values)


def _unknown(row: lexicon.Row, column: str, allowed: tuple[str, ...]) -> Finding:
    likely = _nearest(row[column], allowed) or "/".join(allowed[:12])
    return _finding(row, "unknown_value", column=column, value=row[column], likely=likely)


def _not_in_example(row: lexicon.Row, word: str) -> Finding:
    return _finding(row, "not_in_example", word=word, example=row["example"])


def _closed(table: str, columns: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Check the columns that take a value of a closed list."""
    for row in lexicon.read_table(table):
        for column, allowed in columns.items():
            if row[column] not in allowed:
                yield _unknown(row, column, allowed)


def _numbers(table: str, column: str) -> Iterator[Finding]:
    for row in lexicon.read_table(table):
        try:
            float(row[column] or 1)
        except ValueError:
            yield _finding(row, "not_a_number", column=column, value=row[column])


def _words_in_examples(table: str, column: str) -> Iterator[Finding]:
    for row in lexicon.read_table(table):
        if fold(row[column]) not in fold(row["example"]):
            yield _not_in_example(row, row[column])


def _lists_in_examples(table: str) -> Iterator[Finding]:
    """Check that each example has one of the row's words; `…` is a gap."""
    for row in lexicon.read_table(table):
        words, example = row["words"].split("|"), fold(row["example"])
        if not any(word and all(part in example for part in fold(word).split("…")) for word in words):
            yield _not_in_example(row, words[0])


def _chats() -> Iterator[Finding]:
    """Check that every pattern of a chat finds in its example the parts that the row names."""
    for row in lexicon.read_table("chats"):
        if not chat_formats.reads_as(row):
            yield _not_in_example(row, row["pattern"])


def _card_lists() -> Iterator[Finding]:
    """Parse the examples of words in card lists; only those of doubted cards may name an unknown card."""
    rows = [row for row in lexicon.read_table("label_words") if row["kind"] not in NOT_IN_LISTS]
    for row in (*lexicon.read_table("extras"), *rows):
        if bool(parse_cards(row["example"]).unknown) != (row["kind"] == "doubt"):
            yield _finding(row, "not_a_card_list", word=row["word"], example=row["example"])


def _pointers() -> Iterator[Finding]:
    """Check that the note of a pointing word is a group, numbers of cards or a count, by its kind."""
    for row in lexicon.read_table("pointers"):
        kind, note = row["kind"], row["note"]
        if kind == "group" and note not in ("", *GROUPS):
            yield _unknown(row, "note", GROUPS)
        numbers = [part.removeprefix("-") for part in note.split("|")] if kind == "ordinal" else [note or "0"]
        if kind in ("ordinal", "many") and not all(map(str.isdecimal, numbers)):
            yield _finding(row, "not_a_number", column="note", value=note)


def _contacts() -> Iterator[Finding]:
    """Check that the example of every kind of contact detail is masked as that kind."""
    for row in lexicon.read_table("contacts"):
        if row["kind"] not in {contact.kind for contact in find_contacts(row["example"])}:
            yield _finding(row, "contact_not_found", kind=row["kind"], example=row["example"])


def _recognisers() -> Iterator[Finding]:
    """Check that every recogniser finds a detail in its example and none in its counter-example."""
    for one in recognisers():
        if not found_by(one, one.example):
            yield Finding(TABLE, one.line, "contact_not_found", {"kind": one.kind, "example": one.example})
        if found_by(one, one.counter_example):
            yield Finding(TABLE, one.line, "contact_found", {"kind": one.kind, "example": one.counter_example})


def _times() -> Iterator[Finding]:
    rows = lexicon.read_table("times")
    found = time_expressions.find_times([row["example"] for row in rows])
    for row, times in zip(rows, found, strict=True):
        if not times:
            yield _not_in_example(row, row["pattern"])


def _dates() -> Iterator[Finding]:
    """Check that each example of a date is the row's day, if a sheet of January 2024 has it; an empty day is none."""
    for row in lexicon.read_table("dates"):
        if str(dates.parse_date(row["example"], "2024-01").day or "") != row["day"]:
            yield _not_in_example(row, row["day"] or row["words"].split("|")[0])


def _aliases() -> Iterator[Finding]:
    """Check that a name for use in prose is found in its example, and that no name means two cards."""
    first: dict[str, lexicon.Row] = {}
    tried: list[tuple[lexicon.Row, str]] = []
    for row in lexicon.read_table("aliases"):
        if row["use"] == "field" or not row["alias"]:
            continue
        known = first.setdefault(fold(row["alias"]), row)
        if known["card"] != row["card"]:
            values = {"word": row["alias"], "card": row["card"], "other": known["card"], "first": str(known.line)}
            yield _finding(row, "two_cards", **values)
        else:
            # 【愚人】 counts as a card even if the name is an ordinary word.
            tried.append((row, row["example"] or f"【{row['alias']}】"))
    for (row, example), cards in zip(tried, _named([example for _, example in tried]), strict=True):
        if row["card"] not in cards:
            yield _finding(row, "card_not_found", word=row["alias"], card=row["card"], example=example)


def _named(examples: list[str]) -> list[set[str]]:
    """Find the cards each example names, in one pass over all of them."""
    text = "\n".join(fold(example) for example in examples)
    starts = np.cumsum([0, *(len(example) + 1 for example in examples)])[:-1]
    start, _, card = choose(text, find_all(text, phrases()), starts, [None] * len(examples))
    out: list[set[str]] = [set() for _ in examples]
    for owner, number in zip((np.searchsorted(starts, start, side="right") - 1).tolist(), card.tolist(), strict=True):
        out[owner].add(CARDS[number])
    return out


def _cues() -> Iterator[Finding]:
    """Check that every cue is found in its example, and that no other label's cues outweigh it there."""
    rows = cues.cues()
    batch = to_batch([{"content": cue.row["example"] or " ", "cards": [], "person": _person(cue)} for cue in rows])
    sentence, number, _ = cues.find(*features.encode(batch))
    found = set(zip(batch.s_reading[sentence].tolist(), number.tolist(), strict=True))
    votes = np.zeros((len(rows), len(LABELS)))
    np.add.at(votes, batch.s_reading, cues.votes(sentence, number, batch.size)[0])
    first: dict[str, int] = {}
    for index, cue in enumerate(rows):
        line = first.setdefault(cue.key, cue.row.line)
        if line != cue.row.line:
            yield _finding(cue.row, "twice", word=cue.row["cue"], first=str(line))
        if (index, index) not in found:
            yield _not_in_example(cue.row, _likely(cue) or cue.row["cue"])
        elif votes[index].max() > votes[index, LABELS.index(cue.label)]:
            other = LABELS[int(votes[index].argmax())]
            yield _finding(cue.row, "outvoted", word=cue.row["cue"], label=cue.label, other=other)


def _sub_styles() -> Iterator[Finding]:
    """Check that one of each row's phrases is in its example, and that its kind has a name."""
    named = {(row["label"], row["kind"]) for row in lexicon.read_table("kinds")}
    table = cues.style_cues()
    rows = lexicon.read_table("sub_styles")
    batch = to_batch([{"content": row["example"] or " ", "cards": []} for row in rows])
    sentence, number, _ = cues.find(*features.encode(batch), cues.style_cues)
    places = {id(row): place for place, row in enumerate(rows)}
    owners = [places[id(table[index].row)] for index in number.tolist()]
    found = set(zip(batch.s_reading[sentence].tolist(), owners, strict=True))
    for place, row in enumerate(rows):
        if (row["label"], row["kind"]) not in named:
            yield _unknown(row, "kind", tuple(kind for label, kind in named if label == row["label"]))
        elif (place, place) not in found:
            yield _not_in_example(row, row["words"].split("|")[0])


def _person(cue: cues.Cue) -> str | None:
    """Return the text of the example in the place of the querent's name in the cue, None if the cue has none."""
    before, name, after = cue.row["cue"].removeprefix("^").partition(cues.PERSON)
    if not name:
        return None
    rest = cue.row["example"].partition(before)[2] if before else cue.row["example"]
    following = next(filter(None, after.removesuffix(cues.CLAUSE_END).removesuffix("$").split("…")), "")
    if following and following in rest:
        return rest.partition(following)[0]
    return "".join(takewhile(str.isalnum, rest))


def _likely(cue: cues.Cue) -> str | None:
    """Return the cue with the piece of the example that is most like it, None if nothing is."""
    plain = cue.parts[0] if cue.parts else ""
    text = cues.plain(cue.row["example"])
    pieces = {text[i : i + len(plain)] for i in range(max(1, len(text) - len(plain) + 1))}
    near = _nearest(plain, sorted(pieces), cutoff=0.5)
    return f"{cue.row['cue']}（{near}？）" if near and near != plain else None
