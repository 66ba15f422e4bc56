"""What a person decided about rejected records: fields corrected, a verdict overruled, a record dismissed.

A decision is filed under the key of the rejection, which is made of the record and not of its place: the same record,
read again from the same file or from a copy of it, meets the same decision. A record that was edited in its file is
another record; there the file has the last word.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from tarot_data.sources.records import RawDraw, RawRecord
from tarot_data.store import delta, tables

FIELDS = ("person", "question", "date", "spreads", "cards", "content", "outcome", "consent")
"""What can be corrected. spreads and cards are lists, one entry a draw; the others are one text."""

OVERRULED = ("card_conflict", "near_duplicate")
"""Reasons a person may overrule: what is left out is a whole reading, and only its reader knows whether it should be."""


@dataclass(frozen=True, kw_only=True)
class Fix:
    """fields: name (of FIELDS) to corrected value. accepted: its reason is overruled. dismissed: no longer open."""

    fields: dict[str, object] = field(default_factory=dict)
    accepted: bool = False
    dismissed: bool = False


def read(data_dir: Path) -> dict[str, Fix]:
    """Key of a rejection -> what was decided about it, the newest decision on top of the older ones."""
    return {
        row["key"]: Fix(fields=json.loads(row["fields"]), accepted=row["accepted"], dismissed=row["dismissed"])
        for row in tables.fixes(data_dir).iter_rows(named=True)
    }


def write(data_dir: Path, decided: dict[str, Fix]) -> None:
    """Keep decisions, each on top of what was decided about the same record before; one that says nothing new, as that
    of a killed run does when it is done again, is there already. The caller holds `store.writing`."""
    from tarot_data.privacy.mask_records import masked_object

    before = read(data_dir)
    first = tables.fixes(data_dir)["sequence"].max()
    first = 0 if first is None else first + 1
    rows = []
    for key, fix in decided.items():
        old = before.get(key, Fix())
        fields, _ = masked_object({**old.fields, **fix.fields})
        new = Fix(fields=fields, accepted=fix.accepted or old.accepted, dismissed=fix.dismissed)
        if new == old:
            continue
        rows.append(
            {
                "key": key,
                "fields": json.dumps(fields, ensure_ascii=False, sort_keys=True),
                "accepted": new.accepted,
                "dismissed": new.dismissed,
                "sequence": first + len(rows),
            }
        )
    delta.append(data_dir, "fixes", pl.DataFrame(rows, schema=tables.FIXES), {"run": "fix"})


def corrected(record: RawRecord, fields: dict[str, object]) -> RawRecord:
    """The record with the corrected fields in place of its own. An empty text empties a field."""
    texts = {name: fields[name] or None for name in FIELDS if name in fields and name not in ("cards", "spreads")}
    if "content" in texts:
        texts["content"] = texts["content"] or ""
    record = replace(record, fixed=True, **texts)
    if "date" in texts:
        record = replace(record, date_hint=None)
    cards, spreads = _listed(fields.get("cards")), _listed(fields.get("spreads"))
    if not cards and not spreads:
        return record
    draws = list(record.draws)
    if cards:
        # Cards corrected are all the draws there are; the spread of a draw stays where no other is given.
        old = [draw.spread for draw in draws]
        draws = [RawDraw(spread=old[n] if n < len(old) else None, cards=text) for n, text in enumerate(cards)]
    for number, spread in enumerate(spreads[: len(draws)]):
        draws[number] = replace(draws[number], spread=spread or None)
    extra = {key: value for key, value in record.extra.items() if not (cards and key == "deck")}
    return replace(record, draws=tuple(draws), extra=extra)


def accepted(fixes: dict[str, Fix]) -> list[str]:
    """Keys whose reason is overruled: fingerprints of readings."""
    return [key for key, fix in fixes.items() if fix.accepted]


def with_record() -> pl.Expr:
    """Whether a rejection holds a record that can be corrected: not a whole file, nor a line that could not be read."""
    return pl.col("record").str.json_path_match("$.draws").is_not_null()


def check(rejection: dict, fix: Fix) -> None:
    """Raises Problem `not_fixable` where the rejection holds no record, `not_overruled` where its reason stands."""
    if "draws" not in json.loads(rejection["record"] or "{}") and not fix.dismissed:
        raise Problem("not_fixable", id=rejection["rejection_id"], reason=rejection["reason"])
    if fix.accepted and rejection["reason"] not in OVERRULED:
        raise Problem("not_overruled", id=rejection["rejection_id"], reason=rejection["reason"])


def _listed(value: object) -> list[str]:
    if not value:
        return []
    return [str(item) for item in value] if isinstance(value, Iterable) and not isinstance(value, str) else [str(value)]
