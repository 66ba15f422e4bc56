"""The table `click` of the message catalogue as gettext catalogues, the form in which click takes its translations.

After a change of the table run `python -m schemas.click_catalogue`; it writes `schemas/locale/<language>/…/click.mo`.
"""

import struct
from importlib.resources import files
from pathlib import Path

from schemas.messages import LANGUAGES, catalogue

DOMAIN = "click"

PLURAL = "_plural"
"""End of the key of a sentence that is the plural of another."""

MAGIC = 0x950412DE
HEADER_BYTES = 28
"""Of a .mo file: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html"""


def to_mo(lang: str) -> bytes:
    """Return the table in one language as a .mo file; click's own words, its keys, are the English ones."""
    found = {key: both for key, both in catalogue().items() if key.startswith("click.")}
    rows = {}
    for key, both in found.items():
        forms = [both, *(found[plural] for plural in [f"{key}{PLURAL}"] if plural in found)]
        if not key.endswith(PLURAL):
            rows["\0".join(form["en"] for form in forms)] = "\0".join(form[lang] for form in forms)
    rows[""] = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    pairs = [(source.encode(), rows[source].encode()) for source in sorted(rows)]
    start, places, text = HEADER_BYTES + 16 * len(pairs), [], b""
    for column in (0, 1):
        for pair in pairs:
            places += [len(pair[column]), start + len(text)]
            text += pair[column] + b"\0"
    header = (MAGIC, 0, len(pairs), HEADER_BYTES, HEADER_BYTES + 8 * len(pairs), 0, start)
    return struct.pack(f"<{7 + len(places)}I", *header, *places) + text


def path_of(lang: str) -> Path:
    return Path(str(files("schemas"))) / "locale" / lang / "LC_MESSAGES" / f"{DOMAIN}.mo"


if __name__ == "__main__":
    for lang in (lang for lang in LANGUAGES if lang != "en"):
        path_of(lang).parent.mkdir(parents=True, exist_ok=True)
        path_of(lang).write_bytes(to_mo(lang))
