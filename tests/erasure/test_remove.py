"""Removal of a single reading: no byte of its words is left, and no ingest brings it back."""

from pathlib import Path

import pytest

from flows.forget import forget, readmit, readmit_reading, remove_reading
from schemas.errors import Problem
from schemas.short_ids import whole_id
from tarot_data.dataset import versions
from tarot_data.erasure.disk_search import find_traces
from tarot_data.ingest.correct import correct
from tarot_data.ingest.fixes import Fix
from tarot_data.privacy import suppression_list
from tarot_data.store import tables
from tests.ingest.test_fixes import FIRST, GOOD, NEAR, SECOND, data, ids, inbox, lay, read_anew, take_in  # noqa: F401

FOOL = {"person": "Mel", "question": "换组", "cards": "愚人正位、力量正位", "content": FIRST}
THIRD = "月亮逆位照着那条从水里爬上来的小路，你怕的不是路远，是没人同行。太阳正位在尽头等着，五月之前把话说开，一切会慢慢亮起来。"
MOON = {"person": "Mel", "question": "换组", "cards": "月亮逆位、太阳正位", "content": THIRD}


def ingested(data, inbox):  # noqa: F811
    lay(inbox, FOOL, GOOD, NEAR)
    lay(inbox, GOOD, MOON, name="copy.jsonl")
    take_in(data, inbox)
    versions.publish(data)
    return ids(data)[SECOND]


def test_no_byte_of_a_removed_reading_is_left(data, inbox):  # noqa: F811
    gone = ingested(data, inbox)
    result = remove_reading(data, gone)
    assert (result["reading_id"], result["removed"]["readings"], result["removed"]["rejections"]) == (gone, 1, 2)
    assert set(ids(data)) == {FIRST, THIRD} and tables.rejections(data).is_empty()
    traces = find_traces(data, [SECOND[:12], SECOND[20:40], SECOND[-14:], gone])
    assert not [path for path in traces if path.parts[0] != "inbox"]
    (manifest,) = versions.listed(data)
    assert manifest["counts"]["readings"] == 2 and manifest["tombstone"]["readings_removed"] == 1
    assert result["raw"] == [] and gone not in Path(result["receipt"]).read_text("utf-8")


def test_no_ingest_brings_a_removed_reading_back(data, inbox, monkeypatch):  # noqa: F811
    gone = ingested(data, inbox)
    remove_reading(data, gone)
    counts = take_in(data, inbox)
    assert (counts["accepted"], counts["rejected"], counts["forgotten"]) == (0, 0, 3)
    lay(inbox, {**GOOD, "person": "阿宁"}, name="third.jsonl")
    assert take_in(data, inbox)["forgotten"] == 1
    assert read_anew(data, inbox, monkeypatch)["accepted"] == 0
    assert set(ids(data)) == {FIRST, THIRD}


def test_a_corrected_reading_stays_removed(data, inbox, monkeypatch):  # noqa: F811
    lay(inbox, FOOL, GOOD)
    take_in(data, inbox)
    name = ids(data)[SECOND]
    correct(data, {name: Fix(fields={"cards": ["月亮逆位、太阳正位"], "content": THIRD})})
    remove_reading(data, name)
    assert not find_traces(data, [SECOND[:12], THIRD[:12]])
    counts = read_anew(data, inbox, monkeypatch)
    assert (counts["accepted"], counts["forgotten"], set(ids(data))) == (0, 1, {FIRST})


def test_a_removed_reading_may_come_back(data, inbox):  # noqa: F811
    gone = ingested(data, inbox)
    remove_reading(data, gone)
    with pytest.raises(Problem, match="full"):
        readmit_reading(data, gone[:8])
    readmit_reading(data, gone)
    take_in(data, inbox)
    assert ids(data)[SECOND] == gone


def test_allowing_a_person_again_keeps_removed_readings_out(data, inbox, monkeypatch):  # noqa: F811
    lay(inbox, FOOL, {**GOOD, "person": "欧阳雪岭"}, MOON)
    take_in(data, inbox)
    remove_reading(data, ids(data)[THIRD])
    forget(data, "欧阳雪岭")
    readmit(data, "欧阳雪岭")
    read_anew(data, inbox, monkeypatch)
    assert set(ids(data)) == {FIRST, SECOND}
    assert suppression_list.read(data).removed


def test_a_dry_run_removes_nothing(data, inbox):  # noqa: F811
    gone = ingested(data, inbox)
    result = remove_reading(data, gone[:9], dry_run=True)
    assert (result["reading_id"], result["readings"], result["versions"]) == (gone, 1, [1])
    assert gone in ids(data).values() and suppression_list.read(data) is None


def test_an_id_is_found_by_its_beginning():
    known = ["r12ab", "r12cd", "r3", "r345"]
    missing = Problem("no_reading", id="r9")
    assert whole_id("r12a", known, missing) == "r12ab"
    assert whole_id("r3", known, missing) == "r3"
    assert whole_id("r12c…", known, missing) == "r12cd"
    with pytest.raises(Problem, match="r12ab, r12cd"):
        whole_id("r12", known, missing)
    for given in ("r9", "", "…"):
        with pytest.raises(Problem, match="r9"):
            whole_id(given, known, missing)
