"""Chats as text: a talk written in the form of every row of chats.csv comes back as the reader's words."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tarot_data import lexicon
from tarot_data.ingest.clean import to_reading
from tarot_data.sources import reader
from tarot_data.sources.records import Rejected

ROWS = lexicon.shipped_rows("chats")
HEADS = [row for row in ROWS if row["kind"] == "head"]
CLIENTS = ["Mel", "小美", "Amy Chen", "阿禾🌙", "李·安", "不吃香菜的人"]
READERS = ["阿月", "塔罗师阿月", "Luna塔羅", "月 見"]
QUESTIONS = ["我该不该换部门", "他为什么突然不回我了？", "這份工作要不要留"]
DRAWS = [
    "愚人正位、力量逆位、星星正位",
    "牌：愚人正位、力量逆位、星星正位",
    "牌面：愚人 力量（逆位） 星星\n牌阵：圣三角",
]
CARDS = ["愚人", "力量", "星星"]
LONG = "三张牌连起来看，你不是没有路，是路太多，反而一步都没有迈出去，心里一直在等一个人先开口。"
PARTS = [
    "愚人站在崖边，脚下是空的，心里是轻的。",
    "力量逆位，狮子醒了，你先松手。\n别跟它硬拼，慢慢来。",
    "星星照着水面，\n\n希望还在，早点睡。",
    "先说结论：可以动，只是不能一下子全动。",
    '他说"再等等"，你听听就好。',
]
OTHERS = ["嗯嗯", "谢谢老师，其实我先生上个月打了我", "好准！\n我哭了", "[图片]", "[表情]"]


@dataclass(frozen=True)
class Said:
    name: str
    text: str
    time: datetime


@st.composite
def talks(draw) -> tuple[str, str, str, list[str], list[Said]]:
    """Draw client, reader, question, the parts of the reading, and all messages."""
    client, own = draw(st.sampled_from(CLIENTS)), draw(st.sampled_from(READERS))
    question = draw(st.sampled_from(QUESTIONS))
    parts = [LONG, *draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True))]
    said = [(client, question), (own, "[图片]"), (own, draw(st.sampled_from(DRAWS)))]
    for part in parts:
        said += [(own, part), *((client, text) for text in draw(st.lists(st.sampled_from(OTHERS), max_size=1)))]
    said.append((client, "我妈住院了，没跟别人说"))
    start = datetime(2024, 3, draw(st.integers(13, 28)), draw(st.integers(0, 18)), draw(st.integers(0, 59)))
    gaps = draw(st.lists(st.integers(1, 9), min_size=len(said), max_size=len(said)))
    times = [start + timedelta(minutes=sum(gaps[: index + 1])) for index in range(len(said))]
    return client, own, question, parts, [Said(*pair, time) for pair, time in zip(said, times, strict=True)]


def value_of(part: str, said: Said) -> str:
    time = said.time
    clock = time.strftime("%H:%M") if time.hour > 12 else f"{'下午' if time.hour == 12 else '上午'}{time:%I:%M}"
    multi = "\n" in said.text
    return {
        "name": said.name,
        "day": f"{time.year}-{time.month:02}-{time.day:02}",
        "short_day": f"{time.day}/{time.month}/{time.year}",
        "us_day": f"{time.month}/{time.day}/{time.year}",
        "english_day": f"{time:%b} {time.day}, {time.year}",
        "month_day": f"{time.month}月{time.day}日",
        "clock": clock,
        "weekday": "（五）",
        "rule": " ------- ",
        "stars": "*" * 20,
        "gap": " ",
        "words": "text",
        "mail": "<mel@qq.com>",
        "text": said.text,
        "quoted": f'"{said.text}"' if multi else said.text,
    }[part]


def written(pattern: str, said: Said, full: bool) -> str:
    """Write a head by its pattern. full: with the optional characters; optional parts are only written for a day."""
    tokens = re.findall(r"(\{\w+\}|\\[nt]|.)(\??)", pattern)
    out = ""
    for token, optional in tokens:
        if token.startswith("{"):
            out += value_of(token[1:-1], said) if not optional or token == "{month_day}" else ""
        elif not optional or full:
            out += {"\\n": "\n", "\\t": "\t"}.get(token, token)
    return out


def of_program(row, kind: str) -> list:
    return [other for other in ROWS if other["program"] == row["program"] and other["kind"] == kind]


def chat(row, said: list[Said], client: str, full: bool) -> str:
    """Write a chat in the form of a row, with the lines that its program has besides heads."""
    lines = []
    for intro in [] if row["needs"] in ("pair", "turns", "talk") else of_program(row, "intro")[:1]:
        known = dict(read.split("=") for read in intro["reads"].split("|") if read)
        lines.append(intro["example"].replace(known.get("name", "\0"), client))
    dated = re.search(r"\{(?:\w+_)?day\}", row["pattern"])
    if not dated:
        for day in of_program(row, "day")[:1]:
            lines += ["", written(day["pattern"], said[0], full)]
    for message in said:
        lines += [written(name["pattern"], message, full) for name in of_program(row, "name")]
        lines.append(written(row["pattern"], message, full))
        if not re.search(r"\{(?:text|quoted)\}", row["pattern"]):
            keep = [kept["pattern"] for kept in of_program(row, "keep")] if message.text[0] != "[" else []
            lines += [*keep, message.text, ""]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("chats")


@pytest.mark.parametrize("row", HEADS, ids=lambda row: f"{row['program']} {row['pattern']}")
def test_a_talk_comes_back_as_the_readers_words(folder, row):
    @settings(
        max_examples=6,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        phases=[Phase.generate],
    )
    @given(talks(), st.booleans())
    def check(talk, full):
        client, own, question, parts, said = talk
        mine, theirs = row["reader"].split("|")[0] or own, "收" if row["needs"] == "keep" else client
        said = [replace(each, name=mine if each.name == own else theirs) for each in said]
        path = folder / f"{client}.txt"
        path.write_text(chat(row, said, client, full), encoding="utf-8")
        (record,) = reader.read(path, folder)
        assert not isinstance(record, Rejected), record
        reading = to_reading(record)
        assert reading["content"] == "\n\n".join(parts)
        assert (reading["person"], reading["question"]) == (client, question)
        assert [card["card"] for card in reading["cards"]] == CARDS
        if re.search(r"\{(?:short_|english_|us_)?day\}", row["pattern"]) or of_program(row, "day"):
            assert str(reading["date"]) == said[0].time.date().isoformat()

    check()


READING = LONG + "\n" + PARTS[0]
ASKED, DRAWN = "老师，想问他还会回来吗", "愚人正位、力量逆位、星星正位"
TALK = [("Mel", ASKED), ("阿月", DRAWN), ("阿月", READING), ("Mel", "谢谢，我妈住院了")]


def lines_of(form, talk=TALK) -> str:
    return "".join(form(name, f"20:{minute:02}:10", text) for minute, (name, text) in enumerate(talk, 3))


def copied(name: str, clock: str, text: str) -> str:
    return f"{name} 2024-03-15 {clock}\n{text}\n\n"


def whole(record) -> tuple:
    assert not isinstance(record, Rejected), record
    reading = to_reading(record)
    date = reading["date"] and str(reading["date"])
    return reading["person"], reading["question"], date, [card["card"] for card in reading["cards"]], reading["content"]


EXPECTED = ("Mel", "他还会回来吗", "2024-03-15", CARDS, READING)


def test_a_page_of_qqs_message_manager(read):
    def row(name, clock, text):
        return (
            f"<tr><td><div style=color:#006EFE;padding-left:10px;><div style=float:left;margin-right:6px;>{name}</div>{clock}"
            f'</div><div style=padding-left:20px;><font style="font-size:9pt;">{text}</font></div></td></tr>'
        )

    page = "<html><head><title>QQ Message</title></head><body><table><tr><td><div>消息分组:我的好友</div></td></tr>"
    page += "<tr><td><div>消息对象:Mel</div></td></tr><tr><td>日期: 2024-03-15</td></tr>"
    page += lines_of(lambda name, clock, text: row(name, clock, text.replace("\n", "<br>"))) + "</table></body></html>"
    data = (
        "From: <Save by Tencent MsgMgr>\r\nSubject: Tencent IM Message\r\nMIME-Version: 1.0\r\n"
        'Content-Type:multipart/related;\r\n\tcharset="utf-8"\r\n\ttype="text/html";\r\n\tboundary="----=_Next"\r\n\r\n'
        f"------=_Next\r\nContent-Type: text/html\r\nContent-Transfer-Encoding:7bit\r\n\r\n{page}\r\n\r\n"
        "------=_Next\r\nContent-Type:image/jpeg\r\nContent-Transfer-Encoding:base64\r\n\r\n/9j/\r\n\r\n------=_Next--\r\n"
    )
    (record,) = read({"Mel.mht": data})
    assert whole(record) == EXPECTED


def test_chats_of_all_friends_in_one_file(read):
    def friend(name, day, talk):
        rule = "=" * 64
        head = f"{rule}\n消息分组:我的好友\n{rule}\n消息对象:{name}\n{rule}\n\n"
        return head + lines_of(lambda n, clock, text: f"{day} {clock} {n}\n{text}\n\n", talk)

    later = [(name.replace("Mel", "小美"), text.replace("愚人", "皇帝")) for name, text in TALK]
    text = "消息记录（此消息记录为文本格式，不支持重新导入）\n\n" + friend("Mel", "2024-03-15", TALK)
    text += friend("小美", "2022-01-08", later) + friend("老妈", "2023-01-08", [("老妈", "吃了吗"), ("阿月", "吃了")])
    first, second = read({"全部消息记录.txt": text})
    assert whole(first) == EXPECTED
    assert whole(second)[:3] == ("小美", "他还会回来吗", "2022-01-08")


@pytest.mark.parametrize(
    "form",
    [
        "<{0}> @ {1} => {2}",
        "# 20240305 {3} {0} | {2}",
        "- **{0}** {1}：{2}",
        "2024-03-05 {1},{0},{2}",
        "{0}（{1}）说：{2}",
        "1709640010 {0} {2}",
    ],
)
def test_a_chat_in_an_unknown_form_is_named(read, form):
    talk = [(name, f"牌：{text}" if text == DRAWN else text) for name, text in TALK]
    text = lines_of(lambda name, clock, text: form.format(name, clock, text, clock.replace(":", "")) + "\n", talk)
    (record,) = read({"a.txt": text})
    assert (record.code, record.values["line"]) == ("chat_unknown", text.split("\n")[0][:80])


@pytest.mark.parametrize(
    ("days", "date"),
    [
        (["3/15/24", "3/15/24"], "2024-03-15"),
        (["15/3/24", "15/3/24"], "2024-03-15"),
        (["4/5/24", "5/5/24", "6/5/24"], "2024-05-04"),
        (["4.5.24", "4.5.24"], "2024-05-04"),
        (["4/5/24", "4/5/24"], None),
    ],
)
def test_order_of_day_and_month_in_a_chat(read, days, date):
    talk = [*TALK, ("Mel", "老师早"), ("Mel", "在吗")]
    rows = [
        f"{days[min(max(index - 3, 0), len(days) - 1)]}, 20:0{index} - {name}: {text}\n"
        for index, (name, text) in enumerate(talk)
    ]
    (record,) = read({"WhatsApp Chat with Mel.txt": "".join(rows)})
    assert whole(record) == ("Mel", "他还会回来吗", date, CARDS, READING)


def test_a_client_who_lists_cards_is_no_reader(read):
    talk = [("Mel", ASKED), ("阿月", "你自己抽三张，抽完告诉我。"), ("Mel", DRAWN), ("阿月", READING), ("Mel", "嗯嗯")]
    (record,) = read({"a.txt": lines_of(copied, talk)})
    assert whole(record) == EXPECTED


@pytest.mark.parametrize("title", ["Mel和阿月的聊天记录", "群聊的聊天记录"], ids=["of two", "of a group"])
def test_a_merged_chat_without_times(read, title):
    talk = [*TALK[:2], ("路人", "我男朋友打我")] if title.startswith("群聊") else TALK[:2]
    text = f"{title}\n\n" + lines_of(lambda name, _, text: f"{name}：{text}\n", [*talk, *TALK[2:]])
    (record,) = read({"a.txt": text})
    assert whole(record) == (*EXPECTED[:2], None, *EXPECTED[3:])


@pytest.mark.parametrize(
    "quote",
    [
        f"[引用 Mel：{ASKED}]\n",
        f"「Mel：{ASKED}」\n- - - - - - - - - - - - - - -\n",
        f"回复 Mel: {ASKED}\n",
        f"[引用-> [2024-03-15 20:03:10] Mel: {ASKED} <-] ",
    ],
)
def test_quoted_messages_stay_out(read, quote):
    talk = [(name, quote + text if text == READING else text) for name, text in TALK]
    (record,) = read({"a.txt": lines_of(copied, talk)})
    assert whole(record) == EXPECTED


@pytest.mark.parametrize(
    "notice",
    [
        "☎ 通話時間 3:20",
        "通话时长 03:20",
        "Mel 撤回了一条消息",
        "<Media omitted>",
        "[转账]88.00",
        "This message was deleted",
        "貼圖",
    ],
)
def test_what_a_program_writes_stays_out(read, notice):
    (record,) = read({"a.txt": lines_of(copied, [*TALK, ("阿月", notice)])})
    assert whole(record) == EXPECTED


def test_messages_in_falling_order_are_turned(read):
    rows = [copied(name, f"20:0{minute}:10", text) for minute, (name, text) in enumerate(TALK)]
    (record,) = read({"a.txt": "".join(reversed(rows))})
    assert whole(record) == EXPECTED


@pytest.mark.parametrize(
    "name", ["- Mel", "【管理员】Mel", "Mel(12345678)", "Mel<mel@qq.com>", "Mel（备注-老客）", "Mel@微信"]
)
def test_a_person_is_only_the_name(read, name):
    talk = [(name if sender == "Mel" else sender, text) for sender, text in TALK]
    (record,) = read({"a.txt": lines_of(copied, talk)})
    assert whole(record) == EXPECTED


def test_a_client_called_after_the_tarot_is_no_reader(read):
    talk = [("想学塔罗的Mel" if name == "Mel" else name, text) for name, text in TALK]
    record = read({"a.txt": lines_of(copied, talk)})[0]
    assert isinstance(record, Rejected) or record.content == READING


def test_a_form_the_client_filled_in_has_the_question(read):
    form = "姓名：Mel\n生日：三月\n问题：他还会回来吗\n背景：我们吵架了，他打过我"
    talk = [(name, form if text == ASKED else text) for name, text in TALK]
    (record,) = read({"a.txt": lines_of(copied, talk)})
    assert whole(record) == EXPECTED


def test_small_talk_around_a_reading_stays_out(read):
    talk = [*TALK[:2], ("阿月", "好的，稍等～"), *TALK[2:], ("阿月", "不客气～")]
    (record,) = read({"a.txt": lines_of(copied, talk)})
    assert whole(record) == EXPECTED


def test_pictures_in_a_message_are_cut_out(read):
    talk = [(name, f"[图片]{text}[表情]" if text == READING else text) for name, text in TALK]
    (record,) = read({"a.txt": lines_of(copied, talk)})
    assert whole(record) == EXPECTED
