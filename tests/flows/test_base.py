"""The base of the package: its text has nothing of the bundled sample or the demo, and it reads prompts."""

import csv
import json
import re
from dataclasses import asdict, replace
from itertools import repeat
from pathlib import Path

import pytest

from flows import base, demo
from tarot_data.ingest.clean import to_readings
from tarot_data.patterns.gold import read_all
from tarot_data.sources import inbox, reader
from tarot_data.synthetic.grammar import made_up
from tarot_train import base_model, recipe
from tarot_train.generate import Manner, ask, generate
from tarot_train.recipe import Pretraining
from tarot_train.score_lines import pairs

ROOT = Path(__file__).parents[2]
FEW = Pretraining(made_up=200, repeats=2)


SECOND = Pretraining(made_up=40, repeats=0, drills=40, copies=40)
UNSEEN = Path(__file__).with_name("unseen_prompts.csv")
"""Persons and questions of 20 prompts, written by a person; no text of the base has them."""


@pytest.fixture(scope="module")
def annotated():
    return read_all(ROOT / "data" / "annotated")


@pytest.fixture(scope="module")
def corpus(annotated):
    return base.corpus(annotated, FEW)


@pytest.fixture(scope="module")
def unseen():
    """The prompts of UNSEEN, as the base asks for readings."""
    with UNSEEN.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    made = base._made_up(repeat("Mel"), first=5_000_000)
    return [reading | row for reading, row in zip(made, rows, strict=False)]


def contents(rows: list[dict]) -> list[str]:
    return [row["completion"][0]["content"] for row in rows]


def runs(text: str, length: int, every: int = 1) -> set[str]:
    return {text[start : start + length] for start in range(0, len(text) - length + 1, every)}


@pytest.mark.slow
def test_no_sentence_of_the_sample_is_learned(annotated):
    """No 20 characters of a reading of the sample follow each other in the text of the base."""
    settings = replace(recipe.load("tarot-tiny").pretraining, repeats=1)
    second = recipe.load("tarot-tiny").second
    learned = contents(
        [
            *base.corpus(annotated, settings),
            *base.answers(annotated, second),
            *base.openings(annotated, second),
            *base.copies(annotated, second),
        ]
    )
    found = inbox.discover([ROOT / "data" / "sample" / "inbox"])
    records = [record for file in found for record in reader.read(file.path, file.root)]
    readings = to_readings(records)[0]["content"]
    sample = {part for reading in readings for part in runs(reading, 20)}
    assert len(sample) > 5000
    # 20 characters hold a run of 10 that begins at a multiple of 10: only texts with one of the sample's are looked at.
    halves = {part for reading in readings for part in runs(reading, 10)}
    suspects = [text for text in learned if runs(text, 10, every=10) & halves]
    assert not [text for text in suspects if runs(text, 20) & sample]


def test_no_reading_of_the_demo_is_learned(corpus):
    shown = {made_up(0, index, voice=demo.VOICE, plain=True).content for index in range(demo.MADE_UP)}
    assert not shown & set(contents(corpus))
    assert base.SEED != 0


def test_the_same_settings_give_the_same_text(annotated, corpus):
    assert base.corpus(annotated, FEW) == corpus
    for make in (base.answers, base.openings, base.copies):
        assert make(annotated, SECOND) == make(annotated, SECOND)


def test_prompts_have_the_form_of_the_product(corpus):
    assert re.fullmatch(
        r"请为以下咨询提供塔罗解读：\n\n(咨询者：.+\n)?问题：.+\n牌阵：.+\n抽到的牌：.+\n\n请进行专业解读。",
        corpus[-1]["prompt"][0]["content"],
    )


def test_readings_call_cards_as_their_prompt_does(corpus):
    for row in corpus[-FEW.made_up :]:
        drawn = re.findall(r"([^：|\s]+)\([正逆]位\)", row["prompt"][0]["content"])
        assert drawn and all(card in row["completion"][0]["content"] for card in drawn)


