"""Figures as one HTML file: no script, nothing fetched, every word from the message catalogue.

The template lays out; the functions here choose the sentence that reads each chart and hand figures to `charts`.
Text of readings reaches the page only through autoescape or `Markup.format`, so that markup in it is shown, not run.
"""

import os
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

import jinja2
from markupsafe import Markup

from schemas.deck import LABELS, RANKS, SUITS, is_major
from schemas.gate import explain
from schemas.messages import catalogue, say
from tarot_data import lexicon
from tarot_data.report import charts
from tarot_data.report.figures import RATES, is_share

HEAVY_SHARE = 0.3
"""From this share of all readings on, one person is said to outweigh the others. No paper: a third of what a model
reads would be spoken to one person."""


def write(figures: dict, path: Path, lang: str = "zh") -> Path:
    """Write the page whole or not at all; returns its path. figures: of `figures.measure`."""
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    try:
        # A private report is for its owner to read.
        half.touch(mode=0o600)
        half.write_text(html(figures, lang), encoding="utf-8")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def html(figures: dict, lang: str = "zh") -> str:
    """The page as text."""
    words = Words(lang)
    return _template().render(
        f=figures,
        lang={"zh": "zh-CN", "en": "en"}[lang],
        css=Markup(_css()),
        t=words,
        shared=partial(say, lang=lang),
        share=share,
        fixed=fixed,
        card=words.card,
        detail=words.detail,
        heavy=HEAVY_SHARE,
        all_labels=LABELS,
        **{draw.__name__: partial(draw, words) for draw in (*DRAWINGS, *ROWS, *LINES)},
    )


class Words:
    """The catalogue's `[report]` in one language: `words("title")`. Whole numbers among the values may be written
    `{n:reading|readings}`."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, key: str, **values: object) -> str:
        counted = {
            name: Count(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in values.items()
        }
        return say(f"report.{key}", self.lang, **counted)

    def known(self, prefix: str, code: str) -> str:
        """The word for a code of an open list, or the code itself where the catalogue has none."""
        key = f"{prefix}_{code}"
        return self(key) if f"report.{key}" in catalogue() else code

    def label(self, label: str) -> str:
        return say(f"label.{label}", self.lang)

    def dimension(self, dimension: str) -> str:
        return say(f"dimension.{dimension}", self.lang)

    def reason(self, reason: str) -> str:
        return say(f"reason.{reason}", self.lang)

    def card(self, card: str) -> str:
        return card if self.lang == "zh" else _english_cards().get(card, card)

    def detail(self, detail: str) -> str:
        """What a rejection says of itself, in the reader's language where the catalogue knows the sentence."""
        for key, pattern in _details():
            if found := pattern.fullmatch(detail):
                sides = {side: self(side) for side in ("upright", "reversed")}
                values = {name: sides.get(value, value) for name, value in found.groupdict().items()}
                return say(key, self.lang, **values)
        return detail

    def spread(self, row: dict) -> str:
        """A spread of the lexicon by its id in English, which has no English column; any other as written."""
        if self.lang == "zh" or not row["spread_id"]:
            return row["spread"]
        return row["spread_id"].replace("_", " ").capitalize()

    def listed(self, items: Iterable[str]) -> str:
        return self("comma").join(items)

    def join(self, sentences: Iterable[str | None]) -> str:
        """Sentences one after the other; Chinese needs no space between."""
        return ("" if self.lang == "zh" else " ").join(sentence for sentence in sentences if sentence)


class Count(int):
    """A whole number that brings its noun: `format(Count(2), "reading|readings")` is `2 readings`."""

    def __format__(self, spec: str) -> str:
        if "|" in spec:
            one, many = spec.split("|")
            return f"{int(self):,} {one if self == 1 else many}"
        return format(int(self), spec or ",")


def share(value: float | None) -> str:
    """A share in per cent, in which what is little is not nothing."""
    if value is None:
        return "–"
    if 0 < value < 0.005:
        return "<1%"
    return f"{min(99, round(100 * value)) if value < 1 else 100}%"


