"""Evaluation: loss on held-out readings, and scores of what base and tuned model write for the same prompts."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from pathlib import Path

from schemas.errors import Problem
from tarot_train import base_model as bases
from tarot_train import device as devices
from tarot_train import plan, training_rows
from tarot_train import recipe as recipes
from tarot_train.bootstrap import mean_difference, ratio_difference
from tarot_train.generate import Manner, adapter_off, ask, forget_generation, generate, load
from tarot_train.memorisation import copied_shares
from tarot_train.reader_voice import voice
from tarot_train.run_folder import bases_dir
from tarot_train.scores import DIMENSIONS, score
from tarot_train.tables import read_table
from tarot_train.trainer import kept_logits

Progress = Callable[[str, int, int], None] | None
Annotate = Callable[[list[dict]], list[dict]]

MODELS = ("base", "tuned")


def evaluate(run_dir: Path, *, data_dir: Path, annotate: Annotate, progress: Progress = None) -> dict:
    """Evaluate a finished run; write `generations.jsonl` and `scores.json` into its folder and return the latter.

    annotate: [{id, person, question, spread, cards, content}] to the same with sentences and mentions, so that texts of
    models and of persons are labelled by the same code. Held out are the test readings, or the validation readings if
    there are none (`split` says which). Raises Problem `not_a_run`, `stale_version`, `no_held_out`.
    """
    manifest = read_manifest(run_dir)
    version_dir = data_dir / "versions" / manifest["dataset"]["name"]
    version = training_rows.manifest_of(version_dir)
    if version["hash"] != manifest["dataset"]["hash"]:
        raise Problem("stale_version", path=version_dir)
    used, thinking = recipes.build(manifest["used"]), manifest.get("thinking", False)
    data = held_out_of(version_dir, version, set(manifest.get("preferences", {}).get("ids", [])))
    model, tokenizer = load_run(run_dir, manifest)
    result, lines = measure(model, tokenizer, MODELS, data, used, thinking, annotate, progress)
    return _keep(run_dir, {"stand_in": manifest["base"]["stand_in"], **result}, lines)


def evaluate_base(
    folder: Path, used: recipes.Recipe, version_dir: Path, out: Path, *, annotate: Annotate, progress: Progress = None
) -> dict:
    """Evaluate a base without adapter on the held-out examples of a version, into the folder `out`; see `evaluate`.

    The result has no `tuned` and no `difference`.
    """
    version = training_rows.manifest_of(version_dir)
    data = held_out_of(version_dir, version)
    here = devices.find()
    dtype = "float32" if here.kind == "cpu" else "bfloat16" if here.bfloat16 else "float16"
    tokenizer = bases.load_tokenizer(folder, used.base.template)
    model = bases.load_model(folder, dtype, here.kind)
    forget_generation(model, tokenizer)
    result, lines = measure(model, tokenizer, ("base",), data, used, False, annotate, progress)
    out.mkdir(parents=True, exist_ok=True)
    about = {"name": used.base.name, "identity": bases.identity(folder), "stand_in": bases.is_stand_in(folder)}
    return _keep(out, {**about, "dataset": version["hash"], **result}, lines)


@dataclass(frozen=True)
class HeldOut:
    """Examples nobody trained on, what those ask that are no follow-up, and the texts trained on, to find memorised passages."""

    split: str
    examples: list[dict]
    asked: list[dict]
    train_texts: list[str]


def held_out_of(version_dir: Path, version: dict, seen: set[str] = frozenset()) -> HeldOut:
    """Read the test examples of a version, else its validation examples. Raises Problem `no_held_out`.

    seen: ids of examples that preferences were given on, which are left out.
    """
    texts = [
        example["completion"][0]["content"] for example in training_rows.read_examples(version_dir, "train", version)
    ]
    for split in ("test", "validation"):
        examples = [
            example
            for example in training_rows.read_examples(version_dir, split, version)
            if not seen & {example["example_id"], example["reading_id"]}
        ]
        if examples:
            readings = [example for example in examples if not training_rows.is_follow_up(example)]
            return HeldOut(split, examples, training_rows.asked(version_dir, readings), texts)
    raise Problem("no_held_out", path=version_dir)


def measure(
    model,
    tokenizer,
    names: tuple[str, ...],
    data: HeldOut,
    used: recipes.Recipe,
    thinking: bool,
    annotate: Annotate,
    progress: Progress = None,
) -> tuple[dict, list[dict]]:
    """Return (figures of each model and of the reader, the readings they rest on). names: of MODELS."""
    counted = training_rows.to_rows(data.examples, tokenizer, used.train.max_tokens)
    if not counted.rows:
        raise Problem("no_go_all_too_long", too_long=len(counted.too_long), max_tokens=used.train.max_tokens, fix="–")
    losses = {}
    for number, name in enumerate(names):
        part = _part(progress, number, len(names))
        losses[name] = row_losses(model, tokenizer, counted.rows, untouched=name == "base", progress=part)
    cases = fixed_cases() + _spread_out(data, used.generation.held_out)
    written = []
    for number, name in enumerate(names):
        manner = Manner(
            settings=used.generation, seed=used.train.seed, untouched=name == "base", thinking=thinking
        )  # fmt: skip
        written += write_readings(model, tokenizer, name, cases, manner, _part(progress, number, len(names)))
    scored = score_readings(written, annotate)
    human = score_readings([case["reading"] | {"model": "reader"} for case in cases if case["reading"]], annotate)
    lines = scored + human
    for line, copied in zip(lines, copied_shares([line["content"] for line in lines], data.train_texts), strict=True):
        line["copied"] = copied
    characters = sum(map(_characters, counted.rows))
    result = {
        "split": data.split,
        "held_out": {
            "examples": len(counted.rows),
            "too_long": len(counted.too_long),
            "tokens": sum(n for _, n in losses["base"]),
            "characters": characters,
        },
        # Without ids, so that nothing here belongs to a person; the order is that of the split.
        "by_example": {"characters": [_characters(row) for row in counted.rows]}
        | {name: [round(nats, 4) for nats, _ in losses[name]] for name in names},
        **{name: _figures(losses[name], characters, _of(name, scored), human) for name in names},
        "voice": _voice(data, scored, names),
        "reader": {"scores": _means([line["scores"] for line in human]), "copied": _copied(human)},
        "generated": len(cases),
    }
    if len(names) > 1:
        result["difference"] = _differences(losses, scored)
    return result, lines


def _voice(data: HeldOut, scored: list[dict], names: tuple[str, ...]) -> dict | None:
    """Return how far each model sounds like the reader; see `reader_voice.voice`."""
    prose = [row["text"] for row in read_table("prose")]
    own = [asked["content"] for asked in data.asked]
    return voice(own, prose, {name: [line["content"] for line in _of(name, scored)] for name in names})


def judged(run_dir: Path, ask: Callable[[list[dict]], list[dict[str, float]]], about: dict) -> dict:
    """Add a judge's figures for the readings of an evaluated run to its files; return the new scores.

    ask: readings to figures, in order. about: facts on the judge, kept with its figures.
    """
    scores = json.loads((run_dir / "scores.json").read_text(encoding="utf-8"))
    text = (run_dir / "generations.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    there = [line for line in lines if line["content"].strip()]
    nothing = dict.fromkeys((*DIMENSIONS, "overall"), 0.0)
    for line in lines:
        line["judge"] = nothing
    for line, figures in zip(there, ask(there), strict=True):
        line["judge"] = figures
    sides = {name: [line["judge"] for line in _of(name, lines)] for name in (*MODELS, "reader")}
    opinion = about | {name: _means(found) for name, found in sides.items() if found}
    pairs = [[figures["overall"] for figures in sides[name]] for name in MODELS]
    opinion["difference"] = mean_difference(*pairs)
    return _keep(run_dir, scores | {"judge": opinion}, lines)


def _keep(folder: Path, result: dict, lines: list[dict]) -> dict:
    _write(folder / "generations.jsonl", "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
    _write(folder / "scores.json", json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    return result


def read_manifest(run_dir: Path) -> dict:
    """Read the manifest of a finished run. Raises Problem `not_a_run`."""
    path = run_dir / "manifest.json"
    if not path.exists():
        raise Problem("not_a_run", path=run_dir)
    return json.loads(path.read_text(encoding="utf-8"))


def load_run(run_dir: Path, manifest: dict | None = None, four_bit: bool = True):
    """Load (model, tokenizer) of a finished run on the best device here, in 4 bit if it was trained so and that works here.

    four_bit: False for a merge, which needs the 16-bit base. Raises Problem `base_missing`, `base_changed`.
    """
    manifest = manifest or read_manifest(run_dir)
    folder = Path(manifest["base"]["folder"])
    if not (folder / "config.json").exists():
        folder = bases.find(manifest["base"]["name"])
    if not is_base_of(folder, manifest, bases_dir(run_dir)):
        raise Problem("base_changed", name=manifest["base"]["name"], folder=folder)
    dtype = manifest["used"]["base"]["dtype"]
    here = devices.find()
    if here.kind == "cpu" and dtype == "float16":
        dtype = "float32"
    quantize = manifest["used"]["base"]["quantize"] if four_bit and plan.can_quantize(here) else "none"
    return load(run_dir / "adapter", folder, dtype, here.kind, quantize)


def is_base_of(folder: Path, manifest: dict, bases_dir: Path | None = None) -> bool:
    """Check whether a folder has the base that a run was trained on."""
    if manifest.get("format", 1) == 1:
        return bases.identity_of_format_1(folder) == manifest["base"]["identity"]
    return bases.identity(folder, bases_dir) == manifest["base"]["identity"]


def row_losses(
    model, tokenizer, train_rows: list[dict], *, untouched: bool = False, progress: Progress = None
) -> list[tuple[float, int]]:
    """Compute (summed loss in nats, tokens) of each row's reading and end token, given its prompt; no padding."""
    import torch

    out = []
    with adapter_off(model, untouched), torch.inference_mode():
        for number, row in enumerate(train_rows, 1):
            prompt, whole = training_rows.render(tokenizer, row)
            ids = torch.tensor([whole], device=model.device)
            scored = torch.arange(len(prompt) - 1, len(whole) - 1, device=model.device)
            logits = model(input_ids=ids, use_cache=False, **kept_logits(model, scored)).logits[0]
            logits = logits if len(logits) == len(scored) else logits[scored]
            # A few positions at a time: in float32 the logits of a long row are as large as a small model.
            pieces = zip(logits.split(256), ids[0, len(prompt) :].split(256), strict=True)
            loss = sum(torch.nn.functional.cross_entropy(a.float(), b, reduction="sum").item() for a, b in pieces)
            out.append((loss, len(whole) - len(prompt)))
            if progress:
                progress("evaluate", number, len(train_rows))
    return out


