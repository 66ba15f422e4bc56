"""Inputs modelled on what real programs export and on public bug reports, through the ingest into a store.

Each folder of `forms` has `in/`, as a person exported it, and `expected.json`: source (where the form was seen), readings
and reasons of rejections. A field that is `*` or missing is not compared; `content10` is how the content begins.
"""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks.pipeline import ingest
from tarot_data.store import tables

FORMS = sorted(path.parent for path in (Path(__file__).parent / "forms").glob("*/expected.json"))
GREETING = re.compile(
    "^(?:老师|老師|姐姐)?(?:您好|你好|在吗|在嗎)?[，,～~！!]*(?:我)?(?:想请问|想請問|想问问|想問問|想问一下|想問下|想问|想問)?"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Ingest all forms at once; return name of the form -> (readings, rejections)."""
    root = tmp_path_factory.mktemp("forms")
    inbox = root / "inbox"
    for form in FORMS:
        shutil.copytree(form / "in", inbox / form.name)
    ingest(root / "data", inbox)
    files = [path for path in inbox.rglob("*") if path.is_file()]
    by_hash = {hashlib.sha256(path.read_bytes()).hexdigest(): path.relative_to(inbox).parts[0] for path in files}
    rows = {form.name: ([], []) for form in FORMS}
    for place, table in enumerate((tables.readings(root / "data"), tables.rejections(root / "data"))):
        for row in table.to_dicts():
            name = row["source"]["file"].split("/")[0]
            rows[name if name in rows else by_hash[row["source"]["sha256"]]][place].append(row)
    return rows


def bare(question: str | None) -> str:
    return GREETING.sub("", question or "").strip("？?。 ")


def shown(reading: dict) -> dict:
    return {
        "person": reading["person"],
        "question": bare(reading["question"]),
        "date": str(reading["date"]) if reading["date"] else None,
        "cards": sorted([card["card"], card["orientation"]] for card in reading["cards"]),
    }


def wished(wanted: dict, got: dict) -> dict:
    """Return the expected fields, with those that are not compared as they were found."""
    compared = {key: wanted[key] for key in ("person", "question", "date") if wanted.get(key, "*") != "*"}
    fields = got | compared | {"cards": sorted(card[:2] for card in wanted["cards"])}
    return fields | {
        "question": bare(fields["question"]),
        "person": fields["person"] or None,
        "date": fields["date"] or None,
    }


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_form_is_read_exactly(form, found):
    expected = json.loads((form / "expected.json").read_text(encoding="utf-8"))
    readings, rejected = found[form.name]
    left = list(readings)
    for wanted in expected["readings"]:
        start = wanted["content10"].replace("\n", "")
        mine = [row for row in left if row["content"].replace("\n", "").startswith(start)]
        assert mine, (start, [row["content"][:40] for row in left], [row["reason"] for row in rejected])
        left.remove(mine[0])
        got = shown(mine[0])
        assert got == wished(wanted, got)
        for card, _, *position in wanted["cards"]:
            if position and position[0] != "*":
                assert position[0] in [c["position"] for c in mine[0]["cards"] if c["card"] == card]
        assert [word for word in wanted.get("not_in", ()) if word in mine[0]["content"]] == []
        assert [word for word in wanted.get("in", ()) if word not in mine[0]["content"]] == []
    assert left == []
    if "*" not in expected["rejected"]:
        assert sorted(row["reason"] for row in rejected) == sorted(expected["rejected"])
