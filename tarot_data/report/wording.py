"""Wording of report and workbench: the catalogue in one language, and the format of numbers."""

from collections.abc import Iterable

from schemas.deck import CARDS
from schemas.messages import catalogue, say
from schemas.rejections import describe
from tarot_data import lexicon
from tarot_data.report.comparisons import RATES, is_share


class Words:
    """The catalogue's `[report]` in one language: `words("title")`. Integers have a comma between thousands."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, key: str, **values: object) -> str:
        counted = {
            name: Count(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in values.items()
        }
        return say(f"report.{key}", self.lang, **counted)

    def known(self, prefix: str, code: str) -> str:
        """Return the word for a code of an open list, or the code itself if the catalogue has none."""
        key = f"{prefix}_{code}"
        return self(key) if f"report.{key}" in catalogue() else code

    def field(self, name: str) -> str:
        """Name a field of a reading, or by its own name if the catalogue has none."""
        keys = (f"worksheet.{name}", f"review.field_{name}")
        return next((say(key, self.lang) for key in keys if key in catalogue()), name)

    def label(self, label: str) -> str:
        return say(f"label.{label}", self.lang)

    def dimension(self, dimension: str) -> str:
        return say(f"dimension.{dimension}", self.lang)

    def reason(self, reason: str) -> str:
        return say(f"reason.{reason}", self.lang)

    def card(self, card: str) -> str:
        return card if self.lang == "zh" else _english_cards().get(card, card)

    def canonical(self, name: str) -> str:
        """Translate a card name in the reader's language to its stored name; other text is unchanged."""
        known = {self.card(card).casefold(): card for card in CARDS}
        return known.get(name.casefold(), name)

    def detail(self, rejection: dict) -> str:
        """Say why a record was rejected. rejection: a row with `code` and `values`."""
        return describe(rejection["code"], rejection["values"], self.lang)

    def spread(self, row: dict) -> str:
        """Name a spread: in English by its id, since the lexicon has no English column; others as written."""
        if self.lang == "zh" or not row["spread_id"]:
            return row["spread"]
        return row["spread_id"].replace("_", " ").capitalize()

    def listed(self, items: Iterable[str]) -> str:
        return say("list.comma", self.lang).join(items)

    def join(self, sentences: Iterable[str | None]) -> str:
        """Join sentences, in Chinese without spaces."""
        return ("" if self.lang == "zh" else " ").join(sentence for sentence in sentences if sentence)


class Count(int):
    """An integer that is written with a comma between thousands."""

    def __format__(self, spec: str) -> str:
        return format(int(self), spec or ",")


def share(value: float | None) -> str:
    """Format a share in per cent; a small one is not shown as 0."""
    if value is None:
        return "–"
    if 0 < value < 0.005:
        return "<1%"
    return f"{min(99, round(100 * value)) if value < 1 else 100}%"


def fixed(value: float | None, places: int = 2) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def figure_name(words: Words, name: str) -> str:
    """Return the name of a key figure: `label.advice` by its label, `theme.感情` by its theme."""
    kind, _, what = name.partition(".")
    if not what:
        return words(f"rate_{kind}" if kind in RATES else f"figure_{kind}")
    named = {"theme": lambda: words(f"theme_{what}"), "split": lambda: words(f"split_{what}")}
    return words(f"figure_{kind}", what=named.get(kind, lambda: words.label(what))())


def figure_value(name: str, value: float) -> str:
    if is_share(name):
        return f"{100 * value:.1f}%"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


@lexicon.cached
def _english_cards() -> dict[str, str]:
    return {row["card"]: row["english"] for row in lexicon.read_table("deck")}
