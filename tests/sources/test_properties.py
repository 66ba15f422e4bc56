"""Property tests: for any bytes, `read` returns records and rejections without raising, and cleaning accepts them."""

import io
import json
import os
import random
import sqlite3
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarot_data.cards import card_fields, content_cards
from tarot_data.ingest.clean import to_readings
from tarot_data.lexicon import dates
from tarot_data.privacy import mask
from tarot_data.sources import reader
from tarot_data.sources.records import RawRecord, Rejected
from tarot_data.text.cleanup import clean_text
from tests.sources import layouts
from tests.sources.test_docx import document
from tests.sources.test_docx import p as paragraph

EXAMPLES = int(os.environ.get("TAROT_EXAMPLES", "50"))
"""Examples per property; for a longer run: TAROT_EXAMPLES=2000."""
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LABELS = "咨询者：|问题：|牌：|牌阵：|解读：|日期：|Person: |Cards 1: |【求问者】|Q：|title: |synthetic：".split("|")
PIECES = st.one_of(
    st.sampled_from(LABELS),
    st.sampled_from("愚人 塔 权杖1 正位 逆位 （逆） ↓ 底牌： 1. ① / 、 | - → 第一张 均正位 R XIII 骑士".split()),
    st.sampled_from(
        [
            "\n",
            "\n\n",
            "---\n",
            "# ",
            "```",
            "|",
            '"',
            ",",
            "\t",
            "{",
            "}",
            "[",
            "]",
            ":",
            "：",
            "\0",
            "\ufeff",
            "\u200b",
            "\r",
        ]
    ),
    st.sampled_from(
        [
            "2024-01-05",
            "2024/1/5 21:03",
            "阿月 2024-01-05 21:03:11\n",
            "—————  2024-01-05  —————\n",
            "13800138000",
            "wx_a88",
        ]
    ),
    st.text(max_size=12),
)
TEXT = st.lists(PIECES, max_size=40).map("".join)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from("person cards content draws metadata messages position card 牌 解读 id".split())
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def check(tmp_path, name: str, data: bytes) -> list:
    """Read a file of these bytes and clean the records; every record must be in exactly one table."""
    root = tmp_path / "inbox"
    root.mkdir(exist_ok=True)
    path = root / name
    path.write_bytes(data)
    records = list(reader.read(path, root))
    assert all(isinstance(record, RawRecord | Rejected) for record in records)
    # `read` catches every exception; an exception it had to catch is a bug of a format.
    assert not [record.values for record in records if isinstance(record, Rejected) and record.code == "unforeseen"]
    readings, rejections = to_readings(records)
    assert readings.height + rejections.height == len(records)
    places = [(r.source.member, r.source.locator) for r in records if isinstance(r, RawRecord)]
    assert len(set(places)) == len(places)
    return records


@SETTINGS
@given(
    data=st.binary(max_size=600),
    head=st.sampled_from([b"", b"PK\3\4", b"SQLite format 3\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"---\n", b"# "]),
)
def test_any_bytes(tmp_path, data, head):
    check(tmp_path, "a.bin", head + data)


@SETTINGS
@given(
    text=TEXT,
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-16", "big5"]),
    name=st.sampled_from(["a.md", "a.txt", "a.csv", "a.json", "a.html"]),
)
def test_any_text(tmp_path, text, encoding, name):
    check(tmp_path, name, text.encode(encoding, "replace"))


@SETTINGS
@given(values=st.lists(VALUE, max_size=4), lines=st.booleans())
def test_any_json(tmp_path, values, lines):
    text = "\n".join(map(json.dumps, values)) if lines else json.dumps(values)
    check(tmp_path, "a.json", text.encode())


@SETTINGS
@given(
    item=st.fixed_dictionaries(
        {"person": VALUE, "question": VALUE, "spread": VALUE, "cards": VALUE, "content": VALUE, "date": VALUE}
    )
)
def test_any_value_in_any_field(tmp_path, item):
    records = check(tmp_path, "a.jsonl", (json.dumps(item) + "\n").encode())
    assert len(records) == 1


@SETTINGS
@given(rows=st.lists(st.lists(TEXT, min_size=1, max_size=7), min_size=1, max_size=6))
def test_any_table(tmp_path, rows):
    import csv

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["咨询者", "问题", "牌阵", "牌", "解读", "日期"])
    writer.writerows(rows)
    check(tmp_path, "a.csv", text.getvalue().encode("utf-8", "replace"))


@SETTINGS
@given(
    values=st.lists(
        st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.binary(max_size=20),
        min_size=7,
        max_size=7,
    )
)
def test_any_row_of_a_database(tmp_path, values):
    path = tmp_path / "x.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, person, question, cards, spread, content, date, extra)"
    )
    values = [value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for value in values]
    connection.execute(
        "INSERT INTO readings (person, question, cards, spread, content, date, extra) VALUES (?,?,?,?,?,?,?)", values
    )
    connection.commit()
    connection.close()
    assert len(check(tmp_path, "a.db", path.read_bytes())) == 1


