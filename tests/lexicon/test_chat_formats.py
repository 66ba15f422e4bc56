import csv

import pytest

from tarot_data import lexicon
from tarot_data.lexicon import chat_formats
from tarot_data.patterns.lexicon_check import check_lexicon
from tarot_data.sources.chats import message_table


@pytest.mark.parametrize("row", lexicon.shipped_rows("chats"), ids=lambda row: row["pattern"])
def test_a_chat_format_reads_its_example(row):
    assert chat_formats.reads_as(row)


@pytest.mark.parametrize("row", lexicon.shipped_rows("message_columns"), ids=lambda row: row["part"])
def test_an_example_column_holds_its_part(row):
    assert row["part"] in message_table.cells_of({row["example"]: "x"})


@pytest.fixture
def own(tmp_path):
    """Activate rows of chats.csv for a block."""

    def use(*rows: tuple[str, ...]):
        with (tmp_path / "chats.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([lexicon.columns("chats"), *rows])
        return lexicon.using(lexicon.load(tmp_path))

    return use


@pytest.mark.parametrize(
    ("pattern", "reads"),
    [("{name} - {wrong}", "name=Mel"), ("{name} {name}", ""), ("{clock} {name}", "name"), ("?{text}", "text=x")],
)
def test_a_row_that_misses_its_example_is_reported(own, pattern, reads):
    with own(("", "head", pattern, "", "", "Mel 于 昨天", reads)):
        assert [(finding.line, finding.code) for finding in check_lexicon()] == [(2, "not_in_example")]


def test_unknown_kinds_of_rows_are_reported(own):
    with own(("", "heads", "{name}", "all", "", "Mel", "name=Mel")):
        assert [finding.values["column"] for finding in check_lexicon()] == ["kind", "needs"]