def test_a_drill_lists_the_cards_of_its_prompt(annotated):
    rows = base.drills(annotated, replace(FEW, drills=20))
    for row in rows:
        drawn = "".join(
            f"{card}{way}、" for card, way in re.findall(r"([^：|\s]+)\(([正逆]位)\)", row["prompt"][0]["content"])
        )
        assert drawn and row["completion"][0]["content"] == drawn[:-1] + "。"


def test_openings_restate_the_question_of_their_prompt(annotated):
    rows = base.openings(annotated, SECOND)
    asked = [re.search("问题：(.+)", row["prompt"][0]["content"])[1] for row in rows]
    restated = [question in text for question, text in zip(asked, contents(rows), strict=True)]
    assert len(set(asked)) == len(rows) and sum(restated) >= 0.8 * len(rows)


def test_copies_repeat_their_prompt(annotated):
    for row in base.copies(annotated, SECOND):
        assert row["prompt"][0]["content"] == row["completion"][0]["content"]


def test_persons_and_questions_of_readings_are_new(annotated, corpus):
    """Of the second stage; hardly any is in the first, so that they must be copied."""
    known = "\n".join(row["prompt"][0]["content"] for row in corpus)
    for line in ("咨询者", "问题"):
        found = [re.search(f"{line}：(.+)", row["prompt"][0]["content"])[0] for row in base.answers(annotated, SECOND)]
        assert sum(line in known for line in found) <= 2


def test_the_unseen_prompts_are_in_no_text(annotated, corpus, unseen):
    second = [*base.answers(annotated, SECOND), *base.openings(annotated, SECOND), *base.copies(annotated, SECOND)]
    learned = "\n".join(row[side][0]["content"] for row in corpus + second for side in ("prompt", "completion"))
    assert len(unseen) == 20
    assert not [one["question"] for one in unseen if one["question"] in learned]
    assert not [one["person"] for one in unseen if f"咨询者：{one['person']}\n" in learned]


def test_the_packaged_base_is_small_and_named_a_stand_in():
    folder = base_model.find("tarot-tiny")
    assert (folder / "model.safetensors").stat().st_size < 15_000_000
    assert base_model.is_stand_in(folder)
    assert "Apache-2.0" in (folder.parent / "README.md").read_text(encoding="utf-8")


def test_the_packaged_base_is_that_of_its_recipe_and_card():
    folder = base_model.find("tarot-tiny")
    used = recipe.load("tarot-tiny")
    about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert about["settings"] == {"shape": asdict(used.base.shape), **asdict(used.second)}
    assert about["first"]["settings"].items() <= {"shape": asdict(used.base.shape), **asdict(used.pretraining)}.items()
    card = (folder.parent / "README.md").read_text(encoding="utf-8")
    assert base_model.identity(folder) in card
    for stage in (about, about["first"]):
        for name in ("parameters", "tokens", "updates", "rows"):
            assert f"{stage[name]:,}" in card, name
        assert str(stage["held_out_loss"]) in card


@pytest.mark.slow
def test_the_packaged_base_answers_its_prompt(unseen):
    """Of 20 prompts nobody trained on, taking always the likeliest token: 79 of 83 cards, 0.87 of the questions, 12 persons."""
    folder, asked = base_model.find("tarot-tiny"), unseen
    tokenizer, model = base_model.load_tokenizer(folder, "r1"), base_model.load_model(folder)
    settings = recipe.Generation(temperature=0)
    written = generate(model, tokenizer, list(map(ask, base._prompts(asked))), Manner(settings=settings))
    texts = [text.content for text in written]
    drawn = [(card["card"], text) for one, text in zip(asked, texts, strict=True) for card in one["cards"]]
    assert sum(card in text for card, text in drawn) >= 0.9 * len(drawn)
    shares = [
        len(pairs(one["question"]) & pairs(text)) / len(pairs(one["question"]))
        for one, text in zip(asked, texts, strict=True)
    ]
    assert sum(shares) / len(shares) > 0.8
    assert sum(one["person"] in text for one, text in zip(asked, texts, strict=True)) >= 10
