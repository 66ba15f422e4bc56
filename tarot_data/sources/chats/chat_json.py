"""Chats as JSON and JSON lines: objects with the keys of message_columns.csv, in lists at any depth."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from tarot_data.sources.chats.message import Message
from tarot_data.sources.chats.message_table import (
    Cells,
    are_a_chat,
    cells_of,
    chats_of,
    display_names,
    is_message,
    json_beside,
    parts_of_keys,
)
from tarot_data.sources.chats.message_text import repaired
from tarot_data.sources.chats.programs import Program, programs_of
from tarot_data.sources.chats.sittings import to_records
from tarot_data.sources.json_files.records import looks_like_json
from tarot_data.sources.json_files.stream import whole_values
from tarot_data.sources.labels import known_fields
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError, rejected, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.text.cleanup import plain

MAX_LEVELS = 6
"""Levels of containers in which messages are searched."""
_HEAD = 20_000
_KEY = re.compile(r'"([^"\\\n]{1,40})"\s*:')
_NAMES = ("displayName", "remark", "nickname", "name", "title", "threadName", "topic")
"""Keys of an object around messages that may name the other side."""
_ACCOUNTS = ("wxid", "userName", "username", "uid", "uin", "id", "user_id")


@dataclass
class Chat:
    """Objects that are messages, with their places. around: the objects they are in, the innermost last."""

    values: list[tuple[str, dict]]
    around: list[dict] = field(default_factory=list)
    key: str = ""

    @property
    def keys(self) -> set[str]:
        """Return the keys of the objects around the messages and of the first messages."""
        return {key for value in [*self.around, *(value for _, value in self.values[:5])] for key in value}

    @property
    def program(self) -> Program | None:
        keys = self.keys
        return next((program for program in programs_of("json") if program.is_marked(keys)), None)

    @property
    def owners(self) -> set[str]:
        return {str(owner).removeprefix("user") for value in self.around for owner in cells_of(value).get("owner", ())}

    @property
    def names(self) -> dict[str, str]:
        """Map the accounts of objects around the messages to their names."""
        inner = [child for value in self.around for child in (value, *value.values()) if isinstance(child, dict)]
        pairs = [(value.get(key), _name_in(value)) for value in inner for key in _ACCOUNTS]
        return {str(account): name for account, name in pairs if isinstance(account, str | int) and account and name}

    @property
    def partner(self) -> str | None:
        """Return the name of the chat, which is the other side's if there are two."""
        for value in reversed(self.around):
            for inner in (value, *(child for child in value.values() if isinstance(child, dict))):
                name = _name_in(inner)
                if name and inner.keys() & {"type", "id", "wxid", "participants", "uid", "messages"}:
                    return repaired(name)
        return self.key or None


def _name_in(value: dict) -> str | None:
    return next((value[key] for key in _NAMES if isinstance(value.get(key), str) and value[key]), None)


def recognises(sample: Sample) -> bool:
    if not looks_like_json(sample):
        return False
    keys = set(_KEY.findall(sample.text[:_HEAD]))
    if not _may_be_chat(keys) and not ("type" in keys and _may_be_chat(keys | {"direction"})):
        return False
    values = islice(whole_values(sample.blob), 20)
    chats = _chats(item for item in values if not isinstance(item, Rejected))
    return any(_is_chat(chat) for chat in chats)


def _may_be_chat(keys: set[str]) -> bool:
    if "messages" not in keys:
        keys = keys - {"name"}  # readings have one too
    parts = parts_of_keys(keys)
    # The sender, text and time of a message may be one level down.
    nested = parts_of_keys(f"{outer}.{inner}" for outer in keys & _OUTER for inner in keys)
    parts |= nested
    sided = bool(parts & {"mine", "sender", "account"})
    return sided and "text" in parts and ("time" in parts or "mark" in parts or "chat" in parts)


_OUTER = {"sender", "author", "from", "user", "content", "message", "msg", "creator", "user_profile", "data"}


