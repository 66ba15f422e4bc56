"""Labels of a language model as teacher: a file next to the store, apart from the corrections of a person.

They never change a label by themselves. A sentence is identified as in a correction, by its reading and a digest of its
words. The file has labels and ids, no words.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tarot_data.store import corrections, json_lines


def path_of(data_dir: Path) -> Path:
    return data_dir / "teacher.jsonl"


def to_lesson(row: dict, labelled: Sequence[dict], model: str, host: str, when: str) -> dict:
    """Make the record of one reading. labelled: {labels, cards} of each of its sentences, in order.

    Raises Problem `not_a_correction` if a label or card is not known.
    """
    content = row["content"]
    sentences = [
        corrections.to_correction(
            row["reading_id"], content, place["start"], place["end"], one["labels"], one["cards"], when
        )
        for place, one in zip(row["sentences"], labelled, strict=True)
    ]
    return {
        "reading_id": row["reading_id"],
        "content": corrections.digest(content),
        "model": model,
        "host": host,
        "when": when,
        "sentences": [{name: one[name] for name in ("start", "end", "words", "labels", "cards")} for one in sentences],
    }


def add(data_dir: Path, lesson: dict) -> None:
    """Append a record made by `to_lesson`; a later one of the same reading replaces it.

    The caller has entered `tables.writing`.
    """
    json_lines.add(path_of(data_dir), [lesson])


def read(data_dir: Path) -> dict[str, dict]:
    """Return reading_id -> its newest record."""
    return {lesson["reading_id"]: lesson for lesson in json_lines.read(path_of(data_dir))}


def forget(data_dir: Path, reading_ids: Iterable[str]) -> int:
    """Remove the records of some readings; return how many. The caller has entered `tables.writing`."""
    return json_lines.forget(path_of(data_dir), reading_ids)


def disagreements(content: str, sentences: list[dict], lesson: dict, said: list[dict]) -> dict[int, dict]:
    """Return {index of the sentence: teacher's {labels, cards}} where it disagrees with the labeller.

    Labels count, and the cards of interpretations and links. said: corrections of the reading; a sentence that a person
    has decided is left out.
    """
    decided = {place for place, _ in corrections.found(content, sentences, said)}
    found = {}
    for place, taught in corrections.found(content, sentences, lesson["sentences"]):
        mine = sentences[place]
        about_cards = {"card_interpretation", "card_link"} & {*taught["labels"]}
        other = {*mine["labels"]} != {*taught["labels"]} or about_cards and {*mine["cards"]} != {*taught["cards"]}
        if other and place not in decided:
            found[place] = taught
    return dict(sorted(found.items()))
