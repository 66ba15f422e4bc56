"""Mentions of a person in texts that others wrote: search for the rows, masking of the names."""

import json
from collections.abc import Iterator

import polars as pl

from tarot_data.privacy.name_search import masked, pattern, place_spans, spans

NAMED_AFTER = frozenset("file member locator name root columns".split())
"""Fields with names of files and sheets."""

TEXTS = NAMED_AFTER | frozenset(
    "person question asked content outcome spread position raw values excerpt record fields reasoning_content".split()
)
"""Fields with text of a person, in which a name may occur. The others hold codes, numbers and closed lists."""

IN_JSON = frozenset("values record fields".split())
"""Fields of TEXTS that are JSON: a name after a line break follows the letter n there."""


def mentioning(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    """Return a mask of the rows with one of the names in one of their texts."""
    if not names:
        return pl.Series([False] * frame.height, dtype=pl.Boolean)
    texts = [column for column in frame.columns if column in TEXTS or frame[column].dtype.is_nested()]
    chosen = frame.select(texts)
    rows = chosen.lazy().select(row=pl.struct(texts).struct.json_encode()).with_row_index("place")
    places = rows.filter(pl.col("row").str.contains(pattern(names))).collect()["place"]
    found = {place for place in places if any(spans(text, names) for text in _texts(chosen.row(place)))}
    return pl.Series([place in found for place in range(frame.height)], dtype=pl.Boolean)


def _texts(value: object, with_keys: bool = False) -> Iterator[str]:
    """Yield every text in a row, and in JSON within it, where keys may be names of columns."""
    if isinstance(value, dict | list | tuple):
        if with_keys and isinstance(value, dict):
            yield from value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner, with_keys)
    elif isinstance(value, str):
        inner = _parsed(value)
        yield from [value] if inner is None else _texts(inner, with_keys=True)


def _parsed(text: str) -> dict | list | None:
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def mask_mentions(frame: pl.DataFrame, names: tuple[str, ...], everywhere: tuple[str, ...]) -> tuple[pl.DataFrame, int]:
    """Mask names in the rows of a table; return the table and the number of changed rows.

    everywhere: those that are masked in all texts; the others only in names of files and sheets.
    """
    hit = mentioning(frame, names)
    if not hit.any():
        return frame, 0
    marked = frame.with_row_index("_place")
    before = marked.filter(hit).to_dicts()
    after = [_masked(row, names, everywhere) for row in before]
    whole = pl.concat([marked.filter(~hit), pl.DataFrame(after, schema=marked.schema)]).sort("_place").drop("_place")
    return whole, sum(one != other for one, other in zip(before, after, strict=True))


def _masked(value: object, names: tuple[str, ...], everywhere: tuple[str, ...], key: str = "") -> object:
    if isinstance(value, dict):
        return {inner: _masked(below, names, everywhere, inner) for inner, below in value.items()}
    if isinstance(value, list):
        return [_masked(below, names, everywhere, key) for below in value]
    if not isinstance(value, str):
        return value
    if key in IN_JSON and (inner := _parsed(value)) is not None:
        hidden = _masked_json(inner, everywhere)
        return value if hidden == inner else json.dumps(hidden, ensure_ascii=False)
    return masked(value, place_spans(key, value, names if key in NAMED_AFTER else everywhere if key in TEXTS else ()))


def _masked_json(value: object, names: tuple[str, ...]) -> object:
    """Mask names in every text and key of parsed JSON."""
    if isinstance(value, dict):
        return {_masked_json(key, names): _masked_json(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked_json(inner, names) for inner in value]
    return masked(value, spans(value, names)) if isinstance(value, str) else value
