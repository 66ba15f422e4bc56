"""The scores on readings of a few sentences, with known results. test_pairs.py tests their validity."""

import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from schemas.deck import CARDS
from schemas.messages import LANGUAGES, catalogue
from tarot_data.patterns import gold
from tarot_train import score_place, scores
from tarot_train.score_lines import concreteness, lines_of, phrases
from tarot_train.score_meaning import card_sides, sides_used
from tarot_train.score_measures import MEASURES
from tarot_train.score_place import places
from tarot_train.score_text import prepare
from tarot_train.scores import DIMENSIONS, score
from tarot_train.tables import read_table
from tests.train.worse import ANNOTATED


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


def test_scores_are_equal_in_every_process():
    """Sets of words have another order in every process, and a sum of floats depends on its order."""
    code = "import json, sys; from tarot_train.scores import score; print([score(one) for one in json.load(sys.stdin)])"
    given = [one | {"mentions": []} for one in islice(gold.parse(ANNOTATED / "dev_a1.txt"), 20)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        for seed in ("0", "1", "2")
    ]
    first, *others = [process.communicate(json.dumps(given))[0] for process in processes]
    assert first.count("overall") == len(given)
    assert others == [first, first]


def test_wrong_orientations_and_undrawn_cards_cost_fidelity():
    right = figures(*WHOLE)["fidelity"]
    turned = ("力量正位，你的底气很足。", "card_interpretation", "力量", "upright")
    assert figures(HELLO, FOOL, turned)["fidelity"] < right
    foreign = ("高塔正位，一切都塌了。", "card_interpretation", "高塔", "upright")
    assert figures(*WHOLE, foreign)["fidelity"] < right


def test_repetition_counts_once_and_costs_coherence():
    whole, looped = figures(*WHOLE), figures(*WHOLE[:5], ADVICE, ADVICE, ADVICE, BYE)
    assert looped["advice"] <= whole["advice"]
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
    link, often = found["reasoning"]
    assert link == {"sign": "+", "code": "card_link", "values": {}, "text": LINK[0]}
    assert (often["sign"], often["values"]["measure"], often["text"]) == ("-", "causes", LINK[0])
    assert {"sign": "+", "code": "person", "values": {}, "text": HELLO[0]} in found["personalisation"]
    assert [(item["sign"], item["text"]) for item in found["advice"]] == [("+", ADVICE[0])]
    assert found["fidelity"] == []


def test_findings_against_a_reading_name_the_card():
    turned = ("力量正位，你的底气很足。", "card_interpretation", "力量", "upright")
    foreign = ("高塔正位，一切都塌了。", "card_interpretation", "高塔", "upright")
    found = figures(HELLO, turned, foreign, foreign)["explain"]
    against = {
        (item["code"], item["values"].get("card"), item["text"])
        for item in found["fidelity"]
        if item["code"] != "unusual"
    }
    assert against == {
        ("not_read", "愚人", ""),
        ("turned", "力量", turned[0]),
        ("not_drawn", "高塔", foreign[0]),
    }
    assert [item["code"] for item in found["coherence"]][0] == "repeated"


def test_every_explanation_has_its_sentence_in_both_languages():
    sources = [Path(module.__file__).read_text(encoding="utf-8") for module in (scores, score_place)]
    codes = set(re.findall(r'finding\(\s*"[+-]"[^,]*, "(\w+)"', "".join(sources)))
    assert len(codes) >= 12
    for code in codes:
        assert set(catalogue()[f"explain.{code}"]) == set(LANGUAGES), code
    for name in MEASURES:
        assert set(catalogue()[f"measure.{name}"]) == set(LANGUAGES), name


def test_a_reading_without_anything_scores_nothing():
    assert figures(person=None, question=None)["overall"] == 0


@pytest.mark.parametrize("row", read_table("phrases"), ids=lambda row: f"{row['kind']} {row['example']}")
def test_every_phrase_is_found_in_its_example(row):
    assert set(row) == {"kind", "pattern", "example"}
    assert re.search(row["pattern"], row["example"])
    assert phrases(row["kind"]).search(row["example"])


def measured(name: str, *sentences, **values) -> float:
    given = reading(*sentences, **values)
    return MEASURES[name][2](prepare(given, lines_of(given))).value


def read(text: str, card="愚人", label="card_interpretation") -> tuple:
    return (text, label, card, "unknown")


