import pytest

from tarot_data.ingest.clean import to_reading, to_readings

BODY = (
    "隐士提着灯，你这半年一直在自己找路。\n问题：你想过要找人问路吗？\n战车倒过来，是缰绳松了。太阳在最后，慢慢就亮了。"
)
HEAD = "咨询者：Mel\n问题：要不要换组\n牌阵：圣三角\n牌：\n1. 过去：隐士 正位\n2. 现在：战车（逆）\n3. 未来：太阳\n日期：2024.1.5\n"
OTHER = "【求问者】阿宁 【问题】搬家  【抽牌】正义、死神R\n\n正义在前，账要算清。死神倒过来，旧房子的事还拖着，别急着签字，先把新房子量好再说，月底之前给妈妈打个电话。"


def three(reading: dict) -> list[tuple]:
    return [(c["place"], c["position"], c["card"], c["orientation"]) for c in reading["cards"]]


def test_labels_in_the_body_are_body(read):
    first, second = (to_reading(record) for record in read({"a.txt": f"{HEAD}\n{BODY}\n\n----------\n{OTHER}\n"}))
    assert (first["person"], first["question"], str(first["date"])) == ("Mel", "要不要换组", "2024-01-05")
    assert three(first) == [
        (1, "过去", "隐士", "upright"),
        (2, "现在", "战车", "reversed"),
        (3, "未来", "太阳", "unknown"),
    ]
    assert first["content"] == BODY
    assert (second["person"], second["question"]) == ("阿宁", "搬家")
    assert [(c["card"], c["orientation"]) for c in second["cards"]] == [("正义", "unknown"), ("死神", "reversed")]
    assert second["source"]["locator"] == "line 15"


@pytest.mark.parametrize("separator", ["----", "=======", "————————", "***", "～～～", "第3位", "- 3 -", "* * *", ""])
def test_separators(read, separator):
    block = f"咨询者：Mel\n问题：换组\n牌：隐士\n\n{BODY}\n"
    records = read({"a.txt": f"{block}\n{separator}\n{block.replace('Mel', '阿宁')}"})
    assert [record.person for record in records] == ["Mel", "阿宁"]
    assert [record.content for record in records] == [BODY, BODY]


def test_a_rule_inside_a_body_is_no_separator(read):
    body = f"{BODY}\n\n---\n\n### 现状\n{BODY}"
    (record,) = read({"a.txt": f"咨询者：Mel\n问题：换组\n牌：隐士\n\n{body}\n"})
    assert record.content == body


def test_a_date_line_dates_the_next_reading(read):
    text = f"2024年1月5日\n咨询者：Mel\n牌：隐士\n\n{BODY}\n\n2024年1月6日\n咨询者：阿宁\n牌：太阳\n\n{BODY}\n"
    assert [str(to_reading(record)["date"]) for record in read({"a.txt": text})] == ["2024-01-05", "2024-01-06"]


@pytest.mark.parametrize(
    "head",
    [
        "咨询者:Mel\n问题:换组\n牌:隐士",
        "咨询者﹕Mel\n问题﹕换组\n牌﹕隐士",
        "咨询者∶Mel\n问题∶换组\n牌∶隐士",
        "咨询者 Mel\n问题 换组\n抽到的牌 隐士",
        "【咨询者】Mel\n【问题】换组\n【牌】隐士",
        "**咨询者**：Mel\n**问题**：换组\n**牌**：隐士",
        "**咨询者：** Mel\n**问题：** 换组\n**牌：** 隐士",
        "## 咨询者：Mel\n## 问题：换组\n## 牌：隐士",
        "- 咨询者：Mel\n- 问题：换组\n- 牌：隐士",
        "1. 咨询者：Mel\n2. 问题：换组\n3. 牌：隐士",
        "咨询者：Mel 问题：换组 牌：隐士",
        "咨询者：Mel；问题：换组；牌：隐士",
        "咨询者：\nMel\n问题：\n换组\n牌：\n隐士",
        "牌：隐士\n问题：换组\n咨询者：Mel",
        "諮詢者：Mel\n問題：换组\n牌：隱士",
        "Client: Mel\nQuestion: 换组\nCards: The Hermit",
        "咨询者：Mel\n\n问题：换组\n\n牌：隐士",
        "解读师：阿月\n咨询者：Mel\n问题：换组\n牌：隐士\n价格：199\n微信：wx_mel2024",
    ],
)
def test_ways_to_write_a_label(read, head):
    reading = to_reading(read({"a.txt": f"{head}\n\n{BODY}"})[0])
    assert (reading["person"], reading["question"], [c["card"] for c in reading["cards"]]) == ("Mel", "换组", ["隐士"])
    assert reading["content"] == BODY


