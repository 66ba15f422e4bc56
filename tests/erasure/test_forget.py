"""Erasure of a person: afterwards no byte below the data directory has their name or text of their readings."""

import gzip
import io
import json
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from flows import forget as forgetting
from flows.training.runs import is_marked
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.erasure import forget_person
from tarot_data.erasure.disk_search import find_traces
from tarot_data.erasure.person import find as find_person
from tarot_data.ingest import fixes, stages
from tarot_data.ingest.fixes import Fix
from tarot_data.privacy import name_search, pseudonyms, suppression_list
from tarot_data.privacy.person_names import may_be_one
from tarot_data.store import delta, tables, teacher
from tarot_data.system.atomic import own_suffix
from tests.builders import card, source, stored, stored_row, unlike

NAME = "欧阳雪岭"
THEIRS = [
    "雪岭你好，先看整体，这组牌像一条结了冰的河。愚人正位站在崖边，你其实已经走出去半步了。力量正位轻轻按住狮子的嘴，劲要使得柔。",
    "又见面了。月亮正位照着那条从水里爬上来的小路，你怕的不是路远，是没人同行。三月之前把书房收拾出来。祝你睡得安稳。",
]
OTHERS = "你好，Mel。愚人正位说明你已经走出去半步了，你提到的欧阳雪岭其实也在等。力量正位在后面轻轻拉住缰绳，两张牌一松一紧。祝你顺利。"
PLAIN = "你好。愚人正位说明你已经走出去半步了，力量正位在后面轻轻拉住缰绳，两张牌一松一紧。这个月先把手上的项目收尾。祝你顺利，{}。"
PEOPLE = ["Mel", "阿宁", "小满", "KK", "林女士"]


def rejection(number, **values):
    row = {
        "rejection_id": f"x{number:016x}",
        "source": source(locator=f"line {100 + number}"),
        "stage": "cards",
        "reason": "unknown_card",
        "code": "unknown_card",
        "values": '{"card":"四叶草"}',
        "excerpt": "正文",
        "record": json.dumps({"person": "Mel", "content": "正文"}, ensure_ascii=False),
        "masked": [],
        "key": f"{number:032x}",
    }
    return row | values


def rejections(*rows):
    from schemas.tables import REJECTIONS

    return pl.DataFrame(list(rows), schema=REJECTIONS)


def signature(*numbers):
    return pl.DataFrame(
        [{"reading_id": f"r{n:016x}", "bands": [n], "scheme": "test", "revision": 1} for n in numbers],
        schema={"reading_id": pl.String, "bands": pl.List(pl.UInt64), "scheme": pl.String, "revision": pl.Int32},
    )


@pytest.fixture
def data(tmp_path):
    """Store ten readings of five people and two of the person, publish twice, and add all dependent data."""
    rows = [stored_row(n, person=PEOPLE[n % 5], content=PLAIN.format(unlike(n))) for n in range(1, 11)]
    rows[0] |= {"content": OTHERS}
    rows[1] |= {"source": source(file=f"微信-{NAME}-0.txt", locator="line 9")}
    delta.append(tmp_path, "readings", stored(*rows, stored_row(11, person=NAME, content=THEIRS[0])), {})
    versions.publish(tmp_path)
    nameless = stored_row(12, person=None, content=THEIRS[1], source=source(file=f"微信-{NAME}-0.txt"))
    delta.append(tmp_path, "readings", stored(nameless), {})
    delta.append(
        tmp_path, "readings", stored(stored_row(11, revision=2, person=NAME, content=THEIRS[0] + "又及。")), {}
    )
    tables.append_signatures(tmp_path, signature(1, 11, 12), {})
    copy = json.dumps({"person": None, "content": THEIRS[0]}, ensure_ascii=False)
    theirs = json.dumps({"person": NAME, "content": "短"}, ensure_ascii=False)
    tables.append_rejections(
        tmp_path,
        rejections(
            rejection(1),
            rejection(2, record=theirs),
            rejection(3, reason="duplicate", code="same_reading", values=f'{{"twin":"r{11:016x}"}}', record=copy),
            rejection(4, reason="unreadable", record=None, source=source(file=f"语音-{NAME}.amr", locator="file")),
        ),
        {},
    )
    delta.append(
        tmp_path,
        "files",
        pl.DataFrame(
            [
                {
                    "name": "a.jsonl",
                    "sha256": "0" * 64,
                    "pipeline": stages.pipeline(),
                    "kept": [f"r{n:016x}" for n in range(1, 12)],
                    "rejected": [f"x{n:016x}" for n in (1, 2)],
                    "root": f"/home/reader/{NAME}",
                    "sequence": 0,
                }
            ],
            schema=tables.FILES,
        ),
        {},
    )
    fixes.write(tmp_path, {f"{2:032x}": Fix(dismissed=True), f"{9:032x}": Fix(fields={"person": NAME})})
    fixes.write(tmp_path, {f"{1:032x}": Fix(fields={"question": f"{NAME}怎么想"})})
    versions.publish(tmp_path)
    report(tmp_path)
    for number, hashed in enumerate(versions.listed(tmp_path), 1):
        run(tmp_path, number, hashed, stand_in=number == 2)
    return tmp_path


