"""Heads of notes: labels, their separators and remarks, values over several lines, the client's own words."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarot_data.ingest.clean import to_reading
from tarot_data.sources.labelled_lines import read_head
from tarot_data.sources.record_builder import to_record

BODY = "女祭司坐在帘子前面，很多事你心里有数，只是还没讲。月亮逆位，雾散开一点，真话会浮上来。周末先睡两个好觉，再回他的信息。"
CARDS = "牌：女祭司正位、月亮逆位"
STORY = "去年冬天分的手。"


def checked(read, head: str) -> dict:
    (record,) = read({"a.txt": f"{head}\n\n{BODY}\n"})
    reading = to_reading(record)
    assert reading["content"] == BODY
    assert [(card["card"], card["orientation"]) for card in reading["cards"]] == [
        ("女祭司", "upright"),
        ("月亮", "reversed"),
    ]
    return reading


def test_only_heads_without_labels_are_flagged(read):
    written = {"3/2 小麦 问要不要搬家\n女祭司 月亮逆位": True, f"客户：小麦\n问题：要不要搬家\n{CARDS}": False}
    for head, flagged in written.items():
        (record,) = read({"a.txt": f"{head}\n\n{BODY}\n"})
        assert (record.person, record.question) == ("小麦", "要不要搬家")
        assert ("unlabelled_head" in to_reading(record)["flags"]) == flagged


@pytest.mark.parametrize(
    ("labels", "question"),
    [
        ("主题：感情\n问题：他还会找我吗", "他还会找我吗"),
        ("想问的问题：他还会找我吗\n主题：感情", "他还会找我吗"),
        ("Topic: love\nQuestion: 他还会找我吗", "他还会找我吗"),
        ("主题：感情", "感情"),
        ("咨询方向：感情\n具体问题：他还会找我吗", "他还会找我吗"),
    ],
)
def test_a_question_counts_more_than_a_topic(read, labels, question):
    assert checked(read, f"客户：小麦\n{labels}\n{CARDS}")["question"] == question


@pytest.mark.parametrize(
    "head",
    [
        f"客户：小麦\n问题：分手半年了，\n他还会找我吗\n{CARDS}",
        f"客户：小麦\n问题：\n分手半年了，\n他还会找我吗\n牌阵：两张牌\n{CARDS}",
        f"客户：小麦\n{CARDS}\n问题：分手半年了，\n他还会找我吗",
        f"客户：小麦\n问题：\n- 分手半年了，\n- 他还会找我吗\n{CARDS}",
        f"客户：小麦\n{CARDS}\n问题：分手半年了，\n  他还会找我吗",
    ],
)
def test_a_question_over_several_lines(read, head):
    assert checked(read, head)["question"] == "分手半年了，\n他还会找我吗"


@pytest.mark.parametrize("label", ["背景", "情况", "客人情况", "补充", "备注", "客户自述", "Background"])
@pytest.mark.parametrize(
    "head",
    [
        f"客户：小麦\n问题：他还会找我吗\n{{}}：{STORY}\n他妈妈一直不同意，\n我也没再联系。\n{CARDS}",
        f"客户：小麦\n问题：他还会找我吗\n\n{{}}：\n{STORY}\n\n他妈妈一直不同意。\n\n{CARDS}",
        f"客户：小麦\n问题：他还会找我吗\n{CARDS}\n{{}}：{STORY}\n我也没再联系。",
    ],
)
def test_the_clients_own_words_are_not_content(read, label, head):
    reading = checked(read, head.format(label))
    assert (reading["person"], reading["question"]) == ("小麦", "他还会找我吗")


@pytest.mark.parametrize(
    "head",
    [
        f"客户（老客）：小麦\n问题（她自己写的）：他还会找我吗\n{CARDS.replace('：', '（从左到右）：')}",
        "【客户】小麦\n【问题（原话）】他还会找我吗\n【牌面（左到右）】女祭司正位、月亮逆位",
        "客户 - 小麦\n问题 - 他还会找我吗\n牌 - 女祭司正位、月亮逆位",
        "客户 | 小麦\n问题 | 他还会找我吗\n牌面 | 女祭司正位、月亮逆位",
        f"- [x] 客户：小麦\n- [x] 问题：他还会找我吗\n- [ ] {CARDS}",
        f"#塔罗/解读 客户：小麦\n问题：他还会找我吗\n{CARDS}",
        f"#塔罗 #客户/小麦\n问题：他还会找我吗\n{CARDS}",
        "1. 您的称呼是？\n小麦\n2. 您想问的问题是？\n他还会找我吗\n3. 您抽到的牌是？\n女祭司正位、月亮逆位\n4. 老师的解读：",
        "1、请问怎么称呼您？ 小麦\n2、您想咨询的问题是什么？ 他还会找我吗\n3、您抽到了哪些牌？ 女祭司正位、月亮逆位",
        "客户：小麦\n问题：他还会找我吗\n两张牌：女祭司正位、月亮逆位",
        "客户→小麦\n问题→他还会找我吗\n牌→女祭司正位、月亮逆位",
        "姓名/昵称：小麦\n问题/诉求：他还会找我吗\n牌：女祭司正位、月亮逆位",
        "### 1. 怎么称呼你？\n\n小麦\n\n### 2. 你想问什么？\n\n他还会找我吗\n\n### 3. 抽到的牌\n\n女祭司正位、月亮逆位\n\n### 4. 解读",
        "Q1：您的昵称？\nA：小麦\nQ2：您想问什么问题？\nA：他还会找我吗\nQ3：抽到的牌\nA：女祭司正位、月亮逆位\nQ4：老师的解读",
        f"客户：小麦\n问题：他还会找我吗\n{CARDS}\n\n背景：\n{STORY}\n\n没再联系。\n\n解读：",
    ],
)
def test_separators_remarks_and_questions_as_labels(read, head):
    reading = checked(read, head)
    assert (reading["person"], reading["question"]) == ("小麦", "他还会找我吗")


def test_a_spread_alone_heads_its_cards(read):
    head = "客户 小麦 / 2024.7.7 晚上\n问：他还会找我吗\n圣三角：\n1 过去 女祭司\n2 现在 月亮R\n3 未来 星星"
    reading = to_reading(read({"a.txt": f"{head}\n\n{BODY}"})[0])
    assert (reading["person"], str(reading["date"]), reading["draws"][0]["spread"]) == ("小麦", "2024-07-07", "圣三角")
    assert [(card["position"], card["card"]) for card in reading["cards"]] == [
        ("过去", "女祭司"),
        ("现在", "月亮"),
        ("未来", "星星"),
    ]
    assert reading["content"] == BODY


def test_answers_of_a_form_have_marks(read):
    text = (
        f"Q1：您的昵称？\nA：小麦\nQ2：您想问什么？\nA：搬家吗\nQ3：抽到的牌？\nA：女祭司\nQ4：老师的解读\nA：{BODY}\n"
    )
    (record,) = read({"a.txt": text})
    assert (record.person, record.question, record.content) == ("小麦", "搬家吗", BODY)


def test_cards_at_the_top_and_labels_at_the_end(read):
    reading = to_reading(read({"a.txt": f"{CARDS}\n\n{BODY}\n\n问题：搬家吗\n客户：小麦\n"})[0])
    assert (reading["person"], reading["question"], reading["content"]) == ("小麦", "搬家吗", BODY)


@pytest.mark.parametrize(
    "last", ["价格：88", "备注：老客", "备注：老客户介绍来的", "问题：他还会找我吗", "微信：wx_xiaomai99"]
)
def test_a_body_right_below_the_last_label_is_kept(read, last):
    body = f"{BODY}\n\n先把觉睡够，别的下周再说。"
    (record,) = read({"a.txt": f"客户：小麦\n{CARDS}\n{last}\n{body}\n"})
    assert record.content == body


def test_background_is_a_position_among_the_cards(read):
    reading = to_reading(read({"a.txt": f"客户：小麦\n问题：搬家\n牌：\n背景：女祭司\n现状：月亮\n\n{BODY}"})[0])
    assert [(card["position"], card["card"]) for card in reading["cards"]] == [("背景", "女祭司"), ("现状", "月亮")]


WORDS = {
    "person": ("客户", "咨询者", "称呼", "客户（老客）", "Client"),
    "question": ("问题", "想问的问题", "问题（原话）", "Question"),
    "spread": ("牌阵", "所用牌阵", "Spread"),
    "cards": ("牌", "抽到的牌", "牌（从左到右）", "Cards"),
    "date": ("日期", "占卜时间", "Date"),
    "background": ("背景", "客人情况", "补充说明"),
}
VALUES = {
    "person": "小麦",
    "question": "他还会找我吗",
    "spread": "两张牌",
    "cards": "女祭司正位、月亮逆位",
    "date": "2024-03-05",
    "background": "去年冬天分的手，没再联系",
}
FORMS = ("{}：{}", "{}: {}", "【{}】{}", "**{}**：{}", "- {}：{}", "## {}：{}", "{}：\n{}", "> {}：{}", "{} - {}")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), order=st.permutations(list(WORDS)), form=st.sampled_from(FORMS), blank=st.booleans())
def test_fields_in_any_order_and_form(data, order, form, blank):
    lines = [form.format(data.draw(st.sampled_from(WORDS[name])), VALUES[name]) for name in order]
    text = ("\n\n" if blank else "\n").join(lines)
    head = read_head([*text.split("\n"), "", BODY], 0)
    record = to_record(head.fields, source=None)
    assert (record.person, record.question, record.date) == (VALUES["person"], VALUES["question"], VALUES["date"])
    assert [(draw.spread, draw.cards) for draw in record.draws] == [(VALUES["spread"], VALUES["cards"])]
    assert head.body >= text.count("\n") + 1


@pytest.mark.parametrize("lead", ["", "牌：\n"])
@pytest.mark.parametrize("options", ["A：隐士 战车逆\nB：太阳 星星逆", "选项A\n隐士\n战车逆\n选项B\n太阳\n星星逆"])
def test_cards_of_two_options_keep_their_option(read, lead, options):
    (record,) = read({"a.txt": f"咨询者：Mel\n问题：去还是留\n{lead}{options}\n\n{BODY}\n"})
    reading = to_reading(record)
    assert reading["content"] == BODY
    assert [(card["position"][-1], card["card"], card["orientation"]) for card in reading["cards"]] == [
        ("A", "隐士", "unknown"),
        ("A", "战车", "reversed"),
        ("B", "太阳", "unknown"),
        ("B", "星星", "reversed"),
    ]
