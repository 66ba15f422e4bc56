"""Accepted readings that a person corrects, and what becomes of the corrections later."""

import shutil
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Problem
from tarot_data.ingest import fixes
from tarot_data.ingest.clean import _with_fixes, to_reading
from tarot_data.ingest.correct import correct, corrected_record, record_of_reading, texts_of
from tarot_data.ingest.fixes import Fix
from tarot_data.ingest.relabel import relabel
from tarot_data.patterns import model
from tarot_data.privacy import suppression_list
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources.records import RawDraw, RawRecord, Source
from tarot_data.store import tables
from tests.ingest.test_fixes import FIRST, GOOD, SECOND, data, feed, ids, inbox, lay, read_anew, take_in  # noqa: F401

OTHER = "月亮逆位照着那条从水里爬上来的小路，你怕的不是路远，是没人同行。太阳正位在尽头等着，五月之前把话说开，一切会慢慢亮起来。"
FOOL = {
    "person": "Mel",
    "question": "要不要换组",
    "date": "2024-01-05",
    "spread": "两张牌",
    "cards": "愚人正位、力量正位",
    "content": FIRST,
}
FOOL_TURNED = (
    "愚人逆位说明你还没有走出去半步，力量正位在后面轻轻拉住缰绳，两张牌一松一紧。三月之前先把手上的项目收尾，祝你顺利。"
)


@pytest.fixture
def two(data, inbox):  # noqa: F811
    """Store two readings and return the ids of the first and the second."""
    lay(inbox, FOOL, GOOD)
    take_in(data, inbox)
    by_content = ids(data)
    return by_content[FIRST], by_content[SECOND]


def reading(data, name):  # noqa: F811
    return next(row for row in tables.readings(data).to_dicts() if row["reading_id"] == name)


def fix(data, name, accepted=False, **fields):  # noqa: F811
    (became,) = correct(data, {name: Fix(fields=fields, accepted=accepted)}).to_dicts()
    return became


def test_every_field_of_a_reading_is_corrected(data, two):  # noqa: F811
    given = {"person": "小鱼", "question": "去不去面试", "date": "2023-12-31", "outcome": "去了", "consent": "yes"}
    given |= {"spreads": ["过去现在"], "cards": ["月亮逆位、太阳正位"], "content": OTHER}
    assert fix(data, two[0], **given)["became"] == "corrected"
    row = reading(data, two[0])
    assert (row["person"], row["question"], row["date"]) == ("小鱼", "去不去面试", date(2023, 12, 31))
    assert (row["outcome"], row["consent"], row["content"]) == ("去了", "yes", OTHER)
    assert [(card["card"], card["orientation"]) for card in row["cards"]] == [("月亮", "reversed"), ("太阳", "upright")]
    assert [draw["spread"] for draw in row["draws"]] == ["过去现在"]
    assert row["revision"] == 2 and "fixed" in row["flags"]
    assert row["sentences"][-1]["end"] <= len(OTHER) and row["sentences"][0]["cards"] == ["月亮"]
    assert tables.count(data) == 2


def test_what_was_not_corrected_stays(data, two):  # noqa: F811
    before = reading(data, two[0])
    fix(data, two[0], person="小鱼")
    after = reading(data, two[0])
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"person", "revision", "flags"}


@pytest.mark.parametrize(
    "fields",
    [
        {"person": "小鱼"},
        {"date": "2023-12-31", "question": ""},
        {"spreads": ["过去现在"]},
        {"cards": ["愚人逆位、力量正位"], "content": FOOL_TURNED},
    ],
)
def test_a_correction_outlives_the_next_reading(data, inbox, monkeypatch, two, fields):  # noqa: F811
    fix(data, two[0], **fields)
    corrected = reading(data, two[0])
    lay(inbox, FOOL, GOOD, name="copy.jsonl")
    counts = take_in(data, inbox)
    assert counts["accepted"] == counts["updated"] == 0 and counts["reasons"] == {"duplicate": 2}
    counts = read_anew(data, inbox, monkeypatch)
    assert (counts["accepted"], counts["updated"], counts["unchanged"]) == (0, 0, 2)
    feed(data)
    assert reading(data, two[0]) == corrected and tables.count(data) == 2


def test_a_correction_outlives_relabelling(data, two, monkeypatch):  # noqa: F811
    fix(data, two[0], person="小鱼")
    monkeypatch.setattr(model, "version", lambda: "another")
    with tables.writing(data):
        relabel(data)
    row = reading(data, two[0])
    assert row["person"] == "小鱼" and "fixed" in row["flags"]