def report(data_dir):
    from flows.report import write_report
    from flows.training.gate_checks import newest_gate

    write_report(data_dir, newest_gate(data_dir), "zh")


def run(data_dir, number, manifest, stand_in):
    folder = data_dir / "runs" / f"{number:04}-abcdef00"
    base = data_dir / "bases" / f"tarot-tiny-{number}"
    for path in (folder / "adapter", base):
        path.mkdir(parents=True)
        (path / "tokenizer.json").write_text("{}", "utf-8")
    (base / "manifest.json").write_text(json.dumps({"stand_in": stand_in}), "utf-8")
    about = {
        "dataset": {"hash": manifest["hash"], "name": manifest["name"]},
        "base": {"stand_in": stand_in, "folder": str(base)},
        "too_long": {"train": [f"r{11:016x}", f"r{1:016x}"]},
    }
    (folder / "manifest.json").write_text(json.dumps(about), "utf-8")
    lines = [
        {"id": f"r{11:016x}", "person": NAME, "content": "什么"},
        {"id": "fixed-1", "person": "阿宁", "content": "什么", "copied": {"passage": THEIRS[1][:40]}},
        {"id": f"r{1:016x}", "person": "Mel", "content": "别的"},
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "generations.jsonl").write_text(text, "utf-8")
    (folder / "scores.json").write_text(json.dumps({"passage": THEIRS[1][3:40], "loss": 3.5}), "utf-8")
    (data_dir / "runs" / ".trial" / f"{number}").mkdir(parents=True)
    (data_dir / "runs" / ".trial" / f"{number}" / "note.txt").write_text(THEIRS[0], "utf-8")
    if stand_in:
        (data_dir / "exports" / f"{folder.name}-merged").mkdir(parents=True)


def said(data_dir):
    """Yield file names and contents below a folder as text, decoded here and not by the code under test."""
    for path in sorted(data_dir.rglob("*")):
        if path.is_file():
            yield path.name
            yield from decoded(path.read_bytes())


def decoded(raw):
    yield raw.decode("utf-8", "ignore")
    if raw.startswith(b"PAR1"):
        yield json.dumps(pl.read_parquet(io.BytesIO(raw)).to_dicts(), ensure_ascii=False, default=str)
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for name in archive.namelist():
                yield from decoded(archive.read(name))
    if raw.startswith(b"\x1f\x8b"):
        yield from decoded(gzip.decompress(raw))


def holding(data_dir, *texts):
    found = list(said(data_dir))
    return [text for text in texts if any(text in part for part in found)]


WORDS = [NAME, THEIRS[0][5:20], THEIRS[1][6:20], THEIRS[0][-14:], "又及。", f"r{11:016x}", f"r{12:016x}"]


def test_no_byte_of_a_forgotten_person_remains(data):
    assert holding(data, *WORDS) == WORDS
    receipt = forgetting.forget(data, NAME)
    assert holding(data, *WORDS) == []
    assert receipt["left"] == [] and receipt["raw"] == []


