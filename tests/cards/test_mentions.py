"""Card mentions in prose."""

import pytest

from tarot_data import lexicon
from tarot_data.cards.content_cards import cards_in_content
from tarot_data.cards.mentions import find_cards


def names(text, drawn=None):
    return [mention.card for mention in find_cards(text, drawn)]


@pytest.mark.parametrize(
    "text",
    [
        "塔罗只是一面镜子。",
        "周末去晒太阳，今晚的月亮好圆。",
        "世界那么大，我想去看看。",
        "要相信自己的力量，别审判自己。",
        "他有正义感，也懂得节制。",
        "旁边有一对恋人，皇帝的新衣。",
        "星币一头一尾都在。",
    ],
)
def test_an_ordinary_word_is_no_card(text):
    assert names(text) == []


def test_ordinary_words_are_no_drawn_cards():
    assert names("去晒太阳吧，全世界都可以是家。", drawn={"太阳", "世界"}) == []


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("力量正位，慢慢来", "力量"),
        ("逆位的世界还没走完", "世界"),
        ("这张太阳很亮", "太阳"),
        ("第三张月亮", "月亮"),
        ("【审判】说的是醒来", "审判"),
        ("节制牌讲分寸", "节制"),
        ("正義（逆）", "正义"),
    ],
)
def test_a_sign_makes_an_ordinary_word_a_card(text, card):
    assert names(text) == [card]


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("聖杯騎士來了", "圣杯骑士"),
        ("钱币10很稳", "星币十"),
        ("五角星三", "星币三"),
        ("权杖首牌", "权杖一"),
        ("杖三", "权杖三"),
        ("The Fool 来了", "愚人"),
        ("Ten of Wands很累", "权杖十"),
        ("愚者往前走", "愚人"),
        ("女教皇端坐", "女祭司"),
        ("命運之輪在轉", "命运之轮"),
        ("权仗四", "权杖四"),
    ],
)
def test_readers_aliases_scripts_and_short_forms(text, card):
    assert names(text) == [card]


def test_the_longest_name_wins():
    assert names("圣杯国王和圣杯十") == ["圣杯国王", "圣杯十"]
    assert names("权杖10") == ["权杖十"]


def test_a_number_that_counts_is_no_rank():
    assert names("整组没有一张权杖一张圣杯。") == []


def test_a_drawn_card_needs_no_sign():
    assert names("过去是月亮，谁都没把话说清楚", drawn={"月亮"}) == ["月亮"]
    assert names("宝八是自己绑自己，钱三个月后还", drawn={"宝剑八", "星币三"}) == ["宝剑八"]


def test_a_clear_mention_settles_the_others():
    assert names("恶魔正位。恶魔的链子是松的。") == ["恶魔", "恶魔"]


@pytest.mark.parametrize(
    ("text", "orientation"),
    [
        ("圣杯三正位", "upright"),
        ("圣杯三（逆）", "reversed"),
        ("逆位的圣杯三", "reversed"),
        ("圣杯三是倒着的", "reversed"),
        ("聖杯三顛倒", "reversed"),
        ("圣杯三R", "reversed"),
        ("圣杯三正在等你", "unknown"),
        ("圣杯三逆转了局面", "unknown"),
        ("圣杯三", "unknown"),
    ],
)
def test_the_orientation_next_to_a_name(text, orientation):
    assert [mention.orientation for mention in find_cards(text)] == [orientation]


def test_offsets_are_those_of_the_text_as_given():
    (mention,) = find_cards("😂你看，聖杯十，彩虹")
    assert "😂你看，聖杯十，彩虹"[mention.start : mention.end] == "聖杯十"


def examples(*kinds):
    return [row["example"] for row in lexicon.read_table("prose_words") if row["kind"] in kinds]


@pytest.mark.parametrize("text", examples("counted"))
def test_counted_cards_are_no_ranks(text):
    assert names(text) == []


@pytest.mark.parametrize("text", examples("clause lead"))
def test_a_clause_may_lead_to_several_cards(text):
    assert names(text) == ["力量"]


@pytest.mark.parametrize("text", examples("of the card", "is", "alone", "card noun"))
def test_an_orientation_is_read_behind_the_words_between(text):
    assert [mention.orientation for mention in find_cards(text)] != ["unknown"]


@pytest.mark.parametrize("text", examples("not said"))
def test_an_orientation_left_open_is_unknown(text):
    assert [mention.orientation for mention in find_cards(text)] == ["unknown"]


@pytest.mark.parametrize("text", examples("list label", "drawn", "drawn then"))
def test_labels_and_verbs_introduce_drawn_cards(text):
    assert len(cards_in_content(text)) > 1


@pytest.mark.parametrize("text", examples("not drawn"))
def test_cards_that_were_not_drawn_are_left_out(text):
    assert cards_in_content(text) == []


@pytest.mark.parametrize(
    ("text", "orientation"),
    [
        ("圣杯三也是倒的", "reversed"),
        ("圣杯三↓ / 塔↑", "reversed"),
        ("圣杯三 - 过去", "unknown"),
        ("圣杯三（逆位，好吓人）", "reversed"),
    ],
)
def test_marks_and_words_before_an_orientation(text, orientation):
    assert find_cards(text)[0].orientation == orientation
