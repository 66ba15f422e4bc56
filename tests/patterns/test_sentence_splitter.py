"""Sentence splitter: sentence ends, speech without punctuation, offsets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tarot_data.patterns import gold, train
from tarot_data.patterns.sentence_splitter import LONGEST, split, split_lines


def pieces(text):
    return [text[start:end] for start, end in split(text)]


def test_sentences_end_at_marks_or_lines():
    assert pieces("愚人来了。你看！\n真的？好") == ["愚人来了。", "你看！", "真的？", "好"]


def test_repeated_marks_are_one_end():
    assert pieces("真的吗？？！！我想想……再说。。。好") == ["真的吗？？！！", "我想想……", "再说。。。", "好"]


def test_closing_marks_and_emoji_stay_with_their_sentence():
    assert pieces("她说“好。”然后走了。**先说结论。**别借！😂🙏下次见") == [
        "她说“好。”",
        "然后走了。",
        "**先说结论。**",
        "别借！😂🙏",
        "下次见",
    ]


def test_ascii_question_marks_end_sentences():
    assert pieces("P.S. 看这里 v1.2 吗?好") == ["P.S. 看这里 v1.2 吗?", "好"]


def test_question_marks_in_addresses_end_nothing():
    assert pieces("扫这个https://a.example/q?x=1就行") == ["扫这个https://a.example/q?x=1就行"]


def test_a_half_width_mark_ends_chinese_before_english():
    assert pieces("年假还剩几天?HR系统里自己查") == ["年假还剩几天?", "HR系统里自己查"]


def test_stage_directions_are_their_own_sentence():
    assert pieces("这就埋下了根儿。（喝口水）\n没戏。（笑）\n好吧。[破涕为笑]") == [
        "这就埋下了根儿。",
        "（喝口水）",
        "没戏。（笑）",
        "好吧。[破涕为笑]",
    ]


def test_a_long_sentence_with_an_end_mark_is_whole():
    text = "你先别急，" * 30 + "慢慢来。"
    assert pieces(text) == [text]
    assert len(pieces(text[:-1])) > 1


def test_annotated_sentences_are_found_exactly():
    for reading in gold.read_all(train.ANNOTATED):
        assert split(reading["content"]) == [(s["start"], s["end"]) for s in reading["sentences"]], reading["id"]


def test_speech_without_marks_is_cut_at_pauses():
    text = "诶你好然后我刚把牌给你洗完了啊就是说你问的是这个要不要跳槽嘛" * 8
    found = pieces(text)
    assert "".join(found) == text
    assert all(12 <= len(piece) <= LONGEST for piece in found)
    assert any(piece.startswith(("然后", "就是说")) for piece in found)


def test_speech_with_spaces_is_cut_at_spaces():
    text = " ".join(["第一张是权杖八它是反的就是很慢很慢的意思"] * 12)
    assert all(piece.startswith("第一张") and piece.endswith("意思") for piece in pieces(text))


@given(st.text(alphabet="愚人。！？!?…\n “”~😂 ，，a.", max_size=80))
def test_sentences_cover_all_but_white_space_once(text):
    spans = split(text)
    assert all(a < b for a, b in spans) and all(b <= c for (_, b), (c, _) in zip(spans, spans[1:], strict=False))
    inside = {i for a, b in spans for i in range(a, b)}
    assert all(text[i].isspace() for i in range(len(text)) if i not in inside)
    assert all(text[a:b] == text[a:b].strip() for a, b in spans)


def test_a_line_of_a_megabyte_is_cut():
    text = "今天的牌说，慢一点，" * 50_000
    found = pieces(text)
    assert "".join(found) == text and max(map(len, found)) <= LONGEST


def at_once(*contents):
    text = "".join(content + "\n\n\n" for content in contents)
    starts, ends = split_lines(text, np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def one_by_one(*contents):
    found, at = [], 0
    for content in contents:
        found += [(at + start, at + end) for start, end in split(content)]
        at += len(content) + 3
    return found


def test_readings_are_split_alike_together_and_alone():
    contents = [reading["content"] for reading in gold.read_all(train.ANNOTATED)]
    assert at_once(*contents) == one_by_one(*contents)


PIECES = st.sampled_from(
    [*"愚人。！？…!?\n 　”」)(*\"'~_^Q:1a😂①，\U00020021", "好" * 99, "好" * 100, "[笑]", "**", "?a", "T_T", "\u200d"]
)


@given(st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=3))
def test_any_marks_are_split_alike_together_and_alone(contents):
    assert at_once(*contents) == one_by_one(*contents)
