"""Pre-training of a small base from text: rows of prompt and reading to a Qwen2 model with its tokenizer.

A killed pre-training continues from its last checkpoint, with the same batches. The same rows, recipe, threads and kind of
processor give the same weights.
"""

import dataclasses
import json
import random
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path

from schemas.deck import CARDS
from schemas.errors import Problem
from tarot_train.base_model import check_tokenizer, config_of, load_model, load_tokenizer, read_template
from tarot_train.recipe import Pretraining, Recipe
from tarot_train.training_rows import render

Progress = Callable[[str, int, int], None] | None

SPECIAL = ["<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<think>", "</think>"]
SPECIAL += ["<|endoftext|>"]
"""Special tokens: those of the R1 family that the template writes, with end of text first (also the padding), and the one
transformers adds to any tokenizer of a Qwen2 model, past the end of the embedding if it is missing."""

HELD_OUT = 100
"""One row in so many is kept out of training, to measure the loss on."""

LONGEST_TOKEN = 12
"""Length of a token at most, two Chinese characters (each of their bytes is written with two), so that a person's name mostly
has the same tokens wherever it is and can be copied. The name of a card is always one token."""

LETTERS_ALONE = r"\p{L}+|[^\p{L}]+"
"""How text is divided once more to train the tokenizer: no token is a mark and a letter (`：愚` would be no `愚`)."""

TOKENIZED = 1500
"""Rows the tokenizer is trained on; with all of them it takes minutes and is hardly other."""

NAME_WEIGHT = 3.0
"""Weight of a card's name in the loss: names are few and are what has to be copied from the prompt."""

WINDOW = 2048
"""Rows whose lengths are sorted together, so that the rows of a batch need little padding."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Token ids of one text. start: ids before it are read but not learned (the prompt)."""

    ids: list[int]
    start: int


def pretrain(
    recipe: Recipe,
    rows: list[dict],
    folder: Path,
    progress: Progress = None,
    save_seconds: float = 240,
    drills: list[dict] = (),
    copies: list[dict] = (),
    start: Path | None = None,
) -> Path:
    """Train tokenizer and model on the rows; return `folder` with weights in bfloat16, tokenizer and `manifest.json`.

    rows: as `training_rows.to_row` makes them. save_seconds: between two checkpoints, which are in the same directory as the
    folder until it is complete. drills: short rows that teach to copy; a batch of them joins each update until they are used
    up. copies: rows that come before all others. start: a base of this function to go on from, by the settings `second` of the
    recipe. A folder made of the same is left as it is. Several processes of one launcher share each update. Raises Problem
    `no_texts` without rows.
    """
    if not rows:
        raise Problem("no_texts")
    from accelerate import PartialState  # imports torch

    settings, template = recipe.second if start else recipe.pretraining, read_template("r1")
    first = _manifest(start) if start else None
    about = {"shape": dataclasses.asdict(recipe.base.shape), **dataclasses.asdict(settings)}
    made_of = [about, template, SPECIAL, CARDS, rows, list(drills), list(copies), first and first["hash"]]
    digest = sha256(json.dumps(made_of, ensure_ascii=False).encode()).hexdigest()
    team = PartialState(cpu=True)
    if _manifest(folder).get("hash") == digest:
        return folder
    work = folder.with_name(f".{folder.name}.{digest[:12]}")
    work.mkdir(parents=True, exist_ok=True)
    tokenizer, model = _begin(recipe, rows, start)
    encoded = [encode(tokenizer, row) for row in rows]
    learned = [row for number, row in enumerate(encoded) if number % HELD_OUT]
    seen = {tuple(row.ids) for row in learned}
    held_out = [row for row in encoded[::HELD_OUT] if tuple(row.ids) not in seen]
    loops = []
    for number, updates in enumerate(_updates(tokenizer, settings, learned, drills, copies, team.num_processes)):
        names = tokenizer.convert_tokens_to_ids(list(CARDS))
        loops.append(_Loop(model, settings, updates, names, work / f"checkpoint-{number}.pt", team))
        loops[-1].run(progress, save_seconds)
    if team.is_main_process:
        figures = {
            **_figures(loops),
            "rows": len(learned),
            "held_out_rows": len(held_out),
            "held_out_loss": round(mean_loss(model, batches(held_out, settings)), 4),
        }
        manifest = {"name": recipe.base.name, "stand_in": True, "hash": digest, "settings": about}
        _save(model, tokenizer, manifest | ({"first": first} if first else {}) | figures, work / "base")
        shutil.rmtree(folder, ignore_errors=True)
        (work / "base").rename(folder)
        shutil.rmtree(work)
    team.wait_for_everyone()
    return folder


def _begin(recipe: Recipe, rows: list[dict], start: Path | None):
    """Return (tokenizer, model): those of the folder `start`, or new ones, the tokenizer trained on the rows."""
    if not start:
        tokenizer = train_tokenizer(
            _sample(rows, recipe.pretraining.seed), recipe.pretraining.vocab, read_template("r1")
        )
        return tokenizer, new_model(recipe, tokenizer)
    tokenizer = load_tokenizer(start, "r1")
    for name in ("is_local", "local_files_only"):  # how it was loaded, which would be saved with it
        tokenizer.init_kwargs.pop(name, None)
    return tokenizer, load_model(start)


