"""The quality report: its figures, computed by hand on a few small readings, and its page."""

import json
import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.training.gate import gate
from schemas.deck import CARDS, FLAGS, LABELS, REASONS, SPLITS, THEMES
from schemas.messages import catalogue
from schemas.rejections import values_json
from schemas.tables import REJECTIONS, STORED
from tarot_data.report import comparisons, page, statistics, svg_charts
from tarot_data.report.wording import Words, figure_name, share
from tarot_data.store import tables
from tests.builders import card, source, stored, stored_row

REPORT = Path(page.__file__).parent
VERSION = {"version": 2, "hash": "ab12cd34" * 8, "name": "v2", "counts": {"readings": 4, "persons": 2, "synthetic": 0}}
NOTHING = pl.DataFrame(schema=REJECTIONS)


def sentence(start, end, *labels, confidence=0.9):
    return {"start": start, "end": end, "labels": list(labels), "cards": [], "confidence": confidence}


def rejection(number=1, **values):
    row = {
        "rejection_id": f"x{number:016x}",
        "source": source(locator=f"line {number}"),
        "stage": "cards",
        "reason": "unknown_card",
        "code": "unknown_card",
        "values": '{"card":"骑士"}',
        "excerpt": "骑士带来消息。",
        "record": '{"person": "Mel"}',
        "masked": [],
    }
    return row | values


def rejections(*rows):
    return pl.DataFrame(list(rows), schema=REJECTIONS)


def four():
    """Return four readings: three of Mel in January, February and April 2024, one without person and date."""
    return stored(
        stored_row(
            1,
            sentences=[
                sentence(0, 7, "opening"),
                sentence(7, 49, "card_link", "advice"),
                sentence(49, 60, "closing", confidence=0.4),
            ],
            masked=["phone", "phone"],
            flags=["redacted"],
        ),
        stored_row(2, date=date(2024, 2, 1), cards=[card(orientation="reversed"), card("力量", place=2)]),
        stored_row(3, date=date(2024, 4, 30), themes=["事业", "感情"], outcome="换了组", synthetic=True),
        stored_row(4, date=None, person=None, themes=[], flags=["missing_person", "missing_date"], consent="no"),
    )


def measure(readings, refused=NOTHING, *, version=None, previous=None, required=10, **values):
    return statistics.measure(
        readings, refused, version=version, previous=previous, gate=gate(version, required=required), **values
    )


def run(**values):
    """Return a small finished training in the format of tarot_train."""
    asked = {"id": "c1", "person": "Mel", "question": "方向", "spread": None, "cards": "愚人(正位)"}
    return {
        "name": "run-1",
        "manifest": {"base": {"name": "tarot-tiny", "stand_in": True}},
        "log": [
            {"step": 1, "loss": 3.0},
            {"step": 2, "loss": 2.0, "grad_norm": 1.0},
            {"step": 2, "eval_loss": 2.5},
            {"step": 3, "loss": float("nan")},
        ],
        "scores": {
            "stand_in": True,
            "split": "test",
            "held_out": {"examples": 3, "tokens": 900},
            "base": {
                "loss": 3.1,
                "scores": {"advice": 0.2, "overall": 0.3},
                "copied": {"longest": 4},
                "style_distance": 0.4,
            },
            "tuned": {
                "loss": 2.4,
                "scores": {"advice": 0.5, "overall": 0.35},
                "copied": {"longest": 9},
                "style_distance": 0.25,
            },
            "reader": {"scores": {"advice": 0.8, "overall": 0.7}},
            "difference": {
                "loss": {"mean": -0.7, "low": -0.9, "high": -0.5},
                "advice": {"mean": 0.3, "low": 0.1, "high": 0.5},
                "overall": {"mean": 0.05, "low": -0.1, "high": 0.2},
            },
        },
        "generations": [
            {"model": "base", **asked, "content": "牌牌牌"},
            {"model": "tuned", **asked, "content": "Mel，愚人说走吧。"},
        ],
    } | values


