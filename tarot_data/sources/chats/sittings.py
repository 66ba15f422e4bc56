"""Chat messages to raw records: the reader's messages of one sitting are one content, in which the client's questions are
follow-ups; the client's other messages are left out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from schemas.deck import SHORTEST
from tarot_data.cards import card_fields, content_cards
from tarot_data.sources.chats.cleaning import cleaned, is_small_talk, person_of
from tarot_data.sources.chats.message import Message
from tarot_data.sources.chats.questions import asked_in, follow_up_in
from tarot_data.sources.chats.reader_side import SENTENCE_ENDS, has_sentence, with_reader
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labelled_lines import Head, read_head, start_of_head
from tarot_data.sources.labels import labels_in
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError, source_of, unreadable

FORM = "wechat"

PAUSE = timedelta(hours=6)
"""A sitting ends after a silence of this length, even if no new cards follow: a reading is typed in one evening."""

YEARS = 1000
"""A message time before this year has no year in the chat: its days count from the year 4, which is a leap year."""

CARDS = ("cards", 1)
_LONGEST_LIST, _LONGEST_CARD, _LONGEST_LABELS, _LONGEST_FOLLOW_UP, _LONGEST_TOLD = 400, 14, 300, 60, 80
"""Characters of a message that may be a list of cards, a single card, labels only, a card drawn afterwards, or a sentence
that only lists cards (`我抽到的是恋人逆位、星星正位。`), as people say it."""

_SHORTEST_ANSWER = 40
"""Characters of a message without a card's name that reads cards which the client listed."""


@dataclass(frozen=True)
class Drawn:
    """A message that draws cards: its labelled head, and the rest of its text."""

    head: Head
    rest: str = ""

    @property
    def card_list(self) -> object:
        """Return the card list as written; None if the head has none."""
        return next((pairs[0][1] for key, pairs in self.head.fields.items() if key[0] == "cards"), None)

    @property
    def cards(self) -> list[str]:
        return [card["card"] for card in card_fields.listed(self.card_list)]

    def values_of(self, *names: str) -> set[object]:
        """Return the first value of each label of these fields."""
        return {pairs[0][1] for key, pairs in self.head.fields.items() if key[0] in names}


DrawnIn = Callable[[str], Drawn | None]


@dataclass
class Sitting:
    """The reader's messages about one draw. asked: the client's messages before it; client: who wrote last; follow_ups:
    index of a message -> what the client asked right before it."""

    messages: list[Message]
    drawn: Drawn | None
    asked: list[Message] = field(default_factory=list)
    client: str | None = None
    follow_ups: dict[int, str] = field(default_factory=dict)

    def add(self, messages: list[Message], said: list[Message]) -> None:
        """Add messages of the reader. said: the client's messages since the one before; in a group, if others wrote too,
        it is not clear whom they answer."""
        if len({message.sender for message in (*self.asked, *said)}) == 1:
            self.follow_ups[len(self.messages)] = follow_up_in([message.text for message in said])
        self.messages += messages

    @property
    def asked_of_cards(self) -> str | None:
        """Return what the client asked between a first message that only lists the cards and the next one, if anything."""
        return None if self.drawn and self.drawn.rest else self.follow_ups.get(1)

    def is_about(self, text: str, drawn: Drawn | None) -> bool:
        """Check whether a message belongs to this sitting: it draws nothing, one more card, or the same cards again."""
        return drawn is None or _is_follow_up(text) or _restates(drawn, self.drawn)

    def extends_draw(self, more: Drawn) -> bool:
        """Check whether a message holds the next card of a draw that comes in one message a card."""
        drawn = self.drawn
        if len(self.messages) != 1 or drawn is None or drawn.rest or more.rest or more.head.body > 1:
            return False
        if {*drawn.head.fields} != {CARDS} or {*more.head.fields} != {CARDS}:
            return False
        return len(more.cards) == 1 and not set(more.cards) & set(drawn.cards)