def test_the_readings_of_everybody_else_stay(data):
    forgetting.forget(data, NAME)
    kept = tables.readings(data)
    assert kept["reading_id"].to_list() == [f"r{n:016x}" for n in range(1, 11)]
    assert kept["content"][0] == OTHERS.replace(NAME, "某某某某")
    assert kept["source"][1]["file"] == "微信-某某某某-0.txt"
    assert delta.scan(data, "rejections").collect()["rejection_id"].sort().to_list() == [f"x{n:016x}" for n in (1, 4)]
    assert tables.signatures(data)["reading_id"].to_list() == [f"r{1:016x}"]
    assert fixes.read(data) == {f"{1:032x}": Fix(fields={"question": "某某某某怎么想"})}


def test_versions_are_republished_without_the_person(data):
    before = versions.listed(data)
    forgetting.forget(data, NAME)
    after = versions.listed(data)
    assert [m["version"] for m in after] == [1, 2]
    assert not {m["hash"] for m in before} & {m["hash"] for m in after}
    assert [m["tombstone"] for m in after] == [{"persons_removed": 1, "former_hashes": [m["hash"]]} for m in before]
    assert [m["counts"]["readings"] for m in after] == [10, 10]
    assert after[1]["parent"] == after[0]["hash"]
    assert all(versions.verify(data, m) == [] for m in after)
    splits = versions.read(data, after[1]).select("reading_id", "split")
    assert versions.read_examples(data, after[1]).select("reading_id", "split").sort("reading_id").equals(splits)
    assert versions.publish(data) == (after[1], False)


