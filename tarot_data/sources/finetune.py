"""Fine-tuning files (alpaca, ShareGPT, messages, preference pairs) to records. The prompt or a tool has the labels and
cards, the answer is the content. A conversation may hold several readings. A new layout is one function in LAYOUTS."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from typing import NamedTuple

from schemas.deck import SHORTEST
from tarot_data.cards import card_fields, content_cards
from tarot_data.sources.chats.questions import follow_up_in, question_of
from tarot_data.sources.chats.sittings import CARDS, is_list, joined
from tarot_data.sources.field_values import Fields
from tarot_data.sources.json_files.layouts import readings_in
from tarot_data.sources.json_files.records import fields_of, looks_like_json, record_of
from tarot_data.sources.json_files.stream import depth_over, objects
from tarot_data.sources.labelled_lines import Head, read_head, start_of_head
from tarot_data.sources.labels import LONGEST_LINE, known_fields, labels_in
from tarot_data.sources.name_evidence import asks
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes.in_records import notes_in
from tarot_data.sources.notes.narration import split_client
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample
from tarot_data.text.normalise import fold

_ANSWERS = ("output", "response", "completion", "chosen", "answer")
_QUESTIONS = ("instruction", "prompt", "query", "input")
_TURNS = ("conversations", "conversation", "messages", "dialogue", "dialog", "turns")
_OTHER_KEYS = (*_TURNS, "system", "history", "tools", "rejected", "mapping", "title")
_TEXTS = ("content", "value", "text")
_THINK = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_CLAUSE_END = re.compile(r"(?<=[?？。！!，,；;])")
_SENTENCE_END = re.compile(r"(?<=[?？。！!])")
_MAX_TOOL = 4
"""Levels of a tool's result in which cards are searched."""


FollowUps = tuple[tuple[str, str], ...]
"""As in `RawRecord`."""


class Turn(NamedTuple):
    """role: user, assistant, system, tool or call."""

    role: str
    text: str


@dataclass(frozen=True)
class Example:
    """A training example. form: as stored with a record; turns: in order."""

    form: str
    turns: list[Turn]


@dataclass
class Exchange:
    """Texts that ask, what tools answered, and texts that answer, up to the next text that asks."""

    asked: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)


def recognises(sample: Sample) -> bool:
    if not looks_like_json(sample):
        return False
    readable = (item[1] for item in _objects(sample.blob) if not isinstance(item, Rejected))
    return any(map(example_of, islice(readable, 5)))


def _objects(blob: Blob) -> Iterator[tuple[str, dict] | Rejected]:
    return objects(blob, items_of=_examples_in)


def _examples_in(value: object) -> list[dict]:
    """Return the examples of a parsed value, also of a list in it; else its readings."""
    if isinstance(value, dict):
        if example_of(value):
            return [value]
        lists = (child for child in value.values() if isinstance(child, list))
        value = next((child for child in lists if child and isinstance(child[0], dict) and example_of(child[0])), value)
    items = value if isinstance(value, list) else [value]
    return [found for item in items for found in ([item] if _is_example(item) else readings_in(item))]


def _is_example(item: object) -> bool:
    return isinstance(item, dict) and example_of(item) is not None


def example_of(value: dict) -> Example | None:
    """Convert an object to a training example by the first layout that fits; None if none does."""
    return next((found for layout in LAYOUTS if (found := layout(value))), None)


def _conversation(value: dict) -> Example | None:
    """Read `{"conversations": [{"from": "human", "value": …}, …], "system": …}`, `{"messages": [{"role": "user",
    "content": …}, …]}`, `{"conversation": [{"human": …, "assistant": …}, …]}`. A preference pair has its answer in
    `chosen`."""
    key = next((key for key in _TURNS if _are_turns(value.get(key))), None)
    if key is None:
        return None
    turns = [*_system(value), *_turns_of(value[key]), *_turns_of(value.get("chosen"))]
    return Example("messages" if key == "messages" else "sharegpt", turns)