@SETTINGS
@given(texts=st.lists(TEXT, min_size=1, max_size=6))
def test_any_paragraphs(tmp_path, texts):
    clean = [
        "".join(c for c in text if c >= " " and c not in "<>&" or c == "\n").encode("utf-8", "replace").decode()
        for text in texts
    ]
    clean = ["".join(c for c in text if c not in "\ufffe\uffff") for text in clean]
    check(tmp_path, "a.docx", document(*map(paragraph, clean)))


@SETTINGS
@given(
    entries=st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12), TEXT, max_size=4
    ),
    suffix=st.sampled_from(["", ".md", ".csv", " 1590a8aac1a380d18a77cf77928aaf83.md"]),
)
def test_any_archive(tmp_path, entries, suffix):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(name + suffix, text.encode("utf-8", "replace"))
    check(tmp_path, "a.zip", data.getvalue())


@cache
def whole_files() -> dict[str, bytes]:
    """Return one valid file per format."""
    rng = random.Random(7)
    some = rng.sample(layouts.annotated_readings(), 8)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "a.db"
        layouts.sqlite_file(some, rng, database)
        return {
            "a.zip": layouts.notion_zip(some, rng),
            "b.zip": layouts.notion_zip(some, rng, nested=True),
            "a.xlsx": layouts.xlsx_file(some, rng),
            "a.docx": layouts.docx_file(some, rng),
            "a.db": database.read_bytes(),
            "a.csv": layouts.csv_file(some, rng),
            "a.jsonl": layouts.jsonl_file(some, rng),
            "a.json": layouts.alpaca_file(some, rng),
            "a.txt": layouts.notes_file(some, rng),
        }


@settings(max_examples=2 * EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_sound_file(tmp_path, data):
    name = data.draw(st.sampled_from(sorted(whole_files())))
    content = bytearray(whole_files()[name])
    how = data.draw(st.sampled_from(["cut", "flip", "zero", "insert"]))
    at = data.draw(st.integers(0, len(content) - 1))
    if how == "cut":
        content = content[:at]
    elif how == "flip":
        for _ in range(data.draw(st.integers(1, 5))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    elif how == "zero":
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    else:
        content[at:at] = data.draw(st.binary(max_size=40))
    check(tmp_path, name, bytes(content))


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(text=TEXT, spread=st.none() | TEXT)
def test_any_card_list(text, spread):
    parsed = card_fields.parse_cards(text, spread)
    for card in parsed.cards if not parsed.unknown else ():
        assert card["card"] in content_cards.named_cards("") or card["orientation"] in (
            "upright",
            "reversed",
            "unknown",
        )
        assert card["place"] >= 0


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(text=TEXT | st.text())
def test_cleaning_twice_is_cleaning_once(text):
    once = clean_text(text)
    assert clean_text(once) == once


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(text=TEXT | st.text("0123456789-: 号微信vxQQ电话一二三.@/", max_size=60))
def test_masking_twice_is_masking_once(text):
    once, _ = mask.mask(text)
    assert mask.mask(once)[0] == once


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(value=VALUE | st.text("0123456789-/.年月日号 :", max_size=20), hint=st.none() | st.text(max_size=20))
def test_any_date(value, hint):
    dates.parse_date(value, hint)
