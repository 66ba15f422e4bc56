"""Versions: immutable, content-addressed; without new data there is no new version."""

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.store import delta
from tests.builders import CONTENT, card, stored, stored_row, unlike

PEOPLE = ["Mel", "阿宁", "小满", "KK", "林女士"]


def fill(data_dir, numbers=range(1, 11), order=1, **values):
    rows = [stored_row(n, person=PEOPLE[n % 5], **{"content": CONTENT + unlike(n)} | values) for n in numbers]
    delta.append(data_dir, "readings", stored(*rows[::order]), {})


def test_publishing_twice_makes_one_version(tmp_path):
    fill(tmp_path)
    first, new = versions.publish(tmp_path)
    again, newer = versions.publish(tmp_path)
    assert new and not newer
    assert first["hash"] == again["hash"] and len(versions.listed(tmp_path)) == 1


def test_file_order_does_not_change_the_hash(tmp_path):
    fill(tmp_path / "a")
    fill(tmp_path / "b", order=-1)
    assert versions.publish(tmp_path / "a")[0]["hash"] == versions.publish(tmp_path / "b")[0]["hash"]


def test_a_new_reading_makes_a_new_version(tmp_path):
    fill(tmp_path)
    first, _ = versions.publish(tmp_path)
    folder = versions.path_of(tmp_path, first)
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    fill(tmp_path, [11])
    second, new = versions.publish(tmp_path)
    assert new and second["version"] == 2 and second["parent"] == first["hash"]
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_refused_readings_are_in_no_version(tmp_path):
    fill(tmp_path)
    fill(tmp_path, [11], consent="no")
    manifest, _ = versions.publish(tmp_path)
    assert manifest["counts"]["readings"] == 10
    assert f"r{11:016x}" not in versions.read(tmp_path, manifest)["reading_id"].to_list()


def test_an_example_has_prompt_and_content(tmp_path):
    fill(tmp_path, cards=[card("愚人", position="过去"), card("星币十", "reversed", 2), card("死神", "unknown", 3)])
    manifest, _ = versions.publish(tmp_path)
    examples = pl.read_parquet(versions.path_of(tmp_path, manifest) / "examples" / "train.parquet")
    row = examples.row(0, named=True)
    assert row["prompt"][0]["content"].splitlines()[2:] == [
        f"咨询者：{row['person']}",
        "问题：要不要换组",
        "牌阵：两张牌",
        "抽到的牌：过去：愚人(正位) | 星币十(逆位) | 死神",
        "",
        "请进行专业解读。",
    ]
    assert row["completion"][0]["content"].startswith("你好，Mel。愚人正位")
    assert row["cards"] == ["愚人(正位)", "星币十(逆位)", "死神"]


def test_no_person_is_in_two_splits(tmp_path):
    fill(tmp_path)
    manifest, _ = versions.publish(tmp_path)
    seen = [
        set(pl.read_parquet(path)["person"])
        for path in (versions.path_of(tmp_path, manifest) / "examples").glob("*.parquet")
    ]
    assert len(seen) == 3 and sum(map(len, seen)) == len(set.union(*seen)) == 5


def test_the_manifest_hashes_every_file(tmp_path):
    from hashlib import sha256

    fill(tmp_path)
    manifest, _ = versions.publish(tmp_path)
    folder = versions.path_of(tmp_path, manifest)
    written = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert set(written["files"]) == {
        "readings.parquet",
        "examples/train.parquet",
        "examples/validation.parquet",
        "examples/test.parquet",
    }
    for name, digest in written["files"].items():
        assert sha256((folder / name).read_bytes()).hexdigest() == digest


def test_an_empty_store_cannot_be_published(tmp_path):
    with pytest.raises(Problem, match="Run tarot ingest"):
        versions.publish(tmp_path)


def test_a_missing_version_lists_the_existing(tmp_path):
    fill(tmp_path)
    versions.publish(tmp_path)
    with pytest.raises(Problem, match=r"no dataset version 7; there are: 1"):
        versions.find(tmp_path, 7)


def test_a_flipped_byte_is_found(tmp_path):
    fill(tmp_path)
    manifest, _ = versions.publish(tmp_path)
    assert versions.verify(tmp_path, manifest) == []
    path = versions.path_of(tmp_path, manifest) / "examples" / "train.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert versions.verify(tmp_path, manifest) == ["examples/train.parquet has changed since it was published"]