def _tree(value: dict) -> Example | None:
    """Read `{"mapping": {id: {"message": {"author": {"role": …}, "content": {"parts": […]}}, "parent": id}}, "current_node":
    id}`: the turns on the way to the current node; other branches are answers that were replaced."""
    nodes, at = value.get("mapping"), value.get("current_node")
    if not isinstance(nodes, dict) or not isinstance(at, str):
        return None
    turns: list[Turn] = []
    for _ in range(len(nodes)):
        node = nodes.get(at)
        if not isinstance(node, dict):
            break
        turns += _turns_of(_message_of(node))
        at = node.get("parent")
    return Example("messages", turns[::-1])


def _message_of(node: dict) -> dict | None:
    """Return role and parts of the message of a node of a conversation."""
    message = node.get("message")
    author, content = (message.get(key) if isinstance(message, dict) else None for key in ("author", "content"))
    if not isinstance(author, dict) or not isinstance(content, dict):
        return None
    return {"role": author.get("role"), "content": content.get("parts")}


def _alpaca(value: dict) -> Example | None:
    """Read `{"instruction": …, "input": …, "output": …, "history": [[…, …], …]}` or `{"prompt": …, "chosen": …}`; the
    answer may be a list of turns."""
    if not any(isinstance(value.get(key), str) for key in _QUESTIONS[:3]) or not any(key in value for key in _ANSWERS):
        return None
    asked = [Turn("user", value[key]) for key in _QUESTIONS if isinstance(value.get(key), str) and value[key].strip()]
    answer = next((value[key] for key in _ANSWERS if value.get(key)), None)
    answered = [Turn("assistant", answer)] if isinstance(answer, str) else _turns_of(answer)
    return Example("alpaca", [*_system(value), *_turns_of(value.get("history")), *asked, *answered])


def _pair(value: dict) -> Example | None:
    """Read `{"系统": …, "问": …, "答": …}`: an answer to a prompt that has the cards, under names of roles."""
    turns = {}
    for key, child in value.items():
        role, fields = _role(str(key)), known_fields([str(key)])
        if not role and fields - {"id", "tags", "reader"} or fields - _PAIRED or role in turns:
            return None
        if role and isinstance(child, str):
            turns[role] = Turn(role, child)
    if {*turns} - {"system"} != {"user", "assistant"} or "cards" not in labels_of(turns["user"].text).names:
        return None
    return Example("alpaca", [*turns.values()])


_PAIRED = {"question", "content", "id", "tags", "reader"}
"""Fields that the keys of a prompt and its answer, and those next to them, may mean."""

LAYOUTS: tuple[Callable[[dict], Example | None], ...] = (_conversation, _tree, _alpaca, _pair)
"""Functions of an object, tried in order; each returns the example, or None if it has another layout."""


def _are_turns(turns: object) -> bool:
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and bool(_turns_of(turns[:4]))


def _system(value: dict) -> list[Turn]:
    return [Turn("system", value["system"])] if isinstance(value.get("system"), str) else []


def _turns_of(turns: object) -> list[Turn]:
    """Return the turns of a list: objects with a role and a text, pairs of a prompt and an answer, or one object."""
    found: list[Turn] = []
    for turn in turns if isinstance(turns, list) else [turns]:
        if isinstance(turn, list | tuple) and len(turn) == 2 and all(isinstance(text, str) for text in turn):
            found += [Turn("user", turn[0]), Turn("assistant", turn[1])]
        elif isinstance(turn, dict):
            who = next((turn[key] for key in ("role", "from", "speaker") if isinstance(turn.get(key), str)), None)
            if who is not None:
                found.append(Turn(_role(who) or "user", _text_of(turn)))
            else:
                pair = [
                    Turn(role, text) for key, text in turn.items() if isinstance(text, str) and (role := _role(key))
                ]
                found += pair if {"user", "assistant"} <= {role for role, _ in pair} else []
    return [turn for turn in found if turn.text.strip()]


def _role(name: str) -> str | None:
    """Return the role that a name means; None for an unknown one."""
    folded = fold(name).strip().replace("-", "_")
    return next((role for role in _ROLES if folded in noise_words(f"role {role}")), None)


