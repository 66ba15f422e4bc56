"""Readings written as files of every raw format, as common programs export them, for reading them back.

A reading is an object of `tarot_data/patterns/gold.py`: person, question, spread, date, cards [{card, orientation}],
content.
"""

import csv
import io
import json
import random
import sqlite3
import zipfile
from pathlib import Path

from tarot_data.patterns import gold

ANNOTATED = Path(__file__).parents[2] / "data" / "annotated"
ORIENTATIONS = {"正位": "upright", "逆位": "reversed", "未知": "unknown"}

STYLES = (
    lambda card, side: f"{card}({side})" if side else card,
    lambda card, side: f"{card}（{side}）" if side else card,
    lambda card, side: f"{card}{side}",
    lambda card, side: f"{card} {side}" if side else card,
    lambda card, side: f"{card}-{side}" if side else card,
)
SEPARATORS = ("、", "，", ", ", "；", ";", " | ", "/", " / ", "\n")


def annotated_readings() -> list[dict]:
    """Return the annotated readings of the first seven writers, orientations as in their files."""
    words = {side: word for word, side in ORIENTATIONS.items()}
    return [
        {
            "date": None,
            **reading,
            "cards": [{"card": c["card"], "orientation": words[c["orientation"]]} for c in reading["cards"]],
        }
        for reading in gold.read_all(ANNOTATED)
        if reading["writer"] in "abcdefg"
    ]


def card_list(reading: dict, rng: random.Random, separators: tuple[str, ...] = SEPARATORS) -> str:
    style, separator = rng.choice(STYLES), rng.choice(separators)
    return separator.join(
        style(c["card"], "" if c["orientation"] == "未知" else c["orientation"]) for c in reading["cards"]
    )


