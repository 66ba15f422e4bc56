"""Why a record was rejected: a code with values, and the sentence that the message catalogue has for it."""

import json

from schemas.messages import catalogue, say


def values_json(values: dict[str, str]) -> str:
    """The column `values` of REJECTIONS: a JSON object of strings. Equal values give equal text."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def describe(code: str, values: str, lang: str) -> str:
    """The sentence of a rejection in one language. values: JSON as `values_json` writes it.

    A code that the catalogue has no more, from a store of an earlier release, is shown as it is.
    """
    key, filled = f"rejection.{code}", json.loads(values)
    if key not in catalogue():
        return " ".join([code, *filled.values()])
    return say(key, lang, **filled)


def with_detail(row: dict, lang: str = "en") -> dict:
    """A row with `code` and `values` as commands print it in JSON: `values` as an object, the sentence as `detail`."""
    if row["code"] is None:
        return row | {"detail": None}
    return row | {"values": json.loads(row["values"]), "detail": describe(row["code"], row["values"], lang)}
