"""Fine-tuning files (alpaca, ShareGPT, messages, preference pairs) to records. The prompt has the labels, the answer is
the content. A new layout is one function in LAYOUTS."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from schemas.deck import SHORTEST
from tarot_data.sources import json_records, json_stream
from tarot_data.sources.chats.sittings import is_list, question_of
from tarot_data.sources.labelled_lines import Head, read_head
from tarot_data.sources.labels import labels_in
from tarot_data.sources.notes.in_records import notes_in
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample

_ANSWERS = ("output", "response", "completion", "chosen", "answer")
_QUESTIONS = ("instruction", "prompt", "query", "input")
_OTHER_KEYS = ("conversations", "messages", "system", "history")
_THINK = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Example:
    """A training example. form: as stored with a record; asked: prompts, the system text last; answered: in order."""

    form: str
    asked: list[str]
    answered: list[str]


def recognises(sample: Sample) -> bool:
    if not json_records.looks_like_json(sample):
        return False
    return any(example_of(item) for item in json_records.first_objects(sample))


def example_of(value: dict) -> Example | None:
    """Convert an object to a training example by the first layout that fits; None if none does."""
    return next((found for layout in LAYOUTS if (found := layout(value))), None)


def _sharegpt(value: dict) -> Example | None:
    """Read `{"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}], "system": …}`, with `role`
    and `content` too. A preference pair has its answer in `chosen`."""
    turns = value.get("conversations") or value.get("conversation")
    return _of_turns("sharegpt", turns, value) if _has_key(turns, "from") or _has_key(turns, "role") else None


def _messages(value: dict) -> Example | None:
    """Read `{"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}`."""
    turns = value.get("messages")
    return _of_turns("messages", turns, value) if _has_key(turns, "role") else None


def _alpaca(value: dict) -> Example | None:
    """Read `{"instruction": …, "input": …, "output": …}` or `{"prompt": …, "chosen": …}`; the answer may be a list of
    turns."""
    if not any(isinstance(value.get(key), str) for key in _QUESTIONS[:3]) or not any(key in value for key in _ANSWERS):
        return None
    prompts = [value[key] for key in (*_QUESTIONS, "system") if isinstance(value.get(key), str)]
    answer = next((value[key] for key in _ANSWERS if value.get(key)), None)
    if isinstance(answer, str):
        return Example("alpaca", prompts, [answer])
    asked, answered = _split(answer if isinstance(answer, list) else [answer])
    return Example("alpaca", asked + prompts, answered)


LAYOUTS: tuple[Callable[[dict], Example | None], ...] = (_sharegpt, _messages, _alpaca)
"""Functions of an object, tried in order; each returns the example, or None if it has another layout."""


def _has_key(turns: object, key: str) -> bool:
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and key in turns[0]


def _of_turns(form: str, turns: list, value: dict) -> Example:
    chosen = value.get("chosen")
    asked, answered = _split([*turns, *(chosen if isinstance(chosen, list) else [chosen])])
    return Example(form, asked + ([value["system"]] if isinstance(value.get("system"), str) else []), answered)


def _split(turns: list) -> tuple[list[str], list[str]]:
    """Return the texts of turns that ask, with system texts last, and texts of turns that answer."""
    texts: dict[str, list[str]] = {"user": [], "system": [], "assistant": []}
    for turn in turns:
        if isinstance(turn, dict) and (text := _text_of(turn)).strip():
            who = str(turn.get("role") or turn.get("from") or "").lower()
            role = (
                "assistant" if who in ("assistant", "gpt", "model", "bot") else "system" if who == "system" else "user"
            )
            texts[role].append(text)
    return texts["user"] + texts["system"], texts["assistant"]


def _text_of(turn: dict) -> str:
    """Return the text of a turn, which may be a list of parts; empty if it has none."""
    text = turn.get("content") if turn.get("content") is not None else turn.get("value")
    if isinstance(text, list):
        return "\n\n".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in text)
    return text if isinstance(text, str) else ""


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    for item in json_stream.objects(blob):
        if isinstance(item, Rejected):
            yield item
            continue
        locator, value = item
        example = example_of(value)
        if example is None:
            yield from notes_in(json_records.record_of(value, blob, locator, "jsonl"), blob)
        else:
            yield _record(value, example, blob, locator)


def _record(value: dict, example: Example, blob: Blob, locator: str) -> RawRecord:
    """Build the record of an example from the labels of its prompts, its answer and the other keys of the object."""
    answers = [text for answer in example.answered if (text := _THINK.sub("", answer).strip())]
    heads = [labels_of(prompt) for prompt in example.asked]
    if example.form != "alpaca" and not any("cards" in head.names for head in heads):
        heads, answers = _with_own_cards(heads, answers, example.asked)
    fields = {}
    for head in heads:
        for key, pairs in head.fields.items():
            if key[0] != "content":
                fields.setdefault(key, pairs)
    answer = "\n\n".join(_without_greeting(answers)).strip()
    record = to_record(fields, source_of(blob, locator, example.form), content=answer, date_hint=blob.hint)
    used = {*_ANSWERS, *_QUESTIONS, *_OTHER_KEYS}
    rest = {key: child for key, child in value.items() if key not in used}
    known = json_records.record_of(rest, blob, locator, example.form)
    return record if isinstance(known, Rejected) else _completed(record, known)


def _with_own_cards(heads: list[Head], answers: list[str], asked: list[str]) -> tuple[list[Head], list[str]]:
    """Return heads and answers of a chat in which the reader's own message draws the cards, below a greeting."""
    drawn = ((index, found) for index, answer in enumerate(answers) if (found := _drawn_in(answer)))
    index, (head, text) = next(drawn, (0, (None, "")))
    if head is None:
        return heads, answers
    question = None if any("question" in known.names for known in [*heads, head]) else question_of(asked)
    first = [Head(fields={("question", 1): [("question", question)]})] if question else []
    return [*first, *heads, head], [text, *answers[index + 1 :]]


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
    start = next((index for index, line in enumerate(lines[:6]) if labels_in(line)), None)
    head = Head() if start is None else read_head(lines, start)
    if "cards" not in head.names:
        return None
    return head, "\n".join([*filter(None, [head.inline]), *lines[head.body :]]).strip()


def _without_greeting(answers: list[str]) -> list[str]:
    """Drop the short answers (`在的。`) before the first that is long enough for a reading."""
    lengths = [len("".join(answer.split())) for answer in answers]
    first = next((index for index, length in enumerate(lengths) if length >= SHORTEST), 0)
    return answers[first:]


def labels_of(prompt: str) -> Head:
    """Read the labelled lines of a prompt: of several blocks the one with most fields."""
    lines = prompt.replace("\r\n", "\n").split("\n")
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