def fixed(value: float | None, places: int = 2) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def figure_name(words: Words, name: str) -> str:
    """What a key figure is called: `label.advice` by its label, `theme.感情` by its theme."""
    kind, _, what = name.partition(".")
    if not what:
        return words(f"rate_{kind}" if kind in RATES else f"figure_{kind}")
    return words(f"figure_{kind}", what=words(f"theme_{what}") if kind == "theme" else words.label(what))


def figure_value(name: str, value: float) -> str:
    if is_share(name):
        return f"{100 * value:.1f}%"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def gate(words: Words, figures: dict) -> dict:
    """{read, chart}: a sentence and its picture, as for every function below."""
    data = figures["gate"]
    values = {key: data[key] for key in ("validated", "required", "missing")}
    return {
        "read": words.join(explain(data, words.lang)),
        "chart": charts.progress(words("gate_chart", **values), data["validated"], data["required"]),
    }


def intake(words: Words, figures: dict) -> dict:
    data = figures["intake"]
    if not data["buckets"]:
        return {"read": words("intake_none"), "chart": ""}
    peak = max(data["buckets"], key=lambda bucket: bucket["readings"])
    read = words.join(
        [
            words("intake_read", peak=peak["from"], n=peak["readings"]),
            words("intake_earlier", n=data["earlier"]) if data["earlier"] else None,
            words("intake_undated", n=data["undated"]) if data["undated"] else None,
        ]
    )
    rows = [(bucket["from"], bucket["from"], bucket["readings"]) for bucket in data["buckets"]]
    return {"read": read, "chart": charts.columns(words("intake_chart"), rows)}


def rejected(words: Words, figures: dict) -> dict:
    data = figures["rejected"]
    if not data["total"]:
        return {"read": words("rejected_none"), "chart": ""}
    first = data["reasons"][0]
    read = words.join(
        [
            words(
                "rejected_read",
                n=data["total"],
                share=share(data["total"] / (data["total"] + figures["readings"]["kept"])),
                reason=words.reason(first["reason"]),
                most=first["count"],
            ),
            words("rejected_files", n=data["files"]) if data["files"] else None,
        ]
    )
    rows = [(words.reason(row["reason"]), row["count"], f"{row['count']:,}", "") for row in data["reasons"]]
    return {"read": read, "chart": charts.bars(words("rejected_chart"), rows)}


def cards(words: Words, figures: dict) -> dict:
    """chart: the majors in two halves and the minors, rank by suit."""
    data = figures["cards"]
    if not data["drawn"]:
        return {"read": words("none"), "chart": ""}
    counts = {row["card"]: row for row in data["counts"]}
    sides = ["upright", "reversed"]
    most = max(row[side] for row in data["counts"] for side in sides)
    read = words.join(
        [
            words(
                "cards_read",
                covered=data["covered"],
                most=words.card(data["most"]),
                n=data["most_count"],
                reversed=share(data["reversed_share"]),
            ),
            words("cards_one_side", n=data["one_side"]) if data["one_side"] else None,
            words("cards_unknown", n=data["unknown"]) if data["unknown"] else None,
        ]
    )

    def cells(card: str) -> list[tuple[str, int]]:
        return [(f"{words.card(card)} {words(side)}", counts[card][side]) for side in sides]

    heads = [words(f"{side}_short") for side in sides]
    majors = [card for card in counts if is_major(card)]
    halves = [
        charts.matrix(
            words("cards_chart"),
            heads,
            [(words.card(card).removeprefix("The "), cells(card)) for card in half],
            most,
            names=36 if words.lang == "zh" else 50,
        )
        for half in (majors[:11], majors[11:])
    ]
    ranks = [(_rank_name(words, rank), [cell for suit in SUITS for cell in cells(suit + rank)]) for rank in RANKS]
    suits = [_suit_name(words, suit) for suit in SUITS]
    minors = charts.matrix(words("cards_chart"), heads * len(SUITS), ranks, most, groups=suits, names=13)
    return {"read": read, "majors": halves, "minors": minors}


