import json

import pytest

from tarot_data.ingest.clean import to_reading, to_readings
from tarot_data.sources import finetune

BODY = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。先把手上的项目收尾，三月以后再谈换组的事。"
PROMPT = "请为以下咨询提供塔罗解读：\n\n咨询者：Mel\n问题：要不要换组\n牌阵：圣三角\n抽到的牌：隐士(正位) | 战车(逆位)\n\n请进行专业解读。"


@pytest.mark.parametrize(
    "item",
    [
        {"instruction": PROMPT, "input": "", "output": BODY},
        {"instruction": "请为以下咨询提供塔罗解读", "input": PROMPT.split("\n\n")[1], "output": BODY},
        {"prompt": PROMPT, "completion": BODY},
        {"instruction": PROMPT, "response": BODY},
        {"query": PROMPT, "response": BODY, "history": [["你好", "在的"]]},
        {"prompt": PROMPT, "chosen": BODY, "rejected": "不好"},
        {
            "conversations": [{"from": "human", "value": PROMPT}, {"from": "gpt", "value": BODY}],
            "system": "你是一位塔罗师",
        },
        {
            "messages": [
                {"role": "system", "content": "你是塔罗师"},
                {"role": "user", "content": PROMPT},
                {"role": "assistant", "content": BODY},
            ]
        },
        {
            "messages": [
                {"role": "system", "content": PROMPT},
                {"role": "user", "content": "开始吧"},
                {"role": "assistant", "content": BODY},
            ]
        },
        {"conversations": [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": BODY}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
                {"role": "assistant", "content": BODY},
            ]
        },
        {"instruction": PROMPT, "output": f"<think>先看牌面……</think>\n\n{BODY}"},
    ],
)
@pytest.mark.parametrize("as_lines", [False, True])
def test_prompt_labels_are_fields_and_answer_is_content(read, item, as_lines):
    text = json.dumps(item, ensure_ascii=False)
    reading = to_reading(read({"train.json": text if as_lines else f"[{text}]"})[0])
    assert (reading["person"], reading["question"], reading["draws"][0]["spread"]) == ("Mel", "要不要换组", "圣三角")
    assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [("隐士", "upright"), ("战车", "reversed")]
    assert reading["content"] == BODY


def test_metadata_fills_what_the_prompt_lacks(read):
    item = {
        "instruction": "问题：考试\n请解读",
        "response": BODY,
        "metadata": {"person": "小满", "cards": ["权杖八(正位)"], "spread": "单张", "source_file": "a.md"},
    }
    reading = to_reading(read({"a.jsonl": json.dumps(item, ensure_ascii=False)})[0])
    assert (reading["person"], reading["question"], [c["card"] for c in reading["cards"]]) == (
        "小满",
        "考试",
        ["权杖八"],
    )


def test_chatter_has_no_cards(read):
    item = {
        "conversations": [
            {"role": "user", "content": "老师在吗"},
            {
                "role": "assistant",
                "content": "在的在的，今天店里人很多，还没来得及给你摆牌，等我周末空下来再认真看，好吗？到时候把问题想清楚一点。",
            },
        ]
    }
    _, rejections = to_readings(read({"a.json": json.dumps([item], ensure_ascii=False)}))
    assert rejections["reason"].to_list() == ["no_cards"]


def test_synthetic_items_are_marked(read):
    item = {"instruction": PROMPT, "input": "", "output": BODY, "synthetic": True}
    assert to_reading(read({"a.json": json.dumps([item])})[0])["synthetic"] is True


def test_a_broken_item_costs_itself(read):
    good = json.dumps({"instruction": PROMPT, "input": "", "output": BODY}, ensure_ascii=False)
    records = read({"a.json": f"[\n{good},\n{good[:80]}\n,\n{good}\n]"})
    assert [type(record).__name__ for record in records] == ["RawRecord", "Rejected", "RawRecord"]


@pytest.mark.parametrize(
    "item",
    [
        {
            "prompt": PROMPT,
            "chosen": [{"role": "assistant", "content": BODY}],
            "rejected": [{"role": "assistant", "content": "不知道"}],
        },
        {
            "conversations": [{"from": "human", "value": PROMPT}],
            "chosen": {"from": "gpt", "value": BODY},
            "rejected": {"from": "gpt", "value": "不知道"},
        },
    ],
)
def test_chosen_turn_of_a_pair_is_the_answer(read, item):
    assert to_reading(read({"a.json": json.dumps([item], ensure_ascii=False)})[0])["content"] == BODY


