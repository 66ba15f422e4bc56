"""A store of an earlier release is migrated, one of a later release is refused."""

import json

import polars as pl
import pytest

from schemas.errors import Problem
from schemas.rejections import describe, values_json
from schemas.tables import REJECTIONS, stored
from tarot_data.dataset import versions
from tarot_data.store import delta, migrations, old_rejections, tables
from tests.builders import CONTENT, source, stored_row, unlike
from tests.builders import stored as stored_rows

REJECTION = {
    "rejection_id": "x00000000000000ab",
    "source": source(),
    "stage": "clean",
    "reason": "too_short",
    "key": "0" * 32,
    "code": "too_short",
    "values": '{"count":"3","least":"40"}',
    "excerpt": "好的。",
    "record": '{"draws": [], "content": "好的。"}',
    "masked": [],
}
FILE = {"name": "a.jsonl", "sha256": "0" * 64, "pipeline": "2-x", "kept": [], "rejected": ["x00000000000000ab"]}


def second_shape(*rows):
    """Return rejections of shape 2: an English sentence instead of code and values, and no sequence."""
    schema = {name: kind for name, kind in stored(REJECTIONS).items() if name not in ("code", "values")}
    return pl.DataFrame(list(rows), schema=schema | {"detail": pl.String})


@pytest.fixture
def first_shape(tmp_path):
    """Write a store of the first shape, without number: rejections without key and masked, files without root."""
    delta.append(tmp_path, "readings", stored_rows(stored_row(1), stored_row(2, content=CONTENT + unlike(2))), {})
    rejections = second_shape(REJECTION | {"detail": "3 characters, fewer than 40"}).drop("key", "masked")
    rejections.write_delta(str(delta.table_path(tmp_path, "rejections")))
    files = pl.DataFrame([FILE | {"root": "/inbox", "sequence": 0}], schema=tables.FILES).drop("root")
    files.write_delta(str(delta.table_path(tmp_path, "files")))
    (tmp_path / "store" / migrations.FILE).unlink()
    return tmp_path


def columns(data_dir, name):
    return pl.read_delta(str(delta.table_path(data_dir, name))).columns


def test_a_new_store_says_its_shape(tmp_path):
    delta.append(tmp_path, "readings", stored_rows(stored_row(1)), {})
    assert json.loads((tmp_path / "store" / "schema.json").read_text()) == {"version": migrations.VERSION}


def test_reading_an_older_store_leaves_it_unchanged(first_shape):
    (row,) = tables.rejections(first_shape).to_dicts()
    assert row == REJECTION | {"key": "0000000000000000" + "00000000000000ab"}
    assert tables.files(first_shape)["root"].to_list() == [""]
    assert "key" not in columns(first_shape, "rejections") and migrations.found(first_shape / "store") == 1


SENTENCES = {
    "'骑士' is no card of this deck": ("unknown_card", {"card": "骑士"}),
    "0.83 of the words are those of r00000000000000ab": (
        "near_reading",
        {"share": "0.83", "twin": "r00000000000000ab"},
    ),
    "content says reversed of 战车, drawn upright: 战车,车头歪": (
        "says_reversed",
        {"card": "战车", "written": "战车,车头歪"},
    ),
    "a text of 9 bytes; the limit is 8. Split the file": ("text_too_large", {"size": "9", "limit": "8"}),
    "a PDF; export the text as .docx or .md": ("pdf", {}),
    "a RAR archive; unpack it": ("packed", {"kind": "RAR"}),
    "a voice message": ("media", {}),
    "twin of r00000000000000ab, somehow": (
        "legacy",
        {"text": "twin of r00000000000000ab, somehow", "twin": "r00000000000000ab"},
    ),
}


@pytest.mark.parametrize(("sentence", "verdict"), SENTENCES.items())
def test_old_sentences_become_code_and_values(sentence, verdict):
    code, values = old_rejections.verdict_of(sentence)
    assert (code, values) == verdict
    assert code in ("media", "packed") or describe(code, values_json(values), "en") == sentence


