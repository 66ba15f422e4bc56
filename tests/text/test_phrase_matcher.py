"""Phrases in a text, in a short one and in a long one."""

import numpy as np

from tarot_data.text.phrase_matcher import SHORT, find_all


def test_a_long_text_has_the_matches_of_a_short_one():
    text, phrases = "圣杯王后和圣杯国王，都是圣杯。", ["权杖", "圣杯", "圣杯王后", "王后"]
    short, long = find_all(text, phrases), find_all(text + "。" * SHORT, phrases)
    assert [text[s:e] for s, e in zip(short.start, short.end, strict=True)] == [
        "圣杯王后",
        "圣杯",
        "王后",
        "圣杯",
        "圣杯",
    ]
    assert short.phrase.tolist() == [2, 1, 3, 1, 1]
    assert all(np.array_equal(a, b) for a, b in zip(short, long, strict=True))
