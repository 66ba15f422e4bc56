"""Pages of rejections: each record next to a form, and the decision about it."""

import json
import re
from urllib.parse import urlencode

import polars as pl
from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from schemas.deck import CARDS, CONSENTS
from schemas.errors import Problem
from schemas.messages import catalogue, say
from tarot_data.cards.format import ORIENTATION_WORDS
from tarot_data.ingest import fix_workbook, replay
from tarot_data.ingest.fixes import FIELDS, OVERRULED, Fix
from tarot_data.review.desk import Desk, Form, TheDesk
from tarot_data.review.paging import Page, whole
from tarot_data.store import tables

PER_PAGE = 30
OUR_OWN = ("date_hint", "synthetic")
"""Fields of a record that the reader did not write."""
READING = re.compile(r"r[0-9a-f]{16}")
SIDES = {"upright": "upright", "reversed": "reversed", "unknown": "no_side"}


router = APIRouter()


@router.get("/rejections")
def list_rejections(desk: TheDesk, reason: str = "", page: str = "1", did: str = "", reading: str = "") -> Response:
    every = tables.rejections(desk.data_dir).with_columns(pl.col("reason").cast(pl.String))
    counts = every["reason"].value_counts().sort("count", "reason", descending=[True, False]).rows()
    rows = every.filter(pl.col("reason") == reason) if reason else every
    part = Page(rows.height, whole(page), PER_PAGE)
    shown = rows.slice(part.start, PER_PAGE).select("rejection_id", "reason", "code", "values", "excerpt", "source")
    values = {"rows": shown.to_dicts(), "counts": counts, "reason": reason, "part": part, "total": every.height}
    return desk.page("rejections.html", here="rejections", said=said(desk, did, reading), **values)


@router.get("/rejections/{rejection_id}")
def show_rejection(desk: TheDesk, rejection_id: str, reason: str = "", did: str = "", reading: str = "") -> Response:
    row, before, after = opened(desk, rejection_id, reason)
    return rejection_page(desk, row, before, after, reason, fix_workbook.cells(row), said(desk, did, reading))


@router.post("/rejections/{rejection_id}")
def decide(desk: TheDesk, rejection_id: str, form: Form) -> Response:
    reason = form.get("reason", "")
    try:
        row, before, after = opened(desk, rejection_id, reason)
    except Problem:
        raise Problem("decided_already", id=rejection_id) from None
    was = {name: text.replace("\r\n", "\n") for name, text in fix_workbook.cells(row).items()}
    typed = was | {name: form[name] for name in FIELDS if name in form}
    what = form.get("do")
    if what == "pick":
        typed["cards"] = with_picked(typed["cards"], form)
        return rejection_page(desk, row, before, after, reason, typed, None)
    dismissed, accepted = what == "dismiss", what == "accept"
    fix = Fix(fields={} if dismissed else fix_workbook.changed(typed, was), accepted=accepted, dismissed=dismissed)
    if fix == Fix():
        return rejection_page(desk, row, before, after, reason, typed, desk.say("nothing_changed"), 422)
    try:
        (became,) = replay.feed_back(desk.data_dir, {rejection_id: fix}).to_dicts() or [None]
    except Problem as problem:
        return rejection_page(
            desk, row, before, after, reason, typed, say(problem.key, desk.lang, **problem.values), 409
        )
    if became is None:  # by another request, since it was opened above
        raise Problem("decided_already", id=rejection_id)
    if became["became"] == "same":
        still = desk.say("did_same", detail=desk.words.detail(became))
        return rejection_page(desk, row, before, after, reason, typed, still, 422)
    following = became["new_id"] if became["became"] == "refused" else after or before
    query = {"did": became["became"]} | ({"reading": became["reading_id"]} if became["reading_id"] else {})
    if reason and became["became"] != "refused":
        query["reason"] = reason
    return RedirectResponse(f"/rejections{f'/{following}' if following else ''}?{urlencode(query)}", 303)


def opened(desk: Desk, rejection_id: str, reason: str) -> tuple[dict, str | None, str | None]:
    """Read an open rejection, and the ids before and after it (of one reason, if one is named)."""
    every = tables.rejections(desk.data_dir)
    (row,) = every.filter(pl.col("rejection_id") == rejection_id).to_dicts() or [None]
    if row is None:
        raise Problem("no_rejection", id=rejection_id)
    ids = every.filter(pl.col("reason").cast(pl.String) == reason)["rejection_id"].to_list() if reason else []
    if rejection_id not in ids:
        ids = every["rejection_id"].to_list()
    place = ids.index(rejection_id)
    return row, ids[place - 1] if place else None, ids[place + 1] if place + 1 < len(ids) else None


def rejection_page(
    desk: Desk,
    row: dict,
    before: str | None,
    after: str | None,
    reason: str,
    typed: dict,
    said: dict | str | None,
    status: int = 200,
) -> Response:
    """Render a rejection. before, after: ids of its neighbours; typed: values of the form; said: a message on top."""
    record = json.loads(row["record"] or "{}")
    return desk.page(
        "rejection.html",
        status,
        here="rejections",
        row=row,
        before=before,
        after=after,
        reason=reason,
        typed=typed,
        said=said,
        fields=FIELDS,
        consents=CONSENTS,
        cards=CARDS,
        sides=SIDES,
        fixable="draws" in record,
        overruled=row["reason"] in OVERRULED,
        twin=json.loads(row["values"]).get("twin"),
        record=as_read(record, desk.lang),
    )


def said(desk: Desk, did: str, reading: str) -> dict | str | None:
    """Return the message on the result of the previous rejection."""
    if did not in ("accepted", "dismissed", "refused"):
        return None
    return {"text": desk.say(f"did_{did}"), "reading": reading if READING.fullmatch(reading) else None}


def as_read(record: dict, lang: str) -> list[tuple[str, str]]:
    """List (name, text) of the fields of a record, with names of the catalogue if it has them."""
    out = []
    for name, value in record.items():
        if value in (None, "", [], {}) or name in OUR_OWN:
            continue
        if name == "draws":
            name, value = "cards", "\n".join("：".join(filter(None, map(text, draw.values()))) for draw in value)
        known = f"worksheet.{name}"
        out.append((say(known, lang) if known in catalogue() else name, text(value)))
    return out


def text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, indent=1)


def with_picked(cards: str, form: dict[str, str]) -> str:
    """Append the picked card to the last draw."""
    card = form.get("pick_card", "").strip()
    if not card:
        return cards
    position = form.get("pick_position", "").strip()
    picked = f"{position}：{card}" if position else card
    picked += ORIENTATION_WORDS.get(form.get("pick_side", "unknown"), "")
    return f"{cards.rstrip()}、{picked}" if cards.strip() else picked
