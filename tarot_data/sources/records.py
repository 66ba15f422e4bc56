"""Output of every parser: raw records with their source, or rejections."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from tarot_data import lexicon
from tarot_data.privacy import mask
from tarot_data.text.cleanup import plain


@dataclass(frozen=True, kw_only=True)
class Source:
    """The place of a record. See `schemas.tables.Source` for the forms of a locator."""

    file: str
    member: str | None
    locator: str
    sha256: str
    form: str


@dataclass(frozen=True, kw_only=True)
class RawDraw:
    """One draw as the source has it: cards as text, a list of texts, or a list of objects; not yet resolved.

    resolved: the same cards as in `schemas.tables.DrawnCard`, if they come from a reading; they are not parsed again.
    """

    spread: str | None
    cards: object
    resolved: tuple[dict, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """One reading as in its file, unmasked and not cleaned. Never stored in this form.

    date: as written. date_hint: sheet or file name that may have the year. record_id: the source's own id if it is
    stable (a Notion page id, a primary key). fixed: a person corrected it. kept_flags: those of KEPT_FLAGS that its file or
    the reading that it comes from gives it. unknown: labels of columns
    with text that were not understood. follow_ups: (content before the answer, question) of each question that the person
    asked while the reading was written.
    """

    source: Source
    person: str | None = None
    question: str | None = None
    draws: tuple[RawDraw, ...] = ()
    content: str = ""
    follow_ups: tuple[tuple[str, str], ...] = ()
    date: object = None
    date_hint: str | None = None
    outcome: str | None = None
    consent: object = None
    synthetic: bool = False
    record_id: str | None = None
    fixed: bool = False
    kept_flags: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


Corrected = Callable[[RawRecord, str], RawRecord | None]
"""(record, key of its reading or rejection) -> the record as a person corrected it, None if nobody did."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A file or a record that gives no reading.

    code: row `rejection.<code>` of the message catalogue; values fill it. raw: the part that could be read,
    unmasked; it is masked before it is stored.
    """

    source: Source
    stage: str
    reason: str
    code: str
    values: dict[str, object] = field(default_factory=dict)
    raw: dict[str, object] = field(default_factory=dict)


class SourceError(Exception):
    """A file or entry that gives no record. reason: `unreadable`, `unsafe` or `not_a_reading`; values hold no content of the file."""

    def __init__(self, reason: str, code: str, values: dict[str, object]) -> None:
        self.reason, self.code, self.values = reason, code, values
        super().__init__(code)

    @property
    def verdict(self) -> dict[str, object]:
        """Return the fields of `Rejected` with the reason."""
        return {"reason": self.reason, "code": self.code, "values": self.values}


def unreadable(code: str, **values: object) -> SourceError:
    return SourceError("unreadable", code, values)


def unsafe(code: str, **values: object) -> SourceError:
    return SourceError("unsafe", code, values)


def not_a_reading(code: str, **values: object) -> SourceError:
    return SourceError("not_a_reading", code, values)


@dataclass(frozen=True, kw_only=True)
class Blob:
    """The bytes of a file, or of an entry of an archive, whose form is not known yet.

    file: path below the inbox, masked. name: the last part of its real name. path: of a file; data: of an entry.
    """

    file: str
    member: str | None
    name: str
    sha256: str
    path: Path | None = None
    data: bytes | None = None

    def open(self) -> BinaryIO:
        if self.data is not None:
            return io.BytesIO(self.data)
        return self.path.open("rb")

    @property
    def size(self) -> int:
        return len(self.data) if self.data is not None else self.path.stat().st_size

    @property
    def hint(self) -> str:
        """Return the folders and the name, which may have the year."""
        return f"{self.file}/{self.member}" if self.member else self.file


def source_of(blob: Blob, locator: str, form: str) -> Source:
    return Source(file=blob.file, member=blob.member, locator=masked_name(locator), sha256=blob.sha256, form=form)


def rejected(blob: Blob, error: SourceError, form: str = "unknown") -> Rejected:
    """Reject a whole file or entry."""
    return Rejected(source=source_of(blob, "file", form), stage="read", **error.verdict)


@lexicon.cached(maxsize=4096)
def masked_name(name: str) -> str:
    """Mask contact details in the name of a file, entry, sheet or table, so that it can be stored.

    A masked name gets four hex digits of its hash, which distinguish two such names without revealing them.
    """
    if _PLACE.fullmatch(name):
        return name
    name = plain(name)
    if (counted := _COUNTED.fullmatch(name)) and _is_clean(counted[1], len(counted[2])):
        return name  # rows of one table or sheet
    # The id of a Notion page may consist of digits only, and names a page, not a person.
    kept = PAGE_ID.findall(name)
    masked, kinds = mask.mask_short(PAGE_ID.sub(_ID, name))
    if not kinds:
        return name
    if masked.count(_ID) == len(kept):
        for each in kept:
            masked = masked.replace(_ID, each, 1)
    return f"{masked}~{blake2b(name.encode(), digest_size=2).hexdigest()}"


@lexicon.cached(maxsize=4096)
def _is_clean(name: str, digits: int) -> bool:
    """Check that a name has no contact details whatever number of as many digits is behind it."""
    return not any(mask.mask(name + digit * digits)[1] for digit in "18")


PAGE_ID = re.compile(r"(?:(?<=[ _/-])|^)[0-9a-f]{32}(?=(?:_all)?(?:\.\w+)?(?:/|$))")
_ID = "\ue000"
_COUNTED = re.compile(r"(.* )(\d{1,5})")
"""A name and the number behind it, which is too short for a contact detail by itself: `sheet 记录 row 12`."""
_PLACE = re.compile(r"(?:line|row|item|page|paragraph|message) [0-9.]{1,9}")