def spreads(words: Words, figures: dict) -> dict:
    data = figures["spreads"]
    if not data["top"]:
        return {"read": words("spreads_none"), "chart": ""}
    first = data["top"][0]
    read = words.join(
        [
            words(
                "spreads_read",
                draws=data["draws"],
                n=data["distinct"],
                most=words.spread(first),
                share=share(first["draws"] / data["draws"]),
            ),
            words("spreads_unnamed", n=data["unnamed"]) if data["unnamed"] else None,
        ]
    )
    rows = [(_short(words.spread(row)), row["draws"], f"{row['draws']:,}", "") for row in data["top"]]
    return {"read": read, "chart": charts.bars(words("spreads_chart"), rows)}


def themes(words: Words, figures: dict) -> dict:
    data = figures["themes"]
    rows = sorted((row for row in data["themes"] if row["readings"]), key=lambda row: -row["readings"])
    if not rows:
        return {"read": words("themes_empty"), "chart": ""}
    read = words.join(
        [
            words(
                "themes_read",
                most=words(f"theme_{rows[0]['theme']}"),
                n=rows[0]["readings"],
                share=share(rows[0]["readings"] / figures["readings"]["kept"]),
            ),
            words("themes_none", n=data["none"]) if data["none"] else None,
        ]
    )
    shown = [(words(f"theme_{row['theme']}"), row["readings"], f"{row['readings']:,}", "") for row in rows]
    return {"read": read, "chart": charts.bars(words("themes_chart"), shown)}


def persons(words: Words, figures: dict) -> dict:
    data = figures["persons"]
    if not data["top"]:
        return {"read": words("next_person_none"), "chart": ""}
    read = words.join(
        [
            words("persons_read", n=data["persons"], once=data["once"]),
            words("persons_unnamed", n=data["unnamed"]) if data["unnamed"] else None,
        ]
    )
    rows = [(_short(row["person"]), row["readings"], f"{row['readings']:,}", "") for row in data["top"]]
    return {"read": read, "chart": charts.bars(words("persons_chart"), rows)}


def lengths(words: Words, figures: dict) -> dict:
    data = figures["lengths"]
    if not data["bins"]:
        return {"read": words("none"), "chart": ""}
    budget = data["budget_tokens"]
    read = words.join(
        [
            words("lengths_read", **{name: data["chars"][name] for name in ("median", "p90", "max")}),
            words("lengths_over", n=data["over"], budget=budget, chars=data["budget_chars"])
            if data["over"]
            else words("lengths_fit", budget=budget),
            words("lengths_near", n=data["near"]) if data["near"] else None,
        ]
    )
    width = data["bins"][0]["to"] or 1
    rows = [(f"{row['from']:,}", _bin_name(words, row), row["readings"]) for row in data["bins"]]
    chart = charts.columns(words("lengths_chart"), rows, mark=data["budget_chars"] / width)
    return {"read": read, "chart": chart, "limit": data["budget_chars"] / width < len(rows)}


def labels(words: Words, figures: dict) -> dict:
    data = figures["labels"]
    if not data["sentences"]:
        return {"read": words("labels_none"), "chart": ""}
    most = max(data["labels"], key=lambda row: row["sentences"])
    read = words.join(
        [
            words(
                "labels_read",
                a_reading=fixed(data["a_reading"], 1),
                most=words.label(most["label"]),
                share=share(most["share"]),
            ),
            words("labels_unsure", n=data["unsure"], share=share(data["unsure_share"])) if data["unsure"] else None,
        ]
    )
    rows = [
        (words.label(row["label"]), row["share"], share(row["share"]), f"l-{row['label']}") for row in data["labels"]
    ]
    return {"read": read, "chart": charts.bars(words("labels_chart"), rows)}


def without(words: Words, figures: dict) -> dict:
    data = {row["label"]: row for row in figures["labels"]["without"]}
    read = words(
        "without_read",
        advice=data["advice"]["readings"],
        link=data["card_link"]["readings"],
        closing=data["closing"]["readings"],
    )
    rows = [
        (
            words("without_label", label=words.label(label)),
            row["readings"],
            f"{row['readings']:,} · {share(row['share'])}",
            f"l-{label}",
        )
        for label, row in data.items()
    ]
    return {"read": read, "chart": charts.bars(words("without_chart"), rows, whole=figures["readings"]["kept"])}


