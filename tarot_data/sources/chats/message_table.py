"""Messages as rows or objects to `Message`: the columns of CSV, XLSX, JSON, HTML and databases, named in
message_columns.csv."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from tarot_data import lexicon
from tarot_data.sources.chats.message import NAMELESS, Message
from tarot_data.sources.chats.message_text import own_text, repaired
from tarot_data.sources.chats.message_time import has_clock, moment_of
from tarot_data.sources.chats.programs import Program
from tarot_data.sources.chats.sittings import records_of
from tarot_data.sources.labels import known_fields
from tarot_data.sources.noise import has_word, noise_words
from tarot_data.sources.records import Blob, RawRecord, Rejected
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

Cells = dict[str, list]
"""Part of a message to its values, the best-named first."""

_ACCOUNT = re.compile(r"(?:wxid_|gh_|u_)\w+|\w+@(?:chatroom|openim|[a-z.]*whatsapp\.net)|\d{5,}|[UW][0-9A-Z]{8,}")
_LISTED = ("text", "not own")
"""Parts whose value may be a list or an object."""


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


@lexicon.cached(maxsize=8192)
def _key(name: str) -> str:
    """Normalise a column name for comparison: no case, no spaces, no underscores between words."""
    bare = fold(name).strip().strip('"').replace(" ", "")
    return bare[:1] + bare[1:].replace("_", "")


def is_sure(name: str) -> bool:
    """Check whether only messages have a column of this name."""
    return _key(name) in _names("sure")


def parts_of_keys(keys: Iterable[str]) -> set[str]:
    """Return the parts of messages and chats that keys may hold."""
    return {part for key in keys for part, _ in _names("names").get(_key(key), ())}


def cells_of(value: dict) -> Cells:
    """Return the message parts of an object, also from two levels down (`content.msg`, `contents.refer.content`)."""
    found: dict[str, list[tuple[int, object]]] = {}
    unnamed = False
    for name, cell in _flat(value):
        blank = cell is None or cell == ""
        for part, rank in _names("names").get(_key(name), ()):
            if blank:
                unnamed |= part == "sender" and is_sure(name)
            elif (
                not isinstance(cell, dict | list) or part in _LISTED and not (part == "text" and isinstance(cell, dict))
            ):
                found.setdefault(part, []).append((rank, cell))
    cells = {part: [cell for _, cell in sorted(ranked, key=lambda r: r[0])] for part, ranked in found.items()}
    _set_side(cells)
    if unnamed and "partner" in cells:
        # chatlog leaves its owner's name empty, and names the chat in every row.
        chat = {*map(str, cells["partner"]), *map(str, cells.get("chat id", ()))}
        cells["sender"] = [name for name in cells.get("sender", ()) if str(name) not in chat and not _is_account(name)]
        cells["unnamed"] = [True]
    return cells


def _set_side(cells: Cells) -> None:
    """Take the type of a message for its side if nothing else says who sent it (`incoming`)."""
    kind = cells["type"][0] if "type" in cells and not cells.keys() & {"mine", "sender"} else None
    if isinstance(kind, str) and fold(kind) in noise_words("side type"):
        cells["mine"] = [kind]


def _flat(value: dict, prefix: str = "", depth: int = 2) -> Iterator[tuple[str, object]]:
    for key, child in value.items():
        if isinstance(key, str) and len(key) < 40:
            yield prefix + key, child
            if depth and isinstance(child, dict):
                yield from _flat(child, f"{prefix}{key}.", depth - 1)


def _is_account(name: object) -> bool:
    return _ACCOUNT.fullmatch(plain(name).strip()) is not None


def best_name(names: list) -> str:
    """Return the first name that is no account id; otherwise the first; empty if there is none."""
    return plain(next((name for name in names if not _is_account(name)), *names[:1] or [""])).strip()


def is_message(cells: Cells) -> bool:
    """Check whether an object is a message: it has a time or a mark of chats, who wrote it, and a text."""
    named = "mine" in cells or "sender" in cells or "account" in cells
    return "text" in cells and named and ("time" in cells or "mark" in cells)


_SHORT, _LEAST_SHORT = 40, 1 / 3
"""Characters of a message, and the share of messages with no more, in a chat of no known program: a list of readings with
names and times has long texts only."""


def are_a_chat(cells: list[Cells]) -> bool:
    """Check whether messages of no known program are a chat: three or more, of people or sides that recur, some short."""
    sides = {best_name(found.get("sender") or found.get("account") or found.get("mine") or []) for found in cells}
    texts = [found["text"][0] for found in cells if "text" in found]
    short = sum(isinstance(text, str) and len(text) <= _SHORT for text in texts)
    return len(cells) > 2 and 1 < len(sides) < max(3, len(cells)) and short >= _LEAST_SHORT * len(texts)


def header_of(rows: list[list[object]]) -> list[str] | None:
    """Find the header of a message table, which may be below lines about the chat; None if it has none."""
    for row in rows[:8]:
        cells = [plain(cell) for cell in row]
        parts = parts_of_keys(cells)
        if len(cells) < 3 or not {"text"} < parts or not parts & {"mine", "sender"}:
            continue
        if any(map(is_sure, cells)) or "time" in parts and _is_plain_chat(cells):
            return cells
    return None


def _is_plain_chat(names: list[str]) -> bool:
    """Check whether a header is `Date,User,Message`: a column of messages, and nothing that a table of readings has."""
    messages = {_key(name) for name in names} & {
        "message",
        "msg",
        "messages",
        *map(_key, noise_words("message column")),
    }
    # `昵称` is who wrote a message, too; `客户` is not.
    others = [name for name in names if not parts_of_keys([name]) & {"sender"}]
    return bool(messages) and not known_fields(names) & {"cards", "spread"} and "person" not in known_fields(others)


def read_table(rows: Iterable, blob: Blob, locator: str = "row {}") -> Iterator[RawRecord | Rejected]:
    """Convert a table of messages. rows: (number, cells) or Rejected, with the header among the first."""
    header: list[str] | None = None
    values: list[tuple[str, dict]] = []
    for item in rows:
        if isinstance(item, Rejected):
            yield item
            continue
        number, row = item
        if header is None:
            header = header_of([row])
        else:
            values.append((locator.format(number), dict(zip(header, row, strict=False))))
    names = display_names(blob)
    yield from records_of(chats_of(values, names=names), blob, names)


def chats_of(
    values: Iterable[tuple[str, dict]],
    owners: frozenset[str] = frozenset(),
    program: Program | None = None,
    partner: str | None = None,
    names: dict[str, str] | None = None,
) -> list[list[Message]]:
    """Convert objects with their places to messages in time order, one list for each chat.

    owners: accounts and names of the reader's side. partner: name of the only other side. names: account to name.
    """
    chats: dict[str, list[tuple[str, Cells]]] = {}
    rows = [(place, cells_of(value)) for place, value in values]
    _set_receivers(rows)
    for place, cells in rows:
        chats.setdefault(str(next(iter(cells.get("chat id", ())), "")), []).append((place, cells))
    if not any(_has_sides(rows) for rows in chats.values()):
        # The talker of a row is its sender, not its chat.
        chats = {"": [row for rows in chats.values() for row in rows]}
    return [_in_order(_messages(rows, owners, program, partner, names or {})) for rows in chats.values()]


def _set_receivers(rows: list[tuple[str, Cells]]) -> None:
    """Make a chat of the messages between two people, and its owner the one who takes part in all of them.

    Nothing is set unless every message names its receiver, and one person has a part in each and writes to several.
    """
    pairs = [_pair(cells) for _, cells in rows if "text" in cells]
    if not pairs or not all(pairs):
        return
    both = set.intersection(*(set(pair) for pair in pairs))
    own = next(iter(both)) if len(both) == 1 else None
    if own is None or len({pair[0] == own for pair in pairs}) == 1:
        return
    for _, cells in rows:
        if (pair := _pair(cells)) is not None:
            cells["mine"] = ["1" if pair[0] == own else "0"]
            cells["chat id"] = [pair[pair[0] == own]]


def _pair(cells: Cells) -> tuple[str, str] | None:
    """Return sender and receiver of a message; None if one of them is not given, or both are the same."""
    pair = (best_name(cells.get("sender", [])), best_name(cells.get("receiver", [])))
    return pair if all(pair) and pair[0] != pair[1] else None


def _has_sides(rows: list[tuple[str, Cells]]) -> bool:
    """Check whether the messages under one id are those of a chat: of both sides, or with the chat's name."""
    sides = {fold(plain(cells["mine"][0])) for _, cells in rows if "mine" in cells}
    return len(sides) > 1 or any("partner" in cells for _, cells in rows)


