"""Search for rank and rate on tiny trainings: validation loss, budget, continuation."""

import pytest

from flows.training.sweep import best_of, sweep
from tarot_train import evaluate
from tests.train.conftest import write_version
from tests.train.small import small


def test_the_least_validation_loss_wins():
    tries = [{"run": name, "validation_loss": loss} for name, loss in (("a", 2.0), ("b", 1.5), ("c", 1.5))]
    assert best_of(tries)["run"] == "b"


@pytest.mark.slow
def test_a_search_stays_within_its_budget(tmp_path):
    """Without time only the recipe's own settings are tried; with time six, of which the first is not trained again."""
    version, shown = write_version(tmp_path), []
    settings = small() | {"train.epochs": "1", "train.max_steps": "2"}
    short = sweep(version, None, None, settings, 1e-9, data_dir=tmp_path)
    assert len(short["tries"]) == 1 and len(short["left_out"]) == 5
    found = sweep(version, None, None, settings, 9.0, data_dir=tmp_path, tried=shown.append)
    assert shown == found["tries"] and found["left_out"] == []
    assert found["tries"][0]["run"] == short["best"]
    assert len({one["run"] for one in found["tries"]}) == 6
    assert [one["r"] for one in found["tries"]] == [8, 8, 8, 8, 4, 16]
    losses = {one["run"]: one["validation_loss"] for one in found["tries"]}
    assert losses[found["best"]] == min(losses.values())
    ends = (found["tries"][0]["run"], found["tries"][-1]["run"])
    first, last = (evaluate.read_manifest(tmp_path / "runs" / run)["used"]["lora"] for run in ends)
    assert last["alpha"] / last["r"] == first["alpha"] / first["r"]
