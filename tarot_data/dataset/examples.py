"""Training examples of readings: prompt (what was asked and drawn) and completion (what the reader wrote)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from schemas import token_estimate
from schemas.tables import EXAMPLES, stored
from tarot_data.cards.format import ORIENTATION_WORDS
from tarot_data.dataset import chunking
from tarot_data.dataset.prompt import prompts

MAX_TOKENS = 2048
"""Longest example, prompt and reading together: `max_length` of the published recipe."""

TEMPLATE_TOKENS = 16
"""Most tokens a chat template adds to prompt and reading: the project's templates add 9 and 12."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Longest example, and how tokens are counted."""

    max_tokens: int = MAX_TOKENS
    count: Callable[[str], int] = token_estimate.surely
    """Counts the tokens of a text, without those of a template."""
    counted_by: str = "estimate"
    """`estimate`, or the identity of the tokenizer; part of a version's hash, since it decides where readings are divided."""
    reasoning: bool = False
    """Whether each example has a thinking trace (`tarot_data.dataset.thinking_trace`), which counts too."""


def to_examples(readings: pl.DataFrame, budget: Budget | None = None) -> pl.DataFrame:
    """Convert readings (STORED columns and `split`) to EXAMPLES, in order, closed lists as strings.

    One per reading; of a reading over the budget one per part, with `-1`, `-2` … after its id, its own prompt and the
    cards it mentions (`tarot_data.dataset.chunking`). The answer to a follow-up is one with `+1`, `+2` … after the id.
    """
    asked = divided(first_turns(readings), budget or Budget())
    message = pl.struct(role=pl.lit("user"), content=prompts(asked))
    reply = pl.struct(
        role=pl.lit("assistant"),
        content=pl.col("content").str.strip_chars(),
        reasoning_content="trace",
    )
    element = pl.element().struct
    named = pl.concat_str(
        element.field("card").cast(pl.String),
        element.field("orientation").cast(pl.String).replace_strict(ORIENTATION_WORDS),
    )
    examples = asked.select(
        "example_id",
        "reading_id",
        "split",
        prompt=pl.concat_list(message),
        completion=pl.concat_list(reply),
        person="person",
        cards=pl.col("cards").list.eval(named),
        key_themes="themes",
        style_markers=pl.col("style").struct.field("markers").fill_null(pl.lit([], pl.List(pl.String))),
        synthetic="synthetic",
        later="later",
    ).cast(dict(stored(EXAMPLES)))
    return with_follow_ups(examples)


def first_turns(readings: pl.DataFrame) -> pl.DataFrame:
    """Cut the answers to follow-ups off the readings, with their sentences, into `later`: lists of {asked, answer}."""
    schema = dict(readings.schema) | {"later": _LATER}
    whole = readings.with_columns(later=pl.lit([], dtype=_LATER)).with_row_index("_row")
    rows = []
    for row in whole.filter(pl.col("follow_ups").list.len() > 0).iter_rows(named=True):
        content, starts = row["content"], [one["at"] for one in row["follow_ups"]]
        answers = [content[start:end].strip() for start, end in pairwise([*starts, len(content)])]
        asked = [one["asked"] for one in row["follow_ups"]]
        row["later"] = [{"asked": one, "answer": two} for one, two in zip(asked, answers, strict=True)]
        row["content"] = content[: starts[0]].rstrip()
        row["sentences"] = [one for one in row["sentences"] or () if one["end"] <= starts[0]]
        rows.append(row)
    return _replaced(whole, pl.DataFrame(rows, schema={"_row": pl.UInt32} | schema))


_LATER = pl.List(pl.Struct({"asked": pl.String, "answer": pl.String}))


def with_follow_ups(examples: pl.DataFrame) -> pl.DataFrame:
    """Add an example for each of `later` behind its own, with all messages before it as its prompt."""
    whole = examples.with_row_index("_row")
    rows = []
    for row in whole.filter(pl.col("later").list.len() > 0).iter_rows(named=True):
        rows.append(row)
        said = [*row["prompt"], {"role": "assistant", "content": row["completion"][0]["content"]}]
        for number, turn in enumerate(row["later"], 1):
            said = [*said, {"role": "user", "content": turn["asked"]}]
            reply = {"role": "assistant", "content": turn["answer"]}
            completion = [reply | {"reasoning_content": None}]
            rows.append(row | {"example_id": f"{row['example_id']}+{number}", "prompt": said, "completion": completion})
            said = [*said, reply]
    return _replaced(whole, pl.DataFrame(rows, schema=whole.schema)).drop("later")


