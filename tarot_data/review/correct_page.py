"""Page that corrects an accepted reading, next to its original record, or removes it."""

from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from schemas.deck import CARDS, CONSENTS, TO_CHECK
from schemas.errors import Problem
from schemas.messages import say
from tarot_data.ingest import fix_workbook, source_lookup
from tarot_data.ingest.correct import correct, texts_of
from tarot_data.ingest.fixes import FIELDS, OVERRULED, Fix
from tarot_data.review.desk import Desk, Form, TheDesk
from tarot_data.review.readings_page import stored_reading
from tarot_data.review.rejections_page import SIDES, as_read, with_picked
from tarot_data.store import tables

router = APIRouter()


@router.get("/readings/{reading_id}/correct")
def show_form(desk: TheDesk, reading_id: str) -> Response:
    row = stored_reading(desk.data_dir, reading_id)
    return form_page(desk, row, fix_workbook.record_cells(row), row["revision"], None)


@router.post("/readings/{reading_id}/correct")
def decide(desk: TheDesk, reading_id: str, form: Form) -> Response:
    """Save, overrule, confirm or remove. An answer other than a redirect shows the form as it was typed."""
    row = stored_reading(desk.data_dir, reading_id)
    was = {name: text.replace("\r\n", "\n") for name, text in fix_workbook.record_cells(row).items()}
    typed = was | {name: form[name] for name in FIELDS if name in form}
    seen = int(form["revision"]) if form.get("revision", "").isdecimal() else 0
    what, fields = form.get("do"), fix_workbook.changed(typed, was)

    def again(said: str | None, status: int, overruled: bool = False) -> Response:
        return form_page(desk, row, typed, seen, said, status, overruled)

    if what == "pick":
        typed["cards"] = with_picked(typed["cards"], form)
        return again(None, 200)
    if what == "remove":
        return removed(desk, reading_id) if form.get("sure") == "yes" else again(desk.say("remove_unsure"), 422)
    if what == "confirm":
        fields = {name: texts_of(row)[name] for flag in row["flags"] for name in TO_CHECK.get(flag, ())} | fields
    if not fields and what != "accept":
        # The form may have been sent twice: what it says is saved already.
        saved = seen and seen != row["revision"]
        return back(reading_id, "corrected") if saved else again(desk.say("nothing_to_save"), 422)
    try:
        fix = Fix(fields=fields, accepted=what == "accept")
        (became,) = correct(desk.data_dir, {reading_id: fix}, {reading_id: seen}).to_dicts()
    except Problem as problem:
        return again(say(problem.key, desk.lang, **problem.values), 409)
    if became["became"] == "refused":
        detail = desk.say("not_corrected", reason=desk.words.reason(became["reason"]), detail=desk.words.detail(became))
        return again(detail, 422, became["reason"] in OVERRULED)
    return back(reading_id, "corrected") if became["became"] == "corrected" else again(desk.say("nothing_to_save"), 422)


def back(reading_id: str, did: str) -> Response:
    return RedirectResponse(f"/readings/{reading_id}?{urlencode({'did': did})}", 303)


def removed(desk: Desk, reading_id: str) -> Response:
    """Remove a reading everywhere, and say so on a page of its own, with the files of the inbox that still have it."""
    result = desk.remove(reading_id)
    lines = [desk.say("removed", id=reading_id)]
    lines += [say("summary.forgot_raw", desk.lang, path=path) for path in result["raw"]]
    return desk.page("message.html", here="readings", title=desk.say("remove_reading"), text="\n".join(lines))


def form_page(
    desk: Desk, row: dict, typed: dict, seen: int, said: str | None, status: int = 200, overruled: bool = False
) -> Response:
    """Render the form. typed: its values. seen: the revision that the person saw. said: a message on top."""
    found, missing = {"record": {}, "changed": False}, None
    try:
        found = source_lookup.original(row["source"], tables.files(desk.data_dir))
    except Problem as problem:
        missing = say(problem.key, desk.lang, **problem.values)
    return desk.page(
        "correct.html",
        status,
        here="readings",
        row=row,
        confirmable=not TO_CHECK.keys().isdisjoint(row["flags"]),
        typed=typed,
        revision=seen,
        said=said,
        overruled=overruled,
        missing=missing,
        changed=found["changed"],
        record=as_read(found["record"], desk.lang),
        removable=desk.remove is not None,
        cards=CARDS,
        sides=SIDES,
        consents=CONSENTS,
    )
