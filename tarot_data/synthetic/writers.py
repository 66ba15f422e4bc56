"""Writers of made-up readings: one function a raw form, from readings to a file or folder."""

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import NamedTuple

from tarot_data.synthetic.grammar import Drawn, MadeUp, listed, ordinal
from tarot_data.synthetic.office_files import STAMP, write_docx, write_xlsx
from tarot_data.synthetic.tables import tables


def _words(kind: str, key: str) -> tuple[str, ...]:
    return tables().words[(kind, key)]


def _file(out: Path, form: str, number: int, ending: str) -> Path:
    """Name a file as people name theirs: 解读记录0001.csv."""
    return out / f"{_words('file', form)[0]}{number:04d}{ending}"


def _hex(text: str) -> str:
    """Hash a text to 32 hex digits, as Notion gives every page and database."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _way(card: Drawn) -> str:
    return _words("orientation", "speech")[0].split("/")[not card.upright]


def _day(day: date, style: str) -> str:
    """Write a date in a style with {y} {m} {d}: `2024/1/5`."""
    return style.format(y=day.year, m=day.month, d=day.day)


class Layout(NamedTuple):
    """Order of a table's columns, and how it writes lists of cards, dates (None: as a date) and the mark `synthetic`."""

    columns: str
    separator: str
    day: str | None
    mark: object


LAYOUTS = {
    "csv_gb18030": Layout("person question spread cards content day mark", "、", "{y}/{m}/{d}", "true"),
    "csv_utf8": Layout("day person question cards spread mark content", "；", "{y}-{m:02d}-{d:02d}", "TRUE"),
    "xlsx": Layout("day person question spread cards content mark", " / ", None, True),
    "sqlite": Layout("person question cards spread content day", "; ", "{y}-{m:02d}-{d:02d}", 1),
}


def _row(reading: MadeUp, rng: Random, layout: Layout, nobody: str | None = "") -> list[object]:
    """Write a reading as a row of a table. nobody: value of a person who is not known."""
    values = {
        "person": reading.person or nobody,
        "question": reading.question,
        "spread": reading.spread,
        "cards": listed(tables(), rng, reading.cards, layout.separator),
        "content": reading.content,
        "day": _day(reading.day, layout.day) if layout.day else reading.day,
        "mark": layout.mark,
    }
    return [values[column] for column in layout.columns.split()]


def _header(form: str) -> list[str]:
    """Return the columns of a table by their names in words.csv, and `synthetic` in its place."""
    columns = list(_words("columns", form))
    columns.insert(LAYOUTS[form].columns.split().index("mark"), "synthetic")
    return columns


