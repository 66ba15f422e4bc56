"""Complete trainings on a base of a few thousand weights: learning, checkpoints, resuming and refusals."""

import json
import os
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from schemas.errors import Problem
from tarot_train import base_model, plan, recipe, run_folder, sft, training_rows
from tarot_train import device as devices
from tarot_train.loss_curve import loss_text
from tarot_train.pretraining import pretrain
from tarot_train.smoke_test import trial
from tarot_train.trainer import build_trainer, checkpointing_name
from tests.train.conftest import example, with_follow_ups, write_version
from tests.train.small import SHAPE, rows, small, small_base

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def weights(run_dir: Path) -> str:
    return sha256((run_dir / "adapter" / "adapter_model.safetensors").read_bytes()).hexdigest()


def log(run_dir: Path) -> list[dict]:
    return [json.loads(line) for line in (run_dir / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def manifest(run_dir: Path) -> dict:
    return json.loads((run_dir / "manifest.json").read_text(encoding="utf-8"))


def small_trainer(tmp_path, train=8, plain_head=None, dtype="float32", made=None, **settings):
    """Return a trainer over a few rows, its tokenizer and the rows. made: examples, else so many as `train` says."""
    asked = recipe.load("tarot-tiny", small() | settings)
    made = made or [example(number, "train") for number in range(train)]
    folder = small_base()
    tokenizer = base_model.load_tokenizer(folder, asked.base.template)
    counted = training_rows.to_rows(made, tokenizer, asked.train.max_tokens)
    model = base_model.load_model(folder, dtype)
    trainer = build_trainer(
        model, tokenizer, counted.rows, counted.rows[:2], tmp_path / "out", asked, cpu=True, plain_head=plain_head
    )
    return trainer, tokenizer, counted.rows


def test_the_loss_covers_reading_and_end_token(tmp_path):
    """Check the labels, decoded."""
    trainer, tokenizer, made = small_trainer(tmp_path, **{"lora.dropout": "0"})
    seen = set()
    for batch in trainer.get_train_dataloader():
        for labels, ids in zip(batch["labels"], batch["input_ids"], strict=True):
            learnt = tokenizer.decode(labels[labels != -100])
            first = (labels != -100).nonzero()[0].item()
            assert learnt.endswith("<｜end▁of▁sentence｜>")
            assert tokenizer.decode(ids[:first]).endswith("<｜Assistant｜><think>\n\n</think>\n\n")
            seen.add(learnt.removesuffix("<｜end▁of▁sentence｜>"))
    assert seen == {row["completion"][0]["content"] for row in made}


def test_the_loss_covers_each_answer_once(tmp_path):
    """Check the labels of a reading with two follow-ups, decoded: every turn of the reader's, nothing of the client's."""
    turns = [("那他会回来吗？", "会，但不是现在。"), ("我等吗？", "先等到四月。")]
    made = with_follow_ups(example(0, "train"), turns)
    trainer, tokenizer, rows = small_trainer(tmp_path, made=made, **{"lora.dropout": "0"})
    learnt, served = [], []
    for batch in trainer.get_train_dataloader():
        for labels, ids in zip(batch["labels"], batch["input_ids"], strict=True):
            marks = (labels != -100).nonzero().flatten()
            assert marks.tolist() == list(range(marks[0], marks[-1] + 1))
            learnt.append(tokenizer.decode(labels[marks]).removesuffix("<｜end▁of▁sentence｜>"))
            served.append(ids[: marks[0]].tolist())
    assert sorted(learnt) == sorted(row["completion"][0]["content"] for row in rows)
    assert sorted(learnt) == sorted([made[0]["completion"][0]["content"], *(answer for _, answer in turns)])
    assert sorted(served) == sorted(training_rows.prompt_ids(tokenizer, row["prompt"]) for row in rows)


def test_scoring_labelled_positions_keeps_loss_and_gradients(tmp_path):
    import torch

    found = {}
    for plain in (True, False):
        trainer, *_ = small_trainer(tmp_path / str(plain), plain_head=plain, **{"lora.dropout": "0"})
        batch = next(iter(trainer.get_train_dataloader()))
        trainer.model.train()
        count = (batch["labels"][:, 1:] != -100).sum()
        loss = trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=count)
        loss.backward()
        found[plain] = (
            loss.item(), [p.grad.clone() for p in trainer.model.parameters() if p.requires_grad and p.grad is not None]
        )  # fmt: skip
    assert found[True][0] == pytest.approx(found[False][0], abs=1e-6)
    for mine, theirs in zip(found[True][1], found[False][1], strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_packed_rows_keep_the_loss(tmp_path):
    """No attention between the examples of a row, and the loss covers only the readings."""
    settings = {"lora.dropout": "0", "train.max_tokens": "300"}
    summed = {}
    for packing in ("false", "true"):
        trainer, _, made = small_trainer(tmp_path, train=12, **settings, **{"train.packing": packing})
        trainer.model.eval()
        batches = [trainer._prepare_inputs(dict(batch)) for batch in trainer.get_train_dataloader()]
        losses = [trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=1).item() for batch in batches]
        counts = [int((batch["labels"] != -100).sum()) for batch in batches]
        summed[packing] = (sum(losses), sum(counts), len(batches))
    lengths = [len(training_rows.render(trainer.processing_class, row)[1]) for row in made]
    assert summed["true"][0] == pytest.approx(summed["false"][0], rel=1e-5)
    assert summed["true"][1] == summed["false"][1]
    assert summed["true"][2] == plan.packed_rows(lengths, 300) < summed["false"][2] == 12


def test_adapters_on_16_bit_bases_train_in_float32(tmp_path):
    """Gradients of 16-bit weights cannot be unscaled, and with low learning rates most such weights do not change."""
    import torch

    trainer, *_ = small_trainer(tmp_path, dtype="bfloat16")
    kinds = {parameter.dtype for parameter in trainer.model.parameters() if parameter.requires_grad}
    assert kinds == {torch.float32}
    assert {parameter.dtype for parameter in trainer.model.parameters() if not parameter.requires_grad} == {
        torch.bfloat16
    }


@pytest.mark.parametrize("wanted", ["on", "off"])
def test_activation_checkpointing_follows_the_recipe(tmp_path, wanted):
    trainer, *_ = small_trainer(tmp_path, **{"train.checkpointing": wanted})
    name = checkpointing_name(type(trainer.args))
    assert getattr(trainer.args, name) is (wanted == "on")
    assert trainer.args.max_length is None and trainer.args.max_steps == -1 and trainer.args.warmup_steps == 0.1


@pytest.mark.parametrize("option", [{"lora.rslora": "true"}, {"lora.dora": "true"}, {"train.neftune": "5"}], ids=str)
def test_options_reach_trl_and_peft(tmp_path, option):
    trainer, *_ = small_trainer(tmp_path, **option)
    settings = trainer.model.peft_config["default"]
    found = {"lora.rslora": settings.use_rslora, "lora.dora": settings.use_dora}
    found |= {"train.neftune": trainer.args.neftune_noise_alpha == 5.0}
    assert [name for name, on in found.items() if on] == list(option)
    if "lora.dora" in option:
        shape = plan.shape_of(recipe.load("tarot-tiny", small()), small_base())
        counted = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
        assert counted == plan.trainable(shape, recipe.load("tarot-tiny", small() | option).lora)


def test_a_tied_base_stays_tied_after_merging(tmp_path):
    import torch

    from tarot_train import evaluate, export

    more = {"lora.modules_to_save": "embed_tokens,lm_head", "train.as_written": "true", "train.eval_steps": "3"}
    done = sft.train(write_version(tmp_path), overrides=small() | more, data_dir=tmp_path)
    about = manifest(done)
    used = recipe.build(about["used"])
    shape = plan.shape_of(used, Path(about["base"]["folder"]))
    assert (
        about["trainable_parameters"]
        == plan.trainable(shape, used.lora)
        > 2 * plan.adapter_parameters(shape, used.lora)
    )
    model, tokenizer = evaluate.load_run(done)
    ids = torch.tensor([tokenizer("愚人正位说明你要出发了。")["input_ids"]])
    with torch.no_grad():
        mine = model(ids).logits
        export.merged(done, tmp_path / "merged")
        plain = base_model.load_model(tmp_path / "merged")
        assert torch.allclose(plain(ids).logits, mine, atol=1e-5)


def test_a_4_bit_adapter_merges_into_16_bit(tmp_path):
    """QLoRA as on a GPU; the optional package also has a CPU path, which this project never selects."""
    pytest.importorskip("bitsandbytes", reason="the optional package bitsandbytes is not installed")
    from peft import PeftModel

    asked = recipe.load("tarot-tiny", small())
    made = [example(number, "train") for number in range(8)]
    folder = small_base()
    tokenizer = base_model.load_tokenizer(folder)
    counted = training_rows.to_rows(made, tokenizer, 2048)
    model = base_model.load_model(folder, "float32", "cpu", "nf4")
    trainer = build_trainer(model, tokenizer, counted.rows, counted.rows[:2], tmp_path / "out", asked, cpu=True)
    assert sum(p.numel() for p in trainer.model.parameters() if p.requires_grad) == plan.adapter_parameters(
        plan.shape_of(asked, folder), asked.lora
    )
    trainer.train()
    losses = [line["eval_loss"] for line in trainer.log_lines(trainer.state.log_history) if "eval_loss" in line]
    assert min(losses) < losses[0]
    trainer.save_model(str(tmp_path / "adapter"))
    merged = PeftModel.from_pretrained(base_model.load_model(folder), tmp_path / "adapter").merge_and_unload()
    assert {str(parameter.dtype) for parameter in merged.parameters()} == {"torch.float32"}


def test_a_run_says_all_about_itself(run):
    data_dir, run_dir = run
    about = manifest(run_dir)
    version = training_rows.manifest_of(data_dir / "versions" / about["dataset"]["name"])
    assert about["dataset"]["hash"] == version["hash"]
    assert about["rows"] == {"train": 24, "validation": 4, "test": 4}
    assert about["base"]["stand_in"] is True
    assert about["packages"]["trl"] and about["packages"]["torch"]
    assert recipe.build(about["recipe"]).lora.r == 8
    template = base_model.load_tokenizer(run_dir / "adapter", "own").chat_template
    assert about["template_sha256"] == sha256(template.encode()).hexdigest()
    assert template == base_model.read_template("r1")
    assert sorted(path.name for path in run_dir.iterdir()) == [
        "adapter",
        "generations.jsonl",
        "log.jsonl",
        "loss.svg",
        "manifest.json",
        "scores.json",
        "tensorboard",
    ]
    assert about["seed"] == 42 and about["device"]["kind"] == "cpu" and about["python"]
    assert about["git_commit"] is None or len(about["git_commit"].rstrip("+")) == 40
    assert sorted(path.name for path in (run_dir / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_the_loss_curve_shows_every_evaluation(run):
    from xml.etree import ElementTree

    picture = ElementTree.parse(run[1] / "loss.svg").getroot()
    evaluated = [line for line in log(run[1]) if "eval_loss" in line]
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == len(evaluated)


def test_the_text_curve_shows_the_losses():
    lines = [{"step": 0, "eval_loss": 4.0}, {"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0, "epoch": 1}]
    assert loss_text(lines, width=5, height=3) == (
        "  4.000 │●    \n"
        "        │  ·  \n"
        "  2.000 │    ·\n"
        "        └─────\n"
        "         0   2"
    )  # fmt: skip
    assert loss_text(lines[:1]) == ""


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Return tag to step to value of all TensorBoard files of a folder, as read by TensorBoard."""
    import struct

    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    for path in folder.glob("events.*"):
        rest = path.read_bytes()
        while rest:  # length, its checksum, that many bytes, their checksum
            (length,) = struct.unpack("<Q", rest[:8])
            event = Event.FromString(rest[12 : 12 + length])
            rest = rest[16 + length :]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_tensorboard_shows_what_the_log_says(run):
    found = scalars(run[1] / "tensorboard")
    for name, tag in (("loss", "loss/train"), ("eval_loss", "loss/validation"), ("learning_rate", "learning_rate")):
        logged = {line["step"]: line[name] for line in log(run[1]) if name in line}
        assert found[tag] == pytest.approx(logged)


def test_losses_are_reported_during_training(tmp_path):
    told = []
    settings = small() | {"train.epochs": "1"}
    done = sft.train(
        write_version(tmp_path), overrides=settings, data_dir=tmp_path, watch=lambda x: told.append(len(x))
    )
    assert told == list(range(1, len(log(done)) + 1))


def test_counts_planned_are_counts_trained(run):
    _, run_dir = run
    about = manifest(run_dir)
    used = recipe.build(about["used"])
    counted = plan.steps(about["rows"]["train"], used)
    assert about["planned_steps"] == counted["total"] == 6
    shape = plan.shape_of(used, Path(about["base"]["folder"]))
    assert about["trainable_parameters"] == plan.trainable(shape, used.lora)
    assert about["steps"] == max(line["step"] for line in log(run_dir))


def test_the_loss_falls_from_the_base(run):
    _, run_dir = run
    losses = [line["eval_loss"] for line in log(run_dir) if "eval_loss" in line]
    assert log(run_dir)[0]["step"] == 0 and "eval_loss" in log(run_dir)[0]
    assert min(losses) < losses[0]
    assert manifest(run_dir)["best_eval_loss"] == min(losses)


def test_the_adapter_kept_is_the_best_one(run):
    """The validation loss of the kept adapter, measured again, is the best one logged."""
    from tarot_train.evaluate import load_run, row_losses

    data_dir, run_dir = run
    about = manifest(run_dir)
    model, tokenizer = load_run(run_dir)
    folder = data_dir / "versions" / about["dataset"]["name"]
    made = training_rows.to_rows(training_rows.read_examples(folder, "validation"), tokenizer, 2048).rows
    losses = row_losses(model, tokenizer, made)
    mean = sum(loss / tokens for loss, tokens in losses) / len(losses)
    assert mean == pytest.approx(about["best_eval_loss"], abs=1e-4)


def test_a_version_trained_already_is_not_trained_again(run):
    data_dir, run_dir = run
    version = data_dir / "versions" / manifest(run_dir)["dataset"]["name"]
    assert sft.train(version, overrides=small(), data_dir=data_dir) == run_dir


def test_the_trained_base_is_released(tmp_path, monkeypatch):
    import weakref

    loaded, load = [], base_model.load_model

    def watched(*arguments, **more):
        model = load(*arguments, **more)
        loaded.append(weakref.ref(model))
        return model

    monkeypatch.setattr(base_model, "load_model", watched)
    sft.train(write_version(tmp_path), overrides=small() | {"train.epochs": "1"}, data_dir=tmp_path)
    assert len(loaded) == 1 and loaded[0]() is None


def test_two_runs_with_one_seed_give_one_adapter(run, tmp_path):
    _, run_dir = run
    again = sft.train(write_version(tmp_path), overrides=small(), data_dir=tmp_path)
    assert weights(again) == weights(run_dir)
    assert log(again) == log(run_dir)


def test_another_seed_gives_another_adapter(run, tmp_path):
    _, run_dir = run
    other = sft.train(write_version(tmp_path), overrides=small() | {"train.seed": "7"}, data_dir=tmp_path)
    assert weights(other) != weights(run_dir)


TRAIN_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tarot_train import sft
def progress(stage, done, total):
    if stage == "train" and done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
sft.train(Path(sys.argv[1]), overrides=dict(a.split("=") for a in sys.argv[4:]), data_dir=Path(sys.argv[3]), progress=progress)
"""


@pytest.mark.parametrize(
    ("more", "step", "last"),
    [({"lora.dropout": "0.1"}, 5, 6), ({"train.learning_rate": "0", "train.patience": "4", "train.epochs": "4"}, 3, 5)],
    ids=["dropout", "early stopping"],
)
def test_a_killed_run_resumes_identically(run, tmp_path, more, step, last):
    """Kill the process after a checkpoint and resume in this process; the used patience is restored."""
    settings = small() | more
    version = write_version(tmp_path)
    whole = sft.train(version, overrides=settings, data_dir=tmp_path)
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "versions", other / "versions")
    version = other / "versions" / version.name
    arguments = [f"{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-c", TRAIN_AND_DIE, str(version), str(step), str(other), *arguments]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    assert not list((other / "runs").glob("*/manifest.json"))
    resumed = sft.train(version, overrides=settings, data_dir=other)
    assert manifest(resumed)["resumed_from"] == f"checkpoint-{step - 1}"
    assert manifest(resumed)["steps"] == manifest(whole)["steps"] == last
    assert weights(resumed) == weights(whole)
    assert log(resumed) == log(whole)


def test_a_checkpoint_cut_short_is_passed_over(tmp_path):
    trainer, *_ = small_trainer(tmp_path, train=24)
    trainer.train()
    out = tmp_path / "out"
    newest = max(out.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    assert run_folder.whole_checkpoint(out) == newest
    path = newest / "optimizer.pt"
    path.write_bytes(path.read_bytes()[:1000])
    assert run_folder.whole_checkpoint(out) != newest
    for checkpoint in out.glob("checkpoint-*"):
        (checkpoint / "rng_state.pth").unlink()
    assert run_folder.whole_checkpoint(out) is None


def test_a_run_that_starts_over_says_why(tmp_path):
    version, told = write_version(tmp_path), []
    folder = sft.train(version, overrides=small(), data_dir=tmp_path)
    work = tmp_path / "runs" / ".work" / manifest(folder)["key"]
    (work / "checkpoints" / "checkpoint-3").mkdir(parents=True)
    (work / "settings.json").write_text(json.dumps({"packages.torch": "1.0"}), encoding="utf-8")
    shutil.rmtree(folder)
    again = sft.train(version, overrides=small(), data_dir=tmp_path, notice=lambda *found: told.append(found))
    ((code, values),) = told
    assert code == "starts_over" and "packages.torch 1.0 → 2" in values["differs"]
    assert manifest(again)["started_over"]


def test_a_smoke_test_leaves_nothing(tmp_path):
    found = trial(write_version(tmp_path, train=48), overrides=small(), data_dir=tmp_path)
    assert found["updates"] == 5 and found["seconds_an_update"] > 0 and found["memory_gib"] > 0
    assert found["best_eval_loss"] < found["first_eval_loss"]
    assert not list((tmp_path / "runs").iterdir())


def test_a_smoke_test_reports_an_infinite_loss(tmp_path):
    with pytest.raises(Problem, match="no number to go on with"):
        trial(write_version(tmp_path), overrides=small() | {"train.learning_rate": "1e30"}, data_dir=tmp_path)
    assert not list((tmp_path / "runs").iterdir())


def test_out_of_memory_names_the_setting_to_lower(tmp_path, run):
    """Run a real process that may use 256 MiB more than it uses when training begins."""
    version = write_version(tmp_path)
    code = (
        "import resource, sys; from pathlib import Path; from flows.runtime import environment\n"
        "environment.prepare(Path(sys.argv[2]))\n"
        "from tarot_train import device, sft; import torch, transformers, trl, peft, datasets, tensorboardX\n"
        "inner = sft.build_trainer\n"
        "def limited(*args, **kwargs):\n"
        "    trainer = inner(*args, **kwargs)\n"
        "    size = int(Path('/proc/self/statm').read_text().split()[0]) * 4096\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (size + 2**28, size + 2**28))\n"
        "    return trainer\n"
        "sft.build_trainer = limited\n"
        "settings = dict(a.split('=') for a in sys.argv[3:])\n"
        "try: sft.train(Path(sys.argv[1]), overrides=settings, data_dir=Path(sys.argv[2]))\n"
        "except sft.Problem as problem: print(problem)"
    )
    wide = {"base.shape.ffn": "40000", "base.shape.layers": "2", "base.shape.hidden": "64"}
    base = pretrain(recipe.load("tarot-tiny", SHAPE | wide), rows(2), tmp_path / "wide")
    settings = small() | {"train.batch": "24", "base.name": str(base)}
    arguments = [str(version), str(tmp_path), *(f"{key}={value}" for key, value in settings.items())]
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert "Memory ran out" in done.stdout, done.stderr[-2000:]
    assert "First try: --set train.batch=1" in done.stdout
    assert not list((tmp_path / "runs").glob("*/manifest.json"))


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({"train.batch": "4"}, "train.batch=1"),
        ({"train.checkpointing": "off"}, "train.checkpointing=on"),
        ({"train.checkpointing": "on"}, "train.max_tokens=1024"),
    ],
)
def test_the_cheapest_setting_is_lowered_first(settings, first):
    here = devices.Device(kind="cpu", name="x", memory_gib=1.0, bfloat16=False)
    assert sft._first_to_lower(recipe.load("tarot-tiny", settings), here) == first


def test_without_validation_readings_nothing_starts(tmp_path):
    with pytest.raises(Problem, match="validation split has no examples"):
        sft.train(write_version(tmp_path, 4, 0, 0), overrides=small(), data_dir=tmp_path)
    assert not list((tmp_path / "runs").glob("*"))


def test_without_training_readings_nothing_starts(tmp_path):
    with pytest.raises(Problem, match="train split of this version has no examples"):
        sft.train(write_version(tmp_path, 0, 2, 2), overrides=small(), data_dir=tmp_path)


def test_a_missing_base_is_reported_first(tmp_path):
    with pytest.raises(Problem, match="hf download Qwen/Qwen1.5-1.8B-Chat"):
        sft.train(write_version(tmp_path), base="Qwen/Qwen1.5-1.8B-Chat", data_dir=tmp_path)


def test_a_foreign_tokenizer_is_refused(run, tmp_path):
    """The tokenizer has more tokens than the model has embedding rows."""
    _, run_dir = run
    folder = tmp_path / "base"
    shutil.copytree(manifest(run_dir)["base"]["folder"], folder)
    more = base_model.load_tokenizer(folder)
    more.add_tokens(["另一个词"])
    more.save_pretrained(folder)
    settings = {key: value for key, value in small().items() if not key.startswith("base.")}
    with pytest.raises(Problem, match="do not belong together"):
        sft.train(write_version(tmp_path), base=str(folder), overrides=settings, data_dir=tmp_path)
    assert not list((tmp_path / "runs").glob("*"))


def test_a_local_folder_is_a_base(run, tmp_path):
    """The stand-in's own folder, given by path, uses the same code path as a real base."""
    _, run_dir = run
    folder = manifest(run_dir)["base"]["folder"]
    settings = {key: value for key, value in small().items() if not key.startswith("base.")}
    done = sft.train(write_version(tmp_path), base=folder, overrides=settings, data_dir=tmp_path)
    assert manifest(done)["base"]["name"] == folder
    assert manifest(done)["used"]["base"]["template"] == "auto"


def test_training_says_nothing_by_itself(tmp_path):
    version = write_version(tmp_path)
    code = (
        "import sys; from pathlib import Path; from flows.runtime import environment; environment.prepare(Path(sys.argv[2]));"
        "from tarot_train import sft;"
        "sft.train(Path(sys.argv[1]), overrides=dict(a.split('=') for a in sys.argv[3:]), data_dir=Path(sys.argv[2]))"
    )
    arguments = [str(version), str(tmp_path), *(f"{key}={value}" for key, value in small().items())]
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_memory_planned_is_the_memory_used(tmp_path):
    """Measure the default stand-in in a separate process; tolerance 25 %."""
    version = write_version(tmp_path)
    code = (
        "import sys; from pathlib import Path; from tarot_train import sft;"
        "sft.train(Path(sys.argv[1]), overrides={'train.epochs': '1'}, data_dir=Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", code, str(version), str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    about = manifest(next((tmp_path / "runs").glob("0001-*")))
    used = recipe.build(about["used"])
    counted = training_rows.to_rows(
        training_rows.read_examples(version, "train"), base_model.load_tokenizer(Path(about["base"]["folder"])), 2048
    )
    here = devices.Device(**about["device"])
    shape = plan.shape_of(used, Path(about["base"]["folder"]))
    planned = plan.memory(shape, used, max(counted.tokens), here)["total"]
    assert planned == pytest.approx(about["memory_gib"]["peak"], rel=0.25)


def test_every_loader_of_the_tokenizer_agrees(tmp_path):
    """With a Qwen2 config, AutoTokenizer replaces the saved class, splitter and special token by Qwen2's."""
    from transformers import AutoTokenizer

    folder = small_base()
    ours, auto = base_model.load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    text = "Mel，愚人正位！\n\n2024年3月 hello  World\n- 先写下来🙂"
    assert ours(text)["input_ids"] == auto(text)["input_ids"]
    rows_of_embedding = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    assert len(ours) == len(auto) == rows_of_embedding


def start_pair(*arguments: object) -> subprocess.CompletedProcess:
    """Run accelerate launch with two processes on the CPU."""
    config = str(ROOT / "tarot_train" / "launch" / "cpu-2.yaml")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=300)


def train_pair(data_dir: Path, version: str) -> Path:
    """Train a version of a data directory with two processes; return the one run folder."""
    settings = [part for key, value in small().items() for part in ("--set", f"{key}={value}")]
    done = start_pair("-m", "tarot_train", data_dir / "versions" / version, "--data-dir", data_dir, *settings)
    assert done.returncode == 0, done.stderr[-3000:]
    (run_dir,) = (data_dir / "runs").glob("0*")
    return run_dir


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Path, Path]:
    """Return (data_dir, run folder) of one training by two processes."""
    data_dir = tmp_path_factory.mktemp("pair")
    return data_dir, train_pair(data_dir, write_version(data_dir).name)


def test_two_processes_train_as_one(pair, run):
    """Train with the same number of updates, nearly the same losses, into one run folder."""
    about, alone = manifest(pair[1]), manifest(run[1])
    assert about["device"]["processes"] == 2
    assert about["used"]["train"]["accumulation"] == 4
    assert about["steps"] == about["planned_steps"] == alone["steps"]
    assert about["best_eval_loss"] == pytest.approx(alone["best_eval_loss"], abs=0.05)


TRAIN_TOGETHER_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tarot_train import run_folder, sft, trainer
inner = sft.update_clock
def clock(watch, folder, resumed):
    found = inner(watch, folder, resumed)
    ended = found.on_step_end
    def on_step_end(args, state, control, **kwargs):
        ended(args, state, control, **kwargs)
        if state.global_step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
    found.on_step_end = on_step_end
    return found
sft.update_clock = clock
sft.train(Path(sys.argv[1]), overrides=dict(a.split("=") for a in sys.argv[3:]), data_dir=Path(sys.argv[2]))
"""


def test_two_killed_processes_resume(pair, tmp_path):
    """Kill both after a checkpoint: what they write then is what an uninterrupted pair writes."""
    whole, uninterrupted = pair
    version = shutil.copytree(whole / "versions", tmp_path / "versions") / manifest(uninterrupted)["dataset"]["name"]
    code = tmp_path / "die.py"
    code.write_text(TRAIN_TOGETHER_AND_DIE, encoding="utf-8")
    settings = [f"{key}={value}" for key, value in small().items()]
    assert start_pair(code, version, tmp_path, *settings).returncode
    assert len(list((tmp_path / "runs" / ".work").glob("*/checkpoints/checkpoint-4/rng_state_*.pth"))) == 2
    resumed = train_pair(tmp_path, version.name)
    assert manifest(resumed)["resumed_from"] == "checkpoint-4"
    assert weights(resumed) == weights(uninterrupted)
    assert log(resumed) == log(uninterrupted)


def test_the_launched_command_reports_its_error(tmp_path, capsys):
    from tarot_train.__main__ import main

    assert main([str(tmp_path), "--data-dir", str(tmp_path)]) == 1
    assert "no manifest.json" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / "tarot_train" / "launch").glob("*.yaml")), ids=lambda path: path.name)
def test_every_launch_configuration_is_one_accelerate_reads(path):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.num_processes == int(path.stem.split("-")[1])
