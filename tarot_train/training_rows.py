"""Examples of a dataset version to the rows TRL trains on, and back to what was asked."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from tarot_train.tables import read_table

SPLITS = ("train", "validation", "test")

_SPECIAL = re.compile(r"<([|｜][^<>\n]{1,40}[|｜])>|<(/?think)>")


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Rows that fit, and what was left out. tokens: one number a row, prompt and reading and end token together."""

    rows: list[dict]
    tokens: list[int]
    too_long: list[str]
    """example_ids of rows over max_tokens: left out whole, never cut, or the model would not learn to stop."""
    escaped: list[str]
    """example_ids whose text held what the tokenizer would take for a special token; it was made harmless."""


def manifest_of(version_dir: Path) -> dict:
    """The manifest of a dataset version. Raises Problem `not_a_version`."""
    path = version_dir / "manifest.json"
    if not path.exists():
        raise Problem("not_a_version", path=version_dir)
    return json.loads(path.read_text(encoding="utf-8"))


def read_examples(version_dir: Path, split: str, manifest: dict | None = None) -> list[dict]:
    """Examples of one split as dicts of EXAMPLES, in the order stored.

    Where the manifest has hashes of its files, the bytes must still be those that were published: raises Problem
    `stale_version`. A split whose file is not there has no examples.
    """
    name = f"examples/{split}.parquet"
    path = version_dir / name
    if not path.exists():
        return []
    published = (manifest or {}).get("files", {}).get(name)
    if published and sha256(path.read_bytes()).hexdigest() != published:
        raise Problem("stale_version", path=path)
    return pl.read_parquet(path, glob=False).to_dicts()


def escape(text: str) -> str:
    """The text with `<think>`, `<|…|>` and `<｜…｜>` in full-width brackets, so that no record can speak as the system."""
    return _SPECIAL.sub(lambda match: f"＜{match[1] or match[2]}＞", text)


def to_row(example: dict) -> dict:
    """One example as TRL wants it: prompt, completion, chat_template_kwargs.

    Reply and trace are stripped, since a leading line break would merge with the template's. Raises Problem
    `no_answer` where nothing is left to learn.
    """
    reply = example["completion"][0]
    content = escape(reply["content"] or "").strip()
    trace = escape(reply.get("reasoning_content") or "").strip() or None
    if not content:
        raise Problem("no_answer", id=example["example_id"])
    return {
        "prompt": [{"role": m["role"], "content": escape(m["content"]).strip()} for m in example["prompt"]],
        "completion": [{"role": "assistant", "content": content, "reasoning_content": trace}],
        "chat_template_kwargs": {"enable_thinking": bool(trace)},
    }


def render(tokenizer, row: dict) -> tuple[list[int], list[int]]:
    """(ids of the prompt as it is served, ids of prompt and reading as they are trained)."""
    kwargs = row["chat_template_kwargs"]
    prompt = prompt_ids(tokenizer, row["prompt"], **kwargs)
    whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"], tokenize=True, return_dict=True, **kwargs)[
        "input_ids"
    ]
    return prompt, whole


def prompt_ids(tokenizer, messages: list[dict], enable_thinking: bool = False) -> list[int]:
    return tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, enable_thinking=enable_thinking
    )["input_ids"]


def to_rows(examples: list[dict], tokenizer, max_tokens: int) -> Counted:
    """Rows that fit into max_tokens, in order.

    Raises Problem `prefix` where what is served is not the beginning of what is trained, `no_end_token` where the
    template writes no end after the reading: the model would never learn to stop; `trace_lost` where the template leaves
    the thinking trace out.
    """
    rows, tokens, too_long, escaped = [], [], [], []
    for example in examples:
        row = to_row(example)
        prompt, whole = render(tokenizer, row)
        if whole[: len(prompt)] != prompt:
            raise Problem("prefix", id=example["example_id"])
        trace = row["completion"][0]["reasoning_content"]
        if trace and trace not in tokenizer.decode(whole[len(prompt) :]):
            raise Problem("trace_lost", id=example["example_id"])
        if tokenizer.eos_token_id not in whole[-2:]:
            raise Problem("no_end_token", token=tokenizer.eos_token)
        texts = [m["content"] for m in example["prompt"] + example["completion"]]
        if any(_SPECIAL.search(text or "") for text in texts):
            escaped.append(example["example_id"])
        if len(whole) > max_tokens:
            too_long.append(example["example_id"])
            continue
        rows.append(row)
        tokens.append(len(whole))
    return Counted(rows=rows, tokens=tokens, too_long=too_long, escaped=escaped)


def asked(example: dict) -> dict:
    """What a prompt asks, as a reading to be annotated and scored: {id, person, question, spread, cards, content}.

    The prompt's lines are told apart by `tables/prompt.csv`, which names how each begins; content is the reader's own.
    """
    prompt = example["prompt"][-1]["content"]
    found: dict[str, str] = {}
    for line in prompt.splitlines():
        for row in read_table("prompt"):
            if re.fullmatch(row["begins"] + ".*", line):
                found.setdefault(row["field"], re.sub("^" + row["begins"], "", line))
    return {
        "id": example["example_id"],
        "person": example["person"],
        "question": found.get("question"),
        "spread": found.get("spread"),
        "cards": " | ".join(example["cards"]),
        "content": example["completion"][0]["content"],
    }
