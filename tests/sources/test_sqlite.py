import json
import sqlite3

import pytest

from tarot_data.ingest import rejections
from tarot_data.ingest.clean import to_reading, to_readings
from tarot_data.sources import inbox, reader
from tarot_data.sources.records import RawRecord, Rejected

BODY = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。太阳在最后，孩子骑着白马出来，慢慢就亮了。"
SCHEMA = (
    "CREATE TABLE readings (id INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT, question TEXT, cards TEXT, spread TEXT,"
    " content TEXT, embedding BLOB, source_file TEXT)"
)


@pytest.fixture
def database(tmp_path):
    """Return a function that runs statements on a new database of the inbox and returns its path."""

    def make(*statements, name="tarot.db"):
        root = tmp_path / "inbox"
        root.mkdir(exist_ok=True)
        connection = sqlite3.connect(root / name)
        for statement in statements:
            connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(statement)
        connection.commit()
        connection.close()
        return root / name

    return make


def row(person, cards="隐士(正位);战车(逆位)", content=BODY):
    return (
        "INSERT INTO readings (person, question, cards, spread, content, embedding, source_file) VALUES (?,?,?,?,?,?,?)",
        (person, "要不要换组", cards, "", content, b"\0", "a.md"),
    )


def read_all(path) -> list:
    return list(reader.read(path, path.parent))


def test_rows_of_the_readings_table(database):
    path = database(SCHEMA, row("Mel"), row("阿宁", cards='["正义","死神(逆位)"]'), row("小满", content=None))
    records = read_all(path)
    readings, rejections = to_readings(records)
    assert readings["person"].to_list() == ["Mel", "阿宁"]
    assert [[c["card"] for c in cards] for cards in readings["cards"]] == [["隐士", "战车"], ["正义", "死神"]]
    assert rejections["reason"].to_list() == ["empty_body"]
    assert records[0].source.locator == "table readings id 1"


def test_the_write_ahead_log_is_read_without_writing(tmp_path):
    root = tmp_path / "inbox"
    root.mkdir()
    path = root / "tarot.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute(SCHEMA)
    connection.execute(*row("Mel"))
    connection.commit()
    before = {p.name: p.read_bytes() for p in root.iterdir() if not p.name.endswith("-shm")}
    assert "tarot.db-wal" in before
    found = inbox.discover([root])
    assert [file.name for file in found] == ["tarot.db"]
    assert [record.person for record in reader.read(path, root)] == ["Mel"]
    assert {p.name: p.read_bytes() for p in root.iterdir() if not p.name.endswith("-shm")} == before

    connection.execute(*row("阿宁"))
    connection.commit()
    # The log belongs to the database: a new row in it counts as a new file.
    assert inbox.discover([root])[0].sha256 != found[0].sha256
    connection.close()


def test_reading_a_wal_database_leaves_no_files(database):
    path = database(SCHEMA, row("Mel"), "PRAGMA journal_mode=WAL")
    read_all(path)
    assert [p.name for p in path.parent.iterdir()] == ["tarot.db"]


def test_other_table_and_column_names(database):
    path = database(
        "CREATE TABLE 设置 (键 TEXT, 值 TEXT)",
        "CREATE TABLE 解读记录 (编号 INTEGER PRIMARY KEY, 客户 TEXT, 提问 TEXT, 抽到的牌 TEXT, 解牌内容 TEXT, 时间 INTEGER)",
        ("INSERT INTO 解读记录 VALUES (1, '阿宁', '搬家', '正义、死神逆', ?, 1704459791)", (BODY,)),
        name="backup",
    )
    reading = to_reading(read_all(path)[0])
    assert (reading["person"], str(reading["date"])) == ("阿宁", "2024-01-05")


def test_cards_in_a_table_of_their_own(database):
    path = database(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, person TEXT, content TEXT)",
        "CREATE TABLE cards (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE reading_cards (reading_id INTEGER, card_id INTEGER, is_reversed INTEGER, position INTEGER)",
        "INSERT INTO cards VALUES (9, '隐士'), (7, '战车')",
        ("INSERT INTO readings VALUES (1, 'Mel', ?)", (BODY,)),
        "INSERT INTO reading_cards VALUES (1, 7, 1, 2), (1, 9, 0, 1)",
    )
    reading = to_reading(read_all(path)[0])
    assert [(c["place"], c["card"], c["orientation"]) for c in reading["cards"]] == [
        (1, "隐士", "upright"),
        (2, "战车", "reversed"),
    ]


