"""Blind votes between the texts of base and tuned model for the same question.

Votes are in `votes.jsonl` of the run, one `{texts, winner}` per line. texts: fingerprint of the question and both texts, so
that a vote does not count for texts of a later evaluation and names nobody. winner: base, tuned or neither. The last line
of a pair counts.
"""

import hmac
import json
from hashlib import blake2b
from pathlib import Path

SIDES = ("base", "tuned")
WINNERS = (*SIDES, "neither")


def pairs(run_dir: Path) -> list[dict]:
    """List {id, texts, person, question, spread, cards, base, tuned, reader} of every question that both models answered;
    reader: the person's own text, or None."""
    found: dict[str, dict[str, dict]] = {}
    for line in _lines(run_dir / "generations.jsonl"):
        found.setdefault(line["id"], {})[line["model"]] = line
    return [
        {
            "id": name,
            "texts": _fingerprint([name, *(by[side]["content"] for side in SIDES)]),
            **{name: by["tuned"].get(name) for name in ("person", "question", "spread", "cards")},
            **{side: by[side]["content"] for side in SIDES},
            "reader": by["reader"]["content"] if "reader" in by else None,
        }
        for name, by in found.items()
        if all(side in by for side in SIDES)
    ]


def votes(run_dir: Path) -> dict[str, str]:
    """Map texts of a pair -> winner."""
    return {line["texts"]: line["winner"] for line in _lines(run_dir / "votes.jsonl")}


def vote(run_dir: Path, pair: dict, winner: str) -> None:
    with (run_dir / "votes.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"texts": pair["texts"], "winner": winner}) + "\n")


def order(pair: dict, secret: str) -> tuple[str, str]:
    """Order of the two texts: random, but the same whenever the page is shown."""
    odd = hmac.new(secret.encode(), pair["texts"].encode(), "sha256").digest()[0] % 2
    return SIDES[::-1] if odd else SIDES


def tally(run_dir: Path) -> dict[str, int]:
    """Count {base, tuned, neither, open} over the current pairs."""
    given = votes(run_dir)
    said = [given.get(pair["texts"], "open") for pair in pairs(run_dir)]
    return {name: said.count(name) for name in (*WINNERS, "open")}


def _fingerprint(texts: list[str]) -> str:
    return blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