def test_totals_count_outcomes_and_consent():
    assert measure(four())["readings"] == {
        "kept": 4,
        "rejected": 0,
        "synthetic": 1,
        "sentences": 9,
        "chars": 4 * 64,
        "files": 1,
        "outcomes": 1,
        "consent": {"unknown": 3, "no": 1},
    }


def test_the_page_says_what_the_gate_says():
    assert "离训练还差 6 条（4/10）。" in page.html(measure(four(), version=VERSION), "zh")


def test_months_without_a_reading_are_there_with_none():
    intake = measure(four())["intake"]
    assert intake["buckets"] == [
        {"from": "2024-01", "readings": 1},
        {"from": "2024-02", "readings": 1},
        {"from": "2024-03", "readings": 0},
        {"from": "2024-04", "readings": 1},
    ]
    assert (intake["undated"], intake["earlier"]) == (1, 0)
    assert (intake["first"], intake["last"]) == ("2024-01-05", "2024-04-30")


def test_a_stray_old_date_keeps_the_months():
    rows = [stored_row(0, date=date(1999, 1, 1))]
    rows += [stored_row(n, date=date(2024, 1 + n % 3, 1)) for n in range(1, 41)]
    intake = measure(stored(*rows))["intake"]
    assert intake["unit"] == "month"
    assert intake["earlier"] == 1
    assert [bucket["from"] for bucket in intake["buckets"]] == ["2024-01", "2024-02", "2024-03"]


def test_never_drawn_cards_are_named():
    cards = measure(four())["cards"]
    assert cards["counts"][0] == {"card": "愚人", "upright": 3, "reversed": 1, "unknown": 0}
    assert cards["covered"] == 2
    assert len(cards["never"]) == 76
    assert "魔术师" in cards["never"]
    assert cards["reversed_share"] == 0.125
    assert cards["one_side"] == 1
    assert (cards["most"], cards["most_count"], cards["a_reading"]) == ("愚人", 4, 2.0)


def test_spreads_count_by_their_lexicon_name():
    rows = stored(
        stored_row(1, draws=[{"draw": 1, "spread": "两张牌阵！", "spread_id": "two_card"}]),
        stored_row(2, draws=[{"draw": 1, "spread": "二牌", "spread_id": "two_card"}]),
        stored_row(3, draws=[{"draw": 1, "spread": "我的阵", "spread_id": None}]),
        stored_row(4, draws=[{"draw": 1, "spread": None, "spread_id": None}]),
    )
    spreads = measure(rows)["spreads"]
    assert spreads["top"] == [
        {"spread_id": "two_card", "spread": "两张牌", "draws": 2},
        {"spread_id": None, "spread": "我的阵", "draws": 1},
    ]
    assert (spreads["draws"], spreads["unnamed"]) == (4, 1)


def test_persons_are_ranked_without_the_unnamed():
    found = measure(four())["persons"]
    assert found["top"] == [{"person": "Mel", "readings": 3, "share": 0.75}]
    assert (found["persons"], found["once"], found["unnamed"]) == (1, 0, 1)


def test_lengths_are_in_characters_and_tokens():
    rows = [stored_row(n, content="牌" * chars) for n, chars in enumerate((100, 200, 2500, 2845), 1)]
    lengths = measure(stored(*rows))["lengths"]
    assert lengths["budget_chars"] == 2844  # 2048 / 0.72
    assert lengths["over"] == 1
    assert lengths["over_ids"] == [f"r{4:016x}"]
    assert lengths["near"] == 1  # 2500 characters fit at 0.72 tokens a character, not at 0.9
    assert lengths["chars"]["max"] == 2845
    assert lengths["tokens"]["max"] == 2048  # 2845 * 0.72 = 2048.4
    assert sum(row["readings"] for row in lengths["bins"]) == 4


