"""From a reading the pair a model learns from: what was asked and drawn, and what the reader wrote."""

import polars as pl

from schemas.tables import EXAMPLES

ORIENTATION_WORDS = {"upright": "(正位)", "reversed": "(逆位)", "unknown": ""}
"""How a drawn card is written in a prompt; where the source says no orientation, the prompt says none."""


def prompt_for(person: str | None, question: str | None, draws: list[dict], cards: list[dict]) -> str:
    """The instruction a model is trained and asked with: who, what, spread and cards with their positions.

    cards: dicts with draw, position, card, orientation. A line whose value is not known is left out, so that a
    model never learns to answer a placeholder.
    """
    lines = ["请为以下咨询提供塔罗解读：", ""]
    if person:
        lines.append(f"咨询者：{person}")
    if question:
        lines.append(f"问题：{question}")
    spreads = {draw["draw"]: draw["spread"] for draw in draws}
    numbers = sorted({card["draw"] for card in cards})
    for number in numbers:
        mark = f"{number}" if len(numbers) > 1 else ""
        if spreads.get(number):
            lines.append(f"牌阵{mark}：{spreads[number]}")
        drawn = " | ".join(card_text(card) for card in cards if card["draw"] == number)
        lines.append(f"抽到的牌{mark}：{drawn}")
    lines += ["", "请进行专业解读。"]
    return "\n".join(lines)


def card_text(card: dict) -> str:
    """`过去：愚人(正位)`, or without what is not known."""
    position = f"{card['position']}：" if card.get("position") else ""
    return f"{position}{card['card']}{ORIENTATION_WORDS[card['orientation']]}"


def to_examples(readings: pl.DataFrame) -> pl.DataFrame:
    """EXAMPLES of readings (STORED schema and a `split` column), one a reading, in the order given."""
    rows = []
    for row in readings.iter_rows(named=True):
        prompt = prompt_for(row["person"], row["question"], row["draws"], row["cards"])
        rows.append(
            {
                "example_id": row["reading_id"],
                "reading_id": row["reading_id"],
                "split": row["split"],
                "prompt": [{"role": "user", "content": prompt}],
                "completion": [{"role": "assistant", "content": row["content"].strip(), "reasoning_content": None}],
                "person": row["person"],
                "cards": [f"{card['card']}{ORIENTATION_WORDS[card['orientation']]}" for card in row["cards"]],
                "key_themes": row["themes"],
                "style_markers": row["style"]["markers"] if row["style"] else [],
                "synthetic": row["synthetic"],
            }
        )
    return pl.DataFrame(rows, schema=EXAMPLES)
