"""Metadata updates of a reading: an outcome added later, a consent withdrawn."""

import pytest

from tarot_data.dataset import versions
from tarot_data.privacy import name_search
from tarot_data.store import delta, tables
from tests.builders import unlike
from tests.ingest.test_fixes import lay, take_in


def record(number, **values):
    content = f"你好。愚人正位说明你已经走出去半步了，力量正位在后面轻轻拉住缰绳。{unlike(number)}"
    said = {"person": f"客{number}", "question": f"问{number}", "spread": "两张牌", "cards": "愚人正位、力量正位"}
    return {**said, "content": content, **values}


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def persons(data):
    manifest, _ = versions.publish(data)
    return sorted(versions.read(data, manifest)["person"])


def by_person(data, *names):
    return {row["person"]: tuple(row[name] for name in names) for row in tables.readings(data).to_dicts()}


def test_a_later_outcome_is_an_update(tmp_path, inbox):
    data = tmp_path / "data"
    lay(inbox, record(1), record(2))
    take_in(data, inbox)
    lay(inbox, record(1, outcome="后来真的换了组", date="2024-01-05"), record(2))
    counts = take_in(data, inbox)
    assert (counts["accepted"], counts["updated"], counts["unchanged"], counts["rejected"]) == (0, 1, 1, 0)
    assert by_person(data, "outcome", "revision") == {"客1": ("后来真的换了组", 2), "客2": (None, 1)}
    assert delta.scan(data, "readings").collect().height == 3
    counts = take_in(data, inbox)
    assert (counts["updated"], counts["unchanged"]) == (0, 0)


def test_a_withdrawn_consent_excludes_the_reading(tmp_path, inbox):
    data = tmp_path / "data"
    lay(inbox, *map(record, range(1, 5)))
    take_in(data, inbox)
    assert persons(data) == ["客1", "客2", "客3", "客4"]
    lay(inbox, record(5), record(2), record(1, consent="no"), record(3), record(4))
    take_in(data, inbox)
    assert persons(data) == ["客2", "客3", "客4", "客5"]


def test_a_no_in_a_copy_counts(tmp_path, inbox):
    data = tmp_path / "data"
    lay(inbox, *map(record, range(1, 5)))
    take_in(data, inbox)
    near = record(2, consent="不同意")
    lay(inbox, record(1, consent="no"), near | {"content": near["content"] + "又及。"}, name="b.jsonl")
    counts = take_in(data, inbox)
    assert counts["reasons"] == {"duplicate": 1, "near_duplicate": 1}
    assert persons(data) == ["客3", "客4"]


def test_the_order_of_twins_changes_nothing(tmp_path, inbox):
    data = tmp_path / "data"
    lay(inbox, record(1), record(1, person="别人"), record(2))
    take_in(data, inbox)
    lay(inbox, record(3), record(1, person="别人"), record(1), record(2))
    counts = take_in(data, inbox)
    assert (counts["accepted"], counts["updated"], counts["reasons"]) == (1, 0, {"duplicate": 1})
    assert set(by_person(data)) == {"客1", "客2", "客3"}


def test_forgotten_names_do_not_return_with_outcomes(tmp_path, inbox):
    from flows import forget

    data = tmp_path / "data"
    named = record(1, question="欧阳雪岭怎么想") | {"content": record(1)["content"] + "欧阳雪岭也在等。"}
    lay(inbox, named, record(2, person="欧阳雪岭"), record(3))
    take_in(data, inbox)
    forget.forget(data, "欧阳雪岭")
    lay(inbox, named | {"outcome": "成了"}, record(3))
    assert take_in(data, inbox)["updated"] == 1
    (reading,) = [row for row in tables.readings(data).to_dicts() if row["outcome"]]
    assert reading["question"] == name_search.MASK * 4 + "怎么想" and "欧阳" not in reading["content"]


def test_an_old_chat_gets_its_follow_ups(tmp_path, inbox, monkeypatch):
    """A store of a release that did not know them; names of forgotten persons stay masked at the next reading."""
    from tarot_data.ingest import stages
    from tests.sources.test_follow_ups import TALK, chat

    data = tmp_path / "data"
    (inbox / "聊天.txt").write_text(chat(TALK), encoding="utf-8")
    take_in(data, inbox)
    rows = delta.scan(data, "readings").collect()
    asked = rows["follow_ups"].to_list()
    empty = rows.with_columns(follow_ups=rows["follow_ups"].list.head(0))
    with tables.writing(data):
        delta.rewrite(data, "readings", empty, {})
    for version, updated in (("+", 1), ("++", 0)):
        monkeypatch.setattr(stages, "CODE_VERSION", version)
        assert take_in(data, inbox)["updated"] == updated
        assert tables.readings(data)["follow_ups"].to_list() == asked
