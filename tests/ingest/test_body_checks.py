from random import Random

import pytest

from benchmarks.curation import SIGNS
from tarot_data.ingest.body_checks import body_problem
from tarot_data.patterns import gold as annotated
from tarot_data.patterns import train

SPOKEN = (
    "第一张战车倒了呀这个就很明显了嘛你们两个谁也不让谁就这么一直耗着",
    "然后第二张是星币五你看外面下着雪里面亮着灯他就是不肯进去",
)


@pytest.mark.parametrize("join", ["", "，", "\n", "……"])
def test_a_spoken_reading_is_no_card_list(join):
    assert body_problem(join.join(SPOKEN)) is None


@pytest.mark.parametrize(
    "content",
    [
        "那你问的是跟室友合不合得来这个事儿五张牌是恶魔高塔星星权杖三圣杯五星星跟圣杯五是反的你这边说话没人听的感觉",
        "妈妈的牌是女皇 她坐在麦田里 水绕过脚边 头上有星星的冠 给得太多就忘了问要不要 女儿的牌是宝剑侍从 她站在风口",
        "杯七＝他给你画的饼七个杯子里什么都有就是飘在云上 杖三＝你自己站在崖边看船看了三年了",
    ],
)
def test_speech_without_marks_is_no_card_list(content):
    assert body_problem(content) is None


@pytest.mark.parametrize("content", ["恶魔逆位、高塔正位", "1. 过去：恶魔（逆位，好吓人）\n2. 现在：高塔"])
def test_a_card_list_is_no_content(content):
    assert body_problem(content)[0] == "empty_body"


@pytest.mark.parametrize("signs", [*SIGNS, "abcdefghij <>/{}=;0123456789\n", "🔮✨🌙★☆◆●■□△▽○◎※→←↑↓"])
def test_a_text_of_signs_is_refused(signs):
    rng = Random(signs)
    _, code, _ = body_problem("".join(rng.choice(signs) for _ in range(400)))
    assert code in {"few_words", "repeats", "nothing_left", "not_chinese"}


@pytest.mark.parametrize("again", ["哈", "星星会好的", "抱抱你，一切都会好的。"])
def test_the_same_words_over_and_over_are_refused(again):
    assert body_problem(again * 300)[1] == "repeats"


def test_emoji_between_sentences_are_accepted():
    chat = "抱抱你🌸🌸🌸 真的💕💕💕💕 加油呀🥹🥹🥹🥹✨✨✨✨✨ 你看这张星星⭐⭐⭐✨✨ 是好牌哦🎉🎉🎉🎉🎉🎉 会好的🙏🙏🙏🙏🙏"
    assert body_problem(chat) is None and body_problem(chat * 4) is None


def test_every_annotated_reading_is_accepted():
    readings = annotated.read_all(train.ANNOTATED)
    assert not [reading["id"] for reading in readings if body_problem(reading["content"])]
