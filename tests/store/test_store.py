"""The store: append-only, no duplicates, one writer."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import Problem
from schemas.tables import STORED
from tarot_data.dataset import versions
from tarot_data.store import delta, tables
from tests.builders import CONTENT, stored, stored_row


def test_a_reading_comes_back_all_or_none_written(tmp_path):
    rows = stored(stored_row(1), stored_row(2, person=None, date=None, consent="yes"))
    assert delta.append(tmp_path, "readings", rows, {}) == 2
    assert tables.readings(tmp_path).equals(rows)
    assert tables.readings(tmp_path).schema == STORED


def test_appending_known_rows_makes_no_commit(tmp_path):
    rows = stored(stored_row(1))
    delta.append(tmp_path, "readings", rows, {})
    before = delta.delta_version(tmp_path)
    assert delta.append(tmp_path, "readings", rows, {}) == 0
    assert delta.delta_version(tmp_path) == before


def test_the_highest_revision_is_current(tmp_path):
    delta.append(tmp_path, "readings", stored(stored_row(1)), {})
    delta.append(tmp_path, "readings", stored(stored_row(1, revision=2, person="阿宁")), {})
    assert tables.readings(tmp_path)["person"].to_list() == ["阿宁"]
    assert tables.count(tmp_path) == 1
    assert delta.scan(tmp_path, "readings").select(pl.len()).collect().item() == 2


@pytest.mark.parametrize("name", ["资料 [2024]", "a|b^c", "{牌} #1 50%?"])
def test_a_data_directory_may_have_any_name(tmp_path, name):
    first, second = tmp_path / name, tmp_path / f"{name}]"
    for data, number in ((first, 1), (second, 2), (first, 3)):
        with tables.writing(data):
            delta.append(data, "readings", stored(stored_row(number)), {})
            versions.publish(data)
    assert tables.readings(first)["reading_id"].to_list() == ["r0000000000000001", "r0000000000000003"]
    assert tables.readings(second)["reading_id"].to_list() == ["r0000000000000002"]
    assert versions.read(first, versions.find(first, 2)).height == 2


def test_a_data_directory_may_be_renamed(tmp_path):
    plain, awkward = tmp_path / "data", tmp_path / "data [1]"
    delta.append(plain, "readings", stored(stored_row(1)), {})
    for old, new, number in ((plain, awkward, 2), (awkward, plain, 3)):
        old.rename(new)
        delta.append(new, "readings", stored(stored_row(number)), {})
        assert tables.count(new) == number


@pytest.mark.parametrize(
    ("name", "part"), [("100%25", "%25"), ("a\tb", "\\t"), ("a\nb", "\\n"), ("a\x7fb", "\\x7f"), ("a\\b", "\\")]
)
def test_an_unusable_data_directory_is_refused(tmp_path, name, part):
    with pytest.raises(Problem) as refused:
        tables.count(tmp_path / name)
    assert refused.value.code == "data_dir_name" and refused.value.values["part"] == part


def test_an_empty_store_has_no_rows(tmp_path):
    assert tables.readings(tmp_path).is_empty() and tables.rejections(tmp_path).is_empty()
    assert tables.count(tmp_path) == 0 and delta.delta_version(tmp_path) is None


def test_a_second_writer_waits_for_the_first(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from tarot_data.store import tables\n"
        "with tables.writing(Path(sys.argv[1])): print('in', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "in\n"
        with pytest.raises(Problem, match="Another process is writing"), tables.writing(tmp_path, wait_seconds=0):
            pass
    finally:
        holder.kill()
        holder.wait()
    with tables.writing(tmp_path, wait_seconds=5):
        pass


def test_a_killed_first_write_leaves_no_table(tmp_path):
    (delta.table_path(tmp_path, "readings") / "_delta_log").mkdir(parents=True)
    (delta.table_path(tmp_path, "readings") / "_delta_log" / "_commit_4f1d.json.tmp").write_text("{")
    assert tables.readings(tmp_path).is_empty() and delta.delta_version(tmp_path) is None
    assert delta.append(tmp_path, "readings", stored(stored_row(1)), {}) == 1
    assert tables.count(tmp_path) == 1


def test_the_delta_log_holds_no_text(tmp_path):
    delta.append(tmp_path, "readings", stored(stored_row(1, person="独一无二的名字")), {})
    log = "".join(path.read_text() for path in (tmp_path / "store" / "readings" / "_delta_log").glob("*.json"))
    assert "独一无二的名字" not in log and "愚人正位说明" not in log


def test_data_directories_may_have_unusual_names(tmp_path):
    home = tmp_path / "我的 塔罗 100%" / "资料"
    with tables.writing(home):
        delta.append(home, "readings", stored(stored_row(1)), {"run": "test"})
        delta.append(home, "readings", stored(stored_row(2)), {"run": "test"})
    assert tables.readings(home)["reading_id"].to_list() == ["r0000000000000001", "r0000000000000002"]
    assert tables.reading(home, "r0000000000000002")["content"] == CONTENT
    assert tables.reading(home, "r0000000000000003") is None
    assert all(Path(part).is_file() for part in delta.parts(home)) and len(delta.parts(home)) == 2
