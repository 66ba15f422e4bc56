"""Outlines (Logseq, SiYuan, Roam, mind maps): a tree of bullets to the lines of the readings in it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.lines import Line

SHORTEST_TEXT = 15
"""Characters of the text below its labels that make a bullet with its sub-bullets a whole reading."""
_BULLETS = ("- ", "* ", "+ ")
Item = TypeVar("Item")
"""A bullet in the tree of another format."""


@dataclass
class Bullet:
    """A bullet with its own lines, without bullet and indentation, and the bullets under it."""

    lines: list[Line]
    under: list["Bullet"] = field(default_factory=list)

    def flat(self) -> Iterator[Line]:
        """Yield all lines. A bullet that is a label over its value ends in a colon."""
        first, *more = self.lines
        yield Line(f"{first.text}：", first.number) if self.under and field_of(first.text) else first
        yield from more
        for bullet in self.under:
            yield from bullet.flat()


@dataclass
class Outline:
    """properties: labelled lines of the whole page above the first bullet."""

    bullets: list[Bullet] = field(default_factory=list)
    properties: list[Line] = field(default_factory=list)


def outline_of(lines: list[Line]) -> Outline | None:
    """Parse lines that are all bullets and their continuation, on two levels or more; None for any other text."""
    outline = Outline()
    path: list[tuple[int, Bullet]] = []
    deep = False
    for line in lines:
        if not line.stripped:
            continue
        text = line.text.expandtabs(4)
        indent = len(text) - len(text.lstrip())
        if line.stripped.startswith(_BULLETS) or line.stripped == "-":
            while path and path[-1][0] >= indent:
                path.pop()
            bullet = Bullet([Line(line.stripped[2:].strip(), line.number)])
            (path[-1][1].under if path else outline.bullets).append(bullet)
            deep = deep or bool(path)
            path.append((indent, bullet))
        elif path and indent > path[-1][0]:
            path[-1][1].lines.append(Line(line.stripped, line.number))
            deep = True
        elif not path and line.labels:
            outline.properties.append(line)
        elif not path and line.level == 1:
            continue  # the title of the outline
        else:
            return None
    return outline if deep else None


Count = Callable[[list[Line]], int]
"""Characters of text that lines have below the labels of the readings in them; 0 if there is no reading."""


def readings_in(bullets: list[Bullet], count: Count) -> Iterator[list[Line]]:
    """Yield the lines of each smallest part that has a whole reading, labels and text; the bullets beside it are left
    out. Yields all lines if no part has one."""
    found = list(_parts(bullets, count))
    yield from found or [[line for bullet in bullets for line in bullet.flat()]]


def _parts(bullets: list[Bullet], count: Count) -> Iterator[list[Line]]:
    for bullet in bullets:
        lines = list(bullet.flat())
        if count(lines) >= SHORTEST_TEXT:
            yield from list(_parts(bullet.under, count)) or [lines]


def text_of(items: Iterable[Item], lines: Callable[[Item], list[str]], under: Callable[[Item], Iterable[Item]]) -> str:
    """Write a tree of bullets as the text of an outline, as `outline_of` parses it; without recursion.

    lines: of a bullet, at least one. under: the bullets under it.
    """
    written: list[str] = []
    stack = [(0, item) for item in reversed(list(items))]
    while stack:
        level, item = stack.pop()
        first, *more = lines(item)
        space = "\t" * level
        written += [f"{space}- {first}", *(f"{space}  {line}" for line in more)]
        stack += [(level + 1, below) for below in reversed(list(under(item)))]
    return "\n".join(written)