def test_turns_may_have_cards_in_the_answer(read):
    turns = [
        {"role": "user", "content": "老师在吗\n要不要换组"},
        {"role": "assistant", "content": f"在的\n牌阵：圣三角\n牌：隐士、战车（逆）、太阳\n{BODY}"},
        {"role": "user", "content": "谢谢老师"},
    ]
    reading = to_reading(read({"Mel_train.json": json.dumps([{"conversations": turns}], ensure_ascii=False)})[0])
    assert (reading["question"], reading["draws"][0]["spread"], reading["content"]) == ("要不要换组", "圣三角", BODY)
    assert [card["card"] for card in reading["cards"]] == ["隐士", "战车", "太阳"]


def test_short_answers_before_the_reading_are_dropped(read):
    turns = [("user", "老师在吗"), ("assistant", "在的。"), ("user", PROMPT), ("assistant", BODY)]
    item = {"messages": [{"role": role, "content": text} for role, text in turns]}
    assert to_reading(read({"a.json": json.dumps([item], ensure_ascii=False)})[0])["content"] == BODY


def test_request_after_the_card_list_is_ignored(read):
    item = {"instruction": "咨询者：Mel；问题：换组；牌：隐士、战车（逆）。请解读。", "input": "", "output": BODY}
    reading = to_reading(read({"a.json": json.dumps([item], ensure_ascii=False)})[0])
    assert (reading["person"], [card["card"] for card in reading["cards"]]) == ("Mel", ["隐士", "战车"])


OTHER = "皇后坐在麦田里，该有的都会有。力量逆位，别跟自己较劲，先把觉睡够。下个月初再谈价钱，会顺一些。"
SECOND = "问题：要不要搬家\n抽到的牌：皇后(正位) | 力量(逆位)"


def turns(*pairs: tuple[str, object]) -> list[dict]:
    return [{"role": role, "content": text} for role, text in pairs]


@pytest.mark.parametrize(
    "item",
    [
        {"messages": turns(("user", PROMPT), ("assistant", BODY), ("user", SECOND), ("assistant", OTHER))},
        {"messages": turns(("USER", PROMPT), ("model", BODY), ("human", SECOND), ("gpt", OTHER))},
        {"instruction": SECOND, "input": "", "output": OTHER, "history": [[PROMPT, BODY]]},
        {"query": SECOND, "response": OTHER, "history": [["在吗", "在的"], [PROMPT, BODY]]},
        {"prompt": SECOND, "response": OTHER, "history": turns(("user", PROMPT), ("assistant", BODY))},
        {"conversation": [{"human": PROMPT, "assistant": BODY}, {"human": SECOND, "assistant": OTHER}]},
        {"dialogue": [{"speaker": "user", "text": PROMPT}, {"speaker": "bot", "text": BODY}]
         + [{"speaker": "user", "text": SECOND}, {"speaker": "bot", "text": f"<think>嗯</think>{OTHER}"}]},
        {"messages": turns(("user", [{"type": "text", "text": PROMPT}]), ("assistant", [{"type": "text", "text": BODY}]),
                           ("user", [{"type": "image"}, {"type": "text", "text": SECOND}]), ("assistant", OTHER))},
    ],
)  # fmt: skip
def test_each_reading_of_a_conversation_is_a_record(read, item):
    first, second = map(to_reading, read({"a.json": json.dumps([item], ensure_ascii=False)}))
    assert (first["person"], first["question"], first["content"]) == ("Mel", "要不要换组", BODY)
    assert (second["person"], second["question"], second["content"]) == ("Mel", "要不要搬家", OTHER)
    assert [(c["card"], c["orientation"]) for c in second["cards"]] == [("皇后", "upright"), ("力量", "reversed")]


def test_answers_without_new_cards_belong_to_the_reading(read):
    item = {"messages": turns(("user", PROMPT), ("assistant", BODY), ("user", "要注意什么"), ("assistant", OTHER))}
    assert to_reading(read({"a.json": json.dumps([item])})[0])["content"] == f"{BODY}\n\n{OTHER}"


