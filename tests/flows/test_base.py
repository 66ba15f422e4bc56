"""The base of the package: its text has nothing of the bundled sample or the demo, and it has learned to read cards."""

import json
import re
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from flows import base, demo
from tarot_data.ingest.clean import to_readings
from tarot_data.patterns.gold import read_all
from tarot_data.sources import inbox, reader
from tarot_data.synthetic.grammar import made_up
from tarot_train import base_model, recipe
from tarot_train.generate import Manner, ask, generate
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


def test_no_reading_of_the_demo_is_learned(corpus):
    shown = {made_up(0, index, voice=demo.VOICE, plain=True).content for index in range(demo.MADE_UP)}
    assert not shown & set(contents(corpus))
    assert base.SEED != 0


def test_the_same_settings_give_the_same_text(corpus):
    assert base.corpus(read_all(ROOT / "data" / "annotated"), FEW) == corpus


def test_prompts_have_the_form_of_the_product(corpus):
    assert re.fullmatch(
        r"请为以下咨询提供塔罗解读：\n\n(咨询者：.+\n)?问题：.+\n牌阵：.+\n抽到的牌：.+\n\n请进行专业解读。",
        corpus[-1]["prompt"][0]["content"],
    )


def test_readings_call_cards_as_their_prompt_does(corpus):
    for row in corpus[-FEW.made_up :]:
        drawn = re.findall(r"([^：|\s]+)\([正逆]位\)", row["prompt"][0]["content"])
        assert drawn and all(card in row["completion"][0]["content"] for card in drawn)


def test_a_drill_lists_the_cards_of_its_prompt():
    rows = base.drills(read_all(ROOT / "data" / "annotated"), replace(FEW, drills=20))
    for row in rows:
        drawn = "".join(
            f"{card}{way}、" for card, way in re.findall(r"([^：|\s]+)\(([正逆]位)\)", row["prompt"][0]["content"])
        )
        assert drawn and row["completion"][0]["content"] == drawn[:-1] + "。"


def test_the_packaged_base_is_small_and_named_a_stand_in():
    folder = base_model.find("tarot-tiny")
    assert (folder / "model.safetensors").stat().st_size < 15_000_000
    assert base_model.is_stand_in(folder)
    assert "Apache-2.0" in (folder.parent / "README.md").read_text(encoding="utf-8")


def test_the_packaged_base_is_that_of_its_recipe_and_card():
    folder = base_model.find("tarot-tiny")
    used = recipe.load("tarot-tiny")
    about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert about["settings"] == {"shape": asdict(used.base.shape), **asdict(used.pretraining)}
    card = (folder.parent / "README.md").read_text(encoding="utf-8")
    assert base_model.identity(folder) in card
    for name in ("parameters", "tokens", "updates", "rows"):
        assert f"{about[name]:,}" in card, name
    assert str(about["held_out_loss"]) in card


@pytest.mark.slow
def test_the_packaged_base_names_the_drawn_cards():
    """Of 6 prompts nobody trained on; over 20 it named 83 of 83 cards, taking always the likeliest token."""
    folder = base_model.find("tarot-tiny")
    unseen = list(islice(base._made_up(["小侯", "阿宁"], Random(7), first=5_000_000), 6))
    conversations = [ask(prompt) for prompt in base._prompts(unseen)]
    tokenizer, model = base_model.load_tokenizer(folder, "r1"), base_model.load_model(folder)
    written = generate(model, tokenizer, conversations, Manner(settings=recipe.Generation(temperature=0)))
    drawn = [
        (card["card"], text.content) for reading, text in zip(unseen, written, strict=True) for card in reading["cards"]
    ]
    assert sum(card in content for card, content in drawn) >= 0.9 * len(drawn)
