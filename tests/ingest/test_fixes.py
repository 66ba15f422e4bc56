"""Rejections that a person corrects, accepts or dismisses, singly or in a workbook, and their later effect."""

import json
import shutil

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Problem
from tarot_data.ingest import fix_workbook, fixes, source_lookup, stages
from tarot_data.ingest.fixes import Fix
from tarot_data.ingest.replay import replay
from tarot_data.store import delta, tables
from tarot_data.text import cleanup

FIRST = (
    "愚人正位说明你已经走出去半步了，力量正位在后面轻轻拉住缰绳，两张牌一松一紧。三月之前先把手上的项目收尾，祝你顺利。"
)
SECOND = (
    "隐士提着灯站在山顶，你这阵子需要一个人待着，把想法理清。战车逆位说明现在用力过猛，先停一停，周末再谈换组的事。"
)
TURNED = (
    "隐士正位提着灯站在山顶，你这阵子需要一个人待着。战车是正位的，说明方向已经定了，下周可以直接去谈换组的事情了。"
)

WRONG_CARD = {"person": "Mel", "question": "换组", "cards": "愚仁正位、力量正位", "content": FIRST}
GOOD = {"person": "Mel", "question": "换组", "cards": "隐士正位、战车逆位", "content": SECOND}
NEAR = {**GOOD, "person": "阿宁", "content": SECOND + "加油。"}
CONFLICT = {"person": "小满", "question": "换组", "cards": "隐士正位、战车逆位", "content": TURNED}


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def lay(inbox, *records, name="a.jsonl"):
    (inbox / name).write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), "utf-8")


def take_in(data, *paths, between=lambda: None):
    """Run the stages of an ingest. between: called after the files were found and before they are read."""
    staging = data / "staging"
    with tables.writing(data), delta.all_or_none(data):
        files, _, _ = stages.new_files(data, list(paths))
        between()
        try:
            clean = stages.read_and_clean(data, files, staging)
            return stages.commit(data, stages.decide(data, clean, staging), files)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def ids(data):
    """Return content -> id of the stored readings."""
    return dict(tables.readings(data).select("content", "reading_id").iter_rows())


def feed(data, decided=None, reason=None):
    opened = tables.rejections(data)
    if decided is not None:
        opened = opened.filter(opened["rejection_id"].is_in(list(decided)))
    staging = data / "staging"
    with tables.writing(data):
        try:
            return replay(data, opened, staging, decided).to_dicts()
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def read_anew(data, inbox, monkeypatch):
    """Ingest as after a new release: every file is read again."""
    monkeypatch.setattr(stages, "CODE_VERSION", stages.CODE_VERSION + "+")
    return take_in(data, inbox)


def only_rejection(data, reason):
    row = next(row for row in tables.rejections(data).iter_rows(named=True) if row["reason"] == reason)
    return row["rejection_id"]


def test_corrected_cards_make_a_reading_of_a_rejection(data, inbox):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    name = only_rejection(data, "unknown_card")
    (became,) = feed(data, {name: Fix(fields={"cards": ["愚人正位、力量正位"], "person": "小鱼"})})
    assert became["became"] == "accepted"
    (row,) = tables.readings(data).to_dicts()
    assert [(card["card"], card["orientation"]) for card in row["cards"]] == [("愚人", "upright"), ("力量", "upright")]
    assert (row["person"], row["reading_id"], row["flags"][-1]) == ("小鱼", became["reading_id"], "fixed")
    assert row["source"]["file"] == "a.jsonl" and row["source"]["locator"] == "line 1"
    assert tables.rejections(data).is_empty()


def test_a_fix_survives_another_ingest(data, inbox, monkeypatch):
    lay(inbox, WRONG_CARD, GOOD)
    take_in(data, inbox)
    feed(data, {only_rejection(data, "unknown_card"): Fix(fields={"cards": ["愚人正位、力量正位"]})})
    before = tables.readings(data)
    counts = read_anew(data, inbox, monkeypatch)
    assert (counts["accepted"], counts["rejected"], counts["unchanged"]) == (0, 0, 2)
    assert tables.readings(data).equals(before) and tables.rejections(data).is_empty()


def test_a_repeated_decision_is_stored_once(data, inbox):
    lay(inbox, WRONG_CARD, GOOD)
    take_in(data, inbox)
    (key,) = tables.rejections(data)["key"]
    for decided in ({"cards": ["愚人正位"]}, {"cards": ["愚人正位"]}, {"cards": ["愚人逆位"]}):
        fixes.write(data, {key: Fix(fields=decided)})
    assert delta.scan(data, "fixes").collect()["sequence"].sort().to_list() == [0, 1]
    assert fixes.read(data)[key].fields == {"cards": ["愚人逆位"]}


