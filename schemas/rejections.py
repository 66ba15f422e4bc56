"""Why a record was rejected: a code with values, and the sentence that the message catalogue has for it."""

import json
import re
from functools import cache

from schemas.messages import catalogue, say


def values_json(values: dict[str, str]) -> str:
    """Return the column `values` of REJECTIONS: a JSON object of strings. Equal values give equal text."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def describe(code: str, values: str, lang: str) -> str:
    """Return the sentence of a rejection in one language. values: JSON as `values_json` writes it.

    A code that the catalogue has no more, from a store of an earlier release, is shown as it is.
    """
    key, filled = f"rejection.{code}", json.loads(values)
    if key not in catalogue():
        return " ".join([code, *filled.values()])
    return say(key, lang, **filled)


def place_of(source: dict, lang: str) -> str:
    """Name the place of a record: its file, the entry of an archive if it has one, and where it is in it."""
    locator = source["locator"] and in_words(source["locator"], lang)
    return " › ".join(filter(None, (source["file"], source["member"], locator)))


def in_words(locator: str, lang: str) -> str:
    """Translate the words of a locator: `sheet 1月 row 4` is `工作表 1月第 4 行`, joined as the catalogue has it."""
    if locator == "file":
        return say("place.file", lang)
    return _place_words().sub(lambda found: say(f"place.{found[1]}", lang, value=found[2]), locator)


@cache
def _place_words() -> re.Pattern[str]:
    """Match a word of a locator with its value, which for a sheet or chat may have spaces."""
    words = [key.removeprefix("place.") for key in catalogue() if key.startswith("place.") and key != "place.file"]
    either = "|".join(words)
    return re.compile(rf"\b({either}) (.+?)(?= (?:{either}) |$)")


def with_detail(row: dict, lang: str = "en") -> dict:
    """Return a row with `code` and `values` as commands print it in JSON: `values` as an object, the sentence as `detail`."""
    if row["code"] is None:
        return row | {"detail": None}
    return row | {"values": json.loads(row["values"]), "detail": describe(row["code"], row["values"], lang)}