def to_records(
    messages: list[Message], blob: Blob, readers: frozenset[str] = frozenset(), names: dict[str, str] | None = None
) -> Iterator[RawRecord | Rejected]:
    """Convert the messages of a chat, in time order. readers: names that are the reader's; names: ids to display names.

    Raises SourceError if no message draws cards, or if it is not clear which sender is the reader.
    """
    messages = cleaned(messages)
    if not messages:
        raise unreadable("chat_empty")
    drawn_in = cache(_drawn_in)
    messages = with_reader(messages, readers, lambda text: drawn_in(text) is not None)
    found = False
    for sitting in _sittings(messages, drawn_in, names or {}):
        found = True
        yield _record(sitting, names or {}, blob)
    if not found:
        raise unreadable("chat_without_cards")


@dataclass
class _Part:
    """Messages between two pauses, split into sittings as they come. pending: labels whose cards may follow in another
    message; offered: cards that the client listed, which are those of the reader's next reading; said: the client's
    messages since the reader's last one."""

    drawn_in: DrawnIn
    names: dict[str, str]
    client: str | None
    sittings: list[Sitting] = field(default_factory=list)
    asked: list[Message] = field(default_factory=list)
    pending: list[tuple[Message, Head]] = field(default_factory=list)
    offered: Drawn | None = None
    said: list[Message] = field(default_factory=list)

    @property
    def last(self) -> Sitting | None:
        return self.sittings[-1] if self.sittings else None

    def add(self, message: Message) -> None:
        drawn = self.drawn_in(message.text)
        if not message.mine:
            self._ask(message, drawn)
        elif self.offered and not drawn and _reads(message.text):
            self._begin(message, Drawn(self.offered.head, message.text))
            self.offered, self.pending = None, []
        elif not drawn and (head := _labels_alone(message.text)):
            self.pending.append((message, head))
        else:
            self._answer(message, drawn)
        self.said = [] if message.mine else [*self.said, message]

    def end(self) -> None:
        """Add labels without cards to the last sitting."""
        if self.last:
            self.last.messages += [message for message, _ in self.pending]

    def _ask(self, message: Message, drawn: Drawn | None) -> None:
        if drawn and not _restates(drawn, self.last and self.last.drawn):
            self.offered, message = drawn, replace(message, text=drawn.rest)
        self.asked = [*self.asked, message][-12:] if message.text else self.asked
        self.client = person_of(self.names.get(message.sender, message.sender)) or None

    def _answer(self, message: Message, drawn: Drawn | None) -> None:
        labels, self.pending = self.pending, []
        self.offered = None if drawn else self.offered
        if self.last and self.last.is_about(message.text, drawn):
            self.last.add([*(earlier for earlier, _ in labels), message], self.said)
        elif drawn or content_cards.names_card(message.text):
            if labels:
                drawn = _merged([head for _, head in labels], drawn or Drawn(Head(), message.text))
            if self.last and self.last.extends_draw(drawn):
                _add_cards(self.last.drawn.head.fields, drawn.card_list)
            else:
                self._begin(message, drawn)

    def _begin(self, message: Message, drawn: Drawn | None) -> None:
        asked = [earlier for earlier in self.asked if earlier.sender == message.to]
        client = person_of(self.names.get(message.to, message.to)) if asked else self.client
        self.sittings.append(Sitting([message], drawn, asked or self.asked, client))
        self.asked = [earlier for earlier in self.asked if earlier not in asked] if asked else []


def records_of(
    chats: Iterable[list[Message]], blob: Blob, names: dict[str, str] | None = None
) -> Iterator[RawRecord | Rejected]:
    """Convert the chats of one file. Raises SourceError if none has a reading, or if one of them is unclear."""
    errors: list[SourceError] = []
    count = 0
    for messages in chats:
        try:
            for record in to_records(messages, blob, names=names):
                count += 1
                yield record
        except SourceError as error:
            errors.append(error)
    # Most of the chats in an export of all friends are no readings.
    unclear = [error for error in errors if error.verdict["code"] != "chat_without_cards"]
    if unclear or errors and not count:
        raise (unclear or errors)[0]


