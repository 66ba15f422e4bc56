"""Sample for the detection of a form: first bytes of a file, their text, the entries of a zip."""

from dataclasses import dataclass
from functools import cached_property

from tarot_data.sources.archive import names
from tarot_data.sources.encoding import HEAD, decoded, with_newlines
from tarot_data.sources.records import Blob, SourceError


@dataclass(frozen=True)
class Sample:
    """blob and its first bytes. text: the beginning, decoded, line ends \\n; None if it is binary."""

    blob: Blob
    head: bytes

    @cached_property
    def text(self) -> str | None:
        if self.head.startswith(b"PK\x03\x04") or not self.head:
            return None
        try:
            text, _ = decoded(self.head)
        except SourceError:
            return None
        return with_newlines(text)

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """Return the names of a zip's entries, checked against every limit. Raises SourceError."""
        if not self.head.startswith(b"PK"):
            return ()
        return names(self.blob)


def sample_of(blob: Blob) -> Sample:
    with blob.open() as file:
        return Sample(blob, file.read(HEAD))
