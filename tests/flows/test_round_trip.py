"""`tarot readings --json` given back to ingest, annotate and score, and the files these two take."""

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.cli import main
from flows.commands.readings import as_json, details
from schemas.deck import CARDS, CONSENTS, ORIENTATIONS
from tarot_data import lexicon
from tarot_data.ingest import stages
from tarot_data.ingest.clean import to_reading
from tarot_data.sources import reader
from tarot_data.sources.inbox import Piped
from tarot_data.sources.records import Blob
from tarot_data.store import tables
from tests import builders
from tests.flows.test_correct_command import docx, xlsx
from tests.ingest.test_correct import fix
from tests.ingest.test_fixes import FIRST, GOOD, lay, take_in

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "inbox"
KEPT = ("person", "question", "date", "draws", "cards", "content", "outcome", "consent", "flags", "synthetic")
ROWS = ("reading_id", "fingerprint", "sentences", "themes", *KEPT)
FOOL = {"person": "Mel", "question": "换组", "cards": "愚人正位、力量正位", "content": FIRST}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    data = tmp_path_factory.mktemp("sample")
    take_in(data, SAMPLE)
    return data


@pytest.fixture(autouse=True)
def the_lexicon():
    before = lexicon.active().folder
    yield
    lexicon.use(before)


def printed(data, **more):
    rows = [as_json(row) | (details(row) if more else {}) for row in tables.readings(data).to_dicts()]
    return Piped("\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in rows).encode())


def rows_of(data):
    return {row["fingerprint"]: {name: row[name] for name in ROWS} for row in tables.readings(data).to_dicts()}


def tarot(*arguments):
    try:
        main([*map(str, arguments), "--lang", "en"])
    except SystemExit as end:
        return end.code or 0
    return 0


def pipe(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


@pytest.mark.parametrize("full", [False, True])
def test_a_fresh_store_gets_equal_readings(sample, tmp_path, full):
    counts = take_in(tmp_path, printed(sample, **({"full": 1} if full else {})))
    assert (counts["accepted"], counts["rejected"]) == (tables.count(sample), 0)
    assert rows_of(tmp_path) == rows_of(sample)
    assert set(tables.readings(tmp_path)["source"].struct.field("file")) == {"-"}


def test_the_same_store_counts_them_as_unchanged(sample):
    before = tables.readings(sample)
    counts = take_in(sample, printed(sample))
    assert (counts["accepted"], counts["updated"], counts["rejected"]) == (0, 0, 0)
    assert counts["unchanged"] == before.height and tables.readings(sample).equals(before)
    assert stages.nothing_new(sample, [printed(sample)])["unchanged"] == before.height


def test_a_corrected_reading_comes_back_corrected(tmp_path):
    inbox, data, other = tmp_path / "inbox", tmp_path / "data", tmp_path / "other"
    inbox.mkdir()
    lay(inbox, FOOL, GOOD)
    take_in(data, inbox)
    name = tables.readings(data)["reading_id"][0]
    fix(data, name, person="小鱼", outcome="去了", consent="no", spreads=["过去 / 未来"])
    take_in(other, printed(data))
    assert rows_of(other) == rows_of(data)


def test_an_edited_copy_is_a_duplicate_and_says_of_what(tmp_path):
    inbox, data = tmp_path / "inbox", tmp_path / "data"
    inbox.mkdir()
    lay(inbox, FOOL)
    take_in(data, inbox)
    before = tables.readings(data)
    counts = take_in(data, Piped(printed(data).data.replace(b'"Mel"', b'"KK"')))
    assert counts["reasons"] == {"duplicate": 1} and tables.readings(data).equals(before)
    assert before["reading_id"][0] in tables.rejections(data)["values"][0]


CARD = st.builds(
    builders.card,
    name=st.sampled_from(CARDS),
    orientation=st.sampled_from(ORIENTATIONS),
    place=st.integers(0, 12),
    position=st.sampled_from([None, "过去", "底牌", "1", "你", "the outcome"]),
    draw=st.integers(1, 3),
)
READING = st.fixed_dictionaries(
    {
        "cards": st.lists(CARD, min_size=1, max_size=6, unique_by=lambda card: (card["draw"], card["card"])),
        "draws": st.lists(st.sampled_from([None, "圣三角", "时间之流", "自创的牌阵"]), min_size=3, max_size=3),
        "person": st.sampled_from([None, "Mel", "阿宁"]),
        "question": st.sampled_from([None, "要不要换组？", "Where to go"]),
        "outcome": st.sampled_from([None, "去了"]),
        "consent": st.sampled_from(CONSENTS),
        "synthetic": st.booleans(),
        "content": st.sampled_from([FIRST, FIRST + "\n\n" + GOOD["content"], FIRST + "\u2028又及"]),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(READING)
def test_any_reading_comes_back_as_it_was(values):
    draws = [{"draw": n, "spread": spread, "spread_id": None} for n, spread in enumerate(values["draws"], 1)]
    row = to_row(builders.reading(**values | {"draws": draws}))
    again = to_row(row)
    assert {name: again[name] for name in KEPT} == {name: row[name] for name in KEPT}


def to_row(row):
    """Print a reading, read it and clean it."""
    data = json.dumps(as_json(row), ensure_ascii=False, default=str).encode()
    (record,) = reader.read_blob(Blob(file="-", member=None, name="-", sha256="0" * 64, data=data))
    return to_reading(record)


def test_piped_readings_are_ingested_by_the_command(sample, tmp_path, monkeypatch, capsys):
    take_in(tmp_path, printed(sample))
    pipe(monkeypatch, printed(sample).data)
    assert tarot("ingest", "-", "--data-dir", tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == tables.count(sample)
    pipe(monkeypatch, b" \n")
    assert tarot("ingest", "-", "--data-dir", tmp_path) == 1
    assert "tarot ingest -" in capsys.readouterr().err
    name = tables.readings(tmp_path)["reading_id"][0]
    assert tarot("readings", "--id", name[:9], "--source", "--data-dir", tmp_path) == 1
    assert "piped" in capsys.readouterr().err


def test_annotate_and_score_take_printed_readings(sample, tmp_path, monkeypatch, capsys):
    pipe(monkeypatch, printed(sample).data)
    assert tarot("annotate", "-", "--json", "--data-dir", tmp_path) == 0
    given_back = {row["reading_id"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    for row in tables.readings(sample).to_dicts():
        back = given_back[row["reading_id"]]
        assert back["cards"] == row["cards"] and back["id"] == row["reading_id"]
        for name in ("person", "question", "outcome", "consent", "flags"):
            assert back[name] == row[name]
        labels = [(one["start"], one["end"], one["labels"], one["cards"]) for one in row["sentences"]]
        assert [(one["start"], one["end"], one["labels"], one["cards"]) for one in back["sentences"]] == labels
    path = tmp_path / "readings.jsonl"
    path.write_bytes(printed(sample).data)
    assert tarot("score", path, "--json", "--data-dir", tmp_path) == 0
    assert len(capsys.readouterr().out.splitlines()) == tables.count(sample)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gbk.jsonl", json.dumps({"id": "1", **FOOL}, ensure_ascii=False).encode("gb18030")),
        (
            "own_names.jsonl",
            json.dumps({"咨询者": "Mel", "牌": FOOL["cards"], "解读": FIRST}, ensure_ascii=False).encode(),
        ),
        ("gbk.txt", FIRST.encode("gb18030")),
        ("one.docx", docx(FIRST)),
        ("note.md", f"咨询者：Mel\n问题：换组\n牌：愚人正位、力量正位\n\n{FIRST}\n".encode()),
        ("list.json", json.dumps([FOOL], ensure_ascii=False, indent=1).encode()),
        ("table.csv", f"咨询者,问题,牌,解读\nMel,换组,愚人正位、力量正位,{FIRST}\n".encode("gb18030")),
    ],
)
def test_annotate_takes_any_file_of_readings(tmp_path, capsys, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert tarot("annotate", path, "--json", "--data-dir", tmp_path) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "".join(sentence["text"] for sentence in json.loads(line)["sentences"]).startswith(FIRST[:12])
    assert tarot("score", path, "--data-dir", tmp_path) == 0


@pytest.mark.parametrize("command", ["annotate", "score"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlsx", xlsx()),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
        ("a.txt", b""),
        ("a.bin", bytes(range(256)) * 20),
        ("a.docx", b"PK\x03\x04broken"),
        ("folder", None),
    ],
)
def test_a_file_without_readings_is_named_in_a_sentence(tmp_path, capsys, command, name, content):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    assert tarot(command, path, "--data-dir", tmp_path / "data") == 1
    *doing, error = capsys.readouterr().err.splitlines()
    assert str(path) in error and len(doing) < 2


def test_a_broken_line_is_named_with_its_file(tmp_path, capsys):
    path = tmp_path / "two.jsonl"
    path.write_text(json.dumps({"id": "first", "content": FIRST}) + "\n{\n", encoding="utf-8")
    assert tarot("annotate", path, "--data-dir", tmp_path / "data") == 1
    assert str(path) in capsys.readouterr().err


def test_one_reading_is_shown_with_everything(sample, capsys):
    row = tables.readings(sample).filter(tables.readings(sample)["person"].is_not_null()).to_dicts()[0]
    assert tarot("readings", "--id", row["reading_id"][:10], "--data-dir", sample) == 0
    out = capsys.readouterr().out
    assert row["person"] in out and row["source"]["file"] in out and row["cards"][0]["card"] in out
    for sentence in row["sentences"]:
        assert " ".join(row["content"][sentence["start"] : sentence["end"]].split()) in out
    assert tarot("readings", "--id", row["reading_id"], "--json", "--data-dir", sample) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "".join(one["text"] for one in shown["sentences"]).split() and shown["labeller"] == row["labeller"]
