"""Readings of which one holds a large part of another: an excerpt, a shortened copy, a text that was continued.

Near-duplicates are alike as a whole; an excerpt of half a reading is not (Jaccard 0.5 or less), but a model that trained
on the reading knows its excerpt by heart.
"""

import numpy as np
import polars as pl

from tarot_data.text.near_duplicates import folded, shingle_hashes

CONTAINED = 0.3
"""Share of the shorter reading's 5-grams from which it counts as an excerpt of the longer one.

The most alike two of 566 annotated readings share less than 0.15, of 200 made-up ones less than 0.25. Of 200 readings half copied
from an annotated one all are found, of 200 copied to 30 % 143."""

SAMPLE = 4
"""One 5-gram of so many is looked up, chosen by its hash, so that both readings keep the same ones."""

MOST_SHARING = 8
"""A 5-gram of more readings than that is a phrase of the language or of the reader's template: it would join persons who have
nothing else in common, in the end all of them."""


LOT = 5000
"""Readings whose 5-grams are in memory at a time: 100 MB for 600 characters each."""


def excerpt_pairs(readings: pl.DataFrame, threshold: float = CONTAINED) -> pl.DataFrame:
    """Find pairs of readings that share much of the shorter one: (one, other, share), one before other, sorted.

    readings: reading_id and content. share: of the sampled 5-grams of the shorter text, 0 to 1.
    """
    none = pl.DataFrame(schema={"one": pl.String, "other": pl.String, "share": pl.Float64})
    if readings.height < 2:
        return none
    ids = readings["reading_id"].to_list()
    # By lots: the 5-grams of 100,000 readings take 2 GB at once.
    grams = pl.concat([_sampled(readings["content"][start : start + LOT], start) for start in range(0, len(ids), LOT)])
    sizes = grams.group_by("one").len("size")
    few = grams.filter(pl.len().over("gram").is_between(2, MOST_SHARING))
    pairs = few.join(few.rename({"one": "other"}), on="gram").filter(pl.col("one") < pl.col("other"))
    shared = pairs.group_by("one", "other").len("shared")
    shared = shared.join(sizes, on="one").join(sizes.rename({"one": "other", "size": "size_other"}), on="other")
    found = shared.with_columns(share=pl.col("shared") / pl.min_horizontal("size", "size_other"))
    found = found.filter(pl.col("share") >= threshold)
    if found.is_empty():
        return none
    named = [
        (*sorted((ids[one], ids[other])), share) for one, other, share in found.select("one", "other", "share").rows()
    ]
    return pl.DataFrame(named, schema=none.schema, orient="row").sort("one", "other")


def _sampled(contents: pl.Series, first: int) -> pl.DataFrame:
    """Return the sampled 5-grams of readings: (gram, one), each once. one: number of the reading, from `first` on."""
    hashes, offsets = shingle_hashes([folded(text) for text in contents])
    number = np.repeat(np.arange(first, first + len(contents), dtype=np.uint32), np.diff(offsets.astype(np.int64)))
    kept = hashes % np.uint64(SAMPLE) == 0
    return pl.DataFrame({"gram": hashes[kept], "one": number[kept]}).unique()