@pytest.mark.parametrize("letters", [50, 100, 250, 2000])
def test_every_measure_has_its_place(letters):
    here = places(letters)
    assert set(here) == set(MEASURES)
    for name, (dimension, side, _) in MEASURES.items():
        place = here[name]
        assert dimension in DIMENSIONS
        assert (place.below > 0, place.above > 0) == (side != "high", side != "low"), name
        assert place.least <= place.low <= place.high <= place.most, name


@pytest.mark.parametrize("name", [name for name, (_, side, _) in MEASURES.items() if side == "both"])
def test_a_density_costs_as_much_above_as_below(name):
    place = places(320)[name]
    assert place.below == place.above
    assert place.distance(place.low) == place.distance(place.high) == (0.0, 0.0)


def test_stuffed_terms_are_far_above_readers():
    terms = "正位，逆位，牌面，元素，大阿尔卡那，小阿尔卡那，花色，牌阵，宫廷牌，牌组，权杖，圣杯，宝剑，星币。"
    stuffed = tuple((s[0] + terms, *s[1:]) for s in WHOLE)
    whole, far = (places(320)["terms"].distance(measured("terms", *given))[1] for given in (WHOLE, stuffed))
    assert whole < 2 < far


def test_places_lie_between_those_of_two_lengths():
    low, middle, high = (places(letters)["card_text"].most for letters in (100, 140, 180))
    assert min(low, high) <= middle <= max(low, high) and low != high
    assert places(20) == places(100)
    assert places(900) == places(320)


def test_a_short_reading_needs_less_than_a_long_one():
    figures = dict.fromkeys(DIMENSIONS, 0.5)
    assert score_place.overall(figures, 3.0, 100) > score_place.overall(figures, 3.0, 320)


def test_the_answer_to_another_question_is_less_personal():
    asked_else = figures(*WHOLE, question="妈妈的手术要不要换一家医院做")["personalisation"]
    assert asked_else < figures(*WHOLE)["personalisation"]


def test_a_confident_wrong_meaning_costs_fidelity():
    right = read("隐士提着灯站在雪山顶上，独处太久了。", "隐士")
    wrong = read("隐士在热闹的舞会上应酬，独处太少了。", "隐士")
    cards = [("隐士", "upright")]
    assert measured("contradicted", wrong, cards=cards) == 3
    assert measured("contradicted", right, cards=cards) == 0
    assert measured("card_meaning", wrong, cards=cards) < measured("card_meaning", right, cards=cards)


def test_a_card_on_the_side_of_its_opposite_is_seen():
    cards = [("宝剑八", "upright")]
    bound = read("宝剑八把你捆住，眼睛蒙着，动弹不得。", "宝剑八")
    freed = read("宝剑八给你自由，解脱了，说走就走。", "宝剑八")
    assert measured("wrong_side", bound, cards=cards) == 0
    assert measured("wrong_side", freed, cards=cards) > 0.4
    assert measured("wrong_side", freed, cards=[("宝剑八", "reversed")]) == 0


def test_a_negated_word_counts_for_the_other_side():
    assert sides_used(["他很自由"])["free", True] == sides_used(["他不自由"])["free", False] == 1
    assert sides_used(["牠被綁住"])["free", False] == 1


def test_a_letter_of_the_question_counts_as_about_it():
    cat = measured("asked", read("猫砂带上。"), question="要不要把猫送回老家")
    assert cat > measured("asked", read("砂带上。"), question="要不要把猫送回老家") == 0


def test_the_picture_of_a_card_is_no_other_topic():
    assert measured("other_topic", read("愚人脚边有只小狗。"), question="科二考得过吗") == 0
    assert measured("other_topic", read("猫和狗都要看兽医。"), question="科二考得过吗") > 0


def test_words_of_the_question_are_no_praise():
    praise = read("他点赞。")
    assert measured("praise", praise, question="前任点赞是什么意思") == 0 < measured("praise", praise)


def test_a_certain_prediction_is_seen():
    told = read("他下个月初六必来求你，三月十七号还你两万，这是定数。")
    assert measured("certain", told) > places(100)["certain"].most
    assert measured("foretold", told) > places(100)["foretold"].most
    assert measured("certain", read("你不必着急，他未必会来。")) == 0


def test_dates_in_advice_are_no_prediction():
    assert measured("foretold", ADVICE, ("三月十七号之前先还两万。", "advice", None, None)) == 0


