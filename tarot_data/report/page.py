"""The report as one HTML file: no script, nothing fetched, all text from the message catalogue.

The template has the layout; `sections` chooses the sentence of each chart, `tables` its rows. Text of readings reaches the
page only through autoescape or `Markup.format`, so that markup in it is shown, not run.
"""

from functools import cache, partial
from pathlib import Path

import jinja2
from markupsafe import Markup

from schemas.deck import LABELS
from schemas.messages import say
from schemas.rejections import in_words, values_json
from tarot_data.report.sections import DRAWINGS
from tarot_data.report.tables import LINES, ROWS
from tarot_data.report.wording import Words, fixed, share
from tarot_data.system.atomic import write_text

HEAVY_SHARE = 0.3
"""From this share of all readings on, one person is reported to dominate. Our choice: a third of what a model reads would
address one person."""


def write(figures: dict, path: Path, lang: str = "zh") -> Path:
    """Write the page atomically; returns its path. figures: of `statistics.measure`."""
    # A report is private: readable by its owner only.
    write_text(path, html(figures, lang), mode=0o600)
    return path


def html(figures: dict, lang: str = "zh") -> str:
    """Render the page."""
    words = Words(lang)
    return _template().render(
        f=figures,
        lang={"zh": "zh-CN", "en": "en"}[lang],
        css=Markup(_css()),
        t=words,
        shared=partial(say, lang=lang),
        share=share,
        fixed=fixed,
        card=words.card,
        place=partial(in_words, lang=lang),
        detail=lambda row: words.detail(row | {"values": values_json(row["values"])}),
        heavy=HEAVY_SHARE,
        all_labels=LABELS,
        **{draw.__name__: partial(draw, words) for draw in (*DRAWINGS, *ROWS, *LINES)},
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


@cache
def _css() -> str:
    return (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