def test_label_shares_use_the_first_label():
    labels = measure(four())["labels"]
    by_label = {row["label"]: row for row in labels["labels"]}
    assert by_label["card_link"] == {"label": "card_link", "sentences": 4, "share": 0.4444, "second": 0}
    assert by_label["advice"] == {"label": "advice", "sentences": 0, "share": 0.0, "second": 1}
    lack = {row["label"]: (row["readings"], row["ids"]) for row in labels["without"]}
    assert lack["advice"] == (3, [f"r{n:016x}" for n in (2, 3, 4)])
    assert lack["card_link"] == (0, [])
    assert lack["closing"][0] == 3
    assert (labels["unsure"], labels["unsure_share"]) == (1, 0.1111)


def test_masked_details_are_counted_by_kind():
    found = measure(four(), rejections(rejection(masked=["wechat", "phone"])))["masked"]
    assert found["kinds"] == [
        {"kind": "phone", "kept": 2, "rejected": 1},
        {"kind": "wechat", "kept": 0, "rejected": 1},
    ]
    assert (found["readings"], found["total"]) == (1, 4)


def test_flags_themes_and_duplicates_are_counted():
    refused = rejections(rejection(1, reason="duplicate"), rejection(2, reason="near_duplicate"), rejection(3))
    out = measure(four(), refused)
    assert out["flags"]["clean"] == 2
    assert {"flag": "redacted", "readings": 1} in out["flags"]["flags"]
    assert {"theme": "事业", "readings": 3} in out["themes"]["themes"]
    assert out["themes"]["none"] == 1
    assert out["duplicates"] == {"duplicate": 1, "near_duplicate": 1, "twins": 0}


def test_rejections_are_grouped_by_reason():
    refused = rejections(
        *[rejection(n, reason="too_short", code="too_short", values='{"count":"7","least":"40"}') for n in range(5)],
        rejection(9, reason="unreadable", record=None, excerpt=None, source=source("a.zip", "file", "b/c.md")),
    )
    found = measure(four(), refused)["rejected"]
    assert (found["total"], found["files"]) == (6, 1)
    short, unreadable = found["reasons"]
    assert (short["reason"], short["count"], len(short["examples"]), short["more"]) == ("too_short", 5, 3, 2)
    assert unreadable["examples"][0]["place"] == "a.zip › b/c.md"


def test_the_easiest_fixes_come_first():
    refused = rejections(
        rejection(1, reason="no_cards"),
        rejection(2),
        rejection(3),
        rejection(4, values='{"card":"船"}'),
        rejection(5, reason="unreadable", record=None),
        rejection(6, reason="duplicate"),
    )
    found = [(row["reason"], row["rejection_id"][-1], row["alike"]) for row in measure(four(), refused)["next"]["fix"]]
    assert found == [("unknown_card", "2", 2), ("unknown_card", "4", 1), ("no_cards", "1", 1)]


def test_a_person_in_two_splits_is_a_leak():
    rows = pl.DataFrame(
        {
            "reading_id": ["r1", "r2", "r3", "r4"],
            "person": ["Mel", "Mel", "KK", None],
            "split": ["train", "test", "train", "test"],
        }
    )
    found = measure(four(), splits=rows)["splits"]
    assert (found["leaks"], found["leaking"], found["twice"]) == (1, ["Mel"], 0)
    assert found["splits"][0] == {"split": "train", "readings": 2, "persons": 2, "share": 0.5}
    assert measure(four(), splits=rows.filter(pl.col("person") == "KK"))["splits"]["leaks"] == 0


def test_drift_separates_growth():
    before = measure(stored(*[stored_row(n) for n in range(1, 4)]))
    now = measure(four(), previous={"version": 1, "figures": before})["drift"]
    assert now["version"] == 1
    assert now["growth"][0] == {"name": "readings", "old": 3, "new": 4}
    # Advice is in none of three readings, then in one of four.
    assert {"name": "without.advice", "old": 1.0, "new": 0.75, "moved": -0.25} in now["rows"]
    assert abs(now["rows"][0]["moved"]) == max(abs(row["moved"]) for row in now["rows"])
    assert not {"readings", "persons", "sentences", "rejected"} & {row["name"] for row in now["rows"]}