def test_repeating_another_question_is_seen():
    other = ("Mel，你问的是老家那块地卖不卖。", "opening", None, None)
    assert measured("restated", HELLO) < 0.1
    assert measured("restated", other, FOOL) > 0.8
    assert measured("restated", FOOL, STRENGTH) == 0


def test_words_of_therapists_and_assistants_are_seen():
    assert measured("therapy", read("请接纳内在的小孩，给情绪一个深呼吸。")) > places(100)["therapy"].most
    assert measured("assistant", read("以下是分析，综上所述，仅供参考。")) > places(100)["assistant"].most


def test_naming_the_person_once_costs_nothing():
    assert measured("person", HELLO, FOOL) == 0 < measured("person", HELLO, HELLO)


def test_advice_for_and_against_one_act_is_seen():
    pulled = (("你马上去找律师签合同。", "advice", None, None), ("合同千万别签。", "advice", None, None))
    assert measured("pulled", *pulled) > 0
    assert measured("pulled", pulled[0], ("如果他不来，合同千万别签。", "advice", None, None)) == 0
    undone = (("健身卡续一年。", "advice", None, None), ("健身卡赶紧退了。", "advice", None, None))
    assert measured("pulled", *undone) > 0
    kept = (("健身卡续一年。", "advice", None, None), ("健身卡别退了。", "advice", None, None))
    assert measured("pulled", *kept) == 0
    assert measured("denied", read("他把房子卖了。"), read("他没有把房子卖了。")) > 0


def test_a_card_read_both_ways_is_seen():
    assert measured("both_ways", read("愚人走得很快。"), read("愚人也走得很慢。")) > 0
    assert measured("both_ways", read("愚人走得很快。"), read("力量走得很慢。", "力量")) == 0


def test_the_same_thought_in_other_words_is_seen():
    assert measured("same_thought", read("事情停滞了，卡住了，原地不动。")) > 0
    assert measured("same_thought", read("事情停滞了，因为你在等他先开口。")) == 0


def test_flattery_without_content_costs_coherence():
    praise = ("你是我见过最优秀、最通透、最了不起的人。", "other", None, None)
    assert figures(*WHOLE[:5], praise, BYE)["coherence"] < figures(*WHOLE)["coherence"]


def test_an_unusual_figure_says_what_readers_write():
    stuck = tuple(read(f"愚人愚人愚人{i}。") for i in range(8))
    found = [f for f in figures(*stuck)["explain"]["terminology"] if f["code"] == "unusual"]
    assert {f["values"]["measure"] for f in found} >= {"names"}
    assert all(f["sign"] == "-" and f["values"]["least"] <= f["values"]["most"] for f in found)


def test_every_card_has_words_and_wrong_meanings():
    from tarot_train.score_cards import card_words

    assert set(card_words()) == set(CARDS)
    assert {row["card"] for row in read_table("meanings")} == set(CARDS)


def test_every_card_has_its_sides():
    axes = {row["axis"] for row in read_table("axes")}
    assert {row["card"] for row in read_table("sides")} == set(CARDS)
    for row in read_table("sides"):
        for way in ("upright", "reversed"):
            words = row[way].split()
            assert words and {word[0] for word in words} <= {"+", "-"}, row
            assert {word[1:] for word in words} <= axes, row
    assert set(card_sides()) == {(card, way) for card in CARDS for way in ("upright", "reversed")}


@pytest.mark.parametrize("row", read_table("axes"), ids=lambda row: row["axis"])
def test_words_of_both_sides_are_found(row):
    used = sides_used([row["example"]])
    assert used[row["axis"], True] and used[row["axis"], False]


@pytest.mark.parametrize("row", read_table("meanings"), ids=lambda row: row["card"])
def test_every_wrong_meaning_is_found_in_its_example(row):
    assert re.search(row["upright"], row["example"])


@pytest.mark.parametrize("row", read_table("opposites"), ids=lambda row: row["example"])
def test_both_opposites_are_found_in_their_example(row):
    assert re.search(row["one"], row["example"]) and re.search(row["other"], row["example"])


@pytest.mark.parametrize("row", read_table("thoughts"), ids=lambda row: row["thought"])
def test_a_thought_is_found_twice_in_its_example(row):
    assert len(re.findall(row["words"], row["example"])) >= 2


@pytest.mark.parametrize("row", read_table("topics"), ids=lambda row: row["topic"])
def test_every_topic_is_found_in_its_example(row):
    assert re.search(row["words"], row["example"])
