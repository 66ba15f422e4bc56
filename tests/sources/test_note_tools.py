"""One labelled note reads the same from the file of every note tool."""

import json
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


WITHOUT_DATE = ("text_file", "yuque", "feishu", "opml", "logseq_json", "textbundle")


NOTE = "客户：小满\n问题：要不要换岗位\n牌：权杖六正位、圣杯四逆位\n\n" + "\n".join(BODY)


def enex(*notes: str) -> str:
    return f'<?xml version="1.0"?>\n<!DOCTYPE en-export SYSTEM "x.dtd">\n<en-export>{"".join(notes)}</en-export>'


def test_notes_of_evernote_are_records_of_their_own(read):
    text = "<note><title>{}</title><content><![CDATA[<en-note><div>{}</div></en-note>]]></content><created>{}</created></note>"
    lines = NOTE.replace("\n", "</div><div>")
    two = (
        text.format("一", lines, "20240415T163000Z"),
        text.format("二", lines.replace("小满", "阿蔓"), "20240416T010000Z"),
    )
    records = read({"n.enex": enex(*two)})
    assert [(r.person, r.source.locator) for r in records] == [("小满", "note 1"), ("阿蔓", "note 2")]
    assert [str(to_reading(r)["date"]) for r in records] == ["2024-04-16", "2024-04-16"]


def test_tables_and_check_boxes_in_evernote(read):
    inner = (
        "<div><en-todo checked='true'/>已付款</div><div>客户：小满</div><div>问题：换岗位</div><table><tr><td>位置</td><td>牌</td>"
        "<td>正逆</td></tr><tr><td>过去</td><td>权杖六</td><td>正位</td></tr><tr><td>现在</td><td>圣杯四</td><td>逆位</td></tr>"
        f"</table><div>{''.join(BODY)}</div>"
    )
    [record] = read(
        {"n.enex": enex(f"<note><title>x</title><content><![CDATA[<en-note>{inner}</en-note>]]></content></note>")}
    )
    reading = to_reading(record)
    assert [(c["card"], c["orientation"], c["position"]) for c in reading["cards"]] == [
        ("权杖六", "upright", "过去"),
        ("圣杯四", "reversed", "现在"),
    ]
    assert reading["content"] == "".join(BODY)


def test_damaged_evernote_keeps_notes_before_the_damage(read):
    whole = enex(f"<note><title>x</title><content><![CDATA[<en-note>{NOTE}</en-note>]]></content></note>")
    record, rejection = read({"n.enex": whole.replace("</en-export>", "<note><title>y")})
    assert record.source.locator == "note 1"
    assert rejection.code == "document_damaged"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<?xml version="1.0"?><rss><channel><title>x</title></channel></rss>', "other_xml"),
        (
            '<?xml version="1.0"?><!DOCTYPE en-export [<!ENTITY a "b">]><en-export><note/></en-export>',
            "document_entities",
        ),
        (f"<?xml version='1.0'?><en-export>{'<note>' * 300}", "too_deep"),
    ],
)
def test_other_and_hostile_xml_is_named(read, text, code):
    [rejection] = read({"n.xml": text})
    assert rejection.code == code


def test_xml_of_another_kind_names_its_root(read):
    [rejection] = read({"n.svg": '<?xml version="1.0"?><svg xmlns="x"><text>愚人正位</text></svg>'})
    assert (rejection.code, rejection.values) == ("other_xml", {"root": "svg"})


def test_damaged_tar_is_named(read):
    data = TOOLS["joplin_jex"](NOTE)["塔罗.jex"]
    [rejection] = read({"n.jex": data[:700]})
    assert rejection.code == "damaged_tar"


def test_joplin_tags_come_with_the_note(read):
    [record] = read(TOOLS["joplin_jex"](NOTE))
    assert (record.extra["tags"], record.record_id, record.source.member) == (
        ["客户"],
        "0f0e0d0c0b0a09080706050403020100",
        "0f0e0d0c0b0a09080706050403020100.md",
    )


def test_outline_parts_are_readings_of_their_own(read):
    part = "- {0}\n\t- 客户:: {0}\n\t  问题:: 换岗位\n\t  牌:: [[权杖六]]正位\n\t- {1}\n"
    text = "- 跑步\n" + part.format("小满", BODY[0]) + part.format("阿蔓", BODY[0]) + "- 吃面\n"
    records = read({"2024_04_15.md": text})
    assert [(r.person, r.content, r.date) for r in records] == [
        ("小满", BODY[0], "2024-04-15"),
        ("阿蔓", BODY[0], "2024-04-15"),
    ]


def test_properties_of_a_page_apply_to_its_readings(read):
    text = f"客户:: 小满\ntags:: 塔罗\n\n- 第一次\n\t- 问题:: 换岗位\n\t  牌:: 权杖六正位\n\t- {BODY[0]}\n- 买菜"
    [record] = read({"小满.md": text})
    assert (record.person, record.content) == ("小满", BODY[0])


def test_labels_over_their_values_in_outlines(read):
    text = f"- 客户\n\t- 小满\n- 问题\n\t- 换岗位\n- 牌\n\t- [[权杖六]] 正位\n\t- [[圣杯四]] 逆位\n- 解读\n\t- {''.join(BODY)}"
    [record] = read({"小满.md": text})
    reading = to_reading(record)
    assert (reading["person"], reading["question"], reading["content"]) == ("小满", "换岗位", "".join(BODY))
    assert len(reading["cards"]) == 2


def test_days_count_in_the_time_zone_of_the_entry(read):
    entry = {"text": NOTE, "creationDate": "2024-03-06T16:30:00Z", "timeZone": "America/New_York"}
    [record] = read({"d.json": json.dumps({"metadata": {}, "entries": [entry]})})
    assert record.date == "2024-03-06"


def test_card_tables_in_pages_belong_to_their_note(read):
    table = "<table><tr><td>位置</td><td>牌</td><td>正逆</td></tr><tr><td>过去</td><td>权杖六</td><td>正位</td></tr><tr><td>现在</td><td>圣杯四</td><td>逆位</td></tr></table>"
    [record] = read(
        {"n.html": f"<html><body><p>客户：小满</p><p>问题：换岗位</p>{table}<p>{''.join(BODY)}</p></body></html>"}
    )
    assert (record.person, record.content) == ("小满", "".join(BODY))