def fixed_cases() -> list[dict]:
    """Return the cases of `tables/fixed_cases.csv` as {id, prompt, asked, reading: None}."""
    return [
        {
            "id": row["id"],
            "prompt": row["prompt"].replace("⏎", "\n"),
            "asked": {
                "id": row["id"],
                "person": row["person"],
                "question": row["question"],
                "spread": row["spread"] or None,
                "cards": row["cards"],
            },
            "reading": None,
        }
        for row in read_table("fixed_cases")
    ]


def write_readings(
    model, tokenizer, name: str, cases: list[dict], manner: Manner, progress: Progress = None
) -> list[dict]:
    """Let a model write for each case: [{id, model, person, question, spread, cards, content, trace}]."""
    written = generate(model, tokenizer, [ask(case["prompt"]) for case in cases], manner, progress=progress)
    return [
        {"model": name, **case["asked"], "content": found.content, "trace": found.trace}
        for case, found in zip(cases, written, strict=True)
    ]


def score_readings(readings: list[dict], annotate: Annotate) -> list[dict]:
    """Add `scores` ({dimension: 0 to 1}) and `style` to readings; an empty one scores 0 throughout."""
    there = [reading for reading in readings if reading["content"].strip()]
    wanted = ("id", "person", "question", "spread", "cards", "content")
    annotated = iter(annotate([{name: reading[name] for name in wanted} for reading in there]) if there else [])
    nothing = dict.fromkeys((*DIMENSIONS, "overall"), 0.0)
    out = []
    for reading in readings:
        found = next(annotated) if reading["content"].strip() else None
        figures = score(found) if found else nothing
        scores = {name: round(figures[name], 4) for name in nothing}
        out.append(reading | {"scores": scores, "style": found.get("style") if found else None})
    return out


