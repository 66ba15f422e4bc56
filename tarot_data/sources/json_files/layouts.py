"""Readings in a parsed JSON value, with the fields of the containers around them.

A new layout is one function in LAYOUTS.
"""

import json
from collections.abc import Callable

from tarot_data.lexicon.dates import parse_date
from tarot_data.lexicon.field_names import field_of, name_of
from tarot_data.sources.field_values import is_empty
from tarot_data.sources.json_files.profile import is_told_by_values, may_be_text
from tarot_data.sources.json_files.references import resolved
from tarot_data.sources.json_files.tables import objects_of
from tarot_data.sources.labels import known_fields
from tarot_data.sources.name_evidence import are_names, looks_like_name

MAX_LEVELS = 4
_LIST_KEYS = ("data", "items", "records", "readings", "results", "rows", "list", "messages", "conversations")
_OBJECT_KEYS = ("data", "records", "readings")
_CHAT_KEYS = ("messages", "conversations")
_STORED = ("[{", '{"')
"""Beginnings of JSON in a string."""
ASIDE = ("metadata", "meta", "info", "extra")
"""Keys of an object that describes the reading it is in."""


def is_reading(item: dict) -> bool:
    names = known_fields([str(key) for key in item][:200])
    if names & {"content", "cards"} and len(names) >= 2 or "draws" in item:
        return True
    if len(names & _WHO_WHAT_WHEN) >= 2 and any(may_be_text(str(key), child) for key, child in item.items()):
        return True
    return bool(names & {*_WHO_WHAT_WHEN, "content"}) and is_told_by_values(item)


_WHO_WHAT_WHEN = {"person", "question", "date"}


def readings_in(value: object, level: int = 0) -> list[dict]:
    """Return the readings of a parsed value: the value itself, or the objects in it by the first layout that fits."""
    if isinstance(value, list):
        return [item for child in value for item in readings_in(child, level)] if level < MAX_LEVELS else []
    if not isinstance(value, dict):
        return []
    if rows := objects_of(value):
        return rows
    if is_reading(value) or level >= MAX_LEVELS:
        return [value]
    named = resolved(value)
    return next((found for layout in LAYOUTS if (found := layout(named, level))), [value])


def _under_usual_key(value: dict, level: int) -> list[dict]:
    """Read `{"data": [{…}, {…}]}`, `{"profile": {"name": …}, "readings": [{…}]}`, `{"records": {…}}`.

    Person, spread, date and consent next to the list apply to every item. A list of messages stays in its object.
    """
    for key in _LIST_KEYS:
        child = value.get(key)
        if _are_objects(child):
            if key in _CHAT_KEYS and not any("cards" in known_fields(list(item)) for item in child[:5]):
                return [value]
            shared = {**_person_next_to(value), **_shared({k: v for k, v in value.items() if k != key})}
            items = [_with_shared(item, shared) for item in child if isinstance(item, dict)]
            return [found for item in items for found in ([item] if is_reading(item) else readings_in(item, level + 1))]
        if isinstance(child, dict) and key in _OBJECT_KEYS:
            return readings_in(child, level + 1)
    return []


def _list_per_client(value: dict, level: int) -> list[dict]:
    """Read `{"Mel": [{…}, {…}], "阿宁": [{…}]}`: one list of readings per client or day; a key that is neither, such as
    `sessions`, gives nothing."""
    if not all(_are_objects(child) for child in value.values()):
        return []
    if not any(is_reading({"person": 1, **item}) for child in value.values() for item in child[:3]):
        return []
    names = are_names(value)
    return [_named(key, item, names) for key, child in value.items() for item in child if isinstance(item, dict)]


def _under_own_keys(value: dict, level: int) -> list[dict]:
    """Read `{"id": 1, "fields": {…}}`, `{"clients": […]}`, `{"阿宁": {…}, "Mel": {…}}`: readings under keys of the
    program's own.

    Person, spread and date next to them apply to every reading; a key that is a name or a day is its person or date.
    """
    if known_fields(list(map(str, value))) & {"content", "cards"}:
        return []
    shared = _shared({key: child for key, child in value.items() if not isinstance(child, dict | list)})
    names = are_names(key for key, child in value.items() if isinstance(child, dict | list) and key not in ASIDE)
    found = []
    for key, child in value.items():
        child = _stored(child)
        if not isinstance(child, dict | list) or key in ASIDE:
            continue
        for item in readings_in(child, level + 1):
            whole = _named(key, _with_shared(item, shared), names)
            if is_reading(whole):
                found.append(whole)
    if len(found) == 1 and isinstance(question := _question_of(value), str):
        found[0] = {"question": question, **found[0]}
    return found


def _stored(child: object) -> object:
    """Return the value of a string that is JSON, as a browser's storage keeps lists; any other value as it is."""
    if not isinstance(child, str) or not child.startswith(_STORED):
        return child
    try:
        return json.loads(child)
    except (ValueError, RecursionError):
        return child


def _question_of(value: dict) -> object:
    """Return the question next to the only reading in an object."""
    return next((child for key, child in value.items() if known_fields([str(key)]) == {"question"}), None)


LAYOUTS: tuple[Callable[[dict, int], list[dict]], ...] = (_under_usual_key, _list_per_client, _under_own_keys)
"""Functions of an object and its level; each returns the readings in it, or [] if it has another layout."""


def _are_objects(child: object) -> bool:
    return isinstance(child, list) and bool(child) and all(isinstance(item, dict) for item in child[:50])


def _person_next_to(value: dict) -> dict:
    """Return the person that an object next to a list of readings describes."""
    for key, child in value.items():
        if isinstance(child, dict) and not field_of(str(key)) and not is_reading(child):
            name = next((child[k] for k in child if known_fields([str(k)]) == {"person"}), None)
            if isinstance(name, str):
                return {"person": name}
    return {}


def _named(key: str, item: dict, names: list[str]) -> dict:
    """Return a reading with the day or person that its key is, unless it has its own. names: the keys that are names."""
    field = "date" if parse_date(key).day else "person" if key in names else None
    known = known_fields([str(name) for name in item][:200])
    return item if field is None or field in known else {field: key, **item}


def _shared(value: dict) -> dict:
    """Return what an object says of every reading in it. A name that cannot be a person's is the program's or the shop's."""
    shared = {}
    for key, child in value.items():
        name = name_of(str(key))
        stranger = name == "person" and isinstance(child, str) and not looks_like_name(child)
        if name in ("person", "spread", "date", "synthetic", "consent") and not stranger:
            shared[key] = child
    return shared


def _with_shared(item: dict, shared: dict) -> dict:
    """Return a reading with the shared fields that it has not itself, perhaps under another label."""
    own = known_fields([str(key) for key, child in item.items() if not is_empty(child)])
    return {**item, **{key: child for key, child in shared.items() if not known_fields([key]) & own}}
