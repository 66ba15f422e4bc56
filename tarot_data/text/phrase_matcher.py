"""Occurrences of many fixed phrases in a text, found by a tree of characters, as numpy arrays."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np


class Matches(NamedTuple):
    """Occurrences by start, overlapping ones included. start, end: in characters. phrase: index of the phrase."""

    start: np.ndarray
    end: np.ndarray
    phrase: np.ndarray


_ROUGH = 1 << 20
"""Size of the table of hashes that rules out nearly every character that goes on with no phrase."""


class _Trie(NamedTuple):
    """Phrases as a tree with a node for each beginning, numbered from 1.

    first: (0x110000,) node of each code point that begins phrases, 0 for the others. keys: `_key` of parent and code point
    of all other nodes, ascending, and one that no node has. nodes: their numbers. rough: (_ROUGH,) whether a key has this hash.
    phrase: number of the phrase that ends at each node, -1 if none does.
    """

    first: np.ndarray
    keys: np.ndarray
    nodes: np.ndarray
    rough: np.ndarray
    phrase: np.ndarray


@lru_cache(maxsize=16)
def _trie(phrases: tuple[str, ...]) -> _Trie:
    """Build the tree of the phrases, with a node for the empty beginning, 0."""
    number: dict[str, int] = {"": 0}
    for phrase in phrases:
        for end in range(1, len(phrase) + 1):
            number.setdefault(phrase[:end], len(number))
    first, ends = np.zeros(0x110000, dtype=np.int32), np.full(len(number), -1, dtype=np.int64)
    edges = []
    for beginning, node in number.items():
        if len(beginning) == 1:
            first[ord(beginning)] = node
        elif beginning:
            edges.append((number[beginning[:-1]] << 21 | ord(beginning[-1]), node))
    keys, nodes = np.array([*sorted(edges), (np.iinfo(np.int64).max, 0)], dtype=np.int64).T.copy()
    ends[[number[phrase] for phrase in phrases]] = np.arange(len(phrases))
    rough = np.zeros(_ROUGH, dtype=bool)
    rough[_hash(keys)] = True
    return _Trie(first, keys, nodes, rough, ends)


def _hash(keys: np.ndarray) -> np.ndarray:
    return (keys.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(44)


def find_all(text: str, phrases: Sequence[str]) -> Matches:
    """Find all occurrences of phrases (distinct, not empty) in a text."""
    return find_in(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32), phrases)


def find_in(codes: np.ndarray, phrases: Sequence[str]) -> Matches:
    """Find all occurrences of phrases in a text given by its code points.

    The phrases that begin at all places are followed at once, character by character: few are longer than three.
    """
    trie, codes = _trie(tuple(phrases)), codes.astype(np.int64)
    node = trie.first[codes]
    start = np.nonzero(node > 0)[0]
    node, size, found = node[start].astype(np.int64), 1, []
    while len(start):
        phrase = trie.phrase[node]
        ends = phrase >= 0
        found.append((start[ends], np.full(ends.sum(), size), phrase[ends]))
        inside = start + size < len(codes)
        start, node = start[inside], node[inside]
        key = node << 21 | codes[start + size]
        maybe = np.nonzero(trie.rough[_hash(key)])[0]
        start, key = start[maybe], key[maybe]
        place = np.searchsorted(trie.keys, key)
        known = trie.keys[place] == key
        start, node, size = start[known], trie.nodes[place[known]], size + 1
    if not found:
        empty = np.zeros(0, dtype=np.int64)
        return Matches(empty, empty, empty)
    start, length, phrase = map(np.concatenate, zip(*reversed(found), strict=True))
    # By start, longer ones first.
    order = np.argsort(start, kind="stable")
    return Matches(start[order], (start + length)[order], phrase[order])


def find_tables(text: str, tables: dict[str, list[str]]) -> dict[str, Matches]:
    """Find the phrases of several tables in one pass; the phrases of each are numbered by its own list."""
    union, places = _union(tuple((name, tuple(phrases)) for name, phrases in tables.items()))
    found = find_all(text, union)
    out = {}
    for name, place in places.items():
        mine = place[found.phrase]
        kept = np.nonzero(mine >= 0)[0]
        out[name] = Matches(found.start[kept], found.end[kept], mine[kept])
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
    """Return the indices of all characters in spans, span by span."""
    length = np.maximum(end - start, 0)
    before = np.cumsum(length) - length
    return np.repeat(start - before, length) + np.arange(int(length.sum()))


def longest(matches: Matches) -> np.ndarray:
    """Return the indices of the leftmost-longest matches that do not overlap."""
    start, end = matches.start, matches.end
    if not len(start):
        return np.zeros(0, dtype=np.int64)
    reach = np.maximum.accumulate(end)
    # Only runs of overlapping matches need a loop.
    first = np.concatenate([[True], start[1:] >= reach[:-1]])
    alone = first & np.concatenate([first[1:], [True]])
    chosen, at = np.nonzero(alone)[0].tolist(), -1
    rest = np.nonzero(~alone)[0]
    for index, s, e in zip(rest.tolist(), start[rest].tolist(), end[rest].tolist(), strict=True):
        if s >= at:
            chosen.append(index)
            at = e
    return np.sort(np.array(chosen, dtype=np.int64))
