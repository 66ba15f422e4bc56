"""Details in persons, names of files, folders, sheets and tables, headings, keys and titles, in every kind of file.

Each place has a detail of its own, and every byte that an ingest, a version and a report leave is searched for all of them.
"""

import csv
import gzip
import io
import json
import random
import re
import sqlite3
import zipfile
from itertools import count
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from benchmarks.pipeline import ingest
from flows.report import write_report
from flows.training.gate_checks import newest_gate
from tarot_data.dataset import versions

pytestmark = pytest.mark.slow

CARDS = "愚人正位、高塔逆位、星星正位"
HEADINGS = ["日期", "客户", "问题", "牌", "解读"]
PARTS = (
    "你心里其实早就知道答案|这张牌提醒你把注意力放回自己身上|先照顾好睡眠和胃口|他不是不在意，只是不会表达|钱的事情可以再谈一轮|"
    "下个月会出现一个新的机会|把想说的话写下来再说出口|旧的关系需要一个正式的告别|家里人的意见听一半就够了|你比自己想象的更有力量|"
    "不要在深夜做决定|这份工作教会你的已经够多|对方的沉默也是一种回答"
).split("|")
FORMS = (
    "小鹿wx_lu{}|微信号abc{}|桑桑QQ2847{}|晚晚（vx moon{}）|林V_nana_{}|小鱼 加v yu{}|扣扣7742{}|mm{}x@qq.com|薇信sunny{}"
).split("|")
NUMBERS = count()
UNKNOWN = "不知道是什么的一栏，写了很长很长的一段话" * 6


class Places(dict[str, str]):
    """Details written so far: the digits that only one of them has, and where it was written."""

    def __call__(self, place: str) -> str:
        digits = str(31000 + 7 * len(self))
        self[digits] = place
        return FORMS[len(self) % len(FORMS)].format(digits)


def body():
    number = next(NUMBERS)
    parts = random.Random(number).sample(PARTS, 12)
    return (
        "。".join(f"{card}，{'，'.join(parts[n::3])}" for n, card in enumerate(CARDS.split("、")))
        + f"。祝好，{number}。"
    )


def note(person, question="我和他还能复合吗", spread="三张牌", extra="", title="复合"):
    return f"# {title}\n\n客户：{person}\n日期：2024-03-02\n问题：{question}\n牌阵：{spread}\n抽到的牌：{CARDS}\n{extra}\n\n{body()}\n"


def row(person="小米"):
    return ["2024-04-02", person, "工作能成吗", CARDS, body()]


def record(person="小八", **more):
    cards = CARDS.split("、")
    return {"date": "2024-05-01", "person": person, "question": "感情", "cards": cards, "content": body(), **more}


def write_notes(inbox: Path, detail: Places) -> None:
    front = "".join(f"{key}: {detail(f'front matter {key}')}\n" for key in ("person", "note", "aliases", "tags"))
    (inbox / "a.md").write_text(f"---\n{front}{detail('front matter key')}: x\n---\n{note('阿紫')}")
    (inbox / "b.md").write_text(note(detail("person of a note"), title=detail("heading of a note")))
    extra = f"{detail('label')}：已付\n备注：{detail('remark')}"
    (inbox / "c.md").write_text(note("小青", detail("question"), detail("spread"), extra))
    folder = inbox / detail("folder")
    folder.mkdir()
    for ending in ("md", "txt", "bin", "docx", "html"):
        (folder / f"{detail(f'name of {ending}')}.{ending}").write_text(note("小白"))
    (inbox / f"{detail('name of a rejected note')}.md").write_text("太短了")
    head = f"<head><title>{detail('title of a page')}</title></head>"
    lines = "".join(f"<p>{line}</p>" for line in note(detail("person of a page")).splitlines())
    (inbox / "d.html").write_text(f"<html>{head}<body><h1>{detail('heading of a page')}</h1>{lines}</body></html>")


