"""Text messages as SMS Backup & Restore writes them: XML, one `sms` element a message with its values in attributes."""

import json
from collections.abc import Iterator
from dataclasses import replace

from tarot_data.sources.chats import chat_json
from tarot_data.sources.field_values import is_empty
from tarot_data.sources.notes.xml_notes import elements, root_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

_ROOT, _MESSAGE = "smses", "sms"
_SENT, _RECEIVED = "2", "1"
_UNKNOWN = "(unknown)"


def recognises(sample: Sample) -> bool:
    return root_of(sample.text) == _ROOT


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    """Read the messages by contact; drafts, failed and queued ones are left out."""
    chats: dict[str, list[dict]] = {}
    for message in elements(blob, _MESSAGE):
        values = message.attrib
        if values.get("type") not in (_SENT, _RECEIVED) or not values.get("body", "").strip():
            continue
        name = values.get("contact_name", "")
        name = values.get("address", "") if is_empty(name) or name.lower() == _UNKNOWN else name
        sent = values["type"] == _SENT
        moment = int(values["date"]) if values.get("date", "").isdecimal() else None
        about = {"is_sender": int(sent), "talker": name, "msg": values["body"], "CreateTime": moment}
        chats.setdefault(name, []).append(about)
    if not chats:
        raise unreadable("chat_empty")
    place = 0
    for messages in chats.values():
        data = json.dumps(sorted(messages, key=lambda each: each["CreateTime"] or 0)).encode()
        for record in chat_json.read(replace(blob, path=None, data=data)):
            place += 1
            yield replace(record, source=replace(record.source, locator=f"sitting {place}"))
