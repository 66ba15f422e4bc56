"""Share of details masked in sentences as people write them, false alarms, and properties of masking."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.masking import DOCS, bare, details, is_masked, lines, table_of, third_persons
from tarot_data import lexicon
from tarot_data.privacy.contacts import find_contacts, plain_form
from tarot_data.privacy.mask import mask

DETAILS = details()


def test_nearly_all_details_are_masked():
    missed = [sentence for _, sentence in DETAILS if not is_masked(sentence)]
    assert len(missed) <= 0.03 * len(DETAILS), missed


def test_every_kind_of_detail_is_found():
    found, every = Counter(), Counter()
    for kind, sentence in DETAILS:
        every[kind] += 1
        found[kind] += is_masked(sentence)
    assert {kind for kind in every if found[kind] < 0.9 * every[kind]} == set()


def test_the_docs_have_the_measured_recall():
    assert table_of(DETAILS) in DOCS.read_text(encoding="utf-8")


def test_nearly_all_third_persons_are_found():
    found, every, wrong = third_persons()
    assert found >= 0.9 * every and wrong == 0


def test_harmless_numbers_stay():
    changed = [text for text in lines("harmless.txt") if mask(text)[0] != text]
    assert changed == []


@pytest.mark.parametrize("sentence", [sentence for _, sentence in DETAILS][::4])
def test_masked_text_is_masked_no_further(sentence):
    masked, _ = mask(bare(sentence))
    assert mask(masked) == (masked, [])


@given(
    st.sampled_from(["电话", "打给我", "座机", "备注一下，"]),
    st.sampled_from(["13912087765", "一三九一二零八七七六五", "139-1208-7765", "①③⑨①②⓪⑧⑦⑦⑥⑤"]),
    st.sampled_from(["", "\u200b", "\ufe0f", "\ufe0f\u20e3"]),
    st.sampled_from(["", "谢谢", "，晚上再说。", "❤️"]),
)
def test_invisible_characters_hide_no_number(before, number, hidden, after):
    written = hidden.join(number) + hidden
    assert mask(before + written + after) == (f"{before}〔手机号〕{after}", ["phone"])


@given(st.text(alphabet="一1三9微信v❤\ufe0f\u20e3\u200b：，- a壹床@", max_size=40))
def test_details_are_within_the_text_and_apart(text):
    found = find_contacts(text)
    ends = [0, *(one.end for one in found)]
    assert all(end <= one.start < one.end <= len(text) for end, one in zip(ends, found, strict=False))
    plain, places = plain_form(text)
    assert len(plain) == len(places if places is not None else text)


@pytest.mark.parametrize(
    "text",
    ["我是1990年3月20日下午两点在杭州出生的", "生日：1990.3.20", "八字 庚午 己卯 甲子 辛未", "女命 1990年3月20日14时"],
)
def test_birth_details_stay_if_the_setting_keeps_them(tmp_path, text):
    assert mask(text)[1]
    (tmp_path / "settings.csv").write_text("setting,value\nbirth_details,kept\n", encoding="utf-8")
    with lexicon.using(lexicon.load(tmp_path)):
        assert mask(text) == (text, [])


@pytest.mark.parametrize("text", ["我是双鱼座，今年32岁，三月生的", "96年的射手，属鼠", "农历七月十五，甲辰年丙寅月"])
def test_age_sign_and_month_stay(text):
    assert mask(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("老家四川省成都市双流区黄水镇", "老家四川省成都市双流区黄水镇"),
        ("安徽省阜阳市颍上县江口镇李庄村", "〔地址〕"),
        ("青海省果洛藏族自治州玛多县花石峡镇日谢村", "〔地址〕"),
        ("寄到安徽省阜阳市颍上县江口镇", "寄到〔地址〕"),
        ("安徽省阜阳市颍上县江口镇18号", "〔地址〕"),
    ],
)
def test_regions_are_masked_down_to_a_house_or_village(text, masked):
    assert mask(text)[0] == masked
