"""The recording of the first five minutes is what the commands print today."""

import pytest

from benchmarks.first_minutes import PAGES, recorded, without_progress


@pytest.mark.slow
@pytest.mark.parametrize("lang", PAGES)
def test_the_recorded_output_is_current(lang, tmp_path, prefect):
    assert recorded(lang, tmp_path, prefect) == PAGES[lang].read_text(encoding="utf-8")


def test_progress_and_times_are_left_out():
    printed = (
        "Making up readings …\nMaking up readings 3/12\nStarting Prefect 7 s\nlast: 2026-11-30 16:24, hash 00d4003d.\n"
    )
    assert without_progress(printed, "en") == "Making up readings …\nlast: …, hash ….\n"