def _sittings(messages: list[Message], drawn_in: DrawnIn, names: dict[str, str]) -> Iterator[Sitting]:
    """Split a chat into sittings at pauses and draws. Messages before the first draw after a pause are greetings and
    prices."""
    others = {message.sender for message in messages if not message.mine}
    client = person_of(names.get(only := others.pop(), only)) if len(others) == 1 else None
    asked: list[Message] = []  # before a pause, after which the reader answers
    for between in _between_pauses(messages):
        part = _Part(drawn_in, names, client, asked=asked)
        for message in between:
            part.add(message)
        part.end()
        yield from part.sittings
        client = part.client
        asked = [] if part.sittings else part.asked


def _reads(text: str) -> bool:
    """Check whether a message of the reader answers cards that the client drew: prose that names cards, or is long."""
    return has_sentence(text) and (len(text) >= _SHORTEST_ANSWER or content_cards.names_card(text))


def _between_pauses(messages: list[Message]) -> Iterator[list[Message]]:
    part: list[Message] = []
    last: datetime | None = None
    for message in messages:
        if last and message.time and message.time - last > PAUSE:
            yield part
            part = []
        part.append(message)
        last = message.time or last
    yield part


def _drawn_in(text: str) -> Drawn | None:
    """Find the draw of a message that has a labelled card list (`牌：…`) or is nothing but a card list."""
    lines = text.split("\n")
    start = start_of_head(lines)
    if start is not None:
        head = read_head(lines, start)
        if "cards" in head.names:
            behind = _cut_prose_behind(head)
            rest = [*lines[:start], *behind, *filter(None, [head.inline]), *lines[head.body :]]
            return Drawn(head, "\n".join(rest).strip())
    short = len(text) <= _LONGEST_CARD
    told = text.rstrip(SENTENCE_ENDS) if len(text) <= _LONGEST_TOLD else text
    if len(text) > _LONGEST_LIST or has_sentence(told) or not (short or content_cards.names_card(text)):
        return None
    cards = card_fields.listed(told)
    if not cards and (behind := _behind_lead(told)):
        told, cards = behind, card_fields.listed(behind)
    return Drawn(Head({CARDS: [("cards", told)]}, len(lines))) if len(cards) > 1 or cards and short else None


def _behind_lead(text: str) -> str:
    """Return what follows a short first clause without a card: `我自己抽的，圣杯二逆位，权杖五正位`; empty without one."""
    at = next((at for at, mark in enumerate(text[:_LONGEST_CARD]) if mark in "，,、"), 0)
    return "" if content_cards.names_card(text[:at]) else text[at + 1 :].strip() if at else ""


def _cut_prose_behind(head: Head) -> list[str]:
    """Cut the prose after the card list from its line (`牌：愚人正位、力量逆位 Mel你好……`) and return it; [] if there is none.

    The list ends at the last space before which everything is a card list.
    """
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
    """Check whether a text is a list of cards and nothing else."""
    return not has_sentence(text) and bool(card_fields.listed(text))


_HEAD_FIELDS = {"person", "question", "spread", "date"}


def _labels_alone(text: str) -> Head | None:
    """Find the head of a message that is nothing but labels with values; its cards may follow in another message."""
    if len(text) > _LONGEST_LABELS or not labels_in(text.split("\n", 1)[0]):
        return None
    lines = text.split("\n")
    head = read_head(lines, 0)
    whole = head.body >= len(lines) and not head.inline
    filled = all(value for pairs in head.fields.values() for _, value in pairs)
    return head if whole and filled and head.names and head.names <= _HEAD_FIELDS else None