def _replaced(whole: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Replace the rows of a frame that have the `_row` of one or more others by these."""
    if rows.is_empty():
        return whole.drop("_row")
    kept = whole.join(rows, on="_row", how="anti", maintain_order="left")
    return pl.concat([kept, rows]).sort("_row", maintain_order=True).drop("_row")


def too_long(examples: pl.DataFrame, budget: Budget) -> int:
    """Count examples that are still over the budget, because of one long sentence; training leaves them out."""
    reply = pl.col("completion").list.last().struct
    text = pl.concat_str(
        pl.col("prompt").list.eval(pl.element().struct.field("content")).list.join(""),
        reply.field("reasoning_content").fill_null(""),
        reply.field("content"),
    )
    doubtful = examples.select(text=text).filter(pl.col("text").str.len_chars() * 4 > budget.max_tokens)
    return sum(budget.count(text) + TEMPLATE_TOKENS > budget.max_tokens for text in doubtful["text"])


def divided(readings: pl.DataFrame, budget: Budget) -> pl.DataFrame:
    """Add example_id, part and trace to readings; one over the budget becomes several rows."""
    rows = readings.with_columns(example_id="reading_id", part=pl.lit(None, pl.String), trace=pl.lit(None, pl.String))
    rows = _traced(rows, budget).with_row_index("_row")
    # A text has at most three tokens per character, four for an emoji, so most readings need no count.
    chars = pl.col("content").str.len_chars() + pl.col("trace").str.len_chars().fill_null(0) + _header_chars()
    doubtful = rows.filter(chars * 4 > budget.max_tokens)
    doubtful = doubtful.with_columns(_limit=_limits(doubtful, budget))
    over = [budget.count(content) > limit for content, limit in doubtful.select("content", "_limit").iter_rows()]
    several = []
    # Only divided readings become Python objects, which takes ten times as long as all else here.
    for row in doubtful.filter(pl.Series(over, dtype=pl.Boolean)).iter_rows(named=True):
        limit = row.pop("_limit")
        found = _parts(row, limit, budget)
        if len(found) > 1:
            several += found
    parted = pl.DataFrame(several, schema=rows.schema)
    return _replaced(rows, _traced(parted, budget) if several else parted)


def _traced(rows: pl.DataFrame, budget: Budget) -> pl.DataFrame:
    if not budget.reasoning:
        return rows
    from tarot_data.dataset import thinking_trace

    return rows.with_columns(trace=pl.Series(thinking_trace.traces(rows), dtype=pl.String))


def _header_chars() -> pl.Expr:
    """Return an upper bound of the characters of a prompt."""
    return 200 + pl.col("question").str.len_chars().fill_null(0) + 40 * pl.col("cards").list.len()


def _limits(rows: pl.DataFrame, budget: Budget) -> pl.Series:
    """Return the tokens left for the content of each reading after prompt and trace; negative if those are over the budget."""
    # A part's trace is rarely longer than that of the whole; if it is, the example is counted as too long.
    limits = [
        budget.max_tokens - TEMPLATE_TOKENS - budget.count(prompt) - budget.count(trace or "")
        for prompt, trace in zip(prompts(rows), rows["trace"], strict=True)
    ]
    return pl.Series(limits, dtype=pl.Int64)


def _parts(row: dict, limit: int, budget: Budget) -> list[dict]:
    """Divide a row whose content is over limit tokens; a part's prompt is never longer than that of the whole."""
    numbered = len("部分：第10部分，共10部分\n") * 3
    found = chunking.parts(row, max(1, limit - numbered), budget.count)
    return [
        row
        | part
        | {
            "example_id": f"{row['reading_id']}-{number}",
            "part": f"第{number}部分，共{len(found)}部分",
            "later": row["later"] if number == len(found) else [],
        }
        for number, part in enumerate(found, 1)
    ]