def test_runs_with_the_person_are_marked(data):
    receipt = forgetting.forget(data, NAME)
    assert receipt["runs"] == [
        {"run": "0001-abcdef00", "adapter": "kept"},
        {"run": "0002-abcdef00", "adapter": "removed"},
    ]
    runs = data / "runs"
    assert [folder.name for folder in runs.iterdir()] == ["0001-abcdef00"]
    assert (runs / "0001-abcdef00" / "adapter").exists() and is_marked(runs / "0001-abcdef00")
    assert json.loads((runs / "0001-abcdef00" / "scores.json").read_text("utf-8")) == {"passage": "", "loss": 3.5}
    assert not list((data / "exports").iterdir())
    assert not (data / "bases" / "tarot-tiny-2").exists()
    lines = (runs / "0001-abcdef00" / "generations.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"r{1:016x}"]


def test_the_receipt_names_nobody(data):
    receipt = forgetting.forget(data, NAME)
    assert receipt["removed"] == {
        "readings": 2,
        "revisions": 3,
        "rejections": 2,
        "signatures": 2,
        "fixes": 2,
        "corrections": 0,
        "mentions": 5,
        "generations": 6,
        "reports": 1,
        "prefect_rows": 0,
    }
    assert [row["readings"] for row in receipt["versions"]] == [1, 2]
    assert NAME not in (data / "receipts" / "forget-0001.json").read_text("utf-8")


def test_labels_of_a_teacher_are_forgotten(data):
    stored = tables.readings(data)
    for row in stored.to_dicts():
        labelled = [{"labels": ["other"], "cards": []} for _ in row["sentences"]]
        with tables.writing(data):
            teacher.add(data, teacher.to_lesson(row, labelled, "big-model", "localhost", "2026-01-01"))
    forgetting.forget(data, NAME)
    assert set(teacher.read(data)) == set(tables.readings(data)["reading_id"]) < set(stored["reading_id"])


def test_forgetting_twice_changes_nothing(data):
    forgetting.forget(data, NAME)
    before = {path: path.read_bytes() for path in (data / "versions").rglob("*") if path.is_file()}
    again = forgetting.forget(data, NAME)
    assert not any(again["removed"].values()) and again["versions"] == []
    assert before == {path: path.read_bytes() for path in (data / "versions").rglob("*") if path.is_file()}
    with pytest.raises(Problem, match="Nobody is called 林小姐; similar: .*林女士"):
        forgetting.forget(data, "林小姐")


def test_pseudonyms_are_forgotten_with_their_key(tmp_path):
    rows = [stored_row(n, person=PEOPLE[n % 5], content=PLAIN.format(unlike(n))) for n in range(1, 6)]
    delta.append(tmp_path, "readings", stored(*rows, stored_row(6, person=NAME, content=THEIRS[0])), {})
    manifest, _ = versions.publish(tmp_path, hide_names=True)
    pseudonym = pseudonyms.read_key(tmp_path)[NAME]
    assert pseudonym in versions.read(tmp_path, manifest)["person"].to_list()
    forgetting.forget(tmp_path, NAME)
    assert pseudonym not in versions.read(tmp_path, versions.newest(tmp_path))["person"].to_list()
    assert NAME not in pseudonyms.read_key(tmp_path) and len(pseudonyms.read_key(tmp_path)) == 5
    assert holding(tmp_path, NAME, THEIRS[0][5:20]) == []


def test_a_dry_run_changes_nothing(data):
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert forgetting.forget(data, NAME, dry_run=True) == {
        "dry_run": True,
        "readings": 2,
        "rejections": 2,
        "versions": [1, 2],
        "runs": ["0001-abcdef00", "0002-abcdef00"],
        "names": [NAME],
        "similar": [],
    }
    assert before == {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.suffix != ".lock"}


@pytest.mark.parametrize("step", range(1, 6))
def test_a_killed_removal_is_completed(data, step):
    def stop(stage, done, total):
        if done == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forgetting.forget(data, NAME, progress=stop)
    forgetting.forget(data, NAME)
    assert holding(data, *WORDS) == []
    assert [m["counts"]["readings"] for m in versions.listed(data)] == [10, 10]
    assert all(versions.verify(data, m) == [] for m in versions.listed(data))


def test_what_a_killed_write_left_is_removed(data):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (data / f".pseudonyms.json.{ended.pid}.half").write_text(json.dumps({NAME: "P1"}))
    assert forgetting.forget(data, NAME)["left"] == [] and holding(data, *WORDS) == []
    assert not list(data.glob(".*.half"))


def test_what_a_killed_evaluation_left_is_removed(data):
    folder = data / "runs" / "0001-abcdef00"
    (folder / ".generations.jsonl.half").write_text(NAME)
    (data / "exports" / ".0001-abcdef00-merged.half").mkdir()
    assert forgetting.forget(data, NAME)["left"] == [] and list(data.rglob(".*.half")) == []


def test_a_running_commands_copy_is_searched(data):
    (data / f".scratch.x.{own_suffix()}").mkdir()
    (data / f".scratch.x.{own_suffix()}" / "copy.db").write_text(NAME)
    assert [path.split("/")[-1] for path in forgetting.forget(data, NAME)["left"]] == ["copy.db"]


@pytest.mark.parametrize("table", forget_person.REWRITERS)
def test_a_removal_killed_early_is_completed(data, monkeypatch, table):
    person = find_person(data, NAME)
    assert person.rejection_ids and person.reading_ids

    def killed(before, person):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(forget_person.REWRITERS, table, killed)
        with pytest.raises(KeyboardInterrupt):
            forgetting.forget(data, NAME)
    forgetting.forget(data, NAME)
    for name in delta.TABLES:
        said = delta.scan(data, name).collect().write_ndjson() if delta.exists(data, name) else ""
        assert not any(one in said for one in person.ids), name


def test_a_version_replacement_killed_halfway_is_completed(data, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(versions, "discard", killed)
        with pytest.raises(KeyboardInterrupt):
            forgetting.forget(data, NAME)
    assert [m["version"] for m in versions.listed(data)] == [1, 2]
    forgetting.forget(data, NAME)
    assert len(list((data / "versions").iterdir())) == 2
    assert holding(data, *WORDS) == []


def test_everyday_names_are_asked_about(tmp_path):
    rows = [stored_row(n, person=PEOPLE[n % 5], content=PLAIN.format("阳光很好")) for n in range(1, 6)]
    delta.append(tmp_path, "readings", stored(*rows, stored_row(6, person="阳光")), {})
    with pytest.raises(Problem, match="also an ordinary word"):
        forgetting.forget(tmp_path, "阳光")
    forgetting.forget(tmp_path, "阳光", mentions="keep")
    assert tables.count(tmp_path) == 5 and "阳光很好" in tables.readings(tmp_path)["content"][0]
    delta.append(tmp_path, "readings", stored(stored_row(7, person="阳光")), {})
    forgetting.forget(tmp_path, "阳光", mentions="mask")
    assert "阳光" not in "".join(tables.readings(tmp_path)["content"])


def test_card_names_are_never_masked(tmp_path):
    content = PLAIN.format("星星正位照着你")
    cards = [card("星星"), card("力量", place=2)]
    delta.append(
        tmp_path, "readings", stored(stored_row(1, content=content, cards=cards), stored_row(2, person="星星")), {}
    )
    forgetting.forget(tmp_path, "星星")
    assert tables.readings(tmp_path)["content"].to_list() == [content]
    assert tables.readings(tmp_path)["cards"][0][0]["raw"] == "星星"


def test_latin_names_match_whole_words():
    assert name_search.spans("Mel和melody，还有MEL。", ("Mel",)) == [(0, 3), (13, 16)]
    assert name_search.spans("陳小姐來了", ("陈小姐",)) == [(0, 3)]


@pytest.mark.parametrize("name", ["桑 桑", "桑桑🌸", "「桑桑」", "桑　桑～", "桑桑"])
def test_spellings_of_a_name_are_one_person(tmp_path, name):
    people = ["桑桑", "桑 桑", "桑桑🌸", "Mel", "Mel", "桑榆"]
    rows = [stored_row(n, person=person, content=PLAIN.format(unlike(n))) for n, person in enumerate(people, 1)]
    rows[3] |= {"content": "愚人正位说的是桑 桑，力量正位说的是桑桑。"}
    delta.append(tmp_path, "readings", stored(*rows), {})
    found = forgetting.forget(tmp_path, name, dry_run=True)
    assert found["readings"] == 3 and {"桑桑", "桑 桑", "桑桑🌸"} <= set(found["names"]) and not found["similar"]
    forgetting.forget(tmp_path, name)
    assert tables.readings(tmp_path)["person"].to_list() == ["Mel", "Mel", "桑榆"]
    assert tables.readings(tmp_path)["content"][0] == "愚人正位说的是某某某，力量正位说的是某某。"
    assert holding(tmp_path, "桑桑", "桑 桑") == []


def test_width_case_and_script_are_one_person(tmp_path):
    people = ["Ｍｅｌ", "MEL", "mel ", "陳雪", "陈雪"]
    delta.append(tmp_path, "readings", stored(*(stored_row(n, person=p) for n, p in enumerate(people, 1))), {})
    assert forgetting.forget(tmp_path, "Mel")["removed"]["readings"] == 3
    assert forgetting.forget(tmp_path, "陈雪")["removed"]["readings"] == 2


def test_nicknames_are_asked_about(tmp_path):
    people = ["桑桑", "小桑", "桑桑老师", "桑姐", "Mel", "匿名"]
    delta.append(tmp_path, "readings", stored(*(stored_row(n, person=p) for n, p in enumerate(people, 1))), {})
    assert forgetting.forget(tmp_path, "桑桑", dry_run=True)["similar"] == ["小桑", "桑姐", "桑桑老师"]
    with pytest.raises(Problem, match="小桑, 桑姐, 桑桑老师.*--also 小桑.*--only"):
        forgetting.forget(tmp_path, "桑桑")
    with pytest.raises(Problem, match="Nobody is called 小丧"):
        forgetting.forget(tmp_path, "桑桑", also=("小丧",))
    assert tables.count(tmp_path) == 6
    forgetting.forget(tmp_path, "桑桑", also=("小桑", "桑桑老师"))
    assert tables.readings(tmp_path)["person"].to_list() == ["桑姐", "Mel", "匿名"]
    forgotten = suppression_list.read(tmp_path)
    assert [suppression_list.is_forgotten(forgotten, name) for name in ("小 桑", "桑姐")] == [True, False]


def test_other_names_are_left_alone_on_request(tmp_path):
    delta.append(tmp_path, "readings", stored(stored_row(1, person="桑桑"), stored_row(2, person="小桑")), {})
    forgetting.forget(tmp_path, "桑桑", only=True)
    assert tables.readings(tmp_path)["person"].to_list() == ["小桑"]


@pytest.mark.parametrize("name", ["", " ", "·"])
def test_a_name_of_nothing_is_nobodys(data, name):
    with pytest.raises(Problem, match="Nobody is called"):
        forgetting.forget(data, name)
    assert name_search.spans("愚人· 力量", (name,)) == ([(2, 3)] if name == "·" else [])


def test_names_of_fields_are_no_mentions(tmp_path):
    delta.append(tmp_path, "readings", stored(stored_row(1), stored_row(2, person="Raw")), {})
    forgetting.forget(tmp_path, "Raw")
    assert tables.count(tmp_path) == 1 and find_person(tmp_path, "Mel").hashes == frozenset()


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("雪岭", "欧阳雪岭", True),
        ("小林", "林姐", True),
        ("Mel", "Mel Wong", True),
        ("阿禾", "禾禾", True),
        ("林女士", "林先生", False),
        ("Mel", "Melissa", False),
        ("客7", "客77", False),
        ("林月", "林雪", False),
    ],
)
def test_names_that_may_be_one(one, other, alike):
    assert may_be_one(one, other) == may_be_one(other, one) == alike


