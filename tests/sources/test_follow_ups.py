"""Questions that a client asks after the reading began: kept with the place of their answer."""

import json

from tarot_data.ingest.clean import to_reading
from tests.builders import reading

READING = "Mel你好。隐士提着灯，你这半年一直在自己找路。战车倒过来是缰绳松了，先别急着往前冲，太阳在最后，慢慢就亮了。"
TALK = [
    ("Mel", "20:58", "老师在吗，要不要换组"),
    ("塔罗师阿月", "21:00", "牌：隐士、战车（逆）、太阳"),
    ("塔罗师阿月", "21:05", READING),
    ("Mel", "21:06", "那他会回来吗？\n我的微信是 mel_1990abc"),
    ("Mel", "21:06", "[强]"),
    ("塔罗师阿月", "21:08", "会，但不是现在。\n\n等过了四月再看。"),
    ("Mel", "21:09", "好的谢谢老师"),
    ("塔罗师阿月", "21:10", "早点睡，别再翻他的动态。"),
    ("Mel", "21:11", "我需要主动联系他吗"),
    ("塔罗师阿月", "21:12", "先不用。"),
]


def chat(talk) -> str:
    return "".join(f"{name} 2024-01-05 {time}:00\n{text}\n" for name, time, text in talk)


def of_chat(read, talk=TALK) -> dict:
    (record,) = read({"聊天.txt": chat(talk)})
    return to_reading(record)


def answers(row: dict) -> list[tuple[str, str]]:
    return [(one["asked"], row["content"][one["at"] :].split("\n\n")[0]) for one in row["follow_ups"]]


def test_questions_keep_the_place_of_their_answers(read):
    row = of_chat(read)
    assert row["content"].startswith("Mel你好。隐士") and "要不要换组" not in row["content"]
    assert [asked.split("\n")[0] for asked, _ in answers(row)] == ["那他会回来吗？", "我需要主动联系他吗"]
    assert [answer for _, answer in answers(row)] == ["会，但不是现在。", "先不用。"]


def test_contact_details_in_questions_are_masked(read):
    row = of_chat(read)
    assert "mel_1990abc" not in json.dumps(row, default=str) and "〔" in row["follow_ups"][0]["asked"]
    assert "redacted" in row["flags"]


def test_places_are_right_behind_masked_words(read):
    talk = [(*one[:2], one[2].replace("慢慢就亮了", "有事打我电话13812345678")) for one in TALK]
    row = of_chat(read, talk)
    assert "13812345678" not in row["content"]
    assert [answer for _, answer in answers(row)] == ["会，但不是现在。", "先不用。"]


def test_remarks_that_ask_nothing_are_left_out(read):
    talk = [*TALK[:3], ("Mel", "21:06", "太准了，他就是这样的人"), *TALK[5:6]]
    assert of_chat(read, talk)["follow_ups"] == []


def test_questions_before_the_reading_proper_are_none(read):
    talk = [*TALK[:2], ("塔罗师阿月", "21:01", "我先看看牌"), ("Mel", "21:02", "要多久啊？"), TALK[2]]
    row = of_chat(read, talk)
    assert row["follow_ups"] == [] and row["content"].endswith(READING)


def test_it_is_not_known_whom_a_group_is_answered(read):
    talk = [*TALK[:3], ("小鹿", "21:06", "那我呢，能换吗？"), *TALK[5:6]]
    (record,) = read({"聊天.txt": chat(talk)})
    assert to_reading(record)["follow_ups"] == []


def test_turns_of_a_conversation_are_follow_ups(read):
    turns = [("user", "咨询者：Mel\n问题：要不要换组\n牌：隐士、战车逆位、太阳"), ("assistant", READING)]
    turns += [
        ("user", "那他会回来吗？"),
        ("assistant", "会，但不是现在。"),
        ("user", "谢谢"),
        ("assistant", "早点睡。"),
    ]
    line = json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]}, ensure_ascii=False)
    (record,) = read({"a.jsonl": line})
    assert answers(to_reading(record)) == [("那他会回来吗？", "会，但不是现在。")]


def test_a_printed_reading_comes_back_with_them(read):
    from flows.commands.readings import as_json

    row = of_chat(read)
    (record, _) = read({"again.jsonl": json.dumps(as_json(reading() | row), ensure_ascii=False, default=str)})
    assert to_reading(record)["follow_ups"] == row["follow_ups"]


MALFORMED = ("x", [1], [{"at": "a", "asked": 3}], [{"at": 9999, "asked": "那他呢？"}], [{"at": -3, "asked": "a？"}])


def test_malformed_follow_ups_are_ignored(read):
    from flows.commands.readings import as_json

    for number, given in enumerate(MALFORMED):
        row = as_json(reading()) | {"follow_ups": given}
        *_, record = read({f"{number}.jsonl": json.dumps(row, ensure_ascii=False, default=str)})
        assert to_reading(record)["follow_ups"] == []
