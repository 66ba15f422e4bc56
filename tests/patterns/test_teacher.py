"""A language model as teacher of labels, tested with a local HTTP server that answers like a real endpoint."""

import json
import re

import pytest
from click.testing import CliRunner

from flows import cli
from schemas.errors import Problem
from tarot_data.patterns import teacher as teaching
from tarot_data.store import corrections, delta, tables, teacher
from tests import builders
from tests.endpoint import Handler, endpoint, serving

ABOUT = {"url": "http://localhost/v1", "model": "big", "host": "localhost"}
OTHER = [{"labels": ["opening"], "cards": []}, {"labels": ["advice"], "cards": []}]


def answered(*sentences):
    return json.dumps({"sentences": [{"n": n, **one} for n, one in enumerate(sentences, 1)]}, ensure_ascii=False)


@pytest.fixture
def data(tmp_path):
    """Store three readings; the third is the least certain, the fourth has no consent."""
    rows = [builders.stored_row(number) for number in (1, 2, 3)]
    rows[2]["sentences"][0]["confidence"] = 0.2
    rows.append(builders.stored_row(4, consent="no"))
    with tables.writing(tmp_path / "data"):
        delta.append(tmp_path / "data", "readings", builders.stored(*rows), {"run": "test"})
    return tmp_path / "data"


@pytest.fixture
def teacher_server():
    with endpoint() as found:
        yield found


def tarot(data, *arguments, lang="en"):
    return CliRunner().invoke(cli.build(lang), ["relabel", "--data-dir", str(data), *arguments])


def test_a_prompt_has_cards_and_numbered_sentences():
    row = builders.stored_row(question="手机〈phone〉能打吗\n<sentences>")
    text = teaching.prompt(row)
    assert "问题：手机〈phone〉能打吗 <sentences>\n" in text and "抽到的牌：愚人(正位)、力量(正位)\n" in text
    assert text.endswith("句子：\n1. 你好，Mel。\n2. " + builders.CONTENT[7:49]) and "<cards>" not in text


def test_thinking_around_an_answer_is_allowed():
    text = "<think>{嗯}</think>\n```json\n" + answered(*OTHER) + "\n```"
    assert teaching.parse(text, builders.stored_row()) == OTHER


@pytest.mark.parametrize(
    "sentences",
    [
        OTHER[:1],
        [*OTHER, OTHER[0]],
        [OTHER[0], {"labels": [], "cards": []}],
        [OTHER[0], {"labels": ["advise"], "cards": []}],
        [OTHER[0], {"labels": ["advice", "advice"], "cards": []}],
        [OTHER[0], {"labels": ["advice", "other"], "cards": []}],
        [OTHER[0], {"labels": ["card_interpretation"], "cards": ["高塔"]}],
        [OTHER[0], {"labels": ["card_interpretation"], "cards": [["愚人"]]}],
        [OTHER[0], {"labels": "advice", "cards": []}],
        [{"n": 2, **OTHER[0]}, OTHER[1]],
    ],
)
def test_an_answer_that_breaks_the_form_is_unusable(sentences):
    with pytest.raises(ValueError, match="."):
        teaching.parse(answered(*sentences), builders.stored_row())


def test_an_answer_without_json_is_unusable():
    for text in ("好的", "{}", '{"sentences": 3}', "{" * 5000):
        with pytest.raises(ValueError, match="."):
            teaching.parse(text, builders.stored_row())


def test_least_certain_readings_are_asked_for_first(data):
    asked = []
    found = teaching.teach(data, lambda text: asked.append(text) or answered(*OTHER), ABOUT, 2)
    assert found == {"asked": 2, "unusable": 0, "disagreements": 2, "left": 1}
    assert list(teacher.read(data)) == ["r0000000000000003", "r0000000000000001"]
    assert teaching.teach(data, lambda text: answered(*OTHER), ABOUT, 9)["asked"] == 1
    assert set(teacher.read(data)) == {f"r000000000000000{n}" for n in (1, 2, 3)}


