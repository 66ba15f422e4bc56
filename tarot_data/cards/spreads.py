"""Spreads as people write them, to rows of `spreads.csv`: id, names and number of the places."""

import re

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of_kind, of_kind
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import DIGITS, NUMERALS, to_chinese, to_int

BETWEEN_POSITIONS = re.compile(r"[\s、,/|\-–—→]+")


@lexicon.cached
def position_names() -> frozenset[str]:
    return frozenset(
        fold(position) for row in lexicon.read_table("spreads") for position in row["positions"].split("|") if position
    )


@lexicon.cached
def places() -> frozenset[str]:
    """Return the names that a place in a list of cards may have: those of spreads, and other words for places.

    In a field or a heading most of these mean other things (问题, 状态), so only `position_names` identify a place there.
    """
    own = {fold(word) for row in lexicon.read_table("positions") for word in row["words"].split("|")}
    return position_names() | own


@lexicon.cached
def spread_words() -> frozenset[str]:
    """Return folded names of spreads, except names of positions (关系), short names (学业) and lists of positions."""
    rows = lexicon.read_table("spreads")
    names = {fold(name) for row in rows for name in (row["spread"], *row["aliases"].split("|"))}
    listing = {name for name in names if position_names().issuperset(BETWEEN_POSITIONS.split(name))}
    return frozenset(name for name in names - listing if len(name) > 2)


@lexicon.cached
def _spread_names() -> dict[str, tuple[str, tuple[str, ...], int]]:
    """Map the folded name of a spread to its id, position names and number of places; the first row wins a shared
    alias."""
    found = {}
    for row in lexicon.read_table("spreads"):
        positions = tuple(position for position in row["positions"].split("|") if position)
        for name in (row["spread"], *row["aliases"].split("|")):
            found.setdefault(spread_key(name), (row["spread_id"], positions, int(row["cards"])))
    return found


@lexicon.cached
def _count() -> re.Pattern:
    """Compile a pattern for a count of cards as the name of a spread: 三张, `3张牌`. Group 1 is the number."""
    number = rf"[0-9]{{1,2}}|[两{NUMERALS}]|[{DIGITS}]?{NUMERALS[-1]}[{DIGITS}]?"
    return re.compile(rf"({number})(?:{any_of_kind('measure')})")


def spread_key(name: str) -> str:
    return re.sub(r"[\s\-_/、·「」“”\"'()（）【】]+", "", fold(name))


def resolve_spread(text: str | None) -> tuple[str | None, list[str]]:
    """Return the row of spreads.csv and the position names of a spread as written: `圣三角 过去-现在-未来`.

    Names given in the text come before those of the table. (None, []) if no row fits and none are given.
    """
    if not text or not text.strip():
        return None, []
    spread_id, positions, _ = _resolved(text.strip()[:300])
    return spread_id, list(positions)


def places_of(text: str | None) -> int | None:
    """Return the number of places of a spread as written; None if it is unknown or the spread is read in groups."""
    if not text or not text.strip():
        return None
    spread_id, positions, count = _resolved(text.strip()[:300])
    if spread_id == "pick_a_group" or any(word in fold(text) for word in of_kind("group spread")):
        return None
    return len(positions) or count or None


@lexicon.cached(maxsize=4096)
def _resolved(text: str) -> tuple[str | None, tuple[str, ...], int]:
    names = _spread_names()
    own = _own_positions(text)
    found = names.get(spread_key(text))
    if not found:
        head = re.split(r"[\s:：(（【,，、|｜]+", text.strip("[]「」“”\"' 【】（）()"))
        candidates = [" ".join(head[:size]) for size in range(len(head), 0, -1)] + head[1:]
        found = next((names[key] for part in candidates for key in _spread_keys(part) if key in names), None)
    if not found:
        key = spread_key(head[0])
        prefixes = [name for name in names if len(name) >= 2 and key.startswith(name) and not _count().fullmatch(name)]
        found = names[max(prefixes, key=len)] if prefixes else None
    if not found:
        return None, own, _count_of(text) or len(own)
    spread_id, positions, count = found
    own = own or _initials(text, positions)
    if own:
        return spread_id, own, len(own)
    stated = _count_of(text)
    if stated and stated != count:
        return spread_id, (), stated
    return spread_id, positions, count


def _spread_keys(part: str) -> list[str]:
    """Return forms of a part of the text that may be the key of a spread: as it is, without or with 牌阵, a count in
    words."""
    key, counts, noun = spread_key(part), of_kind("measure"), of_kind("spread noun")[0]
    bare = key.removesuffix(next((word for word in of_kind("spread suffix") if key.endswith(word)), ""))
    forms = [key, bare, key + noun, bare + noun]
    if counted := _count().fullmatch(key):
        number = to_int(counted[1])
        forms += [f"{written}{count}" for written in (counted[1], to_chinese(number, ordinal=True)) for count in counts]
    return [form for form in forms if len(form) >= 2]


def _count_of(text: str) -> int | None:
    for part in re.split(r"[\s:：]+", fold(text)):
        if counted := _count().fullmatch(part):
            return to_int(counted[1])
    return None


def _own_positions(text: str) -> tuple[str, ...]:
    """Return the position names after the spread's name: parts of its last word joined by dashes or slashes."""
    for part in reversed(re.split(r"[\s:：(（)）【】]+", text)):
        if part.startswith(("http", "20")):
            continue
        pieces = [piece.strip() for piece in re.split(r"[\-–—－/／|｜→、]+", part)]
        if len(pieces) >= 2 and all(1 <= len(piece) <= 20 for piece in pieces):
            return tuple(pieces)
    return ()


def _initials(text: str, positions: tuple[str, ...]) -> tuple[str, ...]:
    """Return positions named by one character each, in the reader's own order: `四元素 火水风土`."""
    first = {position[0] for position in positions}
    for part in text.split()[1:]:
        if len(part) == len(positions) >= 3 and set(fold(part)) == {fold(character) for character in first}:
            return tuple(part)
    return ()
