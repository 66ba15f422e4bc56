"""Rows TRL trains on, from the examples of a dataset version."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from schemas.errors import Problem

SPLITS = ("train", "validation", "test")

_SPECIAL = re.compile(r"<([|｜][^<>\n]{1,40}[|｜])>|<(/?think)>")


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Rows that fit, and what was left out. tokens: per row, of prompt, reading and end token together."""

    rows: list[dict]
    tokens: list[int]
    too_long: list[str]
    """example_ids of rows over max_tokens: left out, never cut, or the model would not learn to stop."""
    escaped: list[str]
    """example_ids whose text held what the tokenizer takes for a special token; it was escaped."""


def manifest_of(version_dir: Path) -> dict:
    """Return the manifest of a dataset version. Raises Problem `not_a_version`."""
    path = version_dir / "manifest.json"
    if not path.exists():
        raise Problem("not_a_version", path=version_dir)
    return json.loads(path.read_text(encoding="utf-8"))


def read_examples(version_dir: Path, split: str, manifest: dict | None = None) -> list[dict]:
    """Read the examples of one split as dicts of EXAMPLES, in the stored order; [] if the split has no file.

    Raises Problem `stale_version` if the manifest has a hash for the file and the bytes have another.
    """
    name = f"examples/{split}.parquet"
    path = version_dir / name
    if not path.exists():
        return []
    published = (manifest or {}).get("files", {}).get(name)
    if published and sha256(path.read_bytes()).hexdigest() != published:
        raise Problem("stale_version", path=path)
    return pl.read_parquet(path, glob=False).to_dicts()


def is_follow_up(example: dict) -> bool:
    """Check whether an example or row answers a question asked after a reading: its prompt has the messages before it.

    Every answer of a reader is an example of its own, since templates that think render an earlier answer without its
    trace: one row with the loss on all answers would train on a prompt that is never served.
    """
    return len(example["prompt"]) > 1


def escape(text: str) -> str:
    """Replace the brackets of `<think>`, `<|…|>` and `<｜…｜>` by full-width ones, so that no record can speak as the system."""
    return _SPECIAL.sub(lambda match: f"＜{match[1] or match[2]}＞", text)


def to_row(example: dict) -> dict:
    """Convert an example to TRL's form: prompt, completion, chat_template_kwargs.

    Reply and trace are stripped, since a leading line break would merge with the template's. Raises Problem
    `no_answer` if nothing is left to learn.
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
    """Tokenise a row: (ids of the prompt as served, ids of prompt and reading as trained)."""
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
    """Convert examples to rows, in order, leaving out those over max_tokens.

    Raises Problem `prefix` if what is served is not the beginning of what is trained, `no_end_token` if the template
    writes no end token after the reading (the model would never learn to stop), `trace_lost` if it drops the trace.
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


def asked(version_dir: Path, examples: list[dict]) -> list[dict]:
    """Return the prompts of examples as readings to annotate and score: {id, person, question, spread, cards, content}.

    Question and spread (of the first draw that has one) come from the readings of the version.
    """
    readings = pl.read_parquet(
        version_dir / "readings.parquet", columns=["reading_id", "question", "draws"], glob=False
    )
    about = {row["reading_id"]: row for row in readings.iter_rows(named=True)}
    return [
        {
            "id": example["example_id"],
            "person": example["person"],
            "question": about[example["reading_id"]]["question"],
            "spread": next((d["spread"] for d in about[example["reading_id"]]["draws"] if d["spread"]), None),
            "cards": " | ".join(example["cards"]),
            "content": example["completion"][0]["content"],
        }
        for example in examples
    ]
