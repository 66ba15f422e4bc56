"""JSON that is a chat by its values but not by its keys: rejected with the keys, so that they can be added."""

from collections.abc import Iterator
from itertools import islice

from tarot_data.sources.chats.message_time import moment_of
from tarot_data.sources.json_files.records import looks_like_json
from tarot_data.sources.json_files.stream import whole_values
from tarot_data.sources.records import Blob, RawRecord, Rejected, masked_name, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.text.cleanup import plain

_FEWEST, _MOST_PEOPLE, _LONGEST_NAME = 4, 0.5, 40
"""Messages of a chat, people to a message, characters of a name."""
_MAX_LEVELS, _LOOKED_AT = 5, 60
_SHOWN = 12
"""Keys that a rejection names."""


def recognises(sample: Sample) -> bool:
    return looks_like_json(sample) and bool(_keys(sample.blob))


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    """Raise SourceError with the keys of the messages."""
    raise unreadable("chat_unknown_keys", keys=", ".join(map(masked_name, _keys(blob)[:_SHOWN])))
    yield


def _keys(blob: Blob) -> list[str]:
    """Return the keys of the first list of objects that are messages by their values; [] if there is none."""
    values = whole_values(blob)
    readable = [item[1] for item in islice(values, _LOOKED_AT) if not isinstance(item, Rejected)]
    return next((found for objects in _lists(readable, 0) if (found := _message_keys(objects))), [])


def _lists(value: object, level: int) -> Iterator[list[dict]]:
    children = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    objects = [child for child in children if isinstance(child, dict)]
    if len(objects) >= _FEWEST:
        yield objects[:_LOOKED_AT]
    if level < _MAX_LEVELS:
        for child in children[:_LOOKED_AT]:
            yield from _lists(child, level + 1)


def _message_keys(objects: list[dict]) -> list[str]:
    """Return the keys of objects with a time each, a text each, and the names of a few people who take turns."""
    columns = {str(key): [plain(value.get(key)).strip() for value in objects] for key in objects[0]}
    whole = {key: cells for key, cells in columns.items() if all(cells)}
    times = {key for key, cells in whole.items() if all(len(cell) > 8 and moment_of(cell) for cell in cells)}
    people = {
        key
        for key, cells in whole.items()
        if 1 < len(set(cells)) <= _MOST_PEOPLE * len(cells) and max(map(len, cells)) <= _LONGEST_NAME
        if sum(one != two for one, two in zip(cells, cells[1:], strict=False)) > 1
    }
    texts = {key for key in columns if len(set(columns[key])) > len(objects) * _MOST_PEOPLE} - times - people
    return list(columns) if times and people and texts else []