def page_id(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"


def notion_page(reading: dict, rng: random.Random) -> str:
    months = "January February March April May June July August September October November December".split()
    lines = [f"# {reading['question']}", "", f"Person: {reading['person']}"]
    if reading.get("date"):
        year, month, day = map(int, reading["date"].split("-"))
        lines.append(f"Date: {months[month - 1]} {day}, {year}")
    lines += [
        "Reader: 我",
        f"Cards 1: {card_list(reading, rng, (', ', '、'))}",
        f"Spread 1: {reading['spread']}",
        "Tags: 塔罗, 客户",
    ]
    return "\n".join([*lines, "", "![IMG_2031.jpeg](a2d943b0/IMG_2031.jpeg)", "", reading["content"], ""])


def notion_zip(readings: list[dict], rng: random.Random, nested: bool = False) -> bytes:
    database = f"Readings {page_id(rng)}"
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(["Name", "Person", "Date", "Cards 1", "Spread 1"])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for reading in readings:
            archive.writestr(
                f"{database}/{reading['question'][:30].replace('/', ' ')} {page_id(rng)}.md", notion_page(reading, rng)
            )
            writer.writerow(
                [reading["question"], reading["person"], reading["date"], card_list(reading, rng), reading["spread"]]
            )
        archive.writestr(f"{database}.csv", "\ufeff" + table.getvalue())
        archive.writestr(f"{database}_all.csv", "\ufeff" + table.getvalue())
        archive.writestr(f"{database}/a2d943b0/IMG_2031.jpeg", b"\xff\xd8\xff\xe0fake")
        archive.writestr("__MACOSX/._x.md", b"\0\5\x16\7")
    if not nested:
        return data.getvalue()
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("ExportBlock-7d20-Part-1.zip", data.getvalue())
    return outer.getvalue()


def csv_file(
    readings: list[dict], rng: random.Random, encoding: str = "gb18030", header: list[str] | None = None
) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", delimiter="\t" if encoding == "utf-16" else ",")
    writer.writerow(header or ["咨询者", "问题", "牌阵", "牌", "解读", "日期"])
    for r in readings:
        day = (r.get("date") or "").replace("-", "/")
        writer.writerow([r["person"], r["question"], r["spread"], card_list(r, rng), r["content"], day])
    return text.getvalue().encode(encoding, "replace")


def xlsx_file(readings: list[dict], rng: random.Random) -> bytes:
    from datetime import datetime

    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for number in range(0, len(readings), 3):
        sheet = book.create_sheet(f"2024-{number // 3 + 1:02}")
        sheet.append(["日期", "客户", "提问", "牌阵", "抽到的牌", "解牌内容"])
        for r in readings[number : number + 3]:
            day = datetime.fromisoformat(r["date"]) if r.get("date") else None
            sheet.append([day, r["person"], r["question"], r["spread"], card_list(r, rng), r["content"]])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def jsonl_file(readings: list[dict], rng: random.Random) -> bytes:
    lines = []
    for r in readings:
        sides = [ORIENTATIONS[c["orientation"]] for c in r["cards"]]
        shape = rng.randrange(4)
        if shape == 0:
            cards: object = [
                f"{c['card']}({c['orientation']})" if c["orientation"] != "未知" else c["card"] for c in r["cards"]
            ]
        elif shape == 1:
            cards = [{"name": c["card"], "orientation": side} for c, side in zip(r["cards"], sides, strict=True)]
        elif shape == 2 and "unknown" not in sides:
            cards = [
                {"card": c["card"], "reversed": side == "reversed"} for c, side in zip(r["cards"], sides, strict=True)
            ]
        else:
            cards = card_list(r, rng)
        item = {
            "person": r["person"],
            "question": r["question"],
            "spread": r["spread"],
            "cards": cards,
            "content": r["content"],
        }
        if r.get("date"):
            item["date"] = f"{r['date']}T20:15:00+08:00"
        lines.append(json.dumps(item, ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


def sqlite_file(readings: list[dict], rng: random.Random, path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, person TEXT, question TEXT, cards TEXT, spread TEXT, content TEXT,"
        " embedding BLOB, source_file TEXT)"
    )
    for r in readings:
        row = (
            r["person"],
            r["question"],
            card_list(r, rng, (";", " | ")),
            r["spread"],
            r["content"],
            b"\0\1\2",
            "x.md",
        )
        database.execute(
            "INSERT INTO readings (person, question, cards, spread, content, embedding, source_file) VALUES (?,?,?,?,?,?,?)",
            row,
        )
    database.commit()
    database.close()


def notes_file(readings: list[dict], rng: random.Random, separator: str = "----------\n") -> bytes:
    blocks = []
    for r in readings:
        lines = [
            f"咨询者：{r['person']}",
            f"问题：{r['question']}",
            f"牌阵：{r['spread']}",
            f"抽到的牌：{card_list(r, rng, SEPARATORS[:8])}",
        ]
        if r.get("date"):
            lines.append(f"日期：{r['date']}")
        blocks.append("\n".join([*lines, "", r["content"], ""]))
    return ("\ufeff" + f"\n{separator}".join(blocks)).encode()


def obsidian_file(r: dict, rng: random.Random) -> bytes:
    lines = ["---"]
    if r.get("date"):
        lines.append(f"date: {r['date']}")
    lines += [f'person: "[[{r["person"]}]]"', f'question: "{r["question"]}"', f"spread: {r['spread']}", "cards:"]
    lines += [f"  - {c['card']} {'' if c['orientation'] == '未知' else c['orientation']}".rstrip() for c in r["cards"]]
    lines += ["tags: [塔罗, 客户]", "---"]
    return "\n".join([*lines, "![[IMG_0412.jpeg]]", r["content"], ""]).encode()


def wechat_file(r: dict, rng: random.Random) -> bytes:
    day = r["date"] or "2024-01-05"
    parts = [f"{r['person']} {day} 20:50:01\n老师在吗，想问一下：{r['question']}\n"]
    head = f"问题：{r['question']}\n牌阵：{r['spread']}\n牌：{card_list(r, rng, SEPARATORS[:8])}"
    parts.append(f"塔罗师阿月 {day} 21:00:05\n{head}\n")
    for number, paragraph in enumerate(r["content"].split("\n\n")):
        parts.append(f"塔罗师阿月 {day} 21:{number + 1:02}:11\n{paragraph}\n")
        if number == 1:
            parts.append(f"{r['person']} {day} 21:02:40\n嗯嗯好准\n")
    return "\n".join(parts).encode()


def docx_file(readings: list[dict], rng: random.Random) -> bytes:
    """Return a Word file: a soft break for a single line end, and a new paragraph for a blank line."""
    from xml.sax.saxutils import escape

    def paragraph(text: str, heading: bool = False) -> str:
        style = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>' if heading else ""
        runs = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in text.split("\n"))
        return f"<w:p>{style}<w:r>{runs}</w:r></w:p>"

    body = []
    for r in readings:
        body.append(paragraph(r["question"], heading=True))
        body += [
            paragraph(f"咨询者：{r['person']}"),
            paragraph(f"牌阵：{r['spread']}"),
            paragraph(f"牌：{card_list(r, rng, SEPARATORS[:8])}"),
        ]
        if r.get("date"):
            body.append(paragraph(f"日期：{r['date']}"))
        body += [paragraph(part) for part in r["content"].split("\n\n")]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "word/document.xml",
            '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            f"<w:body>{''.join(body)}<w:sectPr/></w:body></w:document>",
        )
    return data.getvalue()


def _prompt(r: dict, rng: random.Random) -> str:
    return (
        f"作为专业塔罗师，请为以下咨询提供解读：\n\n咨询者：{r['person']}\n问题：{r['question']}\n牌阵：{r['spread']}\n"
        f"抽到的牌：{card_list(r, rng, SEPARATORS[:8])}\n\n请运用深度推理能力进行专业解读。"
    )


def alpaca_file(readings: list[dict], rng: random.Random) -> bytes:
    items = [{"instruction": _prompt(r, rng), "input": "", "output": r["content"]} for r in readings]
    return json.dumps(items, ensure_ascii=False, indent=1).encode()


def sharegpt_file(readings: list[dict], rng: random.Random) -> bytes:
    items = [
        {
            "conversations": [{"from": "human", "value": _prompt(r, rng)}, {"from": "gpt", "value": r["content"]}],
            "system": "你是一位塔罗师",
        }
        for r in readings
    ]
    return json.dumps(items, ensure_ascii=False).encode()


def messages_file(readings: list[dict], rng: random.Random) -> bytes:
    return b"".join(
        json.dumps(
            {
                "messages": [
                    {"role": "system", "content": "你是塔罗师"},
                    {"role": "user", "content": _prompt(r, rng)},
                    {"role": "assistant", "content": r["content"]},
                ]
            },
            ensure_ascii=False,
        ).encode()
        + b"\n"
        for r in readings
    )