def duplicates(words: Words, figures: dict) -> dict:
    data = figures["duplicates"]
    twins = words("duplicates_twins", n=data["twins"]) if data["twins"] else words("duplicates_clean")
    kept_out = words("duplicates_read", duplicate=data["duplicate"], near=data["near_duplicate"])
    return {"read": words.join([kept_out, twins]), "chart": ""}


def masked(words: Words, figures: dict) -> dict:
    data = figures["masked"]
    if not data["total"]:
        return {"read": words("masked_none"), "chart": ""}
    rows = [
        (words.known("kind", row["kind"]), row["kept"] + row["rejected"], f"{row['kept'] + row['rejected']:,}", "")
        for row in data["kinds"]
    ]
    return {
        "read": words("masked_read", n=data["readings"], total=data["total"]),
        "chart": charts.bars(words("masked_chart"), rows),
    }


def flags(words: Words, figures: dict) -> dict:
    data, kept = figures["flags"], figures["readings"]["kept"]
    no = figures["readings"]["consent"].get("no", 0)
    read = words.join(
        [
            words("flags_read", clean=data["clean"], share=share(data["clean"] / kept if kept else 0)),
            words("flags_outcome", n=figures["readings"]["outcomes"]) if figures["readings"]["outcomes"] else None,
            words("flags_consent", n=no) if no else None,
        ]
    )
    rows = sorted((row for row in data["flags"] if row["readings"]), key=lambda row: -row["readings"])
    shown = [(words(f"flag_{row['flag']}"), row["readings"], f"{row['readings']:,}", "") for row in rows]
    return {"read": read, "chart": charts.bars(words("flags_chart"), shown, whole=kept) if shown else ""}


def style(words: Words, figures: dict) -> dict:
    """charts: {name: bars} of address, script and markers."""
    data = figures["style"]
    if not data["readings"]:
        return {"read": words("style_none"), "charts": {}}
    first = data["address"][0] if data["address"] else {"address": "none", "readings": data["readings"]}
    read = words(
        "style_read",
        address=words.known("address", first["address"]),
        share=share(first["readings"] / data["readings"]),
        chars=fixed(data["rates"]["sentence_chars"]["mean"], 0),
        asks=share(data["rates"]["questions_share"]["mean"]),
    )
    drawn = {}
    for name, list_name, prefix in (("address",) * 3, ("script",) * 3, ("markers", "marker", "marker")):
        rows = [
            (
                words.known(prefix, row[list_name]),
                row["readings"],
                share(row["readings"] / data["readings"]),
                "",
            )
            for row in data[name]
        ]
        if rows:
            drawn[name] = charts.bars(words(f"style_{name}"), rows, whole=data["readings"])
    return {"read": read, "charts": drawn}


def splits(words: Words, figures: dict) -> dict:
    data = figures["splits"]
    if data is None:
        return {"read": words("splits_none"), "chart": "", "leak": False}
    read = words.join(
        [
            words("splits_leak", n=data["leaks"], names=words.listed(data["leaking"]))
            if data["leaks"]
            else words("splits_clean"),
            words("splits_twice", n=data["twice"]) if data["twice"] else None,
        ]
    )
    rows = [
        (words(f"split_{row['split']}"), row["readings"], f"{row['readings']:,} · {share(row['share'])}", "")
        for row in data["splits"]
    ]
    leak = bool(data["leaks"] or data["twice"])
    return {"read": read, "chart": charts.bars(words("splits_chart"), rows), "leak": leak}


def drift(words: Words, figures: dict) -> dict:
    data = figures["drift"]
    if data is None:
        return {"read": words("drift_first"), "chart": ""}
    if data["rows"] is None:
        return {"read": words("drift_no_figures", version=data["version"]), "chart": ""}
    if not data["rows"]:
        return {"read": words("drift_same", version=data["version"]), "chart": ""}
    first = data["rows"][0]
    old, new = (figure_value(first["name"], first[side]) for side in ("old", "new"))
    read = words("drift_read", version=data["version"], name=figure_name(words, first["name"]), old=old, new=new)
    rows = [
        (
            figure_name(words, row["name"]),
            abs(row["moved"]),
            f"{figure_value(row['name'], row['old'])} → {figure_value(row['name'], row['new'])}",
            "",
        )
        for row in data["rows"]
    ]
    return {"read": read, "chart": charts.bars(words("drift_chart"), rows)}


