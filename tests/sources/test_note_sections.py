"""Several readings in a note, and lines of a note that belong to something else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarot_data.ingest.clean import to_reading
from tarot_data.sources.labels import labels_in
from tarot_data.sources.lines import to_lines
from tarot_data.sources.notes.beginnings import find_readings

FIRST = "皇帝坐得很稳，规矩是你自己定的。宝剑二逆位，眼罩摘下来了，该选就选。这一周把账单理一遍，再和他谈。"
SECOND = "权杖七站在高处挡，你没有输，只是累。圣杯九正位，愿望快满了，别急着许下一个。给自己放半天假，什么也别想。"
HEAD_1, HEAD_2 = "问题：要不要签这份合同\n牌：皇帝正位、宝剑二逆位", "问题：下半年怎么安排\n牌：权杖七正位、圣杯九正位"


def found(read, text: str, name: str = "a.md") -> list[tuple]:
    readings = [to_reading(record) for record in read({name: text})]
    return [(r["person"], r["question"], str(r["date"]) if r["date"] else None, r["content"]) for r in readings]


@pytest.mark.parametrize("between", ["\n\n", "\n\n\n", "\n\n---\n\n", "\n---\n"])
@pytest.mark.parametrize("content", ["\n\n", "\n解读：", "\n解读：\n"])
def test_readings_without_person_and_date_first(read, between, content):
    text = f"日期：2026-07-13\n{HEAD_1}{content}{FIRST}{between}日期：2026-07-14\n{HEAD_2}{content}{SECOND}\n"
    assert found(read, text) == [
        (None, "要不要签这份合同", "2026-07-13", FIRST),
        (None, "下半年怎么安排", "2026-07-14", SECOND),
    ]


def test_questions_begin_readings(read):
    assert [each[3] for each in found(read, f"{HEAD_1}\n\n{FIRST}\n\n{HEAD_2}\n\n{SECOND}\n")] == [FIRST, SECOND]


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_one_person_asks_several_questions(read, gap):
    text = f"客户：老周{gap}{HEAD_1}\n\n{FIRST}\n\n{HEAD_2}\n\n{SECOND}\n"
    assert [(each[0], each[3]) for each in found(read, text)] == [("老周", FIRST), ("老周", SECOND)]


def test_a_date_line_heads_only_its_reading(read):
    text = f"2026-07-13\n客户：老周\n{HEAD_1}\n\n{FIRST}\n\n-----\n客户：小满\n{HEAD_2}\n\n{SECOND}\n"
    assert [each[2] for each in found(read, f"{text}\n2026-07-20\n客户：阿岚\n{HEAD_1}\n\n先说。{FIRST}")] == [
        "2026-07-13",
        None,
        "2026-07-20",
    ]


def test_a_date_heading_heads_all_readings_below(read):
    text = f"# 2026-07-13\n\n## 一\n客户：老周\n{HEAD_1}\n\n{FIRST}\n\n## 二\n客户：小满\n{HEAD_2}\n\n{SECOND}\n"
    assert [each[2] for each in found(read, text)] == ["2026-07-13", "2026-07-13"]


def test_days_with_cards_alone_are_readings(read):
    text = f"2026-07-13\n牌：皇帝正位、宝剑二逆位\n{FIRST}\n\n2026-07-14\n牌：权杖七正位、圣杯九正位\n{SECOND}\n"
    assert found(read, text) == [(None, None, "2026-07-13", FIRST), (None, None, "2026-07-14", SECOND)]


def test_marked_blocks_of_a_journal_app(read):
    block = "[Reading]\nDate: {}\nTopic: 工作\nQuestion: {}\nCards:\n- {}\n- {} | reversed | blocked\nNotes:\n{}\n"
    text = block.format("2026-07-13", "签吗", "皇帝 | upright | balanced", "宝剑二", FIRST)
    text += "\n" + block.format("2026-07-14", "去吗", "权杖七 | upright", "圣杯九", SECOND)
    assert found(read, text) == [(None, "签吗", "2026-07-13", FIRST), (None, "去吗", "2026-07-14", SECOND)]


def test_a_head_repeated_in_its_body_begins_no_reading(read):
    text = f"客户：老周\n{HEAD_1}\n\n# 老周\n\n> 问题：要不要签这份合同\n> 牌：皇帝、宝剑二\n\n{FIRST}\n"
    assert len(read({"a.md": text})) == 1


def test_a_text_above_its_labels_is_the_content(read):
    assert found(read, f"{FIRST}\n\n客户：老周\n{HEAD_1}\n") == [("老周", "要不要签这份合同", None, FIRST)]


def test_a_reading_above_another_is_a_record(read):
    above, below = read({"a.md": f"{FIRST}\n\n客户：小满\n{HEAD_2}\n\n{SECOND}\n"})
    assert (above.content, below.content) == (FIRST, SECOND)


@pytest.mark.parametrize(
    "other",
    [
        "## 待办\n- [ ] 交电费\n- [x] 取快递",
        "## 日记\n和妹妹吵了一架，很累。",
        "## 看房\n城南那套采光好一点，价格高。",
        "# 别的\n买了两盆薄荷。",
        "待办：\n- 交电费\n- 取快递",
        "【记账】\n午饭 32",
        "跑步：五公里",
        "- [ ] 给老周回访\n- [x] 收款",
        "---\n\n## 运动\n游泳一小时",
        "☐ 给老周回访",
    ],
)
def test_other_parts_of_a_daily_note_stay_out(read, other):
    text = f"# 2026-07-13 周一\n\n## 工作\n写周报。\n\n## 塔罗\n客户：老周\n{HEAD_1}\n\n{FIRST}\n\n{other}\n"
    assert found(read, text) == [("老周", "要不要签这份合同", "2026-07-13", FIRST)]


def test_lists_around_a_reading_of_a_day_stay_out(read):
    text = f"# 2026-07-13\n\n- 早上跑步\n\n客户：老周\n{HEAD_1}\n\n{FIRST}\n\n- 看电影\n- 交房租 3200\n"
    assert found(read, text)[0][3] == FIRST
    advice = f"{FIRST}\n\n- 少熬夜\n- 先存钱"
    assert found(read, f"# 2026-07-13\n\n客户：老周\n{HEAD_1}\n\n{advice}\n")[0][3] == advice


@pytest.mark.parametrize(
    "part",
    [
        "## 建议\n早点睡。",
        "## 皇帝\n椅背上刻着羊头。",
        "## 最后\n宝剑二逆位的人要先开口。",
        "### 时间\n大概在秋天。",
        "## 解读\n先稳住再说。",
        "### To-do\n- 宝剑二的提醒：先把预算写下来\n- 下周再谈",
    ],
)
def test_sections_of_the_reading_stay(read, part):
    text = f"# 2026-07-13\n\n## 塔罗\n客户：老周\n{HEAD_1}\n\n{FIRST}\n\n{part}\n"
    assert found(read, text)[0][3] == f"{FIRST}\n\n{part}"


def test_a_list_of_tasks_inside_a_text_stays(read):
    body = f"{FIRST}\n\n待办：\n☐ 周五前给他打电话\n☐ 把合同再读一遍\n\n你已经走了一半了。"
    assert found(read, f"客户：老周\n{HEAD_1}\n\n{body}\n")[0][3] == body


def test_fields_below_the_text_are_fields(read):
    text = f"客户：老周\n问题：要不要签这份合同\n\n{FIRST}\n\n牌：皇帝正位、宝剑二逆位\n日期：2026-07-13\n价格：88\n"
    assert found(read, text) == [("老周", "要不要签这份合同", "2026-07-13", FIRST)]
    answer = f"{FIRST}\n\n时间：三个月内"
    assert found(read, f"客户：老周\n{HEAD_1}\n\n{answer}\n")[0][3] == answer


READINGS = [
    ("老周", "要不要签", "2026-07-13"),
    ("小满", "换不换城市", "2026-07-14"),
    ("阿岚", "他在想什么", "2026-07-15"),
]
LABELS = {"person": ("客户", "咨询者", "Client"), "question": ("问题", "提问", "Question"), "date": ("日期", "Date")}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.data(),
    names=st.sets(st.sampled_from(["person", "date"]), min_size=1),
    rule=st.sampled_from(["", "---", "————", "＊＊＊"]),
    form=st.sampled_from(["{}：{}", "【{}】{}", "- {}: {}", "**{}**：{}"]),
)
def test_as_many_readings_as_heads(data, names, rule, form):
    order = data.draw(st.permutations([*sorted(names), "question", "cards"]))
    labels = {name: data.draw(st.sampled_from(words)) for name, words in LABELS.items()} | {"cards": "牌"}
    blocks = []
    for person, question, date in READINGS:
        values = {"person": person, "question": question, "date": date, "cards": "皇帝正位、宝剑二逆位"}
        head = "\n".join(form.format(labels[name], values[name]) for name in order)
        blocks.append(f"{head}\n\n{FIRST}")
    lines = to_lines((f"\n\n{rule}\n" if rule else "\n\n").join(blocks).split("\n"))
    heads = [reading.head for reading in find_readings(lines)]
    assert [head.fields["question", 1][0][1] for head in heads] == [question for _, question, _ in READINGS]
    assert all(head.names == {*names, "question", "cards"} for head in heads)
    assert all(labels_in(lines[reading.start].text) for reading in find_readings(lines))


NUMBERED = [
    "## 1. {}\n牌：皇帝正位、宝剑二逆位\n{}\n## 2. {}\n牌：权杖七正位、圣杯九正位\n{}\n",
    "1、{}\n牌：皇帝正位、宝剑二逆位\n解读：{}\n2、{}\n牌：权杖七正位、圣杯九正位\n解读：{}\n",
    "一、{}\n牌：皇帝正位、宝剑二逆位\n{}\n\n二、{}\n牌：权杖七正位、圣杯九正位\n{}\n",
    "① {}\n牌：皇帝正位、宝剑二逆位\n{}\n\n② {}\n牌：权杖七正位、圣杯九正位\n{}\n",
]


@pytest.mark.parametrize("form", NUMBERED)
def test_numbered_titles_over_cards_alone(read, form):
    readings = found(read, form.format("小鹿 感情", FIRST, "阿宁 事业", SECOND))
    assert [(person, content) for person, _, _, content in readings] == [("小鹿", FIRST), ("阿宁", SECOND)]


def test_counted_titles_without_names(read):
    text = f"## 案例\n## 1. 前台那位\n牌：皇帝正位、宝剑二逆位\n{FIRST}\n## 2. 后来那位\n牌：权杖七正位、圣杯九正位\n{SECOND}\n"
    assert [each[3] for each in found(read, text)] == [FIRST, SECOND]


def test_counted_positions_are_one_reading(read):
    text = f"客户：小满\n问题：搬家\n\n1. 过去\n牌：皇帝正位\n{FIRST}\n\n2. 现在\n牌：权杖七正位\n{SECOND}\n"
    assert len(found(read, text)) == 1


def test_a_client_at_the_top_has_all_unlabelled_heads(read):
    text = f"客户：小满\n\n1. 要不要签\n牌：皇帝正位\n{FIRST}\n\n2. 要不要搬\n牌：权杖七正位\n{SECOND}\n"
    assert [each[0] for each in found(read, text)] == ["小满", "小满"]


DIARY = "牙疼，去补了一颗，医生说下周还要再来。中午吃的粥。"


@pytest.mark.parametrize(
    "between", ["----------\n2月18日\n", "2月18日 晴\n", "2024.2.18 周日\n", "---\n2024年2月18日\n"]
)
def test_diary_below_a_line_of_a_day_is_left_out(read, between):
    assert [each[3] for each in found(read, f"客户：小满\n{HEAD_1}\n\n{FIRST}\n\n{between}{DIARY}\n")] == [FIRST]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"{FIRST}\n\n2月18日\n圣杯九这天愿望有回音。", id="days of a forecast"),
        pytest.param(f"{FIRST}\n\n2月18日\n这天适合你把话说开。", id="a day in advice"),
        pytest.param(f"我：{FIRST}\n她：最近有点累，不想说话。", id="a position without a card"),
        pytest.param(f"我：{FIRST}\n她：{SECOND}\n对方：宝剑二还没想好。", id="positions of two people"),
    ],
)
def test_what_belongs_to_the_reading_stays(read, body):
    assert [each[3] for each in found(read, f"客户：小满\n{HEAD_1}\n\n{body}\n")] == [body]


def test_a_day_under_a_text_is_its_date(read):
    assert found(read, f"客户：小满\n{HEAD_1}\n\n{FIRST}\n\n2022年11月6日\n") == [
        ("小满", "要不要签这份合同", "2022-11-06", FIRST)
    ]


@pytest.mark.parametrize("reply", ["小满：谢谢姐姐，真的很准", "她说：谢谢姐姐", "> 小满：好准\n> 我：嗯嗯"])
def test_thanks_of_the_client_below_a_text(read, reply):
    assert [each[3] for each in found(read, f"客户：小满\n{HEAD_1}\n\n{FIRST}\n\n{reply}\n")] == [FIRST]


def test_a_dialogue_keeps_what_the_reader_says(read):
    text = f"她：我最近睡不着。\n我：{FIRST}\n她：那我要不要先聊？\n我：先缓两天。\n她：好的谢谢姐！"
    assert [each[3] for each in found(read, f"客户：小满\n{HEAD_1}\n{text}\n")] == [f"{FIRST}\n先缓两天。"]
