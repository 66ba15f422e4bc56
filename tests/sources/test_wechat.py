import json

import pytest

from tarot_data import lexicon
from tarot_data.ingest.clean import to_reading
from tarot_data.sources.records import RawRecord, Rejected

ONE = "隐士提着灯，你这半年一直在自己找路，灯只照得见脚下几步。"
TWO = "战车倒过来，是缰绳松了。太阳在最后，孩子骑着白马出来，慢慢就亮了。"
LIST = "牌阵：圣三角\n牌：隐士、战车（逆）、太阳"


def whole(record) -> tuple:
    reading = to_reading(record)
    cards = [(c["card"], c["orientation"]) for c in reading["cards"]]
    return reading["person"], reading["question"], str(reading["date"]), cards, reading["content"]


CARDS = [("隐士", "unknown"), ("战车", "reversed"), ("太阳", "unknown")]
READING = ("Mel", "还是工作那件事，要不要换组", "2024-01-05", CARDS, f"{ONE}\n\n{TWO}")

MESSAGES = [
    ("Mel", "2024-01-05", "20:58:02", "老师在吗，还是工作那件事，要不要换组"),
    ("塔罗师阿月", "2024-01-05", "20:59:30", "在的，稍等"),
    ("塔罗师阿月", "2024-01-05", "21:03:11", LIST),
    ("塔罗师阿月", "2024-01-05", "21:05:17", ONE),
    ("Mel", "2024-01-05", "21:05:30", "嗯嗯"),
    ("塔罗师阿月", "2024-01-05", "21:06:00", "[图片]"),
    ("塔罗师阿月", "2024-01-05", "21:09:02", TWO),
    ("Mel", "2024-01-05", "21:09:40", "天哪"),
]


def written(form) -> str:
    return "".join(form(*message) for message in MESSAGES)