def test_a_checkout_gives_back_the_bytes_published(tmp_path):
    fill(tmp_path)
    manifest, _ = versions.publish(tmp_path)
    folder = versions.path_of(tmp_path, manifest)
    copy = versions.checkout(tmp_path, manifest, tmp_path / "copy")
    names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert names == {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()}
    assert all((folder / name).read_bytes() == (copy / name).read_bytes() for name in names)
    with pytest.raises(Problem, match="exists already"):
        versions.checkout(tmp_path, manifest, tmp_path / "copy")


def test_a_diff_lists_readings_and_fields(tmp_path):
    from tarot_data.dataset.diff import diff

    fill(tmp_path)
    first, _ = versions.publish(tmp_path)
    fill(tmp_path, range(11, 31))
    changed = stored_row(1, person=PEOPLE[1], revision=2, question="要不要搬家", content=CONTENT + unlike(1))
    delta.append(tmp_path, "readings", stored(changed), {})
    second, _ = versions.publish(tmp_path)
    result = diff(versions.read(tmp_path, first), versions.read(tmp_path, second), first, second)
    assert result["added"] == [f"r{n:016x}" for n in range(11, 31)]
    assert result["removed"] == [] and result["moved"] == []
    assert result["changed"] == [{"reading_id": f"r{1:016x}", "fields": ["question"]}]
    assert result["figures"]["readings"] == [10, 30]
    assert result["made_with"] == {}


def test_near_duplicates_of_two_persons_share_a_split(tmp_path):
    same = CONTENT + unlike(77)
    rows = [stored_row(n, person=f"客{n}", content=CONTENT + unlike(n)) for n in range(1, 31)]
    rows[4] |= {"content": same}
    rows[20] |= {"content": same.replace("山", "水", 1) + "保重。"}
    delta.append(tmp_path, "readings", stored(*rows), {})
    manifest, _ = versions.publish(tmp_path)
    splits = dict(versions.read(tmp_path, manifest).select("reading_id", "split").iter_rows())
    assert splits[f"r{5:016x}"] == splits[f"r{21:016x}"] and manifest["counts"]["withheld"] == 0


def test_a_later_near_duplicate_joins_or_is_withheld(tmp_path):
    rows = [stored_row(n, person=f"客{n}", content=CONTENT + unlike(n)) for n in range(1, 31)]
    delta.append(tmp_path, "readings", stored(*rows), {})
    first, _ = versions.publish(tmp_path)
    splits = dict(versions.read(tmp_path, first).select("person", "split").iter_rows())
    train, test = (next(p for p, s in splits.items() if s == split) for split in ("train", "test"))
    copied = CONTENT + unlike(int(test.removeprefix("客"))) + "保重。"
    later = [stored_row(31, person=train, content=copied), stored_row(32, person="新客", content=copied + "再见。")]
    delta.append(tmp_path, "readings", stored(*later), {})
    second, _ = versions.publish(tmp_path)
    now = dict(versions.read(tmp_path, second).select("reading_id", "split").iter_rows())
    assert f"r{31:016x}" not in now and now[f"r{32:016x}"] == "test"
    assert second["counts"]["withheld"] == 1


@given(
    st.lists(st.tuples(st.sampled_from([None, "匿名", *"甲乙丙丁戊己"]), st.integers(0, 3)), min_size=1, max_size=14),
    st.randoms(use_true_random=False),
)
@settings(max_examples=12, deadline=None)
def test_any_order_gives_one_hash_without_leaks(rows, random):
    """Rows are (person, repetitions of the same text), so that near-duplicates across persons are common."""
    made = [
        stored_row(n, person=person, content=CONTENT + unlike(words if words else 100 + n) + f"第{n}回。")
        for n, (person, words) in enumerate(rows, 1)
    ]
    shuffled = random.sample(made, len(made))
    with tempfile.TemporaryDirectory() as folder:
        hashes = []
        for name, order in (("one", made), ("other", shuffled)):
            for row in order:
                delta.append(Path(folder) / name, "readings", stored(row), {})
            manifest, _ = versions.publish(Path(folder) / name)
            hashes.append(manifest["hash"])
        published = versions.read(Path(folder) / "one", versions.newest(Path(folder) / "one"))
    assert hashes[0] == hashes[1]
    named = published.filter(pl.col("person").is_in(list("甲乙丙丁戊己")))
    assert named.group_by("person").agg(pl.col("split").n_unique())["split"].max() in (None, 1)
    words = published.with_columns(words=pl.col("content").str.slice(len(CONTENT), 200))
    assert words.group_by("words").agg(pl.col("split").n_unique())["split"].max() == 1
