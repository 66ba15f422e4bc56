"""Records from any other zip: a folder whose entries are read by their own form, one level deep."""

from collections.abc import Iterator

from tarot_data.sources import archive
from tarot_data.sources.records import Blob, Rejected, rejected
from tarot_data.sources.sniff import Sample

FORM = "zip"


def recognises(sample: Sample) -> bool:
    if not sample.head.startswith(b"PK") or sample.blob.member is not None:
        return False
    # Raises SourceError if the archive breaks a limit.
    return sample.entries is not None


def read(blob: Blob) -> Iterator[Blob | Rejected]:
    with archive.opened(blob) as opened:
        for entry in archive.blobs(blob, opened, archive.Budget()):
            yield rejected(entry.blob, entry.error, FORM) if isinstance(entry, archive.Unread) else entry
