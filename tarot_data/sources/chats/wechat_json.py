"""WeChat chats as JSON: WeFlow, echotrace, ChatLab (also as lines), PyWxDump."""

from collections.abc import Iterator

from tarot_data.sources import json_records, json_stream
from tarot_data.sources.chats import wechat_text
from tarot_data.sources.chats.sittings import Message, to_records
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

_KEYS = {
    "text": ("content", "msg", "text", "StrContent"),
    "mine": ("isSend", "is_sender", "isSender", "is_send", "IsSender"),
    "sender": (
        "senderDisplayName",
        "accountName",
        "groupNickname",
        "sender_name",
        "SenderName",
        "Remark",
        "NickName",
        "sender",
        "talker",
        "senderUsername",
    ),
    "time": ("createTime", "timestamp", "CreateTime", "formattedTime", "StrTime", "time"),
    "type": ("type_name", "type", "localType"),
}


def recognises(sample: Sample) -> bool:
    if not json_records.looks_like_json(sample):
        return False
    text = sample.text[:20_000]
    if not any(
        f'"{mark}"' in text
        for mark in (
            "weflow",
            "session",
            "chatlab",
            "_type",
            "type_name",
            "is_sender",
            "isSend",
            "senderDisplayName",
            "StrContent",
        )
    ):
        return False
    return any(_is_chat(item) for item in json_records.first_objects(sample, 20))


def _is_chat(item: dict) -> bool:
    if "chatlab" in item or "weflow" in item or item.get("_type") in ("header", "message", "member"):
        return True
    if isinstance(item.get("session"), dict) and "messages" in item:
        return True
    return _is_message(item)


def _is_message(item: dict) -> bool:
    return any(key in item for key in _KEYS["text"]) and any(
        key in item for key in (*_KEYS["mine"], "type_name", "senderDisplayName")
    )


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    messages: list[Message] = []
    owner: frozenset[str] = frozenset()
    names: dict[str, str] = {}
    for item in json_stream.objects(blob):
        if isinstance(item, Rejected):
            yield item
            continue
        locator, value = item
        for member in value.get("members") or ([value] if value.get("_type") == "member" else []):
            if isinstance(member, dict) and member.get("platformId"):
                names[str(member["platformId"])] = plain(member.get("groupNickname") or member.get("accountName"))
        for key in ("meta", "chatlab", "session"):
            held = value.get(key)
            if isinstance(held, dict) and held.get("ownerId"):
                owner |= {str(held["ownerId"])}
        if value.get("ownerId"):
            owner |= {str(value["ownerId"])}
        held = (
            value.get("messages")
            if isinstance(value.get("messages"), list)
            else [value]
            if _is_message(value) or value.get("_type") == "message"
            else []
        )
        for index, message in enumerate(held, 1):
            if isinstance(message, dict):
                place = f"message {index}" if len(held) > 1 else locator
                found = _message(message, place, owner)
                if found:
                    messages.append(found)
    if not messages:
        raise unreadable("chat_empty")
    readers = owner | {names[key] for key in owner if key in names}
    yield from to_records(messages, blob, readers=frozenset(readers), names={**wechat_text.names_beside(blob), **names})


def _message(value: dict, place: str, owner: frozenset[str]) -> Message | None:
    cells = {
        key: next((value[name] for name in names if value.get(name) not in (None, "")), None)
        for key, names in _KEYS.items()
    }
    if isinstance(cells["type"], str) and fold(cells["type"]) == "message":
        cells["type"] = ""
    if owner and cells["mine"] is None and value.get("sender"):
        cells["mine"] = "1" if str(value["sender"]) in owner else "0"
    return wechat_text.message_of(cells, place)
