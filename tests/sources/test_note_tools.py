"""One labelled note reads the same from the file of every note tool."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarot_data.ingest.clean import to_reading
from tarot_data.sources import inbox, reader
from tests.sources.note_files import TOOLS
from tests.sources.test_properties import SETTINGS

BODY = (
    "先看整体，这组牌前松后紧。权杖六骑在马上，掌声已经到了门口。",
    "圣杯四倒过来，手终于伸出去接那只杯子。",
    "这个月先把该回的邮件回完，再谈换岗位的事（别急）。",
)
FIELDS = {
    "person": (("客户", "咨询者", "求问者"), ("小满", "阿蔓", "Nora")),
    "question": (("问题", "提问"), ("要不要换岗位", "他还会回来吗？")),
    "cards": (("牌", "抽牌", "牌面"), ("权杖六正位、圣杯四逆位", "权杖六 正位，圣杯四 逆位")),
    "spread": (("牌阵",), ("无牌阵", "两张牌")),
}


@st.composite
def notes(draw) -> tuple[str, dict[str, str]]:
    """Return a labelled note and its values."""
    values = {field: draw(st.sampled_from(choices)) for field, (_, choices) in FIELDS.items()}
    order = draw(st.permutations(list(FIELDS)))
    colon = draw(st.sampled_from(["：", ": "]))
    head = [f"{draw(st.sampled_from(FIELDS[field][0]))}{colon}{values[field]}" for field in order]
    body = BODY[: draw(st.integers(2, 3))]
    return "\n".join([*head, "", *body]), {**values, "content": "".join(body)}


def readings_of(files: dict[str, str | bytes]) -> list[dict]:
    """Return the readings of files, without the records that are rejected."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        records = [r for file in inbox.discover([Path(folder)]) for r in reader.read(file.path, file.root)]
        found = [to_reading(record) for record in records if hasattr(record, "draws")]
    return [reading for reading in found if "reading_id" in reading]


@pytest.mark.parametrize("tool", TOOLS)
@SETTINGS
@given(notes())
def test_a_note_reads_alike_in_every_tool(tool, made):
    note, values = made
    readings = readings_of(TOOLS[tool](note))
    assert len(readings) == (2 if tool == "keep_json" else 1)
    for reading in readings:
        assert (reading["person"], reading["question"]) == (values["person"], values["question"])
        assert reading["draws"][0]["spread"] == values["spread"]
        assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [
            ("权杖六", "upright"),
            ("圣杯四", "reversed"),
        ]
        assert "".join(reading["content"].split()) == "".join(values["content"].split())
        assert str(reading["date"]) == ("None" if tool in WITHOUT_DATE else "2024-04-15")


WITHOUT_DATE = ("text_file", "yuque", "feishu", "opml")
