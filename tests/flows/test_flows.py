"""Whole flows on small inboxes, with a real Prefect."""

import errno
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import polars as pl
import pytest

from flows.runtime.error_redaction import original_errors
from schemas.errors import Problem
from tarot_data.store import delta
from tarot_data.store import tables as store_tables
from tests.flows.test_run_log import listener

pytestmark = pytest.mark.slow

FIRST = {
    "person": "Mel",
    "question": "要不要换组",
    "spread": "两张牌",
    "cards": ["愚人(正位)", "力量(正位)"],
    "date": "2024-01-05",
    "content": "Mel你好，先看整体，这组牌很轻快。愚人正位站在崖边，说的是你心里其实已经走出去半步了。力量正位轻轻按住狮子的嘴，"
    "提醒你劲要使得柔。愚人往前冲，力量在后面拉住缰绳，一松一紧刚好互补。三月之前先把手上的项目收尾。祝你一切顺利。",
}
SECOND = {
    "person": "阿宁",
    "question": "搬家还是留下",
    "spread": "两张牌",
    "cards": ["正义(正位)", "死神(逆位)"],
    "date": "2024-02-01",
    "content": "阿宁，谢谢你的信任。正义正位端着天平坐在那里，这件事的账要先算清楚。死神逆位骑着马停在门口，旧房子里的东西你一直不肯扔。"
    "一张要你算账，一张要你放手，合起来就是先清点再告别。这个周末先把不要的东西装箱。愿你住得安稳。",
}
REWRITTEN = (
    "晚上好，Mel，我重新看了一遍。愚人正位背着小包袱，这次说的是你想轻装上路。力量正位的女人不用鞭子，慢慢来反而快。"
    "前一张要你动，后一张要你稳，两股劲合成一股。下周先把想说的话写下来。愿你睡个好觉。"
)


def ingest(data_dir, inbox):
    from flows.ingest import Inbox
    from flows.ingest import ingest as flow

    return flow(data_dir, Inbox([inbox]))


def write(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), encoding="utf-8")


def counts(result):
    return tuple(result[key] for key in ("accepted", "updated", "unchanged", "rejected", "readings"))


@pytest.fixture
def places(prefect, tmp_path):
    write(tmp_path / "inbox" / "a.jsonl", FIRST, SECOND)
    return tmp_path / "data", tmp_path / "inbox"


def test_a_second_ingest_changes_nothing(places):
    data, inbox = places
    assert counts(ingest(data, inbox)) == (2, 0, 0, 0, 2)
    before = delta.delta_version(data)
    assert counts(ingest(data, inbox)) == (0, 0, 2, 0, 2)
    assert delta.delta_version(data) == before


def test_no_new_file_starts_no_flow(places, monkeypatch, capsys):
    from flows import cli
    from flows.service import prefect_session
    from tarot_data.ingest.stages import nothing_new

    data, inbox = places
    assert nothing_new(data, [inbox]) is None
    ingest(data, inbox)
    assert nothing_new(data, [inbox]) == ingest(data, inbox)
    asked = []
    monkeypatch.setattr(prefect_session, "prefect_at", lambda data_dir, load: asked.append(data_dir) or nullcontext())
    command = ["ingest", str(inbox), "--data-dir", str(data), "--json"]
    cli.main(command)
    assert not asked
    assert counts(json.loads(capsys.readouterr().out)) == (0, 0, 2, 0, 2)
    # A file that was only touched starts the server, but no run.
    runs = (data / "runs.jsonl").read_text(encoding="utf-8")
    (inbox / "a.jsonl").touch()
    cli.main(command)
    assert asked.pop() == data
    assert counts(json.loads(capsys.readouterr().out)) == (0, 0, 2, 0, 2)
    assert (data / "runs.jsonl").read_text(encoding="utf-8") == runs
    # The flow removes the leftovers of a killed run, because it alone has the lock.
    (data / "staging").mkdir()
    cli.main(command)
    assert asked and not (data / "staging").exists()


def test_an_edited_reading_is_updated_under_its_id(places):
    data, inbox = places
    ingest(data, inbox)
    ids = set(store_tables.readings(data)["reading_id"])
    edited = FIRST | {"content": FIRST["content"].replace("三月之前", "四月之前")}
    write(inbox / "a.jsonl", edited, SECOND)
    assert counts(ingest(data, inbox)) == (0, 1, 1, 0, 2)
    assert set(store_tables.readings(data)["reading_id"]) == ids
    assert "四月之前" in "".join(store_tables.readings(data)["content"])
    assert delta.scan(data, "readings").select(pl.len()).collect().item() == 3


def test_a_moved_edit_keeps_its_id(places):
    data, inbox = places
    ingest(data, inbox)
    ids = set(store_tables.readings(data)["reading_id"])
    edited = FIRST | {"content": FIRST["content"].replace("三月之前", "四月之前")}
    write(inbox / "a.jsonl", SECOND, edited)
    assert counts(ingest(data, inbox)) == (0, 1, 1, 0, 2)
    assert set(store_tables.readings(data)["reading_id"]) == ids


