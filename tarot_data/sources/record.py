"""What every source yields: a raw record with its provenance, or the reason why there is none."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a record stands. See `schemas.tables.Source` for the forms of a locator."""

    file: str
    member: str | None
    locator: str
    sha256: str
    form: str


@dataclass(frozen=True, kw_only=True)
class RawDraw:
    """One draw as the source has it: cards as text, a list of texts, or a list of objects; not yet resolved."""

    spread: str | None
    cards: object


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """One reading as it lies in its file: unmasked, uncleaned. Never written anywhere in this form.

    date: as written. date_hint: sheet or file name that may hold the year. record_id: the source's own id where it
    is stable (a Notion page id, a primary key).
    """

    source: Source
    person: str | None = None
    question: str | None = None
    draws: tuple[RawDraw, ...] = ()
    content: str = ""
    date: object = None
    date_hint: str | None = None
    outcome: str | None = None
    consent: object = None
    synthetic: bool = False
    record_id: str | None = None
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A file or a record that gives no reading. raw: what could be read of it, unmasked, for masking and storing."""

    source: Source
    stage: str
    reason: str
    detail: str
    raw: dict[str, object] = field(default_factory=dict)