def style_distance(readings: list[dict], reader: list[dict]) -> float | None:
    """Return the distance of the style of readings from the reader's own, 0 (same) to 1; None without readings.

    The mean over the figures of a style (length of sentences, particles, emoji, hedges, share of questions) of
    |a - b| / (a + b), each averaged over its readings first.
    """
    styles = [[line["style"] for line in lines if line["style"]] for lines in (readings, reader)]
    if not all(styles):
        return None
    names = [name for name, value in styles[0][0].items() if isinstance(value, int | float)]
    parts = []
    for name in names:
        mine, theirs = (sum(style[name] for style in found) / len(found) for found in styles)
        parts.append(abs(mine - theirs) / (mine + theirs) if mine + theirs else 0.0)
    return sum(parts) / len(parts) if parts else None


def _spread_out(data: HeldOut, count: int) -> list[dict]:
    """Pick so many held-out examples as cases, evenly from first to last."""
    readings = [example for example in data.examples if not training_rows.is_follow_up(example)]
    step = max(1, len(readings) // max(1, count))
    return [
        {
            "id": example["example_id"],
            "prompt": example["prompt"][-1]["content"],
            "asked": {name: value for name, value in asked.items() if name != "content"},
            "reading": asked,
        }
        for example, asked in list(zip(readings, data.asked, strict=True))[::step][:count]
    ]


def _figures(losses: list[tuple[float, int]], characters: int, own: list[dict], human: list[dict]) -> dict:
    """loss: nats per token. bits_per_character: comparable between bases with different tokenizers."""
    summed = sum(loss for loss, _ in losses)
    loss = summed / sum(tokens for _, tokens in losses)
    return {
        "loss": loss,
        "perplexity": exp(min(loss, 50.0)),
        "bits_per_character": summed / log(2) / characters,
        "scores": _means([line["scores"] for line in own]),
        "copied": _copied(own),
        "style_distance": style_distance(own, human),
    }


def _of(name: str, lines: list[dict]) -> list[dict]:
    return [line for line in lines if line["model"] == name]


def _characters(row: dict) -> int:
    """Return the characters of reading and trace, over which the loss is."""
    reply = row["completion"][0]
    return len(reply["content"]) + len(reply["reasoning_content"] or "")


def _copied(lines: list[dict]) -> dict | None:
    """Return {longest, mean_share, passage}: the longest passage copied from the training text, in characters."""
    if not lines:
        return None
    longest = max(lines, key=lambda line: line["copied"]["characters"])["copied"]
    share = sum(line["copied"]["share"] for line in lines) / len(lines)
    return {"longest": longest["characters"], "mean_share": share, "passage": longest["passage"]}


def _means(scores: list[dict[str, float]]) -> dict[str, float]:
    return {
        name: round(sum(figures[name] for figures in scores) / len(scores), 4)
        for name in ((*DIMENSIONS, "overall") if scores else ())
    }


def _differences(losses: dict[str, list[tuple[float, int]]], scored: list[dict]) -> dict[str, dict[str, float]]:
    by_model = {name: [line["scores"] for line in _of(name, scored)] for name in MODELS}
    out = {"loss": ratio_difference(losses["base"], losses["tuned"])}
    for name in (*DIMENSIONS, "overall"):
        out[name] = mean_difference(*([figures[name] for figures in by_model[model]] for model in MODELS))
    return out


def _part(progress: Progress, number: int, parts: int) -> Progress:
    """Return the progress of one of several equal parts, as a share of the whole."""
    if progress is None:
        return None
    return lambda stage, done, total: progress(stage, number * total + done, parts * total)


def _write(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}.half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
