"""The words of jieba's dictionary with their frequencies and classes, and a segmenter that has it.

jieba takes 0.7 s to load it, from its text or from a copy that it leaves in the system's folder for temporary files, where
any user could put another one. A table is read in a tenth of that, and few need all of it.
"""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from jieba import Tokenizer


@cache
def frequent(least: int) -> frozenset[str]:
    """Return the words with at least this frequency in jieba's texts: 1 for all of them."""
    return frozenset(rows().filter(pl.col("count") >= least)["word"])


@cache
def of_classes(classes: frozenset[str]) -> frozenset[str]:
    """Return the words of some classes: beginnings of jieba's tags, such as `c` for conjunctions and `nr` for names."""
    return frozenset(rows().filter(pl.any_horizontal(pl.col("tag").str.starts_with(one) for one in classes))["word"])


def segmenter(more: list[str]) -> "Tokenizer":
    """Return jieba's segmenter with more words. Takes 0.3 s."""
    import jieba  # here, because the other functions do not need it

    table = rows()
    words = table["word"]
    size = words.str.len_chars()
    # jieba looks up longer and longer beginnings until it finds none; one that is no word itself has the frequency 0.
    beginnings = pl.concat([words.filter(size > n).str.head(n).unique() for n in range(1, size.max())])
    made = jieba.Tokenizer()
    made.FREQ = dict.fromkeys(beginnings.to_list(), 0)
    made.FREQ.update(zip(words.to_list(), table["count"].to_list(), strict=True))
    made.total, made.initialized = table["count"].sum(), True
    for word in more:
        made.add_word(word)
    return made


def rows() -> pl.DataFrame:
    """Read the dictionary: word, count, tag."""
    schema = {"word": pl.String, "count": pl.Int64, "tag": pl.String}
    return pl.read_csv(files("jieba") / "dict.txt", separator=" ", has_header=False, schema=schema, quote_char=None)
