"""Chats as JSON: WeFlow, echotrace, ChatLab (also as lines), PyWxDump. Keys are those of message_columns.csv."""

from collections.abc import Iterator

from tarot_data.sources import json_records, json_stream
from tarot_data.sources.chats.message_table import cells_of, display_names, mentions_columns, message_of
from tarot_data.sources.chats.sittings import Message, to_records
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold


def recognises(sample: Sample) -> bool:
    if not json_records.looks_like_json(sample) or not mentions_columns(sample.text[:20_000]):
        return False
    return any(_is_chat(item) for item in json_records.first_objects(sample, 20))


def _is_chat(item: dict) -> bool:
    if item.get("_type") in ("header", "message", "member"):
        return True
    cells = cells_of(item)
    return "chat" in cells and "messages" in cells or _is_message(cells)


def _is_message(cells: dict[str, object]) -> bool:
    return "text" in cells and ("mine" in cells or "mark" in cells)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    messages: list[Message] = []
    owners: set[str] = set()
    names: dict[str, str] = {}
    for item in json_stream.objects(blob):
        if isinstance(item, Rejected):
            yield item
            continue
        locator, value = item
        cells = cells_of(value)
        names.update(_members(value))
        if "owner" in cells:
            owners.add(str(cells["owner"]))
        objects = _messages(value, cells)
        for index, message in enumerate(objects, 1):
            found = _message(message, f"message {index}" if len(objects) > 1 else locator, owners)
            if found:
                messages.append(found)
    if not messages:
        raise unreadable("chat_empty")
    readers = owners | {names[key] for key in owners if key in names}
    yield from to_records(messages, blob, readers=frozenset(readers), names={**display_names(blob), **names})


def _members(value: dict) -> dict[str, str]:
    """Map account ids to display names, of a ChatLab file or of one of its lines."""
    members = value.get("members") or ([value] if value.get("_type") == "member" else [])
    return {
        str(member["platformId"]): plain(member.get("groupNickname") or member.get("accountName"))
        for member in members
        if isinstance(member, dict) and member.get("platformId")
    }


def _messages(value: dict, cells: dict[str, object]) -> list[dict]:
    """Return the messages of a whole chat, or of a line with one message."""
    if isinstance(messages := cells.get("messages"), list):
        return [message for message in messages if isinstance(message, dict)]
    return [value] if _is_message(cells) or value.get("_type") == "message" else []


def _message(value: dict, place: str, owners: set[str]) -> Message | None:
    cells = cells_of(value)
    if isinstance(cells.get("type"), str) and fold(cells["type"]) == "message":
        cells["type"] = ""
    if owners and "mine" not in cells and "account" in cells:
        cells["mine"] = "1" if str(cells["account"]) in owners else "0"
    return message_of(cells, place)