def _updates(
    tokenizer, settings: Pretraining, learned: list[Row], drills, copies, fewest: int
) -> list[list[list[list[Row]]]]:
    """Divide the rows into the updates of one or two loops: copies, if there are any, then texts with drills.

    The copies have a rise and a fall of the rate of their own.
    """
    found, drilled, copied = (
        batches(part, settings, fewest)
        for part in (learned, *([encode(tokenizer, row) for row in short] for short in (drills, copies)))
    )
    mixed = [[batch for batch in pair if batch] for pair in zip_longest(found, drilled[: len(found)])]
    return [updates for updates in ([[batch] for batch in copied], mixed) if updates]


def _manifest(folder: Path) -> dict:
    path = folder / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def train_tokenizer(texts: list[str], vocab: int, template: str):
    """Train a byte-level BPE tokenizer, special tokens first, names of cards last; any NFC text survives it.

    It pre-tokenises as Qwen2 does, since AutoTokenizer takes any tokenizer of a Qwen2 model for Qwen2's.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    model = Tokenizer(models.BPE())
    model.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
    letters = pre_tokenizers.Split(Regex(LETTERS_ALONE), behavior="isolated")
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    model.pre_tokenizer = pre_tokenizers.Sequence([split, letters, bytes_only])
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab - len(CARDS),
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    model.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_only])
    end, _, _, begin, *_, unknown = SPECIAL
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=model, bos_token=begin, eos_token=end, pad_token=end, unk_token=unknown
    )
    tokenizer.add_tokens([AddedToken(card, normalized=False, special=False) for card in CARDS])
    tokenizer.chat_template = template
    check_tokenizer(tokenizer)
    return tokenizer


def _sample(rows: list[dict], seed: int) -> list[str]:
    """Return the texts of a part of the rows, enough to know which tokens are frequent."""
    chosen = random.Random(seed).sample(rows, min(len(rows), TOKENIZED))
    return [message["content"] for row in chosen for message in row["prompt"] + row["completion"]]


def encode(tokenizer, row: dict) -> Row:
    """Tokenise a row in the chat format."""
    prompt, whole = render(tokenizer, row)
    return Row(ids=whole, start=len(prompt))


def batches(rows: list[Row], settings: Pretraining, fewest: int = 1) -> list[list[Row]]:
    """Divide the rows into batches of `settings.batch_tokens` tokens at most, padding included, in a random order.

    fewest: rows a batch must have; a batch of fewer is left out.
    """
    rng = random.Random(settings.seed)
    rows = [row for row in rows if len(row.ids) <= settings.row_tokens]
    rng.shuffle(rows)
    found: list[list[Row]] = []
    for first in range(0, len(rows), WINDOW):
        for row in sorted(rows[first : first + WINDOW], key=lambda row: len(row.ids)):
            if not found or (len(found[-1]) + 1) * len(row.ids) > settings.batch_tokens:
                found.append([])
            found[-1].append(row)
    found = [batch for batch in found if len(batch) >= fewest]
    rng.shuffle(found)
    return found


def new_model(recipe: Recipe, tokenizer):
    """Make a Qwen2 model of the recipe's shape with random weights."""
    import torch
    from transformers import Qwen2ForCausalLM

    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    torch.manual_seed(recipe.pretraining.seed)
    return Qwen2ForCausalLM(config_of(recipe.base.shape, vocab_size=len(tokenizer), **tokens))


def mean_loss(model, found: list[list[Row]]) -> float:
    """Return the mean cross-entropy per learned token over the batches, in nats; nan without batches."""
    import torch

    total = tokens = 0.0
    model.eval()
    with torch.inference_mode():
        for batch in found:
            count = _learned(batch)
            total += _loss(model, batch).item() * count
            tokens += count
    return total / tokens if tokens else float("nan")


