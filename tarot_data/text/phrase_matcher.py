"""Many fixed phrases in one pass over one long text (Aho-Corasick, in polars), as numpy arrays of characters."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl


class Matches(NamedTuple):
    """All occurrences, overlapping ones too, by start. phrase: index into the phrases asked for."""

    start: np.ndarray
    end: np.ndarray
    phrase: np.ndarray


def find_all(text: str, phrases: list[str]) -> Matches:
    """Where each of the phrases (distinct, not empty) stands in the text, in characters.

    0.07 CPU s a million characters of Chinese for 1,253 phrases: linear in the text, hardly dependent on the phrases.
    """
    empty = np.zeros(0, dtype=np.int64)
    if not text or not phrases:
        return Matches(empty, empty, empty)
    series = pl.Series([text])
    starts = series.str.find_many(phrases, overlapping=True)[0].to_numpy().astype(np.int64)
    if not len(starts):
        return Matches(empty, empty, empty)
    words = series.str.extract_many(phrases, overlapping=True)[0]
    phrase = words.cast(pl.Enum(phrases)).to_physical().to_numpy().astype(np.int64)
    # find_many counts bytes (polars#14190).
    encoded = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
    character = np.cumsum((encoded & 0xC0) != 0x80, dtype=np.int32)
    start = character[starts].astype(np.int64) - 1
    length = np.fromiter(map(len, phrases), dtype=np.int64, count=len(phrases))[phrase]
    # By start, longer ones first: one key sorts in half the time of two.
    order = np.argsort(start * (length.max() + 1) - length, kind="stable")
    start = start[order]
    return Matches(start, start + length[order], phrase[order])


def find_tables(text: str, tables: dict[str, list[str]]) -> dict[str, Matches]:
    """`find_all` for several tables of phrases at the price of one: each table's matches, by its own phrase numbers."""
    union, places = _union(tuple((name, tuple(phrases)) for name, phrases in tables.items()))
    found = find_all(text, union)
    out = {}
    for name, place in places.items():
        mine = place[found.phrase]
        keep = mine >= 0
        out[name] = Matches(found.start[keep], found.end[keep], mine[keep])
    return out


@lru_cache(maxsize=8)
def _union(tables: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[list[str], dict[str, np.ndarray]]:
    union = sorted({phrase for _, phrases in tables for phrase in phrases})
    number = {phrase: index for index, phrase in enumerate(union)}
    places = {}
    for name, phrases in tables:
        places[name] = np.full(len(union), -1, dtype=np.int64)
        places[name][[number[phrase] for phrase in phrases]] = np.arange(len(phrases))
    return union, places


def inside(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Every character of the spans, span by span: what lies in few short spans needs no pass over the text."""
    length = np.maximum(end - start, 0)
    before = np.cumsum(length) - length
    return np.repeat(start - before, length) + np.arange(int(length.sum()))


def longest(matches: Matches) -> np.ndarray:
    """Indices of a leftmost-longest choice of matches that do not overlap."""
    start, end = matches.start, matches.end
    if not len(start):
        return np.zeros(0, dtype=np.int64)
    reach = np.maximum.accumulate(end)
    # Runs of overlapping matches; only those of more than one need a look at each.
    first = np.concatenate([[True], start[1:] >= reach[:-1]])
    alone = first & np.concatenate([first[1:], [True]])
    chosen, at = np.nonzero(alone)[0].tolist(), -1
    rest = np.nonzero(~alone)[0]
    for index, s, e in zip(rest.tolist(), start[rest].tolist(), end[rest].tolist(), strict=True):
        if s >= at:
            chosen.append(index)
            at = e
    return np.sort(np.array(chosen, dtype=np.int64))
