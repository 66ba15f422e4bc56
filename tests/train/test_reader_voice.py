"""The discriminator of a reader's voice, on two made-up voices."""

from random import Random

import pytest

from tarot_train.reader_voice import LEAST, voice

PLAIN = (
    "这张牌说明你需要耐心。",
    "建议你先写一份计划。",
    "关系里有误会。",
    "结果总体不错。",
    "请多沟通。",
    "时间大约一个月。",
)
OWN = ("宝子听我说哈～", "这牌绝了！", "你先别慌嘛～", "哎呀他就是嘴硬～", "下周约他喝奶茶哈！", "回头来找我唠嗑～")


def texts(lines: tuple[str, ...], count: int, seed: int) -> list[str]:
    chance = Random(seed)
    return ["".join(chance.sample(lines, 5)) for _ in range(count)]


def test_a_text_in_the_reader_voice_is_told_from_generic_prose():
    given = {"tuned": texts(OWN, 6, 3), "base": texts(PLAIN, 6, 4)}
    found = voice(texts(OWN, 20, 1), texts(PLAIN, 20, 2), given)
    assert found["reader"] > 0.9
    assert found["tuned"] > 0.9 > 0.7 > found["base"]


def test_an_empty_text_is_left_out():
    found = voice(texts(OWN, 20, 1), texts(PLAIN, 20, 2), {"base": ["", " "]})
    assert set(found) == {"reader"}


@pytest.mark.parametrize("count", [0, LEAST - 1])
def test_too_few_readings_give_no_voice(count):
    assert voice(texts(OWN, count, 1), texts(PLAIN, 20, 2), {}) is None
