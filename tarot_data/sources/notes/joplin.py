"""Joplin's export: RAW files (`title`, body, metadata up to `type_: 1`) and .jex, a tar of them."""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tarot_data.sources.archive import MAX_ENTRIES, MAX_ENTRY
from tarot_data.sources.encoding import text_of, with_newlines
from tarot_data.sources.noise import is_noise
from tarot_data.sources.notes.documents import Document, records_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, masked_name, unreadable, unsafe
from tarot_data.sources.sniff import Sample

FORM = "joplin"
_METADATA = re.compile(r"(?:\A|\n\n?)((?:[a-z_]{2,40}:(?: [^\n]*)?\n)*type_: (\d{1,2}))\s*\Z")
_NOTE, _NOTEBOOK, _TAG, _TAGGED = "1", "2", "5", "6"
"""Kinds of items (`type_`): note, notebook, tag, tag of a note."""


def recognises(sample: Sample) -> bool:
    if sample.head[257:262] == b"ustar":
        return True
    text = sample.text
    return text is not None and "\ntype_: " in text and item_of(text) is not None


@dataclass(frozen=True)
class Item:
    """A note, notebook, tag, resource or link between them. values: its metadata."""

    kind: str
    title: str
    body: str
    values: dict[str, str]


def item_of(text: str) -> Item | None:
    """Parse a RAW file; None if it has no metadata."""
    match = _METADATA.search(text)
    if match is None:
        return None
    values = dict(line.partition(": ")[::2] for line in match[1].split("\n"))
    if len(values.get("id", "")) != 32:
        return None
    title, _, body = text[: match.start()].partition("\n")
    return Item(match[2], title.strip(), body.strip("\n"), values)


def read(blob: Blob) -> Iterator[Blob | RawRecord | Rejected]:
    with blob.open() as file:
        archived = file.read(262)[257:] == b"ustar"
    if archived:
        yield from _read_archive(blob)
        return
    yield from _read_item(item_of(_plain_text(blob)), blob, {}, ())


def _plain_text(blob: Blob) -> str:
    return with_newlines(text_of(blob)[0])


def _read_item(
    item: Item, blob: Blob, notebooks: dict[str, str], tags: tuple[str, ...]
) -> Iterator[RawRecord | Rejected]:
    """Read a note; nothing of another item or of a note in the waste-basket."""
    values = item.values
    if item.kind != _NOTE or values.get("deleted_time", "0") not in ("", "0"):
        return
    if values.get("encryption_applied") == "1":
        raise unreadable("encrypted_entry")
    document = Document(
        text=item.body,
        title=item.title,
        date=values.get("user_created_time") or values.get("created_time"),
        tags=tags,
        folder=notebooks.get(values.get("parent_id", "")),
        identity=values["id"],
    )
    yield from records_of([document], blob, FORM)


def _read_archive(blob: Blob) -> Iterator[Blob | RawRecord | Rejected]:
    """Read the notes of a .jex with their notebooks and tags; the files of another tar are read by their own form."""
    entries = list(_entries(blob))
    items = [(entry, item_of(_plain_text(entry)) if entry.name.endswith(".md") else None) for entry in entries]
    if not any(item for _, item in items):
        yield from entries
        return
    known = [item for _, item in items if item]
    titles = {item.values["id"]: item.title for item in known if item.kind in (_NOTEBOOK, _TAG)}
    tags: dict[str, list[str]] = {}
    for item in known:
        if item.kind == _TAGGED and (title := titles.get(item.values.get("tag_id", ""))):
            tags.setdefault(item.values.get("note_id", ""), []).append(title)
    for entry, item in items:
        if item:
            yield from _read_item(item, entry, titles, tuple(tags.get(item.values["id"], ())))


def _entries(blob: Blob) -> Iterator[Blob]:
    """Yield the regular files of a tar that may be texts. Raises SourceError if it is damaged or has too many."""
    try:
        with tarfile.open(fileobj=blob.open(), mode="r:") as archive:
            for number, entry in enumerate(archive):
                if number >= MAX_ENTRIES:
                    raise unsafe("too_many_entries", entries=number + 1, limit=MAX_ENTRIES)
                if not entry.isfile() or is_noise(entry.name) or entry.name.startswith("resources/"):
                    continue
                if entry.size > MAX_ENTRY:
                    raise unreadable("entry_too_large", limit=MAX_ENTRY)
                name = entry.name.rsplit("/", 1)[-1]
                data = archive.extractfile(entry).read()
                yield replace(blob, member=masked_name(entry.name), name=name, path=None, data=data)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise unreadable("damaged_tar", error=type(error).__name__) from error