@pytest.fixture
def second_shape_store(tmp_path):
    """Write a store of shape 2 with two open rejections; a third is dismissed and identified by its key."""
    rows = [
        REJECTION | {"rejection_id": f"x{n:016x}", "key": f"{n:032x}", "detail": sentence}
        for n, sentence in enumerate(["'骑士' is no card of this deck", "something nobody foresaw", "a PDF; gone"])
    ]
    second_shape(*rows).write_delta(str(delta.table_path(tmp_path, "rejections")))
    file = FILE | {"rejected": [row["rejection_id"] for row in rows], "root": "", "sequence": 0}
    pl.DataFrame([file], schema=tables.FILES).write_delta(str(delta.table_path(tmp_path, "files")))
    fix = {"key": f"{2:032x}", "fields": "{}", "accepted": False, "dismissed": True, "sequence": 0}
    pl.DataFrame([fix], schema=tables.FIXES).write_delta(str(delta.table_path(tmp_path, "fixes")))
    (tmp_path / "store" / migrations.FILE).write_text('{"version": 2}')
    return tmp_path


def test_ids_and_decisions_survive_the_change_to_codes(second_shape_store):
    def opened():
        return tables.rejections(second_shape_store).select("rejection_id", "code", "values").rows()

    before = opened()
    assert before == [
        (f"x{0:016x}", "unknown_card", '{"card":"骑士"}'),
        (f"x{1:016x}", "legacy", '{"text":"something nobody foresaw"}'),
    ]
    with tables.writing(second_shape_store):
        pass
    assert opened() == before and migrations.found(second_shape_store / "store") == migrations.VERSION
    assert {"code", "values", "sequence"} <= set(columns(second_shape_store, "rejections"))
    assert "detail" not in columns(second_shape_store, "rejections")


def test_the_first_write_migrates_an_older_store(first_shape):
    before = tables.rejections(first_shape), tables.readings(first_shape), tables.files(first_shape)
    with tables.writing(first_shape):
        assert delta.append(first_shape, "readings", stored_rows(stored_row(3)), {}) == 1
    assert {"key", "masked"} <= set(columns(first_shape, "rejections")) and "root" in columns(first_shape, "files")
    assert migrations.found(first_shape / "store") == migrations.VERSION
    after = tables.rejections(first_shape), tables.readings(first_shape), tables.files(first_shape)
    assert after[0].equals(before[0]) and after[2].equals(before[2]) and after[1].head(2).equals(before[1])
    newest = delta.delta_version(first_shape, "rejections")
    with tables.writing(first_shape):
        pass
    assert delta.delta_version(first_shape, "rejections") == newest


def test_a_killed_migration_is_completed(first_shape, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "mark", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), tables.writing(first_shape):
            pass
    assert migrations.found(first_shape / "store") == 1
    with tables.writing(first_shape):
        pass
    assert migrations.found(first_shape / "store") == migrations.VERSION
    assert tables.rejections(first_shape)["key"].to_list() == ["0000000000000000" + "00000000000000ab"]


def test_every_shape_before_todays_has_its_migration():
    assert sorted(migrations.MIGRATIONS) == list(range(1, migrations.VERSION))
    assert {name for step in migrations.MIGRATIONS.values() for name in step} <= set(delta.TABLES)


def test_a_newer_store_is_refused_unchanged(first_shape):
    mark = first_shape / "store" / "schema.json"
    mark.write_text('{"version": 99}')
    before = {path: path.read_bytes() for path in (first_shape / "store").rglob("*") if path.is_file()}
    refused = r"store format 99; this one knows up to \d+\) and was left as it is\. Update tarot"
    with pytest.raises(Problem, match=refused):
        tables.readings(first_shape)
    with pytest.raises(Problem, match=refused), tables.writing(first_shape):
        pass
    assert {path: path.read_bytes() for path in (first_shape / "store").rglob("*") if path.is_file()} == before


def test_a_version_of_a_later_release_is_refused(tmp_path):
    delta.append(tmp_path, "readings", stored_rows(*(stored_row(n, content=CONTENT + unlike(n)) for n in (1, 2))), {})
    manifest, _ = versions.publish(tmp_path)
    later = manifest | {"settings": manifest["settings"] | {"format": versions.FORMAT + 1}}
    versions.write_manifest(versions.path_of(tmp_path, manifest) / "manifest.json", later)
    with pytest.raises(Problem, match=r"format 3; this one knows up to 2\).* Update tarot"):
        versions.publish(tmp_path)
