"""Who said what to whom: receivers, accounts without names, mentions in groups, and programs that join messages."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarot_data.ingest.clean import to_reading
from tarot_data.sources.chats.message_time import moment_of

ANSWER = "先看中间这张，隐士提着灯走得慢，可是方向没有错。战车逆位是缰绳松了，先别急着答应。太阳照着路口，五月以后会有人来接你。"
OTHER = "这组牌很亮，星星照着水面，愿望一直都在。世界正位，是一圈走完了。宝剑二逆位，蒙眼的布该摘了，周末就把话说清楚。"
CARDS, OTHER_CARDS = "隐士正位、战车逆位、太阳正位", "星星正位、世界正位、宝剑二逆位"


@pytest.fixture
def found_in(read):
    """Return a function that writes a file and returns its readings as objects."""
    return lambda name, data: [SimpleNamespace(**to_reading(record)) for record in read({name: data})]


def table(*rows: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("sender, receiver", [("发送人", "接收人"), ("fromName", "toName"), ("发送者", "收件人")])
def test_receivers_part_interleaved_clients(found_in, sender, receiver):
    found = found_in(
        "a.csv",
        table(
            (sender, receiver, "发送时间", "消息内容"),
            ("乔乔", "塔罗顾问", "2024-11-11 10:00:00", "想问孩子转学顺不顺"),
            ("塔罗顾问", "乔乔", "2024-11-11 10:08:00", CARDS),
            ("阿豪", "塔罗顾问", "2024-11-11 10:09:00", "问 明年结得成婚吗"),
            ("塔罗顾问", "阿豪", "2024-11-11 10:10:00", "这是第二位的问题对吧，我看看再说"),
            ("塔罗顾问", "乔乔", "2024-11-11 10:15:00", ANSWER),
            ("塔罗顾问", "阿豪", "2024-11-11 10:22:00", OTHER_CARDS),
            ("塔罗顾问", "阿豪", "2024-11-11 10:30:00", OTHER),
        ),
    )
    assert {(each.person, each.question, each.content) for each in found} == {
        ("乔乔", "孩子转学顺不顺", ANSWER),
        ("阿豪", "明年结得成婚吗", OTHER),
    }


def test_accounts_without_names_are_two_people(found_in):
    messages = [
        {"sender_id": 22, "created_at": "Tue Oct 08 20:01:03 +0800 2024", "text": "想问论文能不能过"},
        {"sender_id": 11, "created_at": "Tue Oct 08 20:30:12 +0800 2024", "text": CARDS},
        {"sender_id": 11, "created_at": "Tue Oct 08 20:41:55 +0800 2024", "text": ANSWER},
        {"sender_id": 22, "created_at": "Tue Oct 08 20:43:00 +0800 2024", "text": "谢谢，我昨天还哭了一场"},
    ]
    (found,) = found_in("dm.json", json.dumps({"direct_messages": messages}, ensure_ascii=False))
    assert (found.person, found.question, found.content, str(found.date)) == (
        None,
        "论文能不能过",
        ANSWER,
        "2024-10-08",
    )


def test_a_table_of_people_names_the_senders(found_in, tmp_path):
    path = tmp_path / "made.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(f"""
            create table users(id integer primary key, first_name text, is_self integer);
            create table messages(id integer, sender_id integer, date text, text text, out integer);
            insert into users values (1, '蓝鲸', 1), (2, 'Momo', 0);
            insert into messages values (1, 2, '2024-07-07 22:00:00', '想问副业会不会好', 0),
              (2, 1, '2024-07-07 22:10:00', '{CARDS}', 1), (3, 1, '2024-07-07 22:18:00', '{ANSWER}', 1),
              (4, 2, '2024-07-07 22:19:00', '你偷看我购物车', 0);""")
    (found,) = found_in("tg.sqlite", path.read_bytes())
    assert (found.person, found.content) == ("Momo", ANSWER)


@pytest.mark.parametrize("space", [" ", "\u2005", "　"])
def test_mentions_say_who_is_answered(found_in, space):
    lines = [
        ("柚子", f"@卷卷{space}卷卷老师 我今年能不能升职"),
        ("阿鲸", "我也要，想问要不要搬出去住"),
        ("卷卷", f"@柚子{space}{CARDS}"),
        ("卷卷", f"@柚子{space}{ANSWER}"),
        ("卷卷", f"@阿鲸{space}{OTHER_CARDS}"),
        ("卷卷", f"@阿鲸{space}{OTHER}"),
    ]
    text = "\n\n".join(f"2025-02-02 21:{n:02}:00 {name}\n{said}" for n, (name, said) in enumerate(lines))
    found = found_in("群.txt", text.replace("21:", "21:1", 0))
    assert {(each.person, each.question, each.content) for each in found} == {
        ("柚子", "我今年能不能升职", ANSWER),
        ("阿鲸", "要不要搬出去住", OTHER),
    }


def test_joined_messages_are_parted(found_in):
    stars = "*" * 20
    (found,) = found_in(
        "小周_chat.txt",
        f"\n\n{stars}2024-06-03{stars}\n\n小周:老师在不在\n我想问和导师的关系会不会好转\n月见塔罗:在的，稍等我洗牌\n【图片】\n"
        f"抽到了：{CARDS}\n【语音】{ANSWER}\n\n小周:好的\n引用：月见塔罗: 先看中间\n月见塔罗:不客气",
    )
    assert (found.person, found.question, str(found.date)) == ("小周", "和导师的关系会不会好转", "2024-06-03")
    assert found.content == ANSWER


def test_own_lines_mark_a_pasted_chat(found_in):
    (found,) = found_in(
        "私信.txt",
        f"奶盖：可以抽一张吗\n我：问什么\n奶盖：该不该把头发剪短\n我：{CARDS}\n我：{ANSWER}\n奶盖：哈哈你怎么知道",
    )
    assert (found.person, found.question, found.content) == ("奶盖", "该不该把头发剪短", ANSWER)


def test_positions_called_me_are_no_chat(found_in):
    head = "咨询者：乔乔\n问题：他怎么想\n"
    (found,) = found_in(
        "关系.txt", f"{head}牌：隐士正位、战车逆位\n\n我：隐士正位\n对方：战车逆位\n\n{ANSWER}\n我：先等\n对方：先忙"
    )
    assert found.person == "乔乔"


@pytest.mark.parametrize(
    "day, head",
    [
        ("--------------- 2024년 7월 13일 토요일 ---------------", "[{name}] [오후 9:0{n}] {text}"),
        ("--------------- Saturday, July 13, 2024 ---------------", "[{name}] [9:0{n} PM] {text}"),
        ("", "2024년 7월 13일 오후 9:0{n}, {name} : {text}"),
        ("", "2024. 7. 13. 오후 9:0{n}, {name} : {text}"),
        ("", "July 13, 2024 at 9:0{n} PM, {name} : {text}"),
    ],
)
def test_kakaotalk_writes_korean_and_english_days(found_in, day, head):
    said = [
        ("小敏", "想請問適不適合去唸書"),
        ("星野", "사진"),
        ("星野", CARDS),
        ("星野", ANSWER),
        ("小敏", "好準 이모티콘"),
    ]
    lines = [head.format(name=name, n=n, text=text) for n, (name, text) in enumerate(said)]
    (found,) = found_in("KakaoTalk.txt", "\n".join([day, *lines]))
    assert (found.person, str(found.date), found.content) == ("小敏", "2024-07-13", ANSWER)


def test_a_table_without_times_has_own_lines(found_in):
    rows = [("糯米糍", "text", "这周六的相亲要不要去"), ("self", "text", CARDS), ("self", "text", ANSWER)]
    (found,) = found_in(
        "weclone.csv",
        table(("talker", "type", "text"), *rows, ("糯米糍", "text", "哈哈"), ("self", "text", "去吧去吧")),
    )
    assert (found.person, found.content) == ("糯米糍", ANSWER)


@pytest.mark.parametrize(
    "text", ["Tue Oct 08 20:01:03 +0800 2024", "Oct 8 20:01:03 2024", "Tue Oct 08 20:01:03 CST 2024"]
)
def test_a_year_may_be_last(text):
    assert str(moment_of(text)) == "2024-10-08 20:01:03"


REQUESTS = [
    "有空帮我抽一下嘛，",
    "师父 ",
    "hi老師～ ",
    "今晚轮到我啦！",
    "眠眠在不在～",
    "博主你好，",
    "老师在不在\n",
    "各位好，",
    "中午好～",
    "师父在不 ",
    "姐妹 帮我看下 ",
    "问 ",
]
QUESTIONS = ["我该不该换部门", "下个月能不能升职", "他是不是怀疑我", "份新工做唔做得過"]
BACKGROUND = [
    "他对我好，是不是喜欢我",
    "我和他分手半年了，还能不能复合",
    "他看了我手机，是不是怀疑我",
    "语文老师 是不是讨厌我",
    "history课要不要退",
]


def asked(found_in, text: str) -> str | None:
    said = [("阿桃", text), ("眠眠塔罗", CARDS), ("眠眠塔罗", ANSWER)]
    (found,) = found_in(
        "聊.txt", "\n\n".join(f"{name} 2024-03-05 20:0{n}:00\n{words}" for n, (name, words) in enumerate(said))
    )
    return found.question


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(REQUESTS), max_size=2, unique=True), st.sampled_from(QUESTIONS))
def test_requests_before_a_question_are_cut(found_in, before, question):
    assert asked(found_in, "".join(before) + question) == question


@pytest.mark.parametrize("text", BACKGROUND)
def test_background_stays_in_the_question(found_in, text):
    assert asked(found_in, text) == text


def test_a_short_question_afterwards_is_none(found_in):
    assert asked(found_in, "想问他会不会回来找我\n\n阿桃 2024-03-05 20:00:30\n这样吗？") == "他会不会回来找我"


def test_a_prompt_beside_labels_asks_the_question(found_in):
    example = {
        "instruction": "那你帮我看看：合租到期要不要续？",
        "input": f"牌面：{CARDS}",
        "output": ANSWER,
        "history": [],
    }
    (found,) = found_in("alpaca.json", json.dumps([example], ensure_ascii=False))
    assert found.question == "合租到期要不要续？"


def test_a_writer_with_an_account_is_no_line_of_a_text(found_in):
    lines = [
        ("【活跃】夏天(2233441)", "报名！问学长会不会找我"),
        ("【管理员】南星(90876)", CARDS),
        ("【管理员】南星(90876)", ANSWER),
        ("【潜水】路人(55677)", "可恶我也想要"),
        ("【冒泡】水手(776655)", "第二个到我，问期末会不会挂高数"),
        ("【管理员】南星(90876)", OTHER_CARDS),
        ("【管理员】南星(90876)", OTHER),
    ]
    text = "\n".join(f"{name}  21:{n:02}:10\n{said}" for n, (name, said) in enumerate(lines))
    found = found_in("群聊.txt", text)
    assert {(each.person, each.question, each.content) for each in found} == {
        ("夏天", "问学长会不会找我", ANSWER),
        ("水手", "问期末会不会挂高数", OTHER),
    }


@pytest.mark.parametrize(
    "head", ["{name}\n — 2024/9/15 21:4{n}", "{name} — 09/15/2024 9:4{n} PM", "{name}\n — 15/09/2024 21:4{n}"]
)
def test_discord_copies_join_messages(found_in, head):
    said = [
        ("鹿丸", "想问会不会翻车"),
        ("阿墨", f"在\n图片\n[21:48]\n{CARDS}\n[21:55]\n{ANSWER}"),
        ("鹿丸", "哈哈\n(已编辑)"),
    ]
    (found,) = found_in(
        "抽牌.txt", "\n".join(f"{head.format(name=name, n=n)}\n{text}" for n, (name, text) in enumerate(said))
    )
    assert (found.person, str(found.date), found.content) == ("鹿丸", "2024-09-15", ANSWER)


@pytest.mark.parametrize("sides", [("incoming", "outgoing"), ("received", "sent")])
def test_the_type_of_a_message_may_be_its_side(found_in, sides):
    said = [(0, "想问爸妈会不会同意"), (1, CARDS), (1, ANSWER), (0, "我昨天哭了")]
    messages = [
        {"sent_at": 1716210600000 + n, "conversationId": "c", "type": sides[side], "body": text}
        for n, (side, text) in enumerate(said)
    ]
    (found,) = found_in("signal.json", json.dumps({"messages": messages}, ensure_ascii=False))
    assert (found.question, found.content) == ("爸妈会不会同意", ANSWER)


@pytest.mark.parametrize("top", ["2024年12月1日 下午 3:02|28 分钟 41 秒", "2024-12-01 15:02"])
@pytest.mark.parametrize("speaker", ["说话人 {}", "发言人{}", "Speaker {}"])
def test_transcripts_name_nobody(found_in, top, speaker):
    said = [(2, "事业，想问要不要辞职"), (1, f"嗯我抽到的是{CARDS}。"), (1, ANSWER), (2, "我每次都揽回来")]
    heads = [f"{speaker.format(who)}  00:0{n}\n{text}" for n, (who, text) in enumerate(said)]
    (found,) = found_in("录音.txt", "\n\n".join(["语音咨询", top, *heads]))
    assert (found.person, found.question, str(found.date), found.content) == (None, "要不要辞职", "2024-12-01", ANSWER)


def test_the_name_of_a_line_file_may_stick_to_its_mark(found_in):
    said = [("芷涵", "想問他會不會回來"), ("雪兒", CARDS), ("雪兒", ANSWER), ("芷涵", "貼圖")]
    lines = "\n".join(f"20:1{n} {name} {text}" for n, (name, text) in enumerate(said))
    (found,) = found_in("[LINE]芷涵.txt", f"2024.08.24 星期六\n{lines}")
    assert (found.person, str(found.date), found.content) == ("芷涵", "2024-08-24", ANSWER)


@pytest.mark.parametrize("last", ["[强][强]", "哈哈哈哈", "❤️", "去吧去吧～"])
def test_emoji_and_repeated_words_are_small_talk(found_in, last):
    said = [("阿桃", "想问他会不会回来"), ("眠眠", CARDS), ("眠眠", ANSWER), ("眠眠", last)]
    text = "\n\n".join(f"{name} 2024-03-05 20:0{n}:00\n{words}" for n, (name, words) in enumerate(said))
    (found,) = found_in("聊.txt", text)
    assert found.content == ANSWER


def test_a_nickname_beside_messages_is_a_sender(found_in):
    said = [("买家", "问今年能不能考上"), ("我", CARDS), ("我", ANSWER), ("买家", "好的")]
    rows = [(f"2025-04-20 11:0{n}", name, text) for n, (name, text) in enumerate(said)]
    (found,) = found_in("闲鱼.csv", table(("时间", "昵称", "消息"), *rows))
    assert (found.person, str(found.date), found.content) == ("买家", "2025-04-20", ANSWER)
