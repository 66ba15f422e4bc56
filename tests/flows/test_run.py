"""The main job, once, on synthetic readings and a base of a few thousand weights, without mocks."""

import json
from pathlib import Path

import polars as pl
import pytest

from tarot_data.dataset import versions
from tarot_data.store import tables
from tests.train.small import small_toml

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(prefect, tmp_path_factory):
    from flows.ingest import Inbox
    from flows.run import run
    from tarot_data.synthetic.generate import write_sample

    folder = tmp_path_factory.mktemp("run")
    write_sample(48, folder / "inbox", seed=3)
    (folder / "small.toml").write_text(small_toml(), encoding="utf-8")
    arguments = (folder / "data", Inbox([folder / "inbox"]), 40)
    first = run(*arguments, recipe=str(folder / "small.toml"))
    return folder / "data", first, lambda: run(*arguments, recipe=str(folder / "small.toml"))


def test_made_up_readings_stay_marked(done):
    data, result, _ = done
    assert result["ingest"]["accepted"] == result["ingest"]["synthetic"] == 48
    assert tables.readings(data)["synthetic"].all()
    folder = versions.path_of(data, versions.newest(data))
    assert pl.read_parquet(folder / "examples" / "train.parquet")["synthetic"].all()


def test_the_gate_opens_and_tuning_helps(done):
    _, result, _ = done
    opened = {name: result["gate"][name] for name in ("validated", "required", "missing", "ready", "made_up")}
    assert opened == {"validated": 48, "required": 40, "missing": 0, "ready": True, "made_up": 48}
    assert result["scores"]["tuned"]["loss"] < result["scores"]["base"]["loss"]
    assert set(result["scores"]["tuned"]["scores"]) >= {
        "reasoning",
        "personalisation",
        "coherence",
        "terminology",
        "advice",
        "fidelity",
    }
    assert result["scores"]["stand_in"] is True


def test_the_report_names_stand_ins(done):
    _, result, _ = done
    page = Path(result["report"]).read_text(encoding="utf-8")
    for model in ("base", "tuned"):
        assert f"{result['scores'][model]['loss']:.3f}" in page
    assert "虚构" in page and "替身" in page


def test_the_run_names_its_dataset(done):
    data, result, _ = done
    manifest = json.loads((Path(result["run"]["adapter"]).parent / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["dataset"]["hash"] == result["version"]["hash"]
    assert manifest["base"]["stand_in"] is True


def test_the_champion_stays_until_beaten(done):
    from flows.training.runs import best_run

    data, result, _ = done
    assert result["run"]["champion"] == {
        "champion": result["run"]["run"],
        "before": None,
        "replaced": True,
        "why": "first",
    }
    assert best_run(data).name == result["run"]["run"]


def test_the_same_again_changes_nothing_and_trains_nothing(done):
    data, first, again = done
    second = again()
    assert second["ingest"]["unchanged"] == 48 and second["ingest"]["accepted"] == 0
    assert second["version"]["new"] is False and second["version"]["hash"] == first["version"]["hash"]
    assert second["gate"]["shut"] == ["trained"]
    assert second["run"]["already"] is True and second["run"]["run"] == first["run"]["run"]
    assert second["run"]["champion"]["why"] == "is_champion"
    assert len(list((data / "runs").glob("*/manifest.json"))) == 1


def test_no_byte_of_a_person_is_left(done):
    """Must be the last test, because it deletes the data of the others."""
    from flows import forget
    from flows.runtime import environment
    from tests.erasure.test_forget import holding

    data, _, _ = done
    kept = tables.readings(data)
    person = kept["person"].drop_nulls().value_counts(sort=True)["person"][0]
    theirs = kept.filter(pl.col("person") == person)["content"].to_list()
    others = "\0".join(kept.filter(pl.col("person").ne_missing(person))["content"])
    words = [text[at : at + 24] for text in theirs for at in range(0, len(text) - 24, 24)]
    words = [word for word in words if word not in others and not {*'\n"\\'} & set(word)]
    assert len(words) > 5 and len(holding(data, *words)) == len(words)
    receipt = forget.forget(data, person, mentions="mask", prefect_home=environment.prefect_home())
    assert receipt["runs"][0]["adapter"] == "kept" and receipt["bases"] == 0
    assert holding(data, person, *words) == [] and holding(environment.prefect_home(), person, *words) == []
    assert all(versions.verify(data, manifest) == [] for manifest in versions.listed(data))
