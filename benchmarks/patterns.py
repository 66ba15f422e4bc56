"""Accuracy and speed of the annotation: `make bench-patterns` prints them and writes docs/patterns.md.

All accuracies are cross-validated: no reading is labelled by a model trained on it.
"""

import time
from collections import Counter
from pathlib import Path

import polars as pl

from benchmarks.contradictions import altered
from schemas.deck import LABELS
from schemas.tables import READINGS
from tarot_data.ingest import card_conflicts
from tarot_data.patterns import annotate, gold, train

DOCS = Path(__file__).parents[1] / "docs" / "patterns.md"
SPEED_READINGS, SPEED_ROUNDS = 1000, 7
CHARS = 600
"""Characters per reading of the speed test; the aim is 1,000 readings of 600 characters per CPU second."""


def main() -> None:
    readings = gold.read_all(train.ANNOTATED)
    print(f"{len(readings)} readings, cross-validating by voice …", flush=True)
    more = gold.read_all(train.ANNOTATED / train.MORE)
    found, predicted = train.cross_validate(readings, train.voice_folds(readings), more=more)
    voices = gold.score_voices(readings, predicted)
    alarms = contradictions(readings)
    speed = readings_per_second(readings)
    page = "\n".join(
        [
            "# Patterns: accuracy of the labeller",
            "",
            f"Written by `make bench-patterns` over the {found['readings']} annotated readings ({found['sentences']:,} "
            f"sentences of {len(voices['macro_f1'])} voices). Ten folds of whole writers: no voice is labelled by a model "
            "that has seen its writer, so this is what to expect on a new reader's text.",
            "",
            *table(found),
            "",
            f"By voice: mean macro F1 {voices['mean']:.3f}, standard deviation {voices['spread']:.3f}, mean of the worst "
            f"tenth {voices['worst_tenth']:.3f}.",
            "",
            "## Contradictions (`card_conflict`)",
            "",
            f"Of {alarms['marked']} readings marked as contradicting their cards, {alarms['caught']} are found; "
            f"{alarms['false']} of the other {alarms['clean']} are false alarms "
            f"(precision {alarms['precision']:.2f}, recall {alarms['recall']:.2f}).",
            "",
            "Each card of the other readings in turn, filed with the opposite orientation or as another card:",
            "",
            "| filed | plainly contradicted by the text | found | all cards | found |",
            "|---|---|---|---|---|",
            *(
                f"| {kind} | {row['plain']:,} | {row['found_plain']:.1%} | {row['all']:,} | {row['found_all']:.1%} |"
                for kind, row in alarms["kinds"].items()
            ),
            "",
            "Plainly: a sentence interprets the card by its name (another card), or has its orientation next to its name.",
            "",
            "## Speed",
            "",
            f"{speed:,.0f} readings of {CHARS} characters per CPU second without start-up, from sentences to style; best of "
            f"{SPEED_ROUNDS} rounds of {SPEED_READINGS:,}.",
            "",
            "## The twenty most confident mistakes",
            "",
            "| reading | annotated | labelled | confidence | sentence |",
            "|---|---|---|---|---|",
            *worst(readings, predicted),
            "",
            "## Confusion",
            "",
            *confusion(readings, predicted),
        ]
    )
    DOCS.write_text(page + "\n", encoding="utf-8")
    print(page)


def table(result: dict) -> list[str]:
    rows = [
        f"| {label} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} |"
        for label, row in result["labels"].items()
    ]
    last = f"macro F1 {result['macro_f1']:.3f}, exact {result['exact']:.3f}, cards named F1 {result['cards_f1']:.3f}"
    return ["| label | precision | recall | F1 |", "|---|---|---|---|", *rows, "", last]


def to_frame(readings: list[dict]) -> pl.DataFrame:
    names = ("reading_id", "content", "cards", "person", "question")
    return pl.DataFrame(
        {
            "reading_id": [reading["id"] for reading in readings],
            "content": [reading["content"] for reading in readings],
            "cards": [reading["cards"] for reading in readings],
            "person": [reading["person"] for reading in readings],
            "question": [reading["question"] for reading in readings],
        },
        schema={name: READINGS[name] for name in names},
    )


