"""Messages as rows or objects: the columns of CSV, XLSX, JSON and HTML exports, named in message_columns.csv."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from tarot_data import lexicon
from tarot_data.lexicon.chat_formats import clock_words
from tarot_data.lexicon.dates import CHINA, parse_date
from tarot_data.sources.chats.sittings import Message, to_records
from tarot_data.sources.noise import noise_words
from tarot_data.sources.records import Blob, RawRecord, Rejected
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold, widths

_ACCOUNT = re.compile(r"(?:wxid_|gh_)\w+|\w+@(?:chatroom|openim)")
_UNIX = re.compile(r"\d{10}(?:\.\d+)?|\d{13}")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


@lexicon.cached
def _names(column: str) -> dict[str, list[tuple[str, int]]]:
    """Map a folded column name to the parts of a message it may hold, with its rank among the names of each part.

    column: `names` for all, `sure` for those that only chats have.
    """
    found: dict[str, list[tuple[str, int]]] = {}
    for row in lexicon.read_table("message_columns"):
        for rank, name in enumerate(filter(None, row[column].split("|"))):
            found.setdefault(_key(name), []).append((row["part"], rank))
    return found


@lexicon.cached(maxsize=4096)
def _key(name: str) -> str:
    """Normalise a column name for comparison: no case, no spaces, no underscores between words."""
    bare = fold(name).strip().strip('"').replace(" ", "")
    return bare[:1] + bare[1:].replace("_", "")


def is_sure(name: str) -> bool:
    """Check whether only messages have a column of this name."""
    return _key(name) in _names("sure")


def mentions_columns(text: str) -> bool:
    """Check whether JSON text has a key that only messages or chats have. A quick check before anything is parsed."""
    marks = [*_names("sure"), *(name for name, parts in _names("names").items() if parts[0][0] == "chat")]
    bare = fold(text).replace("_", "")
    return any(f'"{mark}"' in bare for mark in marks)


def cells_of(value: dict) -> dict[str, object]:
    """Return the message parts of an object, also from one level down (`content.msg`); the best-ranked name of each
    part counts."""
    found: dict[str, list[tuple[int, object]]] = {}
    for key, child in value.items():
        inner = {f"{key}.{name}": cell for name, cell in child.items()} if isinstance(child, dict) else {}
        for name, cell in {key: child, **inner}.items():
            if cell is not None and cell != "" and isinstance(name, str) and len(name) < 40:
                for part, rank in _names("names").get(_key(name), ()):
                    found.setdefault(part, []).append((rank, cell))
    return {part: _best([cell for _, cell in sorted(cells, key=lambda c: c[0])]) for part, cells in found.items()}


def _best(cells: list[object]) -> object:
    """Return the first cell that is not an account id, because a name is wanted; otherwise the first cell."""
    if len(cells) == 1:
        return cells[0]
    return next((cell for cell in cells if not _ACCOUNT.fullmatch(plain(cell).strip())), *cells[:1] or [None])


def header_of(rows: list[list[object]]) -> dict[str, list[int]] | None:
    """Find the columns of a message table by its header, which may be below lines about the chat; None if it has no
    header.

    Maps each part of a message to the indices of the columns that may hold it, best first.
    """
    for row in rows[:8]:
        cells = [plain(cell) for cell in row]
        if len(cells) < 3 or not any(map(is_sure, cells)):
            continue
        found: dict[str, list[tuple[int, int]]] = {}
        for index, cell in enumerate(cells):
            for part, rank in _names("names").get(_key(cell), ()):
                found.setdefault(part, []).append((rank, index))
        if "text" in found and ("mine" in found or "sender" in found):
            return {part: [index for _, index in sorted(places)] for part, places in found.items()}
    return None


def read_table(rows: Iterable, blob: Blob, locator: str = "row {}") -> Iterator[RawRecord | Rejected]:
    """Convert a table of messages. rows: (number, cells) or Rejected, with the header among the first."""
    columns: dict[str, list[int]] | None = None
    messages: list[Message] = []
    for item in rows:
        if isinstance(item, Rejected):
            yield item
            continue
        number, row = item
        if columns is None:
            columns = header_of([row])
            continue
        cells = {}
        for part, places in columns.items():
            cells[part] = _best([row[place] for place in places if place < len(row) and row[place] not in (None, "")])
        if message := message_of(cells, locator.format(number)):
            messages.append(message)
    yield from to_records(messages, blob, names=display_names(blob))


def message_of(cells: dict[str, object], place: str) -> Message | None:
    """Convert parts (text, mine, sender, time, type) to a message; None if there is no text, or for a picture, voice
    message, …"""
    kind = fold(plain(cells.get("type"))).strip()
    if kind not in ("", "0", "1") and not kind.startswith(noise_words("text type")):
        return None
    text = plain(_unwrapped(cells.get("text"))).replace("\r\n", "\n").strip()
    if not text or text.startswith(("<?xml", "<msg>")):
        return None
    mine = cells.get("mine")
    return Message(
        sender=plain(cells.get("sender")).strip(),
        text=text,
        time=moment_of(cells.get("time")),
        place=place,
        mine=None if mine in (None, "") else fold(plain(mine)).strip() in noise_words("mine"),
    )


def _unwrapped(text: object) -> object:
    """Return the text of a message that is itself JSON (`{"msg": …}`)."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return text
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return cells_of(parsed).get("text", "") if isinstance(parsed, dict) else text


def moment_of(value: object) -> datetime | None:
    """Parse a message's time in China: Unix seconds or milliseconds, or written out; None for anything else."""
    text = widths(plain(value)).strip()
    if _UNIX.fullmatch(text):
        return datetime.fromtimestamp(float(text) / (1000 if len(text) == 13 else 1), CHINA).replace(tzinfo=None)
    day, _, clock = text.replace("T", " ", 1).partition(" ")
    numbers = numbers_of(day)
    return moment(numbers, clock) if numbers[:1] > [1900] else None


def numbers_of(day: str) -> list[int]:
    """Return the numbers of a written day, the year first if it has one: 2024-01-05, 01-05, Jan 5, 2024, 05-Mar-24."""
    if day.isascii() and any(map(str.isalpha, day)):
        parsed = parse_date(day).day
        return [parsed.year, parsed.month, parsed.day] if parsed else []
    return [int(part) for part in re.findall(r"\d+", day)]


def moment(day: list[int], clock: str) -> datetime | None:
    """Combine year, month, day and a clock time as a moment in China; None if either is missing or impossible."""
    found = _CLOCK.search(clock)
    if len(day) != 3 or found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    words = fold(clock)
    if hour < 12 and any(word in words for word in clock_words("pm")):
        hour += 12
    elif hour == 12 and any(word in words for word in clock_words("am")):
        hour = 0
    try:
        return datetime(*day, hour, minute, second)
    except ValueError:
        return None


def display_names(blob: Blob) -> dict[str, str]:
    """Map ids to names from the `users.json` next to a chat; empty if there is none."""
    if blob.path is None:
        return {}
    name_list = blob.path.with_name("users.json")
    try:
        if not name_list.is_file() or name_list.is_symlink() or name_list.stat().st_size > 2**24:
            return {}
        users = json.loads(name_list.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    named = {key: _name_of(user) for key, user in users.items()} if isinstance(users, dict) else {}
    return {key: name for key, name in named.items() if isinstance(name, str)}


def _name_of(user: object) -> object:
    if isinstance(user, dict):
        return next((user[field] for field in ("remark", "nickname", "account", "name") if user.get(field)), None)
    return user
