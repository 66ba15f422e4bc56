"""What a base and its tuned model wrote for the same question, and which of the two a person prefers unseen.

Votes lie beside the run as `votes.jsonl`, one line each: `{texts, winner}`. texts: a fingerprint of the question and
the two texts, so that a vote does not count for texts that a later evaluation wrote and says nothing of anybody. winner:
base, tuned or neither. The last line of a pair counts.
"""

import hmac
import json
from hashlib import blake2b
from pathlib import Path

SIDES = ("base", "tuned")
WINNERS = (*SIDES, "neither")


def pairs(run_dir: Path) -> list[dict]:
    """{id, texts, question, cards, base, tuned, reader} of every question both models answered; reader: what the person
    wrote, or None."""
    found: dict[str, dict[str, dict]] = {}
    for line in _lines(run_dir / "generations.jsonl"):
        found.setdefault(line["id"], {})[line["model"]] = line
    return [
        {
            "id": name,
            "texts": _fingerprint([name, *(by[side]["content"] for side in SIDES)]),
            "question": by["tuned"].get("question"),
            "cards": by["tuned"].get("cards"),
            **{side: by[side]["content"] for side in SIDES},
            "reader": by["reader"]["content"] if "reader" in by else None,
        }
        for name, by in found.items()
        if all(side in by for side in SIDES)
    ]


def votes(run_dir: Path) -> dict[str, str]:
    """texts of a pair -> winner."""
    return {line["texts"]: line["winner"] for line in _lines(run_dir / "votes.jsonl")}


def vote(run_dir: Path, pair: dict, winner: str) -> None:
    with (run_dir / "votes.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"texts": pair["texts"], "winner": winner}) + "\n")


def order(pair: dict, secret: str) -> tuple[str, str]:
    """Which model's text stands first: by chance, but the same whenever the page is shown."""
    odd = hmac.new(secret.encode(), pair["texts"].encode(), "sha256").digest()[0] % 2
    return SIDES[::-1] if odd else SIDES


def tally(run_dir: Path) -> dict[str, int]:
    """{base, tuned, neither, open} over the pairs as they stand."""
    given = votes(run_dir)
    said = [given.get(pair["texts"], "open") for pair in pairs(run_dir)]
    return {name: said.count(name) for name in (*WINNERS, "open")}


def _fingerprint(texts: list[str]) -> str:
    return blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
