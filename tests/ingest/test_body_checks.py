import pytest

from tarot_data.ingest.body_checks import body_problem

SPOKEN = (
    "第一张战车倒了呀这个就很明显了嘛你们两个谁也不让谁就这么一直耗着",
    "然后第二张是星币五你看外面下着雪里面亮着灯他就是不肯进去",
)


@pytest.mark.parametrize("join", ["", "，", "\n", "……"])
def test_a_spoken_reading_is_no_card_list(join):
    assert body_problem(join.join(SPOKEN)) is None


@pytest.mark.parametrize("content", ["恶魔逆位、高塔正位", "1. 过去：恶魔（逆位，好吓人）\n2. 现在：高塔"])
def test_a_card_list_is_no_content(content):
    assert body_problem(content)[0] == "empty_body"
