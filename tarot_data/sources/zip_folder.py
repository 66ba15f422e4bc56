"""Any other zip: a folder in disguise, each entry read by its own form, one level deep."""

from collections.abc import Iterator

from tarot_data.sources import archive
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError, source_of
from tarot_data.sources.sniff import Sample

FORM = "zip"


def recognises(sample: Sample) -> bool:
    return sample.head.startswith(b"PK") and sample.blob.member is None and (bool(sample.entries) or True)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    from tarot_data.sources.reader import read_blob

    budget = archive.Budget()
    with archive.opened(blob) as opened:
        for entry in archive.blobs(blob, opened, budget):
            if isinstance(entry, SourceError):
                source = source_of(Blob(file=blob.file, member=entry.member, name="", sha256=blob.sha256), "file", FORM)
                yield Rejected(source=source, stage="read", reason=entry.reason, detail=entry.detail)
            else:
                yield from read_blob(entry)
