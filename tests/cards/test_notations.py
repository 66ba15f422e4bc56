"""Any draw, written in any notation, is read back as it was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.deck import CARDS, MAJORS, RANKS
from tarot_data.cards.card_fields import parse_cards

SHORT = {"权杖": "杖", "圣杯": "杯", "宝剑": "剑", "星币": "币"}
SIDES = (
    ("正位", "逆位"),
    ("正", "逆"),
    ("（正）", "（逆）"),
    (" 正位", " 逆位"),
    ("(正位)", "(逆位)"),
    ("【正】", "【逆】"),
    ("↑", "↓"),
    ("⬆️", "⬇️"),
    ("·正", "·逆"),
    ("-正位", "-逆位"),
    ("：正位", "：逆位"),
    ("(U)", "(R)"),
    (" upright", " reversed"),
    ("顺", "倒"),
    ("(+)", "(-)"),
    ("🔺", "🔻"),
    ("正位！", "逆位！"),
    ("正？", "逆？"),
)
ONE_SIDED = ("❌", "x", "×", "🔄", "🙃", "R", "逆位", " Rx", "(rev)", "↓", "逆")
"""Notations that write only what is reversed."""
BETWEEN = ("、", "，", ", ", "；", "\n", " | ", "｜", " / ", "  ", "→", " + ", "。")
NUMBERS = ("{}. ", "{}、", "{}) ", "({})", "第{}张：", "牌{}：", "No.{} ", "{}️⃣ ")
POSITIONS = ("过去", "现在", "未来", "建议", "阻碍", "结果", "选A", "环境")
PLACED = ("{}：", "{} ", "【{}】", "（{}）", "{}-", "{}=")
INTRODUCTIONS = (
    "",
    "抱抱你。我给你抽了{}张：",
    "🔮{}张牌：",
    "亲爱的，今天的牌是：",
    "你好呀\n牌面如下：\n",
    "时间之流：",
)

drawn = st.lists(
    st.tuples(st.sampled_from(CARDS), st.booleans()), min_size=1, max_size=6, unique_by=lambda card: card[0]
)


def spelled(card: str, way: int) -> str:
    """Write a card's name in one of five ways, as far as it has them."""
    suit, rank = card[:2], card[2:]
    if card in MAJORS:
        roman = ("0", *(_roman(number) for number in range(1, 22)))[MAJORS.index(card)]
        return (card, f"{roman} {card}", f"{MAJORS.index(card)} {card}", f"{card}牌", card)[way]
    if rank not in RANKS[:10]:
        return (card, SHORT[suit] + rank, f"{suit} {rank}", card, SHORT[suit] + rank)[way]
    number = RANKS.index(rank) + 1
    return (card, f"{suit}{number}", suit + _roman(number), f"{rank}{SHORT[suit]}", f"{SHORT[suit]}{number}")[way]


def _roman(number: int) -> str:
    tens, ones = divmod(number, 10)
    return "X" * tens + ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")[ones]


def read(text: str) -> list[tuple[str, str]]:
    found = parse_cards(text)
    assert not found.unknown
    return [(card["card"], card["orientation"]) for card in found.cards]


def sides(cards: list[tuple[str, bool]], upright: str = "upright") -> list[tuple[str, str]]:
    return [(card, "reversed" if turned else upright) for card, turned in cards]


@settings(deadline=None)
@given(drawn, st.integers(0, 4), st.sampled_from(SIDES), st.sampled_from(BETWEEN), st.sampled_from(INTRODUCTIONS))
def test_any_draw_in_any_notation(cards, way, signs, between, introduction):
    text = between.join(spelled(card, way) + signs[turned] for card, turned in cards)
    assert read(introduction.format("三") + text) == sides(cards)


@settings(deadline=None)
@given(drawn, st.integers(0, 4), st.sampled_from(ONE_SIDED), st.sampled_from(BETWEEN))
def test_reversed_cards_alone_are_marked(cards, way, sign, between):
    way = 3 if way == 2 and sign in ("x", "R") else way  # IX is nine
    text = between.join(spelled(card, way) + sign * turned for card, turned in cards)
    assert read(text) == sides(cards, "unknown")


