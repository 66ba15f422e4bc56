"""Readings written by a base with an adapter, or, with the adapter switched off, by the untouched base."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import Thread

from schemas.problems import Problem
from tarot_train import base as bases
from tarot_train import device as devices
from tarot_train.rows import escape, prompt_ids

Progress = Callable[[str, int, int], None] | None


def load(adapter: Path, base: Path, dtype: str = "float32", device: str | None = None):
    """(model, tokenizer): a base with its adapter, and the tokenizer and template kept with the adapter.

    Raises Problem `no_adapter`, `base_missing`.
    """
    from peft import PeftModel

    if not (adapter / "adapter_config.json").exists():
        raise Problem("no_adapter", path=adapter)
    found = devices.find().kind if device is None else device
    model = bases.load_model(base, dtype, found)
    tokenizer = bases.load_tokenizer(adapter, "own")
    return PeftModel.from_pretrained(model, adapter).eval(), tokenizer


def generate(
    model,
    tokenizer,
    prompts: list[str],
    *,
    max_new_tokens: int = 1024,
    temperature: float = 0.6,
    top_p: float = 0.95,
    seed: int = 0,
    untouched: bool = False,
    thinking: bool = False,
    batch: int = 8,
    progress: Progress = None,
) -> list[str]:
    """One reading a prompt, in order, without special tokens. untouched: with the adapter switched off.

    The same seed, prompts and batch give the same readings on one machine.
    """
    import torch

    readings = []
    torch.manual_seed(seed)
    with _adapter(model, untouched), torch.inference_mode():
        for start in range(0, len(prompts), batch):
            inputs = _inputs(model, tokenizer, prompts[start : start + batch], thinking)
            out = model.generate(**inputs, **_settings(tokenizer, max_new_tokens, temperature, top_p))
            new = out[:, inputs["input_ids"].shape[1] :]
            readings += [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]
            if progress:
                progress("generate", len(readings), len(prompts))
    return readings


def stream(
    model,
    tokenizer,
    prompt: str,
    *,
    max_new_tokens: int = 1024,
    temperature: float = 0.6,
    top_p: float = 0.95,
    seed: int = 0,
    untouched: bool = False,
    thinking: bool = False,
) -> Iterator[str]:
    """One reading in pieces as they are written. Closing the iterator early lets the writing end in the background."""
    import torch
    from transformers import TextIteratorStreamer

    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    inputs = _inputs(model, tokenizer, [prompt], thinking)
    failure: list[Exception] = []

    def write() -> None:
        try:
            torch.manual_seed(seed)
            with _adapter(model, untouched), torch.inference_mode():
                settings = _settings(tokenizer, max_new_tokens, temperature, top_p)
                model.generate(**inputs, **settings, streamer=streamer)
        except Exception as error:  # Handed over to the reader of the stream, who would wait for ever otherwise.
            failure.append(error)
            streamer.end()

    thread = Thread(target=write, daemon=True)
    thread.start()
    yield from streamer
    thread.join()
    if failure:
        raise failure[0]


def split_trace(text: str) -> tuple[str | None, str]:
    """(trace, reading) of a text written with thinking on, `…</think>` before the reading; (None, text) without."""
    trace, found, reading = text.partition("</think>")
    if not found:
        return None, text.strip()
    return trace.removeprefix("<think>").strip() or None, reading.strip()


def _adapter(model, untouched: bool):
    return model.disable_adapter() if untouched and hasattr(model, "disable_adapter") else nullcontext()


def _inputs(model, tokenizer, prompts: list[str], thinking: bool) -> dict:
    """Ids and mask of a batch, padded on the left so that every prompt ends where its reading begins."""
    import torch

    rows = [prompt_ids(tokenizer, [{"role": "user", "content": escape(p).strip()}], thinking) for p in prompts]
    width = max(map(len, rows))
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return {"input_ids": ids.to(model.device), "attention_mask": mask.to(model.device)}


def _settings(tokenizer, max_new_tokens: int, temperature: float, top_p: float) -> dict:
    chance = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    return {
        "max_new_tokens": max_new_tokens,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        **(chance if temperature > 0 else {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}),
    }
