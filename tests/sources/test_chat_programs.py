"""Examples of chat_programs.toml, read by the layout of each entry."""

import json

import pytest

from tarot_data.sources.chats import chat_html, chat_json
from tarot_data.sources.chats.programs import programs
from tarot_data.sources.records import Blob
from tarot_data.sources.sniff import sample_of

READERS = {"json": chat_json, "html": chat_html}


def blob_of(text: str) -> Blob:
    return Blob(file="chat", member="chat", name="chat", sha256="0", data=text.encode())


@pytest.mark.parametrize("program", programs(), ids=lambda program: program.name)
def test_a_program_reads_its_example(program):
    blob = blob_of(program.example)
    assert READERS[program.layout].recognises(sample_of(blob))
    messages = [message for chat in READERS[program.layout].chats(blob) for message in chat]
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
