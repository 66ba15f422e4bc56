"""Synthetic readings: seeded, marked, valid, and all different."""

import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from schemas.deck import CARDS, MAJORS, PATTERNS
from schemas.errors import Problem
from tarot_data.ingest.card_conflicts import find_conflicts
from tarot_data.ingest.clean import to_readings
from tarot_data.lexicon import read_table
from tarot_data.patterns.annotate import annotated
from tarot_data.sources import inbox, reader
from tarot_data.synthetic import generate
from tarot_data.synthetic.generate import write_sample
from tarot_data.synthetic.grammar import MadeUp, made_up


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def ingested(folder: Path):
    records = [record for file in inbox.discover([folder]) for record in reader.read(file.path, file.root)]
    return to_readings(records)


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.fixture(scope="module")
def three_hundred(tmp_path_factory) -> tuple[Path, dict[str, MadeUp]]:
    """Return a folder with 300 readings, and the readings as generated, by their content without white space."""
    folder = tmp_path_factory.mktemp("sample") / "inbox"
    made = {}
    unspied = generate.make_reading

    def spy(*arguments):
        reading = unspied(*arguments)
        made[bare(reading.content)] = reading
        return reading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "make_reading", spy)
        write_sample(300, folder, seed=1)
    return folder, made


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    write_sample(60, tmp_path / "a", seed=7)
    write_sample(60, tmp_path / "b", seed=7)
    assert bytes_below(tmp_path / "a") == bytes_below(tmp_path / "b")


def test_another_seed_gives_other_readings():
    assert made_up(1, 0).content != made_up(2, 0).content


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Problem, match="is not an empty folder; nothing was written"):
        write_sample(1, tmp_path)
    assert bytes_below(tmp_path) == {"mine.txt": b"mine"}


def test_every_form_is_written_and_counted(tmp_path):
    result = write_sample(13, tmp_path)
    assert set(result["forms"]) == set(generate.WRITERS)
    assert set(result["forms"].values()) == {1}
    assert result["n"] == 13 and result["rejected"] == {}


def test_samples_have_the_requested_size():
    for n in (1, 5, 12, 13, 14, 220, 10_000, 100_000):
        assert sum(generate.divide(n).values()) == n


def test_every_made_up_record_is_marked(three_hundred):
    readings, rejected = ingested(three_hundred[0])
    assert rejected.height == 0
    assert readings.height == 300
    assert readings["synthetic"].all()
    forms = set(readings["source"].struct.field("form"))
    assert forms == {"alpaca", "csv", "docx", "jsonl", "notes", "notion", "sqlite", "wechat", "xlsx"}


def test_synthetic_readings_are_read_back_unchanged(three_hundred):
    folder, made = three_hundred
    readings, _ = ingested(folder)
    for row in readings.iter_rows(named=True):
        reading = made[bare(row["content"])]
        drawn = [(card["card"], card["orientation"]) for card in row["cards"]]
        assert drawn == [(card.card, "upright" if card.upright else "reversed") for card in reading.cards]
        assert (row["person"], row["question"]) == (reading.person, reading.question)
        assert row["draws"][0]["spread_id"] is not None
        if row["source"]["form"] != "alpaca":
            assert row["date"] == reading.day
    assert set(readings["flags"].explode().drop_nulls()) <= {"missing_person", "missing_date"}


def test_made_up_readings_have_all_patterns(three_hundred):
    readings, _ = ingested(three_hundred[0])
    found = annotated(readings)
    sentences = found.sentences
    assert find_conflicts(readings, sentences, found.mentions).height == 0
    labels = Counter(sentences["labels"].list.first().cast(str).to_list())
    share = {label: labels[label] / labels.total() for label in PATTERNS}
    assert 0.35 < share["card_interpretation"] < 0.65
    assert all(0.03 < share[label] < 0.25 for label in PATTERNS if label != "card_interpretation"), share


def test_the_source_itself_carries_the_mark(tmp_path):
    write_sample(13, tmp_path)
    below = bytes_below(tmp_path)
    assert len(below) >= 13
    for name, data in below.items():
        if name.endswith((".zip", ".docx", ".xlsx")):
            with zipfile.ZipFile(tmp_path / name) as archive:
                data = b"".join(archive.read(entry) for entry in archive.namelist())
        assert b"synthetic" in data, name


