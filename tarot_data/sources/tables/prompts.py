"""Fine-tuning examples in a table: a prompt and its answer in columns (`instruction,input,output`, `user,assistant`)."""

import csv
import io
from collections.abc import Iterator

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources import finetune
from tarot_data.sources.encoding import text_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables.delimited import MAX_CELL

_LONGEST_HEADER = 400


def recognises(sample: Sample) -> bool:
    return sample.text is not None and bool(_parts(sample.text))


def _parts(text: str) -> list[str | None]:
    """Return the part of an example in each column; [] if the first line has no prompt and answer, or fields of readings."""
    header = text.lstrip("\ufeff").partition("\n")[0].rstrip("\r")
    if len(header) > _LONGEST_HEADER or not (cells := header.split(_separator(header)))[1:]:
        return []
    names = [cell.strip(' "') for cell in cells]
    parts = [finetune.part_named(name) for name in names]
    others = {key[0] for name, part in zip(names, parts, strict=True) if not part and (key := field_of(name))}
    return parts if {"instruction", "output"} <= {*parts} and not others - {"id", "tags"} else []


def _separator(header: str) -> str:
    return "\t" if "\t" in header else ","


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text = text_of(blob)[0].removeprefix("\ufeff")
    parts = _parts(text)
    csv.field_size_limit(MAX_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text.partition("\n")[0]))
    next(rows)
    try:
        for number, row in enumerate(rows, 2):
            value = {part: cell for part, cell in zip(parts, row, strict=False) if part and cell.strip()}
            if "output" in value:
                yield from finetune.records_of(value, blob, f"row {number}")
    except csv.Error as error:
        raise unreadable("open_quote", error=str(error)) from error
