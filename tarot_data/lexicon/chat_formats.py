"""Formats of chats as text: the table chats.csv, compiled to patterns that find the head of each message.

A chat program is the rows with its name. Rows without a program count for all of them. A pattern is written as a line
looks. A space is white space, `?` makes the character or part before it optional, `\\n` starts the next line of the
head, `\\t` is a tab, and a part in braces is one of `_parts`. Width and the kind of quotation mark do not matter; of
rows that are not heads, neither do script and case. Kinds of rows:

- head: the line or lines before or at the start of a message.
- day: a line with the day of the heads below it; own day: the same, but notes have such lines too; name: a line with the sender of the heads below it.
- intro: a line in the first ten, or the name of the file, that says that a chat follows. `{name}` in it is the client.
- chat: a line that begins the chat with another client in the same file.
- notice: a line with a time that is no message: a recall, a call, a member who joins.
- drop, keep: a line of a message below which the text is not, or is again, what its sender wrote; skip: such a line alone.
- part: a line that begins a message of its own, if the program joins the messages that one person wrote in a row.
- status: a whole message that its program wrote: a call, a recall, a file that was left out.
- quote: the beginning of a message that repeats another one; `{text}` is the rest.
- unnamed: senders that are not names.
- pm, am, hours: words before or after a clock time; weekday, near: words of a day line, words instead of a day.

`needs` is what a file must have in addition to three heads by two people. pair: nothing, two messages are enough;
turns: people take turns from the first line on; mark: a day line, an intro, or two people of whom one is called `我`, because
notes have such lines too; day: a day line of the program; intro: an intro of the program; keep: a line of kind keep; talk: two senders, none of them called like a label.
`reader` has names under which the reader's own messages appear.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tarot_data import lexicon
from tarot_data.text.normalise import fold, widths

CLOCKED = re.compile(r"\d[:：∶]\d\d")
"""Every clock time matches; most lines of a text do not, whatever their width."""

WORDS = ("pm", "am", "hours", "weekday", "near", "unnamed")
"""Kinds whose pattern is words joined by |."""

KINDS = (
    "head",
    "day",
    "own day",
    "name",
    "intro",
    "chat",
    "notice",
    "drop",
    "keep",
    "skip",
    "part",
    "status",
    "quote",
    *WORDS,
)
NEEDS = ("", "pair", "turns", "mark", "day", "intro", "keep", "talk")

MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"))
"""Invisible marks of writing direction, which some programs put around names and texts; a table that deletes them."""

_GROUP = re.compile(r"\(\?P<\w+>")
_TOKEN = re.compile(r"\{(\w+)\}|\\[nt]|.")
_DAYS = frozenset({"day", "english_day", "short_day", "us_day"})


@dataclass(frozen=True)
class Format:
    """One row. parts: names of its parts in order; texts: one pattern for each line of the head, for half-width text;
    telling: index of the line that the fewest other lines look like, which is tried first; plain: makes a line what the
    patterns are for; starts: folded first characters of a line, empty if it may begin with any; signs: characters that every
    telling line has; separator: the character before the text; readers: folded names of the reader."""

    program: str
    needs: str
    readers: frozenset[str]
    parts: tuple[str, ...]
    texts: tuple[str, ...]
    separator: str
    telling: int
    plain: Callable[[str], str]
    starts: frozenset[str]
    signs: frozenset[str]

    @cached_property
    def lines(self) -> tuple[re.Pattern, ...]:
        """Return the compiled patterns; at first use, since most files need few rows and all take 0.08 s."""
        return tuple(map(re.compile, self.texts))

    @property
    def has_clock(self) -> bool:
        return "clock" in self.parts

    @property
    def has_day(self) -> bool:
        return not _DAYS.isdisjoint(self.parts)

    @property
    def text_after_name(self) -> bool:
        """Check whether only a colon or a space separates the name from the text of a message with a time."""
        rest = self.parts[self.parts.index("name") + 1 :] if self.has_clock and "name" in self.parts else ()
        return rest[-1:] == ("text",) and "clock" not in rest and self.separator in (":", " ")

    def candidates(self, lines: list[str], numbers: Iterable[int]) -> list[int]:
        """Return those of the numbers of lines at which a head may start: its telling line fits."""
        fits, plain, below = self.lines[self.telling].match, self.plain, self.telling
        return [number for number in numbers if number + below < len(lines) and fits(plain(lines[number + below]))]

    def match(self, lines: list[str], number: int) -> dict[str, str] | None:
        """Return the parts of a head that starts at a line, as written there; None if none does."""
        if self.telling and not self.candidates(lines, [number]):
            return None
        found: dict[str, str] = {}
        for offset, pattern in enumerate(self.lines):
            line = lines[number + offset] if number + offset < len(lines) else ""
            match = pattern.match(self.plain(line))
            if match is None:
                return None
            for part, text in match.groupdict().items():
                if text:
                    found[part] = line[slice(*match.span(part))].strip()
        if "us_day" in found:
            month, day, year = found.pop("us_day").split("/")
            found["day"] = f"{year}-{month}-{day}"
        return found

    def from_name(self, line: str) -> str:
        """Return the rest of a one-line head from the sender's name on; empty if the line is not a head."""
        match = self.lines[0].match(_plain(line))
        return line[match.start("name") :] if match else ""

    def is_reader(self, parts: dict[str, str]) -> bool:
        """Check whether name or account say that the reader wrote a message."""
        return any(part and fold(part) in self.readers for part in (parts.get("name"), parts.get("id")))


