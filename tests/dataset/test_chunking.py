"""Readings too long for one example: split at their own section breaks, nothing lost, each chunk with its own cards."""

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import token_estimate
from tarot_data.cards.mentions import find_cards
from tarot_data.dataset import chunking
from tarot_data.dataset.examples import TEMPLATE_TOKENS, Budget, to_examples, too_long
from tarot_data.dataset.prompt import prompt_for, prompts
from tarot_data.patterns import gold, train
from tarot_data.patterns.sentence_splitter import split
from tests.builders import card, stored, stored_row

TOKENIZER = Path(__file__).parents[3] / "shared" / "tokenizers" / "qwen2" / "tokenizer.json"
SECTIONS = (
    "Mel你好，今天看你的工作。\n\n",
    "【过去】\n愚人正位站在崖边，你已经走出去半步了。风很大，你没有回头。\n\n",
    "【现在】\n力量正位轻轻按住狮子的嘴。你要的不是赢，是安静。\n\n",
    "【未来】\n星星正位跪在水边，一勺一勺倒回池子里。会慢慢好的。\n\n",
    "先把手上的事做完。祝你顺利。",
)


WHOLE = "".join(SECTIONS)


def reading(content=WHOLE, cards=("愚人", "力量", "星星"), number=1, draws=None, **values):
    sentences = []
    for start, end in split(content):
        named = [name for name in cards if name in content[start:end]]
        label = "card_interpretation" if named else "other"
        sentences.append({"start": start, "end": end, "labels": [label], "cards": named, "confidence": 0.9})
    draws = draws or [1] * len(cards)
    return stored_row(
        number,
        content=content,
        cards=[card(name, place=n, draw=draw) for n, (name, draw) in enumerate(zip(cards, draws, strict=True), 1)],
        draws=[{"draw": draw, "spread": f"牌阵甲{draw}", "spread_id": None} for draw in sorted(set(draws))],
        sentences=sentences,
        **values,
    )


def examples(row, max_tokens, count=len):
    frame = stored(row).with_columns(split=pl.lit("train"))
    return to_examples(frame, Budget(max_tokens=max_tokens, count=count)).to_dicts()


def replies(found):
    return [example["completion"][0]["content"] for example in found]


def test_a_fitting_reading_is_one_example():
    (only,) = examples(reading(), 2048)
    assert only["example_id"] == only["reading_id"] and "部分" not in only["prompt"][0]["content"]


def test_long_readings_are_divided_at_headings():
    found = examples(reading(), 205)
    assert [reply.split("\n")[0] for reply in replies(found)] == ["Mel你好，今天看你的工作。", "【现在】", "【未来】"]
    assert [example["cards"] for example in found] == [["愚人(正位)"], ["力量(正位)"], ["星星(正位)"]]
    assert [example["example_id"] for example in found] == [f"r{1:016x}-{n}" for n in (1, 2, 3)]
    assert found[1]["prompt"][0]["content"].splitlines()[2:] == [
        "咨询者：Mel",
        "问题：要不要换组",
        "牌阵：牌阵甲1",
        "抽到的牌：力量(正位)",
        "部分：第2部分，共3部分",
        "",
        "请进行专业解读。",
    ]


def test_draws_are_divided_first():
    content = "愚人正位很轻。力量正位很柔。\n再抽一组。\n星星正位很亮。月亮正位很暗。"
    row = reading(content, ("愚人", "力量", "星星", "月亮"), draws=[1, 1, 2, 2])
    starts = [0] + [sentence["start"] for sentence in row["sentences"][1:]]
    costs = chunking.seams(row, starts)
    assert costs.index(min(costs[1:])) == [content[s:].startswith("星星") for s in starts].index(True)


def test_a_part_never_begins_right_behind_a_heading():
    row = reading()
    for limit in range(40, 140):
        for part in chunking.parts(row, limit, len):
            assert not part["content"].rstrip().endswith("】")


def test_overlong_sentences_are_counted_not_cut():
    long = "愚人正位" + "一直走" * 60 + "。"
    row = reading("力量正位很柔，你先坐下。" * 3 + "\n" + long, ("愚人", "力量"))
    frame = stored(row).with_columns(split=pl.lit("train"))
    budget = Budget(max_tokens=200, count=len)
    found = to_examples(frame, budget)
    assert long in replies(found.to_dicts()) and too_long(found, budget) == 1


