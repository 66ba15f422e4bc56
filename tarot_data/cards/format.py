"""Text of a drawn card, `过去：愚人(正位)`, for one card or for a column."""

import polars as pl

ORIENTATION_WORDS = {"upright": "(正位)", "reversed": "(逆位)", "unknown": ""}
"""How a drawn card is written in a prompt; if the source gives no orientation, the prompt has none."""


def card_text_expr(card: object) -> pl.Expr:
    """Format cards as `过去：愚人(正位)`, without unknown parts. card: the struct namespace of a drawn card."""
    position = card.field("position").fill_null("")
    before = pl.when(position != "").then(pl.format("{}：", position)).otherwise(pl.lit(""))
    orientation = card.field("orientation").cast(pl.String).replace_strict(ORIENTATION_WORDS)
    return pl.concat_str(before, card.field("card").cast(pl.String), orientation)


def card_text(card: dict) -> str:
    """Format a card as `过去：愚人(正位)`, without unknown parts."""
    position = f"{card['position']}：" if card.get("position") else ""
    return f"{position}{card['card']}{ORIENTATION_WORDS[card['orientation']]}"