_ROLES = ("user", "assistant", "system", "tool", "call")


def _text_of(turn: dict) -> str:
    """Return the text of a turn, which may be a list of parts; empty if it has none."""
    text = next((turn[key] for key in _TEXTS if turn.get(key) is not None), None)
    if isinstance(text, list):
        return "\n\n".join(filter(None, map(_part, text)))
    return text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) if isinstance(text, dict) else ""


def _part(part: object) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    for item in _objects(blob):
        if isinstance(item, Rejected):
            yield item
            continue
        locator, value = item
        yield from records_of(value, blob, locator)


def records_of(value: dict, blob: Blob, locator: str) -> Iterator[RawRecord | Rejected]:
    """Convert an object to the records of the training example it is, or else to one record."""
    example = example_of(value)
    if example is None:
        yield from notes_in(record_of(value, blob, locator, "jsonl"), blob)
    else:
        yield from _records(value, example, blob, locator)


def part_named(name: str) -> str | None:
    """Return the part of an example that a column is called after: instruction, input, output, system; None if no part."""
    key = fold(name).strip()
    if key in _QUESTIONS:
        return "input" if key == "input" else "instruction"
    if key in _ANSWERS:
        return "output"
    return {"user": "instruction", "assistant": "output", "system": "system"}.get(_role(key) or "")


def _records(value: dict, example: Example, blob: Blob, locator: str) -> Iterator[RawRecord]:
    """Build a record for each reading of an example, with the other keys of the object."""
    used = {*_ANSWERS, *_QUESTIONS, *_OTHER_KEYS, *(key for key in value if _role(str(key)))}
    rest = {key: child for key, child in value.items() if key not in used}
    known = record_of(rest, blob, locator, example.form)
    system = [
        head for turn in example.turns if turn.role == "system" if "cards" in (head := labels_of(turn.text)).names
    ]
    readings = _readings(_exchanges(example.turns), example.form == "alpaca")
    for number, (fields, content, follow_ups) in enumerate(readings, 1):
        for head in system:
            _add(fields, head)
        many = len(readings) > 1
        source = source_of(blob, f"{locator}.{number}" if many else locator, example.form)
        record = replace(to_record(fields, source, content=content, date_hint=blob.hint), follow_ups=follow_ups)
        if isinstance(known, Rejected):
            yield record
        else:
            found = _completed(record, known)
            yield replace(found, record_id=f"{found.record_id}.{number}") if many and found.record_id else found


def _exchanges(turns: list[Turn]) -> list[Exchange]:
    found = [Exchange()]
    for role, text in turns:
        if role in ("user", "tool") and found[-1].answered and not (role == "tool" and _is_short(found[-1].answered)):
            found.append(Exchange())
        if role == "user":
            found[-1].asked.append(text)
        elif role == "tool":
            found[-1].results.append(text)
        elif role == "assistant" and (answer := _THINK.sub("", text).strip()):
            found[-1].answered.append(answer)
    return found


def _is_short(answers: list[str]) -> bool:
    return all(len("".join(answer.split())) < SHORTEST for answer in answers)


def _readings(exchanges: list[Exchange], is_alpaca: bool) -> list[tuple[Fields, str, FollowUps]]:
    """Return fields, content and follow-ups of each reading: it begins where other cards are drawn, and what follows
    without new cards belongs to it. Texts before the first cards are greetings, which may have asked the question."""
    found: list[tuple[Fields, list[tuple[str, str]]]] = []
    asked: list[str] = []
    answers: list[str] = []
    for exchange in exchanges:
        prompts = [labels_of(prompt) for prompt in exchange.asked]
        heads = [*prompts, *filter(None, map(_result_of, exchange.results))]
        texts = exchange.answered
        if not _cards_in(heads):
            heads += filter(None, map(_told_cards, exchange.asked))
        if not is_alpaca and not any("cards" in head.names for head in heads):
            heads, texts = _with_own_cards(heads, texts)
        asked += exchange.asked
        drawn = _cards_in(heads)
        if drawn and not (found and drawn == _cards_in([Head(fields=found[-1][0])])):
            fields = _joined(heads, found[-1][0] if found else {})
            if not _has_question(fields):
                _add(fields, _asked_above(exchange.asked) if _cards_in(prompts) else _question(asked))
            found.append((fields, [(text, "") for text in texts]))
            asked = []
        elif found:
            asking = [follow_up_in(exchange.asked), *[""] * len(texts)]
            found[-1][1].extend(zip(texts, asking, strict=False))
        else:
            answers += texts
    if not found:
        fields = _fields_of(exchanges)
        if not is_alpaca and not _has_question(fields):
            _add(fields, _first_asked(asked))
        found = [(fields, [(answer, "") for answer in answers])]
    return [(fields, *joined(_without_greeting(parts))) for fields, parts in found]