def test_drift_needs_a_version_before_and_its_figures():
    assert measure(four())["drift"] is None
    assert measure(four(), previous={"version": 1})["drift"] == {"version": 1, "rows": None, "growth": None}
    same = measure(four(), previous={"version": 1, "figures": measure(four())})
    assert same["drift"]["rows"] == []


def test_the_sample_is_reproducible_and_complete():
    rows = stored(*[stored_row(n) for n in range(1, 30)])
    first, again = measure(rows, version=VERSION), measure(rows.sample(fraction=1, shuffle=True), version=VERSION)
    assert [row["reading_id"] for row in first["sample"]] == [row["reading_id"] for row in again["sample"]]
    other = measure(rows, version=VERSION | {"hash": "ff" * 32})
    assert [row["reading_id"] for row in first["sample"]] != [row["reading_id"] for row in other["sample"]]
    assert "".join(part["text"] for part in first["sample"][0]["segments"]) == rows["content"][0]


def test_long_samples_say_how_much_is_cut():
    row = stored_row(content="牌" * 5000, sentences=[sentence(0, 10, "opening"), sentence(12, 4900, "advice")])
    found = measure(stored(row))["sample"][0]
    assert sum(len(part["text"]) for part in found["segments"]) == statistics.LONGEST_SAMPLE
    assert found["cut"] == 2000


def test_refused_readings_are_not_quoted():
    assert measure(four().filter(pl.col("consent") == "no"))["sample"] == []


def test_pseudonyms_replace_known_names_everywhere():
    content = "Mel你好。Melissa不是你。愚人正位说明你已经走出去半步了，力量正位轻轻拉住缰绳，桑桑也这么说，祝你顺利。"
    rows = stored(
        stored_row(1, content=content, question="Mel要不要换组", sentences=[sentence(0, 6, "opening")]),
        stored_row(2, content=content),
        stored_row(3, person="桑桑", content=content),
    )
    refused = rejections(
        rejection(record='{"person": "阿哲"}', excerpt="阿哲和桑桑", source=source("微信-桑桑.txt")),
    )
    splits = rows.select("reading_id", "person", split=pl.Series(["train", "test", "test"]))
    out = measure(rows, refused, pseudonyms=True, run=run(), splits=splits)
    text = json.dumps(out, ensure_ascii=False) + page.html(out)
    assert "桑桑" not in text and "阿哲" not in text
    assert not re.search("Mel(?!issa)", text)
    shown = "".join(part["text"] for part in out["sample"][0]["segments"])
    assert shown.startswith("P1你好。Melissa不是你。") and "P2也这么说" in shown
    assert out["persons"]["top"][0]["person"] == "P1"
    assert out["next"]["fix"][0]["place"] == "微信-P2.txt · line 1"
    assert out["next"]["fix"][0]["excerpt"] == "P3和P2"


def test_figures_say_in_words_why_a_record_was_rejected():
    """Names are replaced in the values, not in their JSON text: a person may be called as a value is."""
    refused = rejections(rejection(record='{"person": "card"}', values='{"card":"骑士 card"}'))
    (one,) = measure(four(), refused, pseudonyms=True)["next"]["fix"]
    assert (one["values"], one["detail"]) == ({"card": "骑士 P2"}, "'骑士 P2' is no card of this deck")


def test_pseudonyms_follow_the_ranking():
    rows = stored(
        stored_row(1, person="乙"), stored_row(2, person="甲"), stored_row(3, person="丙"), stored_row(4, person="丙")
    )
    top = measure(rows, pseudonyms=True)["persons"]["top"]
    assert [(row["person"], row["readings"]) for row in top] == [("P1", 2), ("P2", 1), ("P3", 1)]
    assert [row["person"] for row in measure(rows)["persons"]["top"]] == ["丙", "乙", "甲"]


