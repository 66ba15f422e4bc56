"""Identity of bases and runs, and what lets a working folder resume."""

import json
import os

import pytest

from schemas.errors import Problem
from tarot_data.system.locks import exclusive, is_locked
from tarot_train import base_model, evaluate, recipe, run_folder, sft
from tarot_train.__main__ import main, only_training

USED = recipe.as_dict(recipe.load("tarot-tiny"))
DEVICE = {"kind": "cpu", "name": "x86_64", "memory_gib": 23.4, "bfloat16": False, "threads": 2, "processes": 1}
PACKAGES = {"torch": "2.13.0", "rich": "14.0"}


@pytest.fixture
def base(tmp_path):
    folder = tmp_path / "models" / "Base"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"some weights")
    return folder


def key(name, folder, bases_dir):
    return sft.key_of({"hash": "d1"}, sft.recipe_for(str(name), None), folder, bases_dir)


def test_replaced_weights_of_one_size_change_the_key(base, tmp_path):
    before = key(base, base, tmp_path / "bases")
    about = (base / "model.safetensors").stat()
    (base / "model.safetensors").write_bytes(b"OTHER WEIGHT")
    os.utime(base / "model.safetensors", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert key(base, base, tmp_path / "bases") != before


def test_three_names_of_a_base_are_one_key(base, tmp_path, monkeypatch):
    monkeypatch.chdir(base.parent)
    names = ("Base", "./Base", base)
    assert len({key(name, base_model.find(str(name)), tmp_path / "bases") for name in names}) == 1


def test_a_folder_named_like_a_base_has_its_recipe():
    for name in ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "./DeepSeek-R1-Distill-Qwen-7B"):
        assert sft.recipe_for(name, None).lora.r == recipe.load("r1-distill-qwen-7b").lora.r
        assert recipe.for_base(name) == "r1-distill-qwen-7b"


def test_unchanged_weights_are_read_once(base, tmp_path):
    found = base_model.identity(base, tmp_path)
    kept = json.loads((tmp_path / "weights.json").read_text(encoding="utf-8"))
    path = str(base / "model.safetensors")
    kept[path][-1] = "remembered"
    (tmp_path / "weights.json").write_text(json.dumps(kept), encoding="utf-8")
    assert base_model.identity(base, tmp_path) != found
    (tmp_path / "weights.json").write_text("{", encoding="utf-8")
    assert base_model.identity(base, tmp_path) == found


def test_runs_of_the_first_format_keep_their_base(base):
    old = {"base": {"identity": base_model.identity_of_format_1(base)}, "format": 1}
    assert evaluate.is_base_of(base, old)
    assert not evaluate.is_base_of(base, old | {"format": 2})


def test_only_what_changes_numbers_forbids_to_resume(tmp_path):
    work = tmp_path / "work"
    settings = run_folder.settings_of(USED, DEVICE, PACKAGES)
    assert run_folder.open_work(work, settings) == (None, [])
    (work / "checkpoints" / "checkpoint-4").mkdir(parents=True)
    same = run_folder.settings_of(USED, DEVICE | {"memory_gib": 79.2}, PACKAGES | {"rich": "14.1"})
    assert run_folder.open_work(work, same) == (None, [])
    assert (work / "checkpoints" / "checkpoint-4").exists()
    other = run_folder.settings_of(USED, DEVICE | {"threads": 8}, PACKAGES | {"torch": "2.14.0"})
    assert run_folder.open_work(work, other) == (None, ["device.threads 2 → 8", "packages.torch 2.13.0 → 2.14.0"])
    assert not (work / "checkpoints").exists()


def test_the_launched_command_waits_for_nobody(tmp_path, capsys):
    """Hold the lock of `tarot train`: the first process stops with its sentence, the others leave that to it."""
    (tmp_path / "manifest.json").write_text(json.dumps({"hash": "d" * 64}), encoding="utf-8")
    with exclusive(tmp_path / "locks" / f"train-{'d' * 16}.lock", Problem("training", version="d")):
        assert main([str(tmp_path), "--data-dir", str(tmp_path)]) == 1
        assert "is being trained by another process" in capsys.readouterr().err
        with only_training(tmp_path, tmp_path, first=False):
            pass
    with only_training(tmp_path, tmp_path, first=True):
        assert is_locked(tmp_path / "locks" / f"train-{'d' * 16}.lock")


def test_bases_are_next_to_the_runs(tmp_path):
    for run in ("runs/0001-a", "runs/.trial/0001-a"):
        assert run_folder.bases_dir(tmp_path / run) == tmp_path / "bases"
    assert run_folder.bases_dir(tmp_path / "0001-a") is None