def test_a_latin_name_after_a_line_break_is_masked(tmp_path):
    content = "愚人正位在前，力量正位在后。\nMel你好，先看整体。"
    delta.append(tmp_path, "readings", stored(stored_row(1, person="阿宁", content=content), stored_row(2)), {})
    record = json.dumps({"person": "阿宁", "content": content, "Mel的备注": ["给\nMel"]}, ensure_ascii=False)
    tables.append_rejections(tmp_path, rejections(rejection(1, record=record)), {})
    assert len(find_traces(tmp_path, [], ["Mel"])) == 2
    receipt = forgetting.forget(tmp_path, "Mel")
    assert receipt["left"] == [] and holding(tmp_path, "Mel") == []
    (kept,) = delta.scan(tmp_path, "rejections").collect()["record"]
    assert json.loads(kept) == {
        "person": "阿宁",
        "content": content.replace("Mel", "某某某"),
        "某某某的备注": ["给\n某某某"],
    }


def test_phrases_that_a_rejected_record_shares_are_not_reported(tmp_path):
    shared = "愚人正位站在崖边，你其实已经走出去半步了。"
    mine = shared + "\n阳光很好的时候把书房收拾出来，三月之前不要签字。\n力量正位轻轻按住狮子的嘴，劲要使得柔。"
    delta.append(tmp_path, "readings", stored(stored_row(1, person="阳光", content=mine), stored_row(2)), {})
    record = json.dumps({"person": "Mel", "content": shared + "阳光也好，雨也好。"}, ensure_ascii=False)
    tables.append_rejections(tmp_path, rejections(rejection(1, record=record)), {})
    receipt = forgetting.forget(tmp_path, "阳光", mentions="mask")
    assert receipt["removed"]["rejections"] == 0 and receipt["left"] == []
    assert "某某也好" in delta.scan(tmp_path, "rejections").collect()["record"][0]


