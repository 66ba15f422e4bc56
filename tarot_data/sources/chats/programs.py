"""Programs that export chats, from lexicon/chat_programs.toml. A program of a known layout is an entry, no code."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from tarot_data.text.normalise import fold

TABLE = "chat_programs.toml"


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """An entry; its keys are described at the top of the table."""

    name: str
    layout: str
    marks: tuple[str, ...]
    example: str
    reads: tuple[str, ...]
    types: dict[str, str]
    page: dict[str, tuple[str, ...]]
    any_page: bool
    query: str | None
    refused: bool

    def is_marked(self, names: set[str]) -> bool:
        """Check whether the names (keys, tables) of a file include all marks of the program."""
        return bool(self.marks) and names.issuperset(self.marks)


@lru_cache(maxsize=1)
def programs() -> tuple[Program, ...]:
    """Return the entries in the order of the table."""
    text = (files("tarot_data.lexicon") / TABLE).read_text(encoding="utf-8")
    return tuple(map(_program, tomllib.loads(text)["program"]))


def programs_of(layout: str) -> tuple[Program, ...]:
    return tuple(program for program in programs() if program.layout == layout)


def _program(entry: dict) -> Program:
    kinds = (("text", "texts"), ("voice", "voices"), ("", "others"))
    types = {fold(value): kind for kind, key in kinds for value in entry.get(key, ())}
    return Program(
        name=entry["name"],
        layout=entry["layout"],
        marks=tuple(entry.get("marks", ())),
        example=entry["example"].strip("\n"),
        reads=tuple(entry.get("reads", ())),
        types=types,
        page={part: tuple(selectors) for part, selectors in entry.get("page", {}).items()},
        any_page=entry.get("any_page", False),
        query=entry.get("query"),
        refused=entry.get("refused", False),
    )