def test_a_content_label_begins_the_body(read):
    (record,) = read({"a.txt": f"咨询者：Mel\n问题：换组\n牌：隐士\n解读：{BODY}\n"})
    assert record.content == BODY


def test_a_repeated_label_begins_the_body(read):
    body = f"牌阵：我用的是圣三角\n{BODY}"
    (record,) = read({"a.txt": f"咨询者：Mel\n问题：换组\n牌阵：圣三角\n牌：隐士\n\n{body}"})
    assert (record.content, record.draws[0].spread) == (body, "圣三角")


def test_cards_below_the_head_stay_out(read):
    body = f"隐士\n提着灯的人。{BODY}"
    reading = to_reading(read({"a.txt": f"咨询者：Mel\n牌：隐士、太阳\n{body}"})[0])
    assert [c["card"] for c in reading["cards"]] == ["隐士", "太阳"]
    assert reading["content"] == body


def test_a_preface_is_no_reading(read):
    (record,) = read(
        {"a.txt": f"这里是 2024 年的手记，字写得乱，见谅。\n\n咨询者：Mel\n问题：换组\n牌：隐士\n\n{BODY}"}
    )
    assert (record.person, record.content) == ("Mel", BODY)


def test_windows_text(read):
    data = f"{HEAD}\n{BODY}\n".replace("\n", "\r\n").encode("gbk")
    assert to_reading(read({"a.txt": data})[0])["content"] == BODY


def test_lone_carriage_returns(read):
    data = f"{HEAD}\n{BODY}\n".replace("\n", "\r")
    assert to_reading(read({"a.txt": data})[0])["content"] == BODY


def test_unlabelled_notes_keep_text_and_listed_cards(read):
    text = f"# 换组\n\n抽到的牌：隐士、战车（逆）、太阳\n\n{BODY}"
    reading = to_reading(read({"a.md": text})[0])
    assert (reading["person"], [c["card"] for c in reading["cards"]]) == (None, ["隐士", "战车", "太阳"])


def test_prose_without_labels_and_lists_is_refused(read):
    _, rejections = to_readings(
        read(
            {
                "a.txt": "昨天给她抽了隐士，她说很准，我们聊了一下午，后来去吃了面，回来的路上下雨了，伞也没有带，湿透了。"
            }
        )
    )
    assert rejections["reason"].to_list() == ["no_cards"]


def test_text_of_no_form_is_refused(read):
    (record,) = read({"README.txt": "make install\nmake test\n"})
    assert (record.reason, record.source.locator) == ("unreadable", "file")


def test_synthetic_and_consent_labels(read):
    head = "咨询者：Mel\n问题：换组\n牌：隐士\nsynthetic：true\n授权：不同意\n反馈：换了"
    reading = to_reading(read({"a.txt": f"{head}\n\n{BODY}"})[0])
    assert (reading["synthetic"], reading["consent"], reading["outcome"]) == (True, "no", "换了")


def test_an_unnamed_block_after_a_separator_is_another_reading(read):
    named = f"咨询者：Mel\n问题：换组\n牌：隐士正位\n\n{BODY}"
    anonymous = f"问题：他会联系我吗\n牌：星星正位\n\n{BODY}"
    follow_up = "追问：多久\n牌：月亮\n\n一个月内吧。"
    text = f"{named}\n\n-----\n{anonymous}\n\n-----\n{follow_up}\n\n-----\n{named.replace('Mel', '小宁')}"
    records = read({"a.txt": text})
    assert [record.person for record in records] == ["Mel", None, "小宁"]
    assert "一个月内吧" in records[1].content and "星星" not in records[0].content


