"""Excerpts: pairs of readings of which one holds a large part of the other."""

import polars as pl
import pytest

from tarot_data.patterns.train import annotated_readings
from tarot_data.text.excerpts import excerpt_pairs


@pytest.fixture(scope="module")
def texts():
    return [reading["content"] for reading in annotated_readings()[0]]


def pairs(texts):
    ids = [f"r{number:04}" for number in range(len(texts))]
    found = excerpt_pairs(pl.DataFrame({"reading_id": ids, "content": texts}))
    return [(int(one[1:]), int(other[1:])) for one, other, _ in found.rows()]


def test_unrelated_readings_are_no_excerpts(texts):
    assert pairs(texts) == []


def test_copies_of_seventy_percent_are_found(texts):
    """Of each of 13 readings 70 % under another name, ended by another text; or the excerpt alone."""
    chosen, others = texts[:13], texts[100:113]
    cut = [text[: 7 * len(text) // 10] for text in chosen]
    ended = [part + other[: len(other) // 3] for part, other in zip(cut, others, strict=True)]
    for copies in (cut, ended):
        found = pairs(chosen + copies)
        assert set(found) == {(number, 13 + number) for number in range(13)}


def test_a_phrase_of_many_readings_is_no_excerpt(texts):
    macro = "谢谢你的信任，以上解读仅供参考，祝你一切顺利，有问题随时来找我，记得按时吃饭早点睡觉。" * 2
    assert pairs([text[:120] + macro for text in texts[:60]]) == []


def test_one_reading_has_no_excerpt():
    assert pairs(["愚人正位说明你已经站在崖边。"]) == pairs([]) == []
