"""A version is trained once, for any number of announcements and after any kill of its training."""

import json
import subprocess
import sys
import time

import pytest

from flows.service.triggers import ATTEMPTS, marker, may_still_train, train_once
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.store import delta
from tarot_data.system.locks import exclusive, is_locked
from tests.builders import stored, stored_row

WANT = {"required": 1, "min_new": 50}


@pytest.fixture
def data(tmp_path):
    delta.append(tmp_path, "readings", stored(stored_row(1)), {})
    versions.publish(tmp_path)
    return tmp_path


@pytest.fixture
def hash(data):
    return versions.newest(data)["hash"]


def finish(data, hash, run="0001-a"):
    """Write the result of a training, a run with its manifest. Returns the flow's result."""
    (data / "runs" / run).mkdir(parents=True)
    dataset = {"version": 1, "hash": hash, "counts": {"readings": 1}}
    (data / "runs" / run / "manifest.json").write_text(json.dumps({"dataset": dataset}))
    (data / "runs" / run / "scores.json").write_text("{}")
    return {"run": run}


def outcome(data, hash, train, version=1):
    return train_once(data, version, hash, train, **WANT)["outcome"]


def refuse():
    pytest.fail("trained again")


def test_a_version_announced_three_times_is_trained_once(data, hash):
    trainings = []

    def train():
        trainings.append(1)
        return finish(data, hash)

    assert may_still_train(data, hash)
    assert [outcome(data, hash, train) for _ in range(3)] == ["trained", "already", "already"]
    assert trainings == [1] and marker(data, hash)["run"] == "0001-a" and not may_still_train(data, hash)


def test_marker_or_run_prevents_a_second_training(data, hash):
    outcome(data, hash, lambda: finish(data, hash))
    (data / "runs").rename(data / "elsewhere")
    assert outcome(data, hash, refuse) == "already"
    (data / "elsewhere").rename(data / "runs")
    for path in (data / "trainings").iterdir():
        path.unlink()
    assert outcome(data, hash, refuse) == "already"


def test_an_unevaluated_run_is_resumed(data, hash):
    finish(data, hash)
    (data / "runs" / "0001-a" / "scores.json").unlink()
    assert may_still_train(data, hash)
    assert outcome(data, hash, lambda: {"run": "0001-a"}) == "trained"


def test_events_of_other_versions_train_nothing(data, hash):
    assert outcome(data, "0" * 64, refuse) == "gone"
    assert outcome(data, hash, refuse, version=2) == "gone"


def test_a_closed_gate_ignores_events(data, hash):
    result = train_once(data, 1, hash, refuse, required=200, min_new=50)
    assert result["outcome"] == "shut" and result["gate"]["missing"] == 199
    assert marker(data, hash) == {}


def test_a_failed_training_is_not_repeated(data, hash):
    def fail():
        raise Problem("out_of_memory", setting="x", why="y")

    with pytest.raises(Problem):
        outcome(data, hash, fail)
    assert marker(data, hash)["error"] == "out_of_memory" and not may_still_train(data, hash)
    assert outcome(data, hash, refuse) == "failed_before"


def test_stopped_trainings_are_always_resumed(data, hash):
    def stopped():
        raise KeyboardInterrupt

    for _ in range(ATTEMPTS + 1):
        with pytest.raises(KeyboardInterrupt):
            outcome(data, hash, stopped)
    assert may_still_train(data, hash)
    assert outcome(data, hash, lambda: finish(data, hash)) == "trained"


def test_repeatedly_killed_trainings_are_given_up(data, hash):
    path = data / "trainings" / f"{hash[:16]}.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"hash": hash, "version": 1, "state": "started", "attempts": ATTEMPTS}))
    assert outcome(data, hash, refuse) == "failed_before"
    assert marker(data, hash)["state"] == "failed"


def test_a_manual_training_is_left_alone(data, hash):
    def going_on():
        raise Problem("training", version=hash[:8])

    assert outcome(data, hash, going_on) == "busy"
    assert marker(data, hash)["attempts"] == 0 and may_still_train(data, hash)


TRAINER = """
import json, sys, time
from pathlib import Path
from flows.service.triggers import train_once
data, hash = Path(sys.argv[1]), sys.argv[2]
def train():
    print("training", flush=True)
    time.sleep(60)
print(train_once(data, 1, hash, train, required=1, min_new=50))
"""


def test_a_running_training_is_not_repeated(data, hash):
    process = subprocess.Popen([sys.executable, "-c", TRAINER, str(data), hash], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "training\n"
        assert not may_still_train(data, hash)
        assert outcome(data, hash, refuse) == "busy"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert may_still_train(data, hash)
    assert outcome(data, hash, lambda: finish(data, hash)) == "trained"
    assert marker(data, hash)["attempts"] == 2


def test_a_lock_lasts_while_its_process_lives(tmp_path):
    path = tmp_path / "a.lock"
    assert not is_locked(path)
    with exclusive(path, Problem("busy", path=path)):
        assert is_locked(path)
        started = time.monotonic()
        with pytest.raises(Problem), exclusive(path, Problem("busy", path=path)):
            pass
        assert time.monotonic() - started < 1
    assert not is_locked(path)
