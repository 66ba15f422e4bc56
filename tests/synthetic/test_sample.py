"""The bundled sample is read exactly as in its expected.json."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tarot_data.ingest.card_conflicts import find_conflicts
from tarot_data.ingest.clean import to_readings
from tarot_data.patterns.annotate import annotated
from tarot_data.sources import inbox, reader

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
EXPECTED = json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))
LATE = {"card_conflict", "duplicate"}
"""Reasons found after cleaning, from the sentences and the content of the store."""


@pytest.fixture(scope="module")
def frames():
    records = [record for file in inbox.discover([SAMPLE / "inbox"]) for record in reader.read(file.path, file.root)]
    return to_readings(records)


def of(row: dict) -> tuple:
    cards = [card["card"] + {"upright": "(正位)", "reversed": "(逆位)"}[card["orientation"]] for card in row["cards"]]
    date = row["date"] and row["date"].isoformat()
    return row["source"]["file"], row["person"], row["question"], date, tuple(cards)


def test_every_sample_reading_is_read_completely(frames):
    read = Counter(of(row) for row in frames[0].iter_rows(named=True))
    wanted = Counter(
        (item["file"], item["person"], item["question"], item["date"], tuple(item["cards"]))
        for item in EXPECTED["readings"]
    )
    assert len(EXPECTED["readings"]) == EXPECTED["accepted"]
    assert wanted - read == Counter()
    # Records beyond them are rejected later.
    late = sum(count for reason, count in EXPECTED["rejected"].items() if reason in LATE)
    assert (read - wanted).total() == late


def test_every_bad_record_has_its_reason(frames):
    refused = Counter((row["source"]["file"], row["reason"]) for row in frames[1].iter_rows(named=True))
    wanted = Counter((item["file"], item["reason"]) for item in EXPECTED["rejections"] if item["reason"] not in LATE)
    assert refused == wanted
    assert Counter(item["reason"] for item in EXPECTED["rejections"]) == Counter(EXPECTED["rejected"])


def test_a_copy_has_the_same_fingerprint(frames):
    again = Counter(frames[0]["fingerprint"].to_list())
    assert [count for count in again.values() if count > 1] == [1 + EXPECTED["rejected"]["duplicate"]]


def test_exactly_two_card_conflicts_are_found(frames):
    readings = frames[0].unique("reading_id", maintain_order=True)
    found = annotated(readings)
    conflicts = find_conflicts(readings, found.sentences, found.mentions).join(readings, on="reading_id")
    assert set(conflicts["question"]) == {"国外的工作接不接", "老房子要不要卖"}
    assert conflicts.height == EXPECTED["rejected"]["card_conflict"]


def test_contact_details_are_masked_and_refusals_respected(frames):
    readings = frames[0]
    assert Counter(readings["masked"].explode().drop_nulls().to_list()) == Counter(EXPECTED["masked"])
    assert sum("redacted" in flags for flags in readings["flags"].to_list()) == EXPECTED["redacted"]
    everything = readings.write_ndjson()
    # Masked text, an ignored Excel column, an Obsidian comment.
    for private in ("13800000000", "sang_tea_08", "xiaohui.tarot", "hang_river77", "tangyuan_ma", "她妈妈那边"):
        assert private not in everything


def test_the_sample_is_not_marked_synthetic(frames):
    assert not frames[0]["synthetic"].any()


def test_sample_readings_have_200_to_700_characters(frames):
    contents = frames[0].unique("fingerprint")["content"].to_list()
    accepted = [text for text in contents if len(text) >= 200]
    assert len(accepted) >= EXPECTED["accepted"]
    assert max(len(text) for text in accepted) <= 700
    pieces = [{bare[i : i + 5] for i in range(len(bare) - 4)} for bare in (re.sub(r"\s", "", t) for t in accepted)]
    assert max(len(a & b) / len(a | b) for i, a in enumerate(pieces) for b in pieces[:i]) < 0.1


def test_the_sample_readme_explains_every_file():
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    for path in (SAMPLE / "inbox").iterdir():
        assert text.count(f"`{path.name}{'/' if path.is_dir() else ''}`") == 2, path.name