def test_lists_of_earlier_releases_still_hold(tmp_path):
    known = suppression_list.Forgotten(key=b"k" * 32, names=frozenset(), lengths=(8,), readings=frozenset())
    known = replace(known, names=frozenset({suppression_list._hash(known, "mel wong")}))
    assert suppression_list.is_forgotten(known, "Mel Wong")
    assert suppression_list.mask_place(known, "file", "chat Mel Wong.txt") == "chat 某某某某某某某某.txt"


def lines(*people):
    return [
        {
            "person": person,
            "question": "要不要换组",
            "spread": "两张牌",
            "cards": ["愚人(正位)", "力量(正位)"],
            "date": str(date(2024, 1, 5)),
            "content": f"{number}。{THEIRS[number % 2]}{'一二三四五六七八九十'[number]}日再看。力量正位也在，愚人正位也在。",
        }
        for number, person in enumerate(people)
    ]


def take_in(data_dir, inbox, staging="staging"):
    files, _, _ = stages.new_files(data_dir, [inbox])
    clean = stages.read_and_clean(data_dir, files, data_dir / staging)
    return stages.commit(data_dir, stages.decide(data_dir, clean, data_dir / staging), files)


def test_a_forgotten_person_does_not_come_back(tmp_path):
    inbox, data = tmp_path / "inbox", tmp_path / "data"
    inbox.mkdir()
    records = lines(NAME, "Mel")
    path = inbox / f"{NAME}等人.jsonl"
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in records), "utf-8")
    assert take_in(data, inbox)["accepted"] == 2
    forgetting.forget(data, NAME)
    counts = take_in(data, inbox, "staging2")
    assert (counts["accepted"], counts["rejected"], counts["forgotten"]) == (0, 0, 1)
    assert tables.files(data)["name"].to_list() == ["某某某某等人.jsonl"]
    assert stages.new_files(data, [inbox])[0] == []
    (inbox / "别名.jsonl").write_text(json.dumps(records[0] | {"person": "换了名字"}, ensure_ascii=False), "utf-8")
    counts = take_in(data, inbox, "staging3")
    assert (counts["accepted"], counts["forgotten"]) == (0, 1)
    assert tables.readings(data)["person"].to_list() == ["Mel"]
    assert find_traces(data / "store", [NAME]) == []


