"""Short run of `python -m benchmarks.fuzz`: damaged files of every format."""

import pytest

from benchmarks import fuzz


@pytest.mark.slow
def test_damaged_files_are_read_or_rejected():
    found = fuzz.fuzz(150, first=1_000_000)
    assert found["findings"] == []
    assert found["files"] == 150 and found["records"] == found["kept"] + found["rejected"] > 150
    assert found["kept"] > 20 and found["peak_mb"] < fuzz.MOST_MB


def test_a_form_that_trips_is_found(monkeypatch):
    from tarot_data.sources.notes import plain

    monkeypatch.setattr(plain, "read", lambda blob: iter([1 / 0]))
    monkeypatch.setattr(fuzz, "damaged", lambda seed: ("notes.txt", fuzz.sound()["notes.txt"]))
    (finding,) = fuzz.batch(0, 1)["findings"]
    assert "unforeseen" in finding and "ZeroDivisionError" in finding
