"""Prompts: person, question, spread and cards of a reading, one per line."""

import polars as pl

from schemas.tables import READINGS, STORED, stored
from tarot_data.cards.format import card_text_expr

ASKED = ("person", "question", "draws", "cards")

_PLAIN = stored(STORED)


def prompt_for(person: str | None, question: str | None, draws: list[dict], cards: list[dict]) -> str:
    """Write the prompt of one reading; see `prompts`.

    cards: dicts with draw, position, card, orientation.
    """
    names = [field.name for field in READINGS["cards"].inner.fields]
    row = {
        "person": person,
        "question": question,
        "draws": [{"spread_id": None, **draw} for draw in draws],
        "cards": [{name: card.get(name) for name in names} for card in cards],
    }
    return prompts(pl.DataFrame([row], schema={name: _PLAIN[name] for name in ASKED}))[0]


def prompts(asked: pl.DataFrame) -> pl.Series:
    """Write the prompts of readings (columns person, question, draws, cards, and part if divided).

    A line without a value is left out, so that a model never learns to answer a placeholder.
    """
    rows = asked.select(*ASKED, part="part" if "part" in asked.columns else pl.lit(None, pl.String))
    drawn = _drawn_lines(rows)
    line = {name: _line(word, name) for name, word in (("person", "咨询者"), ("question", "问题"), ("part", "部分"))}
    return (
        rows.with_row_index("row")
        .join(drawn, on="row", how="left", maintain_order="left")
        .select(
            pl.concat_str(
                pl.lit("请为以下咨询提供塔罗解读：\n\n"),
                line["person"],
                line["question"],
                pl.col("drawn").fill_null(""),
                line["part"],
                pl.lit("\n请进行专业解读。"),
            )
        )
        .to_series()
    )


def _line(word: str, column: str) -> pl.Expr:
    known = pl.col(column).fill_null("") != ""
    return pl.when(known).then(pl.format("{}：{}\n", pl.lit(word), column)).otherwise(pl.lit(""))


def _drawn_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Return row, drawn: the lines of spread and cards, numbered if there are several draws."""
    card = pl.col("cards").struct
    cards = (
        rows.select("cards")
        .with_row_index("row")
        .explode("cards")
        .drop_nulls("cards")
        .select("row", draw=card.field("draw"), text=card_text_expr(card))
        .group_by("row", "draw", maintain_order=True)
        .agg(pl.col("text").str.join(" | "))
    )
    spreads = (
        rows.select("draws")
        .with_row_index("row")
        .explode("draws")
        .drop_nulls("draws")
        .select("row", pl.col("draws").struct.field("draw"), pl.col("draws").struct.field("spread"))
        .unique(["row", "draw"], keep="last")
    )
    several = pl.len().over("row") > 1
    mark = pl.when(several).then(pl.col("draw").cast(pl.String)).otherwise(pl.lit(""))
    spread = pl.when(pl.col("spread").fill_null("") != "").then(pl.format("牌阵{}：{}\n", mark, "spread"))
    return (
        cards.join(spreads, on=["row", "draw"], how="left", maintain_order="left")
        .sort("row", "draw", maintain_order=True)
        .with_columns(line=pl.concat_str(spread.otherwise(pl.lit("")), pl.format("抽到的牌{}：{}\n", mark, "text")))
        .group_by("row", maintain_order=True)
        .agg(drawn=pl.col("line").str.join(""))
    )
