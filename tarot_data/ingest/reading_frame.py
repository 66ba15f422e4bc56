"""Cleaned readings as a polars frame."""

import polars as pl

from schemas.tables import READINGS


def reading_frame(readings: list[dict]) -> pl.DataFrame:
    """Build a frame of READINGS column by column: polars converts nested objects one by one, flat columns at once."""
    columns = []
    for name, dtype in READINGS.items():
        values = [row[name] for row in readings]
        if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
            columns.append(_nested(name, values, dtype))
        elif isinstance(dtype, pl.List):
            columns.append(pl.Series(name, values, dtype=pl.List(pl.String)).cast(dtype))
        else:
            columns.append(pl.Series(name, values, dtype=dtype))
    return pl.DataFrame(columns)


def _nested(name: str, values: list[list[dict]], dtype: pl.List) -> pl.Series:
    """Build a column of lists of structs from lists of objects."""
    items = [item for value in values for item in value]
    flat = pl.DataFrame(
        {field.name: pl.Series([item[field.name] for item in items], dtype=field.dtype) for field in dtype.inner.fields}
    )
    rows = pl.Series("row", [index for index, value in enumerate(values) for _ in value], dtype=pl.UInt32)
    lists = (
        pl.DataFrame({"row": rows, name: flat.to_struct(name)}).group_by("row", maintain_order=True).agg(pl.col(name))
    )
    every = pl.DataFrame({"row": pl.Series(range(len(values)), dtype=pl.UInt32)})
    filled = every.join(lists, on="row", how="left", maintain_order="left")[name]
    return filled.fill_null(pl.Series([[]], dtype=dtype)).cast(dtype)
