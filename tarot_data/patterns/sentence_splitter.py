"""Sentence splitter, by the rule of `data/annotated/GUIDELINES.md`: a text to the offsets of its sentences.

A sentence ends with `。！？…!?` or a line break. Closing quotes, brackets, `**`, emoji and emoticons stay with the
sentence they follow. Speech-to-text without such marks is cut at spaces, commas and the words speakers continue with.
"""

import re
from bisect import bisect_left, bisect_right
from functools import cache

import numpy as np

from tarot_data import lexicon
from tarot_data.text.normalise import fold

LONGEST = 100
"""Characters above which a line that ends without a mark is cut: the longest such annotated sentence has 91."""

LONGEST_ENDED = 300
"""Characters above which even a sentence with an end mark is cut: it is speech with a mark only here and there."""

AIM = 40
"""Characters a piece of a cut line should have: the median between two pauses in the annotated readings is 31."""

_EMOJI = (
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u3030\u303d\u3297\u3299]"
    "[\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff]*"
)
# A sticker ([破涕为笑]) or (笑) belongs to the sentence before it, a stage direction (（喝口水）) is its own.
# A list mark such as ①, ✅, 📍 or 1️⃣ may follow on the same line, but then after white space or a line break.
_TAIL = (
    r"(?:[”’」』）)\]】》〉\"'＂＇~～]|\*\*|__|\^_\^|T_T|QAQ|XD+|orz|:\)|:D"
    r"|(?:\[[^\[\]\n\d]{1,4}\]|[(（](?:[^()（）\n\d]{1,2}|[^()（）\n\d\u4e00-\u9fff]{3,4})[)）])(?=\s*(?:$|\n))"
    rf"|(?:\u200d|{_EMOJI}))*"
)
_END = re.compile(rf"(?:[。！？…]|(?<=[\u4e00-\u9fff])[!?]|[!?](?![0-9A-Za-z=&/%#_]))[。！？…!?]*{_TAIL}|\n")
_OPENING = re.compile("[*\"']")
_PAUSE = re.compile(r"[，,；;、：:]|\s+")