def curve(words: Words, figures: dict) -> dict:
    data = figures["training"]
    points = data["train"] or data["eval"]
    if not points:
        return {"read": words("none"), "chart": ""}
    first, last = points[0][1], points[-1][1]
    read = [words("curve_read" if last < first else "curve_read_up", first=fixed(first), last=fixed(last))]
    if len(data["eval"]) > 2:
        step, low = min(data["eval"], key=lambda point: point[1])
        end = data["eval"][-1][1]
        # A hundredth of a nat is the noise of small held-out sets, not a rise.
        if end > low + 0.01:
            read.append(words("curve_rises", step=step, low=fixed(low), last=fixed(end)))
    drawn = [(words("curve_train"), "tuned", data["train"]), (words("curve_eval"), "held", data["eval"])]
    chart = charts.lines(words("curve_chart"), [row for row in drawn if row[2]], words("step"))
    return {"read": words.join(read), "chart": chart}


def loss(words: Words, figures: dict) -> dict:
    run = figures["training"]
    data = run["loss"]
    if data["base"] is None or data["tuned"] is None:
        return {"read": None, "chart": ""}
    key = "loss_better" if data["tuned"] < data["base"] else "loss_worse"
    sure = data["difference"]
    read = words.join(
        [
            words(key, base=fixed(data["base"], 3), tuned=fixed(data["tuned"], 3)),
            words("loss_interval", low=fixed(sure["low"], 3), high=fixed(sure["high"], 3)) if sure else None,
            words("loss_on", n=run["held_out"], split=words(f"split_{run['split']}")) if run["held_out"] else None,
        ]
    )
    rows = [(words(side), data[side], fixed(data[side], 3), side) for side in ("base", "tuned")]
    return {"read": read, "chart": charts.bars(words("loss_chart"), rows)}


def scores(words: Words, figures: dict) -> dict:
    run = figures["training"]
    rows = [row for row in run["scores"] if row["base"] is not None and row["tuned"] is not None]
    if not rows:
        return {"read": None, "chart": ""}
    gains = {row["dimension"]: row["tuned"] - row["base"] for row in rows}
    better = [name for name, gain in gains.items() if gain > 0]
    most = max(gains, key=gains.get)
    measured = [row for row in rows if row["difference"]]
    clear = [row for row in measured if row["difference"]["low"] > 0]
    read = words.join(
        [
            words(
                "scores_read",
                n=len(rows),
                better=len(better),
                most=words.dimension(most),
                change=f"+{gains[most]:.2f}",
            )
            if better
            else words("scores_read_none", n=len(rows)),
            words("scores_clear", n=len(clear)) if clear else words("scores_unclear") if measured else None,
            words("scores_interval") if measured else None,
            words("copied", n=run["copied"]["tuned"]) if run["copied"]["tuned"] is not None else None,
            words("copied_reader", n=run["copied"]["reader"]) if run["copied"]["reader"] is not None else None,
            words("style_distance", **{side: fixed(value) for side, value in distance.items()})
            if None not in (distance := run["style_distance"]).values()
            else None,
        ]
    )
    drawn = []
    for row in rows:
        dots = [(words(side), side, row[side]) for side in ("reader", "base", "tuned") if row[side] is not None]
        sure = row["difference"]
        # The interval is of the gain: drawn from the base, it says where the tuned model may stand.
        span = (row["base"] + sure["low"], row["base"] + sure["high"]) if sure else None
        shown = f"{fixed(row['base'])} → {fixed(row['tuned'])}"
        drawn.append((words.dimension(row["dimension"]), shown, dots, span))
    return {"read": read, "chart": charts.ranges(words("scores_chart"), drawn)}


