import random

import polars as pl
import pytest

from tarot_data.patterns import gold, train
from tarot_data.text import near_duplicates as duplicates
from tarot_data.text.near_duplicates import (
    MAX_CANDIDATES,
    SIGNATURES,
    Kept,
    folded,
    jaccard,
    near_duplicates,
    shingles,
    signatures,
)
from tarot_data.text.normalise import words
from tests.privacy.test_contacts import ANNOTATED

ONE = "隐士提着灯，你这半年一直在自己找路，灯只照得见脚下几步，可是路是一步一步走出来的，先把手上的项目收尾，三月以后再谈换组。"


def frame(**texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"reading_id": list(texts), "content": list(texts.values())},
        schema={"reading_id": pl.String, "content": pl.String},
    )


def pairs(found: pl.DataFrame) -> list[tuple]:
    return found.select("reading_id", "twin").rows()


@pytest.fixture(scope="module")
def contents() -> list[str]:
    return [reading["content"] for reading in gold.read_all(ANNOTATED)]


def edited(text: str, rng: random.Random, share: float) -> str:
    characters = list(text)
    for _ in range(int(len(text) * share)):
        characters[rng.randrange(len(characters))] = rng.choice("的一是了我不在人有他")
    return "".join(characters)


def test_one_more_sentence_is_a_near_duplicate():
    other = "太阳在最后，孩子骑着白马出来，慢慢就亮了，别急着辞职，先把公积金和首付算明白，看房的时候带上老人。"
    found = near_duplicates(frame(a=ONE, b=ONE + "加油呀。", c=other), None)
    assert pairs(found) == [("b", "a")]
    assert found["similarity"][0] == pytest.approx(jaccard(shingles(folded(ONE)), shingles(folded(ONE + "加油呀。"))))


def test_script_width_punctuation_and_case_do_not_count():
    import opencc

    traditional = opencc.OpenCC("s2t").convert(ONE).replace("，", ", ")
    found = near_duplicates(frame(a=ONE, b=traditional), None)
    assert pairs(found) == [("b", "a")]
    assert found["similarity"][0] == 1.0


def test_only_candidates_of_old_readings_are_read():
    old = frame(
        x=ONE, y="完全不一样的另一段文字，说的是宝剑三和权杖四，花门搭好了，两个人举着花在前面跳舞，来年春天再看。"
    )
    asked: list[list[str]] = []

    def read(ids: list[str]) -> dict[str, str]:
        asked.append(ids)
        return {"x": ONE}

    found = near_duplicates(frame(n=ONE + "加油。"), Kept(signatures(old)), read)
    assert pairs(found) == [("n", "x")]
    assert asked == [["x"]]


def test_rejected_readings_have_no_twins():
    old = signatures(frame(a=ONE))
    assert near_duplicates(frame(a=ONE + "加油。"), Kept(old), lambda ids: {"a": ONE}).is_empty()
    chain = frame(a=ONE * 3, b=ONE * 3 + ONE[:30], c=ONE * 3 + ONE[:30] + "又及")
    assert set(near_duplicates(chain, None)["twin"]) == {"a"}


def test_the_most_similar_twin_is_named():
    found = near_duplicates(frame(a=ONE[:-8], b=ONE + "再见啦朋友们", c=ONE + "再见啦朋友"), None, threshold=0.9)
    assert pairs(found)[-1] == ("c", "b")


def test_exactly_the_pairs_above_the_threshold_are_found(contents):
    rng = random.Random(3)
    texts = {f"r{number:03}": text for number, text in enumerate(contents)}
    truth = {}
    for number, text in enumerate(contents * 3):
        copy = edited(text, rng, rng.uniform(0, 0.08))
        texts[f"s{number:03}"] = copy
        truth[f"s{number:03}"] = jaccard(shingles(folded(text)), shingles(folded(copy)))
    found = near_duplicates(frame(**texts), None)
    found_ids = set(found["reading_id"])
    assert found["similarity"].min() >= duplicates.THRESHOLD
    missed = {key for key, similarity in truth.items() if similarity >= duplicates.THRESHOLD} - found_ids
    # A pair at the threshold is missed with probability 0.002; one of these 400 may be.
    assert len(missed) <= 1
    # The annotated readings are all different.
    assert not {key for key in found_ids if key.startswith("r")}


