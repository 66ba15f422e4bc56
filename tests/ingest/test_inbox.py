"""An inbox prepared by another author, compared with its expected results of reading and cleaning.

It is outside the repository; without it these tests are skipped. Reasons that need the labeller or the store
(card_conflict, duplicate, near_duplicate) are tested elsewhere.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tarot_data.ingest.clean import to_readings
from tarot_data.sources import inbox, reader

FOLDER = Path(os.environ.get("TAROT_SHARED", Path(__file__).parents[3] / "shared")) / "inbox"
LATER = ("card_conflict", "duplicate", "near_duplicate")
SIDES = {"正位": "upright", "逆位": "reversed", "未知": "unknown"}

pytestmark = pytest.mark.skipif(not (FOLDER / "expected.json").exists(), reason=f"no inbox at {FOLDER}")


@pytest.fixture(scope="module")
def expected():
    return json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tables():
    records = [r for file in inbox.discover([FOLDER / "inbox"]) for r in reader.read(file.path, file.root)]
    readings, rejections = to_readings(records)
    return readings.to_dicts(), rejections.to_dicts()


def key(text: str) -> str:
    return re.sub(r"\s+", "", text)


def found(readings: list[dict], wanted: dict) -> dict:
    (reading, *_) = [
        r for r in readings if r["source"]["file"] == wanted["file"] and key(r["content"]).startswith(wanted["key"])
    ]
    return reading


def test_every_expected_reading_is_read_exactly(tables, expected):
    for wanted in expected["readings"]:
        reading = found(tables[0], wanted)
        cards = [[c["draw"], c["card"], c["orientation"]] for c in reading["cards"]]
        assert cards == [[draw, card, SIDES[side]] for draw, card, side in wanted["cards"]], wanted["id"]
        assert [draw["spread"] for draw in reading["draws"]] == wanted["spreads"], wanted["id"]
        day = str(reading["date"]) if reading["date"] else None
        assert (reading["person"], reading["question"], day) == (
            wanted["person"],
            wanted["question"],
            wanted["date"],
        ), wanted["id"]


def test_the_expected_records_are_rejected(tables, expected):
    readings, rejections = tables
    wanted = Counter((r["file"], r["reason"]) for r in expected["rejected"] if r["reason"] not in LATER)
    assert Counter((r["source"]["file"], r["reason"]) for r in rejections) == wanted
    later = [r for r in expected["rejected"] if r["reason"] in LATER]
    assert len(readings) == len(expected["readings"]) + len(later)
    for refused in later:
        assert found(readings, refused)


def test_the_same_words_have_the_same_fingerprint(tables, expected):
    readings, _ = tables
    twins = [r for r in expected["rejected"] if r["reason"] == "duplicate"]
    prints = Counter(r["fingerprint"] for r in readings)
    assert sum(count - 1 for count in prints.values()) == len(twins)


def test_no_contact_detail_survives_anywhere(tables, expected):
    text = json.dumps(tables, ensure_ascii=False, default=str)
    assert [secret for secret in expected["redacted"] if secret in text] == []