def history(words: Words, figures: dict) -> dict:
    data = figures["history"]
    counts = [row["counts"]["readings"] for row in data]
    rows = [(f"v{row['version']}", f"v{row['version']}", count) for row, count in zip(data, counts, strict=True)]
    return {
        "read": words("history_read", n=len(data), first=counts[0], last=counts[-1]),
        "chart": charts.columns(words("history_chart"), rows, height=90),
    }


def intake_rows(words: Words, figures: dict) -> list[list[str]]:
    """Rows of the table behind a chart, as for every function of this name."""
    return [[bucket["from"], f"{bucket['readings']:,}"] for bucket in figures["intake"]["buckets"]]


def rejected_rows(words: Words, figures: dict) -> list[list[str]]:
    return [[words.reason(row["reason"]), f"{row['count']:,}"] for row in figures["rejected"]["reasons"]]


def card_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [words.card(row["card"]), *(f"{row[side]:,}" for side in ("upright", "reversed", "unknown"))]
        for row in figures["cards"]["counts"]
    ]


def spread_rows(words: Words, figures: dict) -> list[list[str]]:
    return [[words.spread(row), f"{row['draws']:,}"] for row in figures["spreads"]["top"]]


def theme_rows(words: Words, figures: dict) -> list[list[str]]:
    return [[words(f"theme_{row['theme']}"), f"{row['readings']:,}"] for row in figures["themes"]["themes"]]


def person_rows(words: Words, figures: dict) -> list[list[str]]:
    return [[row["person"], f"{row['readings']:,}", share(row["share"])] for row in figures["persons"]["top"]]


def length_rows(words: Words, figures: dict) -> list[list[str]]:
    data = figures["lengths"]
    return [[words(name), f"{data['chars'][name]:,}", f"{data['tokens'][name]:,}"] for name in data["chars"]]


def bin_rows(words: Words, figures: dict) -> list[list[str]]:
    return [[_bin_name(words, row), f"{row['readings']:,}"] for row in figures["lengths"]["bins"]]


def label_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [words.label(row["label"]), f"{row['sentences']:,}", share(row["share"]), f"{row['second']:,}"]
        for row in figures["labels"]["labels"]
    ]


def without_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [
            words("without_label", label=words.label(row["label"])),
            f"{row['readings']:,}",
            share(row["share"]),
            " ".join(row["ids"][:2]) or "–",
        ]
        for row in figures["labels"]["without"]
    ]


def masked_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [words.known("kind", row["kind"]), f"{row['kept']:,}", f"{row['rejected']:,}"]
        for row in figures["masked"]["kinds"]
    ]


def flag_rows(words: Words, figures: dict) -> list[list[str]]:
    return [[words(f"flag_{row['flag']}"), f"{row['readings']:,}"] for row in figures["flags"]["flags"]]


def rate_rows(words: Words, figures: dict) -> list[list[str]]:
    return [[words(f"rate_{name}"), *_rate(name, row)] for name, row in figures["style"]["rates"].items()]


def style_rows(words: Words, figures: dict) -> list[list[str]]:
    data = figures["style"]
    return [
        [words.known(key, row[key]), f"{row['readings']:,}"]
        for name, key in (("address", "address"), ("script", "script"), ("markers", "marker"))
        for row in data[name]
    ]


def split_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [words(f"split_{row['split']}"), f"{row['readings']:,}", f"{row['persons']:,}"]
        for row in figures["splits"]["splits"]
    ]


def drift_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [figure_name(words, row["name"]), *(figure_value(row["name"], row[side]) for side in ("old", "new"))]
        for row in [*figures["drift"]["growth"], *figures["drift"]["rows"]]
    ]


def history_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [
            str(row["version"]),
            row["hash"][:8],
            f"{row['counts']['readings']:,}",
            f"{row['counts'].get('persons', 0):,}",
        ]
        for row in figures["history"]
    ]