@lru_cache(maxsize=8192)
def _plain(line: str) -> str:
    """Convert to half width, straight quotation marks, no space at the end. Every format looks at the same lines."""
    return (line if line.isascii() else half_width(line)).rstrip()


def half_width(text: str) -> str:
    """Convert to half width and straight quotation marks, as the patterns of heads are written."""
    return widths(text).replace("“", '"').replace("”", '"')


@lru_cache(maxsize=8192)
def _folded(line: str) -> str:
    return fold(_plain(line))


@lexicon.cached
def _any_of(kind: str, program: str | None) -> tuple[re.Pattern, frozenset[str]] | None:
    """Compile one pattern that fits every line which a row fits, of a kind of one line; None if there is no row.

    The second value has the first characters of such lines, folded; empty if they may begin with any.
    """
    rows = formats(kind, program)
    patterns = [_GROUP.sub("(?:", row.texts[0]) for row in rows]
    starts = [row.starts for row in rows]
    any_start = frozenset().union(*starts) if all(starts) else frozenset()
    return (re.compile("|".join(f"(?:{pattern})" for pattern in patterns)), any_start) if patterns else None


@lexicon.cached
def formats(kind: str, program: str | None = None) -> tuple[Format, ...]:
    """Return the rows of a kind, in the order of the table: all of them, or those that count for a program."""
    if program is not None:
        return tuple(row for row in formats(kind) if row.program in ("", program))
    return tuple(_compiled(row) for row in lexicon.read_table("chats") if row["kind"] == kind)


@lexicon.cached
def clock_words(kind: str) -> tuple[str, ...]:
    """Return the folded words of a kind of WORDS."""
    rows = [row for row in lexicon.read_table("chats") if row["kind"] == kind]
    return tuple(fold(word) for row in rows for word in row["pattern"].split("|"))


def match_line(kind: str, line: str, program: str | None = None) -> dict[str, str] | None:
    """Return the parts of a line by the first row of a kind, and of a program, that it fits."""
    quick = _any_of(kind, program)
    if quick is None or quick[1] and fold(line[:1]) not in quick[1] or quick[0].match(_folded(line)) is None:
        return None
    return next((parts for row in formats(kind, program) if (parts := row.match([line], 0)) is not None), None)


def reads_as(row: lexicon.Row) -> bool:
    """Check whether a row's example has the parts in its column `reads`."""
    if row["kind"] in WORDS:
        return any(word in fold(row["example"]) for word in fold(row["pattern"]).split("|"))
    wanted = {part: text for part, _, text in (read.partition("=") for read in row["reads"].split("|") if read)}
    found = _compiled(row).match(row["example"].replace("\\t", "\t").split("\\n"), 0)
    return found == wanted


def _compiled(row: lexicon.Row) -> Format:
    is_head = row["kind"] == "head"
    written = half_width(row["pattern"])
    tokens = [(match[0], match[1]) for match in _TOKEN.finditer(written)]
    names = tuple(part for _, part in tokens if part)
    known = _parts("clock" in names)
    # A clock time alone is found in a line with a whole date too, which is the head of another format.
    before = names[: names.index("clock")] if is_head and "clock" in names else ()
    lines = [_UNDATED if "name" in before and _DAYS.isdisjoint(names) else ""]
    lines = _patterns(tokens, lines, known, is_head)
    readers = frozenset(fold(row["reader"]).split("|")) - {""}
    separator = written.rpartition("{text}")[0].rstrip(" ?")[-1:]
    if separator == "}":
        separator = " "
    texts = tuple(f"{line}$" for line in lines)
    telling = next((index for index, line in enumerate(lines) if "(?P<clock>" in line), 0)
    return Format(
        row["program"],
        row["needs"],
        readers,
        names,
        texts,
        separator,
        telling,
        _plain if is_head else _folded,
        _starts(tokens),
        _signs(tokens, telling),
    )