def test_names_stay_without_pseudonyms():
    assert measure(four())["persons"]["top"][0]["person"] == "Mel"


def test_a_training_has_curves_scores_texts():
    found = measure(four(), run=run())["training"]
    assert found["train"] == [[1, 3.0], [2, 2.0]]  # a NaN loss gives no point
    assert found["eval"] == [[2, 2.5]]
    assert found["loss"] == {"base": 3.1, "tuned": 2.4, "difference": {"mean": -0.7, "low": -0.9, "high": -0.5}}
    assert found["scores"][0] == {
        "dimension": "advice",
        "base": 0.2,
        "tuned": 0.5,
        "reader": 0.8,
        "difference": {"mean": 0.3, "low": 0.1, "high": 0.5},
    }
    assert found["generations"][0]["tuned"] == "Mel，愚人说走吧。"
    assert found["generations"][0]["reader"] is None
    text = page.html(measure(four(), run=run()), "en")
    assert "The longest passage it copied from the training text has 9 characters." in text
    assert "Distance to your style (0 is the same, 1 nothing alike): base 0.40, tuned 0.25." in text


def test_losses_have_a_table():
    text = page.html(measure(four(), run=run()), "en")
    cells = re.findall(r"<td[^>]*>([^<]+)</td>", text.partition("Held-out loss")[2])[:4]
    assert cells[1:] == ["3.100", "2.400", "-0.900 … -0.500"]


def test_bars_are_as_wide_as_their_values():
    from tarot_data.report import sections

    labels = str(sections.labels(Words("zh"), measure(four()))["chart"])
    assert max(map(float, re.findall(r'width="([\d.]+)%" height="8"', labels.replace('width="100%"', "")))) < 100
    moved = {"name": "unsure_share", "old": 0.037, "new": 0.036, "moved": -0.001}
    chart = str(sections.drift(Words("zh"), {"drift": {"version": 1, "rows": [moved], "growth": []}})["chart"])
    assert 'width="1.00%"' in chart


def test_blind_votes_appear_with_the_texts():
    votes = {"base": 1, "tuned": 3, "neither": 1, "open": 2}
    assert "您选了 5 组：微调后 3，基座 1，分不出 1。" in page.html(measure(four(), run=run(votes=votes)))
    nothing = dict.fromkeys(votes, 0) | {"open": 7}
    assert "不看是谁写的" not in page.html(measure(four(), run=run(votes=nothing)))


def test_a_thinned_log_keeps_its_end():
    found = measure(four(), run=run(log=[{"step": n, "loss": 1 / n} for n in range(1, 2001)]))["training"]
    assert len(found["train"]) <= comparisons.POINTS + 1
    assert found["train"][-1][0] == 2000


def test_an_unevaluated_run_has_a_report():
    out = measure(four(), run={"name": "run-2", "manifest": {}, "log": [], "scores": None, "generations": []})
    assert "run-2" in page.html(out)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_empty_store_has_a_report(lang):
    out = measure(stored(), splits=None)
    json.dumps(out, allow_nan=False)
    text = page.html(out, lang)
    assert "tarot run" in text
    assert text.count("<section") == 1 and "nan" not in text.lower()


def test_a_report_of_rejections_only():
    text = page.html(measure(stored(), rejections(rejection(7))), "en")
    assert f"tarot fix x{7:016x}" in text and 'id="rejected"' in text and 'id="cards"' not in text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_single_reading_has_a_report(lang):
    text = page.html(measure(stored(stored_row()), rejections(rejection()), version=VERSION), lang)
    assert "愚人正位说明你已经走出去半步了" in text
    assert {"zh": "还差", "en": "more readings to the training gate"}[lang] in text


