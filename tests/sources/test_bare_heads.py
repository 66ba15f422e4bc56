"""Heads whose lines have no labels: names, dates, questions and cards as readers jot them down."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarot_data.ingest.clean import to_reading

BODY = "隐士提着灯慢慢走，你这半年都在自己找路，没人催你。战车倒过来，缰绳松了，先把手上的事收完再谈别的。"
OTHER = "太阳照着院子，这件事摊开讲反而轻松。星星倒过来，你有点不敢抬头，周末先睡个好觉，再回他的信息。"
QUESTION = "要不要搬去南京"
CARDS = [("隐士", "upright"), ("战车", "reversed")]


def read_one(read, text: str, name: str = "a.txt") -> dict:
    (record,) = read({name: text})
    return to_reading(record)


def assert_read(reading: dict, person: str | None = "小满", day: str | None = "2024-03-02") -> None:
    assert reading["content"] == BODY
    assert [(card["card"], card["orientation"]) for card in reading["cards"]] == CARDS
    assert (reading["person"], reading["question"].rstrip("？")) == (person, QUESTION)
    assert (str(reading["date"]) if reading["date"] else None) == day


@pytest.mark.parametrize(
    "head",
    [
        f"2024-03-02 小满 问{QUESTION}\n隐士正位、战车逆位",
        f"小满\n2024.3.2\n{QUESTION}？\n圣三角牌阵\n隐士 正位\n战车 逆位",
        f"2024年3月2日\n\n给小满抽牌\n她的问题：{QUESTION}\n抽到 隐士正位 战车逆位",
        f"2024-03-02 21:40\n小满的单\n想问{QUESTION}\n两张：隐士正位、战车逆位",
        f"3月2号，老顾客 小满，问{QUESTION}。\n隐士正位 + 战车逆位",
        f"0302 小满 事业\n问：{QUESTION}\n隐士正位、战车逆位",
        f"来问的人是小满，姐姐辈。\n\n3/2\n\n想知道的是：{QUESTION}？\n\n翻开来是这几张：\n隐士 正位\n战车 逆位",
        f"小满-搬家\n2024年3月2日\n21:14\n\n问：{QUESTION}\n牌：隐士正位、战车逆位",
    ],
)
def test_a_head_without_labels(read, head):
    assert_read(read_one(read, f"{head}\n\n{BODY}\n", "2024.txt"))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.permutations(["小满", "2024-03-02", f"问：{QUESTION}"]), st.sampled_from(["", "\n"]))
def test_lines_of_a_head_in_any_order(read, lines, gap):
    assert_read(read_one(read, "\n".join([*lines, f"隐士正位、战车逆位{gap}", BODY])))


@pytest.mark.parametrize("between", ["\n\n", "\n\n——————\n\n"])
def test_each_head_begins_a_reading(read, between):
    first = f"3/2 小满 问{QUESTION}\n隐士正位、战车逆位\n{BODY}"
    second = f"3/9 阿驰 问跳槽顺不顺\n太阳、星星逆位\n{OTHER}"
    readings = [to_reading(record) for record in read({"2024年.txt": f"三月\n\n{first}{between}{second}\n"})]
    assert_read(readings[0])
    assert (readings[1]["person"], readings[1]["content"]) == ("阿驰", OTHER)


def test_an_entry_without_cards_stays_out(read):
    text = f"2024-03-02 23:08\n小满的单\n问{QUESTION}\n隐士正位 战车逆位\n{BODY}\n\n2024-03-01 08:15\n买葱和生抽\n"
    assert_read(read_one(read, text))


@pytest.mark.parametrize("head", ["晴\n2024-03-02", "周二 小雨", "塔罗笔记", "事业"])
def test_other_words_are_no_names(read, head):
    assert read_one(read, f"{head}\n问{QUESTION}\n隐士正位、战车逆位\n\n{BODY}")["person"] is None


def test_a_name_of_one_head_is_not_the_next_ones(read):
    first = f"小满\n问：{QUESTION}\n隐士正位、战车逆位\n\n{BODY}"
    second = f"考编那位朋友\n\n问：能不能上岸\n太阳、星星逆位\n\n{OTHER}"
    readings = [to_reading(record) for record in read({"a.txt": f"{first}\n\n{second}\n"})]
    assert [reading["person"] for reading in readings] == ["小满", None]


def test_a_list_of_positions_apart_from_the_cards(read):
    head = f"小满\n问：{QUESTION}\n牌阵位置：1 现状　2 建议\n抽牌：1 隐士　2 战车（逆）"
    reading = read_one(read, f"{head}\n\n{BODY}")
    assert [card["position"] for card in reading["cards"]] == ["现状", "建议"]


def test_values_below_labels_stay_values(read):
    head = f"客户：小满\n问题：\n分手半年了，\n{QUESTION}吗\n隐士正位、战车逆位"
    assert read_one(read, f"{head}\n\n{BODY}")["question"] == f"分手半年了，\n{QUESTION}吗"


def test_a_task_with_a_price_is_left_out(read):
    text = f"客户：小满\n问题：{QUESTION}\n牌：隐士正位、战车逆位\n\n{BODY}\n\n- [ ] 回访\n- [x] 收款 66\n"
    assert read_one(read, text, "a.md")["content"] == BODY


def test_an_outline_below_a_title(read):
    text = (
        "# 案例\n- 小满｜2024-03-02\n    - 问题：要不要搬去南京\n    - 牌面\n        - 隐士（正）\n        - 战车（逆）\n"
        f"    - 解读\n        - {BODY}\n- 牌义\n    - 愚人：开始\n"
    )
    assert_read(read_one(read, text, "a.md"))


def test_somebody_without_a_plain_name_asks(read):
    reading = read_one(read, f"桃子的妹妹小梨，问{QUESTION}\n隐士正位、战车逆位\n\n{BODY}")
    assert (reading["person"], reading["question"], reading["content"]) == (None, QUESTION, BODY)


def test_a_memo_under_the_last_rule_is_left_out(read):
    heads = [f"客户：{name}\n问题：{QUESTION}\n牌：隐士正位、战车逆位\n{BODY}" for name in ("小满", "阿驰")]
    text = "____\n" + "\n____\n".join(heads) + "\n____\n备忘\n月底前整理发票\n"
    assert [to_reading(record)["content"] for record in read({"a.txt": text})] == [BODY, BODY]


def test_quoted_messages_of_the_client_are_left_out(read):
    text = f"**客户** 小满\n**Q** {QUESTION}\n**牌** 隐士正位、战车逆位\n\n{BODY}\n\n> 小满：好准\n> 我：是吧\n\n**反馈** 已经搬了\n"
    reading = read_one(read, text, "a.md")
    assert_read(reading, day=None)
    assert reading["outcome"] == "已经搬了"


@pytest.mark.parametrize(
    "marks", [("rich_media_title", "rich_media_content"), ("article-head title", "article-content-inner")]
)
def test_a_saved_article_is_its_text_only(read, marks):
    title, text = marks
    page = (
        f'<html><body><div class="menu">首页</div><h1 class="{title}">个案</h1><div class="{text}"><p>客户：小满</p>'
        f"<p>问题：{QUESTION}</p><p>牌：隐士正位、战车逆位</p><p>{BODY}</p></div><p>阅读 1024 在看 12</p></body></html>"
    )
    assert_read(read_one(read, page, "a.html"), day=None)


def test_a_question_first_and_who_asked_below(read):
    text = f"{QUESTION}？\n—— 小满 2024.3.2 晚上私信来的\n隐士（正）\n战车（逆）\n{BODY}\n"
    assert_read(read_one(read, text))


def test_who_asked_below_the_cards(read):
    reading = read_one(read, f"隐士正 战车逆\n小满 搬家的事\n{BODY}\n")
    assert (reading["person"], reading["content"]) == ("小满", BODY)


def test_a_text_below_the_cards_is_no_head(read):
    text = f"隐士正 战车逆\n先说结论\n{BODY}\n"
    assert read_one(read, text)["person"] is None


def test_parts_with_wide_gaps(read):
    assert_read(read_one(read, f"小满　想知道{QUESTION}　圣三角　2024.3.2\n隐士正位 战车逆位\n\n{BODY}\n"))


def test_cards_explained_behind_dashes_stay_in_the_text(read):
    lines = "1 过去 隐士（正）——灯还亮着\n2 现在 战车（逆）——缰绳松了\n3 结果 太阳（正）——走得出来"
    reading = read_one(read, f"小满　2024.3.2　事业\n{lines}\n{BODY}\n")
    assert (reading["person"], str(reading["date"])) == ("小满", "2024-03-02")
    assert reading["content"] == f"{lines}\n{BODY}"
    assert [(card["position"], card["card"], card["orientation"]) for card in reading["cards"]] == [
        ("过去", "隐士", "upright"),
        ("现在", "战车", "reversed"),
        ("结果", "太阳", "upright"),
    ]


@pytest.mark.parametrize("gap", ["　", " ", "｜"])
@pytest.mark.parametrize("day", ["民國一一三年三月二日", "2024年3月2日", "2024-03-02"])
def test_a_label_behind_its_day(read, day, gap):
    head = f"{day}{gap}个案：{{}}\n\n她问的是：{QUESTION}\n翻开来是：隐士（正）、战车（逆）。\n\n{{}}\n\n"
    first, second = (
        to_reading(each) for each in read({"a.txt": head.format("小满", BODY) + head.format("阿昌", OTHER)})
    )
    assert_read(first)
    assert (second["person"], second["content"]) == ("阿昌", OTHER)


def test_cards_in_columns_of_spaces(read):
    rule = "-" * 30
    table = f"位置      牌名      方向\n{rule}\n心态      隐士      正\n阻力      战车      逆\n{rule}"
    reading = read_one(read, f"问卜人  小满\n日子    2024/3/2\n要问    {QUESTION}\n\n{table}\n\n{BODY}\n")
    assert_read(reading)
    assert [card["position"] for card in reading["cards"]] == ["心态", "阻力"]


def test_cards_a_day_under_headings(read):
    text = f"## 3月1日\n今日牌：隐士 正位\n{BODY}\n\n## 3月2日\n今日牌：太阳 正位\n{OTHER}\n"
    readings = [to_reading(record) for record in read({"2024.md": text})]
    assert [(str(each["date"]), each["content"]) for each in readings] == [("2024-03-01", BODY), ("2024-03-02", OTHER)]


@pytest.mark.parametrize("head", ["亲爱的小满：", "Dear 小满,", "嗨，小满！"])
def test_a_letter_names_to_whom_it_is_written(read, head):
    text = f"{head}\n我替你翻了两张牌，是隐士（正位）和战车（逆位）。\n{BODY}\n\n2024年3月2日\n"
    reading = read_one(read, text)
    assert (reading["person"], str(reading["date"])) == ("小满", "2024-03-02")


@pytest.mark.parametrize("head", ["亲爱的朋友们：", "亲爱的大家：", "亲爱的老师："])
def test_a_letter_to_nobody_in_particular(read, head):
    text = f"{head}\n我替你翻了两张牌，是隐士（正位）和战车（逆位）。\n{BODY}\n"
    assert read({"a.txt": text})[0].person is None


def test_a_last_line_with_a_time_of_day_is_left_out(read):
    heads = [f"{name} 问{QUESTION}\n隐士正位、战车逆位\n{body}" for name, body in (("小满", BODY), ("阿昌", OTHER))]
    text = "\n\n".join(heads) + "\n\n收摊 21:40，累\n"
    assert [to_reading(record)["content"] for record in read({"a.txt": text})] == [BODY, OTHER]


def test_a_time_of_day_in_advice_stays(read):
    body = f"{BODY}\n\n早点睡，别超过 23:00。"
    assert read_one(read, f"小满 问{QUESTION}\n隐士正位、战车逆位\n{body}\n")["content"] == body


def test_orientations_behind_colons_are_read(read):
    reading = read_one(read, f"小满 问{QUESTION}\n过去 隐士：正位\n现在 战车：逆位\n未来 太阳：正位\n{BODY}\n")
    assert [card["orientation"] for card in reading["cards"]] == ["upright", "reversed", "upright"]


def test_readings_in_lines_of_cells(read):
    rows = [("2024.5.2", "小满", "隐士、战车逆", BODY), ("2024.5.6", "阿絮", "太阳、星星逆", OTHER)]
    text = "\n".join("｜".join(row) for row in rows)
    readings = [to_reading(record) for record in read({"a.txt": text})]
    assert [(each["person"], each["content"]) for each in readings] == [("小满", BODY), ("阿絮", OTHER)]


def test_signs_instead_of_labels(read):
    head = "🙋‍♀️ {}\n📅 2024年3月2日\n💭 {}？\n🃏 隐士（正） / 战车（逆）\n\n✨\n{}\n\n"
    text = head.format("小满", QUESTION, BODY) + head.format("麦麦", "是不是黄了", OTHER)
    first, second = (to_reading(record) for record in read({"a.md": text}))
    assert_read(first)
    assert (second["person"], second["content"]) == ("麦麦", OTHER)


def test_a_label_in_bold_that_is_not_known(read):
    text = f"**Who** — 小满\n**Wants** — {QUESTION}？\n**Pulled** — 隐士, 战车 (R)\n\n{BODY}\n"
    assert read_one(read, text)["question"].rstrip("？") == QUESTION


def test_orders_with_a_count_and_a_check_mark(read):
    order = "单号{} ✅已付¥58\n昵称：{}\n问：{}\n牌：隐士、战车逆\n回复：\n{}\n好评✅\n\n"
    text = order.format(23, "小满", QUESTION, BODY) + order.format(24, "阿絮", "能过吗", OTHER)
    readings = [to_reading(record) for record in read({"a.txt": text})]
    assert [(each["person"], each["content"]) for each in readings] == [("小满", BODY), ("阿絮", OTHER)]


@pytest.mark.parametrize(
    ("line", "outcome"),
    [("【后续】8月她回来说，真的搬了。", "8月她回来说，真的搬了。"), ("【后续】三月再看一次。", None)],
)
def test_what_happened_later_is_the_outcome(read, line, outcome):
    reading = read_one(read, f"客户：小满\n问题：{QUESTION}\n牌：隐士正位、战车逆位\n{BODY}\n{line}\n")
    assert reading["outcome"] == outcome
    assert reading["content"] == (BODY if outcome else f"{BODY}\n{line}")


def test_quoted_thanks_of_a_name_with_a_sign(read):
    text = f"> 提问人：@小满\n> {QUESTION}？\n\n#### 牌面\n隐士 正\n战车 逆\n\n{BODY}\n\n> 小满：呜呜谢谢姐妹\n"
    assert read_one(read, text, "a.md")["content"] == BODY


def test_a_card_a_month(read):
    lines = "一月 隐士：慢一点\n二月 战车（逆）：别赶\n三月 太阳：亮了"
    reading = read_one(read, f"小满 问{QUESTION}\n{lines}\n{BODY}\n")
    assert [(card["position"], card["card"]) for card in reading["cards"]] == [
        ("一月", "隐士"),
        ("二月", "战车"),
        ("三月", "太阳"),
    ]
    assert reading["content"] == f"{lines}\n{BODY}"


@pytest.mark.parametrize("head", ["★ 3月2日 小满（老客户）", "连麦1 网名 小满 3/2", "老客 小满 3月2号"])
def test_words_for_the_client_beside_a_name(read, head):
    heads = [
        f"{head}\n问 {QUESTION}\n牌 隐士正、战车逆\n{BODY}",
        f"{head.replace('小满', '椰子')}\n问 能过吗\n牌 太阳\n{OTHER}",
    ]
    first, second = (to_reading(record) for record in read({"2024.md": "\n\n".join(heads)}))
    assert_read(first)
    assert (second["person"], second["content"]) == ("椰子", OTHER)


def test_questions_as_headings_over_cards(read):
    text = f"# 小满\n\n## Q1 {QUESTION}\n隐士（正）、战车（逆）\n{BODY}\n\n## Q2 他怎么想\n太阳（正）、星星（逆）\n{OTHER}\n"
    readings = [to_reading(record) for record in read({"a.md": text})]
    assert [(each["question"], each["content"]) for each in readings] == [(QUESTION, BODY), ("他怎么想", OTHER)]


def test_labels_with_gaps_and_values_on_lines(read):
    head = f"姓    名：__小满__    日    期：__2024.3.2__\n咨询问题：__{QUESTION}__\n牌    面：__隐士正、战车逆__\n解    读："
    assert_read(read_one(read, f"{head}\n{BODY}\n"))


def test_a_dated_note_about_later_is_the_outcome(read):
    text = f"客户：小满\n日期：2024-03-02\n问题：{QUESTION}\n牌：隐士正位、战车逆位\n{BODY}\n\n2024-05-20 回访：已经搬了，说顺。\n"
    reading = read_one(read, text)
    assert_read(reading)
    assert reading["outcome"] == "已经搬了，说顺。"


def test_a_card_over_each_text(read):
    body = f"【他的想法】隐士（正）\n{BODY}\n\n【他的行动】战车（逆）\n{OTHER}"
    reading = read_one(read, f"小满 2024.3.2\n问题：{QUESTION}\n\n{body}\n")
    assert reading["content"] == body
    assert [(card["card"], card["orientation"]) for card in reading["cards"]][:2] == CARDS


def test_heads_all_in_brackets(read):
    head = "【{}】【{}】【{}】【隐士正、战车逆】\n{}\n\n"
    text = head.format("2024-03-02", "小满", QUESTION, BODY) + head.format("2024-03-04", "小穗", "会不会求婚", OTHER)
    first, second = (to_reading(record) for record in read({"a.txt": text}))
    assert_read(first)
    assert (second["person"], second["content"]) == ("小穗", OTHER)


def test_a_short_line_below_a_heading_with_a_day_is_the_question(read):
    text = f"# 三月\n\n## 3/2 小满\n搬去南京\n隐士正位、战车逆位\n{BODY}\n\n## 3/9 无名\n换城市\n太阳、星星\n{OTHER}\n"
    first, second = (to_reading(record) for record in read({"2024.md": text}))
    assert (first["person"], first["question"], first["content"]) == ("小满", "搬去南京", BODY)
    assert (second["person"], second["question"], second["content"]) == (None, "换城市", OTHER)


@pytest.mark.parametrize("title", ["周日单", "三月预约表", "接单本"])
def test_a_title_of_a_list_is_no_name(read, title):
    text = f"**{title}**\n\n1) 小满 · 感情\n> {QUESTION}？\n隐士正 / 战车逆\n{BODY}\n"
    assert read_one(read, text, "a.md")["person"] != title


def test_a_shopping_list_below_is_left_out(read):
    assert read_one(read, f"小满 问{QUESTION}\n隐士正位、战车逆位\n{BODY}\n\n买：电池 洗衣液\n")["content"] == BODY


@pytest.mark.parametrize("remark", ["凯尔特没摆，抽了两张", "今天累 只给她翻了两张"])
def test_a_remark_on_the_draw_is_no_content(read, remark):
    reading = read_one(read, f"2024.3.2 晚 小满 {QUESTION}\n{remark}\n心态：隐士\n阻力：战车逆\n\n{BODY}\n")
    assert (reading["person"], reading["question"], reading["content"]) == ("小满", QUESTION, BODY)


def test_two_readings_under_a_rule_of_one_long_dash_each(read):
    first = f"3月5日\n阿梨  问  {QUESTION}\n圣三角\n圣杯六（逆）  恋人（正）  宝剑十（逆）\n\n{OTHER}\n——\n"
    second = f"3月9日 晚\n不认识的小伙子，朋友介绍来的，叫阿豪\n问：{QUESTION}\n心态：隐士\n阻力：战车逆\n\n{BODY}\n"
    readings = [to_reading(record) for record in read({"2024年3月.txt": first + second})]
    assert [(each["person"], each["content"]) for each in readings] == [("阿梨", OTHER), ("阿豪", BODY)]
    assert [str(each["date"]) for each in readings] == ["2024-03-05", "2024-03-09"]


def test_a_week_of_clients_with_their_cards_in_a_sentence(read):
    text = f"这周接了两个单，累死。\n\n周二 小满。工作。隐士、战车逆。\n{BODY}\n\n周四 老林，{QUESTION}。太阳、星币侍从。\n{OTHER}\n"
    readings = [to_reading(record) for record in read({"周复盘.txt": text})]
    assert [(each["person"], each["content"]) for each in readings] == [("小满", BODY), ("老林", OTHER)]


@pytest.mark.parametrize("name", ["阿May", "小K", "阿梅"])
def test_a_name_before_the_channel_in_a_heading(read, name):
    reading = read_one(read, f"## {name} 电话 2024/3/2\n\n> 问：{QUESTION}\n\n牌：① 隐士 ② 战车（逆）\n\n{BODY}\n")
    assert (reading["person"], reading["question"], str(reading["date"])) == (name, QUESTION, "2024-03-02")


def test_what_she_asked_me_is_the_question(read):
    reading = read_one(read, f"【塔罗案例】她问我：{QUESTION}\n\n✨抽牌：隐士｜战车（逆位）\n\n{BODY}\n")
    assert reading["question"].rstrip("？?") == QUESTION.rstrip("？?")


def test_a_diary_of_a_labelled_card_a_day(read):
    text = f"抽卡日记 8月2日 晴\n今天给自己抽的：隐士\n{BODY}\n\n8月3日 雨\n今天给自己抽的：太阳\n{OTHER}\n"
    readings = [to_reading(record) for record in read({"2024.txt": text})]
    assert [(str(each["date"]), each["content"]) for each in readings] == [("2024-08-02", BODY), ("2024-08-03", OTHER)]


def test_a_day_a_name_and_what_is_asked_between_strokes(read):
    reading = read_one(read, f"0302 / 小满 / {QUESTION}？\n隐士、战车逆\n隐士：{BODY}\n")
    assert (reading["person"], reading["question"], len(reading["cards"])) == ("小满", f"{QUESTION}？", 2)


def test_a_year_of_the_republic_above_a_label(read):
    reading = read_one(read, f"113/3/2（六）\n個案：小满　女　32歲\n想問：{QUESTION}\n牌：隐士、战车（逆）\n\n{BODY}\n")
    assert (reading["person"], str(reading["date"])) == ("小满", "2024-03-02")
