"""Message catalogue: everything a person reads, in Chinese and English (`messages.toml`)."""

import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from string import Formatter

DATA_DIR = "{--data-dir}"
"""Mark after the words of a command that the reader should call."""

LANGUAGES = ("zh", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Map key (`table.name`) -> language -> sentence with `{values}`."""
    tables = tomllib.loads((files("schemas") / "messages.toml").read_text(encoding="utf-8"))
    return {f"{table}.{name}": languages for table, rows in tables.items() for name, languages in rows.items()}


def say(key: str, lang: str = "zh", *, call_option: str = "", **values: object) -> str:
    """Render the sentence of a key in one language, with `{name}` filled from values.

    An integer may bring its noun: `{n:reading|readings}`; a list is written with commas. call_option: written in place of DATA_DIR. Raises KeyError if the
    catalogue has no such key or language, or a value is missing.
    """
    sentence = catalogue()[key][lang]
    if not values:
        return sentence.replace(DATA_DIR, call_option)
    return _Sentence(lang).vformat(sentence, (), values | {DATA_DIR.strip("{}"): call_option})


class _Sentence(Formatter):
    """Formatter of sentences: `{n:reading|readings}` is `1 reading`, `2 readings`; a list is `a, b`, an empty one `none`."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def format_field(self, value: object, spec: str) -> str:
        if isinstance(value, list | tuple):
            return say("list.comma", self.lang).join(map(str, value)) or say("list.none", self.lang)
        one, either, many = spec.partition("|")
        if not either:
            return super().format_field(value, spec)
        return f"{value:,} {one if value == 1 else many}"


def gate_sentences(opened: dict, lang: str, render: Callable[..., str] | None = None) -> list[str]:
    """Describe the gate in sentences with numbers: that it is open, or one per missing condition; made-up readings last.

    render: called as `render(key, **values)`, by default `say` in this language.
    """
    render = render or (lambda key, **values: say(key, lang, **values))
    lines = [render(f"gate.{code}", **_shown(opened)) for code in opened["shut"] or ["open"]]
    if opened["made_up"]:
        lines.append(render("gate.made_up", **_shown(opened)))
    return lines


def _shown(opened: dict) -> dict:
    return opened | {"coverage": f"{100 * (opened['coverage'] or 0):.1f}", "floor": f"{100 * opened['floor']:.0f}"}