def test_a_correction_holds_in_a_new_store(data, inbox, tmp_path, two):  # noqa: F811
    fix(data, two[0], cards=["愚人逆位、力量正位"], content=FOOL_TURNED)
    fix(data, two[0], person="小鱼")
    other = tmp_path / "other"
    shutil.copytree(data / "store" / "fixes", other / "store" / "fixes")
    take_in(other, inbox)
    names = ("person", "content", "cards", "draws", "date", "flags", "fingerprint")
    rows = {row["person"]: row for row in tables.readings(other).to_dicts()}
    assert {name: rows["小鱼"][name] for name in names if name != "cards"} == {
        name: reading(data, two[0])[name] for name in names if name != "cards"
    }


def test_a_correction_taken_back_stays_taken_back(data, inbox, monkeypatch, two):  # noqa: F811
    fix(data, two[0], content=OTHER.replace("月亮逆位", "愚人正位").replace("太阳正位", "力量正位"))
    fix(data, two[0], content=FIRST)
    fix(data, two[0], person="小鱼")
    fix(data, two[0], content=OTHER.replace("月亮逆位", "愚人正位").replace("太阳正位", "力量正位"))
    fix(data, two[0], content=FIRST, person="阿宁")
    corrected = reading(data, two[0])
    assert (corrected["person"], corrected["content"]) == ("阿宁", FIRST)
    assert read_anew(data, inbox, monkeypatch)["unchanged"] == 2
    assert reading(data, two[0]) == corrected


def test_cards_that_the_text_contradicts_are_refused(data, two):  # noqa: F811
    before = reading(data, two[0])
    became = fix(data, two[0], cards=["愚人逆位、力量正位"])
    assert (became["became"], became["reason"]) == ("refused", "card_conflict")
    assert reading(data, two[0]) == before and tables.rejections(data).is_empty()
    assert fix(data, two[0], accepted=True, cards=["愚人逆位、力量正位"])["became"] == "corrected"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"cards": ["愚仁正位"]}, "unknown_card"),
        ({"cards": ["愚人正位、愚人逆位"]}, "duplicate_card"),
        ({"content": "太短了"}, "too_short"),
        ({"content": SECOND, "cards": ["隐士正位、战车逆位"]}, "duplicate"),
        ({"content": SECOND + "加油", "cards": ["隐士正位、战车逆位"]}, "near_duplicate"),
    ],
)
def test_a_correction_is_refused_as_a_record_is(data, two, fields, reason):  # noqa: F811
    before = reading(data, two[0])
    became = fix(data, two[0], **fields)
    assert (became["became"], became["reason"]) == ("refused", reason)
    assert reading(data, two[0]) == before and not fixes.read(data)


def test_the_same_correction_twice_changes_nothing(data, two):  # noqa: F811
    assert fix(data, two[0], person="小鱼")["became"] == "corrected"
    assert fix(data, two[0], person="小鱼")["became"] == "same"
    assert reading(data, two[0])["revision"] == 2


def test_a_form_of_an_earlier_revision_is_refused(data, two):  # noqa: F811
    fix(data, two[0], person="小鱼")
    with pytest.raises(Problem, match="changed"):
        correct(data, {two[0]: Fix(fields={"person": "阿宁"})}, {two[0]: 1})


def test_contact_details_of_a_correction_are_masked(data, two):  # noqa: F811
    fix(data, two[0], question="打 13800138000 问问", content=FIRST + "有事打 13800138000。")
    row = reading(data, two[0])
    assert "13800138000" not in row["question"] + row["content"] and "redacted" in row["flags"]
    for path in data.rglob("*"):
        assert not path.is_file() or b"13800138000" not in path.read_bytes()


def test_an_unknown_reading_is_named(data, two):  # noqa: F811
    with pytest.raises(Problem, match="r0000000000000000"):
        fix(data, "r0000000000000000", person="小鱼")


def test_a_stored_reading_cleans_to_itself(data, two):  # noqa: F811
    for row in tables.readings(data).to_dicts():
        again = to_reading(record_of_reading(row))
        assert {name: again[name] for name in again if name not in ("revision",)} == {
            name: row[name] for name in again if name not in ("revision",)
        }


def test_a_stored_correction_keeps_a_copy_dismissed(data, inbox, two):  # noqa: F811
    lay(inbox, FOOL, name="copy.jsonl")
    take_in(data, inbox)
    (copy,) = tables.rejections(data)["rejection_id"].to_list()
    feed(data, {copy: Fix(dismissed=True)})
    fix(data, two[0], person="小鱼")
    assert tables.rejections(data).is_empty()


def test_a_correction_to_a_forgotten_person_is_refused(data, two):  # noqa: F811
    suppression_list.remember(data, ["欧阳雪岭"], set())
    with pytest.raises(Problem, match="forgotten"):
        fix(data, two[0], person="欧阳雪岭")
    assert reading(data, two[0])["person"] == "Mel"


LISTED = "给你抽到的是愚人正位、力量正位。\n" + FIRST


