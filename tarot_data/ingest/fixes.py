"""A person's decisions about rejected records: fields corrected, a reason overruled, a record dismissed.

A decision is stored under the key of the rejection, a hash of the record without its source, so that it applies
whenever the same record is read again, also from a copy. A record edited in its file is another record.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources.records import RawDraw, RawRecord
from tarot_data.store import delta, tables

FIELDS = ("person", "question", "date", "spreads", "cards", "content", "outcome", "consent")
"""Fields that can be corrected. spreads and cards are lists with one entry a draw; the others are texts."""

OVERRULED = ("card_conflict", "near_duplicate")
"""Reasons a person may overrule: the rejected record is a complete reading, and its reader decides."""


@dataclass(frozen=True, kw_only=True)
class Fix:
    """fields: name (of FIELDS) to corrected value. accepted: its reason is overruled. dismissed: no longer open."""

    fields: dict[str, object] = field(default_factory=dict)
    accepted: bool = False
    dismissed: bool = False


def read(data_dir: Path) -> dict[str, Fix]:
    """Return key of a rejection -> the decisions about it, merged."""
    return {
        row["key"]: Fix(fields=json.loads(row["fields"]), accepted=row["accepted"], dismissed=row["dismissed"])
        for row in tables.fixes(data_dir).iter_rows(named=True)
    }


def write(data_dir: Path, decided: dict[str, Fix]) -> None:
    """Store decisions, merged with earlier ones about the same record, unless they add nothing (as after a killed run).

    The caller has entered `tables.writing`.
    """
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
    """Replace fields of a record by corrected ones. An empty text empties a field."""
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
        # Corrected cards replace all draws; the spread of a draw stays unless another one is given.
        old = [draw.spread for draw in draws]
        draws = [RawDraw(spread=old[n] if n < len(old) else None, cards=text) for n, text in enumerate(cards)]
    for number, spread in enumerate(spreads[: len(draws)]):
        draws[number] = replace(draws[number], spread=spread or None)
    extra = {key: value for key, value in record.extra.items() if not (cards and key == "deck")}
    return replace(record, draws=tuple(draws), extra=extra)


def accepted(fixes: dict[str, Fix]) -> list[str]:
    """Return the keys whose reason is overruled, which are fingerprints of readings."""
    return [key for key, fix in fixes.items() if fix.accepted]


def with_record() -> pl.Expr:
    """Select rejections with a record that can be corrected, not whole files or unreadable lines."""
    return pl.col("record").str.json_path_match("$.draws").is_not_null()


def check(rejection: dict, fix: Fix) -> None:
    """Raise Problem `not_fixable` if the rejection has no record, `not_overruled` if its reason cannot be overruled."""
    if "draws" not in json.loads(rejection["record"] or "{}") and not fix.dismissed:
        raise Problem("not_fixable", id=rejection["rejection_id"], reason=rejection["reason"])
    if fix.accepted and rejection["reason"] not in OVERRULED:
        raise Problem("not_overruled", id=rejection["rejection_id"], reason=rejection["reason"])


def _listed(value: object) -> list[str]:
    if not value:
        return []
    return [str(item) for item in value] if isinstance(value, Iterable) and not isinstance(value, str) else [str(value)]
