"""The champion: loss first, then votes, then scores, each only beyond chance."""

import json
import shutil
from pathlib import Path
from random import Random

from tarot_train import registry

EXAMPLES = 30


def made_run(runs_dir: Path, name: str, loss=2.5, overall=0.4, **about) -> None:
    """Write a run with losses and scores of 30 examples around the given means; the same noise in every run.

    about: base, dataset, stand_in, own (loss of the base).
    """
    given = {"base": "b1", "dataset": "d1", "stand_in": False, "own": 3.0} | about
    noise = [Random(3).uniform(-0.3, 0.3) for _ in range(EXAMPLES)]
    jitter = Random(name)
    tuned = [(loss + n + jitter.uniform(-0.05, 0.05)) * 100 for n in noise]
    base = [(given["own"] + n) * 100 for n in noise]
    folder = runs_dir / name
    folder.mkdir(parents=True)
    manifest = {
        "run": name,
        "base": {"name": given["base"], "identity": given["base"], "stand_in": given["stand_in"]},
        "dataset": {"hash": given["dataset"]},
    }
    change = loss - given["own"]
    scores = {
        "by_example": {"characters": [100] * EXAMPLES, "base": base, "tuned": tuned},
        "base": {"loss": given["own"], "scores": {"overall": 0.1}},
        "tuned": {"loss": loss, "scores": {"overall": overall}},
        "difference": {"loss": {"mean": change, "low": change - 0.05, "high": change + 0.05}},
    }
    texts = [
        {"id": str(i), "model": "tuned", "scores": {"overall": overall + jitter.uniform(-0.05, 0.05)}}
        for i in range(EXAMPLES)
    ]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    (folder / "generations.jsonl").write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")


def why(runs_dir: Path, name: str, **votes: dict) -> str:
    def tally(folder):
        return votes.get(folder.name, {"base": 0, "tuned": 0, "neither": 0})

    return registry.challenge(runs_dir, name, tally)["why"]


def voted(tuned: int, base: int) -> dict[str, int]:
    return {"tuned": tuned, "base": base, "neither": 0}


def test_a_lower_loss_wins_whatever_the_scores(tmp_path):
    made_run(tmp_path, "a", loss=2.5, overall=0.9)
    made_run(tmp_path, "b", loss=2.3, overall=0.1)
    assert [why(tmp_path, "a"), why(tmp_path, "b")] == ["first", "lower_loss"]
    assert [run["run"] for run in registry.runs(tmp_path) if run["champion"]] == ["b"]
    assert why(tmp_path, "b") == "is_champion"


def test_a_higher_score_does_not_excuse_a_loss(tmp_path):
    made_run(tmp_path, "a", loss=2.3, overall=0.1)
    made_run(tmp_path, "b", loss=2.5, overall=0.9)
    assert [why(tmp_path, "a"), why(tmp_path, "b")] == ["first", "not_better"]


def test_differences_within_chance_replace_nobody(tmp_path):
    made_run(tmp_path, "a", loss=2.5, overall=0.4)
    made_run(tmp_path, "b", loss=2.4999, overall=0.4001)
    assert [why(tmp_path, "a"), why(tmp_path, "b")] == ["first", "undecided"]
    assert registry.champion(tmp_path) == "a"


def test_enough_votes_decide_between_equal_losses(tmp_path):
    made_run(tmp_path, "a", overall=0.9)
    made_run(tmp_path, "b", overall=0.4)
    assert why(tmp_path, "a") == "first"
    assert why(tmp_path, "b", a=voted(6, 14), b=voted(19, 1)) == "more_votes"


def test_few_votes_leave_it_to_the_scores(tmp_path):
    made_run(tmp_path, "a", overall=0.4)
    made_run(tmp_path, "b", overall=0.8)
    assert why(tmp_path, "a") == "first"
    assert why(tmp_path, "b", a=voted(9, 0), b=voted(0, 9)) == "higher_score"


def test_a_run_must_beat_its_base_beyond_chance(tmp_path):
    made_run(tmp_path, "a", loss=2.99, overall=0.9)
    made_run(tmp_path, "b", loss=3.1)
    assert [why(tmp_path, "a"), why(tmp_path, "b")] == ["no_better_than_base"] * 2
    assert registry.champion(tmp_path) is None


def test_gains_over_one_base_compare_other_versions(tmp_path):
    made_run(tmp_path, "a", loss=2.5, dataset="d1")
    made_run(tmp_path, "b", loss=2.2, dataset="d2")
    made_run(tmp_path, "c", loss=2.4, dataset="d3", overall=0.9)
    assert [why(tmp_path, name) for name in "abc"] == ["first", "lower_loss", "not_better"]


def test_losses_per_character_compare_other_bases(tmp_path):
    made_run(tmp_path, "a", loss=2.5)
    made_run(tmp_path, "b", loss=2.2, base="b2")
    assert [why(tmp_path, name) for name in "ab"] == ["first", "lower_loss"]


def test_a_real_base_replaces_a_stand_in(tmp_path):
    made_run(tmp_path, "a", loss=0.5, overall=0.9, stand_in=True)
    made_run(tmp_path, "b", loss=2.6, base="b2")
    made_run(tmp_path, "c", loss=0.1, overall=0.9, stand_in=True)
    registry.challenge(tmp_path, "a")
    assert registry.challenge(tmp_path, "b") == {
        "champion": "b",
        "before": "a",
        "replaced": True,
        "why": "real_base",
    }
    assert why(tmp_path, "c") == "stand_in"


def test_a_champion_whose_folder_is_gone_is_none(tmp_path):
    made_run(tmp_path, "a")
    registry.challenge(tmp_path, "a")
    shutil.rmtree(tmp_path / "a")
    assert registry.champion(tmp_path) is None