@pytest.mark.parametrize(
    "fields",
    [
        {"person": "小鱼"},
        {"spreads": ["过去现在"]},
        {
            "content": LISTED.replace("愚人正位、力量正位", "愚人正位、力量正位、太阳正位").replace(
                "祝你", "太阳在前面等你，祝你"
            )
        },
        {"cards": ["愚人正位、力量正位"]},
    ],
)
def test_corrections_of_readings_with_cards_from_the_text_last(data, inbox, monkeypatch, fields):  # noqa: F811
    lay(inbox, {"person": "Mel", "question": "换组", "content": LISTED})
    take_in(data, inbox)
    (row,) = tables.readings(data).to_dicts()
    assert "cards_from_content" in row["flags"]
    assert fix(data, row["reading_id"], **fields)["became"] == "corrected"
    (corrected,) = tables.readings(data).to_dicts()
    assert ("cards_from_content" in corrected["flags"]) == ("cards" not in fields)
    assert len(corrected["cards"]) == (3 if "content" in fields else 2) and len(set(corrected["flags"])) == len(
        corrected["flags"]
    )
    assert read_anew(data, inbox, monkeypatch)["unchanged"] == 1
    assert tables.readings(data).to_dicts() == [corrected]


FIXES = st.fixed_dictionaries(
    {},
    optional={
        "person": st.sampled_from(["", "小鱼", "[[阿宁]]"]),
        "question": st.sampled_from(["", "去不去面试？", "打 13800138000"]),
        "date": st.sampled_from(["", "2023-12-31", "去年"]),
        "spreads": st.lists(st.sampled_from(["", "过去现在", "圣三角", "自创 A-B"]), min_size=1, max_size=3),
        "cards": st.lists(
            st.sampled_from(["愚人正位、力量正位", "过去：月亮逆位、底牌：太阳", "隐士"]), min_size=1, max_size=2
        ),
        "content": st.sampled_from([SECOND, OTHER, FIRST + "\r\n有事打 13800138000。"]),
        "outcome": st.sampled_from(["", "去了"]),
        "consent": st.sampled_from(["yes", "no", "unknown"]),
    },
)
RECORDS = st.fixed_dictionaries(
    {
        "person": st.sampled_from([None, "Mel"]),
        "question": st.sampled_from([None, "换组"]),
        "date": st.sampled_from([None, "2024-01-05", "3月2日"]),
        "draws": st.lists(
            st.builds(
                RawDraw,
                spread=st.sampled_from([None, "两张牌", "圣三角"]),
                cards=st.sampled_from(
                    ["愚人正位、力量正位", "1. 愚人 2. 力量（逆）", ["塔", "星星逆位", "底牌：月亮"]]
                ),
            ),
            min_size=1,
            max_size=2,
        ).map(tuple),
        "content": st.sampled_from([FIRST, "牌面：愚人正位、力量正位\n" + FIRST]),
    }
)


@settings(max_examples=100, deadline=None)
@given(RECORDS, st.lists(FIXES, min_size=1, max_size=3))
def test_a_corrected_reading_is_what_its_file_gives_later(values, given_fixes):
    place = Source(file="2024/a.jsonl", member=None, locator="line 1", sha256="0" * 64, form="jsonl")
    record = RawRecord(source=place, date_hint="2024年/a.jsonl", **values)
    row, decided = to_reading(record), {}
    for fields in given_fixes:
        fields, _ = masked_object(fields)
        after = to_reading(corrected_record(row, fields))
        if "reading_id" not in after or not fields:
            return
        for key, new in fixes.of_reading(
            decided, row["fingerprint"], after, Fix(fields=fields), texts_of(after)
        ).items():
            decided[key] = Fix(fields={**decided.get(key, Fix()).fields, **new.fields})
        row = after
    later = _with_fixes(record, lambda one, key: fixes.corrected(one, decided[key].fields) if key in decided else None)
    names = ("person", "question", "date", "content", "outcome", "consent", "fingerprint")
    assert {name: later[name] for name in names} == {name: row[name] for name in names}
    assert [draw["spread"] for draw in later["draws"]] == [draw["spread"] for draw in row["draws"]]
    assert set(later["flags"]) == set(row["flags"]) and "fixed" in later["flags"]


def test_cards_only_named_in_the_text_are_corrected_or_confirmed(data, inbox, monkeypatch):  # noqa: F811
    lay(inbox, {"person": "Mel", "question": "换组", "content": OTHER})
    take_in(data, inbox)
    (row,) = tables.readings(data).to_dicts()
    assert "cards_from_content" in row["flags"] and [card["card"] for card in row["cards"]] == ["月亮", "太阳"]
    assert fix(data, row["reading_id"], cards=texts_of(row)["cards"])["became"] == "corrected"
    confirmed = reading(data, row["reading_id"])
    assert "cards_from_content" not in confirmed["flags"] and confirmed["fingerprint"] == row["fingerprint"]
    assert read_anew(data, inbox, monkeypatch)["unchanged"] == 1
    assert fix(data, row["reading_id"], question="")["became"] == "corrected"
    assert read_anew(data, inbox, monkeypatch)["unchanged"] == 1
