"""Original record of a reading or rejection in its file, masked."""

from pathlib import Path

import polars as pl

from schemas.errors import Problem
from tarot_data.ingest.raw_json import record_of
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources import reader
from tarot_data.sources.inbox import PIPED, find_file
from tarot_data.sources.records import RawRecord


def original(source: dict, files: pl.DataFrame, inbox: Path | None = None) -> dict[str, object]:
    """Return {record, changed} of a source (schemas.tables.Source): the masked raw record, and whether the file changed.

    files: `tables.files`, with the inbox each file was read from. inbox: its new path, if it was moved. Raises Problem
    `no_source_file` if the file is gone, `source_was_piped`, `no_such_record` if nothing is at that locator now.
    """
    if source["file"] == PIPED:
        raise Problem("source_was_piped")
    row = files.filter(pl.col("name") == source["file"]).to_dicts()
    root = inbox or (Path(row[0]["root"]) if row else None)
    path = find_file(root, source["file"]) if root else None
    if path is None:
        raise Problem("no_source_file", file=source["file"], root=root or "–")
    record = reader.read_again(path, source["member"], source["locator"])
    fields = record_of(record) if isinstance(record, RawRecord) else record.raw
    masked, _ = masked_object({name: value for name, value in fields.items() if value not in (None, "", {}, [])})
    return {"record": masked, "changed": record.source.sha256 != source["sha256"]}
