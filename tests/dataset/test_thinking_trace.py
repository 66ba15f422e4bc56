"""Thinking traces: every sentence is true of its reading, none is invented, many forms, the same on every machine."""

import copy
import re
from string import Formatter

import polars as pl
import pytest

from tarot_data.dataset import thinking_trace, thinking_trace_check, versions
from tarot_data.dataset.examples import Budget, to_examples
from tarot_data.patterns import annotate
from tarot_data.store import delta
from tests.builders import stored, stored_row
from tests.dataset.test_chunking import TOKENIZER, annotated_rows


@pytest.fixture(scope="module")
def rows():
    """Return every annotated reading, once with people's labels and once with predicted labels."""
    by_people = stored(*annotated_rows())
    sentences, notes = annotate.annotate(by_people)
    from tarot_data.ingest.batches import to_stored

    plain = by_people.drop("sentences", "themes", "style", "labeller")
    by_program = to_stored(plain, sentences, notes)
    both = pl.concat(
        [
            by_people.with_columns(example_id="reading_id"),
            by_program.with_columns(example_id=pl.format("{}p", "reading_id")),
        ]
    )
    return thinking_trace.described(both)


@pytest.fixture(scope="module")
def traces(rows):
    return [thinking_trace.trace(row) for row in rows]


def test_every_trace_is_true_of_its_reading(rows, traces):
    found = {row["example_id"]: thinking_trace_check.untrue(t, row) for row, t in zip(rows, traces, strict=True)}
    assert {key: findings for key, findings in found.items() if findings} == {}
    assert len(rows) == 352


def caught(rows, traces, change, concerned=lambda row: True):
    """Return the share of the concerned readings whose trace is refuted after the reading was changed."""
    found = []
    for row, text in zip(rows, traces, strict=True):
        if concerned(row):
            other = copy.deepcopy(row)
            change(other)
            found.append(bool(thinking_trace_check.untrue(text, other)))
    assert len(found) > 50
    return sum(found) / len(found)


def turn(row):
    row["cards"][0]["orientation"] = {"upright": "reversed", "reversed": "upright", "unknown": "upright"}[
        row["cards"][0]["orientation"]
    ]


def without(label):
    def change(row):
        for sentence in row["sentences"]:
            sentence["labels"] = [name for name in sentence["labels"] if name != label] or ["other"]

    return change


def has(label):
    return lambda row: any(label in sentence["labels"] for sentence in row["sentences"])


def test_a_trace_does_not_fit_another_reading(rows, traces):
    assert caught(rows, traces, turn) == 1
    assert caught(rows, traces, lambda row: row["cards"].pop()) == 1
    assert caught(rows, traces, lambda row: row.update(question="别的问题")) == 1
    assert caught(rows, traces, lambda row: row.update(person="别人"), lambda row: row["person"]) == 1
    assert caught(rows, traces, without("advice"), has("advice")) == 1
    pairs = lambda row: has("card_link")(row) and "连" in "".join(traces[rows.index(row)])  # noqa: E731
    assert caught(rows, traces, without("card_link"), pairs) > 0.9


@pytest.mark.parametrize(
    "invented",
    ["大牌九十九张：愚人。", "力量主勇气。", "三月会有转机。", "从世界说到愚人，顺着牌序，讲因果。", "没有逆位"],
)
def test_an_invented_sentence_is_found(rows, traces, invented):
    assert thinking_trace_check.untrue(traces[0] + "\n" + invented, rows[0]) == [invented]


def test_traces_have_many_forms(rows, traces):
    layouts = {("\n" in text, text.startswith("- ")) for text in traces}
    assert layouts == {(True, False), (False, False), (True, True)}
    heads = {re.split(r"[「」，：。]", text.removeprefix("- "))[0] for text in traces}
    used = {
        way for text in traces for ways in thinking_trace.phrases()["say"].values() for way in ways if fits(way, text)
    }
    every = {way for ways in thinking_trace.phrases()["say"].values() for way in ways}
    assert len(heads) > 40 and len(used) > 0.8 * len(every)
    assert len(set(traces)) == len({row["example_id"] for row in rows})


def fits(way, text):
    pattern = "".join(re.escape(words) + ("[^\n]+?" if slot else "") for words, slot, _, _ in Formatter().parse(way))
    return re.search(pattern, text) is not None


def test_a_trace_depends_on_its_reading_alone():
    frame = stored(*list(annotated_rows())[:12]).with_columns(example_id="reading_id")
    order = [7, 0, 11, 3, 5, 1, 2, 4, 6, 8, 9, 10]
    one, other = thinking_trace.traces(frame), thinking_trace.traces(frame[order])
    assert [one[place] for place in order] == other


def test_every_kind_of_sentence_has_a_check():
    say = thinking_trace.phrases()["say"]
    assert set(say) == set(thinking_trace_check.TRUE)
    for kind, ways in say.items():
        slots = [{name for _, name, _, _ in Formatter().parse(way) if name} for way in ways]
        assert all(found == slots[0] for found in slots), kind
        assert all(way.endswith(("。", "？")) for way in ways), kind


def test_link_direction_follows_the_order_of_drawing():
    text = "力量在后面拉住前面的愚人，一松一紧。"
    sentences = [{"start": 0, "end": len(text), "labels": ["card_link"], "cards": ["愚人", "力量"], "confidence": 1.0}]
    frame = stored(stored_row(1, content=text + "力" * 40, sentences=sentences)).with_columns(example_id="reading_id")
    (row,) = thinking_trace.described(frame)
    ((kind, values),) = thinking_trace._links(row)
    assert kind == "link_backward" and (values["first"], values["second"]) == ("力量", "愚人")


def test_traces_make_another_version(tmp_path):
    delta.append(tmp_path, "readings", stored(*list(annotated_rows())[:40]), {})
    plain, _ = versions.publish(tmp_path)
    thinking, new = versions.publish(tmp_path, Budget(reasoning=True, max_tokens=700))
    assert (
        new and thinking["settings"]["reasoning"] == thinking_trace.version() and plain["settings"]["reasoning"] is None
    )
    examples = versions.read_examples(tmp_path, thinking)
    replies = examples["completion"].list.last().struct
    assert replies.field("reasoning_content").null_count() == 0
    assert (
        versions.read_examples(tmp_path, plain)["completion"]
        .list.last()
        .struct.field("reasoning_content")
        .is_null()
        .all()
    )


def test_trained_traces_begin_as_served(rows):
    if not TOKENIZER.exists():
        pytest.skip("the Qwen2 tokenizer is not beside this checkout")
    from tarot_train import base_model
    from tarot_train import training_rows as training

    frame = stored(*list(annotated_rows())[:30]).with_columns(split=pl.lit("train"))
    examples = to_examples(frame, Budget(reasoning=True)).to_dicts()
    tokenizer = base_model.load_tokenizer(TOKENIZER.parent, "chatml")
    counted = training.to_rows(examples, tokenizer, 2048)
    assert len(counted.rows) == 30 and all(row["chat_template_kwargs"]["enable_thinking"] for row in counted.rows)
    prompt, whole = training.render(tokenizer, counted.rows[0])
    learnt = tokenizer.decode(whole[len(prompt) :])
    trace = examples[0]["completion"][0]["reasoning_content"]
    assert learnt.startswith(f"{trace}\n</think>\n\n{examples[0]['completion'][0]['content'][:20]}")
