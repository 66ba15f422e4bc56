"""Examples of chat_programs.toml, read by the layout of each entry."""

import pytest

from tarot_data.sources.chats import chat_json
from tarot_data.sources.chats.programs import programs
from tarot_data.sources.records import Blob
from tarot_data.sources.sniff import sample_of

READERS = {"json": chat_json}


def blob_of(text: str) -> Blob:
    return Blob(file="chat", member="chat", name="chat", sha256="0", data=text.encode())


@pytest.mark.parametrize("program", programs(), ids=lambda program: program.name)
def test_a_program_reads_its_example(program):
    blob = blob_of(program.example)
    assert READERS[program.layout].recognises(sample_of(blob))
    messages = [message for chat in READERS[program.layout].chats(blob) for message in chat]
    side = {True: "1", False: "0", None: ""}
    assert [f"{m.sender}|{side[m.mine]}|{m.time}|{m.text}" for m in messages] == list(program.reads)
