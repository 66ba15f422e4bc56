"""Annotated readings: the compact form and the score."""

import pytest

from schemas.errors import Problem
from tarot_data.patterns import gold

TEXT = """@id v001
@style 口语
@person Mel
@question 要不要换组
@spread 过去-现在
@cards 愚人(正位)|力量(逆位)
@date 2024-01-05
O 亲爱的Mel，又见面啦！
¶
I[愚人] 过去的愚人往前冲。
L[愚人,力量] 一松一紧。
↵
I+A[力量] 现在是力量逆位，先歇。
"""


def parsed(tmp_path, text=TEXT):
    (tmp_path / "dev_v1.txt").write_text(text, encoding="utf-8")
    return gold.read_all(tmp_path)


def test_the_compact_form_gives_offsets_positions_and_writer(tmp_path):
    (reading,) = parsed(tmp_path)
    assert reading["content"] == "亲爱的Mel，又见面啦！\n\n过去的愚人往前冲。一松一紧。\n现在是力量逆位，先歇。"
    assert [(c["card"], c["orientation"], c["position"]) for c in reading["cards"]] == [
        ("愚人", "upright", "过去"),
        ("力量", "reversed", "现在"),
    ]
    last = reading["sentences"][-1]
    assert reading["content"][last["start"] : last["end"]] == "现在是力量逆位，先歇。"
    assert last["labels"] == ["card_interpretation", "advice"] and last["cards"] == ["力量"]
    assert reading["writer"] == "v"


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (TEXT.replace("I[愚人] ", "Q[愚人] "), "dev_v1.txt line 10 breaks the form: not a labelled sentence"),
        (TEXT.replace("愚人(正位)", "愚公(正位)"), "dev_v1.txt line 6 breaks the form: not a card"),
        (TEXT.replace("@id v001\n", ""), "dev_v1.txt line 1 breaks the form: no @id before it"),
    ],
)
def test_a_malformed_line_is_an_error_with_place(tmp_path, broken, why):
    with pytest.raises(Problem, match=why):
        parsed(tmp_path, broken)


def answer(reading, change=None):
    sentences = [dict(sentence) for sentence in reading["sentences"]]
    if change:
        change(sentences)
    return [{"id": reading["id"], "sentences": sentences}]


def test_the_annotation_itself_scores_one(tmp_path):
    (reading,) = parsed(tmp_path)
    result = gold.score([reading], answer(reading))
    assert result["exact"] == result["cards_f1"] == 1.0
    assert result["labels"]["card_link"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    # No closing in the reading: its F1 is 0 and counts in the mean.
    assert result["macro_f1"] == 0.8


def test_wrong_labels_and_cards_lower_the_score(tmp_path):
    (reading,) = parsed(tmp_path)

    def change(sentences):
        sentences[2]["labels"] = ["card_interpretation"]
        sentences[1]["cards"] = ["力量"]

    result = gold.score([reading], answer(reading, change))
    assert result["labels"]["card_link"]["recall"] == 0.0
    assert result["labels"]["card_interpretation"]["precision"] == pytest.approx(2 / 3, abs=1e-3)
    assert result["exact"] == 0.75
    assert result["cards_f1"] == 0.75


def test_another_split_with_equal_labels_costs_nothing(tmp_path):
    (reading,) = parsed(tmp_path)

    def change(sentences):
        first = sentences[0]
        middle = first["start"] + 6
        sentences[0:1] = [{**first, "end": middle}, {**first, "start": middle}]

    assert gold.score([reading], answer(reading, change))["exact"] == 1.0


def test_voices_are_scored_worst_first():
    def voiced(name, label):
        sentence = {"start": 0, "end": 2, "labels": ["advice"], "cards": []}
        reading = {"id": name, "voice": name, "sentences": [sentence]}
        return reading, {"id": name, "sentences": [{**sentence, "labels": [label]}]}

    readings, answers = zip(voiced("h 阿冷", "advice"), voiced("h 小骆", "closing"), strict=True)
    found = gold.score_voices(readings, answers)
    assert found == {
        "mean": 0.5,
        "spread": 0.5,
        "worst_tenth": 0.0,
        "macro_f1": {"h 小骆": 0.0, "h 阿冷": 1.0},
    }


def test_rare_styles_of_a_writer_are_one_voice(tmp_path):
    readings = [
        TEXT.replace("v001", f"v00{n}").replace("口语", style)
        for n, style in enumerate(("阿冷 群", "阿冷", "阿冷 长", "诗"))
    ]
    (tmp_path / "dev_v1.txt").write_text("\n".join(readings), encoding="utf-8")
    assert [reading["voice"] for reading in gold.read_all(tmp_path)] == ["v 阿冷"] * 3 + ["v"]


def test_a_reading_without_prediction_counts_as_other(tmp_path):
    (reading,) = parsed(tmp_path)
    result = gold.score([reading], [])
    assert result["exact"] == 0.0 and result["macro_f1"] == 0.0
