"""What the client says in the body of a reading, in lines of a dialogue or quoted at its end."""

import re
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon.word_lists import any_of
from tarot_data.sources.lines import Line
from tarot_data.sources.noise import has_word, noise_words
from tarot_data.sources.notes.body_end import trimmed
from tarot_data.text.normalise import fold

_QUOTED = re.compile(r"[>\s]*")
_NO_NAME = " \t@《》()[]<>"


class _Voices(NamedTuple):
    """Patterns for folded lines. own: the beginning of one that the reader says; client: of one that the client says, behind
    marks of quotation; says: what is between a name and its text; reply: a word of thanks; thanks: of a line that tells that the client thanks; speech: of somebody who asks or
    says I."""

    own: re.Pattern
    client: re.Pattern
    says: re.Pattern
    reply: re.Pattern
    thanks: re.Pattern
    speech: re.Pattern


@lexicon.cached
def _voices() -> _Voices:
    own, client, says = (any_of(noise_words(kind)) for kind in ("self", "client word", "says"))
    reply = noise_words("client reply")
    return _Voices(
        re.compile(rf"[>\s]*(?:{own})\s?:\s?"),
        re.compile(rf"(?:{client})(?:{says})?\s?:"),
        re.compile(rf"(?:{says})?\s?:"),
        re.compile(any_of(reply)),
        re.compile(rf"(?:{client})(?:{says})?[\w\s,:]{{0,4}}(?:{any_of(reply)})"),
        re.compile(any_of((*reply, *noise_words("self"), *noise_words("asks")))),
    )


def without_client(lines: list[Line], persons: list[str]) -> list[Line]:
    """Return the lines of a body without what the client says in it: quoted at its end (`> 阿鸢：好准`, `她：谢谢`), in a
    paragraph of its own (`> 阿鸢：可是他忙`), or between what the reader says (`她：…`, `我：…`). Lines of positions (`我：愚人`, `她：力量`) name cards on both sides."""
    text = fold("\n".join(line.text for line in lines))
    if ":" not in text and ">" not in text and not _voices().thanks.match(text.rpartition("\n")[2]):
        return lines
    folded = text.split("\n")
    names = tuple(filter(None, (fold(person).strip(_NO_NAME) for person in persons)))
    said = _lines_of_client(folded, names)
    if not said or any(find_cards(lines[index].text) for index in said):
        return lines
    if _is_dialogue(lines, folded, said):
        return _own_words(lines, folded, names)
    end = _end_before_quote(folded, said)
    apart = {index for index in said if index < end and _is_apart(folded, index)}
    return trimmed([line for index, line in enumerate(lines[:end]) if index not in apart])


def _is_of_client(text: str, names: tuple[str, ...]) -> bool:
    """Check whether the client says a folded line: their name or a word for them is before a colon."""
    if ":" not in text:
        return False
    start = _QUOTED.match(text).end()
    named = (start + len(name) for name in names if text.startswith(name, start))
    return any(_voices().says.match(text, end) for end in named) or _voices().client.match(text, start) is not None


def _lines_of_client(folded: list[str], names: tuple[str, ...]) -> list[int]:
    """Return the indices of the lines that the client says; if none is marked so, the last quoted one that thanks."""
    said = [index for index, text in enumerate(folded) if _is_of_client(text, names)]
    if not said and len(folded) > 2 and not folded[-2].strip() and _voices().thanks.match(folded[-1]):
        return [len(folded) - 1]
    return said or [index for index, text in enumerate(folded) if text[:1] == ">" and _voices().reply.search(text)][-1:]


def _is_apart(folded: list[str], index: int) -> bool:
    """Check for a paragraph of one line that the client says between paragraphs of the reader: quoted, or in which
    somebody says I and nobody is addressed (`她听完说：我家里不同意`)."""
    above, text, below = (folded[at].strip(" >") if 0 <= at < len(folded) else "" for at in range(index - 1, index + 2))
    if above or below and not below.startswith(noise_words("self")):
        return False
    told = _voices().speech.search(text) is not None and not has_word(text, "addressed")
    return folded[index].lstrip()[:1] == ">" or told


def _is_dialogue(lines: list[Line], folded: list[str], said: list[int]) -> bool:
    """Check that the client asks, thanks or says I, and that the reader names cards in lines marked as their own."""
    if not any(_voices().speech.search(folded[index]) for index in said):
        return False
    return any(_voices().own.match(text) and find_cards(line.text) for line, text in zip(lines, folded, strict=True))


def _own_words(lines: list[Line], folded: list[str], names: tuple[str, ...]) -> list[Line]:
    """Return the lines that the reader says, without the mark of who speaks; a voice lasts until the next mark."""
    kept, client = [], False
    for line, text in zip(lines, folded, strict=True):
        own = _voices().own.match(text)
        client = client and not own or _is_of_client(text, names)
        if not client:
            kept.append(Line(line.text[own.end() :], line.number) if own else line)
    return trimmed(kept)


def _end_before_quote(folded: list[str], said: list[int]) -> int:
    """Return the end of the body before a reply of the client that is quoted below it; all lines if there is none."""
    end = len(folded)
    while end and (folded[end - 1].lstrip()[:1] in ("", ">") or end - 1 in said):
        end -= 1
    replies = any(text.lstrip()[:1] == ">" or _voices().reply.search(text) for text in folded[end:])
    return end if end and said[-1] >= end and replies else len(folded)