def test_a_stopped_run_goes_on_where_it_was(data):
    answers = iter([answered(*OTHER)])

    def ask(text):
        for answer in answers:
            return answer
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teaching.teach(data, ask, ABOUT, 9)
    assert len(teacher.read(data)) == 1
    with teacher.path_of(data).open("a", encoding="utf-8") as file:
        file.write('{"reading_id": "r0000')
    assert teaching.teach(data, lambda text: answered(*OTHER), ABOUT, 9)["asked"] == 2
    assert len(teacher.read(data)) == 3


def test_an_edited_reading_is_asked_for_again(data):
    teaching.teach(data, lambda text: answered(*OTHER), ABOUT, 9)
    edited = builders.stored_row(2, revision=2, content=builders.CONTENT.replace("缰绳", "绳子"))
    with tables.writing(data):
        delta.append(data, "readings", builders.stored(edited), {"run": "test"})
    assert teaching.teach(data, lambda text: answered(*OTHER), ABOUT, 9)["asked"] == 1


def test_unusable_answers_in_a_row_stop_the_run(data):
    answers = ["好的", "好的", answered(*OTHER)]
    assert teaching.teach(data, lambda text: answers.pop(0), ABOUT, 3)["unusable"] == 2
    with tables.writing(data):
        delta.append(data, "readings", builders.stored(builders.stored_row(5)), {"run": "test"})
    with pytest.raises(Problem, match="big"):
        teaching.teach(data, lambda text: "好的", ABOUT, 9)


def test_labels_of_a_teacher_change_nothing(data):
    before = tables.readings(data)
    teaching.teach(data, lambda text: answered(*OTHER), ABOUT, 9)
    assert tables.readings(data).equals(before) and corrections.read(data).is_empty()
    text = teacher.path_of(data).read_text(encoding="utf-8")
    assert "Mel" not in text and "缰绳" not in text


def test_forgotten_readings_leave_the_teacher_file(data):
    teaching.teach(data, lambda text: answered(*OTHER), ABOUT, 9)
    with tables.writing(data):
        assert teacher.forget(data, ["r0000000000000002"]) == 1
    assert "r0000000000000002" not in teacher.read(data)


@pytest.mark.parametrize(("lang", "said"), [("en", "labelled 1 reading and disagrees about"), ("zh", "标了 1 条解读")])
def test_the_command_says_where_the_text_goes(data, teacher_server, monkeypatch, lang, said):
    url, asked, answers = teacher_server
    monkeypatch.setenv("TAROT_TEACHER_KEY", "secret")
    tarot(data)
    sentences = tables.reading(data, "r0000000000000001")["sentences"]
    answers.append(answered(*({"labels": ["other"], "cards": []} for _ in sentences)))
    result = tarot(data, "--teacher", url, "--teacher-readings", "1", lang=lang)
    assert result.exit_code == 0 and "127.0.0.1" in result.output and said in result.output
    _, authorization, body = asked[0]
    assert (authorization, body["model"], body["temperature"]) == ("Bearer secret", "first-model", 0)
    assert "1. 你好" in body["messages"][0]["content"] and len(asked) == 1


def test_without_the_option_nothing_is_sent(data, teacher_server):
    assert tarot(data).exit_code == 0 and teacher_server[1] == [] and not teacher.path_of(data).exists()


def test_the_command_reports_and_continues(data, teacher_server):
    url, _, answers = teacher_server
    tarot(data)
    row = tables.reading(data, "r0000000000000001")
    good = answered(*({"labels": ["other"], "cards": []} for _ in row["sentences"]))
    answers.append(good)
    broken = tarot(data, "--teacher", url)
    assert broken.exception.code == "teacher_away" and len(teacher.read(data)) == 1
    answers.extend([good, good])
    found = json.loads(re.search(r"^\{.*\}$", tarot(data, "--teacher", url, "--json").output, re.M).group())
    assert found["teacher"]["asked"] == 2 and found["teacher"]["left"] == 0
    assert found["teacher"]["host"] == "127.0.0.1" and found["relabelled"] == 0


def test_a_redirect_is_not_followed(data):
    class Elsewhere(Handler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/v1/models")
            self.end_headers()

    with serving(Elsewhere) as url:
        result = tarot(data, "--teacher", url)
    assert result.exception.code == "teacher_away"


def test_only_web_addresses_are_endpoints(data):
    result = tarot(data, "--teacher", "file:///etc")
    assert result.exception.code == "teacher_away"
