"""Drawn cards of texts that state them only in their sentences."""

import pytest

from tarot_data import lexicon
from tarot_data.cards.content_cards import cards_in_content, is_incomplete

SIGNS = {"upright": "+", "reversed": "-", "unknown": "?"}


def named(text: str, asked: bool = False) -> list[str]:
    return [card["card"] + SIGNS[card["orientation"]] for card in cards_in_content(text, None, asked)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("宝子，你问他会不会回来，我看到的是圣杯六，旧人会回来的，你自己留个心眼。", ["圣杯六?"]),
        ("第一张战车倒了呀这就很明显，你拉不住。第二张是星币五，门口两个人在雪里。", ["战车?", "星币五?"]),
        ("今天给自己抽了一张，隐士逆位，提醒我别躲太久，该回的消息回一下。", ["隐士-"]),
        ("翻开第一张是世界，你这一段走完了。这个世界很大，别怕。第二张审判逆位，你别审判自己。", ["世界?", "审判-"]),
        ("你这次是力量正位，比起上次的高塔缓和多了，狮子被她轻轻按住。", ["力量+"]),
        ("你抽到的是太阳，正位的太阳很亮。上个月学姐给你抽过一张死神，别去想了。", ["太阳+"]),
        ("你这张是宝剑五，不对，权杖五，五个小伙子拿棍子对打。", ["权杖五?"]),
        ("我还怕翻出恶魔，翻出来的是节制，你慢慢调。", ["节制?"]),
        ("你的牌是宝剑三🙃，又来了，你心里那根刺还在，第二张是星星🔄。", ["宝剑三?", "星星?"]),
        ("你问的牌是星星，如果是逆位的星星就要小心了。", ["星星?"]),
        ("你的牌是圣杯二正位。后来又看一眼，圣杯二逆位，你自己说吧。", ["圣杯二?"]),
    ],
)
def test_cards_that_a_reading_names(text, expected):
    assert named(text, asked=True) == expected


@pytest.mark.parametrize(
    "text",
    [
        "你寄来的塔罗书我收到了，翻开第一页就是愚人，画得真好看。你什么时候回来？我们去看海。",
        "本店新到：星币九钥匙扣、宝剑骑士徽章。你喜欢哪款可以留言，满一百减二十，下周二发货。",
        "塔罗入门笔记：权杖一是火苗，权杖二是远望，权杖三是等船。逆位都要打折扣。",
        "她把牌翻开，是死神。老人笑了笑说，你不要怕。窗外下着雨，她想起母亲的话。",
    ],
)
def test_texts_that_nobody_asked_for_need_more_signs(text):
    assert named(text) == []


def test_extra_cards_have_no_place():
    cards = cards_in_content("你这次是圣杯六，旧人会回来，底牌是月亮，话没说清楚。")
    assert [(card["place"], card["position"], card["card"]) for card in cards] == [
        (1, None, "圣杯六"),
        (0, "底牌", "月亮"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "愚人 The Fool\n关键词：新的开始、冒险\n正位：新的旅程、自由。\n逆位：鲁莽、犹豫不决。",
        "0 愚人\n元素：风\n正位：流浪、追求新鲜。\n逆位：冒失、不切实际。感情上表示一段轻松的关系。",
        "死神这张牌常常让人害怕，但是在塔罗中它并不代表真正的死亡，而是旧事物的结束。",
        "当你抽到恋人牌，它提示你面前有一个选择。恋人逆位则表示关系里的不平衡。",
        "恶魔牌代表束缚，你会被绑住。正位的恶魔强调欲望。如果你抽到它，想一想你在逃避什么。",
        "昨晚的世界杯决赛吸引了全世界的目光，主队凭借强大的力量赢下比赛，太阳升起时球迷还在街上。",
        "今天太阳很好，晒了被子，下午去看月亮公园的星星灯展，孩子说长大要当魔术师。",
        "老师你好，我昨天自己抽到了愚人逆位和宝剑三，是什么意思呀？能帮我看看吗？",
        "收到啦，明天给你发解读，圣杯三我很喜欢，先这样哦。",
        "圣三角用法：第一张是过去，比如过去是愚人，现在是高塔，未来是星星。你可以照着讲。",
        "大家好，今天分享我最喜欢的牌：星星。我每次看到它都觉得很温柔。你们最喜欢哪张？",
        "还以为你会抽到死神，结果一张牌也没翻，下次再看吧，你先好好休息。",
    ],
)
def test_texts_that_read_no_card_have_none(text):
    assert named(text) == [] and named(text, asked=True) == []


@pytest.mark.parametrize(
    "text",
    [
        "阿絮 20:01\n老师，我抽到皇后逆位和权杖三。\n月见 20:15\n皇后逆位，你付出太多。权杖三是船出海。",
        "阿絮：老师在吗\n月见：在，你抽到皇后逆位\n阿絮：那权杖三呢\n月见：权杖三是船出海，你等消息",
    ],
)
def test_chats_have_no_cards_of_their_own(text):
    assert named(text, asked=True) == []


def test_strict_takes_only_listed_cards():
    text = "宝子，你问他会不会回来，我看到的是圣杯六，旧人会回来的。"
    with lexicon.using(lexicon.active().plus("settings", {"setting": "cards_from_content", "value": "listed"})):
        assert named(text) == []


def test_fewer_cards_than_drawn_are_incomplete():
    text = "给你抽了三张。圣杯六，旧人会回来。后面那张山路很长，你慢慢走。"
    assert is_incomplete(text, cards_in_content(text))
