"""Files of Youdao, weiboSpider and SMS Backup & Restore."""

import csv
import io
import json
from xml.sax.saxutils import quoteattr

import pytest

from tarot_data.ingest.clean import to_reading
from tarot_data.sources.records import Rejected

BODY = "隐士提着灯慢慢走，你这半年都在自己找路，没人催你。战车倒过来，缰绳松了，先把手上的事收完再谈别的。"
NOTE = f"客户：小满\n问题：要不要搬家\n牌：隐士正位、战车逆位\n\n{BODY}"


def read_note(records) -> tuple:
    (reading,) = (found for found in map(to_reading, records) if "person" in found)
    assert reading["content"] == BODY
    assert [(card["card"], card["orientation"]) for card in reading["cards"]] == [
        ("隐士", "upright"),
        ("战车", "reversed"),
    ]
    return reading["person"], str(reading["date"]) if reading["date"] else None


def test_a_note_of_youdao_in_json(read):
    lines = [
        {"3": f"n-{number}", "5": [{"2": "2", "7": [{"8": text[:3]}, {"8": text[3:], "9": [{"2": "b"}]}]}]}
        for number, text in enumerate(NOTE.split("\n"))
    ]
    note = {"2": "1", "3": "Ju1l-1", "4": {"version": 1}, "5": lines, "title": "", "__compress__": True}
    assert read_note(read({"a.note": json.dumps(note)})) == ("小满", None)


@pytest.mark.parametrize(("text", "time"), [("content", "publish_time"), ("text", "created_at")])
def test_posts_of_weibo_in_json(read, text, time):
    posts = [{"id": "K1", "bid": "K1", text: each, time: "2023-09-01 22:15"} for each in ("今天的云好好看", NOTE)]
    data = {"user": {"id": "1", "nickname": "晚灯塔罗"}, "weibo": posts}
    assert read_note(read({"a.json": json.dumps(data)})) == ("小满", "2023-09-01")


@pytest.mark.parametrize(
    "header",
    [
        "微博id,微博正文,头条文章url,原始图片url,微博视频url,发布位置,发布时间,发布工具,点赞数,转发数,评论数",
        "id,bid,正文,头条文章url,原始图片url,视频url,位置,日期,工具,点赞数,评论数,转发数,话题,@用户",
    ],
)
def test_posts_of_weibo_in_a_table(read, header):
    out = io.StringIO()
    rows = csv.writer(out)
    names = header.split(",")
    rows.writerow(names)
    for text in ("今天的云好好看", NOTE):
        values = {"微博正文": text, "正文": text, "发布时间": "2023-09-01 22:15", "日期": "2023-09-01"}
        rows.writerow([values.get(name, "1") for name in names])
    assert read_note(read({"a.csv": out.getvalue()})) == ("小满", "2023-09-01")


def sms(kind: int, body: str, minute: int, name: str = "小满") -> str:
    return (
        f'<sms protocol="0" address="10000" date="{1704459482000 + 60000 * minute}" type="{kind}" '
        f'body={quoteattr(body)} contact_name="{name}" />'
    )


def test_text_messages_are_chats_by_contact(read):
    messages = [
        sms(1, "要不要搬家", 0),
        sms(2, "抽到隐士正位、战车逆位", 1),
        sms(3, "没有发出去的草稿", 2),
        sms(2, BODY, 3),
        sms(1, "谢谢", 4),
        sms(1, "您的余额为12元", 5, "(Unknown)"),
    ]
    data = f"<?xml version='1.0' encoding='UTF-8'?>\n<smses count=\"6\">\n{''.join(messages)}\n</smses>"
    first, second = read({"sms.xml": data})
    assert read_note([first]) == ("小满", "2024-01-05")
    assert to_reading(first)["question"] == "要不要搬家"
    assert isinstance(second, Rejected)


def test_text_messages_without_text(read):
    (found,) = read({"sms.xml": "<?xml version='1.0'?>\n<smses count=\"0\"></smses>"})
    assert found.code == "chat_empty"
