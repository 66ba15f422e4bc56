"""The workbench as a FastAPI app: access check, page routers, error pages."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from schemas.errors import Problem
from schemas.messages import say
from tarot_data.patterns.explain import explain
from tarot_data.review import (
    correct_page,
    labels_page,
    lexicon_page,
    readings_page,
    rejections_page,
    search,
    versions_page,
)
from tarot_data.review.access import Guard, Refused
from tarot_data.review.desk import HERE, Desk, Remove

SILENT = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)
"""Without it FastAPI would report every request, with its search words, to wherever an environment variable says."""


def create_app(
    data_dir: Path, *, token: str, own_lexicon: Path, lang: str = "zh", remove: Remove | None = None
) -> FastAPI:
    """Build the workbench of one data directory. token: secret in the link (see `access.Guard`). remove: see `Desk`."""
    guard = Guard(token)
    desk = Desk(data_dir, own_lexicon, lang, guard, remove)
    # FastAPI's documentation pages would fetch scripts from the network.
    app = FastAPI(title="tarot review", docs_url=None, redoc_url=None, openapi_url=None, telemetry=SILENT)
    app.state.desk = desk

    def refused(request: Request, code: str, status: int) -> Response:
        return desk.page("message.html", status, here=None, title=desk.say("refused"), text=desk.say(code))

    def welcome(address: str) -> Response:
        return desk.page("welcome.html", address=address)

    @app.middleware("http")
    async def guarded(request: Request, call_next) -> Response:
        return await guard(request, call_next, refused, welcome)

    @app.exception_handler(Refused)
    async def on_refused(request: Request, error: Refused) -> Response:
        return refused(request, error.code, error.status)

    @app.exception_handler(Problem)
    async def on_problem(request: Request, problem: Problem) -> Response:
        status = 404 if problem.code in MISSING else 409
        text = say(problem.key, lang, **problem.values)
        return desk.page("message.html", status, here=None, title=desk.say("problem"), text=text)

    @app.exception_handler(HTTPException)
    async def on_missing(request: Request, error: HTTPException) -> Response:
        return desk.page("message.html", error.status_code, here=None, title=desk.say("problem"), text=desk.say("gone"))

    @app.get("/")
    def start() -> Response:
        return RedirectResponse("/rejections", 303)

    for page in (rejections_page, correct_page, readings_page, labels_page, lexicon_page, versions_page):
        app.include_router(page.router)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    return app


def warm(data_dir: Path) -> None:
    """Load what the first page of each kind would wait for: the index of readings and the labeller's tables."""
    search.least_sure(data_dir)
    explain("愚人正位。")


MISSING = ("no_rejection", "no_reading", "no_version", "no_run")
"""Problem codes that mean that the requested thing does not exist."""
