"""Checks on the rows of tables: one pandera model per table.

Separate from the schemas since importing pandera takes long and only writers need it.
"""

import polars as pl

from schemas import deck
from schemas.pandera_polars import PolarsData, pa
from schemas.tables import EXAMPLES, Draw, DrawnCard, FollowUp, Source


def _all(data: PolarsData, element: pl.Expr) -> pl.LazyFrame:
    return data.lazyframe.select(pl.col(data.key).list.eval(element.fill_null(False)).list.all())


class Readings(pa.DataFrameModel):
    reading_id: str = pa.Field(str_matches=r"^r[0-9a-f]{16}$")
    revision: pl.Int32 = pa.Field(ge=1)
    fingerprint: str = pa.Field(str_matches=r"^[0-9a-f]{32}$")
    person: str = pa.Field(nullable=True, str_length={"min_value": 1, "max_value": 60})
    question: str = pa.Field(nullable=True, str_length={"min_value": 1, "max_value": 2000})
    date: pl.Date = pa.Field(nullable=True)
    draws: pl.List = pa.Field(dtype_kwargs={"inner": Draw})
    cards: pl.List = pa.Field(dtype_kwargs={"inner": DrawnCard})
    content: str = pa.Field(str_length={"min_value": 40})
    follow_ups: pl.List = pa.Field(dtype_kwargs={"inner": FollowUp})
    outcome: str = pa.Field(nullable=True)
    consent: pl.Enum = pa.Field(dtype_kwargs={"categories": deck.CONSENTS})
    flags: pl.List = pa.Field(dtype_kwargs={"inner": deck.Flag})
    masked: pl.List = pa.Field(dtype_kwargs={"inner": pl.String})
    synthetic: bool
    source: pl.Struct = pa.Field(dtype_kwargs={"fields": dict(Source)})

    @pa.check("cards", name="cards.drawn")
    def _drawn(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).list.len() >= 1)

    @pa.check("cards", name="cards.complete")
    def _complete(cls, data: PolarsData) -> pl.LazyFrame:
        card = pl.element().struct
        return _all(
            data,
            card.field("card").is_not_null()
            & card.field("orientation").is_not_null()
            & (card.field("draw") >= 1)
            & (card.field("place") >= 0),
        )

    @pa.check("cards", name="cards.once_a_draw")
    def _once(cls, data: PolarsData) -> pl.LazyFrame:
        pair = pl.struct(pl.element().struct.field("draw"), pl.element().struct.field("card"))
        return data.lazyframe.select(
            pl.col(data.key).list.eval(pair.n_unique() == pl.len()).list.first().fill_null(True)
        )

    class Config:
        strict = True
        coerce = False


class Sentences(pa.DataFrameModel):
    reading_id: str = pa.Field(str_matches=r"^r[0-9a-f]{16}$")
    index: pl.Int32 = pa.Field(ge=0)
    start: pl.Int32 = pa.Field(ge=0)
    end: pl.Int32 = pa.Field(ge=1)
    labels: pl.List = pa.Field(dtype_kwargs={"inner": deck.Label})
    cards: pl.List = pa.Field(dtype_kwargs={"inner": deck.Card})
    confidence: pl.Float32 = pa.Field(ge=0, le=1)

    @pa.check("end", name="end.after_start")
    def _after(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("end") > pl.col("start"))

    @pa.check("labels", name="labels.one_or_two")
    def _labels(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).list.len().is_between(1, 2))

    class Config:
        strict = True
        coerce = False


class Rejections(pa.DataFrameModel):
    rejection_id: str = pa.Field(str_matches=r"^x[0-9a-f]{16}$", unique=True)
    source: pl.Struct = pa.Field(dtype_kwargs={"fields": dict(Source)})
    stage: pl.Enum = pa.Field(dtype_kwargs={"categories": deck.STAGES})
    reason: pl.Enum = pa.Field(dtype_kwargs={"categories": deck.REASONS})
    key: str = pa.Field(str_matches=r"^[0-9a-f]{32}$")
    code: str
    values: str
    excerpt: str = pa.Field(nullable=True)
    record: str = pa.Field(nullable=True)
    masked: pl.List = pa.Field(dtype_kwargs={"inner": pl.String})

    class Config:
        strict = True
        coerce = False


class Examples(pa.DataFrameModel):
    example_id: str = pa.Field(unique=True)
    reading_id: str
    split: pl.Enum = pa.Field(dtype_kwargs={"categories": deck.SPLITS})
    prompt: pl.List = pa.Field(dtype_kwargs={"inner": EXAMPLES["prompt"].inner})
    completion: pl.List = pa.Field(dtype_kwargs={"inner": EXAMPLES["completion"].inner})
    person: str = pa.Field(nullable=True)
    cards: pl.List = pa.Field(dtype_kwargs={"inner": pl.String})
    key_themes: pl.List = pa.Field(dtype_kwargs={"inner": pl.String})
    style_markers: pl.List = pa.Field(dtype_kwargs={"inner": pl.String})
    synthetic: bool

    class Config:
        strict = True
        coerce = False