@pytest.mark.parametrize(
    "result",
    [
        '{"cards": ["隐士(正位)", "战车(逆位)"]}',
        '{"data": {"spread": "两张", "cards": [{"name": "隐士", "orientation": "正位"}, {"name": "战车", "reversed": true}]}}',
        '["隐士正位", "战车逆位"]',
        "牌：隐士(正位) | 战车(逆位)",
        "隐士正位、战车逆位",
    ],
)
@pytest.mark.parametrize(
    ("call", "tool"), [("function_call", "observation"), ("tool_call", "tool"), ("call", "ipython")]
)
def test_cards_come_from_a_tool_turn(read, result, call, tool):
    said = [
        ("system", "你是塔罗师，姓名：阿月"),
        ("user", "老师，要不要换组"),
        (call, '{"name": "draw"}'),
        (tool, result),
    ]
    item = {"messages": turns(*said, ("assistant", BODY)), "tools": "[]"}
    reading = to_reading(read({"a.json": json.dumps([item], ensure_ascii=False)})[0])
    assert (reading["person"], reading["question"], reading["content"]) == (None, "要不要换组", BODY)
    assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [("隐士", "upright"), ("战车", "reversed")]


def test_labels_of_a_system_prompt_are_no_person(read):
    item = {"system": "姓名：阿月\n问题：你要回答什么", "instruction": "牌：隐士(正位)", "output": BODY}
    reading = to_reading(read({"a.json": json.dumps([item], ensure_ascii=False)})[0])
    assert (reading["person"], reading["question"]) == (None, None)


def test_cards_told_in_a_prompt_are_read(read):
    item = {"messages": turns(("user", "要不要换组？我抽到了隐士正位、战车逆位"), ("assistant", BODY))}
    reading = to_reading(read({"a.json": json.dumps([item], ensure_ascii=False)})[0])
    assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [("隐士", "upright"), ("战车", "reversed")]
    assert (reading["question"], reading["content"]) == ("要不要换组？", BODY)


ASKED = "我还要不要等他的消息？"


@pytest.mark.parametrize("label", ["抽牌", "牌", "抽到", "抽到的牌是"])
@pytest.mark.parametrize("keys", [("prompt", "chosen"), ("query", "response"), ("问", "答"), ("question", "answer")])
def test_a_question_before_the_cards_of_a_prompt(read, keys, label):
    item = {keys[0]: f"{ASKED}{label}：隐士正位、战车逆位", keys[1]: BODY}
    reading = to_reading(read({"a.jsonl": json.dumps(item, ensure_ascii=False)})[0])
    assert (reading["question"], reading["content"]) == (ASKED, BODY)
    assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [("隐士", "upright"), ("战车", "reversed")]


def test_an_instruction_before_the_cards_is_no_question(read):
    item = {"instruction": "请根据牌面写一段解读。牌：隐士正位、战车逆位", "output": BODY}
    assert to_reading(read({"a.jsonl": json.dumps(item, ensure_ascii=False)})[0])["question"] is None


@pytest.mark.parametrize(
    "item", [{"客户": "小鹿", "解读": BODY}, {"question": ASKED, "answer": BODY, "date": "2024-03-05"}]
)
def test_a_reading_under_names_of_roles_is_no_prompt(read, item):
    (record,) = read({"a.jsonl": json.dumps(item, ensure_ascii=False)})
    assert (record.person, record.question) == (item.get("客户"), item.get("question"))


def test_drawn_cards_are_no_part_of_the_question(read):
    prompt = f"{ASKED}我抽到的牌是：隐士（正位）、战车（逆位）"
    item = {"conversations": [{"from": "human", "value": prompt}, {"from": "gpt", "value": BODY}]}
    assert to_reading(read({"a.jsonl": json.dumps(item, ensure_ascii=False)})[0])["question"] == ASKED


def node(parent: str | None, role: str, text: str) -> dict:
    message = {"author": {"role": role}, "create_time": 1.0, "content": {"content_type": "text", "parts": [text]}}
    return {"message": message, "parent": parent}


def test_a_tree_of_messages_is_read_to_its_current_node(read):
    nodes = {
        "root": {"message": None, "parent": None},
        "a": node("root", "user", f"{ASKED}我抽到隐士正位、战车逆位"),
        "old": node("a", "assistant", "这是被换掉的回答。" * 8),
        "new": node("a", "assistant", BODY),
    }
    talk = {"title": "聊天", "create_time": 1709600000.5, "mapping": nodes, "current_node": "new"}
    (record,) = read({"conversations.json": json.dumps([talk], ensure_ascii=False)})
    assert (record.question, record.content) == (ASKED, BODY)
    assert to_reading(record)["date"].isoformat() == "2024-03-05"


@pytest.mark.parametrize(
    "nodes", [{"a": {"parent": "a"}}, {"a": None}, {"a": {"message": {"content": 1}, "parent": 3}}]
)
def test_a_damaged_tree_of_messages_has_no_turns(nodes):
    assert finetune.example_of({"mapping": nodes, "current_node": "a"}).turns == []
