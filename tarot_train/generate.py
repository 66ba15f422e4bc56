"""Generate readings with a base and its adapter, or with the base alone."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import Problem
from tarot_train import base_model as bases
from tarot_train import device as devices
from tarot_train.recipe import Generation
from tarot_train.training_rows import escape, prompt_ids

Progress = Callable[[str, int, int], None] | None

OPEN = "<think>\n"
"""Ends the prompt of a run that thinks."""

CLOSE = "</think>"
"""Ends the thinking trace; one token or plain text, depending on the tokenizer."""

FEWEST_TOKENS = 64
"""Fewest tokens a prompt must leave for the reading."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How to generate. untouched: without the adapter. thinking: with a trace before the reading; the answer to a
    follow-up has none, as in training.

    The same seed, prompts and batch give the same readings on one machine.
    """

    settings: Generation = field(default_factory=Generation)
    seed: int = 0
    untouched: bool = False
    thinking: bool = False

    def thinks(self, messages: list[dict]) -> bool:
        return self.thinking and len(messages) == 1


@dataclass(frozen=True)
class Written:
    """Text of a model. trace: its thinking before the reading, if it was asked to think and did."""

    content: str
    trace: str | None = None


def load(adapter: Path, base: Path, dtype: str = "float32", device: str | None = None, quantize: str = "none"):
    """Load (model, tokenizer): a base with its adapter, and the tokenizer and template kept with the adapter.

    Raises Problem `no_adapter`, `base_missing`.
    """
    from peft import PeftModel

    # Without the second, peft would look for a pickle.
    if not all((adapter / name).exists() for name in ("adapter_config.json", "adapter_model.safetensors")):
        raise Problem("no_adapter", path=adapter)
    found = devices.find().kind if device is None else device
    model = bases.load_model(base, dtype, found, quantize)
    tokenizer = bases.load_tokenizer(adapter, "own")
    forget_generation(model, tokenizer)
    return PeftModel.from_pretrained(model, adapter).eval(), tokenizer


def forget_generation(model, tokenizer) -> None:
    """Replace the generation_config of a base by one that has special tokens only.

    What a base ships (repetition penalties, other end tokens) is not what was trained, and would fill every gap.
    """
    from transformers import GenerationConfig

    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )


def ask(prompt: str) -> list[dict]:
    """Start a conversation with this prompt."""
    return [{"role": "user", "content": prompt}]


def generate(
    model, tokenizer, conversations: list[list[dict]], manner: Manner, *, batch: int = 8, progress: Progress = None
) -> list[Written]:
    """Generate the reply to each conversation, in order. A conversation: messages {role, content}, the last one the user's.

    Raises Problem `prompt_too_long` if one leaves too few tokens for a reply.
    """
    import torch

    written = []
    torch.manual_seed(manner.seed)
    for start in range(0, len(conversations), batch):
        part = conversations[start : start + batch]
        for messages, ids in zip(part, _continued(model, tokenizer, part, manner), strict=True):
            written.append(_written(_text(tokenizer, ids), manner.thinks(messages)))
        if progress:
            progress("generate", len(written), len(conversations))
    return written


def stream(model, tokenizer, messages: list[dict], manner: Manner, say: Callable[[str, str], None]) -> Written:
    """Generate the reply to one conversation and pass it to `say(part, text)` in pieces; part: trace or content.

    It runs in the caller's thread, so an exception of `say` (a closed pipe, Ctrl-C) ends it at once.
    """
    import torch
    from transformers.generation.streamers import BaseStreamer

    class Pieces(BaseStreamer):
        def __init__(self) -> None:
            self.ids: list[int] = []
            self.said = {"trace": 0, "content": 0}
            self.prompt_is_next = True

        def put(self, value) -> None:
            if self.prompt_is_next:
                self.prompt_is_next = False
                return
            self.ids += value.flatten().tolist()
            # Half a character, white space at the end and a half-written end of the trace wait for what comes next.
            text = _text(tokenizer, self.ids).rstrip("\ufffd")
            self.tell(text[: len(text) - _begun(text, CLOSE)] if thinking else text)

        def tell(self, text: str) -> None:
            found = _written(text, thinking)
            for part, whole in (("trace", found.trace or ""), ("content", found.content)):
                if len(whole) > self.said[part]:
                    say(part, whole[self.said[part] :])
                    self.said[part] = len(whole)

        def end(self) -> None:
            self.tell(_text(tokenizer, self.ids))

    thinking = manner.thinks(messages)
    torch.manual_seed(manner.seed)
    pieces = Pieces()
    (ids,) = _continued(model, tokenizer, [messages], manner, pieces)
    return _written(_text(tokenizer, ids), thinking)


def shortened(model, tokenizer, messages: list[dict], manner: Manner) -> list[dict]:
    """Drop the oldest exchanges after the first until a reply fits."""
    free = model.config.max_position_embeddings - manner.settings.max_new_tokens
    while len(messages) > 3 and len(_prompt(tokenizer, messages, manner)) > free:
        messages = messages[:1] + messages[3:]
    return messages


def _continued(model, tokenizer, conversations: list[list[dict]], manner: Manner, streamer=None) -> list[list[int]]:
    """Generate token ids for each conversation; padded on the left, so that every prompt ends right before its reply."""
    import torch
    from transformers import GenerationConfig

    rows = [_prompt(tokenizer, messages, manner) for messages in conversations]
    width = max(map(len, rows))
    free = model.config.max_position_embeddings - width
    if free < FEWEST_TOKENS:
        raise Problem("prompt_too_long", tokens=width, most=model.config.max_position_embeddings - FEWEST_TOKENS)
    pad, settings = tokenizer.pad_token_id, manner.settings
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=model.device)
    chance = {"do_sample": True, "temperature": settings.temperature, "top_p": settings.top_p, "top_k": 0}
    config = GenerationConfig(
        max_new_tokens=min(settings.max_new_tokens, free),
        pad_token_id=pad,
        eos_token_id=tokenizer.eos_token_id,
        **(chance if settings.temperature > 0 else {"do_sample": False}),
    )
    with adapter_off(model, manner.untouched), torch.inference_mode():
        out = model.generate(input_ids=ids, attention_mask=mask, generation_config=config, streamer=streamer)
    return out[:, width:].tolist()


def _prompt(tokenizer, messages: list[dict], manner: Manner) -> list[int]:
    said = [{**m, "content": escape(m["content"]).strip()} for m in messages]
    return prompt_ids(tokenizer, said, manner.thinks(messages))


def _text(tokenizer, ids: list[int]) -> str:
    """Decode new ids up to the end token, without special tokens except the thinking marks."""
    if tokenizer.eos_token_id in ids:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    text = tokenizer.decode(ids, skip_special_tokens=False)
    for token in tokenizer.added_tokens_decoder.values():
        if token.special and token.content not in ("<think>", CLOSE):
            text = text.replace(token.content, "")
    return text


def _written(text: str, thinking: bool) -> Written:
    """Split trace and reading at `</think>`; without it everything is trace."""
    text = text.replace("<think>", "")
    if not thinking:
        return Written(content=text.replace(CLOSE, "").strip())
    trace, _, content = text.partition(CLOSE)
    return Written(content=content.strip(), trace=trace.strip() or None)


def _begun(text: str, mark: str) -> int:
    """Return the number of characters at the end of the text that may be the beginning of the mark."""
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)


def adapter_off(model, untouched: bool = True):
    """Return a context in which the model is its base without adapter."""
    return model.disable_adapter() if untouched and hasattr(model, "disable_adapter") else nullcontext()
