"""The question in the messages of a client."""

from tarot_data.sources.chats.cleaning import is_small_talk
from tarot_data.sources.chats.message import Message
from tarot_data.sources.labelled_lines import read_head, start_of_head
from tarot_data.sources.name_evidence import asks
from tarot_data.sources.noise import has_word, noise_words
from tarot_data.text.normalise import fold


def asked_in(asked: list[Message], reader: str = "") -> tuple[str | None, str | None]:
    """Return the client's question and its sender: a labelled one, the last message that asks something, or else the
    longest. reader: the reader's name, by which a message may begin.

    Greetings are cut off; texts under four characters are ignored, and short ones (`这样吗？`) if another asks.
    """
    labelled = [(value, message.sender) for message in asked if (value := _labelled_question(message.text))]
    if labelled:
        return labelled[-1]
    texts = [(text, message.sender) for message in asked if len(text := _without_greeting(message.text, reader)) >= 4]
    asking = [pair for pair in texts if asks(pair[0])]
    asking = [pair for pair in asking if len(pair[0]) >= _SHORTEST_QUESTION] or asking
    chosen, sender = asking[-1] if asking else max(texts, key=lambda pair: len(pair[0]), default=(None, None))
    return (chosen[:500], sender) if chosen else (None, None)


def _labelled_question(text: str) -> str | None:
    """Return the question that a message has behind a label, as in a form that the client filled in."""
    lines = text.split("\n")
    start = start_of_head(lines)
    fields = read_head(lines, start).fields if start is not None else {}
    values = [value for key, pairs in fields.items() if key[0] == "question" for _, value in pairs]
    return values[0].strip()[:500] or None if values and isinstance(values[0], str) else None


def question_of(texts: list[str]) -> str | None:
    """Return the question in a client's texts without senders and times; each line counts as a message."""
    lines = [line.strip() for text in texts for line in text.split("\n") if line.strip()]
    return asked_in([Message(sender="", text=line, time=None, place="") for line in lines])[0]


def follow_up_in(texts: list[str]) -> str:
    """Return what a person asked in texts between two parts of a reading, without small talk; empty if nothing is asked."""
    said = [text.strip() for text in texts if text.strip() and not is_small_talk(text)]
    return "\n".join(said)[:LONGEST_FOLLOW_UP] if any(map(asks, said)) else ""


LONGEST_FOLLOW_UP = 500


_PAUSES = " ，,。！!～~：:、…\n"
_LONGEST_REQUEST, _LONGEST_GREETING, _SHORTEST_QUESTION = 14, 6, 7
"""Characters of a clause before the question that only asks for a reading, or greets, and of a message that asks on its
own."""


def _without_greeting(text: str, reader: str = "") -> str:
    words = sorted(noise_words("greeting"), key=len, reverse=True)
    while True:
        text = text.lstrip(_PAUSES)
        folded = fold(text)
        found = next((word for word in words if folded.startswith(word) and not _goes_on(folded, word)), None)
        # `想问下个月…`: whether a word belongs to the greeting is open, so it stays.
        if found is None or folded.startswith(noise_words("kept greeting")):
            rest = _behind_request(text, reader)
            if rest is None:
                return text.strip()
            text = rest
        else:
            text = text[len(found) :]


def _goes_on(folded: str, word: str) -> bool:
    """Check whether a Latin word goes on behind its first letters: `hi` is no greeting in `history`."""
    return word.isascii() and folded[len(word) : len(word) + 1].isascii() and folded[len(word) :][:1].isalpha()


def _is_address(clause: str) -> bool:
    """Check whether a folded clause is nothing but words that greet or name the reader (`博主你好`, `各位好`)."""
    greets = len(clause) <= _LONGEST_GREETING and clause.endswith(noise_words("greeting end"))
    if greets and not has_word(clause, "pronoun"):
        return True
    for word in sorted({*noise_words("address"), *noise_words("greeting")}, key=len, reverse=True):
        clause = clause.replace(word, "")
    return not clause


def _behind_request(text: str, reader: str) -> str | None:
    """Return the text behind a short clause that greets the reader or asks for a reading (`有空帮我抽一下嘛，想知道…`);
    None if it starts with no such clause, or if what follows asks nothing."""
    end = next((at for at, mark in enumerate(text[: _LONGEST_REQUEST + 1]) if mark in _PAUSES + "?？"), 0)
    clause, rest = fold(text[:end]), text[end:].lstrip(_PAUSES + "?？")
    is_request = has_word(clause, "request")
    is_address = _is_address(clause) or len(reader) > 1 and clause.startswith(fold(reader[:2]))
    return rest if end and len(rest) >= 4 and (is_request or is_address) and asks(rest) else None
