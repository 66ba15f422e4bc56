"""Fluent bad readings of `data/fluent`: written on purpose, each of one kind, for prompts that a good reading answers too.

`open.txt`, `closed.txt` and `fresh.txt` are for the prompts of annotated readings; `duels_open.txt`, `duels_closed.txt`,
`duels_voices_open.txt` and `duels_voices_closed.txt` have prompts of their own, each with a good reading.
"""

from pathlib import Path
from typing import NamedTuple

from benchmarks.fit_scores import by_unseen_writers
from tarot_data.patterns import gold
from tarot_data.patterns.annotate_records import annotate_records
from tarot_train.scores import score
from tests.train.worse import ANNOTATED, record

FLUENT = Path(__file__).parents[2] / "data" / "fluent"

UNSEEN_KINDS = ("hedge", "idioms", "only_questions", "sales")
"""Kinds of which nothing was seen when the scores were made."""


class Bad(NamedTuple):
    """A bad reading. prompt: id of the annotated reading whose person, question and cards it answers."""

    kind: str
    prompt: str
    record: dict


def read_bad(part: str) -> list[Bad]:
    """Read `open.txt` (the scores were fitted with it), `closed.txt` or `fresh.txt` (they were not)."""
    human = {reading["id"]: reading for reading in gold.read_all(ANNOTATED)}
    out = []
    for number, block in enumerate((FLUENT / f"{part}.txt").read_text(encoding="utf-8").split("@bad ")[1:]):
        head, text = block.split("\n", 1)
        kind, prompt = head.split()
        out.append(Bad(kind, prompt, record({**human[prompt], "content": text.strip()}, f"{part} {number} {kind}")))
    return out


def read_prompts(part: str) -> list[tuple[dict, list[Bad]]]:
    """Read `duels_PART.txt` (the scores were fitted with the open ones): the good reading of a prompt, and bad ones."""
    out = []
    for block in (FLUENT / f"duels_{part}.txt").read_text(encoding="utf-8").split("@prompt ")[1:]:
        head, *texts = block.split("\n@bad ")
        fields, good = head.split("\n@good\n")
        key, *lines = fields.split("\n")
        prompt = dict(line.removeprefix("@").split(" ", 1) for line in lines) | {"id": key}
        bad = [text.split("\n", 1) for text in texts]
        records = [
            Bad(kind, key, {**prompt, "id": f"{key} {number} {kind}", "content": text.strip()})
            for number, (kind, text) in enumerate(bad)
        ]
        out.append(({**prompt, "content": good.strip()}, records))
    return out


class Duel(NamedTuple):
    """The scores of a human reading and of a bad one for the same prompt."""

    kind: str
    prompt: str
    human: dict
    bad: dict


def duels_of(human: list[dict], part: str) -> list[Duel]:
    """Score bad readings and the human ones of their prompts, with words counted on other writers.

    human: what `worse.annotated_halves` returns. Prompts of readings that contradict their cards are left out.
    """
    bad = read_bad(part)
    annotated = dict(zip((one.record["id"] for one in bad), annotate_records([one.record for one in bad]), strict=True))
    out = []
    for readings in by_unseen_writers(human):
        here = {reading["id"]: reading for reading in readings}
        for one in bad:
            if one.prompt in here:
                scores = (score(here[one.prompt]), score(annotated[one.record["id"]]))
                out.append(Duel(one.kind, one.prompt, *scores))
    return out


def duels_of_prompts(part: str) -> list[Duel]:
    """Score the texts of `read_prompts`, all labelled by the shipped labeller: none of them is among its readings."""
    prompts = read_prompts(part)
    records = [good for good, _ in prompts] + [one.record for _, bad in prompts for one in bad]
    found = {reading["id"]: score(reading) for reading in annotate_records(records)}
    return [Duel(one.kind, one.prompt, found[one.prompt], found[one.record["id"]]) for _, bad in prompts for one in bad]


def duel_table(duels: list[Duel]) -> list[dict]:
    """Return {kind, pairs, won, mean} per kind and in total: in how many the human reading has the higher overall score."""
    kinds = sorted({duel.kind for duel in duels})
    groups = [(kind, [duel for duel in duels if duel.kind == kind]) for kind in kinds]
    return [
        {
            "kind": kind,
            "pairs": len(mine),
            "won": sum(duel.human["overall"] > duel.bad["overall"] for duel in mine),
            "mean": sum(duel.bad["overall"] for duel in mine) / len(mine),
        }
        for kind, mine in [*groups, ("all", duels)]
    ]
