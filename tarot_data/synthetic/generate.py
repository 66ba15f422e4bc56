"""`tarot sample`: made-up readings in every raw form, for trying out and for load tests.

Each record is marked as made up in its source, in the way of its form: a property, a column, a label or a key
`synthetic`. The same n, seed and broken give the same bytes.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from schemas.errors import Problem
from tarot_data.lexicon import read_table
from tarot_data.synthetic.grammar import MadeUp, made_up
from tarot_data.synthetic.writers import WRITERS

Progress = Callable[[str, int, int], None]

SHARES = {
    "notion_zip": 10,
    "notion_folder": 6,
    "csv_gb18030": 11,
    "csv_utf8": 9,
    "jsonl": 14,
    "json": 7,
    "sqlite": 12,
    "notes": 9,
    "obsidian": 4,
    "xlsx": 6,
    "docx": 3,
    "wechat": 6,
    "alpaca": 5,
}
"""Shares of the forms in a sample, in parts of their sum. Readings over the limit of a form (MOST) go to jsonl."""

MOST = {"notion_folder": 300, "obsidian": 300, "docx": 3000}
"""Most readings of forms with one file a reading, or with documents too long to scroll."""

A_FILE = {"wechat": 25, "docx": 60, "notes": 400, "obsidian": 1, "notion_folder": 300}
"""Readings in one file or folder; 2,000 for other forms. Also the most that are in memory at a time."""

UNBROKEN = ("docx", "wechat", "obsidian")
"""Forms without broken records: in these a record without cards or body is not recognised as a record."""


def write_sample(
    n: int, out: Path, seed: int = 0, progress: Progress | None = None, broken: float = 0.0, voice: str | None = None
) -> dict[str, object]:
    """Write n made-up readings below `out`, in all raw forms.

    broken: share of records, 0 to 1, that must be rejected when read. voice: the voice of all, as of one reader who calls cards
    by their canonical names; drawn if None. Returns {n, seed, files, forms: {form: records},
    rejected: {reason: records}}. Raises Problem `sample_not_empty` if `out` exists and is not an empty folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Problem("sample_not_empty", path=out)
    out.mkdir(parents=True, exist_ok=True)
    forms = divide(n)
    files, done, rejected = 0, 0, Counter()
    for form, count in forms.items():
        size = A_FILE.get(form, 2000)
        for number in range(-(-count // size)):
            first = done
            here = min(size, count - number * size)
            readings = [make_reading(seed, first + i, form, number, broken, voice) for i in range(here)]
            rejected.update(reading.reason for reading in readings if reading.reason)
            files += WRITERS[form](out, number, readings, Random(f"{seed}/{form}/{number}"))
            done += here
            if progress:
                progress("sample", done, n)
    return {"n": n, "seed": seed, "files": files, "forms": forms, "rejected": dict(sorted(rejected.items()))}


def divide(n: int) -> dict[str, int]:
    """Divide n records among the forms by largest remainders, at least one each if there are enough."""
    whole = sum(SHARES.values())
    exact = {form: n * share / whole for form, share in SHARES.items()}
    floor = 1 if n >= len(SHARES) else 0
    parts = {form: max(floor, int(count)) for form, count in exact.items()}
    rest = sorted(SHARES, key=lambda form: int(exact[form]) - exact[form])
    step = 0
    while sum(parts.values()) != n:
        form = rest[step % len(rest)]
        if sum(parts.values()) < n:
            parts[form] += 1
        elif parts[form] > floor:
            parts[form] -= 1
        step += 1
    for form, most in MOST.items():
        parts["jsonl"] += max(0, parts[form] - most)
        parts[form] = min(parts[form], most)
    return {form: count for form, count in parts.items() if count}


def make_reading(seed: int, index: int, form: str, number: int, broken: float, voice: str | None = None) -> MadeUp:
    """Make up reading `index` for its form, spoilt with a probability of `broken`."""
    reading = made_up(
        seed,
        index,
        person=number if form == "wechat" else None,
        labelled=form in ("notes", "obsidian", "docx", "wechat", "notion_zip", "notion_folder"),
        voice=voice,
        plain=voice is not None,
    )
    rng = Random(f"{seed}/{index}/broken")
    if form in UNBROKEN or rng.random() >= broken:
        return reading
    return _spoilt(reading, rng)


def _spoilt(reading: MadeUp, rng: Random) -> MadeUp:
    """Put one thing wrong in the reading, with the reason for which it must be rejected."""
    rows = read_table("synthetic/broken")
    reason = rng.choice(sorted({row["reason"] for row in rows}))
    text = rng.choice([row["text"] for row in rows if row["reason"] == reason])
    cards = reading.cards
    if reason in ("empty_body", "too_short", "not_chinese"):
        return replace(reading, content=text, reason=reason)
    if reason == "no_cards":
        return replace(reading, cards=(), content=text.format(question=reading.question), reason=reason)
    if reason == "unknown_card":
        return replace(reading, cards=(replace(cards[0], name=text), *cards[1:]), reason=reason)
    return replace(reading, cards=(*cards[:-1], *(cards[0], cards[0])[len(cards) > 1 :]), reason="duplicate_card")
