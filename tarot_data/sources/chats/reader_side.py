"""Choice of the sender of a chat who is the reader."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tarot_data.cards import content_cards
from tarot_data.sources.chats.cleaning import reader_titles
from tarot_data.sources.chats.message import Message
from tarot_data.sources.noise import noise_words
from tarot_data.sources.records import unreadable
from tarot_data.text.normalise import fold

SENTENCE_ENDS = "。！？!?"


def has_sentence(text: str) -> bool:
    return any(mark in text for mark in SENTENCE_ENDS)


def with_reader(messages: list[Message], readers: frozenset[str], is_drawn: Callable[[str], bool]) -> list[Message]:
    """Set `mine` on every message. readers: names that are the reader's. Raises SourceError if the reader cannot be
    found."""
    if any(message.mine is not None for message in messages):
        if any(message.mine for message in messages):
            return [replace(message, mine=bool(message.mine)) for message in messages]
        raise unreadable("chat_without_reader")
    senders = list(dict.fromkeys(message.sender for message in messages))
    named = next((sender for sender in senders if sender in readers or fold(sender) in noise_words("self")), None)
    reader = named or _by_messages(messages, senders, is_drawn)
    return [replace(message, mine=message.sender == reader) for message in messages]


def _by_messages(messages: list[Message], senders: list[str], is_drawn: Callable[[str], bool]) -> str:
    """Return the sender who is first in most of four counts: lists of cards, characters of prose that names cards,
    characters after the first list, and being the only one with a reader's title in the name.

    A client may draw and list the cards, tell much afterwards, or be called after the tarot: if two senders lead in as
    many counts, nobody is taken for the reader.
    """
    titled = [sender for sender in senders if any(title in fold(sender) for title in reader_titles())]
    drawing, reading, writing = Counter(), Counter(), Counter()
    is_after = False
    for message in messages:
        drawn, named = is_drawn(message.text), content_cards.names_card(message.text)
        drawing[message.sender] += drawn
        reading[message.sender] += len(message.text) * (named and has_sentence(message.text))
        writing[message.sender] += len(message.text) * is_after
        is_after = is_after or drawn or named
    if not any(drawing.values()) and not any(reading.values()):
        raise unreadable("chat_without_cards")
    counts = (drawing, reading, writing, Counter(titled))
    votes = Counter(first for count in counts if (first := _first(count)) is not None)
    ranked = votes.most_common(2)
    if len(ranked) != 1 and (not ranked or ranked[0][1] == ranked[1][1]):
        raise unreadable("chat_reader_unclear")
    return ranked[0][0]


def _first(count: Counter) -> str | None:
    """Return the sender with the highest count; None if nobody has any, or two have as much."""
    ranked = count.most_common(2)
    if not ranked or not ranked[0][1] or len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return None
    return ranked[0][0]
