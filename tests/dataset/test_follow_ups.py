"""Follow-ups of readings: an example for every answer, and how versions and exports keep them."""

import json
import os
import subprocess
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from schemas.tables import STORED
from schemas.tables import stored as plain
from tarot_data.dataset import export, versions
from tarot_data.dataset.examples import Budget, to_examples
from tarot_data.privacy import pseudonyms
from tarot_data.store import delta, migrations, tables
from tests.builders import CONTENT, stored, stored_row, unlike

ASKED = ("那他会回来吗？", "我等吗，Mel想知道？")
ANSWERS = ("会的，三月以后。\n\n到时候再看。", "别急。")
WHOLE = "\n\n".join([CONTENT, *ANSWERS])


def talk(number=1, content=WHOLE, **values):
    begins = [content.index(answer) for answer in ANSWERS]
    follow_ups = [{"at": at, "asked": asked} for at, asked in zip(begins, ASKED, strict=True)]
    return stored_row(number, content=content, follow_ups=follow_ups, **values)


def published(*rows):
    return stored(*rows).with_columns(split=pl.lit("train")).cast(dict(plain(STORED)))


def test_every_answer_is_an_example_of_its_own():
    examples = to_examples(published(stored_row(1), talk(2), stored_row(3))).to_dicts()
    one, two, three = (f"r{n:016x}" for n in (1, 2, 3))
    assert [row["example_id"] for row in examples] == [one, two, f"{two}+1", f"{two}+2", three]
    assert [row["completion"][0]["content"] for row in examples[1:4]] == [CONTENT, *ANSWERS]
    said = [message["content"] for message in examples[3]["prompt"]]
    assert said == [examples[1]["prompt"][0]["content"], CONTENT, ASKED[0], ANSWERS[0], ASKED[1]]
    assert [message["role"] for message in examples[3]["prompt"]] == ["user", "assistant"] * 2 + ["user"]


def test_a_trace_speaks_of_the_reading_alone():
    examples = to_examples(published(talk()), Budget(reasoning=True)).to_dicts()
    alone = to_examples(published(stored_row(1)), Budget(reasoning=True)).to_dicts()
    assert examples[0]["completion"] == alone[0]["completion"] and examples[0]["completion"][0]["reasoning_content"]
    assert [row["completion"][0]["reasoning_content"] for row in examples[1:]] == [None, None]


def test_follow_ups_come_behind_the_last_part():
    content = "\n\n".join([CONTENT, unlike(1, 300), unlike(2, 300), *ANSWERS])
    ends = [len(CONTENT), len(CONTENT) + 303, len(CONTENT) + 606]
    starts = [0, *(end + 2 for end in ends[:-1])]
    sentences = [
        {"start": start, "end": end, "labels": ["other"], "cards": [], "confidence": 1.0}
        for start, end in zip(starts, ends, strict=True)
    ]
    examples = to_examples(published(talk(content=content, sentences=sentences)), Budget(max_tokens=500))
    one = f"r{1:016x}"
    assert examples["example_id"].to_list()[-3:] == [f"{one}-2", f"{one}-2+1", f"{one}-2+2"]
    assert (
        examples.row(-1, named=True)["prompt"][1]["content"] == examples.row(-3, named=True)["completion"][0]["content"]
    )


def exported(tmp_path, **values):
    delta.append(tmp_path, "readings", stored(talk()), {})
    manifest, _ = versions.publish(tmp_path)
    target = tmp_path / "out"
    export.export(tmp_path, manifest, target, lang="zh", license="other", day=date(2024, 6, 1), **values)
    return manifest, target