NOTE = """---
date: 2024-01-05
person: "[[阿宁]]"
question: "搬家: 今年还是明年"
spread: 恋人三角
cards:
  - 正义 正位
  - 死神 逆位
tags: [塔罗, 客户]
---
# 阿宁 搬家
![[IMG_0412.jpeg]]
> [!tip] 先量好新房
正义在前，账要算清。%%下次问她房租%%死神倒过来，旧房子的事还拖着，别急着签字，先把新房子量好，再给[[妈妈|她]]打电话。 ^ab12
情绪:: 平静 #塔罗/客户
"""


def test_obsidian_front_matter_and_syntax(read):
    reading = to_reading(read({"2024-01-05 阿宁.md": NOTE})[0])
    assert (reading["person"], reading["question"], str(reading["date"])) == (
        "阿宁",
        "搬家: 今年还是明年",
        "2024-01-05",
    )
    assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [("正义", "upright"), ("死神", "reversed")]
    assert (
        reading["content"]
        == "> 先量好新房\n正义在前，账要算清。死神倒过来，旧房子的事还拖着，别急着签字，先把新房子量好，再给她打电话。"
    )


@pytest.mark.parametrize(
    ("line", "person", "cards"),
    [
        ("person: 阿宁\ncards: [正义 正位, 死神 逆位]", "阿宁", ["正义", "死神"]),
        ("person: 阿宁\ncards: 正义 正位、死神 逆位", "阿宁", ["正义", "死神"]),
        ("person： 阿宁\ncards： 正义、死神", "阿宁", ["正义", "死神"]),
        ("咨询者: '阿宁'\n牌:\n- 正义: 正位\n- 死神: 逆位", "阿宁", ["正义", "死神"]),
        ("person: 阿宁\nask: a: b: c\ncards: 正义、死神", "阿宁", ["正义", "死神"]),
        ("person: @阿宁\ncards: 正义、死神", "阿宁", ["正义", "死神"]),
        ("person:\n  - 阿宁\ncards:\n- 正义\n- 死神", "阿宁", ["正义", "死神"]),
    ],
)
def test_front_matter_that_yaml_would_refuse_or_change(read, line, person, cards):
    text = f"---\n{line}\n---\n正义在前，账要算清。死神倒过来，旧房子的事还拖着，别急着签字，先把新房子量好，再给妈妈打电话。"
    reading = to_reading(read({"a.md": text})[0])
    assert (reading["person"], [c["card"] for c in reading["cards"]]) == (person, cards)


def test_no_in_front_matter_is_no(read):
    text = f"---\nperson: 阿宁\ncards: 正义\nconsent: no\nsynthetic: true\n---\n{BODY}"
    reading = to_reading(read({"a.md": text})[0])
    assert (reading["consent"], reading["synthetic"]) == ("no", True)


def test_vault_settings_and_trash_are_skipped(read):
    records = read(
        {
            "库/.obsidian/app.json": "{}",
            "库/.trash/旧.md": NOTE,
            "库/附件/IMG_0412.jpeg": b"\xff\xd8\xff\xe0",
            "库/阿宁.md": NOTE,
        }
    )
    assert [record.source.file for record in records] == ["库/阿宁.md"]


def test_a_template_is_no_reading(read):
    text = "---\ndate: {{date}}\nperson: {{title}}\ncards:\n---\n# {{title}}\n"
    readings, rejections = to_readings(read({"模板.md": text}))
    assert (readings.height, rejections["reason"].to_list()) == (0, ["empty_body"])


def test_a_daily_note_dates_its_readings(read):
    day = f"---\ntags: [日记]\nconsent: no\n---\n咨询者：Mel\n牌：隐士\n\n{BODY}\n\n---\n\n咨询者：阿宁\n牌：太阳\n\n{BODY}\n"
    readings = [to_reading(record) for record in read({"日记/2024-01-05.md": day})]
    assert [(r["person"], str(r["date"]), r["consent"]) for r in readings] == [
        ("Mel", "2024-01-05", "no"),
        ("阿宁", "2024-01-05", "no"),
    ]
    assert [r["source"]["locator"] for r in readings] == ["line 5", "line 14"]