def test_a_fix_applies_in_a_new_store(data, inbox, tmp_path):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    feed(data, {only_rejection(data, "unknown_card"): Fix(fields={"cards": ["愚人正位、力量正位"]})})
    other = tmp_path / "other"
    shutil.copytree(data / "store" / "fixes", other / "store" / "fixes")
    assert take_in(other, inbox)["accepted"] == 1
    columns = ["reading_id", "cards", "content", "flags"]
    assert tables.readings(other).select(columns).equals(tables.readings(data).select(columns))


def test_an_edited_file_overrules_a_fix(data, inbox):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    feed(data, {only_rejection(data, "unknown_card"): Fix(fields={"cards": ["愚人正位、力量正位"]})})
    lay(inbox, {**WRONG_CARD, "cards": "愚人正位、力量逆位", "content": FIRST.replace("力量正位", "力量逆位")})
    assert take_in(data, inbox)["updated"] == 1
    (row,) = tables.readings(data).to_dicts()
    assert row["cards"][1]["orientation"] == "reversed" and "fixed" not in row["flags"]


def test_an_accepted_near_duplicate_stays(data, inbox, monkeypatch):
    lay(inbox, GOOD, NEAR)
    assert take_in(data, inbox)["accepted"] == 1
    (became,) = feed(data, {only_rejection(data, "near_duplicate"): Fix(accepted=True)})
    assert became["became"] == "accepted" and tables.count(data) == 2
    counts = read_anew(data, inbox, monkeypatch)
    assert (counts["unchanged"], counts["rejected"]) == (2, 0)
    assert sorted(tables.readings(data)["flags"].list.contains("fixed")) == [False, True]


def test_a_conflict_is_overruled_or_its_card_corrected(data, inbox, monkeypatch):
    lay(inbox, CONFLICT)
    take_in(data, inbox)
    name = only_rejection(data, "card_conflict")
    (became,) = feed(data, {name: Fix(fields={"cards": ["隐士正位、战车正位"]})})
    assert became["became"] == "accepted"
    assert tables.readings(data)["cards"][0][1]["orientation"] == "upright"
    assert read_anew(data, inbox, monkeypatch)["unchanged"] == 1
    assert tables.rejections(data).is_empty()


def test_a_corrected_near_duplicate_is_accepted_next(data, inbox, monkeypatch):
    lay(inbox, GOOD, {**NEAR, "cards": "引士正位、战车逆位"})
    take_in(data, inbox)
    (first,) = feed(data, {only_rejection(data, "unknown_card"): Fix(fields={"cards": ["隐士正位、战车逆位"]})})
    assert (first["became"], first["reason"]) == ("refused", "near_duplicate")
    (second,) = feed(data, {first["new_id"]: Fix(accepted=True)})
    assert second["became"] == "accepted"
    assert read_anew(data, inbox, monkeypatch)["unchanged"] == 2


def test_an_empty_correction_changes_nothing(data, inbox):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    before = tables.rejections(data)
    (became,) = feed(data, {only_rejection(data, "unknown_card"): Fix(fields={"person": "小鱼"})})
    assert became["became"] == "same" and became["reason"] == "unknown_card"
    assert tables.rejections(data).equals(before) and tables.fixes(data).is_empty()


def test_a_dismissed_record_stays_dismissed(data, inbox, monkeypatch):
    lay(inbox, WRONG_CARD)
    (inbox / "photo.heic").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(64))
    take_in(data, inbox)
    opened = tables.rejections(data)["rejection_id"].to_list()
    assert len(opened) == 2
    feed(data, dict.fromkeys(opened, Fix(dismissed=True)))
    assert tables.rejections(data).is_empty()
    read_anew(data, inbox, monkeypatch)
    assert tables.rejections(data).is_empty() and tables.count(data) == 0


def test_replay_accepts_what_the_tables_have_learnt(data, inbox, monkeypatch):
    from tarot_data.cards import card_fields
    from tarot_data.ingest import clean as cleaning

    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    assert [row["became"] for row in feed(data)] == ["same"]
    parse = card_fields.parse_cards
    monkeypatch.setattr(
        cleaning.card_fields, "parse_cards", lambda text, *rest: parse(str(text).replace("愚仁", "愚人"), *rest)
    )
    assert [row["became"] for row in feed(data)] == ["accepted"]


def test_a_twin_stays_a_duplicate(data, inbox, monkeypatch):
    lay(inbox, GOOD, GOOD)
    take_in(data, inbox)
    assert [(row["became"], row["reason"]) for row in feed(data)] == [("same", "duplicate")]
    counts = read_anew(data, inbox, monkeypatch)
    assert (counts["unchanged"], counts["rejected"]) == (1, 1)


def test_only_conflicts_and_near_duplicates_can_be_accepted(data, inbox):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    with pytest.raises(Problem, match="only card_conflict and near_duplicate can be accepted.*unknown_card"):
        feed(data, {only_rejection(data, "unknown_card"): Fix(accepted=True)})
    assert tables.fixes(data).is_empty()