SENTENCE = st.sampled_from(
    [
        "愚人正位走到崖边。",
        "力量正位按住狮子！",
        "星星很亮。",
        "你先别急，",
        "## 过去\n",
        "\n\n",
        "\n",
        "为什么呢？",
        "好的😂",
    ]
)


@given(st.lists(SENTENCE, min_size=3, max_size=60), st.integers(20, 200))
@settings(max_examples=150, deadline=None)
def test_parts_lose_and_double_nothing(pieces, limit):
    content = "".join(pieces).strip()
    row = reading(content)
    found = chunking.parts(row, limit, len)
    assert re.sub(r"\s", "", "".join(part["content"] for part in found)) == re.sub(r"\s", "", content)
    for part in found:
        assert len(part["content"]) <= limit or len(part["sentences"]) <= 1 or len(found) == 1 == len(row["sentences"])
        assert part["cards"] and {c["card"] for c in part["cards"]} <= {"愚人", "力量", "星星"}
        for sentence in part["sentences"]:
            inside = part["content"][sentence["start"] : sentence["end"]]
            assert inside.strip() and inside.strip() in content


def annotated_rows():
    readings = [reading for reading in gold.read_all(train.ANNOTATED) if reading["writer"] in "abcdefg"]
    for number, row in enumerate(readings, 1):
        sentences = [{**s, "confidence": 1.0} for s in row["sentences"]]
        yield stored_row(
            number,
            person=row.get("person"),
            question=row.get("question"),
            draws=[{"draw": 1, "spread": row.get("spread"), "spread_id": None}],
            cards=[{"position": None, "raw": c["card"], **c} for c in row["cards"]],
            content=row["content"],
            sentences=[{k: s[k] for k in ("start", "end", "labels", "cards", "confidence")} for s in sentences],
        )


@pytest.mark.parametrize("limit", [500, 700])
def test_annotated_readings_fit_after_division(limit):
    if not TOKENIZER.exists():
        pytest.skip("the Qwen2 tokenizer is not beside this checkout")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER))

    def count(text):
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    rows = list(annotated_rows())
    frame = stored(*rows).with_columns(split=pl.lit("train"))
    cards = {row["reading_id"]: [c["card"] for c in row["cards"]] for row in rows}
    by_estimate = to_examples(frame, Budget(max_tokens=limit)).to_dicts()
    by_tokenizer = to_examples(frame, Budget(max_tokens=limit, count=count, counted_by="qwen2")).to_dicts()
    assert len(rows) < len(by_tokenizer) <= len(by_estimate)
    for example in by_tokenizer + by_estimate:
        text = example["completion"][0]["content"]
        assert count(example["prompt"][0]["content"]) + count(text) + TEMPLATE_TOKENS <= limit
        given_cards = {name.split("(")[0] for name in example["cards"]}
        drawn = cards[example["reading_id"]]
        named = {mention.card for mention in find_cards(text, drawn)} & set(drawn)
        assert named <= given_cards


def test_the_estimate_matches_the_real_tokenizer():
    if not TOKENIZER.exists():
        pytest.skip("the Qwen2 tokenizer is not beside this checkout")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    contents = [row["content"] for row in annotated_rows()]
    counted = [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in contents]
    assert abs(sum(counted) / sum(map(len, contents)) - token_estimate.TOKENS_PER_CHAR) < 0.02
    assert all(n <= token_estimate.surely(text) for n, text in zip(counted, contents, strict=True))


def test_one_prompt_is_what_many_at_once_are():
    rows = [
        reading(number=n, question=q, person=p) for n, (q, p) in enumerate([("问", None), (None, "Mel"), ("", "")], 1)
    ]
    rows.append(reading(number=4, draws=[1, 2, 2]))
    together = prompts(stored(*rows)).to_list()
    assert together == [prompt_for(r["person"], r["question"], r["draws"], r["cards"]) for r in rows]
    assert together[3].splitlines()[4:8] == [
        "牌阵1：牌阵甲1",
        "抽到的牌1：愚人(正位)",
        "牌阵2：牌阵甲2",
        "抽到的牌2：力量(正位) | 星星(正位)",
    ]
