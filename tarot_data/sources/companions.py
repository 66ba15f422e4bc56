"""Files that are read together with another file, or that another file replaces."""

import re
from pathlib import Path

from tarot_data.sources.notion.names import belongs_to_pages

FIRST_PAGE = "messages.html"
LATER_PAGE = re.compile(r"messages\d+\.html")
"""Pages of a chat by Telegram Desktop, which are read with the first."""


def is_companion(path: Path) -> bool:
    return any(belongs(path) for belongs in COMPANIONS)


def _belongs_to_database(path: Path) -> bool:
    """Check for the log of a database: `readings.db-wal` next to `readings.db`."""
    parts = ("-wal", "-shm", "-journal")
    return any(path.name.endswith(part) and path.with_name(path.name.removesuffix(part)).is_file() for part in parts)


def _belongs_to_chat(path: Path) -> bool:
    """Check for what a chat is read with: the list of its names, a later page in HTML, the manifest of its parts."""
    if path.name == "users.json":
        return any(path.parent.glob("*.csv")) or any(path.parent.glob("*.json"))
    if LATER_PAGE.fullmatch(path.name):
        return path.with_name(FIRST_PAGE).is_file()
    if path.name in ("manifest.json", "avatars.json"):
        return any((path.parent / "chunks").glob("*.jsonl"))
    if re.fullmatch(r"(?:msg|chunk)-\d+\.js|data\.js", path.name):
        return any(path.parent.glob("*.html")) or any(path.parent.parent.glob("*.html"))
    return False


COMPANIONS = (_belongs_to_database, belongs_to_pages, _belongs_to_chat)
"""One function a program whose exports have such files."""