def test_unreadable_files_have_no_fields(data, inbox):
    (inbox / "photo.heic").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(64))
    take_in(data, inbox)
    with pytest.raises(Problem, match="holds no record that could be read"):
        feed(data, {only_rejection(data, "unreadable"): Fix(fields={"person": "小鱼"})})


def test_corrections_are_masked(data, inbox):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    fields = {"cards": ["愚人正位、力量正位"], "person": "小鱼13800138000"}
    feed(data, {only_rejection(data, "unknown_card"): Fix(fields=fields)})
    assert "13800138000" not in tables.fixes(data).write_json()
    assert tables.readings(data)["person"].to_list() == ["小鱼"]


def test_masked_kinds_survive_a_fix(data, inbox):
    lay(inbox, {**WRONG_CARD, "content": FIRST + "有事打13800138000。"})
    take_in(data, inbox)
    feed(data, {only_rejection(data, "unknown_card"): Fix(fields={"cards": ["愚人正位、力量正位"]})})
    (row,) = tables.readings(data).to_dicts()
    assert row["masked"] == ["phone"] and "redacted" in row["flags"]


def test_only_changed_cells_count(data, inbox, tmp_path):
    from openpyxl import load_workbook

    lay(inbox, GOOD, WRONG_CARD, NEAR, {**WRONG_CARD, "content": FIRST + "\n=1+1", "question": "=cmd()"})
    take_in(data, inbox)
    opened, path = tables.rejections(data), tmp_path / "fixes.xlsx"
    fix_workbook.write(opened, path, "zh", dict.fromkeys(opened["rejection_id"], "a.jsonl"))
    assert fix_workbook.read(path, opened) == {}
    book = load_workbook(path)
    sheet = book.active
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    header = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        if row[header.index("原因")].value.startswith("与另一条"):
            row[header.index("处理")].value = "收下"
        else:
            row[header.index("抽到的牌")].value = "愚人正位、力量正位"
    book.save(path)
    decided = fix_workbook.read(path, opened)
    near = only_rejection(data, "near_duplicate")
    assert decided.pop(near) == Fix(accepted=True)
    assert list(decided.values()) == [Fix(fields={"cards": ["愚人正位、力量正位"]})] * 2
    became = [row["became"] for row in feed(data, {**decided, near: Fix(accepted=True)})]
    assert sorted(became) == ["accepted", "accepted", "refused"]  # the last is now a near-duplicate of its neighbour


def test_a_workbook_says_which_row_is_wrong(data, inbox, tmp_path):
    from openpyxl import load_workbook

    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    opened, path = tables.rejections(data), tmp_path / "fixes.xlsx"
    fix_workbook.write(opened, path, "en", dict.fromkeys(opened["rejection_id"], "a.jsonl"))
    book = load_workbook(path)
    book.active["B2"] = "maybe"
    book.save(path)
    with pytest.raises(Problem, match="row 2: 'maybe' is no decision"):
        fix_workbook.read(path, opened)
    with pytest.raises(Problem, match="row 2: there is no open rejection"):
        fix_workbook.read(path, opened.clear())
    with pytest.raises(Problem, match="already|exists"):
        fix_workbook.write(opened, path, "en", dict.fromkeys(opened["rejection_id"], "a.jsonl"))
    path.write_bytes(b"PK nothing")
    with pytest.raises(Problem, match="cannot be read as a workbook"):
        fix_workbook.read(path, opened)


@given(st.text(max_size=60))
def test_neutralised_cells_keep_their_text(text):
    cell = cleanup.neutral(text)
    assert not cell.startswith(("=", "+", "-", "@"))
    assert fix_workbook.plain(cell) == text.replace("\r\n", "\n")


def test_the_original_record_is_read_masked(data, inbox):
    lay(
        inbox,
        GOOD,
        {**WRONG_CARD, "cards": "愚人正位、力量正位", "content": FIRST + "电话13800138000。"},
        name="微信13800138000.jsonl",
    )
    take_in(data, inbox)
    row = next(row for row in tables.readings(data).iter_rows(named=True) if row["source"]["locator"] == "line 2")
    assert "13800138000" not in row["source"]["file"]
    found = source_lookup.original(row["source"], tables.files(data))
    assert found["changed"] is False
    assert found["record"]["content"] == FIRST + "电话〔手机号〕。"
    assert found["record"]["draws"] == [{"spread": None, "cards": "愚人正位、力量正位"}]