def test_an_allowed_person_comes_back(tmp_path):
    inbox, data = tmp_path / "inbox", tmp_path / "data"
    inbox.mkdir()
    text = "\n".join(json.dumps(r, ensure_ascii=False) for r in lines(NAME, "Mel"))
    (inbox / "a.jsonl").write_text(text, "utf-8")
    take_in(data, inbox)
    forgetting.forget(data, NAME)
    forgetting.readmit(data, NAME)
    assert take_in(data, inbox, "staging2")["accepted"] == 1
    with pytest.raises(Problem, match="not among the forgotten"):
        forgetting.readmit(data, "Mel")


def test_the_run_log_forgets_the_person(tmp_path):
    database = tmp_path / "prefect.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE flow_run_state (id, message)")
        connection.execute("CREATE TABLE block_type (id, name)")
        rows = [(1, f"could not read 微信-{NAME}-0.txt"), (2, json.dumps({"why": NAME})), (3, "fine")]
        connection.executemany("INSERT INTO flow_run_state VALUES (?, ?)", rows)
        connection.execute("INSERT INTO block_type VALUES (1, 'Mel')")
    connection.close()
    assert forgetting.forget_rows(database, (NAME,)) == 2
    assert forgetting.forget_rows(database, ("Mel",)) == 0
    assert NAME.encode() not in database.read_bytes() and rb"\u6b27" not in database.read_bytes()


def test_the_disk_search_decodes_every_format(tmp_path):
    text = f"前面{NAME}后面"
    forms = {
        "plain.txt": text.encode(),
        "gbk.csv": text.encode("gb18030"),
        "utf16.txt": text.encode("utf-16"),
        "json.json": json.dumps([text]).encode(),
        "packed.json.gz": gzip.compress(text.encode()),
        "tokenizer.json": '{"éĽªå²Ń": 7}'.encode(),
    }
    for name, raw in forms.items():
        (tmp_path / name).write_bytes(raw)
    with zipfile.ZipFile(tmp_path / "notes.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", text)
    pl.DataFrame({"a": [[{"b": text}]]}).write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "clean.txt").write_text("与此人无关")
    names = {*forms, "notes.zip", "rows.parquet"}
    assert {path.name for path in find_traces(tmp_path, [NAME, "雪岭"])} == names


@pytest.mark.parametrize(("name", "text"), [("Mel", "愚人。\nMel你好"), ("陈雪", "給陳 雪"), ("KK", "ＫＫ说")])
def test_the_disk_search_finds_every_spelling(tmp_path, name, text):
    pl.DataFrame({"content": [text]}).write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "a.json").write_text(json.dumps(text, ensure_ascii=False), "utf-8")
    (tmp_path / "b.txt").write_text("Melissa、KKR、陈、雪", "utf-8")
    assert {path.name for path in find_traces(tmp_path, [], [name])} == {"rows.parquet", "a.json"}


def test_the_command_prints_a_receipt_without_the_name(data):
    arguments = [sys.executable, "-m", "flows.cli", "forget", "--person", NAME, "--data-dir", str(data), "--json"]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    receipt = json.loads(result.stdout)
    assert receipt["removed"]["readings"] == 2 and NAME not in result.stdout
    assert holding(data, *WORDS) == []
    assert (data / "reports" / "report-v000002.html").exists()