def test_dates_in_notes_precede_file_names(read):
    (record,) = read({"2024-01-05 Mel.txt": f"咨询者：Mel\n牌：隐士\n日期：2024-01-06\n\n{BODY}"})
    assert str(to_reading(record)["date"]) == "2024-01-06"


BLOCK = "咨询者：{}\n问题：搬家\n牌：正义正位、死神逆位"


def blocks(above: list[str]) -> str:
    named = zip(above, ("Mel", "阿宁", "小满"), strict=True)
    return "\n\n".join(f"{line}\n{BLOCK.format(person)}\n\n{BODY}" for line, person in named)


@pytest.mark.parametrize(
    "above",
    [
        ["【1】", "【2】", "【3】"],
        ["案例一", "案例二", "案例三"],
        ["第九个案例", "第十个案例", "第十一个案例"],
        ["1/3", "2/3", "3/3"],
        ["No.1", "No.2", "No.3"],
        ["★★★★", "★★★★", "★★★★"],
        ["＊＊＊", "＊＊＊", "＊＊＊"],
        ["——— 分割线 ———"] * 3,
    ],
)
def test_separator_lines_are_in_no_body(read, above):
    readings = [to_reading(record) for record in read({"a.txt": blocks(above)})]
    assert [(r["person"], r["content"]) for r in readings] == [("Mel", BODY), ("阿宁", BODY), ("小满", BODY)]


def test_trailing_numbers_separate_only_in_sequence(read):
    text = "\n\n".join(f"{BLOCK.format(person)}\n\n{BODY}\n打分：9" for person in ("Mel", "阿宁", "小满"))
    readings = [to_reading(record) for record in read({"a.txt": text})]
    assert [r["content"] for r in readings] == [f"{BODY}\n打分：9"] * 3


@pytest.mark.parametrize("form", ["【{}】", "—— {} ——", "**{}**", "● {}", "## {}"])
def test_an_ornamented_date_line_dates_the_reading(read, form):
    days = ["2024-01-05", "2024/1/6", "20240107"]
    readings = [to_reading(record) for record in read({"a.txt": blocks([form.format(day) for day in days])})]
    assert [(r["person"], str(r["date"]), r["content"]) for r in readings] == [
        ("Mel", "2024-01-05", BODY),
        ("阿宁", "2024-01-06", BODY),
        ("小满", "2024-01-07", BODY),
    ]


@pytest.mark.parametrize(
    "head",
    [
        "👤咨询者：阿宁\n❓ 问题：搬家\n🃏牌：正义正位、死神逆位",
        "一、咨询者：阿宁\n二、问题：搬家\n三、牌：正义正位、死神逆位",
        "## 咨询者\n\n阿宁\n\n## 问题\n\n搬家\n\n## 牌\n\n正义正位、死神逆位\n\n## 解读",
        "咨询者:: 阿宁\n- 问题:: 搬家\n牌:: 正义正位、死神逆位",
        "个案：阿宁\n问题：搬家\n\n| 位置 | 牌 | 正逆 |\n|---|---|---|\n| 1 | 正义 | 正 |\n| 2 | 死神 | 逆 |",
        "| 项目 | 内容 |\n| --- | --- |\n| 咨询者 | 阿宁 |\n| 问题 | 搬家 |\n| 牌 | 正义正位、死神逆位 |",
        "咨询者：\u200b阿宁\n问\u200b题：搬家\n牌：正义正位、死神逆位",
    ],
)
def test_labels_with_signs_numbers_headings_and_tables(read, head):
    (record,) = read({"a.md": f"{head}\n\n{BODY}"})
    reading = to_reading(record)
    cards = [(card["card"], card["orientation"]) for card in reading["cards"]]
    assert (reading["person"], reading["question"], cards) == (
        "阿宁",
        "搬家",
        [("正义", "upright"), ("死神", "reversed")],
    )
    assert reading["content"] == BODY


def test_tables_in_bodies_stay(read):
    table = "| 牌 | 正逆 |\n|---|---|\n| 正义 | 正 |"
    (record,) = read({"a.md": f"{BLOCK.format('Mel')}\n\n{BODY}\n\n{table}"})
    assert to_reading(record)["content"] == f"{BODY}\n\n{table}"


