"""Training files made earlier: alpaca, ShareGPT, messages, prompt and completion. The labels stand in the prompt."""

import re
from collections.abc import Iterator

from tarot_data.sources import json_records
from tarot_data.sources.labels import Head, labels_in, read_head, to_record
from tarot_data.sources.record import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sample import Sample

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
    for item in json_records.objects(blob):
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
    answer = _THINK.sub("", "\n\n".join(answers)).strip()
    head = Head()
    for prompt in prompts:
        found = labels_of(prompt)
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


def turns_of(value: dict, form: str) -> tuple[list[str], list[str]]:
    """What was asked and what was answered, in order."""
    if form == "alpaca":
        prompts = [value[key] for key in _QUESTIONS if isinstance(value.get(key), str)]
        if isinstance(value.get("system"), str):
            prompts.append(value["system"])
        answers = next(([value[key]] for key in _ANSWERS if isinstance(value.get(key), str)), [])
        return prompts, answers
    turns = value.get("conversations") or value.get("conversation") or value.get("messages") or []
    asked, answered, systems = [], [], []
    if isinstance(value.get("system"), str):
        systems.append(value["system"])
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
    return best
