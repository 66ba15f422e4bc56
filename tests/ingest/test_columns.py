"""Labels of columns that were not understood: kept for each file, masked."""

from benchmarks.pipeline import ingest
from tarot_data.ingest.stages import not_understood
from tarot_data.store import tables
from tests.sources.test_columns import DRAWN, TEXTS, TOLD, table


def test_columns_not_understood_are_kept_for_each_file(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    rows = [("小鹿", cards, text, told) for cards, text, told in zip(DRAWN, TEXTS, TOLD, strict=True)]
    (inbox / "a.csv").write_text(table(("客户", "牌", "解读", "旧事 13800138000"), *rows), encoding="utf-8")
    (inbox / "b.csv").write_text(table(("客户", "牌", "解读"), *(row[:3] for row in rows)), encoding="utf-8")
    ingest(tmp_path / "data", inbox)
    files = dict(tables.files(tmp_path / "data").select("name", "columns").iter_rows())
    assert files == {"a.csv": ["旧事 〔手机号〕"], "b.csv": []}


def test_a_run_without_unknown_columns_lists_none():
    assert not_understood([]).is_empty()
