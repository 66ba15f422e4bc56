"""Preference pairs from votes and corrected texts, and DPO on them."""

import json
import shutil
from hashlib import sha256

import pytest

from flows.training.preferences import preferences
from flows.training.runs import MARK
from schemas.errors import Problem
from tarot_data.review import blind_votes
from tarot_data.store import delta
from tarot_train import base_model, evaluate, preference_training
from tarot_train.pretraining import train_tokenizer
from tests.builders import stored, stored_row
from tests.train.conftest import READINGS, example, write_version
from tests.train.test_read import call


@pytest.fixture
def voted(tmp_path):
    """Return (data_dir, run folder) with three generated pairs, of which the reader voted on two."""
    version = write_version(tmp_path)
    run = tmp_path / "runs" / "0001-a"
    run.mkdir(parents=True)
    (run / "manifest.json").write_text(
        json.dumps({"run": "0001-a", "dataset": {"name": version.name, "hash": "d"}, "base": {"name": "b"}}),
        encoding="utf-8",
    )
    ids = [*(f"r{number:016x}" for number in (28, 29)), evaluate.fixed_cases()[0]["id"]]
    texts = [
        {"id": name, "model": side, "content": f"{side} 写给 {name}"} for name in ids for side in ("base", "tuned")
    ]
    lines = [json.dumps({"question": None, "cards": "愚人"} | text) for text in texts]
    (run / "generations.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    first, second, third = blind_votes.pairs(run)
    blind_votes.vote(run, first, "tuned")
    blind_votes.vote(run, second, "neither")
    blind_votes.vote(run, third, "base")
    return tmp_path, run


def test_votes_become_pairs_with_their_prompts(voted):
    data_dir, _ = voted
    first, third = preferences(data_dir)
    assert first["prompt"] == example(28, "test")["prompt"]
    assert first["chosen"] == [{"role": "assistant", "content": f"tuned 写给 r{28:016x}"}]
    assert first["rejected"] == [{"role": "assistant", "content": f"base 写给 r{28:016x}"}]
    assert (first["source"], first["run"], first["id"]) == ("vote", "0001-a", f"r{28:016x}")
    assert third["chosen"][0]["content"].startswith("base")


def test_votes_of_a_marked_run_are_left_out(voted):
    data_dir, run = voted
    (run / MARK).write_text("{}", encoding="utf-8")
    assert preferences(data_dir) == []


def test_a_corrected_text_is_preferred_to_the_old(tmp_path):
    old, new = "愚人正位说明你已经站在崖边，先跳下去。", "愚人正位说明你已经站在崖边，先看清脚下。"
    rows = [
        stored_row(1, content=old),
        stored_row(1, content=new, revision=2, flags=["fixed"]),
        stored_row(2, content=old + "好。"),
        stored_row(2, content=new + "好。", revision=2, flags=["fixed"], consent="no"),
        stored_row(3, content=old + "啊！"),
        stored_row(3, content=old + "啊", revision=2, flags=["fixed"]),
    ]
    delta.append(tmp_path, "readings", stored(*rows), {})
    (pair,) = preferences(tmp_path)
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == (new, old)
    assert pair["source"] == "correction" and "愚人" in pair["prompt"][0]["content"]


def test_the_command_writes_a_file_that_datasets_loads(voted, tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra train is not installed")
    data_dir, _ = voted
    target = tmp_path / "pairs.jsonl"
    result = json.loads(call(data_dir, "dataset", "preferences", str(target), "--json").stdout)
    assert (result["pairs"], result["votes"], result["corrections"], result["needed"]) == (2, 2, 0, 50)
    loaded = datasets.Dataset.from_list([json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()])
    assert {"prompt", "chosen", "rejected"} <= set(loaded.column_names)


def test_too_few_pairs_train_nothing(voted):
    data_dir, run = voted
    with pytest.raises(Problem, match="2 preference pairs are there, and 50 are needed"):
        preference_training.train(run, preferences(data_dir), data_dir=data_dir)


def test_pairs_that_do_not_fit_are_left_out(voted):
    tokenizer = train_tokenizer(["愚人站在崖边。"], 300, base_model.read_template("r1"))
    first, third = preferences(voted[0])
    third["rejected"] = [{"role": "assistant", "content": "愚人站在崖边。" * 3000}]
    assert preference_training.fitting([first, third], tokenizer, 1000) == [first]


@pytest.mark.slow
def test_dpo_prefers_the_chosen_texts(run, tmp_path):
    """A new run on the same base, which is evaluated without the readings it was voted on."""
    data_dir = shutil.copytree(run[0], tmp_path / "data")  # other tests expect one run
    run_dir = data_dir / "runs" / run[1].name
    pairs = [
        {
            "prompt": example(number, "test")["prompt"],
            "chosen": [{"role": "assistant", "content": READINGS[number % 4][3]}],
            "rejected": [{"role": "assistant", "content": "请相信宇宙，一切都是最好的安排。"}],
            "id": f"r{28:016x}",
        }
        for number in range(50)
    ]
    done = preference_training.train(run_dir, pairs, data_dir=data_dir)
    about = evaluate.read_manifest(done)
    assert about["run"] == done.name != run_dir.name and about["preferences"]["from"] == run_dir.name
    lines = [json.loads(line) for line in (done / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == about["steps"] == 7 and lines[-1]["margin"] > lines[0]["margin"] - 1e-9
    hashes = [sha256((p / "adapter" / "adapter_model.safetensors").read_bytes()).hexdigest() for p in (run_dir, done)]
    assert hashes[0] != hashes[1]
    assert preference_training.train(run_dir, pairs, data_dir=data_dir) == done
    model, _ = evaluate.load_run(done)
    assert list(model.peft_config) == ["default"]
    version = data_dir / "versions" / about["dataset"]["name"]
    kept = evaluate.held_out_of(version, {"files": {}}, set(about["preferences"]["ids"]))
    assert len(kept.examples) == 3
