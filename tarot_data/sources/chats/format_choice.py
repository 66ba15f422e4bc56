"""Choice of the format of chats.csv that a text has, if it is a chat, by its first lines and the heads that each finds."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.lexicon.chat_formats import CLOCKED, Format, formats, half_width, match_line
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labels import position_in
from tarot_data.sources.noise import noise_words
from tarot_data.text.normalise import fold

INTRO_LINES, _MARKED_LINES, LONGEST_INTRO, _LONGEST_MARK = 10, 200, 120, 60
"""First lines of a file in which an intro, or a line with a day, marks it as a chat; characters of each."""


@dataclass(frozen=True)
class Intros:
    """What the intros of a file say. clients: program of each to the client it names; people: both people that one names."""

    clients: dict[str, str | None]
    people: frozenset[str]


@dataclass(frozen=True)
class Evidence:
    """What the first lines of a file, and its name, say of its program. clocked: indices of the lines with a clock time;
    marked, kept: programs with a day line, with a kept line; own: a line begins with a word for oneself (`我`); characters: of
    the lines with a clock time."""

    intros: Intros
    clocked: list[int]
    marked: frozenset[str]
    kept: frozenset[str]
    own: bool
    characters: frozenset[str]


def intros_of(lines: list[str], name: str) -> Intros:
    """Read the intros in the first lines of a file, and in its name."""
    clients: dict[str, str | None] = {}
    people: set[str] = set()
    for line in (*lines[:INTRO_LINES], PurePath(name).stem):
        is_intro = 1 < len(line) <= LONGEST_INTRO and match_line("intro", line) is not None
        for row in formats("intro") if is_intro else ():
            if (parts := row.match([line], 0)) is not None:
                clients[row.program] = clients.get(row.program) or parts.get("name")
                people |= {parts[part] for part in ("one", "other") if part in parts}
    return Intros(clients, frozenset(people))


def _evidence(lines: list[str], name: str) -> Evidence:
    clocked = clocked_lines(lines)
    begins = {word[0] for word in noise_words("self")}
    short = [line for line in lines[:_MARKED_LINES] if 0 < len(line) <= _LONGEST_MARK]
    return Evidence(
        intros=intros_of(lines, name),
        clocked=clocked,
        marked=_programs_with("day", [line for line in short if "20" in line or "19" in line]),
        kept=_programs_with("keep", short) if clocked else frozenset(),
        characters=frozenset("".join(half_width(lines[number]) for number in clocked)),
        own=any(fold(line[:1]) in begins for line in lines[:_MARKED_LINES]),
    )


def _programs_with(kind: str, lines: list[str]) -> frozenset[str]:
    fitting = [line for line in lines if match_line(kind, line) is not None]
    return frozenset(row.program for row in formats(kind) if any(row.match([line], 0) is not None for line in fitting))


def format_of(lines: list[str], name: str = "") -> Format | None:
    """Return the format that most heads in the first lines of a file have; None if the file is not a chat.

    name: of the file, which may say that it is a chat.
    """
    return _format_of(tuple(lines), name)


@lexicon.cached(maxsize=2)
def _format_of(first: tuple[str, ...], name: str) -> Format | None:
    """Score all formats; once for the same lines, although a file is recognised before it is read."""
    lines = list(first)
    seen = _evidence(lines, name)
    scored = [(_score(row, lines, seen), row) for row in formats("head")]
    score, best = max(scored, key=lambda pair: pair[0])
    return best if score > NO_CHAT else None


NO_CHAT = (0, False, 0, 0)


def _score(row: Format, lines: list[str], seen: Evidence) -> tuple[int, bool, int, int]:
    """Score how well a format fits: strength of the evidence, whether an intro names its program, number of heads, and
    the fewer senders the better, but two at least: a format that takes texts for names finds many, one that takes a label
    for a name finds one; NO_CHAT if it does not fit.

    3: three heads or more, of two senders or at three times, one sender twice. 2: clock times in a file that is
    marked as a chat. 1: a file of two messages that starts with a head.
    """
    if not _is_possible(row, lines, seen):
        return NO_CHAT
    found = [head for head in found_heads(row, lines, seen.clocked) if row.has_clock or not is_label(head[1]["name"])]
    if row.needs == "talk" and not _is_talk([parts for _, parts in found]):
        return NO_CHAT
    strength = _strength(row, found, seen)
    names = {parts["name"] for _, parts in found}
    many = -len(names if len(names) > 1 else found)
    return (strength, row.program in seen.intros.clients, len(found), many) if strength else NO_CHAT


def _strength(row: Format, found: list[tuple[int, dict[str, str]]], seen: Evidence) -> int:
    """Return how strong the evidence of a format's heads is, 0 to 3; see _score."""
    names = Counter(parts["name"] for _, parts in found)
    times = {parts.get("clock") for _, parts in found}
    if len(found) > 2 and (len(names) > 1 or len(times) > 2) and max(names.values()) > 1:
        return 3
    if found and row.has_clock and not row.has_day and _is_marked(row, seen):
        return 2
    return int(row.needs == "pair" and len(found) == len(names) == 2 and found[0][0] == 0)