@settings(deadline=None)
@given(
    drawn, st.sampled_from((0, 3)), st.sampled_from(NUMBERS), st.sampled_from(SIDES[:8]), st.sampled_from((" ", "\n"))
)
def test_numbered_draws(cards, way, number, signs, between):
    items = [number.format(place) + spelled(card, way) + signs[turned] for place, (card, turned) in enumerate(cards, 1)]
    assert read(between.join(items)) == sides(cards)


@settings(deadline=None)
@given(
    drawn, st.sampled_from((0, 3)), st.sampled_from(PLACED), st.sampled_from(SIDES[:8]), st.sampled_from(("；", "\n"))
)
def test_draws_with_positions(cards, way, placed, signs, between):
    items = [
        placed.format(position) + spelled(card, way) + signs[turned]
        for position, (card, turned) in zip(POSITIONS, cards, strict=False)
    ]
    text = between.join(items)
    assert read(text) == sides(cards)
    assert [card["position"] for card in parse_cards(text).cards] == list(POSITIONS[: len(cards)])


PLACES = ("（第{}张{}）", "，其中第{}张是{}", "（其中{}为{}）", " 只有第{}张{}", "（{}{}）", "\n{}都是{}")
"""Remarks at the end of a list on the places of the cards of one orientation."""


@settings(deadline=None)
@given(st.data(), st.sampled_from(PLACES), st.sampled_from("、和,"), st.sampled_from(("逆位", "逆", "倒")))
def test_remarks_turn_cards_by_their_places(data, remark, between, side):
    cards = data.draw(st.lists(st.sampled_from(CARDS), min_size=3, max_size=6, unique=True))
    places = data.draw(st.lists(st.integers(1, len(cards)), min_size=2, max_size=len(cards) - 1, unique=True))
    spelling = "第{}张" if remark.startswith("\n") else "{}"
    text = remark.format(between.join(spelling.format(place) for place in places), side)
    expected = [(card, "reversed" if place in places else "upright") for place, card in enumerate(cards, 1)]
    assert read("、".join(cards) + text) == expected


@pytest.mark.parametrize(
    ("remark", "reversed_cards"),
    [
        ("（第二张逆位）", "力量"),
        ("（最后一张逆位）", "月亮"),
        ("，后两张逆位", "力量 月亮"),
        ("（除第二张外均为逆位）", "愚人 月亮"),
        ("（1、3正，2逆）", "力量"),
        ("（逆位：2、3）", "力量 月亮"),
        ("（三张都是逆位）", "愚人 力量 月亮"),
    ],
)
def test_places_in_words(remark, reversed_cards):
    found = read("愚人、力量、月亮" + remark)
    assert found == [(card, "reversed" if card in reversed_cards else "upright") for card in ("愚人", "力量", "月亮")]


@pytest.mark.parametrize("remark", ["（两张逆位）", "（2逆）", "（2逆1正）"])
def test_a_count_of_reversed_cards_turns_none(remark):
    assert {side for _, side in read("愚人、力量、月亮" + remark)} == {"unknown"}


def test_ranks_are_no_places():
    assert read("愚人、力量、圣杯二逆") == [("愚人", "unknown"), ("力量", "unknown"), ("圣杯二", "reversed")]
    assert read("愚人、圣杯（2）逆") == [("愚人", "unknown"), ("圣杯二", "reversed")]
    assert read("愚人、力量（第四张逆位）") == [("愚人", "unknown"), ("力量", "unknown")]
    assert read("愚人、力量、第二张月亮逆位")[-1] == ("月亮", "reversed")


def test_short_english_names():
    assert read("3oS (R), QoC, KnoP, AoW rev, PgoS") == [
        ("宝剑三", "reversed"),
        ("圣杯王后", "unknown"),
        ("星币骑士", "unknown"),
        ("权杖一", "reversed"),
        ("宝剑侍从", "unknown"),
    ]


@settings(deadline=None)
@given(
    st.sampled_from(("棒", "木棒", "杖", "杯", "剑", "币", "钱币", "圆盘")),
    st.sampled_from(("侍从", "骑士", "女王", "国王", "七", "3")),
)
def test_every_name_of_a_suit_takes_every_rank(suit, rank):
    ((card, _),) = read(suit + rank)
    assert card[2:] == {"女王": "王后", "3": "三"}.get(rank, rank)
