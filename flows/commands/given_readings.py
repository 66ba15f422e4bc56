"""Readings that a person names in a file or pipes in, for commands that do not store them."""

import json
from pathlib import Path

from flows.commands.declare import Context
from flows.commands.output import source_sentence, standard_input
from schemas.errors import Problem

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


def given_readings(ctx: Context, path: Path) -> list[dict]:
    """Read {id, content, cards?, person?, question?, spread?, …} from JSON lines, or from any file that ingest reads.

    A text or Word file without labelled readings is one reading. path: `-` for standard input. Raises Problem
    `given_folder`, `bad_line`, `no_readings_in`.
    """
    from tarot_data.patterns.annotate_records import read_lines
    from tarot_data.sources.encoding import decoded
    from tarot_data.sources.records import SourceError

    if path.is_dir():
        raise Problem("given_folder", path=path)
    try:
        data = standard_input(ctx) if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise Problem("no_readings_in", path=path, why=error.strerror or type(error).__name__) from None
    try:
        text = decoded(data)[0] if data else ""
    except SourceError:
        text = ""
    # splitlines() would also break at the separators that a text may contain.
    lines = text.replace("\r\n", "\n").split("\n")
    if _is_record(next((line for line in lines if line.strip()), "")):
        return list(read_lines(lines, str(path)))
    return _from_any_form(ctx, path, data)


def _is_record(line: str) -> bool:
    """Check whether a line is an object with a content."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("content"), str)


def _from_any_form(ctx: Context, path: Path, data: bytes) -> list[dict]:
    from tarot_data.ingest.clean import to_reading
    from tarot_data.sources import reader
    from tarot_data.sources.records import Blob, Rejected

    blob = Blob(file=path.name, member=None, name=path.name, sha256="", data=data)
    readings, problems = [], []
    for number, found in enumerate(reader.read_blob(blob), 1):
        result = {} if isinstance(found, Rejected) else to_reading(found)
        if "reading_id" in result:
            readings.append(_record(result, number))
        elif isinstance(found, Rejected):
            problems.append((found.code, found.values))
        elif result["code"] == "no_cards":
            names = ("person", "question", "content")
            readings.append({"id": str(number)} | {name: getattr(found, name) for name in names})
        else:
            problems.append((result["code"], json.loads(result["values"])))
    if not readings and (whole := _whole(path, data)):
        return [whole]
    if problems:
        why = source_sentence(ctx, *problems[0])
        if not readings:
            raise Problem("no_readings_in", path=path, why=why)
        ctx.note("summary.given_left_out", count=len(problems), why=why)
    return readings


def _record(reading: dict, number: int) -> dict:
    names = ("person", "question", "date", "cards", "content", "outcome", "consent", "flags")
    spreads = [draw["spread"] for draw in reading["draws"]]
    return {"id": str(number)} | {name: reading[name] for name in names} | {"spreads": spreads}


def _whole(path: Path, data: bytes) -> dict | None:
    """Return the text of a file as one reading, if it is one text and long enough."""
    from tarot_data.ingest.body_checks import body_problem
    from tarot_data.sources.records import SourceError
    from tarot_data.sources.whole_text import read_text
    from tarot_data.text.cleanup import clean_text

    try:
        content = clean_text(read_text(path, data))
    except SourceError:
        return None
    looks_like_data = content.startswith(("{", "["))
    return None if looks_like_data or body_problem(content) else {"id": path.stem, "content": content}
