"""Validation: rows that break the schema are rejected with a reason; a wrong frame is a bug and raises."""

import importlib.util
import subprocess
import sys

import polars as pl
import pytest

from schemas.tables import SENTENCES
from tarot_data.ingest.validate import contract
from tests.builders import card, stored, stored_row

NONE = pl.DataFrame(schema=SENTENCES)


def reasons(*rows, sentences=NONE):
    kept, rejected = contract(stored(*rows), sentences)
    return kept["reading_id"].to_list(), rejected.select(pl.col("reason").cast(pl.String), "code", "values").rows()


def test_a_sound_reading_is_kept():
    assert reasons(stored_row(1)) == ([f"r{1:016x}"], [])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"content": "太短了。"}, "too_short"),
        ({"cards": []}, "no_cards"),
        ({"cards": [card("愚人"), card("愚人", place=2)]}, "duplicate_card"),
        ({"cards": [card(None)]}, "unknown_card"),
        ({"fingerprint": "not hex"}, "unreadable"),
    ],
)
def test_a_broken_rule_becomes_the_reason(values, reason):
    kept, rejected = reasons(stored_row(1), stored_row(2, **values))
    assert kept == [f"r{1:016x}"]
    assert [row[0] for row in rejected] == [reason]


def test_one_card_in_two_draws_is_allowed():
    assert reasons(stored_row(1, cards=[card("愚人"), card("愚人", draw=2)]))[1] == []


def test_an_inverted_sentence_rejects_its_reading():
    bad = pl.DataFrame(
        [
            {
                "reading_id": f"r{1:016x}",
                "index": 0,
                "start": 9,
                "end": 3,
                "labels": ["advice"],
                "cards": [],
                "confidence": 0.5,
            }
        ],
        schema=SENTENCES,
    )
    kept, rejected = reasons(stored_row(1), sentences=bad)
    assert kept == [] and rejected == [("unreadable", "contract", '{"rule":"end: end.after_start"}')]


def test_a_frame_without_a_column_raises():
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        contract(stored(stored_row(1)).drop("person"), NONE)


def test_rejection_values_hold_no_content():
    _, rejected = reasons(stored_row(1, content="短而私密的话。"))
    assert "私密" not in rejected[0][2]


def test_validation_loads_no_unused_packages():
    code = (
        "import importlib.util, sys; import polars as pl\n"
        "from tarot_data.ingest.validate import contract; from tests.builders import stored, stored_row\n"
        "from schemas.tables import SENTENCES\n"
        "kept, _ = contract(stored(stored_row(1), stored_row(2, content='太短')), pl.DataFrame(schema=SENTENCES))\n"
        "assert kept.height == 1 and not {'pandas', 'pyarrow', 'hypothesis'} & set(sys.modules)\n"
        "print(importlib.util.find_spec('pandas') is not None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(importlib.util.find_spec("pandas") is not None)
