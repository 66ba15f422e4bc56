"""The person and the day in the name of a note's file."""

import pytest

from tarot_data.ingest.clean import to_reading
from tarot_data.sources.name_evidence import split_asker

BODY = "隐士提着灯慢慢走，你这半年都在自己找路，没人催你。战车倒过来，缰绳松了，先把手上的事收完再谈别的。"
NOTE = f"问：要不要搬去南京\n牌：隐士正位、战车逆位\n\n{BODY}"
TALKED = f"问：要不要搬去南京\n牌：隐士正位、战车逆位\n\n{{}}{BODY}"


def person_and_day(record) -> tuple[str | None, str | None]:
    reading = to_reading(record)
    return reading["person"], str(reading["date"]) if reading["date"] else None


@pytest.mark.parametrize(
    "name",
    [
        "2024-03-05 小鹿.md",
        "小鹿 2024-03-05.txt",
        "2024年/塔罗-小鹿-0305.txt",
        "20240305小鹿.txt",
        "小鹿_2024.3.5_感情.md",
        "2024/3.5 小鹿 要不要搬家.md",
        "2024/【小鹿】3月5日.txt",
    ],
)
def test_a_name_and_a_day_in_either_order(read, name):
    (record,) = read({name: NOTE})
    assert person_and_day(record) == ("小鹿", "2024-03-05")
    assert to_reading(record)["content"] == BODY


@pytest.mark.parametrize(
    "word",
    "小结 小红书 老师 复盘 周运 月运 小雪 小程序 老客户 阿卡纳 搬家 感情 复合 考研 任务 方案 周末 年运 直播 随记 星河 测试 "
    "白羊 夏至 满月 日记 塔罗 圣三角 愚人 谢谢 Love Final Untitled 网友 匿名 第三位 余生 何时 事业 女祭司 小阿卡纳".split(),
)
def test_a_topic_is_no_person(read, word):
    (record,) = read({f"2024-03-05 {word}.md": NOTE})
    assert record.person is None


def test_a_topic_among_files_of_one_shape(read):
    words = ("复盘", "周运", "任务", "方案", "星河")
    records = read({f"2024-03-0{day} {word}.md": NOTE + word for day, word in enumerate(words, 1)})
    assert [record.person for record in records] == [None] * 5


def test_files_of_one_shape_confirm_a_surname(read):
    names = ("林樱", "小鹿", "陈默", "阿宁")
    records = read({f"2024-03-0{day} {name}.md": NOTE + name for day, name in enumerate(names, 1)})
    assert sorted(record.person for record in records) == sorted(names)


def test_a_surname_alone_is_not_enough(read):
    assert read({"2024-03-05 林樱.md": NOTE})[0].person is None


@pytest.mark.parametrize("call", ["亲爱的星河：\n", "星河你好，", "Hi 星河~ "])
def test_a_text_that_calls_somebody_names_them(read, call):
    assert read({"2024-03-05 星河.md": TALKED.format(f"先抱抱你这半年真的辛苦了呀。{call}")})[0].person == "星河"


def test_a_topic_that_begins_a_sentence_is_no_person(read):
    body = TALKED.format("这半年你其实一直都在想着这件事。星河，那是以后的事。")
    assert read({"2024-03-05 星河.md": body})[0].person is None


def test_a_name_alone_needs_more(read):
    assert read({"小鹿.md": NOTE})[0].person is None
    assert read({"小鹿.md": TALKED.format("先抱抱你这半年真的辛苦了呀。小鹿，别急。")})[0].person == "小鹿"


def test_a_file_in_a_folder_of_clients(read):
    (record,) = read({"客户/星河.md": NOTE})
    assert record.person == "星河"
    (other,) = read({"客户/感情.md": NOTE.replace("南京", "成都")})[:1]
    assert other.person is None


def test_a_labelled_person_counts_first(read):
    (record,) = read({"2024-03-05 小鹿.md": f"客户：阿宁\n{NOTE}"})
    assert record.person == "阿宁"


def test_cards_alone_above_a_text(read):
    (record,) = read({"2024/0312 阿眠 工作.txt": f"隐士 战车逆\n\n{BODY}"})
    assert person_and_day(record) == ("阿眠", "2024-03-12")
    assert to_reading(record)["content"] == BODY


def test_front_matter_without_a_person(read):
    (record,) = read({"2024-03-05 小鹿.md": f"---\nspread: 单张\ncards: 隐士正位\n---\n{BODY}"})
    assert record.person == "小鹿"


def test_two_people_are_nobody(read):
    assert read({"2024-03-05 小鹿 阿宁.md": NOTE})[0].person is None


def test_a_day_beside_a_topic(read):
    (record,) = read({"2023/客户/阿绫/1204 复合.md": NOTE})
    assert person_and_day(record) == ("阿绫", "2023-12-04")


@pytest.mark.parametrize("word", ["方案", "狗狗", "小程序", "老二", "小产", "Python", "高考", "老板"])
def test_everyday_words_before_a_question_are_nobody(word):
    assert [split_asker(f"{word}{mark}要不要再等等")[0] for mark in "： ，"] == [None] * 3


@pytest.mark.parametrize(
    "title", ["阿芮 要不要生二胎", "阿芮：要不要生二胎", "【阿芮】要不要生二胎", "给阿芮：要不要生二胎"]
)
def test_a_title_gives_person_and_question(title):
    assert split_asker(title) == ("阿芮", "要不要生二胎")
