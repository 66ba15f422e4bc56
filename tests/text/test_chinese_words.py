"""The words of jieba's dictionary, read without jieba's own loader."""

import jieba

from tarot_data import lexicon
from tarot_data.text import chinese_words


def test_the_segmenter_is_jiebas_own():
    ours, theirs = chinese_words.segmenter(["星币十"]), jieba.Tokenizer()
    theirs.initialize()
    theirs.add_word("星币十")
    assert (ours.FREQ, ours.total) == (theirs.FREQ, theirs.total)
    text = "\n".join(row["example"] for row in lexicon.read_table("cues"))
    assert ours.lcut(text) == theirs.lcut(text) and "星币十" in ours.lcut("抽到星币十")


def test_words_are_known_by_frequency_and_class():
    assert {"我们", "周末"} <= chinese_words.frequent(20) < chinese_words.frequent(1)
    assert "因为" in chinese_words.of_classes(frozenset("c")) and "悬崖" not in chinese_words.of_classes(frozenset("c"))
