"""Names replaced in a dataset for other people, and which words count as a person."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tables import STORED
from schemas.tables import stored as as_stored
from tarot_data import lexicon
from tarot_data.dataset import versions
from tarot_data.privacy import pseudonyms
from tarot_data.privacy.person_names import KINDS, kind_of, named
from tarot_data.privacy.pseudonyms import Replacer, apply, assign
from tarot_data.privacy.third_persons import names_in
from tarot_data.store import delta
from tests.builders import card, source, stored, stored_row

KEY = {"Mel": "阿禾", "林女士": "阿梨", "王小雅": "阿柚", "可乐": "阿岚", "星星": "阿棠", "K": "阿舟"}


@pytest.mark.parametrize(
    ("person", "kind"),
    [
        ("Mel", "named"),
        ("K", "named"),
        ("小满", "named"),
        ("匿名", "nobody"),
        ("網友", "nobody"),
        ("第二组", "nobody"),
        ("七号连麦", "nobody"),
        ("自占", "self"),
        (None, "nobody"),
    ],
)
def test_generic_terms_are_no_person(person, kind):
    assert kind_of(person) == kind


def test_unnamed_persons_are_null():
    frame = pl.DataFrame({"person": ["Mel", "匿名", None]})
    assert frame.select(named())["person"].to_list() == ["Mel", None, None]


def test_every_example_person_has_its_kind():
    for row in lexicon.read_table("persons"):
        kind = "named" if row["kind"] in KINDS[5:] else row["kind"]
        assert kind_of(row["example"]) == (kind if kind in ("named", "self") else "nobody"), row.place


def test_every_title_is_kept():
    for title in lexicon.words("persons", "title"):
        name = f"林{title}"
        assert Replacer({name: "阿梨"})(f"{name}，你好。", name) == f"梨{title}，你好。"


def test_card_names_go_before_words_of_address():
    for word in lexicon.words("persons", "addressed"):
        assert Replacer(KEY)(f"星星{word}，星星正位。", "星星") == f"阿棠{word}，星星正位。"


@pytest.mark.parametrize(
    ("text", "own", "hidden"),
    [
        ("Mel，你好，mel的牌和Melbourne、Melissa无关。", "Mel", "阿禾，你好，阿禾的牌和Melbourne、Melissa无关。"),
        ("林女士您好，林女士的财务。", "Mel", "梨女士您好，梨女士的财务。"),
        ("小雅，王小雅女士的牌。", "王小雅", "阿柚，阿柚女士的牌。"),
        ("小雅和王小雅。", "Mel", "小雅和阿柚。"),
        ("喝可乐。", "Mel", "喝可乐。"),
        ("可乐，少喝可乐。", "可乐", "阿岚，少喝阿岚。"),
        ("星星你好，星星正位说的是希望。", "星星", "阿棠你好，星星正位说的是希望。"),
        ("K线往上走。", "Mel", "K线往上走。"),
        ("K，你好，OK的。", "K", "阿舟，你好，OK的。"),
    ],
)
def test_a_name_is_replaced_only_as_a_name(text, own, hidden):
    assert Replacer(KEY)(text, own) == hidden


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("同事王建国一直针对我，HR总监赵敏仪也在。", ["王建国", "赵敏仪"]),
        ("李婉清经理和领导周志远，小三叫杨雪。", ["周志远", "李婉清", "杨雪"]),
        ("同事说周末加班，领导方案一张牌，老板和我。", []),
        ("同事周末加班，领导方案定了，老师张牌逆位", []),
    ],
)
def test_third_persons_are_found_by_their_role(text, names):
    assert names_in([text, None]) == sorted(names)


def test_pseudonyms_replace_third_persons(tmp_path):
    text = "你好，Mel。愚人正位说明你走出去了，同事王建国一直针对你，别急，慢慢来，一步一步走，会好的。"
    delta.append(tmp_path, "readings", stored(stored_row(1, person="Mel", content=text)), {})
    manifest, _ = versions.publish(tmp_path, hide_names=True)
    assert "王建国" not in versions.read(tmp_path, manifest).write_json()


def test_pseudonyms_are_stable_and_unused_names():
    first = assign(["Mel", "匿名", None], {})
    assert list(first) == ["Mel"]
    later = assign(["Mel", "小鱼", first["Mel"]], first)
    assert later["Mel"] == first["Mel"]
    assert len(set(later.values())) == 3 and not set(later.values()) & {"Mel", "小鱼"}


def test_a_thousand_persons_have_a_thousand_pseudonyms():
    key = assign([f"客人{number}甲" for number in range(1000)], {})
    assert len(set(key.values())) == 1000


def test_pseudonyms_keep_sentences_intact():
    content = "你好，Mel。愚人正位说明Mel已经走出去半步了。祝Mel顺利。" + "别急，慢慢来，一步一步走。" * 2
    bounds = [(0, 7), (7, 24), (24, 30), (30, len(content))]
    sentences = [{"start": a, "end": b, "labels": ["other"], "cards": [], "confidence": 0.5} for a, b in bounds]
    row = stored_row(
        1,
        content=content,
        question="Mel要不要换组",
        outcome="Mel换了",
        sentences=sentences,
        draws=[{"draw": 1, "spread": "Mel的年运", "spread_id": None}],
        cards=[card(position="Mel"), card("力量", place=2)],
        source=source(file="微信-Mel-0.txt"),
    )
    frame = stored(row).cast(dict(as_stored(STORED)))
    (hidden,) = apply(frame, {"Mel": "小棠花"}).to_dicts()
    assert "Mel" not in str(hidden)
    assert hidden["person"] == "小棠花"
    texts = [hidden["content"][s["start"] : s["end"]] for s in hidden["sentences"]]
    assert texts == [content[a:b].replace("Mel", "小棠花") for a, b in bounds]


@given(st.lists(st.sampled_from(["Mel", "小雅", "，", "你好", "王小雅", "。", "abc", "K"]), max_size=12))
def test_places_move_with_the_text(parts):
    text = "".join(parts)
    replaced, moved = Replacer(KEY).with_moves(text, "王小雅")
    assert moved(0) == 0 and moved(len(text)) == len(replaced)
    places = [moved(place) for place in range(len(text) + 1)]
    assert places == sorted(places)


def test_the_pseudonym_key_is_private(tmp_path):
    assert pseudonyms.read_key(tmp_path) == {}
    pseudonyms.write_key(tmp_path, KEY)
    path = pseudonyms.key_path(tmp_path)
    assert pseudonyms.read_key(tmp_path) == KEY
    assert path.parent.name == "keys" and path.stat().st_mode & 0o077 == 0


def people(tmp_path, *persons, first=1):
    rows = [
        stored_row(
            n,
            person=person,
            content=f"你好，{person}。愚人正位说明你已经走出去半步了，力量正位在后面轻轻拉住缰绳，第{n}次。",
        )
        for n, person in enumerate(persons, first)
    ]
    delta.append(tmp_path, "readings", stored(*rows), {})


def test_a_pseudonymous_version_contains_no_names(tmp_path):
    people(tmp_path, "Mel", "欧阳雪", "匿名")
    manifest, _ = versions.publish(tmp_path, hide_names=True)
    assert manifest["settings"]["pseudonyms"] is True
    key = pseudonyms.read_key(tmp_path)
    examples = versions.read_examples(tmp_path, manifest)
    everything = versions.read(tmp_path, manifest).write_json() + examples.write_json()
    assert "Mel" not in everything and "欧阳雪" not in everything and "匿名" in everything
    prompts = "".join(row[0]["content"] for row in examples["prompt"])
    answers = "".join(row[0]["content"] for row in examples["completion"])
    assert all(f"咨询者：{name}" in prompts and f"你好，{name}。" in answers for name in key.values())


def test_pseudonyms_and_splits_persist(tmp_path):
    people(tmp_path, *(f"客人{n}甲" for n in range(20)))
    first, _ = versions.publish(tmp_path, hide_names=True)
    people(tmp_path, *(f"客人{n}甲" for n in range(15, 30)), first=21)
    second, _ = versions.publish(tmp_path, hide_names=True)
    third, _ = versions.publish(tmp_path)
    where = [dict(versions.read(tmp_path, m).select("reading_id", "split").iter_rows()) for m in (first, second, third)]
    assert where[0].items() <= where[1].items() and where[1] == where[2]
    names = [dict(versions.read(tmp_path, m).select("reading_id", "person").iter_rows()) for m in (first, second)]
    assert names[0].items() <= names[1].items()
    assert versions.publish(tmp_path)[1] is False


def test_forgetting_covers_pseudonymous_versions(tmp_path):
    from flows.forget import forget
    from tarot_data.erasure.disk_search import find_traces

    people(tmp_path, "Mel", "欧阳雪岭", "小鱼")
    manifest, _ = versions.publish(tmp_path, hide_names=True)
    forget(tmp_path, "欧阳雪岭")
    assert set(pseudonyms.read_key(tmp_path)) == {"Mel", "小鱼"}
    assert versions.read(tmp_path, versions.find(tmp_path, manifest["version"])).height == 2
    assert find_traces(tmp_path, ["欧阳雪岭"]) == []