def test_an_overwritten_file_removes_nothing(places):
    """Use next month's export under last month's name, or a second folder with the same file names."""
    data, inbox = places
    write(inbox / "a.jsonl", FIRST)
    ingest(data, inbox)
    write(inbox / "a.jsonl", SECOND)
    assert counts(ingest(data, inbox)) == (1, 0, 0, 0, 2)
    assert {row["person"] for row in store_tables.readings(data).iter_rows(named=True)} == {
        FIRST["person"],
        SECOND["person"],
    }


def test_a_reverted_edit_is_a_revision(places):
    data, inbox = places
    ingest(data, inbox)
    write(inbox / "a.jsonl", FIRST | {"content": FIRST["content"].replace("三月之前", "四月之前")}, SECOND)
    ingest(data, inbox)
    write(inbox / "a.jsonl", FIRST, SECOND)
    assert counts(ingest(data, inbox)) == (0, 1, 1, 0, 2)
    assert "三月之前" in "".join(store_tables.readings(data)["content"])


def test_former_words_may_become_another_reading(places):
    data, inbox = places
    write(inbox / "a.jsonl", FIRST)
    ingest(data, inbox)
    rewritten = SECOND | {"person": "Mel", "cards": FIRST["cards"], "content": REWRITTEN}
    write(inbox / "a.jsonl", rewritten)
    assert counts(ingest(data, inbox)) == (0, 1, 0, 0, 1)
    write(inbox / "b.jsonl", FIRST)
    assert counts(ingest(data, inbox)) == (1, 0, 1, 0, 2)
    assert {content[:6] for content in store_tables.readings(data)["content"]} == {"Mel你好，", "晚上好，Me"}


def test_an_inserted_record_is_the_only_new(places):
    data, inbox = places
    write(inbox / "a.jsonl", FIRST)
    ingest(data, inbox)
    write(inbox / "a.jsonl", SECOND, FIRST)
    assert counts(ingest(data, inbox)) == (1, 0, 1, 0, 2)


def test_duplicates_name_their_twin(places):
    data, inbox = places
    write(inbox / "b.jsonl", SECOND | {"content": SECOND["content"].replace("，", ",")})
    assert counts(ingest(data, inbox)) == (2, 0, 0, 1, 2)
    rejection = store_tables.rejections(data).row(0, named=True)
    assert rejection["reason"] == "duplicate" and rejection["source"]["file"] == "b.jsonl"
    assert any(reading_id in rejection["values"] for reading_id in store_tables.readings(data)["reading_id"])


def test_a_card_conflict_names_the_card(places):
    data, inbox = places
    write(inbox / "a.jsonl", FIRST, SECOND | {"cards": ["正义(正位)", "死神(正位)"]})
    assert counts(ingest(data, inbox)) == (1, 0, 0, 1, 1)
    rejection = store_tables.rejections(data).row(0, named=True)
    assert rejection["reason"] == "card_conflict" and "死神" in rejection["values"]


def test_one_broken_file_never_stops_the_others(places):
    data, inbox = places
    (inbox / "broken.zip").write_bytes(b"PK\x03\x04 cut short")
    result = ingest(data, inbox)
    assert counts(result) == (2, 0, 0, 1, 2) and result["reasons"] == {"unreadable": 1}


def test_a_fixed_record_ends_its_rejection(places):
    data, inbox = places
    write(inbox / "a.jsonl", FIRST, SECOND | {"cards": ["四叶草", "死神(逆位)"]})
    assert ingest(data, inbox)["rejected"] == 1
    write(inbox / "a.jsonl", FIRST, SECOND)
    assert counts(ingest(data, inbox)) == (1, 0, 1, 0, 2)
    assert store_tables.rejections(data).is_empty()


def test_no_contact_detail_reaches_disk(places):
    data, inbox = places
    details = ["13912345678", "mel_1990@example.com", "wx_melmel88"]
    private = SECOND | {"content": SECOND["content"] + f"电话{details[0]}，邮箱{details[1]}，加微信：{details[2]}。"}
    write(inbox / f"客户{details[0]}.jsonl", private)
    write(inbox / "a.jsonl", FIRST, {"person": "Mel", "content": f"加我微信：{details[2]}"})
    result = ingest(data, inbox)
    assert result["accepted"] == 2 and result["redacted"] >= 2
    assert "〔" in "".join(store_tables.readings(data)["content"])
    searched = [path.read_bytes() for folder in (data, Path(os.environ["PREFECT_HOME"])) for path in everything(folder)]
    tables = [delta.scan(data, name).collect().write_json() for name in delta.TABLES if delta.exists(data, name)]
    for detail in details:
        assert not any(detail.encode() in raw for raw in searched)
        assert not any(detail in text for text in tables)


def everything(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_interrupted_ingest_leaves_nothing(places, monkeypatch):
    data, inbox = places
    from tarot_data.ingest import stages

    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stages, "commit", interrupted)
        with pytest.raises(BaseException):  # noqa: B017  Prefect raises an interrupt as a type of its own
            ingest(data, inbox)
    assert store_tables.count(data) == 0 and not (data / "staging").exists()
    assert counts(ingest(data, inbox)) == (2, 0, 0, 0, 2)


