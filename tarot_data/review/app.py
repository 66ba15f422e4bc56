"""The workbench put together: guard, pages and what goes wrong."""

from functools import partial
from pathlib import Path

import jinja2
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from schemas.errors import Problem
from schemas.messages import catalogue, say
from tarot_data.report.wording import Count, Words
from tarot_data.review import labels_page, lexicon_page, readings_page, rejections_page, search, versions_page
from tarot_data.review.access import Guard, Refused

HERE = Path(__file__).parent
SILENT = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)
"""FastAPI would report every request, with the words searched for, wherever a variable of the environment says."""

PAGES = ("rejections", "readings", "labels", "lexicon", "versions")


class Desk:
    """What every page is given: where the data lies, the reader's own tables, the language, and how a page is made."""

    def __init__(self, data_dir: Path, own_lexicon: Path, lang: str, guard: Guard) -> None:
        self.data_dir, self.own_lexicon, self.lang, self.guard = data_dir, own_lexicon, lang, guard
        self.words = Words(lang)
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters |= {"card_name": self.words.card, "field_name": self.field}
        self.templates.globals |= {
            "counted": Count,
            "lang": {"zh": "zh-CN", "en": "en"}[lang],
            "t": self.say,
            "shared": partial(say, lang=lang),
            "words": self.words,
            "form_token": guard.form_token,
            "pages": PAGES,
        }

    def say(self, key: str, **values: object) -> str:
        return say(f"review.{key}", self.lang, **values)

    def field(self, name: str) -> str:
        """What a field of a reading is called, or its own name where the catalogue has no word for it."""
        keys = (f"worksheet.{name}", f"review.field_{name}")
        return next((say(key, self.lang) for key in keys if key in catalogue()), name)

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self.templates.get_template(template).render(**values), status)


def create_app(data_dir: Path, *, token: str, own_lexicon: Path, lang: str = "zh") -> FastAPI:
    """The workbench over one data directory. token: what the link carries (`guard.Guard`)."""
    guard = Guard(token)
    desk = Desk(data_dir, own_lexicon, lang, guard)
    # Without its own pages about itself: those would fetch script from elsewhere.
    app = FastAPI(title="tarot review", docs_url=None, redoc_url=None, openapi_url=None, telemetry=SILENT)

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

    for page in (rejections_page, readings_page, labels_page, lexicon_page, versions_page):
        page.add(app, desk)
    app.state.desk = desk
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    return app


def warm(data_dir: Path) -> None:
    """Make ready what the first page of each kind would wait for: the index of readings and the labeller's tables."""
    from tarot_data.patterns.explain import explain

    search.least_sure(data_dir)
    explain("愚人正位。")


MISSING = ("no_rejection", "no_reading", "no_version", "no_run")
"""Problems that say that what was asked for is not there."""
