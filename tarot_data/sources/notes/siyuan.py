"""Notes of SiYuan as it stores them (.sy, JSON): a tree of blocks to the Markdown of the note."""

import json
from collections.abc import Iterator

from tarot_data.sources.encoding import text_of
from tarot_data.sources.json_files.stream import MAX_DEPTH, depth_over
from tarot_data.sources.notes.documents import Document, records_of
from tarot_data.sources.notes.page_text import markdown_table
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

FORM = "siyuan"
_DROPPED = {"NodeCodeBlock", "NodeBlockQueryEmbed", "NodeKramdownBlockIAL", "NodeKramdownSpanIAL", "NodeHTMLBlock"} | {
    "NodeAttributeView",
    "NodeImage",
    "NodeIFrame",
    "NodeWidget",
}
_LINES = {"NodeParagraph", "NodeSoftLineBreak", "NodeHardLineBreak", "NodeBr"}
"""Blocks that end a line."""


def recognises(sample: Sample) -> bool:
    text = (sample.text or "")[:4000]
    return text.lstrip("\ufeff \n").startswith("{") and '"NodeDocument"' in text


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    try:
        root = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable("cut_json", why=getattr(error, "msg", "error").lower()) from error
    if depth_over(root, 3 * MAX_DEPTH):
        raise unreadable("too_deep", limit=3 * MAX_DEPTH)
    properties = root.get("Properties") or {}
    document = Document(
        text=text_of_block(root),
        title=properties.get("title"),
        date=str(root.get("ID", ""))[:8] or None,  # an id begins with the moment of creation
        identity=str(root.get("ID", "")) or None,
    )
    yield from records_of([document], blob, FORM)


def text_of_block(block: dict, level: int = 0) -> str:
    """Return the Markdown of a block and of those in it. level: of the list that it is in."""
    kind = block.get("Type")
    if kind in _DROPPED:
        return ""
    if kind == "NodeTable":
        return _table_text(block)
    inner = level + (kind == "NodeListItem")
    text = _own_text(block) + "".join(text_of_block(child, inner) for child in _children(block))
    if kind == "NodeHeading":
        return f"{'#' * int(block.get('HeadingLevel') or 1)} {text.strip()}\n"
    if kind == "NodeListItem":
        return f"{chr(9) * level}- {text.lstrip()}"
    return f"{text}\n" if kind in _LINES else text


def _own_text(block: dict) -> str:
    text = block.get("TextMarkTextContent") or (block.get("Data") if block.get("Type") == "NodeText" else None)
    return text if isinstance(text, str) else ""


def _children(block: dict) -> list[dict]:
    found = block.get("Children")
    return [child for child in found if isinstance(child, dict)] if isinstance(found, list) else []


def _table_text(table: dict) -> str:
    rows, stack = [], [table]
    while stack:
        block = stack.pop()
        if block.get("Type") == "NodeTableRow":
            rows.append([" ".join(text_of_block(cell).split()) for cell in _children(block)])
        else:
            stack += reversed(_children(block))
    return markdown_table(rows) if rows else ""