def contradictions(readings: list[dict]) -> dict:
    marked = {reading["id"] for reading in readings if reading.get("note") == "mismatch"}
    frame = to_frame(readings)
    found = set(conflicting(frame)["reading_id"])
    clean = [reading for reading in readings if reading["id"] not in marked]
    return {
        "marked": len(marked),
        "clean": len(clean),
        "caught": len(found & marked),
        "false": len(found - marked),
        "precision": len(found & marked) / (len(found) or 1),
        "recall": len(found & marked) / (len(marked) or 1),
        "kinds": {kind: share_found(rows) for kind, rows in altered(clean).items()},
    }


def share_found(rows: list[tuple[dict, bool]]) -> dict[str, float]:
    """Count the conflicts found among altered readings: all, and those that the text plainly contradicts."""
    found = set(conflicting(to_frame([reading for reading, _ in rows]))["reading_id"])
    plain = [reading["id"] in found for reading, says in rows if says]
    return {
        "plain": len(plain),
        "found_plain": sum(plain) / (len(plain) or 1),
        "all": len(rows),
        "found_all": len(found) / (len(rows) or 1),
    }


def conflicting(frame: pl.DataFrame) -> pl.DataFrame:
    found = annotate.annotated(frame)
    return card_conflicts.find_conflicts(frame, found.sentences, found.mentions)


def readings_per_second(readings: list[dict]) -> float:
    """Measure on annotated readings, concatenated and cut at CHARS characters, each with its cards. The best round counts, since
    other load can only slow one down.
    """
    made = []
    for number in range(SPEED_READINGS):
        first, second = readings[number % len(readings)], readings[(number * 7 + 3) % len(readings)]
        content = (first["content"] + "\n" + second["content"] + "\n" + first["content"])[:CHARS]
        made.append({**first, "id": f"r{number}", "content": content})
    frame = to_frame(made)
    annotate.annotate(frame.head(10))
    rounds = []
    for _ in range(SPEED_ROUNDS):
        start = time.process_time()
        annotate.annotate(frame)
        rounds.append(time.process_time() - start)
    return SPEED_READINGS / min(rounds)


def worst(readings: list[dict], predicted: list[dict]) -> list[str]:
    answers = {reading["id"]: reading["sentences"] for reading in predicted}
    found = []
    for reading in readings:
        for sentence, covering in gold.aligned(reading["sentences"], answers[reading["id"]]):
            got = {label for other in covering for label in other["labels"]} or {"other"}
            if got != set(sentence["labels"]):
                sure = max((other.get("confidence", 0) for other in covering), default=0)
                found.append((sure, reading["id"], sentence, sorted(got, key=LABELS.index)))
    found.sort(key=lambda item: (-item[0], item[1], item[2]["start"]))
    return [
        f"| {key} | {'+'.join(sentence['labels'])} | {'+'.join(got)} | {sure:.2f} | {sentence['text'].replace('|', '｜')} |"
        for sure, key, sentence, got in found[:20]
    ]


def confusion(readings: list[dict], predicted: list[dict]) -> list[str]:
    answers = {reading["id"]: reading["sentences"] for reading in predicted}
    counts = Counter()
    for reading in readings:
        for sentence, covering in gold.aligned(reading["sentences"], answers[reading["id"]]):
            got = covering[0]["labels"][0] if covering else "other"
            counts[sentence["labels"][0], got] += 1
    head = "| annotated \\ labelled | " + " | ".join(LABELS) + " |"
    rows = [f"| {a} | " + " | ".join(str(counts[a, b]) for b in LABELS) + " |" for a in LABELS]
    return [head, "|---" * (len(LABELS) + 1) + "|", *rows]


if __name__ == "__main__":
    main()