def _messages(
    rows: list[tuple[str, Cells]],
    owners: frozenset[str],
    program: Program | None,
    partner: str | None,
    names: dict[str, str],
) -> list[Message]:
    own = _nameless_account(rows)
    found = []
    for place, cells in rows:
        if "mine" not in cells and (side := _side_of(cells, owners, own)) is not None:
            cells["mine"] = [side]
        if message := message_of(cells, place, program, names):
            if message.mine is False and (not message.sender or _is_account(message.sender)):
                message = replace(message, sender=partner or "")  # an account is nobody's name
            found.append(message)
    return found


def _nameless_account(rows: list[tuple[str, Cells]]) -> str | None:
    """Return the account whose messages have no name, which is the exporter's; None if there is none or several."""
    nameless = {str(account) for _, cells in rows if "unnamed" in cells for account in cells.get("account", [""])[:1]}
    chat_ids = {str(chat) for _, cells in rows for chat in cells.get("chat id", ())}
    return next(iter(nameless)) if len(nameless) == 1 and nameless.isdisjoint(chat_ids) else None


def _side_of(cells: Cells, owners: frozenset[str], nameless: str | None) -> str | None:
    """Return 1 for a message of the exporter, 0 for one of somebody else, None if nothing says so."""
    accounts = {str(account).removeprefix("user") for account in cells.get("account", ())}
    names = {plain(name) for name in cells.get("sender", ())}
    if owners and (accounts or names):
        return "1" if (accounts | names) & owners else "0"
    return None if nameless is None else "1" if "unnamed" in cells else "0"


