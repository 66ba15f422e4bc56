"""Persons' names in a report, or what stands for them where the report is to be shown to others."""

import json
import re

import polars as pl

from tarot_data.privacy.person_names import named


class Names:
    """Name -> what the report writes. Without `hide`, names stay as they are.

    Pseudonyms are P1, P2 … by number of readings, so that the report reads the same whatever the names; persons who
    are only in rejections follow. In running text a name is replaced wherever it stands: one of two characters or
    more in any text, a shorter one only in its own person's texts. Nicknames are not found.
    """

    def __init__(self, stored: pl.DataFrame, rejections: pl.DataFrame, *, hide: bool) -> None:
        self._pseudonyms: dict[str, str] = {}
        if not hide:
            return
        refused = rejections["record"].drop_nulls().str.json_path_match("$.person").drop_nulls().unique().sort()
        for name in [*ranked(stored)["person"], *refused]:
            if name.strip() and name not in self._pseudonyms:
                self._pseudonyms[name] = f"P{len(self._pseudonyms) + 1}"

    def of(self, person: str | None) -> str | None:
        return self._pseudonyms.get(person, person)

    def in_record(self, record: str | None) -> str | None:
        """The person a rejected record names, where names are hidden."""
        if not self._pseudonyms or not record:
            return None
        value = json.loads(record)
        person = value.get("person") if isinstance(value, dict) else None
        return person if isinstance(person, str) else None

    def hide(self, text: str | None, own: str | None) -> str | None:
        """The text with names replaced. own: the person whose text it is."""
        if not self._pseudonyms or not text:
            return text
        found = [name for name in self._pseudonyms if name in text and (len(name) > 1 or name == own)]
        if not found:
            return text
        # The longest name first, all in one pass, so that no pseudonym is taken for a name.
        pattern = "|".join(_bounded(name) for name in sorted(found, key=len, reverse=True))
        return re.sub(pattern, lambda match: self._pseudonyms[match[0]], text)


def ranked(stored: pl.DataFrame) -> pl.DataFrame:
    """person, len: persons with the number of their readings, most first, equals by their first reading_id."""
    return (
        stored.with_columns(person=named())
        .filter(pl.col("person").is_not_null())
        .group_by("person")
        .agg(pl.len(), pl.col("reading_id").min())
        .sort("len", "reading_id", descending=[True, False])
        .select("person", "len")
    )


def _bounded(name: str) -> str:
    """Mel in Melissa is another word; Chinese has no such boundary."""
    pattern = re.escape(name)
    return rf"(?<![0-9A-Za-z]){pattern}(?![0-9A-Za-z])" if name.isascii() else pattern
