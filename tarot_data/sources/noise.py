"""Files and folders of an inbox that systems and programs leave there, and that hold no readings."""

import fnmatch

NOISE_PARTS = {
    "__MACOSX",
    ".git",
    ".obsidian",
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


def is_noise(name: str) -> bool:
    """Whether a path below the inbox is nobody's reading: system files, lock files, cloud placeholders."""
    parts = name.replace("\\", "/").split("/")
    return any(part in NOISE_PARTS for part in parts[:-1]) or any(
        fnmatch.fnmatchcase(parts[-1], pattern) for pattern in _NOISE_NAMES
    )
