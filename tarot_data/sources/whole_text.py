"""The whole text of a file that holds one text: plain text in any encoding, or Word."""

from pathlib import Path

from tarot_data.sources import encoding
from tarot_data.sources.notes import docx
from tarot_data.sources.reader import form_of
from tarot_data.sources.records import Blob, unreadable
from tarot_data.sources.sniff import sample_of


def read_text(path: Path, data: bytes | None = None) -> str:
    """Return the text of a file, or of bytes of that name, with line ends \\n.

    Raises SourceError if the file is empty or binary, or holds tables or several texts.
    """
    blob = Blob(file=path.name, member=None, name=path.name, sha256="", path=path, data=data)
    sample = sample_of(blob)
    if not sample.head:
        raise unreadable("empty_file")
    if docx.recognises(sample):
        text = docx.text_of(blob)
    elif sample.text is None:
        form_of(sample)  # raises what is known of a binary file
        raise unreadable("no_single_text")
    else:
        text = encoding.text_of(blob)[0]
    text = encoding.with_newlines(text)
    if not text.strip():
        raise unreadable("empty_file")
    return text
