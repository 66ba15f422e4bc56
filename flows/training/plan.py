"""Training plan for a dataset version or for given numbers."""

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import compress
from pathlib import Path

from flows.training.gate import may_train
from flows.training.gate_checks import gate_of
from schemas.errors import Problem
from schemas.messages import gate_sentences
from schemas.token_estimate import TOKENS_PER_CHAR
from tarot_data.dataset import versions
from tarot_train import base_model as bases
from tarot_train import device, plan, sft, sizes, training_rows


def plan_training(
    data_dir: Path,
    base: str | None,
    recipe: str | None,
    overrides: dict[str, str],
    examples: int | None = None,
    tokens: int | None = None,
    gpu: str | None = None,
    price: float | None = None,
    version: int | None = None,
) -> dict:
    """Return the plan as JSON, for a version (the newest by default).

    examples, tokens: plan for this number of examples of this average length, the longest as long as the recipe allows,
    before a dataset exists.
    """
    settings = sft.recipe_for(base, recipe, overrides)
    here = plan.gpu(gpu) if gpu else device.find()
    if examples:
        longest = settings.train.max_tokens
        data = plan.Data(
            train=examples,
            validation=max(1, examples // 8),
            test=max(1, examples // 8),
            mean_tokens=min(tokens or longest, longest),
            longest_tokens=longest,
            counted="given",
        )
        return plan.plan(settings, data, here, price=price)
    try:
        folder = bases.find(settings.base.name)
    except Problem:
        folder = None
    shape = plan.shape_of(settings, folder)
    found = versions.find(data_dir, version)
    data = _measured(versions.path_of(data_dir, found), settings, folder)
    return plan.plan(settings, data, here, shape, price, sizes.base_bytes(folder))


def refusals(
    data_dir: Path,
    manifest: dict,
    min_readings: int,
    base: str | None,
    recipe: str | None,
    overrides: dict[str, str],
    lang: str,
) -> Iterator[Problem]:
    """Yield why a training of a version would not start: Problem `gate_shut`, `base_missing`."""
    gate_state = gate_of(data_dir, manifest, min_readings)
    if not may_train(gate_state, requested=True):
        why = " ".join(gate_sentences(gate_state, lang))
        yield Problem("gate_shut", why=why, validated=gate_state["validated"])
    try:
        bases.find(sft.recipe_for(base, recipe, overrides).base.name)
    except Problem as problem:
        yield problem


def _measured(version_dir: Path, settings: object, folder: Path | None) -> plan.Data:
    """Count a version with the tokenizer of the base if that is here and transformers is installed, else estimate from
    characters."""
    manifest = training_rows.manifest_of(version_dir)
    examples = {split: training_rows.read_examples(version_dir, split, manifest) for split in training_rows.SPLITS}
    if folder and find_spec("transformers"):
        tokenizer = bases.load_tokenizer(folder, settings.base.template)
        counted = {
            name: training_rows.to_rows(found, tokenizer, settings.train.max_tokens) for name, found in examples.items()
        }
        return sft.data_of(counted, settings.train.max_tokens)
    lengths = {
        split: [
            round(TOKENS_PER_CHAR * sum(len(part["content"]) for part in e["prompt"] + e["completion"])) for e in found
        ]
        for split, found in examples.items()
    }
    fits = [count <= settings.train.max_tokens for count in lengths["train"]]
    fitting = list(compress(lengths["train"], fits))
    return plan.Data(
        train=len(fitting),
        validation=len(lengths["validation"]),
        test=len(lengths["test"]),
        mean_tokens=sum(fitting) / max(1, len(fitting)),
        longest_tokens=max(fitting, default=0),
        too_long=len(lengths["train"]) - len(fitting),
        follow_ups=sum(map(training_rows.is_follow_up, compress(examples["train"], fits))),
        counted="characters",
    )
