"""The base of the package: its text has nothing of the bundled sample or the demo, and it has learned to read cards."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from flows import base, demo
from tarot_data.ingest.clean import to_readings
from tarot_data.patterns.gold import read_all
from tarot_data.sources import inbox, reader
from tarot_data.synthetic.grammar import made_up
from tarot_train import base_model, recipe
from tarot_train.recipe import Pretraining

ROOT = Path(__file__).parents[2]
FEW = Pretraining(made_up=200, repeats=2)


@pytest.fixture(scope="module")
def corpus():
    return base.corpus(read_all(ROOT / "data" / "annotated"), FEW)


def contents(rows: list[dict]) -> list[str]:
    return [row["completion"][0]["content"] for row in rows]


def runs(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


@pytest.mark.slow
def test_no_sentence_of_the_sample_is_learned():
    """No 20 characters of a reading of the sample follow each other in the text of the base."""
    settings = replace(recipe.load("tarot-tiny").pretraining, repeats=1)
    learned = contents(base.corpus(read_all(ROOT / "data" / "annotated"), settings))
    found = inbox.discover([ROOT / "data" / "sample" / "inbox"])
    records = [record for file in found for record in reader.read(file.path, file.root)]
    sample = {part for reading in to_readings(records)[0]["content"] for part in runs(reading, 20)}
    assert len(sample) > 5000
    assert not [text for text in learned if runs(text, 20) & sample]


def test_the_voice_of_the_demo_is_not_learned(corpus):
    chat = {made_up(base.SEED, index, voice=demo.VOICE).content for index in range(FEW.made_up)}
    assert not chat & set(contents(corpus))
    assert base.SEED != 0


def test_the_same_settings_give_the_same_text(corpus):
    assert base.corpus(read_all(ROOT / "data" / "annotated"), FEW) == corpus


def test_prompts_have_the_form_of_the_product(corpus):
    prompt = next(row["prompt"][0]["content"] for row in reversed(corpus) if row["prompt"])
    assert re.fullmatch(
        r"请为以下咨询提供塔罗解读：\n\n(咨询者：.+\n)?问题：.+\n牌阵：.+\n抽到的牌：.+\n\n请进行专业解读。", prompt
    )
    assert any(not row["prompt"] for row in corpus)


def test_the_packaged_base_is_small_and_named_a_stand_in():
    folder = base_model.find("tarot-tiny")
    assert (folder / "model.safetensors").stat().st_size < 15_000_000
    assert base_model.is_stand_in(folder)
    assert "Apache-2.0" in (folder.parent / "README.md").read_text(encoding="utf-8")