def test_invalid_utf8_loses_only_its_row(database):
    path = database(
        SCHEMA,
        row("Mel"),
        ("INSERT INTO readings (person, cards, content) VALUES ('坏', '隐士', ?)", (BODY.encode("gb18030"),)),
    )
    readings, rejections = to_readings(read_all(path))
    assert readings["person"].to_list() == ["Mel"]
    assert rejections.height == 1


def test_hostile_views_and_triggers_do_not_run(database):
    path = database(
        SCHEMA,
        row("Mel"),
        "CREATE VIEW evil AS SELECT person, content, cards FROM readings, (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT x FROM n)",
    )
    assert [record.person for record in read_all(path)] == ["Mel"]


def test_rows_before_the_damage_are_kept(database):
    path = database(SCHEMA, *(row(f"第{number}位", content=BODY * 20) for number in range(200)))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 40_960] = b"\xff" * 40_960
    path.write_bytes(data)
    records = read_all(path)
    assert any(isinstance(record, RawRecord) for record in records)
    assert isinstance(records[-1], Rejected)
    assert records[-1].reason == "unreadable"


def test_truncated_and_foreign_databases_are_unreadable(database):
    path = database("CREATE TABLE notes (a TEXT)")
    (record,) = read_all(path)
    assert (record.reason, record.code, record.values) == ("unreadable", "no_reading_table", {"tables": "notes"})
    path.write_bytes(path.read_bytes()[:100])
    assert [record.reason for record in read_all(path)] == ["unreadable"]


def test_a_locked_database_is_read_from_its_copy(database):
    path = database(SCHEMA, row("Mel"))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert [record.person for record in read_all(path)] == ["Mel"]
    finally:
        holder.close()


def test_metadata_columns_do_not_leak(database):
    path = database(
        SCHEMA.replace("source_file TEXT", "source_file TEXT, phone TEXT, metadata TEXT"),
        row("Mel"),
        ("UPDATE readings SET phone = '13900001111', metadata = ?", (json.dumps({"wx": "wxid_abcd1234"}),)),
    )
    readings, _ = to_readings(read_all(path))
    assert "13900001111" not in readings.write_json()
    assert "wxid_abcd1234" not in readings.write_json()


def test_text_client_and_spread_in_other_tables(database):
    path = database(
        "CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT, phone TEXT, notes TEXT)",
        "CREATE TABLE spreads (id INTEGER PRIMARY KEY, name TEXT, description TEXT)",
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, client_id INTEGER, question TEXT, spread_id INTEGER)",
        "CREATE TABLE reading_cards (reading_id INTEGER, card TEXT, is_reversed INTEGER, position INTEGER)",
        "CREATE TABLE interpretations (id INTEGER PRIMARY KEY, reading_id INTEGER, seq INTEGER, text TEXT)",
        "INSERT INTO clients VALUES (51, 'Mel', '13800138000', '老客户')",
        "INSERT INTO spreads VALUES (3, '两张牌', '')",
        "INSERT INTO readings VALUES (7, 51, '要不要换组', 3)",
        "INSERT INTO reading_cards VALUES (7, '战车', 1, 2), (7, '隐士', 0, 1)",
        ("INSERT INTO interpretations VALUES (1, 7, 2, '愿你顺利。'), (2, 7, 1, ?)", (BODY,)),
    )
    (record,) = read_all(path)
    reading = to_reading(record)
    assert (reading["person"], reading["question"], reading["draws"][0]["spread"]) == ("Mel", "要不要换组", "两张牌")
    assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [("隐士", "upright"), ("战车", "reversed")]
    assert reading["content"] == f"{BODY}\n\n愿你顺利。"


