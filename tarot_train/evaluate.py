"""Base against tuned: loss on held-out readings, and scores of what both write for the same prompts."""

import json
from collections.abc import Callable
from math import exp
from pathlib import Path

from schemas.problems import Problem
from tarot_train import base as bases
from tarot_train import device as devices
from tarot_train import recipe as recipes
from tarot_train import rows
from tarot_train.generate import generate, load
from tarot_train.intervals import mean_difference, ratio_difference
from tarot_train.memorised import copied_shares
from tarot_train.scores import DIMENSIONS, score
from tarot_train.tables import read_table

Progress = Callable[[str, int, int], None] | None
Annotate = Callable[[list[dict]], list[dict]]

MODELS = ("base", "tuned")


def evaluate(run_dir: Path, *, data_dir: Path, annotate: Annotate, progress: Progress = None) -> dict:
    """Evaluate a finished run; writes `generations.jsonl` and `scores.json` into its folder and returns the latter.

    annotate: [{id, person, question, spread, cards, content}] to the same with sentences and mentions, so that what a
    model wrote walks the same road as what a person wrote. Held out are the test readings; where a version has none,
    the validation readings, and `split` says so. Raises Problem `not_a_run`, `stale_version`, `no_held_out`.
    """
    manifest = read_manifest(run_dir)
    used = recipes.build(manifest["used"])
    version_dir = data_dir / "versions" / manifest["dataset"]["name"]
    version = rows.manifest_of(version_dir)
    if version["hash"] != manifest["dataset"]["hash"]:
        raise Problem("stale_version", path=version_dir)
    split, held_out = _held_out(version_dir, version)
    train_texts = [e["completion"][0]["content"] for e in rows.read_examples(version_dir, "train", version)]
    model, tokenizer = load_run(run_dir, manifest)

    counted = rows.to_rows(held_out, tokenizer, used.train.max_tokens)
    losses = {}
    for number, name in enumerate(MODELS):
        losses[name] = row_losses(
            model, tokenizer, counted.rows, untouched=name == "base", progress=_part(progress, number, len(MODELS))
        )
    cases = fixed_cases() + _spread_out(held_out, used.generation.held_out)
    generations = write_readings(model, tokenizer, cases, used, progress)
    scored = score_readings(generations, annotate)
    human = score_readings([case["reading"] | {"model": "reader"} for case in cases if case["reading"]], annotate)
    for line, copied in zip(scored, copied_shares([line["content"] for line in scored], train_texts), strict=True):
        line["copied"] = copied
    result = {
        "stand_in": manifest["base"]["stand_in"],
        "split": split,
        "held_out": {"examples": len(counted.rows), "tokens": sum(n for _, n in losses["base"])},
        **{name: _figures(name, losses, scored, human) for name in MODELS},
        "reader": {"scores": _means([line["scores"] for line in human])},
        "difference": _differences(losses, scored),
        "generated": len(cases),
    }
    _write(run_dir / "generations.jsonl", "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in scored + human))
    _write(run_dir / "scores.json", json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    return result


def read_manifest(run_dir: Path) -> dict:
    """The manifest of a finished run. Raises Problem `not_a_run`."""
    path = run_dir / "manifest.json"
    if not path.exists():
        raise Problem("not_a_run", path=run_dir)
    return json.loads(path.read_text(encoding="utf-8"))


def load_run(run_dir: Path, manifest: dict | None = None):
    """(model, tokenizer) of a finished run, on the best device here. Raises Problem `base_missing`, `base_changed`."""
    manifest = manifest or read_manifest(run_dir)
    folder = Path(manifest["base"]["folder"])
    if not (folder / "config.json").exists():
        folder = bases.find(manifest["base"]["name"])
    if bases.identity(folder) != manifest["base"]["identity"]:
        raise Problem("base_changed", name=manifest["base"]["name"], folder=folder)
    dtype = manifest["used"]["base"]["dtype"]
    here = devices.find()
    return load(
        run_dir / "adapter", folder, dtype if here.kind != "cpu" or dtype != "float16" else "float32", here.kind
    )


def row_losses(
    model, tokenizer, train_rows: list[dict], *, untouched: bool = False, progress: Progress = None
) -> list[tuple[float, int]]:
    """(summed loss in nats, tokens) of each row's reading and end token, given its prompt; without padding."""
    import torch

    from tarot_train.generate import _adapter

    out = []
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    with _adapter(model, untouched), torch.inference_mode():
        for number, row in enumerate(train_rows, 1):
            prompt, whole = rows.render(tokenizer, row)
            ids = torch.tensor([whole], device=model.device)
            hidden = plain.model(input_ids=ids, use_cache=False).last_hidden_state[0, len(prompt) - 1 : -1]
            logits = plain.lm_head(hidden).float()
            loss = torch.nn.functional.cross_entropy(logits, ids[0, len(prompt) :], reduction="sum")
            out.append((loss.item(), len(whole) - len(prompt)))
            if progress:
                progress("evaluate", number, len(train_rows))
    return out


def fixed_cases() -> list[dict]:
    """The recipe card's own cases as {id, prompt, asked, reading: None}."""
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


def write_readings(model, tokenizer, cases: list[dict], used: recipes.Recipe, progress: Progress = None) -> list[dict]:
    """What base and tuned write for each case: [{id, model, person, question, spread, cards, content}]."""
    settings, out = used.generation, []
    for number, name in enumerate(MODELS):
        readings = generate(
            model,
            tokenizer,
            [case["prompt"] for case in cases],
            max_new_tokens=settings.max_new_tokens,
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=used.train.seed,
            untouched=name == "base",
            progress=_part(progress, number, len(MODELS)),
        )
        for case, content in zip(cases, readings, strict=True):
            out.append({"model": name, **case["asked"], "content": content})
    return out


def score_readings(readings: list[dict], annotate: Annotate) -> list[dict]:
    """The readings with their `scores`, {dimension: 0 to 1}, and their `style`; an empty one scores 0 throughout."""
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
    """How far the style of some readings lies from the reader's own, 0 (the same) to 1; null where there is nothing.

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


def _held_out(version_dir: Path, version: dict) -> tuple[str, list[dict]]:
    for split in ("test", "validation"):
        examples = rows.read_examples(version_dir, split, version)
        if examples:
            return split, examples
    raise Problem("no_held_out", path=version_dir)


def _spread_out(examples: list[dict], count: int) -> list[dict]:
    """So many held-out examples as cases, evenly from first to last."""
    step = max(1, len(examples) // max(1, count))
    picked = examples[::step][:count]
    return [
        {
            "id": example["example_id"],
            "prompt": example["prompt"][-1]["content"],
            "asked": {name: value for name, value in rows.asked(example).items() if name != "content"},
            "reading": rows.asked(example),
        }
        for example in picked
    ]


def _figures(name: str, losses: dict[str, list[tuple[float, int]]], scored: list[dict], human: list[dict]) -> dict:
    loss = sum(x for x, _ in losses[name]) / sum(n for _, n in losses[name])
    own = [line for line in scored if line["model"] == name]
    return {
        "loss": loss,
        "perplexity": exp(min(loss, 50.0)),
        "scores": _means([line["scores"] for line in own]),
        "copied": {
            "longest": max(line["copied"]["characters"] for line in own),
            "mean_share": sum(line["copied"]["share"] for line in own) / len(own),
        },
        "style_distance": style_distance(own, human),
    }


def _means(scores: list[dict[str, float]]) -> dict[str, float]:
    return {
        name: round(sum(figures[name] for figures in scores) / len(scores), 4)
        for name in ((*DIMENSIONS, "overall") if scores else ())
    }


def _differences(losses: dict[str, list[tuple[float, int]]], scored: list[dict]) -> dict[str, dict[str, float]]:
    by_model = {name: [line["scores"] for line in scored if line["model"] == name] for name in MODELS}
    out = {"loss": ratio_difference(losses["base"], losses["tuned"])}
    for name in (*DIMENSIONS, "overall"):
        out[name] = mean_difference(*([figures[name] for figures in by_model[model]] for model in MODELS))
    return out


def _part(progress: Progress, number: int, parts: int) -> Progress:
    """Progress of one of several equal parts, as a share of the whole."""
    if progress is None:
        return None
    return lambda stage, done, total: progress(stage, number * total + done, parts * total)


def _write(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}.half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
