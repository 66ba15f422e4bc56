"""Where a sentence ends: the rule of `data/annotated/GUIDELINES.md`, offsets exact into the content as given.

Up to and including `。！？…!?` or a line break. Closing quotes, brackets, `**`, emoji and emoticons stay with the sentence
they follow. Speech-to-text without such marks is cut at spaces, commas and the words speakers go on with.
"""

import re
from bisect import bisect_left, bisect_right

from tarot_data import lexicon
from tarot_data.folding import fold

LONGEST = 100
"""Characters without any end mark above which a line is cut further: the longest sentence a person annotated has 91."""

AIM = 40
"""Characters a cut piece should have: the median of what people say between two pauses in the annotated readings is 31."""

_EMOJI = (
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u3030\u303d\u3297\u3299]"
    "[\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff]*"
)
# A list mark such as ①, ✅, 📍 or 1️⃣ may follow on the same line, but then white space or a line break stands before it.
_TAIL = (
    r"(?:[”’」』）)\]】》〉\"'＂＇~～]|\*\*|__|\^_\^|T_T|QAQ|XD+|orz|:\)|:D|[\[(（][^\[\]()（）\n\d]{1,4}[\])）](?=\s*(?:$|\n))"
    rf"|(?:\u200d|{_EMOJI}))*"
)
_END = re.compile(rf"(?:[。！？…]|[!?](?![0-9A-Za-z=&/%#_]))[。！？…!?]*{_TAIL}|\n")
_OPENING = re.compile("[*\"']")
_PAUSE = re.compile(r"[，,；;、：:]|\s+")


@lexicon.cached
def _markers() -> re.Pattern:
    words = sorted((fold(row["word"]) for row in lexicon.read_table("speech")), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


def split(content: str) -> list[tuple[int, int]]:
    """(start, end) of every sentence, in characters of content, in order, without white space round them."""
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
            _add(content, start, end, spans)
        start = end
    _add(content, start, len(content), spans)
    return spans


def _closing(content: str, start: int, match: re.Match) -> int:
    """Where a sentence really ends: `**` and straight quotes close only what the sentence itself has opened."""
    if not _OPENING.search(match.group()):
        return match.end()
    for mark in ("**", '"', "'"):
        at = content.find(mark, match.start(), match.end())
        if at >= 0 and content.count(mark, start, at) % 2 == 0:
            return at
    return match.end()


def _add(content: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
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
        # Marks alone on the same line (a stray bracket, an emoticon) belong to what they follow.
        spans[-1] = (spans[-1][0], end)
    elif end - start > LONGEST:
        spans += _cut(content, start, end)
    else:
        spans.append((start, end))


def _cut(content: str, start: int, end: int) -> list[tuple[int, int]]:
    """Pieces of a line without end marks, each about AIM characters: at spaces first, then commas, then markers."""
    line = content[start:end]
    pauses = [(m.start(), m.end(), 0 if m.group().isspace() else 1) for m in _PAUSE.finditer(line)]
    pauses += [(m.start(), m.start(), 2) for m in _markers().finditer(fold(line))]
    pauses.sort()
    starts = [pause[0] for pause in pauses]
    spans, at = [], 0
    while len(line) - at > AIM * 1.5:
        # Found by halves: a line of a megabyte has a hundred thousand pauses.
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
    # A hard cut: nothing to hold on to in a very long run of characters.
    while len(line) - at > 3 * LONGEST:
        spans.append((start + at, start + at + LONGEST))
        at += LONGEST
    if at < len(line):
        spans.append((start + at, end))
    return spans
