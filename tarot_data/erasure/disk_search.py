"""Search of every file below a folder for some texts, decoded and unpacked."""

import bz2
import gzip
import html
import io
import json
import lzma
import re
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import polars as pl

from tarot_data.privacy import name_search

MOST_BYTES = 1 << 30
"""Most bytes read from one compressed file: a zip bomb in an inbox must not fill the memory."""

DEEPEST = 4
"""Levels of archives in archives that are opened."""

_HEADERS = {".safetensors": 1 << 20, ".pt": 0, ".gguf": 1 << 24}
"""Bytes of a weights file that are text: three letters of a name occur by chance in millions of numbers."""


def find_traces(root: Path, texts: Iterable[str], names: Iterable[str] = ()) -> list[Path]:
    """Return the files below root with one of the texts or names in their content or name, relative to root and sorted.

    Searches text in common encodings, with JSON and HTML escapes and in the alphabet of byte-level tokenizers, and the
    content of Parquet, SQLite, zip (docx, xlsx), gzip, bzip2 and xz files. Latin texts match case-sensitively and as
    whole words; names also in other width and script and with spaces.
    """
    names = sorted({name for name in names if name})
    wanted = sorted({text for text in (*texts, *names) if text})
    if not wanted or not root.exists():
        return []
    forms = [_bounded(re.escape(form), form) for text in wanted for form in _forms(text)]
    forms += [_bounded(name_search.pattern([name], any_case=False), name) for name in names]
    pattern = re.compile("|".join(forms))
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return [
        path.relative_to(root)
        for path in files
        if pattern.search(path.relative_to(root).as_posix()) or _holds(path, pattern)
    ]


def _holds(path: Path, pattern: re.Pattern[str]) -> bool:
    if path.suffix in _HEADERS:
        with path.open("rb") as file:
            return bool(pattern.search(file.read(_HEADERS[path.suffix]).decode("utf-8", "replace")))
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PAR1"):
        return _parquet_holds(path, pattern)
    with path.open("rb") as file:
        data = file.read(MOST_BYTES)
    return any(pattern.search(text) for part in unpacked(data) for text in _texts(part))


def _texts(data: bytes) -> Iterator[str]:
    """Decode bytes in the most likely encoding; without one, both as UTF-8 and as UTF-16, ignoring errors."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield data.decode("utf-16", "replace")
        return
    for encoding in ("utf-8", "gb18030", "big5"):
        try:
            yield data.decode(encoding)
            return
        except UnicodeDecodeError:
            continue
    yield data.decode("utf-8", "ignore")
    yield data.decode("utf-16-le", "ignore")


def unpacked(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Yield the bytes, and the content of an archive or compressed file."""
    yield data
    if depth >= DEEPEST:
        return
    if data.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                yield member.filename.encode()
                if member.file_size <= MOST_BYTES:
                    try:
                        inner = archive.read(member)
                    except (RuntimeError, zipfile.BadZipFile, NotImplementedError, EOFError, OSError):
                        continue
                    yield from unpacked(inner, depth + 1)
        return
    for magic, opened in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open)):
        if data.startswith(magic):
            try:
                with opened(io.BytesIO(data)) as file:
                    inner = file.read(MOST_BYTES)
            except (OSError, EOFError, lzma.LZMAError, ValueError):
                return
            yield from unpacked(inner, depth + 1)


def _parquet_holds(path: Path, pattern: re.Pattern[str]) -> bool:
    """Search the values, and the footer, which has the smallest and largest of them."""
    with path.open("rb") as file:
        file.seek(-8, io.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-min(length + 8, path.stat().st_size), io.SEEK_END)
        if pattern.search(file.read().decode("utf-8", "ignore")):
            return True
    rows = pl.scan_parquet(path, glob=False).select(pl.struct(pl.all()).struct.json_encode().alias("row"))
    # Polars' regular expressions have no look-around: polars searches the bare words, `re` checks the matches.
    bare = pattern.pattern.replace(_LEFT, "").replace(_RIGHT, "")
    found = rows.filter(pl.col("row").str.contains(bare)).collect(engine="streaming")["row"]
    return any(pattern.search(row) for row in found)


def _forms(text: str) -> list[str]:
    """Return the escaped forms in which a text may be written."""
    letters = "".join(_byte_letters()[byte] for byte in text.encode())
    return sorted({text, html.escape(text), json.dumps(text)[1:-1], letters})


_LEFT, _RIGHT = r"(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))", r"(?![0-9A-Za-z])"
"""A word may follow an escaped line break of JSON."""


def _bounded(pattern: str, text: str) -> str:
    left = _LEFT if text[0].isascii() and text[0].isalnum() else ""
    right = _RIGHT if text[-1].isascii() and text[-1].isalnum() else ""
    return left + pattern + right


@cache
def _byte_letters() -> dict[int, str]:
    """Return the letter for each byte in the vocabulary of a byte-level tokenizer (GPT-2, Radford et al. 2019)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {**{byte: chr(byte) for byte in shown}, **{byte: chr(256 + place) for place, byte in enumerate(hidden)}}
