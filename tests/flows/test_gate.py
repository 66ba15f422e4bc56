"""The training gate: its requirements in numbers, and its checks."""

import json

import pytest

from flows.training.gate import COVERAGE_FLOOR, gate, may_train
from flows.training.gate_checks import contacts, examine, label_coverage, last_training, newest_gate
from schemas.messages import gate_sentences
from tarot_data.dataset import versions
from tarot_data.store import delta
from tests.builders import stored, stored_row

FINE = {"integrity": [], "contacts": 0, "coverage": 0.9}


def manifest(readings, synthetic=0, hash="b" * 64):
    return {"hash": hash, "counts": {"readings": readings, "synthetic": synthetic}}


def last(readings, *hashes):
    return {"readings": readings, "hashes": list(hashes) or ["a" * 64]}


def test_before_any_version_everything_is_missing():
    opened = gate(None)
    assert (opened["validated"], opened["missing"], opened["shut"]) == (0, 200, ["readings"])


@pytest.mark.parametrize(("readings", "shut"), [(199, ["readings"]), (200, [])])
def test_a_first_training_needs_200_readings(readings, shut):
    assert gate(manifest(readings), None, FINE)["shut"] == shut


@pytest.mark.parametrize(
    ("readings", "shut", "missing_new"), [(249, ["new"], 1), (250, [], 0), (190, ["readings", "new"], 60)]
)
def test_the_next_training_needs_50_more(readings, shut, missing_new):
    opened = gate(manifest(readings), last(200), FINE)
    assert (opened["shut"], opened["missing_new"]) == (shut, missing_new)


def test_a_trained_version_is_done():
    opened = gate(manifest(200), last(200, "b" * 64), FINE)
    assert opened["shut"] == ["trained"] and opened["missing_new"] == 50
    assert (
        gate_sentences(opened, "en")[0]
        == "This version has been trained on; the next training comes with 50 more readings."
    )


@pytest.mark.parametrize(
    ("findings", "code", "sentence"),
    [
        ({"integrity": ["x has changed"]}, "integrity", "1 file of the version is not as published"),
        ({"contacts": 3}, "privacy", "3 contact details can still be read"),
        (
            {"coverage": COVERAGE_FLOOR - 0.01},
            "coverage",
            "Only 69.0% of the sentences could be labelled; at least 70%",
        ),
    ],
)
def test_open_findings_close_the_gate(findings, code, sentence):
    opened = gate(manifest(300), None, FINE | findings)
    assert opened["shut"] == [code] and not opened["ready"]
    assert sentence in gate_sentences(opened, "en")[0]


def test_made_up_readings_count_and_are_named():
    opened = gate(manifest(220, synthetic=180), None, FINE)
    assert opened["ready"] and opened["made_up"] == 180
    assert gate_sentences(opened, "zh")[-1] == "其中 180 条是虚构的；为了能试用，也算在内。"


def test_manual_training_needs_no_new_readings():
    soon, damaged = gate(manifest(210), last(200), FINE), gate(manifest(210), last(200), FINE | {"contacts": 1})
    assert may_train(soon, requested=True) and not may_train(soon, requested=False)
    assert not may_train(damaged, requested=True)


def test_coverage_counts_labelled_sentences():
    row = stored_row()
    sentences = [
        sentence | {"labels": [label]} for sentence, label in zip(row["sentences"], ("other", "advice"), strict=True)
    ]
    assert label_coverage(stored(row | {"sentences": sentences}, stored_row(2))) == 0.75


def test_the_gate_searches_with_current_rules():
    assert contacts(stored(stored_row(question="打13912345678给我"), stored_row(2))) == 1


@pytest.fixture
def data(tmp_path):
    """Return a data directory with one version of two readings."""
    delta.append(
        tmp_path, "readings", stored(stored_row(1), stored_row(2, content=stored_row()["content"] + "愿你安稳。")), {}
    )
    versions.publish(tmp_path)
    return tmp_path


def test_a_changed_byte_closes_the_gate(data):
    assert newest_gate(data, required=2)["ready"]
    path = versions.path_of(data, versions.newest(data)) / "examples" / "train.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    opened = newest_gate(data, required=2)
    assert opened["shut"] == ["integrity"] and opened["integrity"] == 1


def test_what_follows_from_the_hash_is_found_once(data, monkeypatch):
    version = versions.newest(data)
    first = examine(data, version)
    monkeypatch.setattr("flows.training.gate_checks.contacts", lambda published: pytest.fail("looked again"))
    assert examine(data, version) == first == {"integrity": [], "contacts": 0, "coverage": 1.0}
    monkeypatch.setattr("flows.training.gate_checks.contacts", lambda published: 7)
    monkeypatch.setattr("flows.training.gate_checks.pipeline", lambda: "other rules")
    assert examine(data, version)["contacts"] == 7


def test_smoke_tests_are_no_trainings(tmp_path):
    for name, readings, smoke in (("0001-a", 200, False), ("0002-b", 260, False), ("0003-c", 300, True)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        about = {"dataset": {"version": 1, "hash": name, "counts": {"readings": readings}}, "smoke": smoke}
        (tmp_path / "runs" / name / "manifest.json").write_text(json.dumps(about))
    assert last_training(tmp_path) == {"run": "0002-b", "version": 1, "readings": 260, "hashes": ["0001-a", "0002-b"]}
