"""Files, folders and messages that are not readings: system files, program files and small talk."""

import fnmatch

from tarot_data import lexicon
from tarot_data.text.normalise import fold

NOISE_PARTS = {
    "__MACOSX",
    ".git",
    ".obsidian",
    ".siyuan",
    ".trash",
    ".Trash",
    ".Spotlight-V100",
    ".fseventsd",
    "@eaDir",
    "$RECYCLE.BIN",
}
_NOISE_NAMES = (
    ".DS_Store",
    "._*",
    "Thumbs.db",
    "desktop.ini",
    "~$*",
    ".~lock*#",
    "*.icloud",
    ".gitignore",
    ".gitkeep",
    "*.crdownload",
    "*.part",
    "*.tmp",
)
_BUNDLE = ".textbundle"
"""Folder of a note (`text.md`) with its attachments."""


def is_noise(name: str) -> bool:
    """Check for a file that cannot be a reading: system files, lock files, cloud placeholders."""
    parts = name.replace("\\", "/").split("/")
    if any(part.endswith(_BUNDLE) for part in parts[:-1]) and not parts[-1].startswith("text."):
        return True
    return any(part in NOISE_PARTS for part in parts[:-1]) or any(
        fnmatch.fnmatchcase(parts[-1], pattern) for pattern in _NOISE_NAMES
    )


@lexicon.cached
def noise_words(kind: str) -> tuple[str, ...]:
    """Return folded words of a kind of the table noise.csv, such as `greeting`, `media` or `asks`."""
    return tuple(map(fold, lexicon.words("noise", kind)))


def has_word(folded: str, kind: str) -> bool:
    """Check whether a folded text has a word of a kind anywhere."""
    return any(word in folded for word in noise_words(kind))


def leading_word(text: str, kind: str) -> str:
    """Return the word of a kind that a text begins with; empty if it begins with none."""
    return next((word for word in noise_words(kind) if text.startswith(word)), "")
