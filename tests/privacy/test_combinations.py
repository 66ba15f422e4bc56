"""Share of details masked if announcements, the words behind them, values and ends are combined at random."""

import random
import tomllib
from pathlib import Path

import pytest

from tarot_data.privacy.mask import mask

TABLE = tomllib.loads(Path(__file__).with_name("combinations.toml").read_text(encoding="utf-8"))
EACH = 100
"""Combinations of a kind."""


@pytest.mark.parametrize("kind", TABLE["kinds"])
def test_details_are_masked_behind_any_words(kind):
    chosen, words = random.Random(kind), TABLE["kinds"][kind]
    missed = []
    for _ in range(EACH):
        before, link, end = (chosen.choice(TABLE[part]) for part in ("before", "links", "ends"))
        announcement, value = chosen.choice(words["announcements"]), chosen.choice(words["values"])
        text = f"{before}{announcement}{link}{value}{'）' * (link == '（')}{end}"
        if value in mask(text)[0]:
            missed.append(text)
    assert len(missed) <= 0.08 * EACH, missed
