"""Training files made earlier: alpaca, ShareGPT, messages, prompt and completion. The labels stand in the prompt."""

import re
from collections.abc import Iterator

from schemas.deck import SHORTEST
from tarot_data.sources import json_records, json_stream
from tarot_data.sources.chats.sittings import is_list, question_of
from tarot_data.sources.labelled_lines import Head, labels_in, read_head
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample

_ANSWERS = ("output", "response", "completion", "chosen", "answer")
_QUESTIONS = ("instruction", "prompt", "query", "input")
_THINK = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)


def recognises(sample: Sample) -> bool:
    if not json_records.looks_like_json(sample):
        return False
    return any(form_of(item) for item in json_records.first_objects(sample))


def form_of(item: dict) -> str | None:
    """alpaca, sharegpt, messages or None for an object that is no training example."""
    turns = item.get("conversations") or item.get("conversation")
    if isinstance(turns, list) and turns and isinstance(turns[0], dict) and ("from" in turns[0] or "role" in turns[0]):
        return "sharegpt"
    turns = item.get("messages")
    if isinstance(turns, list) and turns and isinstance(turns[0], dict) and "role" in turns[0]:
        return "messages"
    if any(isinstance(item.get(key), str) for key in _QUESTIONS[:3]) and any(key in item for key in _ANSWERS):
        return "alpaca"
    return None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    for item in json_stream.objects(blob):
        if isinstance(item, Rejected):
            yield item
            continue
        locator, value = item
        form = form_of(value)
        if form is None:
            yield json_records.record_of(value, blob, locator, "jsonl")
        else:
            yield _record(value, form, blob, locator)


def _record(value: dict, form: str, blob: Blob, locator: str) -> RawRecord:
    """The prompt's labels as fields, the answer as the body; thinking is not the reader's and stays out."""
    prompts, answers = turns_of(value, form)
    answers = [text for answer in answers if (text := _THINK.sub("", answer).strip())]
    head = Head()
    heads = [labels_of(prompt) for prompt in prompts]
    if form != "alpaca" and not any("cards" in found.names for found in heads):
        # A chat kept as turns: the reader's own message lays the cards, below a greeting.
        laid = next(((index, cards) for index, answer in enumerate(answers) if (cards := _laid(answer))), None)
        if laid:
            heads.append(laid[1][0])
            answers = [laid[1][1], *answers[laid[0] + 1 :]]
            if not any("question" in found.names for found in heads) and (question := question_of(prompts)):
                head.fields[("question", 1)] = [("问题", question)]
    answer = "\n\n".join(_without_greeting(answers)).strip()
    for found in heads:
        for key, held in found.fields.items():
            head.fields.setdefault(key, held)
    fields = {key: held for key, held in head.fields.items() if key[0] != "content"}
    known = json_records.record_of(
        {
            key: held
            for key, held in value.items()
            if key not in (*_ANSWERS, *_QUESTIONS, "conversations", "messages", "system", "history")
        },
        blob,
        locator,
        form,
    )
    record = to_record(fields, source_of(blob, locator, form), content=answer, date_hint=blob.hint)
    if isinstance(known, Rejected):
        return record
    return RawRecord(
        source=record.source,
        person=record.person or known.person,
        question=record.question or known.question,
        draws=record.draws or known.draws,
        content=record.content,
        date=record.date or known.date,
        date_hint=record.date_hint,
        outcome=record.outcome or known.outcome,
        consent=record.consent if record.consent is not None else known.consent,
        synthetic=record.synthetic or known.synthetic,
        record_id=known.record_id,
        extra={**known.extra, **record.extra},
    )


def _laid(answer: str) -> tuple[Head, str] | None:
    """The head that lays the cards in what a reader said, and what follows it."""
    lines = answer.split("\n")
    for index, line in enumerate(lines[:6]):
        if labels_in(line):
            head = read_head(lines, index)
            if "cards" in head.names:
                return head, "\n".join([*([head.inline] if head.inline else []), *lines[head.body :]]).strip()
            return None
    return None


def _without_greeting(answers: list[str]) -> list[str]:
    """Answers from the first that can be a reading on; what was said before (`在的。`) is greeting."""
    lengths = [len("".join(answer.split())) for answer in answers]
    first = next((index for index, length in enumerate(lengths) if length >= SHORTEST), 0)
    return answers[first:]


def turns_of(value: dict, form: str) -> tuple[list[str], list[str]]:
    """What was asked and what was answered, in order."""
    if form == "alpaca":
        prompts = [value[key] for key in _QUESTIONS if isinstance(value.get(key), str)]
        if isinstance(value.get("system"), str):
            prompts.append(value["system"])
        answer = next((value[key] for key in _ANSWERS if value.get(key)), None)
        if isinstance(answer, str):
            return prompts, [answer]
        # A preference pair holds turns: the chosen ones, the last of them the answer.
        asked, answered = _of_turns(answer if isinstance(answer, list) else [answer])
        return asked + prompts, answered
    turns = value.get("conversations") or value.get("conversation") or value.get("messages") or []
    chosen = value.get("chosen")
    asked, answered = _of_turns([*turns, *(chosen if isinstance(chosen, list) else [chosen])])
    return asked + ([value["system"]] if isinstance(value.get("system"), str) else []), answered


def _of_turns(turns: list) -> tuple[list[str], list[str]]:
    """What the turns ask, their system text behind it, and what they answer."""
    asked, answered, systems = [], [], []
    for turn in turns:
        if not isinstance(turn, dict):
            continue
        who = str(turn.get("role") or turn.get("from") or "").lower()
        text = turn.get("content") if turn.get("content") is not None else turn.get("value")
        if isinstance(text, list):
            text = "\n\n".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in text)
        if not isinstance(text, str) or not text.strip():
            continue
        if who in ("assistant", "gpt", "model", "bot"):
            answered.append(text)
        elif who == "system":
            systems.append(text)
        else:
            asked.append(text)
    return asked + systems, answered


def labels_of(prompt: str) -> Head:
    """Labels of a prompt, wherever its boilerplate lets them begin."""
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
    for key, held in best.fields.items():
        if key[0] == "cards" and isinstance(value := held[0][1], str):
            # `牌：恋人正位、月亮逆位。请解读。`: what is asked for stands behind the list, on its line.
            listed, end, _ = value.partition("。")
            held[0] = (held[0][0], listed if end and is_list(listed) else value)
    return best
