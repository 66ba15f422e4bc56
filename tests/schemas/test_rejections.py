"""Rejection codes and their sentences in the message catalogue."""

import ast
import re
from pathlib import Path

import pytest

from schemas.messages import catalogue
from schemas.rejections import describe, values_json, with_detail

ROOT = Path(__file__).parents[2]
CATALOGUE = {key.removeprefix("rejection."): row for key, row in catalogue().items() if key.startswith("rejection.")}
RAISE = ("unreadable", "unsafe", "not_a_reading")
MADE = {"says_upright", "says_reversed"}
"""Codes that the product composes from two parts."""


def trees():
    for folder in ("tarot_data", "flows"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "old_rejections.py":
                yield ast.parse(path.read_text(encoding="utf-8"))


def calls():
    """Yield (code, names of its values) of every call that creates a rejection of a file or an entry."""
    for tree in trees():
        for node in ast.walk(tree):
            raised = isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISE
            if raised and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value, {keyword.arg for keyword in node.keywords}


def placeholders(sentence):
    return set(re.findall(r"{(\w+)}", sentence))


def test_every_code_has_both_languages():
    for code, row in CATALOGUE.items():
        assert set(row) == {"zh", "en"}, code
        assert placeholders(row["zh"]) == placeholders(row["en"]), code


def test_calls_give_the_values_their_sentence_needs():
    found = list(calls())
    assert len(found) > 30
    assert [(code, names) for code, names in found if names != placeholders(CATALOGUE[code]["en"])] == []


def test_every_sentence_is_one_the_product_uses():
    constants = {node.value for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert set(CATALOGUE) - constants - MADE == {"legacy"}


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("zh", "正文说战车是逆位，登记的是正位：战车,{车}"),
        ("en", "content says reversed of 战车, drawn upright: 战车,{车}"),
    ],
)
def test_a_rejection_is_described_in_either_language(lang, sentence):
    assert describe("says_reversed", values_json({"card": "战车", "written": "战车,{车}"}), lang) == sentence


def test_unknown_codes_are_shown_with_values():
    assert describe("gone", '{"a":"x","b":"{y}"}', "zh") == "gone x {y}"


def test_json_output_has_code_values_and_sentence():
    row = with_detail({"code": "too_short", "values": '{"count":"3","least":"40"}'})
    assert row == {
        "code": "too_short",
        "values": {"count": "3", "least": "40"},
        "detail": "3 characters, fewer than 40",
    }