def test_exports_have_one_conversation_a_reading(tmp_path):
    manifest, target = exported(tmp_path)
    assert (manifest["counts"]["examples"], manifest["counts"]["follow_ups"]) == (3, 2)
    (shared,) = json.loads((target / "sharegpt" / "train.json").read_text("utf-8"))
    assert [turn["from"] for turn in shared["conversations"]] == ["human", "gpt"] * 3
    (alpaca,) = json.loads((target / "alpaca" / "train.json").read_text("utf-8"))
    said = [turn["value"] for turn in shared["conversations"]]
    assert [*sum(alpaca["history"], []), alpaca["instruction"], alpaca["output"]] == said
    assert said[1:] == [CONTENT, ASKED[0], ANSWERS[0], ASKED[1], ANSWERS[1]]
    lines = (target / "jsonl" / "train.jsonl").read_text("utf-8").splitlines()
    assert [len(json.loads(line)["prompt"]) for line in lines] == [1, 3, 5]


@pytest.mark.slow
def test_llama_factory_learns_every_answer_once(tmp_path):
    """Its own loader, converters and template, in an environment of its own, since it wants older packages."""
    python = os.environ.get("TAROT_LLAMA_FACTORY") or pytest.skip(
        "LLaMA-Factory is not here: set TAROT_LLAMA_FACTORY to a Python that has the package llamafactory"
    )
    from tarot_train import base_model
    from tarot_train.pretraining import train_tokenizer

    _, target = exported(tmp_path)
    train_tokenizer([WHOLE, *ASKED] * 4, 900, base_model.read_template("r1")).save_pretrained(tmp_path / "tokenizer")
    script = Path(__file__).with_name("llama_factory.py")
    command = [python, str(script), str(target), str(tmp_path / "tokenizer")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    for labels in json.loads(line.removeprefix("RESULT "))["labels"].values():
        assert [text.replace("<|im_end|>\n", "|") for text in labels] == ["|".join([CONTENT, *ANSWERS, ""])]


def test_names_in_questions_become_pseudonyms(tmp_path):
    delta.append(tmp_path, "readings", stored(talk(content=f"Mel，{WHOLE}")), {})
    manifest, _ = versions.publish(tmp_path, hide_names=True)
    found = versions.read(tmp_path, manifest)
    assert "Mel" not in found.write_json() + versions.read_examples(tmp_path, manifest).write_json()
    row = found.row(0, named=True)
    other = pseudonyms.read_key(tmp_path)["Mel"]
    assert row["follow_ups"][1]["asked"] == f"我等吗，{other}想知道？"
    assert [row["content"][one["at"] :].startswith(a) for one, a in zip(row["follow_ups"], ANSWERS, strict=True)] == [
        True,
        True,
    ]


def test_names_in_questions_of_others_are_forgotten(tmp_path):
    from flows.forget import forget

    rows = [talk(1, person="KK"), stored_row(2, person="Mel", content=CONTENT + unlike(3))]
    delta.append(tmp_path, "readings", stored(*rows), {})
    versions.publish(tmp_path)
    receipt = forget(tmp_path, "Mel")
    assert receipt["left"] == []
    assert tables.readings(tmp_path)["follow_ups"][0][1]["asked"] == "我等吗，某某某想知道？"


def test_versions_without_follow_ups_are_still_read(tmp_path):
    manifest, _ = exported(tmp_path)
    path = versions.path_of(tmp_path, manifest) / "readings.parquet"
    pl.read_parquet(path).drop("follow_ups").write_parquet(path)
    found = versions.read(tmp_path, manifest)
    assert found["follow_ups"].to_list() == [[]] and found.columns == [*STORED, "split"]


def test_an_older_store_gets_the_column(tmp_path):
    old = stored(stored_row(1)).cast(dict(plain(STORED))).drop("follow_ups")
    old.write_delta(str(delta.table_path(tmp_path, "readings")))
    (tmp_path / "store" / migrations.FILE).write_text('{"version": 4}')
    assert tables.readings(tmp_path)["follow_ups"].to_list() == [[]]
    with tables.writing(tmp_path):
        delta.append(tmp_path, "readings", stored(talk(2)), {})
    assert [len(found) for found in tables.readings(tmp_path)["follow_ups"]] == [0, 2]