def write_tables(inbox: Path, detail: Places) -> None:
    unknown = [*HEADINGS, detail("heading of csv")]
    for name, rows in (
        ("a.csv", [unknown, [*row(detail("person of csv")), UNKNOWN]]),
        (f"{detail('name of csv')}.csv", [HEADINGS, row(), ["2024-04-02", detail("rejected person"), "问", "", ""]]),
    ):
        with (inbox / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    book = openpyxl.Workbook()
    book.active.title = detail("sheet")
    for cells in ([*HEADINGS, detail("heading of xlsx")], [*row(detail("person of xlsx")), UNKNOWN]):
        book.active.append(cells)
    book.create_sheet(detail("rejected sheet")).append(["2024-04-02", "小六", "短"])
    book.properties.title, book.properties.creator = detail("title of xlsx"), detail("author of xlsx")
    book.save(inbox / f"{detail('name of xlsx')}.xlsx")
    with sqlite3.connect(inbox / "a.db") as base:
        table, column = detail("table"), detail("column")
        base.execute(
            f'create table "{table}" (date text, person text, question text, cards text, content text, "{column}")'
        )
        base.execute(f'insert into "{table}" values (?, ?, ?, ?, ?, ?)', [*row(detail("person of sqlite")), UNKNOWN])
    base.close()


def write_json(inbox: Path, detail: Places) -> None:
    for name, value in {
        "a.json": [record(detail("person of json"), **{detail("key of json"): UNKNOWN})],
        "b.json": {detail("container"): [record()]},
        "c.json": {detail("person as key"): {"2024-05-02": record()}},
        "d.json": {"meta": {"owner": detail("value beside"), detail("key beside"): 2}, "readings": [record()]},
        "e.json": {detail("key of unknown json"): {"x": [1, 2], detail("inner key"): "hello"}},
        f"{detail('name of json')}.json": [record()],
    }.items():
        (inbox / name).write_text(json.dumps(value, ensure_ascii=False))
    lines = [
        record(detail("person of jsonl")),
        {"person": detail("rejected line"), "content": "短"},
        {detail("key of a line"): 1},
    ]
    bad = f"not json {detail('damaged line')}"
    (inbox / "a.jsonl").write_text("\n".join([*(json.dumps(line, ensure_ascii=False) for line in lines), bad]))


def write_chats(inbox: Path, detail: Places) -> None:
    talk = ["老师在吗，想问感情，我和他还能走下去吗", f"抽到{CARDS}", body(), "谢谢老师"]
    for name, other in ((f"微信-{detail('name of a chat')}.txt", "小雨"), ("chat.txt", detail("sender"))):
        people = (other, "月影塔罗", "月影塔罗", other)
        (inbox / name).write_text(
            "\n".join(
                f"2024-06-01 20:0{n}:00 {who}\n{what}\n" for n, (who, what) in enumerate(zip(people, talk, strict=True))
            )
        )
    other = detail("sender of json")
    messages = [
        {"id": n, "type": "message", "date": f"2024-06-03T20:0{n}:00", "from": who, "from_id": who, "text": what}
        for n, (who, what) in enumerate(zip((other, "月影", "月影", other), talk, strict=True))
    ]
    chat = {"name": detail("title of a chat"), "type": "personal_chat", "id": 1, "messages": messages}
    (inbox / "chat.json").write_text(json.dumps(chat, ensure_ascii=False))


def write_archives(inbox: Path, detail: Places) -> None:
    with zipfile.ZipFile(inbox / f"{detail('name of zip')}.zip", "w") as archive:
        archive.writestr(f"{detail('folder in zip')}/a.md", note("十五"))
        archive.writestr(f"{detail('entry')}.md", note("十六"))
        archive.writestr(f"{detail('rejected entry')}.xyz", b"\0\1\2" * 40)


def decoded(raw: bytes):
    yield raw.decode("utf-8", "ignore")
    if raw.startswith(b"PAR1"):
        yield json.dumps(pl.read_parquet(io.BytesIO(raw)).to_dicts(), ensure_ascii=False, default=str)
    if raw.startswith(b"\x1f\x8b"):
        yield from decoded(gzip.decompress(raw))
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for name in archive.namelist():
                yield from (name, *decoded(archive.read(name)))


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Return the details by their digits, the data directory, and all text that the work left there or logged."""
    root = tmp_path_factory.mktemp("metadata")
    inbox, data, detail = root / "inbox", root / "data", Places()
    inbox.mkdir()
    for write in (write_notes, write_tables, write_json, write_chats, write_archives):
        write(inbox, detail)
    summary = ingest(data, inbox)
    versions.publish(data)
    write_report(data, newest_gate(data), "zh")
    texts = [json.dumps(summary, ensure_ascii=False, default=str)]
    for path in data.rglob("*"):
        texts += (str(path.relative_to(data)), *(decoded(path.read_bytes()) if path.is_file() else ()))
    return detail, data, "\n".join(texts)


def test_no_detail_of_metadata_is_left(left):
    detail, _, text = left
    # Two hashes or numbers of rows may have five digits in a row: a detail is these between other signs.
    assert {
        place for digits, place in detail.items() if re.search(rf"(?<![0-9a-f]){digits}(?![0-9a-f])", text)
    } == set()


def test_metadata_were_read(left):
    detail, data, text = left
    assert len(detail) > 50
    readings = pl.concat([pl.read_parquet(path) for path in (data / "store" / "readings").rglob("*.parquet")])
    assert readings.height >= 20
    assert {"小鹿", "桑桑", "晚晚"} & set(readings["person"])
    assert "〔微信号〕" in text and "〔QQ号〕" in text and "〔邮箱〕" in text