def _is_marked(row: Format, seen: Evidence) -> bool:
    """Check whether an intro or a day line says that a file is a chat of a format's program."""
    return row.program in seen.intros.clients or not {"", row.program}.isdisjoint(seen.marked)


def _is_possible(row: Format, lines: list[str], seen: Evidence) -> bool:
    """Check whether a file meets the requirements of a format, before its heads are counted."""
    if row.has_clock and not (seen.clocked and row.signs <= seen.characters):
        return False
    met = {
        "turns": lambda: _takes_turns(row, lines),
        "mark": lambda: _is_marked(row, seen) or seen.own and _is_own_talk(row, lines[:_MARKED_LINES]),
        "day": lambda: row.program in seen.marked,
        "intro": lambda: row.program in seen.intros.clients,
        "keep": lambda: row.program in seen.kept,
    }
    return row.needs not in met or met[row.needs]()


def _is_own_talk(row: Format, lines: list[str]) -> bool:
    """Check whether most lines are those of two people in turn, one of whom calls herself `我`, and the other no label."""
    words = noise_words("self")
    names = [parts["name"] for _, parts in found_heads(row, lines, [])]
    counts = Counter(names)
    solid = sum(bool(line.strip()) for line in lines)
    if len(counts) != 2 or min(counts.values()) < 2 or len(names) * 3 < solid * 2:
        return False
    own = [name for name in counts if fold(name) in words]
    return len(own) == 1 and not any(is_label(name) for name in counts if name not in own)


def _is_talk(heads: list[dict[str, str]]) -> bool:
    """Check whether heads are those of a talk: few names, none called like a label, most messages on one day."""
    names = Counter(parts["name"] for parts in heads)
    same = sum(one.get("day") == two.get("day") for one, two in zip(heads, heads[1:], strict=False))
    few = 2 <= len(names) <= len(heads) / 2 and len(heads) > 3
    return few and same * 2 >= len(heads) - 1 and not any(map(is_label, names))


def _takes_turns(row: Format, lines: list[str]) -> bool:
    """Check whether names alone on their lines are those of people who take turns, from the first line on, and no
    labels. Headings of several notes recur in the same order, and of more than two people each message ends with a
    blank line."""
    solid = [line.strip() for line in lines[:_MARKED_LINES] if line.strip()]
    if not solid or row.match(solid, 0) is None:
        return False
    names = [parts["name"] for _, parts in found_heads(row, solid, [])]
    counts = Counter(names)
    people = [name for name in counts if counts[name] > 1 or len(counts) == 2]
    if len(names) < 3 or len(people) < 2 or any(field_of(name) or is_label(name) for name in people):
        return False
    return len(counts) == 2 or _are_apart(row, lines[:_MARKED_LINES], people, len(names))


def _are_apart(row: Format, lines: list[str], people: list[str], count: int) -> bool:
    """Check whether most heads, of `count`, are by people who recur, below blank lines and in no fixed order."""
    heads = [(number, parts["name"]) for number, parts in found_heads(row, lines, [])]
    heads = [(number, name) for number, name in heads if name in people]
    apart = all(not number or not lines[number - 1].strip() for number, _ in heads)
    in_order = [name for _, name in heads] == (people * len(heads))[: len(heads)]
    return apart and not (in_order and len(people) > 2) and len(heads) * 3 >= count * 2


def clocked_lines(lines: list[str]) -> list[int]:
    return [number for number, line in enumerate(lines) if CLOCKED.search(line)]


def found_heads(row: Format, lines: list[str], clocked: list[int]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, parts) of every head of a format. clocked: indices of the lines with a clock time."""
    named = "name" in row.parts
    numbers: Iterable[int] = range(len(lines))
    if row.has_clock and named:
        numbers = sorted({number - above for number in clocked for above in range(len(row.texts)) if number >= above})
    if named:
        numbers = row.candidates(lines, numbers)
    sender: dict[str, str] = {"name": ""}
    for number in numbers:
        if not named and (above := match_line("name", lines[number], row.program)):
            sender = above
        elif (parts := row.match(lines, number)) is not None:
            yield number, {**sender, **parts}


def is_label(name: str) -> bool:
    """Check whether a name before a colon is the label of a field or a position, or cards, as in the body of a message."""
    bare = name.strip(" -*#·>【】")
    return field_of(name) is not None or position_in(bare) is not None or bool(card_fields.listed(bare))
