"""Messages to readings: the reader's messages of one sitting become one content, the client's stay out."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from tarot_data import lexicon
from tarot_data.cards import card_fields, content_cards
from tarot_data.sources.labelled_lines import Fields, Head, labels_in, read_head
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of, unreadable
from tarot_data.text.normalise import fold

FORM = "wechat"

PAUSE = timedelta(hours=6)
"""A sitting ends after a silence this long, where no new cards come before: readings are typed in an evening."""


YEARS = 1000
"""A time before this year is one of which the chat says no year: its days count from the year 4, which is a leap year."""


@dataclass(frozen=True)
class Message:
    """One message. sender: as the chat shows it; mine: sent by the reader, None where the chat does not say; time:
    China time or None; place: locator in the file."""

    sender: str
    text: str
    time: datetime | None
    place: str
    mine: bool | None = None


@dataclass(frozen=True)
class _Cards:
    """The message that lays the cards: its labelled head, and the rest of its text."""

    head: Head
    rest: str


def to_records(
    messages: list[Message], blob: Blob, readers: frozenset[str] = frozenset(), names: dict[str, str] | None = None
) -> Iterator[RawRecord | Rejected]:
    """Readings of a chat, in time order. readers: names by which the reader is known; names: ids to what people call them.

    Raises SourceError where it cannot be told who of the two the reader is.
    """
    messages = _all_cleaned(messages)
    if not messages:
        raise unreadable("a chat without a text message")
    laid_cards = cache(_laid_cards)
    messages = _with_reader(messages, readers, laid_cards)
    names = names or {}
    sitting: list[Message] = []
    asked: list[Message] = []
    cards: _Cards | None = None
    client: str | None = None
    last: datetime | None = None

    def finished() -> Iterator[RawRecord]:
        if sitting:
            yield _record(sitting, cards, question_messages, client_name, names, blob)

    question_messages: list[Message] = []
    client_name: str | None = None
    heads: list[tuple[Message, Head]] = []  # labels without cards, until it shows whose they are
    found = False
    for message in messages:
        paused = bool(last and message.time and message.time - last > PAUSE)
        if paused:
            sitting += [held for held, _ in heads] if sitting else []
            yield from finished()
            sitting, cards, asked, heads = [], None, [], []
        last = message.time or last
        if not message.mine:
            asked = [*asked, message][-12:]
            client = names.get(message.sender, message.sender) or None
            continue
        laid = laid_cards(message.text)
        if not laid and (head := _labels_alone(message.text)):
            heads.append((message, head))
            continue
        known = bool(laid and sitting and (_is_follow_up(message.text) or _restates(laid, cards, sitting)))
        named = not laid and not sitting and bool(content_cards.named_cards(message.text))
        if named and heads:
            laid = _Cards(Head(), message.text)
        if laid and heads and not known:
            laid = _Cards(_merged([head for _, head in heads], laid.head), laid.rest)
        elif sitting:
            sitting += [held for held, _ in heads]
        heads = []
        if laid and not known and len(sitting) == 1 and _goes_on(cards, laid):
            # The cards come in a message each, as they are turned.
            key = ("cards", 1)
            label, value = cards.head.fields[key][0]
            cards.head.fields[key] = [(label, f"{value}；{laid.head.fields[key][0][1]}")]
        elif laid and not known:
            yield from finished()
            sitting, cards, found = [message], laid, True
            question_messages, client_name, asked = asked, client, []
        elif sitting:
            sitting.append(message)
        elif named:
            sitting, cards, found = [message], None, True
            question_messages, client_name, asked = asked, client, []
        # What the reader says before the cards is greeting and price.
    sitting += [held for held, _ in heads] if sitting else []
    yield from finished()
    if not found:
        raise unreadable("a chat in which nobody lays cards")


def _with_reader(
    messages: list[Message], readers: frozenset[str], laid_cards: Callable[[str], "_Cards | None"]
) -> list[Message]:
    """Messages with `mine` set. The reader is who the chat marks, who is named so, or who alone lays cards."""
    if any(message.mine is not None for message in messages):
        if any(message.mine for message in messages):
            return [replace(message, mine=bool(message.mine)) for message in messages]
        raise unreadable("a chat in which nobody is marked as the reader")
    senders = Counter(message.sender for message in messages)
    for sender in senders:
        if sender in readers or sender in ("我", "me", "Me"):
            return [replace(message, mine=message.sender == sender) for message in messages]
    scores = {
        sender: (
            sum(bool(laid_cards(message.text)) for message in messages if message.sender == sender),
            sum(len(content_cards.named_cards(message.text)) for message in messages if message.sender == sender),
            sum(len(message.text) for message in messages if message.sender == sender),
        )
        for sender in senders
    }
    ranked = sorted(scores, key=scores.get, reverse=True)
    best = ranked[0]
    titled = [sender for sender in senders if _is_reader_title(sender)]
    if len(titled) == 1:
        best = titled[0]
    elif scores[best][:2] == (0, 0):
        raise unreadable("a chat in which nobody lays cards")
    elif len(ranked) > 1 and scores[best][:2] == scores[ranked[1]][:2]:
        raise unreadable("it cannot be told who of the chat is the reader")
    return [replace(message, mine=message.sender == best) for message in messages]


@lexicon.cached
def _titles() -> tuple[str, ...]:
    return tuple(
        fold(word)
        for row in lexicon.read_table("fields")
        if row["field"] == "reader"
        for word in row["synonyms"].split("|")
        if not word.isascii()
    ) + ("塔罗",)


def _is_reader_title(sender: str) -> bool:
    folded = fold(sender)
    return any(title in folded for title in _titles())


@lexicon.cached
def _noise(kind: str) -> tuple[str, ...]:
    return tuple(
        fold(word) for row in lexicon.read_table("noise") if row["kind"] == kind for word in row["words"].split("|")
    )


_QUOTE = re.compile(r"^[「“\"].{0,400}?[」”\"]\s*\n\s*(?:- ?){4,}\s*\n", re.DOTALL)
_QUOTE_TAIL = re.compile(r"\n\s*(?:引用|引用消息)[:：].*\Z", re.DOTALL)
_QUOTE_LINES = re.compile(r"\A(?:>.*\n)+")
_MEDIA = re.compile(r"^\s*\[[^\]\n]{1,12}\][\s\S]{0,12}$")


def _all_cleaned(messages: list[Message]) -> list[Message]:
    senders = {message.sender for message in messages}
    said: set[str] = set()
    kept = []
    for message in messages:
        cleaned = _cleaned(message, said, senders)
        said.update(line.strip() for line in message.text.split("\n") if len(line) > 3)
        if cleaned:
            kept.append(cleaned)
    return kept


def _cleaned(message: Message, said: set[str], senders: set[str]) -> Message | None:
    """The message without what it quotes; None where it is a picture, a voice, a notice or nothing.

    said: lines of earlier messages, for a `> ` line is a quotation only if somebody said it, and markdown else.
    """
    text = message.text.strip()
    text = _QUOTE.sub("", text)
    text = _QUOTE_TAIL.sub("", text)
    if quoted := _QUOTE_LINES.match(text):
        lines = [line.lstrip("> ").strip() for line in quoted[0].split("\n") if line.strip("> ")]
        if any(line in said or any(line.startswith(sender) for sender in senders) for line in lines):
            text = text[quoted.end() :].strip()
    if not text or "聊天记录" in text[:40] and "\n" in text and text.startswith(("[聊天记录]", "群聊的聊天记录")):
        return None
    folded = fold(text)
    if any(folded.startswith(word) for word in _noise("media")) and _MEDIA.match(text):
        return None
    if len(text) < 80 and any(word in folded for word in _noise("system")):
        return None
    return replace(message, text=text)


def _laid_cards(text: str) -> _Cards | None:
    """The head of a message that lays cards: labelled (`牌：…`), or nothing but a list of them."""
    lines = text.split("\n")
    for index, line in enumerate(lines[:6]):
        if not labels_in(line):
            continue
        head = read_head(lines, index)
        if "cards" in head.names:
            behind = _prose_behind(head)
            rest = [*lines[:index], *behind, *([head.inline] if head.inline else []), *lines[head.body :]]
            return _Cards(head, "\n".join(rest).strip())
        break
    if len(text) <= 400 and not re.search(r"[。！？!?]", text) and (len(text) <= 14 or content_cards.named_cards(text)):
        cards = card_fields.listed(text)
        if cards and (len(cards) > 1 or len(text) <= 14):
            return _Cards(Head(fields={("cards", 1): [("牌", text)]}, body=len(lines)), "")
    return None


def _prose_behind(head: Head) -> list[str]:
    """Takes what the reader goes on saying behind a card list on its line (`牌：愚人正位、力量逆位 Mel你好……`) out of it:
    where the whole names no draw, the parts between spaces up to the last that does are the cards."""
    key = next(key for key in head.fields if key[0] == "cards")
    label, value = head.fields[key][0]
    if not isinstance(value, str) or len(value) < 14 or " " not in value or "\n" in value or is_list(value):
        return []
    parts = value.split(" ")
    cuts = range(1, min(len(parts), 40))
    cut = max((cut for cut in cuts if is_list(" ".join(parts[:cut])) and is_list(parts[cut - 1])), default=None)
    if cut is None:
        return []
    head.fields[key] = [(label, " ".join(parts[:cut])), *head.fields[key][1:]]
    return [" ".join(parts[cut:])]


def is_list(text: str) -> bool:
    """Whether a text is a list of cards and nothing else."""
    return not re.search(r"[。！？!?]", text) and bool(card_fields.listed(text))


_HEAD_FIELDS = {"person", "question", "spread", "date"}


def _labels_alone(text: str) -> Head | None:
    """The head of a message that is nothing but labels, its cards following in another message."""
    if len(text) > 300 or not labels_in(text.split("\n", 1)[0]):
        return None
    lines = text.split("\n")
    head = read_head(lines, 0)
    whole = head.body >= len(lines) and not head.inline
    said = all(value for held in head.fields.values() for _, value in held)
    return head if whole and said and head.names and head.names <= _HEAD_FIELDS else None


def _merged(heads: list[Head], last: Head) -> Head:
    """The last head with what the ones before it say besides."""
    fields = dict(last.fields)
    for head in reversed(heads):
        for key, held in head.fields.items():
            fields.setdefault(key, held)
    return Head(fields=fields, body=last.body, inline=last.inline)


def _is_follow_up(text: str) -> bool:
    """`补一张：月亮` belongs to the cards that lie already."""
    if len(text) > 60 or re.search(r"[。！？!?]", text):
        return False
    cards = card_fields.listed(text)
    return bool(cards) and all(card["place"] == 0 for card in cards)


def _goes_on(cards: _Cards | None, more: _Cards) -> bool:
    """Whether a list is more of the one in the message before: nothing else was said since, and none of its cards lies."""
    if cards is None or cards.rest or more.rest or {*cards.head.fields} - {("cards", 1)} or more.head.body > 1:
        return False
    if {*more.head.fields} != {("cards", 1)} or ("cards", 1) not in cards.head.fields:
        return False
    lying, laid = ([card["card"] for card in card_fields.listed(_list_of(each))] for each in (cards, more))
    return len(laid) == 1 and not set(laid) & set(lying)


def _restates(laid: _Cards, cards: _Cards | None, sitting: list[Message]) -> bool:
    """Whether a list only says again what lies (`【牌面】皇帝R / 权杖7`), with which many readers begin."""
    if cards is None or not any(key[0] == "cards" for key in cards.head.fields):
        return False
    again = {card["card"] for card in card_fields.listed(_list_of(laid))}
    lying = {card["card"] for card in card_fields.listed(_list_of(cards))}
    asked = {held[0][1] for key, held in laid.head.fields.items() if key[0] in ("question", "person")}
    before = {held[0][1] for key, held in cards.head.fields.items() if key[0] in ("question", "person")}
    return bool(again) and again <= lying and (not asked or not before or again < lying or asked <= before)


def _list_of(cards: _Cards) -> object:
    return next(held[0][1] for key, held in cards.head.fields.items() if key[0] == "cards")


def _record(
    sitting: list[Message],
    cards: _Cards | None,
    asked: list[Message],
    client: str | None,
    names: dict[str, str],
    blob: Blob,
) -> RawRecord:
    first = sitting[0]
    fields: Fields = dict(cards.head.fields) if cards else {}
    fields = {key: held for key, held in fields.items() if key[0] != "content"}
    parts = [cards.rest if cards else first.text]
    for message in sitting[1:]:
        if cards and _is_follow_up(message.text) and ("cards", 1) in fields:
            label, value = fields[("cards", 1)][0]
            if isinstance(value, str):
                fields[("cards", 1)] = [(label, f"{value}；{message.text}")]
                continue
        parts.append(message.text)
    question, asker = _question(asked)
    if not any(key[0] == "person" for key in fields) and (client or asker):
        # In a group others speak too: the client is who asked.
        several = len({message.sender for message in asked}) > 1
        fields[("person", 1)] = [("咨询者", names.get(asker, asker) if several and asker else client)]
    if not any(key[0] == "question" for key in fields) and question:
        fields[("question", 1)] = [("问题", question)]
    if not any(key[0] == "date" for key in fields) and first.time:
        day = first.time.date()
        fields[("date", 1)] = [("日期", f"{day.month}月{day.day}日" if day.year < YEARS else day.isoformat())]
    return to_record(
        fields,
        source_of(blob, first.place, FORM),
        content="\n\n".join(part for part in parts if part),
        date_hint=blob.hint,
    )


def _question(asked: list[Message]) -> tuple[str | None, str | None]:
    """What the client wrote before the cards, greetings taken off, and who: the last message that asks, else the longest."""
    texts = [(text, message.sender) for message in asked if len(text := _without_greeting(message.text)) >= 4]
    asking = [
        (text, sender)
        for text, sender in texts
        if re.search(r"[?？吗嗎呢]|怎么|怎麼|什么|什麼|能不能|会不会|會不會|要不要|该不该|該不該|是不是", text)
    ]
    chosen, sender = asking[-1] if asking else max(texts, key=lambda said: len(said[0]), default=(None, None))
    return (chosen[:500], sender) if chosen else (None, None)


def question_of(texts: list[str]) -> str | None:
    """The question of what a client wrote, where nobody says who and when. Lines count as messages."""
    lines = [line.strip() for text in texts for line in text.split("\n") if line.strip()]
    return _question([Message(sender="", text=line, time=None, place="") for line in lines])[0]


def _without_greeting(text: str) -> str:
    words = sorted(_noise("greeting"), key=len, reverse=True)
    while True:
        text = text.lstrip(" ，,。！!～~：:、\n")
        found = next((word for word in words if fold(text).startswith(word)), None)
        if found is None:
            return text.strip()
        text = text[len(found) :]
