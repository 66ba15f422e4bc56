"""Examples of chat_programs.toml, read by the layout of each entry."""

import html
import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from

from tarot_data.sources.chats import chat_html, chat_json, chat_sqlite
from tarot_data.sources.chats.programs import programs
from tarot_data.sources.records import Blob
from tarot_data.sources.sniff import sample_of

READERS = {"json": chat_json, "html": chat_html}


def blob_of(text: str) -> Blob:
    return Blob(file="chat", member="chat", name="chat", sha256="0", data=text.encode())


def messages_of(program) -> list:
    if program.layout == "sqlite":
        with closing(database_of(program.example)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
            assert chat_sqlite.program_of(tables) is program
            return [message for chat in chat_sqlite.chats(database, program) for message in chat]
    blob = blob_of(program.example)
    assert READERS[program.layout].recognises(sample_of(blob))
    return [message for chat in READERS[program.layout].chats(blob) for message in chat]


def database_of(statements: str, path: str = ":memory:") -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.executescript(statements)
    return database


@pytest.mark.parametrize("program", [each for each in programs() if not each.refused], ids=lambda program: program.name)
def test_a_program_reads_its_example(program):
    messages = messages_of(program)
    side = {True: "1", False: "0", None: ""}
    assert [f"{m.sender}|{side[m.mine]}|{m.time}|{m.text}" for m in messages] == list(program.reads)


BODY = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。先把手上的项目收尾，三月以后再谈换组的事。"


def page(*messages: tuple[str, str, str]) -> str:
    blocks = (
        f'<div class="message default clearfix{"" if name else " joined"}"><div class="body">'
        f'<div class="pull_right date details" title="05.01.2024 {clock} UTC+08:00">{clock}</div>'
        + (f'<div class="from_name">{name}</div>' if name else "")
        + f'<div class="text">{text}</div></div></div>'
        for name, clock, text in messages
    )
    return f'<!DOCTYPE html><html><body><div class="history">{"".join(blocks)}</div></body></html>'


PEOPLE = ("Kiki", "阿桃", "小满🌸", "Lin_77", "王小姐")
QUESTIONS = ("下个月要不要换组", "他是不是有别人了？", "考证能不能过，该怎么准备")
CARDS = ("隐士、战车（逆）", "皇后正位、力量逆位、星星正位")
OTHER = "皇后坐在麦田里，该有的都会有。\n力量逆位，“别”跟自己较劲，先把觉睡够 & 少熬夜。下个月初再谈价钱，会顺一些。"


def written(program, text: str) -> str:
    """Write a text as the layout of a program does inside its example."""
    if program.layout == "html":
        return html.escape(text).replace("\n", "<br>")
    if program.layout == "sqlite":
        return text.replace("'", "''")
    latin = "\\u00e" in program.example
    return json.dumps(text.encode().decode("latin-1") if latin else text, ensure_ascii=latin)[1:-1]


@pytest.mark.parametrize("program", [each for each in programs() if not each.refused], ids=lambda program: program.name)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    person=sampled_from(PEOPLE),
    question=sampled_from(QUESTIONS),
    cards=sampled_from(CARDS),
    body=sampled_from((BODY, OTHER)),
)
def test_only_the_readers_words_are_read(program, person, question, cards, body):
    words = {"要不要换组": question, "先看愚人": f"牌：{cards}\n{body}", "Mel": person}
    text = program.example
    for old, new in words.items():
        text = text.replace(written(program, old), written(program, new))
    texts = [read.split("|", 3)[3] for read in program.reads]
    replies = [reply.replace("先看愚人", body) for reply in texts if reply not in ("要不要换组", "嗯嗯")]
    (record,) = records_of(program, text)
    assert (record.content, record.question, record.date) == ("\n\n".join(replies), question, "2024-01-05")
    assert [draw.cards for draw in record.draws] == [cards]
    assert record.person == (person if program.reads[0].startswith("Mel|") else None)


def records_of(program, text: str) -> list:
    if program.layout != "sqlite":
        return list(READERS[program.layout].read(blob_of(text)))
    with closing(database_of(text)) as database:
        return list(chat_sqlite.read(database, program, blob_of("")))


