"""Whether the scores are worth something: a human reading against a copy of it made worse on purpose.

The labeller that annotates both is trained on the other half of the annotated readings, so neither it nor anything
else has seen a reading it judges here. `pytest -s` prints the table.
"""

from pathlib import Path
from random import Random

import pytest

from schemas.deck import CARDS
from tarot_data import annotated, labeller, teaching
from tarot_data.outside import annotate_records
from tarot_train.scores import score
from tests.train.worse import WAYS

pytestmark = pytest.mark.slow

ANNOTATED = Path(__file__).parents[2] / "data" / "annotated"
ORIENTATION = {"upright": "(正位)", "reversed": "(逆位)", "unknown": ""}


def record(reading: dict, key: str) -> dict:
    cards = " | ".join(card["card"] + ORIENTATION[card["orientation"]] for card in reading["cards"])
    return {name: reading.get(name) for name in ("person", "question", "spread", "content")} | {
        "id": key,
        "cards": cards,
    }


def worse_copies(readings: list[dict], human: dict[str, dict]) -> dict[tuple[str, str], dict]:
    """(reading id, way) to the record of its worse copy; a way that changes nothing in a reading gives none."""
    copies = {}
    for reading in readings:
        mentions = human[reading["id"]]["mentions"]
        named = {mention["card"] for mention in mentions} & {card["card"] for card in reading["cards"]}
        for way, (make, _) in WAYS.items():
            extra = (
                {"mentions": mentions} if "mentions" in make.__code__.co_varnames[: make.__code__.co_argcount] else {}
            )
            if "deck" in make.__code__.co_varnames[: make.__code__.co_argcount]:
                extra["deck"] = list(CARDS)
            if way == "names_exchanged" and len(named) < 2:
                continue
            changed = make(reading, Random(f"{reading['id']} {way}"), **extra)
            if "cards" in changed or changed["content"] not in ("", reading["content"]):
                copies[reading["id"], way] = record({**reading, **changed}, f"{reading['id']} {way}")
    return copies


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, dict, dict]]:
    """(way, scores of the human reading, scores of its worse copy). Readings that contradict their cards stay out."""
    readings = [r for r in annotated.read_all(ANNOTATED) if r.get("note") != "mismatch"]
    seen, unseen = readings[::2], readings[1::2]
    model = teaching.train(seen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labeller, "shipped", lambda: model)
        human = {r["id"]: r for r in annotate_records([record(r, r["id"]) for r in unseen])}
        copies = worse_copies(unseen, human)
        annotated_copies = annotate_records(list(copies.values()))
    scores = {key: score(reading) for key, reading in human.items()}
    return [(way, scores[key], score(copy)) for (key, way), copy in zip(copies, annotated_copies, strict=True)]


def test_the_human_reading_is_preferred_in_95_of_100_pairs_by_overall_and_by_the_right_dimension(pairs):
    right = overall = 0
    print()
    for way, (_, dimension) in WAYS.items():
        mine = [(human, copy) for kind, human, copy in pairs if kind == way]
        by_dimension = sum(human[dimension] > copy[dimension] for human, copy in mine)
        by_overall = sum(human["overall"] > copy["overall"] for human, copy in mine)
        right, overall = right + by_dimension, overall + by_overall
        print(
            f"{way:22} {len(mine):4} pairs  {dimension:16} {by_dimension / len(mine):6.1%}  overall {by_overall / len(mine):6.1%}"
        )
        assert len(mine) >= 50, way
        assert by_overall >= 0.9 * len(mine), way
        assert by_dimension >= 0.9 * len(mine), way
    print(
        f"{'all':22} {len(pairs):4} pairs  {'right dimension':16} {right / len(pairs):6.1%}  overall {overall / len(pairs):6.1%}"
    )
    assert right >= 0.95 * len(pairs)
    assert overall >= 0.95 * len(pairs)


def test_every_figure_lies_between_0_and_1(pairs):
    for _, human, copy in pairs:
        for figures in (human, copy):
            assert all(0 <= value <= 1 for name, value in figures.items() if name != "explain")


def test_a_human_reading_keeps_to_its_cards(pairs):
    human = {id(scores): scores for _, scores, _ in pairs}.values()
    assert sum(scores["fidelity"] for scores in human) / len(human) > 0.85
