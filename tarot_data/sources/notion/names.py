"""Names of exported Notion files (pages, tables and attachments), and the ids in them."""

import re
from itertools import islice
from pathlib import Path

ID = re.compile(r"(?:^|[ _-])([0-9a-f]{32})(?:_all)?(?:\.\w+)?$")

_MEDIA = (
    *(".jpg", ".jpeg", ".png", ".gif", ".heic", ".webp", ".bmp", ".svg", ".mp3", ".mp4", ".mov", ".m4a", ".wav"),
    *(".amr", ".pdf", ".zip", ".doc", ".docx", ".ppt", ".pptx"),
)


def page_id(name: str) -> str | None:
    """Return the 32 hex digits at the end of a page's, folder's or table's name."""
    match = ID.search(name)
    return match[1] if match else None


def belongs_to_pages(path: Path) -> bool:
    """Check for a file on disk that is read with the pages next to it, or not at all: a table, an attachment."""
    name = path.name.lower()
    if name.endswith(".csv"):
        return page_id(path.name) is not None and _has_pages(path)
    return name.endswith(_MEDIA) and any(_is_export(folder) for folder in [*path.parents][:4])


def _has_pages(table: Path) -> bool:
    """Check for the pages of a database's table, or for the same table with all columns."""
    stem = table.name[:-4]
    if not stem.endswith("_all") and table.with_name(f"{stem}_all.csv").is_file():
        return True
    stem = stem.removesuffix("_all")
    folders = (table.with_name(stem), table.with_name(stem.rsplit(" ", 1)[0]))
    return any(folder.is_dir() and any(folder.glob("*.md")) for folder in folders)


def _is_export(folder: Path) -> bool:
    """Check for Notion pages in a folder, which may have lost its own id, or for an Obsidian vault."""
    if page_id(folder.name) or (folder / ".obsidian").is_dir():
        return True
    return any(page_id(page.name) for page in islice(folder.glob("*.md"), 200))
