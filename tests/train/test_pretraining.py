"""Pre-training of a base: what it learns from, and that a killed one continues."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

from schemas.deck import CARDS
from schemas.errors import Problem
from tarot_train import base_model, recipe
from tarot_train.pretraining import _loss, batches, encode, new_model, pretrain, train_tokenizer
from tests.train.small import SHAPE, rows, small_base

ROOT = Path(__file__).parents[2]
ASKED = recipe.load("tarot-tiny", SHAPE | {"base.shape.hidden": "16", "base.shape.ffn": "32"})


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([row["completion"][0]["content"] for row in rows(12)], 900, base_model.read_template("r1"))


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_only_the_reading_is_learned(tokenizer):
    row = rows(1)[0]
    found = encode(tokenizer, row)
    learned = tokenizer.decode(found.ids[found.start :])
    assert learned == row["completion"][0]["content"] + tokenizer.eos_token


def test_a_card_is_one_token_everywhere(tokenizer):
    for card in CARDS:
        (token,) = tokenizer(card)["input_ids"]
        for text in (f"过去：{card}(正位) | 现在", f"放在{card}的位置上", f"「{card}」"):
            assert token in tokenizer(text)["input_ids"]
            assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_every_row_is_in_one_batch(tokenizer):
    encoded = [encode(tokenizer, row) for row in rows(50)]
    found = batches(encoded, ASKED.pretraining)
    assert sorted(row.ids for batch in found for row in batch) == sorted(row.ids for row in encoded)
    assert all(len(batch) * max(len(row.ids) for row in batch) <= 512 for batch in found)


def test_no_text_gives_no_base(tmp_path):
    with pytest.raises(Problem, match="no text"):
        pretrain(ASKED, [], tmp_path / "base")


@pytest.mark.slow
def test_a_killed_pretraining_ends_with_the_same_weights(tmp_path):
    made = rows(36)

    def stop(stage: str, done: int, whole: int) -> None:
        if done == whole // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(ASKED, made, tmp_path / "killed", stop, save_seconds=0)
    assert not (tmp_path / "killed").exists()
    seen = []
    killed = pretrain(ASKED, made, tmp_path / "killed", lambda stage, done, whole: seen.append(done))
    assert seen[0] > 1
    assert weights(killed) == weights(pretrain(ASKED, made, tmp_path / "whole"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]


@pytest.mark.slow
def test_two_processes_learn_as_one(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from tarot_train.pretraining import pretrain; from tests.train.test_pretraining import ASKED, rows\n"
        "pretrain(ASKED, rows(36), Path(sys.argv[1]))"
    )
    script = tmp_path / "both.py"
    script.write_text(code, encoding="utf-8")
    config = str(ROOT / "tarot_train" / "launch" / "cpu-2.yaml")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config, str(script)]
    env = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([*command, str(tmp_path / "both")], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    one = pretrain(ASKED, rows(36), tmp_path / "one")
    losses = [
        json.loads((folder / "manifest.json").read_text())["held_out_loss"] for folder in (one, tmp_path / "both")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


@pytest.mark.slow
def test_weights_are_kept_in_16_bit():
    with safe_open(small_base() / "model.safetensors", "pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"BF16"}  # noqa: SIM118
    about = json.loads((small_base() / "manifest.json").read_text(encoding="utf-8"))
    assert about["stand_in"] is True and base_model.is_stand_in(small_base())


def test_names_weigh_more_in_the_loss(tokenizer):
    import torch

    model = new_model(ASKED, tokenizer)
    weights = torch.ones(len(tokenizer))
    row = encode(tokenizer, rows(1)[0])
    plain = _loss(model, [row], weights).item()
    assert plain == pytest.approx(_loss(model, [row]).item())
    weights[:] = 3.0
    assert plain == pytest.approx(_loss(model, [row], weights).item())
    weights[:] = 0.0
    weights[row.ids[-1]] = 1.0
    assert plain != pytest.approx(_loss(model, [row], weights).item())


@pytest.mark.slow
def test_drills_join_the_first_updates(tmp_path):
    made = rows(24)
    folders = [pretrain(ASKED, made, tmp_path / f"{n}", drills=made[:n]) for n in (0, 6)]
    about = [json.loads((folder / "manifest.json").read_text(encoding="utf-8")) for folder in folders]
    assert about[0]["updates"] == about[1]["updates"]
    assert about[0]["tokens"] < about[1]["tokens"]
    assert weights(folders[0]) != weights(folders[1])


@pytest.mark.slow
def test_a_second_stage_goes_on_from_the_first(tmp_path):
    made, first = rows(24), small_base()
    second = pretrain(recipe.load("tarot-tiny", SHAPE), made, tmp_path / "second", copies=made[:6], start=first)
    about = json.loads((second / "manifest.json").read_text(encoding="utf-8"))
    assert about["first"] == json.loads((first / "manifest.json").read_text(encoding="utf-8"))
    assert (second / "tokenizer.json").read_bytes() == (first / "tokenizer.json").read_bytes()
    assert weights(second) != weights(first)
    assert about["held_out_loss"] < 1.5 * about["first"]["held_out_loss"]


@pytest.mark.slow
def test_a_base_made_of_the_same_is_left(tmp_path):
    folder = pretrain(ASKED, rows(12), tmp_path / "base")
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert pretrain(ASKED, rows(12), folder) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