@pytest.mark.parametrize(
    ("parent", "child", "deck"),
    [
        ("sessions", '"session_id" INT, "seq" INT, "card" TEXT, "orientation" TEXT', None),
        ("解读", '"解读id" INT, "序号" INT, "牌名" TEXT, "正逆" TEXT', None),
        ("Readings", '"ReadingId" INT, "PositionIndex" INT, "CardName" TEXT, "IsReversed" TEXT', None),
        ("readings", '"reading_id" INT REFERENCES readings(id), "place" INT, "card_id" INT, "reversed" TEXT', "deck"),
        ("readings", '"parent" INT REFERENCES readings(id), "n" INT, "card_id" INT, "reversed" TEXT', "tarot_cards"),
    ],
)
def test_a_card_table_is_ordered_by_its_numbers(database, parent, child, deck):
    cards = {"隐士": 9, "战车": 7} if deck else {"隐士": "隐士", "战车": "战车"}
    rows = [(1, 2, cards["战车"], "逆"), (1, 1, cards["隐士"], "正")]
    path = database(
        f'CREATE TABLE "{parent}" (id INTEGER PRIMARY KEY, person TEXT, question TEXT, content TEXT)',
        f"CREATE TABLE drawn ({child})",
        *([f"CREATE TABLE {deck} (card_id INTEGER PRIMARY KEY, arcana TEXT, name TEXT)"] if deck else []),
        *([f"INSERT INTO {deck} VALUES (9, '大牌', 'The Hermit'), (7, '大牌', 'The Chariot')"] if deck else []),
        (f"INSERT INTO \"{parent}\" VALUES (1, 'Mel', '要不要换组', ?)", (BODY,)),
        *[("INSERT INTO drawn VALUES (?, ?, ?, ?)", row) for row in rows],
    )
    (record,) = read_all(path)
    assert [(c["card"], c["orientation"]) for c in to_reading(record)["cards"]] == [
        ("隐士", "upright"),
        ("战车", "reversed"),
    ]


def test_a_card_table_may_have_several_draws(database):
    path = database(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, person TEXT, content TEXT)",
        "CREATE TABLE reading_cards (reading_id INTEGER, draw INTEGER, card TEXT)",
        ("INSERT INTO readings VALUES (1, 'Mel', ?)", (BODY,)),
        "INSERT INTO reading_cards VALUES (1, 1, '隐士'), (1, 2, '隐士'), (1, 2, '战车')",
    )
    (record,) = read_all(path)
    assert [(c["draw"], c["card"]) for c in to_reading(record)["cards"]] == [(1, "隐士"), (2, "隐士"), (2, "战车")]


def test_follow_ups_are_separate_readings(database):
    path = database(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, person TEXT, question TEXT, cards TEXT, content TEXT)",
        "CREATE TABLE followups (id INTEGER PRIMARY KEY, reading_id INTEGER, question TEXT, cards TEXT, content TEXT)",
        ("INSERT INTO readings VALUES (1, 'Mel', '换组', '隐士', ?)", (BODY,)),
        ("INSERT INTO followups VALUES (1, 1, '几月', '战车', ?)", (BODY,)),
    )
    assert [record.question for record in read_all(path)] == ["换组", "几月"]


def test_rows_with_equal_ids_are_distinguished(database):
    path = database(
        "CREATE TABLE readings (id INTEGER, person TEXT, question TEXT, cards TEXT, content TEXT)",
        ("INSERT INTO readings VALUES (7, ?, '搬家', '隐士(正位)', '')", ("Mel",)),
        ("INSERT INTO readings VALUES (7, ?, '搬家', '隐士(正位)', '')", ("阿宁",)),
    )
    records = list(reader.read(path, path.parent))
    assert [record.source.locator for record in records] == ["table readings id 7", "table readings row 2"]
    refused = rejections.identified(to_readings(records)[1])
    assert refused.height == 2 and refused["rejection_id"].n_unique() == 2


def test_chinese_foreign_keys(database):
    path = database(
        "CREATE TABLE 客户 (编号 INTEGER PRIMARY KEY, 姓名 TEXT)",
        "CREATE TABLE 咨询 (编号 INTEGER PRIMARY KEY, 客户编号 INTEGER, 日期 TEXT, 问题 TEXT, 牌 TEXT, 解读 TEXT)",
        "INSERT INTO 客户 VALUES (1, '阿宁')",
        ("INSERT INTO 咨询 VALUES (1, 1, '2024-01-05', '换组', '隐士正位', ?)", (BODY,)),
    )
    (record,) = reader.read(path, path.parent)
    assert (record.person, record.question) == ("阿宁", "换组")
