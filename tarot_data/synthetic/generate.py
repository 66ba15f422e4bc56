"""`tarot sample`: made-up readings in every raw form, for trying out and for load tests.

Each record says in its source that it is made up, in the way its form has for it: a property, a column, a label or a
key `synthetic`. The same n, seed and broken give the same bytes.
"""

import csv
import io
import json
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from random import Random

from schemas.errors import Problem
from tarot_data.lexicon import read_table
from tarot_data.synthetic.grammar import Drawn, MadeUp, listed, made_up
from tarot_data.synthetic.office_files import write_docx, write_xlsx
from tarot_data.synthetic.tables import tables

Progress = Callable[[str, int, int], None]

SHARES = {
    "notion_zip": 10,
    "notion_folder": 6,
    "csv_gb18030": 11,
    "csv_utf8": 9,
    "jsonl": 14,
    "json": 7,
    "sqlite": 12,
    "notes": 9,
    "obsidian": 4,
    "xlsx": 6,
    "docx": 3,
    "wechat": 6,
    "alpaca": 5,
}
"""Forms and their parts of a sample. What a form cannot hold (MOST) goes to jsonl."""

MOST = {"notion_folder": 300, "obsidian": 300, "docx": 3000}
"""One file a reading, or a document nobody would scroll through: no more than so many readings of these forms."""

A_FILE = {"wechat": 25, "docx": 60, "notes": 400, "obsidian": 1, "notion_folder": 300}
"""Readings in one file or folder; 2,000 for the forms not named. Also the most that is in memory at a time."""

UNBROKEN = ("docx", "wechat", "obsidian")
"""Forms that get no broken record: there a record without cards or body is no record at all."""


def write_sample(
    n: int, out: Path, seed: int = 0, progress: Progress | None = None, broken: float = 0.0
) -> dict[str, object]:
    """Writes n made-up readings below `out`, spread over all raw forms. Same n, seed and broken: same bytes.

    broken: share of records, 0 to 1, that must be rejected when read. Returns {n, seed, files, forms: {form: records},
    rejected: {reason: records}}. Raises Problem `sample_not_empty` where `out` holds anything already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Problem("sample_not_empty", path=out)
    out.mkdir(parents=True, exist_ok=True)
    forms = _parts(n)
    files, done, rejected = 0, 0, Counter()
    for form, count in forms.items():
        size = A_FILE.get(form, 2000)
        for number in range(-(-count // size)):
            first = done
            here = min(size, count - number * size)
            readings = [_reading(seed, first + i, form, number, broken) for i in range(here)]
            rejected.update(reading.reason for reading in readings if reading.reason)
            files += WRITERS[form](out, number, readings, Random(f"{seed}/{form}/{number}"))
            done += here
            if progress:
                progress("sample", done, n)
    return {"n": n, "seed": seed, "files": files, "forms": forms, "rejected": dict(sorted(rejected.items()))}


def _parts(n: int) -> dict[str, int]:
    """Records a form. At least one each as soon as there are as many records as forms; largest remainders first."""
    whole = sum(SHARES.values())
    exact = {form: n * share / whole for form, share in SHARES.items()}
    floor = 1 if n >= len(SHARES) else 0
    parts = {form: max(floor, int(count)) for form, count in exact.items()}
    rest = sorted(SHARES, key=lambda form: int(exact[form]) - exact[form])
    step = 0
    while sum(parts.values()) != n:
        form = rest[step % len(rest)]
        if sum(parts.values()) < n:
            parts[form] += 1
        elif parts[form] > floor:
            parts[form] -= 1
        step += 1
    for form, most in MOST.items():
        parts["jsonl"] += max(0, parts[form] - most)
        parts[form] = min(parts[form], most)
    return {form: count for form, count in parts.items() if count}


def _reading(seed: int, index: int, form: str, number: int, broken: float) -> MadeUp:
    """Reading `index`, as it must be for its form, spoilt where chance says so."""
    reading = made_up(
        seed,
        index,
        person=number if form == "wechat" else None,
        labelled=form in ("notes", "obsidian", "docx", "wechat", "notion_zip", "notion_folder"),
    )
    rng = Random(f"{seed}/{index}/broken")
    if form in UNBROKEN or rng.random() >= broken:
        return reading
    return _spoilt(reading, rng)


def _spoilt(reading: MadeUp, rng: Random) -> MadeUp:
    """The reading with one thing wrong, and the reason for which it must be rejected."""
    rows = read_table("synthetic/broken")
    reason = rng.choice(sorted({row["reason"] for row in rows}))
    text = rng.choice([row["text"] for row in rows if row["reason"] == reason])
    cards = reading.cards
    if reason in ("empty_body", "too_short", "not_chinese"):
        return replace(reading, content=text, reason=reason)
    if reason == "no_cards":
        return replace(reading, cards=(), content=text.format(question=reading.question), reason=reason)
    if reason == "unknown_card":
        return replace(reading, cards=(replace(cards[0], name=text), *cards[1:]), reason=reason)
    return replace(reading, cards=(*cards[:-1], *(cards[0], cards[0])[len(cards) > 1 :]), reason="duplicate_card")


def _hex(reading: MadeUp) -> str:
    """32 hex digits that stand for this reading, as Notion gives every page."""
    return blake2b(f"{reading.question}{reading.content}".encode(), digest_size=16).hexdigest()


def _way(card: Drawn) -> str:
    return _words("orientation", "speech")[0].split("/")[not card.upright]


def _words(kind: str, key: str) -> tuple[str, ...]:
    return tables().words[(kind, key)]


def _notion_pages(readings: list[MadeUp], number: int, rng: Random) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of one exported database: its CSV and a page a reading."""
    base = f"Readings {blake2b(f'database {number}'.encode(), digest_size=16).hexdigest()}"
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
        name = f"{base}/{reading.question} {_hex(reading)}.md"
        yield name, f"# {reading.question}\n\n{head}\n\n{reading.content}".encode()
    yield f"{base}_all.csv", _csv(columns, table).removesuffix("\r\n").encode("utf-8-sig")


