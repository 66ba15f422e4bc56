"""JSON whose objects have no known keys: rejected with the keys, so that it is not read as the text of a note."""

from collections.abc import Iterator

from tarot_data.sources.json_files.records import first_objects, looks_like_json
from tarot_data.sources.records import Blob, RawRecord, Rejected, masked_name, unreadable
from tarot_data.sources.sniff import Sample, sample_of

_SHOWN = 12
"""Keys that a rejection names."""


def recognises(sample: Sample) -> bool:
    return looks_like_json(sample) and any(first_objects(sample, limit=1))


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    """Raise SourceError with the keys of the first object."""
    first = first_objects(sample_of(blob), limit=1)
    raise unreadable("json_unknown_keys", keys=", ".join(masked_name(str(key)) for key in [*first[0]][:_SHOWN]))
    yield