def test_figures_are_plain_json():
    out = measure(four(), rejections(rejection()), version=VERSION, history=[VERSION, VERSION], run=run())
    assert json.loads(json.dumps(out, allow_nan=False)) == out


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_text_of_readings_is_shown_not_run(lang):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}{n}"
    content = evil + "愚人正位说明你已经走出去半步了，力量正位在后面轻轻拉住缰绳。"
    row = stored_row(
        content=content,
        person=evil[:60],
        question=evil,
        draws=[{"draw": 1, "spread": evil, "spread_id": None}],
        cards=[card(position=evil)],
        masked=[evil],
        labeller=evil,
        style=stored_row()["style"] | {"address": evil, "markers": [evil]},
        sentences=[sentence(0, len(evil), "opening"), sentence(len(evil), len(content), "card_link")],
    )
    refused = rejections(
        rejection(
            code="legacy", values=values_json({"text": evil}), excerpt=evil, source=source(file=evil, locator=evil)
        )
    )
    texts = [{"model": m, "id": evil, "person": evil, "question": evil, "spread": evil, "cards": evil, "content": evil}
             for m in ("base", "tuned", "reader")]  # fmt: skip
    out = measure(stored(row), refused, version=VERSION | {"hash": evil}, run=run(name=evil, generations=texts))
    text = page.html(out, lang)
    assert "<script" not in text and "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7*7 }}" in text and "{n}" in text
    for tag in re.findall(r"<[a-z][^>]*>", text):
        assert " onerror" not in re.sub(r'"[^"]*"', "", tag)


