"""Names of persons in a report, replaced by pseudonyms if it is to be shared."""

import json
import re

import polars as pl

from tarot_data.privacy.person_names import name_pattern, named


class Names:
    """Map name -> text in the report. Without `hide` names stay.

    Pseudonyms are P1, P2 … by number of readings, so that the report does not depend on the names; persons who
    are only in rejections follow. In running text a name of two or more characters is replaced in any text, a shorter one
    only in texts of its own person. Nicknames are not found.
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
        """Return the person of a rejected record, if names are hidden."""
        if not self._pseudonyms or not record:
            return None
        value = json.loads(record)
        person = value.get("person") if isinstance(value, dict) else None
        return person if isinstance(person, str) else None

    def hide(self, text: str | None, own: str | None) -> str | None:
        """Replace names in a text. own: the person whose text it is."""
        if not self._pseudonyms or not text:
            return text
        found = [name for name in self._pseudonyms if name in text and (len(name) > 1 or name == own)]
        if not found:
            return text
        # Longest name first and in one pass, so that no pseudonym is replaced again.
        pattern = "|".join(name_pattern(name) for name in sorted(found, key=len, reverse=True))
        return re.sub(pattern, lambda match: self._pseudonyms[match[0]], text)


def ranked(stored: pl.DataFrame) -> pl.DataFrame:
    """Return person, len: persons by number of readings, most first, ties by their first reading_id."""
    return (
        stored.with_columns(person=named())
        .filter(pl.col("person").is_not_null())
        .group_by("person")
        .agg(pl.len(), pl.col("reading_id").min())
        .sort("len", "reading_id", descending=[True, False])
        .select("person", "len")
    )