def last_line(data):
    return json.loads((data / "runs.jsonl").read_text(encoding="utf-8").splitlines()[-1])


def test_what_ran_is_written_down_in_numbers(places):
    data, inbox = places
    ingest(data, inbox)
    line = last_line(data)
    assert (line["flow"], line["state"], line["error"]) == ("ingest", "completed", None)
    assert (line["files"], line["accepted"], line["readings"]) == (1, 2, 2)


def test_a_webhook_hears_of_a_run_that_ended(places, monkeypatch):
    data, inbox = places
    with listener() as (url, heard):
        monkeypatch.setenv("TAROT_NOTIFY", url)
        ingest(data, inbox)
    assert [(line["flow"], line["accepted"]) for line in heard] == [("ingest", 2)]


def test_a_failed_commit_leaves_the_store_unchanged(places, monkeypatch):
    data, inbox = places
    ingest(data, inbox)
    before = {name: delta.scan(data, name).collect() for name in delta.TABLES if delta.exists(data, name)}
    (inbox / "b.jsonl").write_text(json.dumps(FIRST | {"content": REWRITTEN}, ensure_ascii=False), encoding="utf-8")
    append = delta.append

    def fails_at_the_end(data_dir, name, frame, note):
        if name == "files":
            raise FileNotFoundError(2, "No such file", "客户13912345678.docx")
        return append(data_dir, name, frame, note)

    monkeypatch.setattr(delta, "append", fails_at_the_end)
    with pytest.raises(FileNotFoundError), original_errors():
        ingest(data, inbox)
    for name, rows in before.items():
        assert delta.scan(data, name).collect().equals(rows), name
    assert {name for name in delta.TABLES if delta.exists(data, name)} == set(before)
    line = last_line(data)
    assert (line["flow"], line["state"], line["error"]) == ("ingest", "failed", "FileNotFoundError")
    for path in (*everything(data), *everything(Path(os.environ["PREFECT_HOME"]))):
        assert b"13912345678" not in path.read_bytes()
    monkeypatch.undo()
    assert counts(ingest(data, inbox)) == (1, 0, 2, 0, 3)


def test_temporary_commit_failures_are_retried(places, monkeypatch):
    from flows.ingest import commit
    from tarot_data.ingest import stages

    data, inbox = places
    commits, real = [], stages.commit

    def busy_once(*arguments):
        commits.append(len(commits))
        if len(commits) == 1:
            raise OSError(errno.EBUSY, "in use")
        return real(*arguments)

    monkeypatch.setattr(stages, "commit", busy_once)
    monkeypatch.setattr(commit, "retry_delay_seconds", [0, 0, 0])
    assert counts(ingest(data, inbox)) == (2, 0, 0, 0, 2)
    assert commits == [0, 1]


def test_a_file_in_use_is_waited_for(places, monkeypatch):
    from flows import ingest as flow

    data, inbox = places
    opened, real = [], flow.raise_if_locked

    def locked_twice(path):
        opened.append(path)
        if len(opened) <= 2:
            write(inbox / "a.jsonl", FIRST)
            raise OSError(errno.EBUSY, "in use")
        real(path)

    monkeypatch.setattr(flow, "raise_if_locked", locked_twice)
    monkeypatch.setattr(flow.wait_for, "retry_delay_seconds", [0, 0, 0])
    assert counts(ingest(data, inbox)) == (1, 0, 0, 0, 1)
    assert len(opened) == 3


HOLDER = """
import sys, time
from pathlib import Path
from tarot_data.store import tables
with tables.writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_ingest_waits_for_the_lock(places, monkeypatch):
    data, inbox = places
    monkeypatch.setenv("TAROT_WAIT", "0")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(data)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Problem, match="Another process is writing"), original_errors():
            ingest(data, inbox)
    finally:
        holder.kill()
        holder.wait()
    assert counts(ingest(data, inbox)) == (2, 0, 0, 0, 2)


def test_overlapping_ingests_take_turns(places):
    data, inbox = places
    inboxes = [inbox.with_name(f"inbox{number}") for number in range(2)]
    write(inboxes[0] / "a.jsonl", FIRST)
    write(inboxes[1] / "b.jsonl", SECOND)
    script = (
        "import sys; from pathlib import Path; from tarot_data.ingest import stages\nfrom tarot_data.store import tables\n"
        "data, inbox = map(Path, sys.argv[1:])\n"
        "with tables.writing(data, 60):\n    tables.sweep(data)\n"
        "    files, _, _ = stages.new_files(data, [inbox]); staging = data / 'staging'\n"
        "    clean = stages.read_and_clean(data, files, staging)\n"
        "    stages.commit(data, stages.decide(data, clean, staging), files)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, str(data), str(place)]) for place in inboxes]
    assert [process.wait(120) for process in both] == [0, 0]
    assert store_tables.count(data) == 2 and store_tables.files(data).height == 2