def _joined(heads: list[Head], before: Fields) -> Fields:
    """Join the heads of a reading. before: fields of the reading before it, with the same person."""
    fields: Fields = {}
    for head in [*heads, Head(fields={key: pairs for key, pairs in before.items() if key[0] == "person"})]:
        _add(fields, head)
    return fields


def _has_question(fields: Fields) -> bool:
    return any(name == "question" for name, _ in fields)


def _asked_above(prompts: list[str]) -> Head:
    """Find the question that a prompt asks in a sentence before its labels: `能不能涨薪？抽牌：…`. A sentence without a
    question mark counts if it does not speak of the reading, as an instruction does."""
    above = [list(takewhile(lambda line: not labels_in(line), _lines(prompt))) for prompt in prompts]
    lines = [line for lines in above for line in lines]
    bare = [
        line for line in lines if asks(line) and not any(word in fold(line) for word in noise_words("reading sign"))
    ]
    return _question([line for line in lines if _asks(line)] or bare)


def _first_asked(prompts: list[str]) -> Head:
    """Find the question in the first of some prompts that has a sentence with a question mark."""
    sentences = ([part for part in _SENTENCE_END.split(prompt) if _asks(part)] for prompt in prompts)
    return _question(next(filter(None, sentences), []))


def _asks(sentence: str) -> bool:
    return sentence.rstrip().endswith(("?", "？"))


def _question(asked: list[str]) -> Head:
    question = question_of(list(map(_without_drawn, asked)))
    client, question = split_client(question) if question else (None, None)
    values = {("person", 1): client, ("question", 1): question}
    return Head(fields={key: [(key[0], value)] for key, value in values.items() if value})


def _without_drawn(prompt: str) -> str:
    """Drop the sentences, or else clauses, that tell the drawn cards from a prompt that also asks: `去外地好吗？我抽到了愚人
    正位。`."""
    if not content_cards.names_card(prompt):
        return prompt
    for ends, is_question in ((_SENTENCE_END, _asks), (_CLAUSE_END, asks)):
        kept = [part for part in ends.split(prompt) if not content_cards.names_card(part)]
        if any(map(is_question, kept)):
            return "".join(kept).rstrip("，,；;")
    return prompt


def _fields_of(exchanges: list[Exchange]) -> Fields:
    fields: Fields = {}
    for exchange in exchanges:
        for prompt in exchange.asked:
            _add(fields, labels_of(prompt))
    return fields


def _add(fields: Fields, head: Head) -> None:
    for key, pairs in head.fields.items():
        if key[0] != "content":
            fields.setdefault(key, pairs)


def _cards_in(heads: list[Head]) -> list[object]:
    return [pairs[0][1] for head in heads for key, pairs in head.fields.items() if key[0] == "cards"]


def _with_own_cards(heads: list[Head], answers: list[str]) -> tuple[list[Head], list[str]]:
    """Return heads and answers of an exchange in which the reader's own message draws the cards, below a greeting."""
    drawn = ((index, found) for index, answer in enumerate(answers) if (found := _drawn_in(answer)))
    index, (head, text) = next(drawn, (0, (None, "")))
    return (heads, answers) if head is None else ([*heads, head], [text, *answers[index + 1 :]])