def test_later_pages_of_telegram_continue_the_first(read):
    first = page(("Mel", "20:58:00", "要不要换组"), ("阿月", "20:59:00", "牌：隐士、战车（逆）"))
    files = {"messages.html": first, "messages2.html": page(("", "21:00:00", BODY), ("Mel", "21:01:00", "谢谢"))}
    (record,) = read(files)
    assert (record.person, record.question, record.content) == ("Mel", "要不要换组", BODY)


def test_manifest_of_chunks_says_who_exported(read):
    rows = [("u_mel", "Mel", "要不要换组"), ("u_me", "阿月", "牌：隐士、战车（逆）"), ("u_me", "阿月", BODY)]
    messages = [
        {
            "timestamp": 1704459482000 + place,
            "sender": {"uid": uid, "name": name},
            "type": "type_1",
            "content": {"text": text},
        }
        for place, (uid, name, text) in enumerate(rows)
    ]
    manifest = {"metadata": {"format": "chunked-jsonl"}, "chatInfo": {"name": "Mel", "selfUid": "u_me"}, "chunked": {}}
    lines = "\n".join(json.dumps(message, ensure_ascii=False) for message in messages)
    (record,) = read({"qq/manifest.json": json.dumps(manifest), "qq/chunks/chunk_0001.jsonl": lines})
    assert (record.person, record.question, record.content) == ("Mel", "要不要换组", BODY)


@pytest.mark.parametrize("program", [each for each in programs() if each.refused], ids=lambda program: program.name)
def test_a_refused_program_is_named(read, tmp_path, program):
    database_of(program.example, str(tmp_path / "a.db")).close()
    (record,) = read({"a.db": (tmp_path / "a.db").read_bytes()})
    assert (record.code, record.values) == ("chat_database_refused", {"program": program.name})


def test_archived_text_of_imessage_is_read():
    text = BODY.encode()
    data = b"streamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84\x08"
    data += b"NSString\x01\x94\x84\x01+\x81" + len(text).to_bytes(2, "little") + text + b"\x86\x84\x02iI"
    assert chat_sqlite._archived_text(data) == BODY


def test_table_of_messages_of_no_known_program(read, tmp_path):
    rows = [
        ("Mel", "要不要换组", 1704459482),
        ("阿月", "牌：隐士、战车（逆）", 1704459542),
        ("阿月", BODY, 1704459602),
        ("Mel", "谢谢", 1704459702),
    ]
    database = database_of(
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, sender TEXT, content TEXT, created_at INTEGER)",
        str(tmp_path / "a.db"),
    )
    database.executemany("INSERT INTO messages (sender, content, created_at) VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()
    (record,) = read({"a.db": (tmp_path / "a.db").read_bytes()})
    assert (record.person, record.question, record.date, record.content) == ("Mel", "要不要换组", "2024-01-05", BODY)


def test_unknown_chat_is_rejected_with_its_keys(read):
    said = [("Mel", "要不要换组"), ("阿月", "牌：隐士、战车（逆）"), ("阿月", BODY), ("Mel", "谢谢")]
    log = [{"u": name, "b": text, "d": 1704459482 + place} for place, (name, text) in enumerate(said)]
    (record,) = read({"a.json": json.dumps({"log": log}, ensure_ascii=False, indent=1)})
    assert (record.reason, record.code, record.values) == ("unreadable", "chat_unknown_keys", {"keys": "u, b, d"})


def test_readings_with_names_and_times_are_no_chat(read, tmp_path):
    rows = [("Mel", 1704459482), ("Mel", 1704559482), ("阿宁", 1704659482), ("Mel", 1704759482)]
    items = [{"user": name, "text": f"牌：隐士、战车（逆）\n{BODY}", "time": time} for name, time in rows]
    assert "wechat" not in {record.source.form for record in read({"a.json": json.dumps(items)})}
    database = database_of(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, user TEXT, content TEXT, time INTEGER)", str(tmp_path / "a.db")
    )
    database.executemany("INSERT INTO readings (user, content, time) VALUES (:user, :text, :time)", items)
    database.commit()
    database.close()
    assert "wechat" not in {record.source.form for record in read({"a.db": (tmp_path / "a.db").read_bytes()})}


def test_a_damaged_line_of_a_chat_costs_only_itself():
    (program,) = [each for each in programs() if each.name == "ChatLab"]
    lines = [*program.example.splitlines(), '"loose"', "12"]
    whole = blob_of(program.example)
    assert chat_json.chats(blob_of("\n".join(lines))) == chat_json.chats(whole) != []
