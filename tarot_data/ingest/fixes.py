"""A person's decisions about records: fields corrected, a reason overruled, a rejection dismissed.

A decision is stored under the key of the rejection, a hash of the record without its source, or under the fingerprint of
the reading, so that it applies whenever the same record is read again, also from a copy. A record edited in its file is
another record; for a reading, its cards and words count.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from schemas.deck import TO_CHECK
from schemas.errors import Problem
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources.records import Corrected, RawDraw, RawRecord
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


def stored(data_dir: Path) -> Corrected | None:
    """Return the function that applies the stored decisions to a record; None if there are none."""
    decided = read(data_dir)

    def apply(record: RawRecord, key: str) -> RawRecord | None:
        fix = decided.get(key)
        return corrected(record, fix.fields) if fix and fix.fields else None

    return apply if decided else None


def of_reading(before: dict[str, Fix], was: str, row: dict, fix: Fix, texts: dict[str, object]) -> dict[str, Fix]:
    """Return the decisions to store if a fix turned the reading with fingerprint `was` into `row`.

    before: all decisions, as `read` returns them. texts: all FIELDS of the row. A reading corrected back to words and
    cards it had before gets all of them under the former fingerprint: corrections are applied one after the other, and
    the chain must not go round.
    """
    became = row["fingerprint"]
    # A list replaces an earlier one, so it must name every draw.
    spreads = {"spreads": texts["spreads"]} if fix.fields.keys() & {"cards", "spreads"} else {}
    returned = became != was and bool(before.get(became, Fix()).fields)
    decided = {became: Fix(fields=texts)} if returned else {was: Fix(fields=fix.fields | spreads)}
    if fix.accepted:
        decided[became] = replace(decided.get(became, Fix()), accepted=True)
    # A dismissed copy of the reading has the same key and stays dismissed.
    return {key: replace(one, dismissed=before.get(key, Fix()).dismissed) for key, one in decided.items()}


def corrected(record: RawRecord, fields: dict[str, object]) -> RawRecord:
    """Replace fields of a record by corrected ones. An empty text empties a field."""
    texts = {name: fields[name] or None for name in FIELDS if name in fields and name not in ("cards", "spreads")}
    if "content" in texts:
        texts["content"] = texts["content"] or ""
    record = replace(record, fixed=True, **texts)
    if "date" in texts:
        record = _without_flag(replace(record, date_hint=None), "inferred_date")
    if not fields.keys().isdisjoint(TO_CHECK["unlabelled_head"]):
        record = _without_flag(record, "unlabelled_head")
    cards, spreads = _listed(fields.get("cards")), _listed(fields.get("spreads"))
    return _with_draws(record, cards, spreads) if cards or spreads else record


def _with_draws(record: RawRecord, cards: list[str], spreads: list[str]) -> RawRecord:
    """Replace the cards and the spreads of a record's draws by corrected ones; of either, none change nothing."""
    if cards:
        record = _without_flag(record, "cards_from_content")
    draws = list(record.draws) or [RawDraw(spread=None, cards=None)]
    if cards:
        # Corrected cards replace all draws; the spread of a draw stays unless another one is given.
        old = [draw.spread for draw in draws]
        draws = [RawDraw(spread=old[n] if n < len(old) else None, cards=text) for n, text in enumerate(cards)]
    for number, spread in enumerate(spreads[: len(draws)]):
        draws[number] = replace(draws[number], spread=spread or None)
    extra = {key: value for key, value in record.extra.items() if not (cards and key == "deck")}
    return replace(record, draws=tuple(draws), extra=extra)


def _without_flag(record: RawRecord, flag: str) -> RawRecord:
    return replace(record, kept_flags=tuple(kept for kept in record.kept_flags if kept != flag))


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