@lexicon.cached
def _markers() -> re.Pattern:
    words = sorted((fold(row["word"]) for row in lexicon.read_table("speech")), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


def split(content: str) -> list[tuple[int, int]]:
    """Split a text: (start, end) of every sentence, in characters, in order, without white space around them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(content):
        first, end = match.span()
        if end - first == 1 and start < first < start + LONGEST and content[start].isalnum() and content[first] != "\n":
            # Nine sentences of ten: a letter, at most a hundred characters, one mark.
            spans.append((start, end))
        elif content[first] == "\n":
            if first > start:
                _add(content, start, first, spans)
        else:
            if end - first > 1:
                end = _closing(content, start, match)
            _add(content, start, end, spans, LONGEST_ENDED)
        start = end
    _add(content, start, len(content), spans)
    return spans


_ENDS, _HALF_ENDS, _FOLLOWS, _LETTER, _SPACE, _AFTER_HALF = (1 << bit for bit in range(6))


@cache
def _kinds() -> np.ndarray:
    """Return bits for every code point: end mark or line break; `!` or `?`; may belong to the mark before it; letter or
    digit; white space; makes a `!` or `?` before it part of a word or an address.

    Above 0x20000 letters are not recognised: such lines are split one by one.
    """
    table = np.zeros(0x110000, dtype=np.uint8)
    characters = list(map(chr, range(0x20000)))
    table[:0x20000] |= np.array([_LETTER * c.isalnum() | _SPACE * c.isspace() for c in characters], dtype=np.uint8)
    table[[ord(c) for c in "。！？…!?\n"]] |= _ENDS
    table[[ord(c) for c in "!?"]] |= _HALF_ENDS
    follows = re.compile(rf"[。！？…!?”’」』）)\]】》〉\"'＂＇~～*_^TQXo:\[(（\u200d]|{_EMOJI}")
    table[[ord(c) for c in characters if follows.match(c)]] |= _FOLLOWS
    table[0x20000:] |= _FOLLOWS
    table[[ord(c) for c in "=&/%#_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]] |= _AFTER_HALF
    return table


def split_lines(text: str, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split a text of many lines that ends with a line break, like `split`: starts and ends. codes: its code points.

    No sentence is longer than its line. Lines whose sentences begin with a letter and end with one mark, nine of ten,
    are split as arrays, the others by `split`.
    """
    kinds = _kinds()[codes]
    at = np.nonzero(kinds & _ENDS)[0]
    start = np.concatenate([[0], at[:-1] + 1])
    breaks = codes[at] == 10
    size = at - start
    following = kinds[np.minimum(at + 1, len(codes) - 1)]
    plain = (kinds[start] & _LETTER > 0) & (size > 0)
    marked = plain & (size < LONGEST) & (following & _FOLLOWS == 0)
    marked &= (kinds[at] & _HALF_ENDS == 0) | (following & _AFTER_HALF == 0)
    ended = (size == 0) | plain & (size <= LONGEST) & (kinds[at - 1] & _SPACE == 0)
    line = np.cumsum(breaks) - breaks
    odd = np.bincount(line[~np.where(breaks, ended, marked)], minlength=line[-1] + 1) > 0
    kept = (size > 0) & ~odd[line]
    edges = np.concatenate([[0], at[breaks] + 1])
    one_by_one = [
        (first + a, first + b)
        for first, last in zip(edges[:-1][odd].tolist(), edges[1:][odd].tolist(), strict=True)
        for a, b in split(text[first : last - 1])
    ]
    rest = np.array(one_by_one, dtype=np.int64).reshape(-1, 2)
    starts = np.concatenate([start[kept], rest[:, 0]])
    ends = np.concatenate([at[kept] + ~breaks[kept], rest[:, 1]])
    order = np.argsort(starts, kind="stable")
    return starts[order], ends[order]


def _closing(content: str, start: int, match: re.Match) -> int:
    """Find the end of a sentence: `**` and straight quotes belong to it only if it has opened them."""
    if not _OPENING.search(match.group()):
        return match.end()
    for mark in ("**", '"', "'"):
        at = content.find(mark, match.start(), match.end())
        if at >= 0 and content.count(mark, start, at) % 2 == 0:
            return at
    return match.end()


def _add(content: str, start: int, end: int, spans: list[tuple[int, int]], longest: int = LONGEST) -> None:
    while start < end and content[start].isspace():
        start += 1
    while start < end and content[end - 1].isspace():
        end -= 1
    if start == end:
        return
    body = content[start:end]
    if end - start <= LONGEST and body[0].isalnum():
        spans.append((start, end))
    elif spans and not any(map(str.isalnum, body)) and not content[spans[-1][1] : start].strip(" "):
        # Marks alone on the same line (a stray bracket, an emoticon) belong to the sentence they follow.
        spans[-1] = (spans[-1][0], end)
    elif end - start > longest:
        spans += _cut(content, start, end)
    else:
        spans.append((start, end))


def _cut(content: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut a line without end marks into pieces of about AIM characters: at spaces first, then commas, then markers."""
    line = content[start:end]
    pauses = [(m.start(), m.end(), 0 if m.group().isspace() else 1) for m in _PAUSE.finditer(line)]
    pauses += [(m.start(), m.start(), 2) for m in _markers().finditer(fold(line))]
    pauses.sort()
    starts = [pause[0] for pause in pauses]
    spans, at = [], 0
    while len(line) - at > AIM * 1.5:
        # Binary search: a line of a megabyte has a hundred thousand pauses.
        reach = pauses[bisect_right(starts, at + AIM * 0.4) : bisect_left(starts, at + AIM * 2)]
        near = [p for p in reach if len(line) - p[1] > AIM * 0.3]
        if not near:
            break
        before, after, _ = min(near, key=lambda p: (abs(p[0] - at - AIM) + 12 * p[2], p[0]))
        cut = before if line[before:after].isspace() or before == after else after
        spans.append((start + at, start + cut))
        at = after
    while at < len(line) and line[at].isspace():
        at += 1
    # A very long run of characters without a pause.
    while len(line) - at > 3 * LONGEST:
        spans.append((start + at, start + at + LONGEST))
        at += LONGEST
    if at < len(line):
        spans.append((start + at, end))
    return spans
