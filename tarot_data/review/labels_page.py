"""Pages of the least certain labels, and of training the labeller on corrections."""

import json
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from schemas.deck import TO_CHECK
from schemas.messages import catalogue, say
from tarot_data import lexicon
from tarot_data.patterns import model
from tarot_data.review.desk import Form, TheDesk
from tarot_data.review.paging import Page, whole
from tarot_data.review.search import least_sure
from tarot_data.store import corrections

PER_PAGE = 25
FIGURES = ("exact", "macro_f1", "cards_f1")


router = APIRouter()


@router.get("/labels")
def list_uncertain(desk: TheDesk, page: str = "1") -> Response:
    rows = least_sure(desk.data_dir)
    part = Page(rows.height, whole(page), PER_PAGE)
    said = corrections.read(desk.data_dir)
    return desk.page(
        "labels.html",
        here="labels",
        rows=rows.slice(part.start, PER_PAGE).to_dicts(),
        part=part,
        to_check=tuple(TO_CHECK),
        corrected=said.height,
        readings=said["reading_id"].n_unique(),
        running=desk.job.running(),
        figures=figures(desk.own_lexicon),
        shown=FIGURES,
    )


@router.get("/labels/next")
def show_next(desk: TheDesk, at: str = "1") -> Response:
    rows = least_sure(desk.data_dir)
    place = whole(at)
    if place > rows.height:
        return RedirectResponse("/labels", 303)
    (row,) = rows.slice(place - 1, 1).to_dicts()
    return RedirectResponse(f"/readings/{row['reading_id']}/{row['unsure']}?at={place}", 303)


@router.get("/labels/training")
def show_training(desk: TheDesk) -> Response:
    running = desk.job.running()
    if desk.job.result:
        # Load lexicon and model again, so that the next sentence is labelled by the new model.
        lexicon.use(desk.own_lexicon)
    stage, done, total = desk.job.at or ("", 0, 0)
    known = f"progress.{stage}"
    return desk.page(
        "training.html",
        here="labels",
        running=running,
        stage=say(known, desk.lang) if known in catalogue() else "",
        done=done,
        total=total,
        problem=say(f"problem.{desk.job.problem[0]}", desk.lang, **desk.job.problem[1]) if desk.job.problem else None,
        figures=figures(desk.own_lexicon),
        shown=FIGURES,
    )


@router.post("/labels/training")
def start_training(desk: TheDesk, form: Form) -> Response:
    desk.job.start(learn, desk.data_dir, desk.own_lexicon)
    return RedirectResponse("/labels/training", 303)


def learn(data_dir: Path, own_lexicon: Path, progress) -> dict:
    """Train the labeller as `tarot lexicon train --corrections` does."""
    from tarot_data.patterns import train as teaching

    lexicon.use(own_lexicon)
    return teaching.learn_from(data_dir, model.own_path().parent, progress)


def figures(own_lexicon: Path) -> dict | None:
    """Return the figures of the last training on corrections, as `train.learn_corrections` returns them."""
    path = own_lexicon / "model" / model.FIGURES
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found if "before" in found else None
