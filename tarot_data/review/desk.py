"""FastAPI dependencies that the pages of the workbench share."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import jinja2
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from schemas.messages import say
from schemas.rejections import place_of
from tarot_data.report.wording import Count, Words, figure_name, figure_value
from tarot_data.review.access import Guard
from tarot_data.review.background_job import Job

Remove = Callable[[str], dict]

HERE = Path(__file__).parent
PAGES = ("rejections", "readings", "labels", "lexicon", "versions")


class Desk:
    """What every page needs: data directory, the reader's own tables, language, templates, access check, background job.

    remove: removes a reading everywhere and returns the receipt; None if this workbench cannot.
    """

    def __init__(
        self, data_dir: Path, own_lexicon: Path, lang: str, guard: Guard, remove: Remove | None = None
    ) -> None:
        self.data_dir, self.own_lexicon, self.lang, self.guard = data_dir, own_lexicon, lang, guard
        self.remove = remove
        self.job = Job()
        self.words = Words(lang)
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters |= {"card_name": self.words.card, "field_name": self.words.field, "place": self.place}
        self.templates.filters |= {"figure_name": partial(figure_name, self.words), "figure_value": figure_value}
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

    def place(self, source: dict) -> str:
        return place_of(source, self.lang)

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self.templates.get_template(template).render(**values), status)


def desk_of(request: Request) -> Desk:
    return request.app.state.desk


async def form_of(request: Request) -> dict[str, str]:
    """Parse the fields of a form of the workbench. Raises Refused."""
    return await desk_of(request).guard.form(request)


TheDesk = Annotated[Desk, Depends(desk_of)]
Form = Annotated[dict[str, str], Depends(form_of)]