def _is_chat(chat: Chat) -> bool:
    """Check whether messages are a chat: two people, a program's own mark, or messages of the exporter's own."""
    if chat.program or "chat" in parts_of_keys(chat.keys) or chat.owners:
        return True
    cells = [cells_of(value) for _, value in chat.values[:200]]
    if any("mine" in found or "mark" in found for found in cells):
        return True
    return are_a_chat(cells)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    damaged: list[Rejected] = []
    found, names = _found(blob, damaged)
    yield from damaged
    if not found:
        raise unreadable("chat_empty")
    for messages, owners in found:
        try:
            yield from to_records(messages, blob, readers=owners, names=names)
        except SourceError as error:
            yield rejected(blob, error)


def chats(blob: Blob) -> list[list[Message]]:
    """Return the messages of each chat of a file."""
    return [messages for messages, _ in _found(blob, [])[0]]


def _found(blob: Blob, damaged: list[Rejected]) -> tuple[list[tuple[list[Message], frozenset[str]]], dict[str, str]]:
    """Return the chats of a file with the accounts and names of the exporter, and the names of all accounts.

    damaged: receives a rejection for each value that cannot be read.
    """
    values = []
    for item in whole_values(blob):
        (damaged if isinstance(item, Rejected) else values).append(item)
    manifest = json_beside(blob, "manifest.json")
    names = {**display_names(blob), **_members(value for _, value in values)}
    found = []
    for chat in _chats(values):
        if isinstance(manifest, dict):
            chat.around.insert(0, manifest)
        owners = chat.owners
        owners = frozenset(owners | {names[owner] for owner in owners if owner in names})
        found += [
            (messages, owners)
            for messages in chats_of(chat.values, owners, chat.program, chat.partner, {**chat.names, **names})
        ]
    return found, names


def _members(values: Iterator[object]) -> dict[str, str]:
    """Map account ids to display names, of a ChatLab file or of one of its lines."""
    found = {}
    for value in values:
        if isinstance(value, dict):
            listed = value.get("members")
            members = listed if isinstance(listed, list) else [value] if value.get("_type") == "member" else []
            for member in members:
                if isinstance(member, dict) and member.get("platformId"):
                    name = member.get("groupNickname") or member.get("accountName")
                    found[str(member["platformId"])] = plain(name)
    return found


def _chats(values: Iterator[tuple[str, object]]) -> Iterator[Chat]:
    """Find the chats of a file: lists of messages in its values, and the values that are messages themselves."""
    loose: list[tuple[str, dict]] = []
    around: list[dict] = []
    for place, value in values:
        if isinstance(value, dict) and (_is_one(value) or value.get("_type") == "message"):
            loose.append((place, value))
        elif isinstance(value, dict) and not any(isinstance(child, list | dict) and child for child in value.values()):
            around.append(value)
        elif isinstance(value, dict | list):
            found = list(_inside(value, [], "", 0))
            yield from found
            if not found and isinstance(value, dict):
                around.append(value)
    if loose:
        yield Chat(loose, around)


def _inside(value: object, around: list[dict], key: str, level: int) -> Iterator[Chat]:
    if level > MAX_LEVELS:
        return
    items = _objects(value)
    if items and sum(map(_is_one, items[:40])) * 3 >= len(items[:40]):
        many = len(items) > 1
        places = (f"message {number}" if many else "item 1" for number in range(1, len(items) + 1))
        yield Chat(list(zip(places, items, strict=True)), around, key)
        return
    inner = [*around, value] if isinstance(value, dict) else around
    children = value.items() if isinstance(value, dict) else ((key, child) for child in value)
    for name, child in islice(children, 5000):
        if isinstance(child, dict | list):
            yield from _inside(child, inner, str(name), level + 1)


def _objects(value: object) -> list[dict]:
    """Return the objects of a list, or of an object whose values are objects (`{"3EB0": {…}, "3EB1": {…}}`)."""
    children = value if isinstance(value, list) else list(value.values())
    found = [child for child in children if isinstance(child, dict)]
    return found if len(found) == len(children) else []


def _is_one(value: dict) -> bool:
    cells: Cells = cells_of(value)
    return is_message(cells) and not known_fields([str(key) for key in value][:60]) & {"cards", "draws"}
