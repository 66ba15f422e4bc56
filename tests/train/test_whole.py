"""The complete pipeline through the command line: plan, train, evaluate, compare, read, export."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tarot_train import plan, recipe
from tests.train.small import small_toml
from tests.train.test_read import call

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_made_up_readings_to_exported_model(prefect, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tarot_train import evaluate

    data, inbox, small = tmp_path / "data", tmp_path / "inbox", tmp_path / "small.toml"
    small.write_text(small_toml(epochs=2), encoding="utf-8")
    call(data, "sample", "--n", "48", "--out", str(inbox), "--seed", "3")
    call(data, "ingest", str(inbox))
    call(data, "dataset", "publish")

    planned = json.loads(call(data, "plan", "--recipe", str(small), "--min-readings", "40", "--json").stdout)
    assert planned["go"] is True and not (data / "runs").exists()

    trained = call(data, "train", "--recipe", str(small), "--min-readings", "40", "--smoke")
    run_dir = next((data / "runs").glob("0001-*"))
    assert "The trial went well: 5 updates" in trained.stdout and "●" in trained.stdout
    assert str(run_dir / "adapter") in trained.stdout and "is the champion" in trained.stdout
    about = json.loads((run_dir / "manifest.json").read_text(encoding="utf-8"))
    assert about["planned_steps"] == planned["steps"]
    assert about["trainable_parameters"] == planned["trainable_parameters"]
    assert about["rows"] == {name: planned["examples"][name] for name in ("train", "validation", "test")}
    assert sum(about["tokens"].values()) > about["tokens"]["train"] == planned["tokens"]["epoch"]
    base = AutoModelForCausalLM.from_pretrained(about["base"]["folder"])
    assert sum(parameter.numel() for parameter in base.parameters()) == planned["parameters"]
    shape = plan.shape_of(recipe.build(about["used"]), Path(about["base"]["folder"]))
    assert plan.parameters(shape)["total"] == planned["parameters"]

    evaluated = json.loads(call(data, "evaluate", "--json").stdout)
    assert evaluated["run"] == run_dir.name and evaluated["champion"]["why"] == "is_champion"
    assert evaluated["scores"]["tuned"]["loss"] < evaluated["scores"]["base"]["loss"]

    rows = [json.loads(line) for line in call(data, "compare", "--json").stdout.splitlines()]
    assert [row["model"] for row in rows] == ["base", "tuned"] and rows[1]["champion"] is True
    assert Path(rows[0]["chart"]).exists()

    read = json.loads(call(data, "read", "--draw", "圣三角", "--seed", "1", "--json").stdout)
    assert read["run"] == run_dir.name and len(read["cards"]) == 3
    status = json.loads(call(data, "status", "--min-readings", "40", "--json").stdout)
    assert status["champion"] == run_dir.name

    # A truncated base, with the command started from a shell: one sentence, no partial output.
    broken = shutil.copytree(about["base"]["folder"], tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "train",
        "--base",
        str(broken),
        "--min-readings",
        "40",
        "--lang",
        "en",
    ]
    done = subprocess.run([*command, "--data-dir", str(data)], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "ERROR" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith(f"The model in {broken} cannot be read")
    assert {path.name for path in (data / "runs").glob("[!.]*")} == {run_dir.name, "champion.json"}

    exported = json.loads(call(data, "export", "--merged", "--json").stdout)
    plain = AutoModelForCausalLM.from_pretrained(exported["path"], dtype=torch.float32).eval()
    tuned, tokenizer = evaluate.load_run(run_dir)
    ids = torch.tensor([AutoTokenizer.from_pretrained(exported["path"])("愚人正位说明你要出发了。")["input_ids"]])
    assert ids.tolist() == [tokenizer("愚人正位说明你要出发了。")["input_ids"]]
    with torch.no_grad():
        assert torch.allclose(plain(ids).logits, tuned(ids).logits, atol=1e-5)
