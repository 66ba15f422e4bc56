"""Phrases in a text: order, overlaps, and the same places as a search for each."""

import random

from tarot_data.text.phrase_matcher import find_all


def matches(text, phrases):
    found = find_all(text, phrases)
    return list(zip(found.start.tolist(), found.end.tolist(), found.phrase.tolist(), strict=True))


def test_matches_come_by_start_longest_first():
    text, phrases = "圣杯王后和圣杯国王，都是圣杯。", ["权杖", "圣杯", "圣杯王后", "王后"]
    assert [(text[start:end], phrase) for start, end, phrase in matches(text, phrases)] == [
        ("圣杯王后", 2),
        ("圣杯", 1),
        ("王后", 3),
        ("圣杯", 1),
        ("圣杯", 1),
    ]


def test_nothing_is_found_in_an_empty_text_or_without_phrases():
    assert matches("", ["圣杯"]) == matches("圣杯", []) == []


def test_all_places_of_each_phrase_are_found():
    rng = random.Random(1)
    for _ in range(200):
        text = "".join(rng.choices("ab🂠圣", k=rng.randrange(30)))
        phrases = list({"".join(rng.choices("ab🂠圣", k=rng.randrange(1, 6))) for _ in range(12)})
        wanted = [
            (start, start + len(phrase), number)
            for number, phrase in enumerate(phrases)
            for start in range(len(text))
            if text.startswith(phrase, start)
        ]
        assert matches(text, phrases) == sorted(wanted, key=lambda match: (match[0], -match[1]))