class _Loop:
    """The updates of a pre-training, and its checkpoint."""

    def __init__(
        self, model, settings: Pretraining, updates: list[list[list[Row]]], names: list[int], checkpoint: Path, team
    ) -> None:
        """updates: the batches whose gradients each update adds up. names: tokens that weigh more in the loss."""
        import torch

        self.model, self.settings, self.updates, self.checkpoint = model, settings, updates, checkpoint
        self.weights = torch.ones(model.config.vocab_size)
        self.weights[names] = NAME_WEIGHT
        self.team = team
        blocks = [p for name, p in model.named_parameters() if p.ndim == 2 and ".layers." in name]
        others = [p for name, p in model.named_parameters() if p.ndim != 2 or ".layers." not in name]
        # Muon, its rate comparable to that of AdamW (arXiv:2502.16982), for the matrices of the blocks, AdamW for everything else.
        muon = torch.optim.Muon(blocks, lr=settings.learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
        adam = torch.optim.AdamW(others, lr=settings.embedding_rate, weight_decay=0.0, betas=(0.9, 0.95))
        self.optimizers = {"muon": muon, "adam": adam}
        self.peaks = {"muon": settings.learning_rate, "adam": settings.embedding_rate}
        self.done, self.seconds = 0, 0.0
        self.threads = torch.get_num_threads()
        self.half = torch.cpu.get_capabilities().get("amx_tile", False)
        if checkpoint.exists():
            self._resume()

    def run(self, progress: Progress, save_seconds: float) -> None:
        """Run the updates that are left; checkpoints and progress are the first process's."""
        started = saved = time.monotonic()
        self.model.train()
        while self.done < len(self.updates):
            self.update(self.updates[self.done])
            self.done += 1
            if progress and self.team.is_main_process:
                progress("base", self.done, len(self.updates))
            if self.team.is_main_process and time.monotonic() - saved > save_seconds:
                saved = time.monotonic()
                self.save(self.seconds + saved - started)
        self.seconds += time.monotonic() - started
        if self.team.is_main_process:
            self.save(self.seconds)
        self.model.eval()

    def update(self, parts: list[list[Row]]) -> None:
        """Update the weights by the gradient over all batches, of which each process computes its share."""
        import torch

        rate = self.rate()
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.peaks[name] * rate
        whole = sum(map(_learned, parts))
        for batch in parts:
            mine = batch[self.team.process_index :: self.team.num_processes]
            with torch.autocast("cpu", torch.bfloat16) if self.half else nullcontext():
                loss = _loss(self.model, mine, self.weights) * _learned(mine) / whole
            loss.backward()
        self.add_up()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers.values():
            optimizer.step()
        self.model.zero_grad(set_to_none=True)

    def add_up(self) -> None:
        """Add up the gradients of all processes."""
        import torch

        if self.team.num_processes == 1:
            return
        gradients = [parameter.grad for parameter in self.model.parameters()]
        whole = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(whole)
        for gradient, part in zip(gradients, whole.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def rate(self) -> float:
        """Return the share of the peak rate: up over a twentieth of the updates, level, linear to 0 over the second half."""
        share = self.done / len(self.updates)
        return min(1.0, (share + 1 / len(self.updates)) * 20, 2 * (1 - share))

    def save(self, seconds: float) -> None:
        """Write model, optimisers and progress as safetensors, keys `model|NAME` and `OPTIMISER|PARAMETER|QUANTITY`."""
        from safetensors.torch import save_file

        # Clones: tied weights share memory, which safetensors refuses.
        tensors = {f"model|{name}": tensor.clone() for name, tensor in self.model.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for parameter, state in optimizer.state_dict()["state"].items():
                tensors |= {f"{name}|{parameter}|{quantity}": tensor for quantity, tensor in state.items()}
        half = self.checkpoint.with_suffix(".half")
        save_file(tensors, half, metadata={"done": str(self.done), "seconds": str(seconds)})
        half.replace(self.checkpoint)

    def _resume(self) -> None:
        from safetensors import safe_open

        found: dict[str, dict] = {name: {} for name in ("model", *self.optimizers)}
        with safe_open(self.checkpoint, framework="pt") as file:
            self.done, self.seconds = int(file.metadata()["done"]), float(file.metadata()["seconds"])
            for key in file.keys():  # noqa: SIM118
                owner, _, name = key.partition("|")
                found[owner][name] = file.get_tensor(key)
        self.model.load_state_dict(found.pop("model"))
        for owner, tensors in found.items():
            state: dict[int, dict] = {}
            for name, tensor in tensors.items():
                parameter, _, quantity = name.partition("|")
                state.setdefault(int(parameter), {})[quantity] = tensor
            groups = self.optimizers[owner].state_dict()["param_groups"]
            self.optimizers[owner].load_state_dict({"state": state, "param_groups": groups})


def _figures(loops: list[_Loop]) -> dict:
    """Return what the manifest says of the training."""
    last = loops[-1]
    batches_ = [batch for loop in loops for parts in loop.updates for batch in parts]
    return {
        "parameters": sum(parameter.numel() for parameter in last.model.parameters()),
        "updates": sum(len(loop.updates) for loop in loops),
        "tokens": sum(len(row.ids) for batch in batches_ for row in batch),
        "seconds": round(sum(loop.seconds for loop in loops)),
        "threads": last.threads,
        "processes": last.team.num_processes,
        "precision": "bfloat16" if last.half else "float32",
    }


def _learned(batch: list[Row]) -> int:
    return sum(len(row.ids) - row.start for row in batch)


def _loss(model, batch: list[Row], weights=None):
    """Return the mean cross-entropy of a batch over its learned tokens, without padding. weights: of each token."""
    import torch

    width = max(len(row.ids) for row in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), -100)
    for number, row in enumerate(batch):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        labels[number, row.start : len(row.ids)] = ids[number, row.start : len(row.ids)]
    # Attention looks back only, so padding on the right needs no mask.
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    learned = labels[:, 1:] != -100
    logits = model.lm_head(hidden[learned])
    return torch.nn.functional.cross_entropy(logits.float(), labels[:, 1:][learned], weights)


def _save(model, tokenizer, manifest: dict, folder: Path) -> None:
    """Write weights in bfloat16, configuration, tokenizer and manifest."""
    import torch

    shutil.rmtree(folder, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
