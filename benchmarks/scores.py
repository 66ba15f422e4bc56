"""How often the scores prefer a human reading to a spoilt copy and to a fluent bad one: `make bench-scores`.

Writes the tables into docs/training.md, between their marks. Annotated by labellers, and scored with words, of other writers.
"""

from collections import defaultdict
from time import process_time

from benchmarks.fit_scores import by_unseen_writers
from benchmarks.pages import show
from tarot_train.scores import score
from tests.train.fluent import UNSEEN_KINDS, Duel, duel_table, duels_of, duels_of_prompts
from tests.train.worse import annotated_halves, pairs_of, table


def pairs_table(rows: list[dict]) -> str:
    lines = ["| copy made worse | pairs | dimension | prefers the human | overall prefers |", "|---|---|---|---|---|"]
    for row in rows:
        shares = [f"{row[name] / row['pairs']:.1%}" for name in ("by_dimension", "by_overall")]
        lines.append(f"| {row['way'].replace('_', ' ')} | {row['pairs']} | {row['dimension']} | {' | '.join(shares)} |")
    return "\n".join(lines)


def fluent_table(fitted: list[Duel], unseen: list[Duel]) -> str:
    """Return the table of kinds: won of pairs among the texts that the weights were fitted with, and among the closed ones."""
    seen = {row["kind"]: row for row in duel_table(fitted)}
    lines = ["| fluent bad kind | fitted with | not seen | mean score of those |", "|---|---|---|---|"]
    for row in duel_table(unseen):
        kind = row["kind"] + (" (whole kind not seen)" if row["kind"] in UNSEEN_KINDS else "")
        with_it = seen.get(row["kind"])
        first = f"{with_it['won']} of {with_it['pairs']}" if with_it else "–"
        lines.append(f"| {kind.replace('_', ' ')} | {first} | {row['won']} of {row['pairs']} | {row['mean']:.2f} |")
    return "\n".join(lines)


def writers_table(human: list[dict]) -> str:
    """Return the table of writers: overall score of their readings, lowest tenth, middle and highest tenth; ms to score one."""
    found = defaultdict(list)
    seconds, count = 0.0, 0
    for readings in by_unseen_writers(human):
        score(readings[0])  # reads the tables
        before = process_time()
        for reading in readings:
            found[reading["writer"]].append(score(reading)["overall"])
        seconds, count = seconds + process_time() - before, count + len(readings)
    lines = ["| writer | readings | lowest tenth | middle | highest tenth |", "|---|---|---|---|---|"]
    every = [value for values in found.values() for value in values]
    for writer, values in [*sorted(found.items()), ("all", every)]:
        tenths = [sorted(values)[int(share * (len(values) - 1))] for share in (0.1, 0.5, 0.9)]
        lines.append(f"| {writer} | {len(values)} | {' | '.join(f'{value:.2f}' for value in tenths)} |")
    return "\n".join(lines) + f"\n\n{1000 * seconds / count:.1f} ms a reading, without labelling."


if __name__ == "__main__":
    human, spoilt = annotated_halves()
    unseen = [duel for part in ("closed", "fresh") for duel in duels_of(human, part)]
    fitted = duels_of(human, "open") + duels_of_prompts("open") + duels_of_prompts("voices_open")
    unseen += duels_of_prompts("closed") + duels_of_prompts("voices_closed")
    show("training.md", "fluent", fluent_table(fitted, unseen))
    show("training.md", "writers", writers_table(human))
    show("training.md", "pairs", pairs_table(table(pairs_of(human, spoilt))))