def full(lang="zh"):
    before = measure(stored(stored_row(1)))
    splits = four().select("reading_id", "person", split=pl.lit("train"))
    out = measure(
        four(),
        rejections(*[rejection(n, reason=reason) for n, reason in enumerate(REASONS)]),
        version=VERSION,
        previous=VERSION | {"version": 1, "figures": before},
        history=[VERSION, VERSION],
        run=run(),
        splits=splits,
    )
    return page.html(out, lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_loads_nothing(lang):
    text = full(lang)
    assert "<script" not in text and "<link" not in text and "@import" not in text
    assert not re.search(r"(src|href)=\"(?!#)", text)
    assert "://" not in text and "url(" not in text
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in text
    assert not re.search(r"\son[a-z]+=", text)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_chart_has_title_and_table(lang):
    text = full(lang)
    drawn = re.findall(r"<svg class=\"(?:bars|columns|lines|ranges|matrix|progress)\"[^>]*>", text)
    assert len(drawn) >= 18
    assert all(re.search(r'role="img" aria-label="[^"]+"', tag) for tag in drawn)
    assert text.count("<table>") >= 16
    assert {"zh": '<html lang="zh-CN">', "en": '<html lang="en">'}[lang] in text


def test_every_anchor_exists():
    text = full()
    assert set(re.findall(r'href="#(\w+)"', text)) <= set(re.findall(r'id="(\w+)"', text))


def test_the_page_is_in_chinese_or_english():
    chinese, english = full("zh"), full("en")
    assert "塔罗解读质量报告" in chinese and "Quality of the readings" not in chinese
    assert "Quality of the readings" in english and "质量报告" not in english
    assert "High Priestess" in english and "女祭司" in chinese
    assert "“骑士”不在这副牌里" in chinese
    assert "&#39;骑士&#39; is no card of this deck" in english


def test_stand_ins_and_made_up_readings_are_named():
    text = full("en")
    assert "1 reading is made up by tarot sample, of 4" in text
    assert text.count("The base is tarot-tiny, the small stand-in of the package.") == 2
    plain = page.html(measure(stored(stored_row())), "en")
    assert "made up by tarot sample" not in plain and "stand-in" not in plain


def test_fixable_rejections_show_their_command():
    text = page.html(measure(four(), rejections(rejection(7))))
    assert f"tarot fix x{7:016x}" in text
    assert "tarot rejected --reason unknown_card" in text


def test_the_report_is_written_atomically(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    assert page.write(measure(four()), path, "en") == path
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(KeyError):
        page.write({}, path, "fr")
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_a_large_store_makes_a_small_page(tmp_path):
    long = "牌" * 2990 + "。" * 50
    rows = pl.concat(
        [
            stored(
                stored_row(n, person=f"人{n}", content=long, draws=[{"draw": 1, "spread": f"阵{n}", "spread_id": None}])
            )
            for n in range(400)
        ]
    )
    refused = rejections(*[rejection(n, excerpt="字" * 60, values=f'{{"card":"{n}"}}') for n in range(2000)])
    many = [line | {"id": f"c{n}", "content": long * 3} for n in range(200) for line in run()["generations"]]
    out = measure(rows, refused, run=run(generations=many), history=[VERSION] * 500)
    path = page.write(out, tmp_path / "report.html")
    assert path.stat().st_size < 400_000


def test_a_number_brings_the_noun_that_fits_it():
    words = Words("en")
    assert words("themes_none", n=1) == "1 reading has none."
    assert words("themes_none", n=1200) == "1,200 readings have none."


def test_small_shares_are_not_rounded_away():
    assert [share(value) for value in (0, 0.001, 0.25, 0.999, 1, None)] == [
        "0%",
        "<1%",
        "25%",
        "99%",
        "100%",
        "–",
    ]


def test_the_heat_map_has_five_steps():
    assert [svg_charts.level(count, 10) for count in (0, 1, 2, 3, 10)] == [0, 1, 1, 2, 5]
    assert [svg_charts.short(count) for count in (7, 999, 1234, 56_789)] == ["7", "999", "1.2k", "56k"]


def keys(table):
    return {name: languages for name, languages in catalogue().items() if name.startswith(f"{table}.")}


def test_both_languages_have_the_same_values():
    for name, languages in keys("report").items():
        assert set(languages) == {"zh", "en"}, name
        values = [set(re.findall(r"{(\w+)", languages[lang])) for lang in ("zh", "en")]
        assert values[0] == values[1], name


def test_every_closed_list_code_has_words():
    wanted = [f"report.flag_{flag}" for flag in FLAGS] + [f"report.fix_{reason}" for reason in REASONS]
    wanted += [f"report.theme_{theme}" for theme in THEMES] + [f"report.split_{split}" for split in SPLITS]
    wanted += [f"label.{label}" for label in LABELS] + [f"reason.{reason}" for reason in REASONS]
    assert [key for key in wanted if key not in catalogue()] == []
    words = Words("en")
    assert all(figure_name(words, name) for name in measure(four())["key"])
    assert len({words.card(name) for name in CARDS}) == 78


def test_every_report_sentence_is_used():
    used = "".join(
        (REPORT / name).read_text(encoding="utf-8") for name in ("sections.py", "tables.py", "wording.py", "page.html")
    )
    made = (
        "flag_",
        "fix_",
        "kind_",
        "theme_",
        "figure_",
        "rate_",
        "marker_",
        "address_",
        "script_",
        "split_",
        "style_",
    )
    made += ("p10", "upright_short", "reversed_short")
    names = [key.removeprefix("report.") for key in keys("report")]
    assert [name for name in names if f'"{name}"' not in used and not name.startswith(made)] == []


def test_measuring_takes_readings_with_closed_lists_as_strings():
    from schemas.tables import stored as plain

    assert measure(four().cast(dict(plain(STORED))))["cards"]["covered"] == 2


def test_columns_not_understood_are_listed_by_file():
    entry = {"name": "a.csv", "columns": ["旧事"], "sequence": 0}
    files = pl.DataFrame([entry, entry | {"name": "b.csv", "columns": []}], schema=tables.FILES)
    assert statistics.not_understood(files) == [{"file": "a.csv", "columns": ["旧事"]}]
