"""Pages of versions and trainings: lists, comparisons, reports, blind votes."""

import json
import re
from pathlib import Path

import polars as pl
from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from tarot_data.dataset import versions
from tarot_data.dataset.diff import diff
from tarot_data.review import blind_votes
from tarot_data.review.access import REPORT_POLICY
from tarot_data.review.desk import Form, TheDesk

REPORT = re.compile(r"report[-a-z0-9]*\.html")
RUN = re.compile(r"[\w.-]+")
KINDS = ("added", "removed", "changed", "moved")
MOST_NAMED = 100
"""Most readings of each kind that a comparison names; the rest is counted."""


router = APIRouter()


@router.get("/versions")
def list_versions(desk: TheDesk) -> Response:
    manifests = versions.listed(desk.data_dir)[::-1]
    reports = {path.name for path in (desk.data_dir / "reports").glob("report*.html")}
    named = {manifest["version"]: f"report-v{manifest['version']:06}.html" for manifest in manifests}
    return desk.page(
        "versions.html",
        here="versions",
        manifests=manifests,
        report_of={number: name for number, name in named.items() if name in reports},
        loose="report.html" if "report.html" in reports else None,
        runs=runs(desk.data_dir),
    )


@router.get("/versions/diff")
def compare_versions(desk: TheDesk, old: str = "", new: str = "") -> Response:
    manifests = [versions.find(desk.data_dir, int(n) if n.isascii() and n.isdigit() else None) for n in (old, new)]
    before, after = (versions.read(desk.data_dir, manifest) for manifest in manifests)
    result = diff(before, after, *manifests)
    return desk.page(
        "diff.html",
        here="versions",
        old=manifests[0],
        new=manifests[1],
        result=result,
        asked=asked([after, before], result),
        kinds=KINDS,
        most=MOST_NAMED,
    )


@router.get("/runs/{name}")
def show_run(desk: TheDesk, name: str) -> Response:
    folder = run_folder(desk.data_dir, name)
    return desk.page(
        "run.html",
        here="versions",
        run=read_run(folder),
        curve=(folder / "loss.svg").is_file(),
        pairs=blind_votes.pairs(folder),
        tally=blind_votes.tally(folder),
    )


@router.get("/runs/{name}/vote")
def show_ballot(desk: TheDesk, name: str) -> Response:
    folder = run_folder(desk.data_dir, name)
    given = blind_votes.votes(folder)
    open_pairs = [pair for pair in blind_votes.pairs(folder) if pair["texts"] not in given]
    if not open_pairs:
        return RedirectResponse(f"/runs/{name}", 303)
    pair = open_pairs[0]
    texts = [pair[side] for side in blind_votes.order(pair, desk.guard.token)]
    cards = pair["cards"] if isinstance(pair["cards"], str) else "、".join(map(str, pair["cards"] or []))
    values = {"name": name, "pair": pair, "texts": texts, "cards": cards, "left": len(open_pairs)}
    return desk.page("vote.html", here="versions", **values)


@router.post("/runs/{name}/vote")
def cast_vote(desk: TheDesk, name: str, form: Form) -> Response:
    folder = run_folder(desk.data_dir, name)
    (pair,) = [pair for pair in blind_votes.pairs(folder) if pair["texts"] == form.get("texts")] or [None]
    if pair is None or form.get("choice") not in ("first", "second", "neither"):
        raise HTTPException(404)
    winners = dict(zip(("first", "second"), blind_votes.order(pair, desk.guard.token), strict=True))
    blind_votes.vote(folder, pair, winners.get(form["choice"], "neither"))
    return RedirectResponse(f"/runs/{name}/vote", 303)


@router.get("/runs/{name}/loss.svg")
def show_loss_curve(desk: TheDesk, name: str) -> Response:
    path = run_folder(desk.data_dir, name) / "loss.svg"
    if not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type="image/svg+xml", headers={"Content-Security-Policy": "default-src 'none'"})


@router.get("/reports/{name}")
def show_report(desk: TheDesk, name: str) -> Response:
    path = desk.data_dir / "reports" / name
    if not REPORT.fullmatch(name) or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


def asked(frames: list[pl.DataFrame], result: dict) -> dict[str, str]:
    """Map reading_id -> question for the readings a comparison names, from the first frame that has them."""
    named = [one["reading_id"] if isinstance(one, dict) else one for kind in KINDS for one in result[kind][:MOST_NAMED]]
    rows = pl.concat([frame.select("reading_id", "question") for frame in frames])
    rows = rows.filter(pl.col("reading_id").is_in(named)).unique("reading_id", keep="first", maintain_order=True)
    return dict(rows.iter_rows())


def run_folder(data_dir: Path, name: str) -> Path:
    folder = data_dir / "runs" / name
    if not RUN.fullmatch(name) or name.startswith(".") or not (folder / "manifest.json").is_file():
        raise HTTPException(404)
    return folder


def runs(data_dir: Path) -> list[dict]:
    """List {name, manifest, scores} of every finished run, newest first."""
    return [read_run(path.parent) for path in sorted((data_dir / "runs").glob("*/manifest.json"), reverse=True)]


def read_run(folder: Path) -> dict:
    scores = folder / "scores.json"
    return {
        "name": folder.name,
        "manifest": json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
        "scores": json.loads(scores.read_text(encoding="utf-8")) if scores.is_file() else None,
    }
