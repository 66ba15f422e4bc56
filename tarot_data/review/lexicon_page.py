"""Pages to try the lexicon on a sentence, and to add a row if its example passes."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from schemas.deck import LABELS
from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.patterns.explain import explain
from tarot_data.patterns.lexicon_check import CLOSED, check_row
from tarot_data.review.desk import Desk, Form, TheDesk

FIRST = ("cues", "aliases", "themes", "spreads", "persons")
"""Tables that readers most often add to, listed first."""


router = APIRouter()


def page(desk: Desk, table: str, status: int = 200, **values: object) -> Response:
    every = lexicon.tables()
    if table not in every:
        raise Problem("lexicon_table", table=table, tables=", ".join(every))
    given = {"text": "", "found": None, "row": {}, "findings": [], "saved": None} | values
    return desk.page(
        "lexicon.html",
        status,
        here="lexicon",
        table=table,
        tables=[*FIRST, *(name for name in every if name not in FIRST)],
        columns=lexicon.columns(table),
        allowed=CLOSED.get(table, {}),
        labels=LABELS,
        own=[row.values for row in lexicon.active().own.get(table, ())],
        **given,
    )


@router.get("/lexicon")
def show_lexicon(desk: TheDesk, table: str = FIRST[0]) -> Response:
    return page(desk, table)


@router.post("/lexicon")
def try_sentence(desk: TheDesk, form: Form) -> Response:
    # By POST: the text may be a sentence of a reading, and browsers remember addresses.
    text = form.get("text", "").strip()[:LONGEST_TRIED]
    found = explain(text) if text else {"sentences": [], "cards": []}
    for row in (*(row for sentence in found["sentences"] for row in sentence["rows"]), *found["cards"]):
        if row["file"] and Path(row["file"]).parent == desk.own_lexicon:
            row["file"] = f"{desk.own_lexicon.name}/{Path(row['file']).name}"
    return page(desk, form.get("table", FIRST[0]), text=text, found=found if text else None)


@router.post("/lexicon/{table}")
def add_row(desk: TheDesk, table: str, form: Form) -> Response:
    if table not in lexicon.tables():
        raise Problem("lexicon_table", table=table, tables=", ".join(lexicon.tables()))
    row = {column: form.get(column, "").strip() for column in lexicon.columns(table)}
    findings = [finding.say(desk.lang) for finding in check_row(table, row)]
    if findings or not any(row.values()):
        return page(desk, table, 422, row=row, findings=findings or [desk.say("row_empty")])
    path = lexicon.add(desk.own_lexicon, table, [row])
    lexicon.use(desk.own_lexicon)
    return page(desk, table, saved=path.name)


LONGEST_TRIED = 5_000
"""Most characters explained at a time: a long reading."""
