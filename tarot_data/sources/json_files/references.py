"""Ids in JSON that refer to a list next to the readings (`clientId: 7`, `{"clients": [{"id": 7, "name": …}]}`), to names."""

import re

from tarot_data.sources.labels import known_fields

_REFERENCE = re.compile(r"(?P<of>[A-Za-z]+?)_?(?:id|ID|Id)(?P<many>s?)")
_NAMES = ("name", "nameZh", "name_zh", "title", "nickname", "displayName")
_MAX_LEVELS = 6

Names = dict[str, dict[str, str]]
"""What a list has (`client`) to the names of its objects by id."""


def resolved(value: dict) -> dict:
    """Return an object without its lists of named objects, whose names replace their ids elsewhere in it; a name that is
    already there counts."""
    lists = {key: found for key, child in value.items() if (found := _names_in(child))}
    names = {_singular(str(key)): found for key, found in lists.items()}
    return {key: _with_names(child, names, 0) for key, child in value.items() if key not in lists} if lists else value


def _names_in(child: object) -> dict[str, str]:
    """Return the names of a list of objects by id; {} if one has no id or no name, or something of a reading."""
    if not isinstance(child, list) or not child or not all(isinstance(item, dict) and "id" in item for item in child):
        return {}
    if known_fields([str(key) for key in child[0]]) & {"content", "cards", "question"} or any(map(_has_objects, child)):
        return {}
    found = {}
    for item in child:
        name = next((item[key] for key in _NAMES if isinstance(item.get(key), str) and item[key].strip()), None)
        if name is None or not isinstance(item["id"], str | int):
            return {}
        found[str(item["id"])] = name
    return found


def _has_objects(item: dict) -> bool:
    return any(isinstance(v, list) and any(isinstance(one, dict) for one in v) for v in item.values())


def _singular(key: str) -> str:
    folded = key.lower()
    return folded[:-1] if folded.endswith("s") else folded


def _with_names(value: object, names: Names, level: int) -> object:
    if level > _MAX_LEVELS:
        return value
    if isinstance(value, list):
        return [_with_names(item, names, level + 1) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _with_names(child, names, level + 1) for key, child in value.items()}
    for key, child in value.items():
        match = _REFERENCE.fullmatch(str(key))
        known = names.get(match["of"].lower()) if match else None
        if known is None:
            continue
        ids = child if match["many"] and isinstance(child, list) else [child]
        called = [known[str(one)] for one in ids if isinstance(one, str | int) and str(one) in known]
        if len(called) == len(ids) > 0:
            label = match["of"].lower() + match["many"]
            del found[key]
            found.setdefault(label, called if match["many"] else called[0])
    return found
