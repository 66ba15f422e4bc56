"""The scores on readings of a few sentences, with known results. test_pairs.py tests their validity."""

import re
from pathlib import Path

import pytest

from schemas.messages import LANGUAGES, catalogue
from tarot_train import scores
from tarot_train.scores import DIMENSIONS, concreteness, phrases, score
from tarot_train.tables import read_table


def reading(
    *sentences: tuple, person="Mel", question="要不要换工作", cards=(("愚人", "upright"), ("力量", "reversed"))
):
    """Build a reading. sentences: (text, label, card named or None, orientation)."""
    content, parts, mentions = "", [], []
    for text, label, card, orientation in sentences:
        start = len(content)
        content += text
        parts.append(
            {"start": start, "end": len(content), "text": text, "labels": [label], "cards": [card] if card else []}
        )
        if card and card in text:
            at = start + text.index(card)
            mentions.append({"card": card, "orientation": orientation, "start": at, "end": at + len(card)})
    return {
        "id": "1",
        "person": person,
        "question": question,
        "cards": [{"card": card, "orientation": way} for card, way in cards],
        "content": content,
        "sentences": parts,
        "mentions": mentions,
    }


HELLO = ("Mel，你问要不要换工作。", "opening", None, None)
FOOL = ("愚人正位，你已经站在崖边。", "card_interpretation", "愚人", "upright")
STRENGTH = ("力量逆位，你的底气还不够。", "card_interpretation", "力量", "reversed")
LINK = ("所以愚人想跳，力量却拉着他。", "card_link", "愚人", "unknown")
ADVICE = ("下周一之前先把简历写好。", "advice", None, None)
BYE = ("祝你走得轻快。", "closing", None, None)
WHOLE = (HELLO, FOOL, STRENGTH, LINK, ADVICE, BYE)


def figures(*sentences, **values) -> dict:
    return score(reading(*sentences, **values))


def test_every_dimension_is_there_between_0_and_1():
    found = figures(*WHOLE)
    assert set(found) == {*DIMENSIONS, "overall", "explain"}
    assert all(0 < found[name] <= 1 for name in (*DIMENSIONS, "overall"))


@pytest.mark.parametrize(
    ("missing", "dimension"),
    [(LINK, "reasoning"), (HELLO, "personalisation"), (ADVICE, "advice"), (STRENGTH, "fidelity")],
)
def test_missing_parts_lower_their_dimension_and_overall(missing, dimension):
    whole, less = figures(*WHOLE), figures(*(s for s in WHOLE if s is not missing))
    assert less[dimension] < whole[dimension]
    assert less["overall"] < whole["overall"]


def test_wrong_orientations_and_undrawn_cards_cost_fidelity():
    right = figures(*WHOLE)["fidelity"]
    turned = ("力量正位，你的底气很足。", "card_interpretation", "力量", "upright")
    assert figures(HELLO, FOOL, turned)["fidelity"] < right
    foreign = ("高塔正位，一切都塌了。", "card_interpretation", "高塔", "upright")
    assert figures(*WHOLE, foreign)["fidelity"] < right


def test_repetition_counts_once_and_costs_coherence():
    whole, looped = figures(*WHOLE), figures(*WHOLE[:5], ADVICE, ADVICE, ADVICE, BYE)
    assert looped["advice"] == whole["advice"]
    assert looped["coherence"] < whole["coherence"]


def test_the_order_of_a_reading_counts():
    assert figures(*reversed(WHOLE))["coherence"] < figures(*WHOLE)["coherence"]


def test_sentences_that_fit_any_reading_lower_the_whole():
    filler = ("人生就像一场旅行，有起有落。", "other", None, None)
    assert figures(*WHOLE[:3], filler, *WHOLE[3:])["overall"] < figures(*WHOLE)["overall"]


def test_concrete_advice_scores_above_kind_words():
    assert concreteness("下周一之前先把简历写好，再约他谈一次。") > 0.7
    assert concreteness("顺其自然就好。") < 0.15


def test_every_figure_shows_the_sentences_it_rests_on():
    found = figures(*WHOLE)["explain"]
    assert found["reasoning"] == [{"sign": "+", "code": "card_link", "values": {}, "text": LINK[0]}]
    assert {"sign": "+", "code": "person", "values": {}, "text": HELLO[0]} in found["personalisation"]
    assert [(item["sign"], item["text"]) for item in found["advice"]] == [("+", ADVICE[0])]
    assert found["fidelity"] == []


def test_findings_against_a_reading_name_the_card():
    turned = ("力量正位，你的底气很足。", "card_interpretation", "力量", "upright")
    foreign = ("高塔正位，一切都塌了。", "card_interpretation", "高塔", "upright")
    found = figures(HELLO, turned, foreign, foreign)["explain"]
    against = {(item["code"], item["values"].get("card"), item["text"]) for item in found["fidelity"]}
    assert against == {
        ("not_read", "愚人", ""),
        ("turned", "力量", turned[0]),
        ("not_drawn", "高塔", foreign[0]),
    }
    assert [item["code"] for item in found["coherence"]] == ["repeated"]


def test_every_explanation_has_its_sentence_in_both_languages():
    source = Path(scores.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'_found\("[+-]"[^,]*, "(\w+)"', source))
    assert len(codes) >= 11
    for code in codes:
        assert set(catalogue()[f"explain.{code}"]) == set(LANGUAGES), code


def test_a_reading_without_anything_scores_nothing():
    assert figures(person=None, question=None)["overall"] == 0


@pytest.mark.parametrize("row", read_table("phrases"), ids=lambda row: f"{row['kind']} {row['example']}")
def test_every_phrase_is_found_in_its_example(row):
    assert set(row) == {"kind", "pattern", "example"}
    assert re.search(row["pattern"], row["example"])
    assert phrases(row["kind"]).search(row["example"])
