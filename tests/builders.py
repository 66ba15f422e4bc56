"""Minimal data frames for tests; every value can be set by the call."""

from datetime import date
from random import Random

import polars as pl

from schemas.tables import READINGS, STORED

CONTENT = "你好，Mel。愚人正位说明你已经走出去半步了，力量正位在后面轻轻拉住缰绳，两张牌一松一紧。三月之前先把手上的项目收尾。祝你顺利。"


def unlike(number, length=220):
    """Return a text that is no near-duplicate of the text for any other number."""
    rng = Random(number)
    characters = "山水云石灯路门窗桥舟风雨雪霜花草木叶茶酒书画琴棋春夏秋冬远近高低早晚来去行坐看听想问答走停"
    return "".join("，" if place % 9 == 8 else rng.choice(characters) for place in range(length)) + "。"


def card(name="愚人", orientation="upright", place=1, position=None, draw=1):
    return {
        "draw": draw,
        "place": place,
        "position": position,
        "card": name,
        "orientation": orientation,
        "raw": name,
    }


def source(file="a.jsonl", locator="line 1", member=None, sha256="0" * 64, form="jsonl"):
    return {"file": file, "member": member, "locator": locator, "sha256": sha256, "form": form}


def reading(number=1, **values):
    row = {
        "reading_id": f"r{number:016x}",
        "revision": 1,
        "fingerprint": f"{number:032x}",
        "person": "Mel",
        "question": "要不要换组",
        "date": date(2024, 1, 5),
        "draws": [{"draw": 1, "spread": "两张牌", "spread_id": "two_card"}],
        "cards": [card(), card("力量", place=2)],
        "content": CONTENT,
        "follow_ups": [],
        "outcome": None,
        "consent": "unknown",
        "flags": [],
        "masked": [],
        "synthetic": False,
        "source": source(locator=f"line {number}"),
    }
    return row | values


def stored_row(number=1, **values):
    row = reading(number) | {
        "sentences": [
            {"start": 0, "end": 7, "labels": ["opening"], "cards": [], "confidence": 0.9},
            {"start": 7, "end": 49, "labels": ["card_link"], "cards": ["愚人", "力量"], "confidence": 0.8},
        ],
        "themes": ["事业"],
        "style": {
            "address": "你",
            "script": "simplified",
            "sentence_chars": 20.0,
            "particles_per_100": 0.0,
            "emoji_per_100": 0.0,
            "hedges_per_100": 0.0,
            "questions_share": 0.0,
            "markers": [],
        },
        "labeller": "test",
    }
    return row | values


def readings(*rows):
    return pl.DataFrame(list(rows), schema=READINGS)


def stored(*rows):
    return pl.DataFrame(list(rows), schema=STORED)