def _told_cards(prompt: str) -> Head | None:
    """Find the cards that a prompt without labels tells (`我抽到了愚人正位、力量逆位`)."""
    told = content_cards.cards_in_content(prompt)
    cards = [{name: card[name] for name in ("card", "orientation") if card[name] != "unknown"} for card in told]
    return Head(fields={CARDS: [("cards", cards)]}) if cards else None


def _result_of(text: str) -> Head | None:
    """Find the cards in the result of a tool: JSON, labelled lines or a list."""
    try:
        cards = _cards_of_result(json.loads(text), 0)
    except (ValueError, RecursionError):
        head = labels_of(text)
        if "cards" in head.names:
            return head
        cards = text if is_list(text) else None
    return Head(fields={CARDS: [("cards", cards)]}) if cards else None


def _cards_of_result(value: object, level: int) -> object:
    if isinstance(value, list | str) and card_fields.listed(value):
        return value
    if level >= _MAX_TOOL or not isinstance(value, dict):
        return None
    children = sorted(value.items(), key=lambda pair: known_fields([str(pair[0])]) != {"cards"})
    return next((cards for _, child in children if (cards := _cards_of_result(child, level + 1))), None)


def _completed(record: RawRecord, known: RawRecord) -> RawRecord:
    """Fill the missing fields of a record from the object's own keys."""
    return replace(
        record,
        person=record.person or known.person,
        question=record.question or known.question,
        draws=record.draws or known.draws,
        date=record.date or known.date,
        outcome=record.outcome or known.outcome,
        consent=record.consent if record.consent is not None else known.consent,
        synthetic=record.synthetic or known.synthetic,
        record_id=known.record_id,
        extra={**known.extra, **record.extra},
    )


def _drawn_in(answer: str) -> tuple[Head, str] | None:
    """Find the head with cards in the first lines of an answer, and the text after it; None if there is none."""
    lines = answer.split("\n")
    start = start_of_head(lines)
    head = Head() if start is None else read_head(lines, start)
    if "cards" not in head.names:
        return None
    return head, "\n".join([*filter(None, [head.inline]), *lines[head.body :]]).strip()


def _without_greeting(answers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the short answers (`在的。`) before the first that is long enough for a reading."""
    lengths = [len("".join(answer.split())) for answer, _ in answers]
    first = next((index for index, length in enumerate(lengths) if length >= SHORTEST), 0)
    return answers[first:]


def _lines(prompt: str) -> list[str]:
    """Split a prompt into lines, also between a sentence and a label behind it."""
    found: list[str] = []
    for line in prompt.replace("\r\n", "\n").split("\n"):
        parts = _SENTENCE_END.split(line) if len(line) <= LONGEST_LINE and not labels_in(line) else [line]
        for index, part in enumerate(parts):
            if index and not labels_in(part):
                found[-1] += part
            else:
                found.append(part)
    return found


def labels_of(prompt: str) -> Head:
    """Read the labelled lines of a prompt, of several blocks the one with most fields, or the keys of one in JSON."""
    if fields := _fields_in_json(prompt):
        return Head(fields=fields)
    lines = _lines(prompt)
    best = Head()
    index = 0
    while index < len(lines):
        if labels_in(lines[index]):
            head = read_head(lines, index)
            if len(head.fields) > len(best.fields):
                best = head
            index = max(head.body, index + 1)
        else:
            index += 1
    for key, pairs in best.fields.items():
        if key[0] == "cards" and isinstance(value := pairs[0][1], str):
            # `牌：恋人正位、月亮逆位。请解读。`: the request follows the list on its line.
            listed, end, _ = value.partition("。")
            pairs[0] = (pairs[0][0], listed if end and is_list(listed) else value)
    return best


def _fields_in_json(prompt: str) -> Fields:
    """Return the fields of a prompt that is a JSON object; none if it is not."""
    if not prompt.lstrip().startswith("{"):
        return {}
    try:
        value = json.loads(prompt)
    except (ValueError, RecursionError):
        return {}
    return fields_of(value) if isinstance(value, dict) and not depth_over(value) else {}