HOUR = {"20": "8", "21": "9"}
FORMS = {
    "copied": lambda n, d, t, x: f"{n} {d} {t}\n{x}\n",
    "copied with blank lines": lambda n, d, t, x: f"{n} {d} {t}\n{x}\n\n",
    "copied with slashes": lambda n, d, t, x: f"{n} {d.replace('-', '/')} {t}\n{x}\n",
    "copied without seconds": lambda n, d, t, x: f"{n} {d} {t[:5]}\n{x}\n",
    "copied with the time in brackets": lambda n, d, t, x: f"{n}({d} {t})\n{x}\n",
    "small tools": lambda n, d, t, x: f"[{d} {t}] {n}: {x}\n",
    "Mac": lambda n, d, t, x: f"{n} {d.replace('-', '/')} {HOUR[t[:2]]}{t[2:5]} PM\n{x}\n",
    "Chinese clock": lambda n, d, t, x: f"{n} {d} 下午{HOUR[t[:2]]}{t[2:5]}\n{x}\n",
    "MemoTrace": lambda n, d, t, x: f"{d} {t} {n}\n{x}\n\n",
    "WeFlow": lambda n, d, t, x: f"{d} {t} '{'我' if '阿月' in n else n}'\n{x}\n\n",
    "WechatExporter": lambda n, d, t, x: f"{n} ({d} {t}):{x}\n",
    "chatlog": lambda n, d, t, x: f"{n}({'我' if '阿月' in n else 'wxid_ab12cd'}) {d} {t}\n{x}\n\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_a_chat_in_text(read, name):
    (record,) = read({"聊天.txt": written(FORMS[name])})
    assert whole(record) == READING
    assert record.source.form == "wechat"


def test_phone_share_has_days_on_separate_lines(read):
    text = "阿月 和 Mel 在微信上的聊天记录如下，请查收。\n\n—————  2024-01-05  —————\n\n"
    text += "".join(f"\n{n}  {t[:5]}\n\n{x}\n" for n, _, t, x in MESSAGES)
    (record,) = read({"聊天.txt": text})
    assert whole(record) == READING


def test_the_chatlog_shrinks_its_dates(read):
    text = "".join(f"{n}({'我' if '阿月' in n else 'wxid_ab12cd'}) 01-05 {t}\n{x}\n\n" for n, _, t, x in MESSAGES)
    person, question, _, cards, content = whole(read({"聊天.txt": text})[0])
    assert (person, question, cards, content) == (READING[0], READING[1], READING[3], READING[4])


def test_windows_copies_have_no_times(read):
    text = "".join(f"{n}:\n{x}\n\n" for n, _, _, x in MESSAGES)
    person, question, day, cards, content = whole(read({"聊天.txt": text})[0])
    assert (person, question, day, cards, content) == ("Mel", READING[1], "None", CARDS, READING[4])


def test_memotraces_form_for_models_joins_runs(read):
    text = (
        "*" * 20
        + "2024-01-05"
        + "*" * 20
        + f"\nMel:老师在吗 还是工作那件事，要不要换组\n阿月:{LIST}\n阿月:{ONE}\nMel:嗯嗯\n阿月:{TWO}\n"
    )
    person, _, day, cards, content = whole(read({"聊天.txt": text})[0])
    assert (person, day, cards, content) == ("Mel", "2024-01-05", CARDS, READING[4])


def test_a_title_and_a_reply_of_wechatexporter(read):
    text = "Mel - 微信聊天记录\n\n" + written(FORMS["WechatExporter"])
    text = text.replace(f"):{TWO}", f"):「Mel：嗯嗯」\n- - - - - - - - - - - - - - -\n{TWO}")
    assert whole(read({"聊天.txt": text})[0]) == READING


def test_a_reply_of_memotrace_and_of_chatlog(read):
    memo = written(FORMS["MemoTrace"]).replace(TWO, f"{TWO}\n引用:Mel:嗯嗯")
    log = written(FORMS["chatlog"]).replace(TWO, f"> Mel 01-05 21:05:30\n> 嗯嗯\n{TWO}")
    assert [whole(record) for record in read({"a.txt": memo, "b.txt": log})] == [READING, READING]


def test_two_sittings_with_a_new_list(read):
    second = [
        ("Mel", "2024-03-02", "20:00:00", "那什么时候开口好"),
        ("塔罗师阿月", "2024-03-02", "20:10:00", "牌：权杖八"),
        ("塔罗师阿月", "2024-03-02", "20:11:00", TWO + ONE),
    ]
    text = written(FORMS["copied"]) + "".join(FORMS["copied"](*m) for m in second)
    records = read({"聊天.txt": text})
    assert [str(to_reading(record)["date"]) for record in records] == ["2024-01-05", "2024-03-02"]
    assert [to_reading(record)["question"] for record in records] == [READING[1], "那什么时候开口好"]
    assert [to_reading(record)["content"] for record in records] == [READING[4], TWO + ONE]


def test_a_long_pause_ends_a_sitting(read):
    late = ("塔罗师阿月", "2024-01-08", "09:00:00", "早，最近好吗，我在外地学习，下周一回来再排你的约哈")
    (record,) = read({"聊天.txt": written(FORMS["copied"]) + FORMS["copied"](*late)})
    assert record.content == READING[4]


def test_a_follow_up_card_belongs_to_the_reading(read):
    more = [
        ("塔罗师阿月", "2024-01-05", "21:12:00", "补一张：月亮"),
        ("塔罗师阿月", "2024-01-05", "21:13:00", "月亮照着的路要慢慢走，别怕。"),
    ]
    (record,) = read({"聊天.txt": written(FORMS["copied"]) + "".join(FORMS["copied"](*m) for m in more)})
    reading = to_reading(record)
    assert [(c["place"], c["card"]) for c in reading["cards"]] == [(1, "隐士"), (2, "战车"), (3, "太阳"), (0, "月亮")]
    assert reading["content"].endswith("月亮照着的路要慢慢走，别怕。")


def test_repeated_cards_start_no_new_reading(read):
    text = written(FORMS["copied"]).replace(ONE, f"【牌面】隐士 / 战车逆 / 太阳\n{ONE}")
    (record,) = read({"聊天.txt": text})
    assert record.content == f"【牌面】隐士 / 战车逆 / 太阳\n{ONE}\n\n{TWO}"


def test_card_list_without_labels_is_a_draw(read):
    text = written(FORMS["copied"]).replace(LIST, "隐士、战车（逆）、太阳")
    assert whole(read({"聊天.txt": text})[0]) == READING


def test_body_line_like_a_head_stays_body(read):
    text = written(FORMS["copied"]).replace(TWO, f"{TWO}\n提醒你 2023-12-01 09:00:00\n那天也是太阳")
    content = to_reading(read({"聊天.txt": text})[0])["content"]
    assert content.endswith("提醒你 2023-12-01 09:00:00\n那天也是太阳")


def test_names_with_spaces_emoji_colons_and_brackets(read):
    text = (
        written(FORMS["copied"])
        .replace("塔罗师阿月 2024", "阿月 · tarot🌙(接单中): 2024")
        .replace("Mel 2024", "M e l [鱼] 2024")
    )
    person, _, _, cards, content = whole(read({"聊天.txt": text})[0])
    assert (person, cards, content) == ("M e l [鱼]", CARDS, READING[4])


def test_notices_and_media_stay_out(read):
    extra = [
        ("塔罗师阿月", "2024-01-05", "21:07:00", "[语音] 12秒"),
        ("塔罗师阿月", "2024-01-05", "21:07:10", "你撤回了一条消息"),
        ("塔罗师阿月", "2024-01-05", "21:07:20", '"Mel" 拍了拍 "塔罗师阿月"'),
        ("塔罗师阿月", "2024-01-05", "21:07:30", "[红包]恭喜发财"),
        ("塔罗师阿月", "2024-01-05", "21:07:40", "[动画表情]"),
    ]
    lines = MESSAGES[:5] + extra + MESSAGES[6:]
    (record,) = read({"聊天.txt": "".join(FORMS["copied"](*m) for m in lines)})
    assert record.content == READING[4]


def test_a_chat_without_cards_is_refused(read):
    text = "".join(
        FORMS["copied"](n, "2024-01-05", f"20:0{i}:00", x)
        for i, (n, x) in enumerate([("Mel", "在吗"), ("阿月", "在"), ("Mel", "周末有空吗"), ("阿月", "有")])
    )
    (record,) = read({"聊天.txt": text})
    assert (type(record), record.reason) == (Rejected, "unreadable")


TABLES = {
    "MemoTrace": (
        "localId,TalkerId,Type,SubType,IsSender,CreateTime,Status,StrContent,StrTime,Remark,NickName,Sender",
        lambda i, n, d, t, x: [
            i,
            3,
            1,
            0,
            int("阿月" in n),
            1704459791 + i,
            2,
            x,
            f"{d} {t}",
            "" if "阿月" in n else "Mel",
            n,
            n,
        ],
    ),
    "chatlog": (
        "Time,SenderName,Sender,TalkerName,Talker,Content",
        lambda i, n, d, t, x: [f"{d} {t}", n, "wxid_" + str(len(n)), "Mel", "wxid_3", x],
    ),
    "others": (
        "时间,发送者,消息类型,内容,备注",
        lambda i, n, d, t, x: [f"{d.replace('-', '/')} {t[:5]}", n, "文本" if "[" not in x else "图片", x, ""],
    ),
    "PyWxDump": (
        "id,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime",
        lambda i, n, d, t, x: [
            i,
            i,
            "文本",
            int("阿月" in n),
            "wxid_mel" if "阿月" not in n else "我",
            "",
            x,
            "",
            f"{d} {t}",
        ],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_messages(read, name):
    import csv
    import io

    header, form = TABLES[name]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header.split(","))
    for index, message in enumerate(MESSAGES):
        writer.writerow(form(index, *message))
    files = {"chat/聊天.csv": "\ufeff" + text.getvalue()}
    if name == "PyWxDump":
        files["chat/users.json"] = json.dumps({"wxid_mel": {"wxid": "wxid_mel", "nickname": "小美", "remark": "Mel"}})
    (record,) = read(files)
    assert whole(record) == READING


def messages_json(form) -> list[dict]:
    return [form(index, *message) for index, message in enumerate(MESSAGES)]


def stamp(day: str, clock: str) -> int:
    from datetime import datetime, timedelta, timezone

    return int(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=timezone(timedelta(hours=8))).timestamp())


JSONS = {
    "WeFlow": lambda: {
        "weflow": {"version": "1"},
        "session": {"wxid": "wxid_mel", "nickname": "Mel", "type": "私聊"},
        "messages": messages_json(
            lambda i, n, d, t, x: {
                "createTime": stamp(d, t),
                "formattedTime": f"{d} {t}",
                "type": "文本消息",
                "content": x,
                "isSend": int("阿月" in n),
                "senderDisplayName": n,
            }
        ),
    },
    "echotrace": lambda: {
        "session": {"wxid": "wxid_mel", "nickname": "Mel", "type": "私聊"},
        "messages": messages_json(
            lambda i, n, d, t, x: {
                "createTime": stamp(d, t),
                "type": "文本消息",
                "content": x,
                "isSend": int("阿月" in n),
                "senderDisplayName": n,
            }
        ),
    },
    "ChatLab": lambda: {
        "chatlab": {"version": "0.0.2"},
        "meta": {"name": "Mel", "platform": "wechat", "type": "private", "ownerId": "wxid_me"},
        "members": [
            {"platformId": "wxid_me", "accountName": "塔罗师阿月"},
            {"platformId": "wxid_mel", "accountName": "Mel"},
        ],
        "messages": messages_json(
            lambda i, n, d, t, x: {
                "sender": "wxid_me" if "阿月" in n else "wxid_mel",
                "accountName": n,
                "timestamp": stamp(d, t),
                "type": 0,
                "content": x,
            }
        ),
    },
    "PyWxDump": lambda: messages_json(
        lambda i, n, d, t, x: {
            "id": i,
            "type_name": "文本",
            "is_sender": int("阿月" in n),
            "talker": "我" if "阿月" in n else "Mel",
            "msg": x,
            "CreateTime": f"{d} {t}",
        }
    ),
}


@pytest.mark.parametrize("name", JSONS)
def test_chats_as_json(read, name):
    (record,) = read({"聊天.json": json.dumps(JSONS[name](), ensure_ascii=False, indent=1)})
    assert whole(record) == READING


def test_chatlab_as_lines(read):
    chat = JSONS["ChatLab"]()
    items = [{"_type": "header", "chatlab": chat["chatlab"], "meta": chat["meta"]}]
    items += [{"_type": "member", **member} for member in chat["members"]]
    items += [{"_type": "message", **message} for message in chat["messages"]]
    (record,) = read({"聊天.jsonl": "\n".join(json.dumps(item, ensure_ascii=False) for item in items)})
    assert whole(record) == READING


def test_memotrace_html_is_a_literal_in_a_script(read):
    rows = ",".join(
        "{ type:1, text: '"
        + x.replace("\n", "\\n")
        + f"',is_send:{int('阿月' in n)},avatar_path:'a.jpg',timestamp:{stamp(d, t)},is_chatroom:0,displayname:'{n}'}}"
        for n, d, t, x in MESSAGES
    )
    (record,) = read(
        {"聊天.html": f"<!DOCTYPE html><html><body><script>const chatMessages = [{rows}];</script></body></html>"}
    )
    assert whole(record) == READING


def test_weflow_html(read):
    rows = [
        {
            "i": i,
            "t": stamp(d, t),
            "s": int("阿月" in n),
            "b": f'<div class="message-sender">{n}</div><div class="message-content">{x.replace(chr(10), "<br>")}</div>',
        }
        for i, (n, d, t, x) in enumerate(MESSAGES)
    ]
    (record,) = read(
        {"聊天.html": f"<html><script>window.WEFLOW_DATA = {json.dumps(rows, ensure_ascii=False)};</script></html>"}
    )
    assert whole(record) == READING


def test_wechatexporter_html_continues_in_scripts(read):
    def block(n, d, t, x):
        side = "right" if "阿月" in n else "left"
        return f'<div class="msg chat {side}"><span class="msg-time">{d} {t}</span><span class="dspname">{n}</span><div class="content-box"><pre>{x}</pre></div></div>'

    first = "".join(block(*message) for message in MESSAGES[:4])
    rest = json.dumps([block(*message) for message in MESSAGES[4:]], ensure_ascii=False)
    files = {
        "聊天.html": f"<!DOCTYPE html><html><body>{first}</body></html>",
        "聊天_files/msg-2.js": f"window.moreWechatMessages = {rest};",
    }
    (record,) = read(files)
    assert whole(record) == READING


def test_scripts_are_read_and_not_run(read):
    text = (
        "<html><script>const chatMessages = [{type:1,text:'"
        + LIST.replace("\n", "\\n")
        + "',is_send:1,timestamp:1704459791,x:(function(){throw 1})()}];</script></html>"
    )
    records = read({"聊天.html": text})
    assert all(isinstance(record, RawRecord | Rejected) for record in records)


def test_group_readings_go_to_the_last_asker(read):
    second = [
        ("阿宁", "2024-01-05", "21:20:00", "老师我也想问，今年适合搬家吗"),
        ("塔罗师阿月", "2024-01-05", "21:22:00", "牌：正义"),
        ("塔罗师阿月", "2024-01-05", "21:24:00", ONE),
        ("Mel", "2024-01-05", "21:25:00", "哇"),
    ]
    first, other = read({"群.txt": written(FORMS["copied"]) + "".join(FORMS["copied"](*m) for m in second)})
    assert (first.person, other.person, other.question) == ("Mel", "阿宁", "今年适合搬家吗")


CHAT = "Mel 2024-01-05 20:58:02\n老师在吗，要不要换组\n\n"


def said(*messages: str, name="塔罗师阿月", hour=21) -> str:
    return "".join(f"{name} 2024-01-05 {hour}:{place:02}:11\n{text}\n\n" for place, text in enumerate(messages, 3))


def test_label_messages_before_cards_are_their_head(read):
    text = CHAT + said("问题：换组的事", "牌阵：圣三角", "牌：隐士、战车（逆）、太阳", ONE, TWO)
    (record,) = read({"聊天.txt": text})
    reading = to_reading(record)
    assert (reading["question"], reading["draws"][0]["spread"]) == ("换组的事", "圣三角")
    assert reading["content"] == f"{ONE}\n\n{TWO}"


@pytest.mark.parametrize("word", ["再补一张 ", "加一张牌：", "追加："])
def test_extra_card_joins_the_drawn_cards(read, word):
    text = CHAT + said(LIST, ONE, f"{word}月亮正位", TWO)
    (record,) = read({"聊天.txt": text})
    assert whole(record)[3:] == ([*CARDS, ("月亮", "upright")], f"{ONE}\n\n{TWO}")


def test_cards_that_open_messages_are_the_draw(read):
    parts = [f"第{n}张：{card}\n{ONE}" for n, card in enumerate(("教皇（逆位）", "星星（正位）"), 1)]
    (record,) = read({"聊天.txt": CHAT + said("牌阵：两张牌", *parts)})
    assert whole(record)[3:] == ([("教皇", "reversed"), ("星星", "upright")], "\n\n".join(parts))


def test_in_a_group_the_client_is_who_asked(read):
    text = CHAT + "路人 2024-01-05 20:59:00\n围观\n\n" + said(LIST, ONE, TWO) + "路人 2024-01-05 22:00:00\n好\n"
    (record,) = read({"聊天.txt": text})
    assert whole(record)[:2] == ("Mel", "要不要换组")


def test_a_nickname_may_hold_a_colon(read):
    text = written(lambda n, d, t, x: f"[{d} {t}] {'A: Mel' if n == 'Mel' else n}: {x}\n")
    (record,) = read({"聊天.txt": text})
    assert whole(record) == ("A: Mel", *READING[1:])


def test_pause_ends_a_sitting_without_a_year(read):
    later = [("塔罗师阿月", "2024-01-07", "10:00:00", "新年快乐"), ("Mel", "2024-01-07", "10:01:00", "老师也快乐")]
    rows = [(n, "2023-12-31", t, x) for n, _, t, x in MESSAGES] + later
    text = "".join(f"{n} {d[5:]} {t}\n{x}\n\n" for n, d, t, x in rows)
    (record,) = read({"聊天.txt": text})
    assert record.date == "12月31日"
    assert whole(record)[4] == READING[4]


def test_memotrace_runs_split_at_their_labels(read):
    text = f"****2024-01-05****\nMel:要不要换组\n阿月:在的 收到 {LIST} {ONE}\nMel:嗯嗯\n阿月:{TWO}\n"
    (record,) = read({"聊天.txt": text})
    assert whole(record)[3:] == (CARDS, READING[4])


def test_message_table_prefers_names_to_accounts(read):
    head = "IsSender,StrContent,StrTime,Remark,NickName,Sender"
    rows = [f'{int("阿月" in n)},"{x}",{d} {t},{n},{n},wxid_ab12' for n, d, t, x in MESSAGES]
    (record,) = read({"聊天.csv": "\n".join([head, *rows])})
    assert whole(record) == READING


def test_table_states_the_side_of_a_sender(read):
    head = "序号,时间,发送者昵称,发送者身份,消息类型,内容"
    rows = [f'1,{d} {t},{n},{"我" if "阿月" in n else "好友"},文本消息,"{x}"' for n, d, t, x in MESSAGES]
    (record,) = read({"聊天.csv": "\n".join([head, *rows])})
    assert whole(record) == READING


def test_weflows_page_is_called_like_the_client(read):
    data = [
        {"t": 1704459791 + n, "s": int("阿月" in m[0]), "b": f'<div class="text">{m[3]}</div>'}
        for n, m in enumerate(MESSAGES)
    ]
    page = f"<html><title>Mel - 聊天记录</title><script>window.WEFLOW_DATA = {json.dumps(data, ensure_ascii=False)};</script>"
    (record,) = read({"聊天.html": page.replace("\\n", "<br>")})
    assert whole(record)[0] == "Mel"


def test_chat_without_a_reading_is_rejected(read):
    (record,) = read({"聊天.txt": CHAT + said("在的", "明晚八点可以吗", "好，到时见")})
    assert isinstance(record, Rejected)
    assert record.code == "chat_without_cards"


def test_cards_in_a_message_each_are_one_draw(read):
    said = [
        "隐士正位",
        "战车逆位",
        "太阳",
        "Mel你好，隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了，太阳在最后，慢慢就亮了。",
    ]
    lines = [f"塔罗师阿月 2024-01-05 21:00:0{number}\n{text}\n" for number, text in enumerate(said)]
    (record,) = read({"Mel.txt": "\n".join(["Mel 2024-01-05 20:50:01\n老师在吗，我要不要换组\n", *lines])})
    reading = to_reading(record)
    assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [
        ("隐士", "upright"),
        ("战车", "reversed"),
        ("太阳", "unknown"),
    ]
    assert reading["content"] == said[-1]


SAID = [("Mel", "要不要换组"), ("阿月", LIST), ("阿月", ONE), ("Mel", "嗯嗯"), ("阿月", TWO)]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([("head", "{day} {clock} - {name}: ?{text}")], lambda n, x: f"2024/1/5 20:58 - {n}: {x}\n"),
        (
            [("head", "{name}:\\n时间: {day} {clock}\\n内容: {text}")],
            lambda n, x: f"{n}:\n时间: 2024-01-05 20:58:02\n内容: {x}\n\n",
        ),
        ([("head", "{english_day} {clock}\\n{name}")], lambda n, x: f"Jan 05, 2024  8:58:02 PM\n{n}\n{x}\n\n"),
        (
            [("day", "# {day}"), ("name", "### {name}"), ("head", "* {clock} {text}")],
            lambda n, x: f"# 2024-01-05\n\n### {n}\n* 20:58:02 {x}\n\n",
        ),
        (
            [("day", "{day}({words})"), ("head", "{clock} {name}\t{text}")],
            lambda n, x: f"2024/01/05（五）\n下午08:58\t{n}\t{x}\n",
        ),
    ],
)
def test_a_chat_program_is_added_by_rows(read, tmp_path, rows, text):
    table = ["kind,pattern,needs,reader", *(f'{kind},"{pattern}",,阿月' for kind, pattern in rows)]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "chats.csv").write_text("\n".join(table), encoding="utf-8")
    with lexicon.using(lexicon.load(tmp_path / "own")):
        (record,) = read({"聊天.txt": "".join(text(*message) for message in SAID)})
    assert whole(record) == ("Mel", "要不要换组", "2024-01-05", CARDS, READING[4])


def test_a_client_who_writes_only_after_the_cards(read):
    chat = "".join(
        FORMS["MemoTrace"](*message)
        for message in [*MESSAGES[2:3], ("Mel", "2024-01-05", "21:04:00", "那我要不要换组"), *MESSAGES[3:]]
    )
    (record,) = read({"chat.txt": chat})
    assert whole(record)[:3] == ("Mel", "那我要不要换组", "2024-01-05")