def _in_order(messages: list[Message]) -> list[Message]:
    """Sort messages by time; programs that write the newest first are turned round. Without times the order stays."""
    if not messages or any(message.time is None for message in messages):
        return messages
    if messages[0].time > messages[-1].time:
        messages = messages[::-1]
    return sorted(messages, key=lambda message: message.time)


def message_of(
    cells: Cells, place: str, program: Program | None = None, names: dict[str, str] | None = None
) -> Message | None:
    """Convert the parts of a message; None if its sender wrote no text: a picture, a notice, a forwarded message."""
    flags = cells.get("not a message", ())
    if any(fold(plain(flag)).strip() in noise_words("yes") for flag in flags):
        return None
    if any(fold(plain(value)).strip() not in noise_words("no") for value in cells.get("not own", ()) if value):
        return None
    kind = kind_of(cells, program)
    if kind is None:
        return None
    quoted = plain(next(iter(cells.get("quoted", ())), ""))
    text = own_text(_unwrapped(next(iter(cells.get("text", ())), None)), quoted, voice=kind == "voice")
    if not text:
        return None
    mine = next(iter(cells.get("mine", ())), None)
    if not cells.get("sender") and fold(plain(mine)).strip() not in (*noise_words("mine"), *noise_words("not mine")):
        cells["sender"] = [mine]  # `我` in rows of the exporter, the other's name in all others
    known, accounts = names or {}, [str(account) for account in cells.get("account", ())]
    sender = best_name([repaired(known.get(str(name), name)) for name in cells.get("sender", ())])
    sender = sender or next((known[account] for account in accounts if account in known), "")
    if not sender and mine in (None, "") and accounts:
        sender = NAMELESS + accounts[0]
    return Message(
        sender=sender,
        text=text,
        time=_time_of(cells.get("time", [])),
        place=place,
        mine=None if mine in (None, "") else fold(plain(mine)).strip() in noise_words("mine"),
    )


def kind_of(cells: Cells, program: Program | None) -> str | None:
    """Return `text` or `voice` for a message that its sender wrote or spoke, by its type; None for any other."""
    types = [fold(plain(value)).strip() for value in cells.get("type", ())]
    subtypes = [fold(plain(value)).strip() for value in cells.get("subtype", ())]
    if program is not None and program.types:
        known = [program.types[kind] for kind in types if kind in program.types]
        if known:
            return None if "" in known else known[0]
    for kind in types:
        if kind.startswith(noise_words("voice type")):
            return "voice"
        if kind.startswith(noise_words("text type")) or kind in ("", "0", "1"):
            continue
        if kind.removesuffix(".0").isdecimal() or has_word(kind, "other type"):
            return None
    return None if types[:1] == ["49"] and subtypes and subtypes[0] not in ("57", "0", "1") else "text"


def _unwrapped(text: object) -> object:
    """Return the text of a message that is itself JSON (`{"msg": …}`)."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return text
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return next(iter(cells_of(parsed).get("text", ())), "") if isinstance(parsed, dict) else text


def _time_of(values: list) -> datetime | None:
    """Return the first value that is a time, or a day and a clock time in two columns."""
    found = next((time for value in values if (time := moment_of(value))), None)
    if found or len(values) < 2:
        return found
    clock = next((plain(value) for value in values if has_clock(plain(value))), "")
    days = (plain(value) for value in values if plain(value) != clock)
    return next((time for day in days if (time := moment_of(f"{day} {clock}"))), None)


def display_names(blob: Blob) -> dict[str, str]:
    """Map ids to names from the `users.json` next to a chat; empty if there is none."""
    found = json_beside(blob, "users.json")
    if isinstance(found, list):
        found = {str(user.get("id")): user for user in found if isinstance(user, dict)}
    named = {key: _name_of(user) for key, user in found.items()} if isinstance(found, dict) else {}
    return {key: name for key, name in named.items() if isinstance(name, str)}


def json_beside(blob: Blob, name: str) -> object:
    """Parse a file next to a chat or in the folder above it; None if there is none that can be read."""
    if blob.path is None:
        return None
    for path in (blob.path.with_name(name), blob.path.parent.with_name(name)):
        try:
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= 2**24:
                return json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            return None
    return None


def _name_of(user: object) -> object:
    if not isinstance(user, dict):
        return user
    profile = user["profile"] if isinstance(user.get("profile"), dict) else {}
    names = ("remark", "nickname", "display_name", "real_name", "account", "name")
    return next((source[name] for name in names for source in (profile, user) if source.get(name)), None)
