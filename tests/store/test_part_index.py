"""The index of large parts of the store, by which a search leaves out parts that cannot have its keys."""

import numpy as np
import polars as pl
import pytest

from tarot_data.ingest.batches import keys_of
from tarot_data.store import delta, part_index, tables
from tarot_data.text.near_duplicates import Kept, near_duplicates, signatures
from tests.builders import source, stored, stored_row, unlike


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Make a store of three parts, all of which count as large: readings 0 to 3, 4 to 7, 8 to 11 from three files."""
    monkeypatch.setattr(part_index, "LARGE", 1)
    for part in range(3):
        numbers = range(4 * part, 4 * part + 4)
        rows = [stored_row(n, content=unlike(n), source=source(f"{part}.jsonl", f"line {n}")) for n in numbers]
        add(tmp_path, *rows)
    return tmp_path


def add(data_dir, *rows):
    delta.append(data_dir, "readings", stored(*rows), {})
    signed = signatures(stored(*rows)).with_columns(
        revision=pl.Series([row["revision"] for row in rows], dtype=pl.Int32)
    )
    tables.append_signatures(data_dir, signed, {})


def places(data_dir, name, hashes):
    parts = delta.parts(data_dir, name)
    return {parts.index(part) for part in part_index.parts_with(data_dir, name, hashes)}


@pytest.mark.parametrize("key", ["r0000000000000005", f"{5:032x}", "1.jsonl"])
def test_only_parts_with_a_key_are_read(store, key):
    (place,) = places(store, "readings", part_index.hashes_of([key]))
    ids = pl.read_parquet(delta.parts(store)[place], columns=["reading_id"])["reading_id"]
    assert "r0000000000000005" in ids
    assert places(store, "readings", part_index.hashes_of([key, "2.jsonl"])) > {place}
    assert not places(store, "readings", part_index.hashes_of(["r00000000000000ff"]))


def test_only_parts_with_a_band_are_read(store):
    bands = signatures(stored(stored_row(9, content=unlike(9))))["bands"].explode().to_numpy()
    (place,) = places(store, "signatures", part_index.hashes_of_bands(bands))
    assert "r0000000000000009" in pl.read_parquet(delta.parts(store, "signatures")[place])["reading_id"]
    found = near_duplicates(
        stored(stored_row(99, content=unlike(9) + "祝好。")),
        Kept(lambda asked: tables.signature_parts(store, asked)),
        lambda ids: tables.contents(store, ids),
    )
    assert found["twin"].to_list() == ["r0000000000000009"]


def test_an_edit_in_another_part_is_current(store, tmp_path):
    add(store, stored_row(5, revision=2, content=unlike(50), fingerprint=f"{50:032x}", source=source("9.jsonl")))
    near = tmp_path / "near.parquet"
    stored(stored_row(77, source=source("1.jsonl"))).write_parquet(near)
    found = tables.index(store, keys_of([near])).sort("reading_id")
    assert found["reading_id"].to_list() == [f"r{n:016x}" for n in (4, 5, 6, 7)]
    assert found["revision"].to_list() == [1, 2, 1, 1]
    assert tables.contents(store, ["r0000000000000005"]) == {"r0000000000000005": unlike(50)}
    assert tables.count(store) == 12


def test_signatures_of_another_scheme_are_always_read(store, monkeypatch):
    monkeypatch.setattr(part_index, "scheme", lambda: "a later one")
    assert places(store, "signatures", np.array([], dtype=part_index.HASH)) == {0, 1, 2}


def test_an_index_goes_with_its_part(store):
    places(store, "readings", part_index.hashes_of(["1.jsonl"]))
    folder = delta.table_path(store, "readings")
    assert len(list(folder.glob("*.keys"))) == 3
    delta.rewrite(store, "readings", tables.readings(store).with_columns(revision=pl.lit(1, dtype=pl.Int32)), {})
    assert not list(folder.glob("*.keys"))
    assert tables.contents(store, ["r0000000000000005"]) == {"r0000000000000005": unlike(5)}


def test_an_index_that_cannot_be_written_is_only_used(store, monkeypatch):
    def full(path):
        raise OSError("no space")

    monkeypatch.setattr(part_index, "replacing", full)
    assert len(places(store, "readings", part_index.hashes_of(["1.jsonl"]))) == 1
    assert not list(delta.table_path(store, "readings").glob("*.keys"))