def test_cards_as_mappings_in_front_matter(read):
    text = (
        "---\nperson: 阿宁\ncards:\n  - name: 正义\n    orientation: 正位\n  - name: 死神\n    orientation: 逆位\n---\n"
    )
    (record,) = read({"a.md": text + BODY})
    cards = [(card["card"], card["orientation"]) for card in to_reading(record)["cards"]]
    assert cards == [("正义", "upright"), ("死神", "reversed")]


def test_template_titles_are_no_text(read):
    text = "---\ndate: {{date}}\nperson: \nquestion: \ncards:\n  - \n---\n# {{title}}\n\n<% tp.file.cursor() %>"
    _, rejections = to_readings(read({"模板.md": text}))
    assert rejections["reason"].to_list() == ["empty_body"]


def test_dashed_dates_make_no_chat(read):
    records = read({"a.txt": blocks(["—— 2024/1/5 ——", "—— 2024/1/6 ——", "—— 2024/1/7 ——"])})
    assert {record.source.form for record in records} == {"notes"}


def test_long_rows_of_dashes_are_fast(read):
    text = f"{BLOCK.format('Mel')}\n\n{BODY}\n| a |\n|{'-' * 5000}x"
    assert len(read({"a.md": text})) == 1


@pytest.mark.parametrize(
    "cards",
    [
        "牌：位置1：隐士逆 位置2：正义",
        "牌：Reversed: Hermit. Upright: Justice",
        "## 牌面\n| 位置 | 牌 | 正逆 |\n|---|---|---|\n| 过去 | 隐士 | 逆位 |\n| 现在 | 正义 | |\n\n## 解读",
    ],
)
def test_labels_inside_card_lists_belong_to_them(read, cards):
    (record,) = read({"a.md": f"咨询者：Mel\n问题：换组\n{cards}\n\n{BODY}\n"})
    assert [card["card"] for card in to_reading(record)["cards"]] == ["隐士", "正义"]


TWO = [("Mel", "要不要换组", "2024-01-05"), ("阿宁", "要不要搬家", "2024-01-06")]
GREETED = "{name}你好，隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了，先慢下来。"


@pytest.mark.parametrize(
    "above",
    [
        "## {day} {name}",
        "## {name} {day}",
        "# {day}\n\n## {name}",
        "{day}\n{name}",
        "{day} {name}",
        "{count}️⃣ {name}\n日期：{day}",
        "## {name}\n日期：{day}",
        "## {name}\n### 日期\n{day}",
    ],
)
def test_headings_days_and_counts_separate_readings(read, above):
    parts = [
        f"{above.format(name=name, day=day, count=count)}\n问题：{question}\n牌：隐士正位、战车逆位\n\n{GREETED.format(name=name)}"
        for count, (name, question, day) in enumerate(TWO, 1)
    ]
    readings = [to_reading(record) for record in read({"a.md": "\n\n\n".join(parts) + "\n"})]
    assert [(r["person"], r["question"], str(r["date"])) for r in readings] == TWO
    assert [r["content"] for r in readings] == [GREETED.format(name=name) for name, _, _ in TWO]


def test_headings_of_another_level_stay_body(read):
    again = "### 第二问\n问题：要不要换组\n牌：太阳正位\n\n太阳在最后，慢慢就亮了。"
    (record,) = read({"a.md": f"# Mel\n问题：换组\n牌：隐士正位\n\n{BODY}\n\n{again}\n"})
    assert record.content == f"{BODY}\n\n{again}"


@pytest.mark.parametrize(
    ("name", "opening", "person"),
    [
        ("2024-01-05 Mel.txt", "Mel宝贝晚上好，", "Mel"),
        ("阿宁/2024-01-05.txt", "雨停了吗，阿宁。", "阿宁"),
        ("阿宁_复盘.txt", "亲爱的阿宁你好，", "阿宁"),
        ("阿宁.txt", "先说结论，", None),  # a file may have any name
        ("今日.txt", "今日，天气很好，", None),
        ("感情.txt", "感情，你问的是这个，", None),
        ("换组.txt", "换组，先不要急，", None),  # the question
        ("阿月.txt", "我是阿月，", None),
        ("Mel.txt", "Melissa你好，", None),
    ],
)
def test_names_outside_count_if_addressed(read, name, opening, person):
    (record,) = read({name: f"问题：换组\n牌：隐士正位\n\n{opening}{BODY}\n"})
    assert record.person == person