def _merged(heads: list[Head], last: Drawn) -> Drawn:
    """Merge the labels of earlier messages into a draw; of two labels for one field the later counts."""
    fields = dict(last.head.fields)
    for head in reversed(heads):
        for key, pairs in head.fields.items():
            fields.setdefault(key, pairs)
    return Drawn(Head(fields=fields, body=last.head.body, inline=last.head.inline), last.rest)


def _is_follow_up(text: str) -> bool:
    """Check whether a message adds cards without a place (`补一张：月亮`) to those already drawn."""
    if len(text) > _LONGEST_FOLLOW_UP or has_sentence(text):
        return False
    cards = card_fields.listed(text)
    return bool(cards) and all(card["place"] == 0 for card in cards)


def _restates(again: Drawn, drawn: Drawn | None) -> bool:
    """Check whether a list repeats cards of the draw (`【牌面】皇帝R / 权杖7`), as many readers begin."""
    if drawn is None or drawn.card_list is None:
        return False
    repeated, known = set(again.cards), set(drawn.cards)
    asked, before = (each.values_of("question", "person") for each in (again, drawn))
    return bool(repeated) and repeated <= known and (not asked or not before or repeated < known or asked <= before)


def _add_cards(fields: Fields, more: object) -> None:
    label, value = fields[CARDS][0]
    fields[CARDS] = [(label, f"{value}；{more}")]


def _record(sitting: Sitting, names: dict[str, str], blob: Blob) -> RawRecord:
    """Build the record of a sitting. Fields without a label come from the client's messages and the time of the first
    message."""
    first, drawn = sitting.messages[0], sitting.drawn
    fields: Fields = {key: pairs for key, pairs in drawn.head.fields.items() if key[0] != "content"} if drawn else {}
    parts, asked = [(drawn.rest if drawn else first.text, "")], ""
    for index, message in enumerate(sitting.messages[1:], 1):
        asked = sitting.follow_ups.get(index) or asked
        if isinstance(fields.get(CARDS, [("", None)])[0][1], str) and _is_follow_up(message.text):
            _add_cards(fields, message.text)
        else:
            parts.append((message.text, asked))
            asked = ""
    parts = [part for part in parts if part[0]]
    while parts and is_small_talk(parts[0][0]):
        del parts[0]
    while parts and is_small_talk(parts[-1][0]):
        del parts[-1]
    known = {name for name, _ in fields}
    for name, value in _context(sitting, names).items():
        if value and name not in known:
            fields[(name, 1)] = [(name, value)]
    content, follow_ups = joined(parts)
    record = to_record(fields, source_of(blob, first.place, FORM), content=content, date_hint=blob.hint)
    return replace(record, follow_ups=follow_ups)


def joined(parts: list[tuple[str, str]]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Join the parts of a reading, (text, what was asked right before it), to its content and follow-ups; a question before
    the reading proper is none."""
    texts = [text for text, _ in parts]
    asked = (("\n\n".join(texts[:number]), asked) for number, (_, asked) in enumerate(parts) if asked)
    follow_ups = tuple((before, question) for before, question in asked if len("".join(before.split())) >= SHORTEST)
    return "\n\n".join(texts), follow_ups


def _context(sitting: Sitting, names: dict[str, str]) -> dict[str, str | None]:
    """Derive person, question and date of a sitting from the messages around it; None for each that is not given."""
    called = {message.to for message in sitting.messages if message.to}
    asked = [message for message in sitting.asked if message.sender in called] if len(called) == 1 else sitting.asked
    question, asker = asked_in(asked, person_of(sitting.messages[0].sender))
    question = question or sitting.asked_of_cards
    person = person_of(names.get(to := called.pop(), to)) if len(called) == 1 else sitting.client
    if asker and len({message.sender for message in sitting.asked}) > 1:
        person = person_of(names.get(asker, asker))  # in a group others write too
    time = sitting.messages[0].time
    without_year = time and time.year < YEARS
    day = time and (f"{time.month}月{time.day}日" if without_year else time.date().isoformat())
    return {"person": person, "question": question, "date": sitting.messages[0].day or day}