def _starts(tokens: list[tuple[str, str | None]]) -> frozenset[str]:
    """Return the folded first characters of a line of tokens; an empty set if it begins with a part or a space."""
    found: set[str] = set()
    for (token, part), after in zip(tokens, [*tokens[1:], ("", None)], strict=True):
        if part or token in (" ", "\\n", "\\t"):
            return frozenset()
        if token != "?":
            found.add(fold(token))
            if after[0] != "?":
                return frozenset(found)
    return frozenset()


def _signs(tokens: list[tuple[str, str | None]], line: int) -> frozenset[str]:
    """Return the characters, spaces apart, that every line of tokens has. line: its index in the head."""
    found: set[str] = set()
    for (token, part), after in zip(tokens, [*tokens[1:], ("", None)], strict=True):
        line -= token == "\\n"
        if not line and not part and token not in ("?", " ", "\\n", "\\t") and after[0] != "?":
            found.add(token)
    return frozenset(found)


def _patterns(
    tokens: list[tuple[str, str | None]], lines: list[str], known: dict[str, str], is_head: bool
) -> list[str]:
    """Return the beginning of a head's lines with the patterns of its tokens, (text, part) each. known: of the parts."""
    for index, (token, part) in enumerate(tokens):
        optional = "?" if tokens[index + 1 : index + 2] == [("?", None)] else ""
        if token == "\\n":
            lines.append("")
        elif token == " ":
            lines[-1] += r"\s*" if optional else r"\s+"
        elif token == "\\t":
            lines[-1] += "\t" + optional
        elif token != "?":
            pattern = known.get(part) or re.escape(token if is_head else fold(token))
            # Of a part that occurs twice the first occurrence is read.
            twice = part in (earlier for _, earlier in tokens[:index])
            lines[-1] += (_GROUP.sub("(?:", pattern) if twice else pattern) + optional
    return lines


_UNDATED = r"(?!.*(?:19|20)\d{2}[-/.年]\d)"


@lexicon.cached
def _parts(with_clock: bool) -> dict[str, str]:
    """Return the patterns of the parts. Without a clock time, a name has no colon, and minutes are no message."""
    words = "|".join(re.escape(word) for kind in ("pm", "am", "hours") for word in clock_words(kind))
    weekday, near = ("|".join(map(re.escape, clock_words(kind))) for kind in ("weekday", "near"))
    media = "|".join(re.escape(fold(word).strip("[]")) for word in lexicon.words("noise", "picture"))
    rows = lexicon.read_table("chats")
    readers = "|".join(re.escape(word) for row in rows for word in row["reader"].split("|") if word)
    return {
        "name": r"(?P<name>[^\n\t]{1,60}?)" if with_clock else r"(?P<name>[^\n\t:]{1,30}?)",
        "id": r"(?:\((?P<id>[^()\n]{1,40})\))",
        "account": rf"(?:\((?P<id>[\w\-]{{5,40}}|{readers})\))",
        "mail": r"(?:<(?P<id>[^<>\n]{1,60})>)",
        "day": r"(?P<day>(?:19|20)\d{2}[-/.年년] ?\d{1,2}[-/.月월] ?\d{1,2}[日일.]?)",
        "short_day": r"(?P<day>\d{1,2}[-/.]\d{1,2}[-/.](?:20)?\d{2})",
        "english_day": r"(?P<day>[A-Za-z]{3,9}\.? \d{1,2},? (?:19|20)\d{2}|\d{1,2}[ -][A-Za-z]{3,9}[ -](?:20)?\d{2})",
        "month_day": r"(?:(?P<day>\d{1,2}[-/月]\d{1,2}日?)\s*)",
        "near": rf"(?:(?i:{near})\s*)",
        "weekday": rf"(?:\(?(?i:{weekday})\)?)",
        "us_day": r"(?P<us_day>\d{1,2}/\d{1,2}/(?:19|20)\d{2})",
        "clock": rf"(?P<clock>(?:(?i:{words})\s?)?\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:\s{{0,2}}(?i:{words}))?)",
        "zone": r"(?:\s?[+-]\d{2}:?\d{2})",
        "text": r"(?P<text>.*)" if with_clock else r"(?!\d{2}(?::|\s*$))(?P<text>.*)",
        "quoted": r"(?P<text>.*)",
        "rule": r"(?:[\s—\-―*=]{3,})",
        "stars": r"(?:\*{10,})",
        "line": r"(?:[=\-—]{8,})",
        "remark": r"(?:\s*\([^()\n]{1,80}\))",
        "words": r"(?:[^\n]{1,60}?)",
        "rest": r"(?:.*)",
        "indent": r"(?:\s+)",
        "gap": r"(?: +)",
        "ext": r"\w{2,5}",
        "number": r"(?:\d{1,9})",
        "pinned": r"(?:\s*\(pinned\))",
        "one": r"(?P<one>[^\n\t:]{1,30}?)",
        "other": r"(?P<other>[^\n\t:]{1,30}?)",
        "media": rf"(?:{media})",
    }