def _notion_zip(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    with zipfile.ZipFile(out / f"Export-{number:04d}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, data in _notion_pages(readings, number, rng):
            entry = zipfile.ZipInfo(f"Private & Shared/{name}", (2024, 1, 5, 21, 3, 0))
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


def _csv(columns: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _day(reading: MadeUp, style: str) -> str:
    """`2024/1/5` and the like; style with {y} {m} {d}."""
    return style.format(y=reading.day.year, m=reading.day.month, d=reading.day.day)


def _csv_gb18030(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    rows = [
        [
            reading.person or "",
            reading.question,
            reading.spread,
            listed(tables(), rng, reading.cards, "、"),
            reading.content,
            _day(reading, "{y}/{m}/{d}"),
            "true",
        ]
        for reading in readings
    ]
    columns = [*_words("columns", "csv_gb18030"), "synthetic"]
    (out / f"{_words('file', 'csv_gb18030')[0]}{number:04d}.csv").write_bytes(_csv(columns, rows).encode("gb18030"))
    return 1


def _csv_utf8(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    rows = [
        [
            _day(reading, "{y}-{m:02d}-{d:02d}"),
            reading.person or "",
            reading.question,
            listed(tables(), rng, reading.cards, "；"),
            reading.spread,
            "TRUE",
            reading.content,
        ]
        for reading in readings
    ]
    columns = list(_words("columns", "csv_utf8"))
    columns.insert(-1, "synthetic")
    (out / f"{_words('file', 'csv_utf8')[0]}{number:04d}.csv").write_bytes(_csv(columns, rows).encode("utf-8-sig"))
    return 1


def _record(reading: MadeUp, rng: Random) -> dict[str, object]:
    """The reading as JSON, its cards in one of the shapes in which programs write them."""
    shape = rng.randrange(3)
    if shape == 0:
        cards: object = [listed(tables(), rng, (card,), "") for card in reading.cards]
    elif shape == 1:
        cards = " | ".join(f"{card.name}({_way(card)})" for card in reading.cards)
    else:
        cards = [
            {
                "name": card.name,
                "orientation": "upright" if card.upright else "reversed",
                **({"position": card.position} if card.position else {}),
            }
            for card in reading.cards
        ]
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
    records = [_record(reading, rng) for reading in readings]
    text = json.dumps({"readings": records}, ensure_ascii=False, indent=1)
    (out / f"export-{number:04d}.json").write_text(text + "\n", encoding="utf-8")
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
            [
                (
                    reading.person,
                    reading.question,
                    listed(tables(), rng, reading.cards, "; "),
                    reading.spread,
                    reading.content,
                    reading.day.isoformat(),
                )
                for reading in readings
            ],
        )
    connection.close()
    return 1


def _notes(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    person, question, spread, cards, day = _words("labels", "notes")
    parts = []
    for reading in readings:
        places = [
            f"{place}. {card.position or _words('place', 'ordinal')[0].format(n=_words('numeral', 'rank')[place])}：{card.name} {_way(card)}"
            for place, card in enumerate(reading.cards, 1)
        ]
        lines = [
            # An unknown person leaves the label empty, as on a form: readings of one file begin alike.
            f"{person}：{reading.person or ''}",
            f"{question}：{reading.question}",
            f"{spread}：{reading.spread}",
            f"{day}：{_day(reading, '{y}.{m}.{d}')}",
            "synthetic：true",
            *([f"{cards}：", *places] if places else []),
            "",
            reading.content,
        ]
        parts.append("\n".join(lines))
    text = "\n\n----------\n".join(parts)
    (out / f"{_words('file', 'notes')[0]}{number:04d}.txt").write_text(text + "\n", encoding="utf-8")
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


def _xlsx(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    """A sheet every 200 readings, each with a title row, as a reader keeps months."""
    columns = [*_words("columns", "xlsx"), "synthetic"]
    sheets = []
    for start in range(0, len(readings), 200):
        rows: list[list[object]] = [
            [
                reading.day,
                reading.person or "",
                reading.question,
                reading.spread,
                listed(tables(), rng, reading.cards, " / "),
                reading.content,
                True,
            ]
            for reading in readings[start : start + 200]
        ]
        title = f"{_words('file', 'xlsx')[0]}{start // 200 + 1}"
        sheets.append((title, [[title], columns, *rows]))
    write_xlsx(out / f"{_words('file', 'xlsx')[0]}{number:04d}.xlsx", sheets)
    return 1


def _docx(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    """A heading a reading, its labels in one paragraph, its cards in a table or on a label's line, its paragraphs."""
    person, question, spread, cards, day = _words("labels", "docx")
    blocks: list[tuple[str, object]] = []
    for reading in readings:
        labels = [
            *([f"{person}：{reading.person}"] if reading.person else []),
            f"{question}：{reading.question}",
            f"{spread}：{reading.spread}",
            f"{day}：{_day(reading, _words('day', 'docx')[0])}",
            "synthetic：true",
        ]
        blocks.append(("heading", reading.question))
        if reading.cards[0].position and rng.random() < 0.5:
            blocks.append(("paragraph", "\n".join(labels)))
            rows = [[card.position, card.name, _way(card)] for card in reading.cards]
            blocks.append(("table", [list(_words("columns", "docx")), *rows]))
        else:
            labels.insert(-2, f"{cards}：{listed(tables(), rng, reading.cards, '、')}")
            blocks.append(("paragraph", "\n".join(labels)))
        blocks += [("paragraph", part) for part in reading.content.split("\n\n")]
    write_docx(out / f"{_words('file', 'docx')[0]}{number:04d}.docx", blocks)
    return 1


def _wechat(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    """One chat with one client over the years: the client asks, the reader sends the cards, then a message a paragraph."""
    reader = rng.choice(_words("reader", "names"))
    _, question, spread, cards, _ = _words("labels", "wechat")
    client = readings[0].person
    messages: list[str] = []
    last, minute = None, 0
    for reading in sorted(readings, key=lambda reading: reading.day):
        # Time never runs backwards in a chat, also where a client comes twice a day.
        minute = max(rng.randrange(9 * 60, 18 * 60), minute + 10 if reading.day == last else 0)
        last = reading.day
        head = f"{question}：{reading.question}\n{spread}：{reading.spread}\n"
        listing = f"{cards}：{listed(tables(), rng, reading.cards, '、')}\nsynthetic：true"
        said = [(client, rng.choice(_words("client", "before"))), (reader, head + listing)]
        for part in reading.content.split("\n\n"):
            if len(said) > 3 and rng.random() < 0.15:
                said.append((client, rng.choice(_words("client", "between"))))
            said.append((reader, part))
        said.append((client, rng.choice(_words("client", "after"))))
        for who, text in said:
            minute += rng.randrange(1, 4)
            at = f"{reading.day.isoformat()} {minute // 60:02d}:{minute % 60:02d}:{rng.randrange(60):02d}"
            messages.append(f"{who} {at}\n{text}")
    (out / f"{_words('file', 'wechat')[0]}-{client}-{number:04d}.txt").write_text(
        "\n".join(messages) + "\n", encoding="utf-8"
    )
    return 1


def _alpaca(out: Path, number: int, readings: list[MadeUp], rng: Random) -> int:
    person, question, spread, cards, _ = _words("labels", "alpaca")
    before, after = _words("prompt", "alpaca")
    records = []
    for reading in readings:
        lines = [
            *([f"{person}：{reading.person}"] if reading.person else []),
            f"{question}：{reading.question}",
            f"{spread}：{reading.spread}",
            *([f"{cards}：{listed(tables(), rng, reading.cards, ' | ')}"] if reading.cards else []),
        ]
        instruction = f"{before}\n\n" + "\n".join(lines) + f"\n\n{after}"
        records.append({"instruction": instruction, "input": "", "output": reading.content, "synthetic": True})
    text = json.dumps(records, ensure_ascii=False, indent=1)
    (out / f"alpaca-{number:04d}.json").write_text(text + "\n", encoding="utf-8")
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
"""Each writes one file (or folder) of a form and returns how many files that made."""