def test_the_original_is_found_in_a_moved_inbox(data, inbox, tmp_path):
    lay(inbox, GOOD)
    take_in(data, inbox)
    source = tables.readings(data)["source"][0]
    moved = inbox.rename(tmp_path / "moved")
    with pytest.raises(Problem, match="a.jsonl is not under .*inbox any more"):
        source_lookup.original(source, tables.files(data))
    assert source_lookup.original(source, tables.files(data), moved)["record"]["content"] == SECOND
    lay(moved, {**GOOD, "question": "别的"})
    assert source_lookup.original(source, tables.files(data), moved)["changed"] is True
    (moved / "a.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(Problem):
        source_lookup.original(source, tables.files(data), moved)


def test_corrected_cards_replace_the_draws(data, inbox):
    lay(inbox, {**WRONG_CARD, "spread": "两张牌"})
    take_in(data, inbox)
    two = {"cards": ["愚人正位", "力量正位"], "spreads": ["单张", ""]}
    feed(data, {only_rejection(data, "unknown_card"): Fix(fields=two)})
    (row,) = tables.readings(data).to_dicts()
    assert [draw["spread"] for draw in row["draws"]] == ["单张", None]
    assert [card["draw"] for card in row["cards"]] == [1, 2]
    assert fixes.read(data)


def test_the_fix_command_exits_1_if_still_rejected(data, inbox, tmp_path):
    from click.testing import CliRunner

    from flows import cli

    def tarot(*arguments):
        result = CliRunner().invoke(cli.build("en"), [*map(str, arguments), "--data-dir", str(data), "--lang", "en"])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    lay(inbox, WRONG_CARD, NEAR)
    take_in(data, inbox)
    name = only_rejection(data, "unknown_card")
    refused = tarot("fix", name, "--person", "小鱼")
    assert refused.exit_code == 1 and f"{name}: refused as before" in refused.output
    book = tmp_path / "fixes.xlsx"
    assert "1 rejection written" in tarot("rejected", "--export", book).output
    assert "0 accepted" in tarot("fix", "--from", book).output
    accepted = tarot("fix", name, "--cards", "愚人正位、力量正位", "--json")
    assert accepted.exit_code == 0 and json.loads(accepted.output)["became"] == "accepted"
    shown = tarot("readings", "--id", json.loads(accepted.output)["reading_id"], "--source")
    assert "愚仁正位、力量正位" in shown.output
    (data / "staging").mkdir()  # The state after a kill that follows the commit.
    with pytest.raises(Problem, match=f"No open rejection {name}"):
        tarot("fix", name, "--dismiss")
    assert not (data / "staging").exists()
    with pytest.raises(Problem, match="Say what to correct"):
        tarot("fix", name)


def test_edited_readings_are_compared_by_current_text(data, inbox):
    lay(inbox, GOOD)
    take_in(data, inbox)
    lay(inbox, {**GOOD, "cards": "愚人正位、力量正位", "content": FIRST})
    assert take_in(data, inbox)["updated"] == 1
    lay(inbox, {**NEAR, "content": FIRST + "加油。", "cards": "愚人正位、力量正位"}, name="b.jsonl")
    lay(inbox, {**NEAR, "content": SECOND + "加油。"}, name="c.jsonl")
    counts = take_in(data, inbox)
    assert (counts["accepted"], counts["reasons"]) == (1, {"near_duplicate": 1})
    assert tables.rejections(data)["source"].struct.field("file").to_list() == ["b.jsonl"]


def test_a_changed_rejection_keeps_its_id(data, inbox, monkeypatch):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    name = only_rejection(data, "unknown_card")
    (became,) = feed(data, {name: Fix(fields={"cards": ["愚人正位、四叶草正位"]})})
    assert (became["became"], became["new_id"]) == ("refused", name)
    (row,) = tables.rejections(data).to_dicts()
    assert (row["rejection_id"], json.loads(row["values"])) == (name, {"card": "四叶草"})
    read_anew(data, inbox, monkeypatch)
    assert tables.rejections(data).to_dicts() == [row]


def test_rejection_ids_of_an_earlier_release_stay(data, inbox, monkeypatch):
    lay(inbox, WRONG_CARD)
    take_in(data, inbox)
    old = "x00000000000000ab"
    for table, renamed in (("rejections", {"rejection_id": pl.lit(old)}), ("files", {"rejected": pl.lit([old])})):
        delta.rewrite(data, table, delta.scan(data, table).collect().with_columns(**renamed), {})
    (became,) = feed(data)
    assert (became["became"], became["rejection_id"], became["new_id"]) == ("same", old, old)
    assert tables.rejections(data)["rejection_id"].to_list() == [old]
    read_anew(data, inbox, monkeypatch)
    assert tables.rejections(data)["rejection_id"].to_list() == [old]
    (became,) = feed(data, {old: Fix(fields={"cards": ["愚人正位、四叶草正位"]})})
    assert (became["became"], became["new_id"]) == ("refused", old)
    assert tables.rejections(data)["rejection_id"].to_list() == [old]
