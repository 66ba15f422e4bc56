"""Copy the measured parts of docs/ into the Chinese pages of docs/zh, by the phrases of docs/zh/phrases.toml.

Measured parts are between two comments (`<!-- pairs -->`) in both pages; a Chinese part called `whole page` is all of the
English page. So both languages have the same figures, and a new table costs a few phrases.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS, CHINESE = ROOT / "docs", ROOT / "docs/zh"
WHOLE = "<!-- whole page -->"
_COMMENT = re.compile(r"(<!--.*?-->)")
_ENGLISH, _HAN = re.compile("[a-z]{4}"), re.compile("[\u4e00-\u9fff]")
_CODE = re.compile(r"`[^`]*`|[a-z]+_[a-z]+")
_CELLS = re.compile(r"(?<!\\)\|")


@cache
def phrases() -> list[tuple[re.Pattern, str]]:
    """Read the phrases: a pattern of the English one, whose `{}` are any text, and the Chinese one with the same `{}`.

    The longest are first, because a shorter one may match the same text with more in its `{}`.
    """
    table = tomllib.loads((CHINESE / "phrases.toml").read_text(encoding="utf-8"))
    return [
        (re.compile("(.+?)".join(map(re.escape, english.split("{}")))), chinese)
        for english, chinese in sorted(table["phrases"].items(), key=lambda row: -len(row[0]))
    ]


def translated(text: str) -> str:
    """Translate a phrase; one that the table lacks stays as it is. A `{}` may be a phrase itself."""
    for pattern, chinese in phrases():
        if match := pattern.fullmatch(text):
            return chinese.format(*map(translated, match.groups()))
    return text


def part(text: str) -> str:
    """Translate a measured part line by line, tables cell by cell, headings without their marks."""
    return "\n".join(map(_line, text.split("\n")))


def _line(line: str) -> str:
    if line.startswith("|"):
        return "|".join(f" {translated(cell.strip())} " if cell.strip() else cell for cell in _CELLS.split(line))
    marks, _, heading = line.partition(" ") if line.startswith("#") else ("", "", line)
    return f"{marks} {translated(heading)}".strip()


def page(name: str) -> str:
    """Return a Chinese page with its measured parts taken from the English one."""
    english = (DOCS / name).read_text(encoding="utf-8")
    parts = _COMMENT.split((CHINESE / name).read_text(encoding="utf-8"))
    measured = dict(zip(parts_of(english)[1::2], parts_of(english)[2::2], strict=True))
    for index in range(1, len(parts), 4):
        source = f"\n\n{english.strip()}\n\n" if parts[index] == WHOLE else measured[parts[index]]
        parts[index + 1] = part(source)
    return "".join(parts)


def parts_of(text: str) -> list[str]:
    return _COMMENT.split(text)


def untranslated(name: str) -> list[str]:
    """Return the lines and cells of the measured parts that still have English words."""
    parts = parts_of(page(name))[2::4]
    cells = {cell.strip() for text in parts for line in text.split("\n") for cell in _CELLS.split(line)}
    known = {chinese for _, chinese in phrases()}
    return sorted(cell for cell in cells - known if _ENGLISH.search(_CODE.sub("", cell)) and not _HAN.search(cell))


def main() -> None:
    for path in sorted(CHINESE.glob("*.md")):
        path.write_text(page(path.name), encoding="utf-8")
        for line in untranslated(path.name):
            print(f"docs/zh/{path.name}: no phrase for: {line}")


if __name__ == "__main__":
    main()