def curve_rows(words: Words, figures: dict, at_most: int = 25) -> list[list[str]]:
    """Every validation, or, where there is none, losses evenly spaced; the training loss beside it is the latest."""
    train, held = figures["training"]["train"], figures["training"]["eval"]
    points = held or train
    rows = []
    for step, _ in points[:: max(1, len(points) // at_most)]:
        latest = next((value for at, value in reversed(train) if at <= step), None)
        rows.append([f"{step:g}", fixed(latest, 3), fixed(dict(map(tuple, held)).get(step), 3)])
    return rows


def score_rows(words: Words, figures: dict) -> list[list[str]]:
    return [
        [
            words.dimension(row["dimension"]),
            *(fixed(row[side]) for side in ("reader", "base", "tuned")),
            f"{row['difference']['low']:+.2f} … {row['difference']['high']:+.2f}" if row["difference"] else "–",
        ]
        for row in figures["training"]["scores"]
    ]


def listed_cards(words: Words, figures: dict) -> str:
    return words.listed(words.card(card) for card in figures["cards"]["never"])


def reading_head(words: Words, row: dict) -> list[str]:
    """What stands under the question of a reading: who, when, which spread, what about."""
    parts = [row["person"], row["date"], words.listed(row["spreads"])]
    return [part for part in [*parts, words.listed(words(f"theme_{theme}") for theme in row["themes"])] if part]


def drawn_card(words: Words, card: dict) -> str:
    """`过去：愚人 正位`."""
    position = f"{card['position']}{words('colon')}" if card["position"] else ""
    side = "" if card["orientation"] == "unknown" else f" {words(card['orientation'])}"
    return f"{position}{words.card(card['card'])}{side}"


def hint(words: Words, part: dict) -> str:
    """What a sentence is taken for, and the cards it speaks of."""
    labelled = " + ".join(words.label(label) for label in part["labels"])
    named = words.listed(words.card(card) for card in part["cards"])
    return f"{labelled}{words('colon')}{named}" if named else labelled


DRAWINGS: tuple[Callable[[Words, dict], dict], ...] = (
    gate,
    intake,
    rejected,
    cards,
    spreads,
    themes,
    persons,
    lengths,
    labels,
    without,
    duplicates,
    masked,
    flags,
    style,
    splits,
    drift,
    history,
    curve,
    loss,
    scores,
)
ROWS: tuple[Callable[[Words, dict], list[list[str]]], ...] = (
    intake_rows,
    rejected_rows,
    card_rows,
    spread_rows,
    theme_rows,
    person_rows,
    length_rows,
    bin_rows,
    label_rows,
    without_rows,
    masked_rows,
    flag_rows,
    rate_rows,
    style_rows,
    split_rows,
    drift_rows,
    history_rows,
    curve_rows,
    score_rows,
)
LINES: tuple[Callable[[Words, dict], object], ...] = (listed_cards, reading_head, drawn_card, hint)


def _rate(name: str, row: dict) -> list[str]:
    if name.endswith("_share"):
        return [share(row["mean"]), f"{share(row['p25'])} – {share(row['p75'])}"]
    return [fixed(row["mean"], 1), f"{fixed(row['p25'], 1)} – {fixed(row['p75'], 1)}"]


def _bin_name(words: Words, row: dict) -> str:
    if row["to"] is None:
        return words("and_more", n=row["from"])
    return f"{row['from']:,}–{row['to']:,}"


def _short(name: str, at_most: int = 24) -> str:
    """A name as the source writes it may be a sentence; on a chart it may not. The table has the whole of it."""
    return name if len(name) <= at_most else name[: at_most - 1] + "…"


def _rank_name(words: Words, rank: str) -> str:
    return rank if words.lang == "zh" else words.card(SUITS[0] + rank).partition(" of ")[0]


def _suit_name(words: Words, suit: str) -> str:
    return suit if words.lang == "zh" else words.card(suit + RANKS[0]).partition(" of ")[2]


@lexicon.cached
def _english_cards() -> dict[str, str]:
    return {row["card"]: row["english"] for row in lexicon.read_table("deck")}


@cache
def _details() -> list[tuple[str, re.Pattern[str]]]:
    """The `[detail]` of the catalogue, as patterns of its English, which is what rejections are written in."""
    return [
        (key, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(languages["en"])), re.DOTALL))
        for key, languages in catalogue().items()
        if key.startswith("detail.")
    ]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


@cache
def _css() -> str:
    return (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