@pytest.mark.parametrize(
    "laid",
    [
        "过去：隐士正位\n现在：战车逆位\n未来：太阳",
        "- 过去：隐士正位\n- 现在：战车逆位\n- 未来：太阳",
        "\n过去：隐士正位\n现在：战车逆位\n未来：太阳",
    ],
)
def test_unlabelled_place_and_card_lines_are_cards(read, laid):
    (record,) = read({"a.txt": f"咨询者：Mel\n问题：换组\n{laid}\n解读：\n{BODY}\n"})
    reading = to_reading(record)
    assert three(reading) == [
        (1, "过去", "隐士", "upright"),
        (2, "现在", "战车", "reversed"),
        (3, "未来", "太阳", "unknown"),
    ]
    assert reading["content"] == BODY


@pytest.mark.parametrize(
    "head",
    [
        "咨询者（微信名）：Mel\n问题（原话）：换组\n抽到的牌（从左到右）：隐士",
        "咨询者：Mel\n年龄：28\n背景：在这家三年了\n问题：换组\n牌：隐士",
        "您的称呼：Mel\n想问的事：换组\n抽牌：隐士",
        "1. 您的称呼：Mel\n2. 您想问的问题：换组\n3. 抽到的牌：隐士",
    ],
)
def test_questionnaire_labels_with_remarks_are_read(read, head):
    (record,) = read({"a.txt": f"{head}\n\n{BODY}\n"})
    assert (record.person, record.question, record.content) == ("Mel", "换组", BODY)
    assert [card["card"] for card in to_reading(record)["cards"]] == ["隐士"]


def test_outcomes_below_readings_are_not_content(read):
    head = "咨询者：Mel\n问题：换组\n牌：隐士\n\n"
    (record,) = read({"a.txt": f"{head}{BODY}\n\n反馈：三月真的换了\n"})
    assert (record.content, record.outcome) == (BODY, "三月真的换了")
    (ahead,) = read({"a.txt": f"{head}{BODY}\n\n后续：三月再看一次\n"})
    assert ahead.content == f"{BODY}\n\n后续：三月再看一次"


@pytest.mark.parametrize("between", ["## {day}\n", "{day}\n", "-----\n日期：{day}\n"])
def test_one_person_heads_a_whole_file(read, between):
    parts = [f"{between.format(day=day)}问题：{question}\n牌：隐士正位\n\n{BODY}\n\n" for _, question, day in TWO]
    readings = [to_reading(record) for record in read({"a.md": "客户：阿宁\n\n" + "".join(parts)})]
    assert [(r["person"], r["question"], str(r["date"])) for r in readings] == [("阿宁", *told[1:]) for told in TWO]
    assert [r["content"] for r in readings] == [BODY, BODY]


@pytest.mark.parametrize("laid", ["隐士正位、战车逆位", "隐士正位\n战车逆位"])
def test_cards_alone_under_the_labels_are_the_cards(read, laid):
    (record,) = read({"a.txt": f"咨询者：Mel\n问题：换组\n{laid}\n\n{BODY}\n"})
    assert [(c["card"], c["orientation"]) for c in to_reading(record)["cards"]] == [
        ("隐士", "upright"),
        ("战车", "reversed"),
    ]
    assert record.content == BODY


def test_an_outcome_under_a_heading_of_its_own(read):
    text = f"# Mel\n- 咨询者：Mel\n- 问题：换组\n- 牌：隐士\n\n## 解读\n\n{BODY}\n\n## 反馈\n\n三月换了\n"
    (record,) = read({"a.md": text})
    assert (record.content, record.outcome) == (BODY, "三月换了")


def test_rules_and_empty_headings_are_no_content(read):
    body = "先放一放，愚人要你轻装上路，别带太多东西，路上再说。"
    text = f"客户：阿宁\n问题：搬家\n牌：愚人 正位\n\n---\n\n## 解读\n{body}\n\n## 相关\n"
    assert [record.content for record in read({"a.md": text})] == [body]