def _csv(columns: list[str], rows: list[list[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _write_csv(out: Path, number: int, readings: list[MadeUp], rng: Random, form: str, encoding: str) -> int:
    rows = [_row(reading, rng, LAYOUTS[form]) for reading in readings]
    _file(out, form, number, ".csv").write_bytes(_csv(_header(form), rows).encode(encoding))
    return 1


def _csv_gb18030(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    return _write_csv(out, number, readings, rng, "csv_gb18030", "gb18030")


def _csv_utf8(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    return _write_csv(out, number, readings, rng, "csv_utf8", "utf-8-sig")


def _xlsx(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    """Write a sheet every 200 readings, each with a title row, as a reader keeps months."""
    sheets = []
    for start in range(0, len(readings), 200):
        rows = [_row(reading, rng, LAYOUTS["xlsx"]) for reading in readings[start : start + 200]]
        title = f"{_words('file', 'xlsx')[0]}{start // 200 + 1}"
        sheets.append((title, [[title], _header("xlsx"), *rows]))
    write_xlsx(_file(out, "xlsx", number, ".xlsx"), sheets)
    return 1


def _sqlite(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    connection = sqlite3.connect(out / f"tarot-{number:04d}.db")
    with connection:
        connection.execute(
            "CREATE TABLE readings (id INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT, question TEXT, cards TEXT, "
            "spread TEXT, content TEXT, date TEXT, synthetic INTEGER NOT NULL)"
        )
        connection.executemany(
            "INSERT INTO readings (person, question, cards, spread, content, date, synthetic) VALUES (?,?,?,?,?,?,1)",
            [_row(reading, rng, LAYOUTS["sqlite"], nobody=None) for reading in readings],
        )
    connection.close()
    return 1


def _notion_pages(readings: list[MadeUp], number: int, rng: Random) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of one exported database: a page a reading, then its CSV."""
    base = f"Readings {_hex(f'database {number}')}"
    columns = ["Name", "Person", "Date", "Cards 1", "Spread 1", "synthetic"]
    table = []
    for reading in readings:
        values = {
            "Person": reading.person,
            "Date": f"{_words('month', 'english')[reading.day.month - 1]} {reading.day.day}, {reading.day.year}",
            "Cards 1": listed(tables(), rng, reading.cards, ", "),
            "Spread 1": reading.spread,
            "synthetic": "true",
        }
        head = "\n".join(f"{key}: {value}" for key, value in values.items() if value)
        table.append([reading.question, *(values[column] or "" for column in columns[1:])])
        name = f"{base}/{reading.question} {_hex(reading.question + reading.content)}.md"
        yield name, f"# {reading.question}\n\n{head}\n\n{reading.content}".encode()
    yield f"{base}_all.csv", _csv(columns, table).removesuffix("\r\n").encode("utf-8-sig")


def _notion_zip(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    with zipfile.ZipFile(out / f"Export-{number:04d}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, data in _notion_pages(readings, number, rng):
            entry = zipfile.ZipInfo(f"Private & Shared/{name}", STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return 1


def _notion_folder(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    files = 0
    for name, data in _notion_pages(readings, 1000 + number, rng):
        path = out / "notion" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        files += 1
    return files


def _record(reading: MadeUp, rng: Random) -> dict[str, object]:
    """Write the reading as JSON, its cards in one of the shapes in which programs write them."""
    shape = rng.randrange(3)
    if shape == 0:
        cards: object = [listed(tables(), rng, (card,), "") for card in reading.cards]
    elif shape == 1:
        cards = " | ".join(f"{card.name}({_way(card)})" for card in reading.cards)
    else:
        objects = ({"name": card.name, "orientation": card.way, "position": card.position} for card in reading.cards)
        cards = [{key: value for key, value in one.items() if value} for one in objects]
    record = {
        "person": reading.person,
        "question": reading.question,
        "spread": reading.spread,
        "cards": cards,
        "content": reading.content,
        "date": reading.day.isoformat(),
        "synthetic": True,
    }
    return {key: value for key, value in record.items() if value is not None}


def _jsonl(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    lines = "".join(json.dumps(_record(reading, rng), ensure_ascii=False) + "\n" for reading in readings)
    (out / f"readings-{number:04d}.jsonl").write_text(lines, encoding="utf-8")
    return 1


def _json(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    _write_json(out / f"export-{number:04d}.json", {"readings": [_record(reading, rng) for reading in readings]})
    return 1


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _labelled(form: str, **values: str | None) -> list[str]:
    """Write the values that are not None as lines with the labels of a form: `问题：…`."""
    labels = dict(zip(("person", "question", "spread", "cards", "day"), _words("labels", form), strict=True))
    return [f"{labels.get(key, key)}：{value}" for key, value in values.items() if value is not None]


def _notes(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    parts = []
    for reading in readings:
        places = "".join(
            f"\n{place}. {card.position or ordinal(tables(), place)}：{card.name} {_way(card)}"
            for place, card in enumerate(reading.cards, 1)
        )
        lines = _labelled(
            "notes",
            # An unknown person leaves the label empty, as on a form: readings of one file begin alike.
            person=reading.person or "",
            question=reading.question,
            spread=reading.spread,
            day=_day(reading.day, "{y}.{m}.{d}"),
            synthetic="true",
            cards=places or None,
        )
        parts.append("\n".join([*lines, "", reading.content]))
    text = "\n\n----------\n".join(parts)
    _file(out, "notes", number, ".txt").write_text(text + "\n", encoding="utf-8")
    return 1


def _obsidian(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    (reading,) = readings
    person = f'person: "[[{reading.person}]]"\n' if reading.person else ""
    cards = "".join(f"  - {card.name} {_way(card)}\n" for card in reading.cards)
    text = (
        f'---\ndate: {reading.day.isoformat()}\n{person}question: "{reading.question}"\nspread: {reading.spread}\n'
        f"cards:\n{cards}synthetic: true\n---\n{reading.content}\n"
    )
    folder = out / "vault"
    folder.mkdir(exist_ok=True)
    (folder / f"{reading.day.isoformat()} {number:04d}.md").write_text(text, encoding="utf-8")
    return 1


def _docx(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    """Write a heading per reading, its labels in one paragraph, its cards in a table or a labelled line, its
    paragraphs."""
    blocks: list[tuple[str, object]] = []
    for reading in readings:
        in_table = reading.cards[0].position and rng.random() < 0.5
        labels = _labelled(
            "docx",
            person=reading.person,
            question=reading.question,
            spread=reading.spread,
            cards=None if in_table else listed(tables(), rng, reading.cards, "、"),
            day=_day(reading.day, _words("day", "docx")[0]),
            synthetic="true",
        )
        blocks += [("heading", reading.question), ("paragraph", "\n".join(labels))]
        if in_table:
            rows = [[card.position, card.name, _way(card)] for card in reading.cards]
            blocks.append(("table", [list(_words("columns", "docx")), *rows]))
        blocks += [("paragraph", part) for part in reading.content.split("\n\n")]
    write_docx(_file(out, "docx", number, ".docx"), blocks)
    return 1


def _wechat(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    """Write one chat with one client over years: the client asks, the reader sends the cards, then a message a
    paragraph."""
    reader = rng.choice(_words("reader", "names"))
    client = readings[0].person
    messages: list[str] = []
    last, minute = None, 0
    for reading in sorted(readings, key=lambda reading: reading.day):
        # Time never runs backwards in a chat, even if a client comes twice a day.
        minute = max(rng.randrange(9 * 60, 18 * 60), minute + 10 if reading.day == last else 0)
        last = reading.day
        for who, text in _conversation(reading, client, reader, rng):
            minute += rng.randrange(1, 4)
            at = f"{reading.day.isoformat()} {minute // 60:02d}:{minute % 60:02d}:{rng.randrange(60):02d}"
            messages.append(f"{who} {at}\n{text}")
    path = out / f"{_words('file', 'wechat')[0]}-{client}-{number:04d}.txt"
    path.write_text("\n".join(messages) + "\n", encoding="utf-8")
    return 1


def _conversation(reading: MadeUp, client: str, reader: str, rng: Random) -> list[tuple[str, str]]:
    cards = listed(tables(), rng, reading.cards, "、")
    labels = _labelled("wechat", question=reading.question, spread=reading.spread, cards=cards, synthetic="true")
    messages = [(client, rng.choice(_words("client", "before"))), (reader, "\n".join(labels))]
    for part in reading.content.split("\n\n"):
        if len(messages) > 3 and rng.random() < 0.15:
            messages.append((client, rng.choice(_words("client", "between"))))
        messages.append((reader, part))
    return [*messages, (client, rng.choice(_words("client", "after")))]


def _alpaca(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    before, after = _words("prompt", "alpaca")
    records = []
    for reading in readings:
        labels = _labelled(
            "alpaca",
            person=reading.person,
            question=reading.question,
            spread=reading.spread,
            cards=listed(tables(), rng, reading.cards, " | ") if reading.cards else None,
        )
        instruction = "\n\n".join([before, "\n".join(labels), after])
        records.append({"instruction": instruction, "input": "", "output": reading.content, "synthetic": True})
    _write_json(out / f"alpaca-{number:04d}.json", records)
    return 1


WRITERS: dict[str, Callable[[Path, int, list[MadeUp], Random], int]] = {
    "notion_zip": _notion_zip,
    "notion_folder": _notion_folder,
    "csv_gb18030": _csv_gb18030,
    "csv_utf8": _csv_utf8,
    "jsonl": _jsonl,
    "json": _json,
    "sqlite": _sqlite,
    "notes": _notes,
    "obsidian": _obsidian,
    "xlsx": _xlsx,
    "docx": _docx,
    "wechat": _wechat,
    "alpaca": _alpaca,
}
"""Each writes one file (or folder) of a form and returns the number of files."""