def test_signatures_do_not_depend_on_the_batch(contents):
    together = signatures(frame(**{f"r{number}": text for number, text in enumerate(contents)}))
    alone = signatures(frame(r7=contents[7]))
    assert together.schema == SIGNATURES
    assert together.filter(pl.col("reading_id") == "r7")["bands"][0].to_list() == alone["bands"][0].to_list()


def test_signatures_stay_the_same_from_release_to_release():
    # If a number changes, stored signatures cannot be compared any more: then the scheme must change too.
    assert duplicates.scheme() == "rensa 2 char 5 21x6 seed 20240105"
    assert signatures(frame(a=ONE))["bands"][0].to_list()[:2] == [15642985182419201922, 5231778808568662860]


def test_signatures_of_another_scheme_are_recomputed():
    stale = signatures(frame(x=ONE)).with_columns(scheme=pl.lit("old"), bands=pl.lit([1, 2], dtype=pl.List(pl.UInt64)))
    assert pairs(
        near_duplicates(
            frame(n=ONE + "加油。"),
            Kept(stale, lambda ids: dict.fromkeys(ids, ONE)),
            lambda ids: dict.fromkeys(ids, ONE),
        )
    ) == [("n", "x")]


def test_empty_frames():
    assert near_duplicates(frame(), None).is_empty()
    assert near_duplicates(frame(), Kept(signatures(frame(a=ONE))), lambda ids: {}).is_empty()
    assert near_duplicates(frame(a=ONE), Kept(signatures(frame())), lambda ids: {}).is_empty()
    assert signatures(frame()).schema == SIGNATURES


def test_short_and_wordless_texts_do_not_fail():
    found = near_duplicates(frame(a="好", b="好", c="", d="🌙", e="嗯嗯嗯"), None)
    assert ("b", "a") in pairs(found)


def test_a_macro_sent_to_thousands_costs_no_square():
    import time

    texts = {f"m{number}": ONE + f"编号{number}" for number in range(2000)}
    start = time.process_time()
    found = near_duplicates(frame(**texts), None)
    assert found.height == 1999
    assert time.process_time() - start < 5


def test_comparison_uses_the_current_words():
    kept = Kept(signatures(frame(a=ONE)))
    asked = signatures(frame(n=ONE + "加油。"))
    assert kept.sharing(["n"], asked["bands"]) == [["a"]]
    kept.add(signatures(frame(b=ONE + "加油呀。")))
    assert set(kept.sharing(["n"], asked["bands"])[0]) == {"a", "b"}
    kept.add(signatures(frame(a="另一篇完全不同的解读，说的是别的牌和别的事情。")), replaced=["a"])
    assert kept.sharing(["n"], asked["bands"]) == [["b"]]


def test_mass_texts_are_compared_with_a_few():
    many = frame(**{f"r{number:04}": ONE for number in range(1500)})
    found = Kept(signatures(many)).sharing(["n"], signatures(frame(n=ONE))["bands"])
    assert len(found[0]) == MAX_CANDIDATES


def test_only_traditional_texts_are_converted():
    import opencc

    convert = opencc.OpenCC("t2s").convert
    contents = [reading["content"] for reading in gold.read_all(train.ANNOTATED) if reading["writer"] in "abcdefg"]
    contents += [opencc.OpenCC("s2t").convert(content) for content in contents[:20]]
    assert [folded(content) for content in contents] == [convert(words(content)) for content in contents]


def test_signatures_read_in_parts_find_the_same():
    old = signatures(frame(a=ONE, b="别的话，" * 40, c=ONE + "再见。"))
    new = signatures(frame(n=ONE + "加油。"))["bands"]
    parts = Kept(lambda bands: (old[place : place + 1] for place in range(old.height)))
    for kept in (parts, Kept(old)):
        assert kept.sharing(["n"], new) == [["a", "c"]] or kept.sharing(["n"], new) == [["c", "a"]]
        kept.add(signatures(frame(a="完全换了一段话，" * 30)), ["a"])
        assert kept.sharing(["n"], new) == [["c"]]