def test_all_78_cards_are_drawn_without_repeats():
    seen = Counter()
    for index in range(300):
        cards = [card.card for card in made_up(0, index).cards]
        assert len(set(cards)) == len(cards)
        seen.update(cards)
    assert set(seen) == set(CARDS)


def test_six_in_ten_cards_are_upright():
    ways = [card.upright for index in range(600) for card in made_up(0, index).cards]
    assert 0.56 < sum(ways) / len(ways) < 0.64


def test_length_stays_between_300_and_900_characters():
    for index in range(300):
        content = made_up(0, index).content
        assert len(bare(content)) >= 300
        assert len(content) <= 900


def test_every_drawn_card_is_named_in_the_content():
    for index in range(300):
        reading = made_up(0, index)
        for card in reading.cards:
            assert card.name in reading.content, (index, card.name)


def test_no_slot_of_a_template_is_left_open():
    for index in range(300):
        assert not re.search(r"[{}]", made_up(0, index).content)


def test_made_up_readings_are_not_alike():
    pieces = []
    for index in range(200):
        text = bare(made_up(0, index).content)
        pieces.append({text[i : i + 5] for i in range(len(text) - 4)})
    worst = max(len(a & b) / len(a | b) for i, a in enumerate(pieces) for b in pieces[:i])
    assert worst < 0.5


@pytest.mark.parametrize("seed", [11, 5])
def test_broken_records_are_rejected_as_intended(tmp_path, seed):
    result = write_sample(400, tmp_path, seed=seed, broken=0.2)
    readings, rejected = ingested(tmp_path)
    assert sum(result["rejected"].values()) > 40
    assert dict(Counter(rejected["reason"].cast(str).to_list())) == result["rejected"]
    assert readings.height == 400 - sum(result["rejected"].values())


def test_all_78_cards_have_words_for_both_orientations():
    rows = read_table("synthetic/cards")
    assert [row["card"] for row in rows] == list(CARDS)
    for row in rows:
        assert all(row.values.values()), row.place


def test_the_pictures_name_no_other_card():
    """A description that mentions 太阳 would name a card that was not drawn."""
    names = [*(name for name in MAJORS), "权杖", "圣杯", "宝剑", "星币", "骑士", "国王", "王后", "侍从"]
    for table in ("cards", "apply", "advice", "questions", "asked", "openings", "closings", "times", "asides"):
        for row in read_table(f"synthetic/{table}"):
            text = "".join(value for column, value in row.values.items() if column != "card")
            assert not [name for name in names if name in text], row.place


def test_spreads_without_positions_keep_their_cards():
    found = [made_up(3, index) for index in range(200)]
    free = [reading for reading in found if reading.spread in ("无牌阵三张", "無牌陣三張")]
    assert free and all(len(reading.cards) == 3 for reading in free)
    assert {card.position for reading in free for card in reading.cards} == {None}


def test_every_slot_is_filled():
    known = set(
        "you name formal question spread n m1 m2 card o pos i tw image image2 mean apply lore "
        "a b a_gist b_gist a_thing b_thing suit element number k when vp".split()
    )
    names = (
        "cards suits ranks openings card_lines links advice advice_frames times closings asides persons apply".split()
    )
    for name in names:
        for row in read_table(f"synthetic/{name}"):
            assert set(re.findall(r"{(.*?)}", " ".join(row.values.values()))) <= known, row.place


def test_composed_questions_replace_those_of_the_table():
    known = {row["question"] for row in read_table("synthetic/questions")}
    for index in range(100):
        plain, composed = (made_up(0, index, voice="formal", composed=composed) for composed in (False, True))
        assert plain.question in known and composed.question not in known and "{" not in composed.question
        assert composed.cards == plain.cards and composed.person == plain.person


def test_plain_readings_call_cards_by_their_canonical_names():
    called = [card.name == card.card for index in range(60) for card in made_up(0, index, voice="formal").cards]
    plain = [
        card.name == card.card for index in range(60) for card in made_up(0, index, voice="formal", plain=True).cards
    ]
    assert all(plain) and len(plain) == len(called) and not all(called)
