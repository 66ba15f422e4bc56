"""Sections of the report: one function per chart, with the sentence that interprets it."""

from collections.abc import Callable

from schemas.deck import RANKS, SUITS, is_major
from schemas.messages import gate_sentences
from tarot_data.report import svg_charts
from tarot_data.report.wording import Words, figure_name, figure_value, fixed, share

SLIGHT = 0.1
"""Least change that fills the width of its bar: a tenth of a per cent is not a large change."""


def gate(words: Words, figures: dict) -> dict:
    """Return {read, chart}: a sentence and its chart, as the functions below (`cards` and `style` have several charts)."""
    data = figures["gate"]
    values = {key: data[key] for key in ("validated", "required", "missing")}
    return {
        "read": words.join(gate_sentences(data, words.lang)),
        "chart": svg_charts.progress(words("gate_chart", **values), data["validated"], data["required"]),
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
    return {"read": read, "chart": svg_charts.columns(words("intake_chart"), rows)}


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
    return {"read": read, "chart": svg_charts.bars(words("rejected_chart"), rows)}


def cards(words: Words, figures: dict) -> dict:
    """Return {read, majors, minors}: the majors in two halves, and the minors, rank by suit; {read, chart} without cards."""
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
        svg_charts.matrix(
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
    minors = svg_charts.matrix(words("cards_chart"), heads * len(SUITS), ranks, most, groups=suits, names=13)
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
    return {"read": read, "chart": svg_charts.bars(words("spreads_chart"), rows)}


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
    return {"read": read, "chart": svg_charts.bars(words("themes_chart"), shown)}


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
    return {"read": read, "chart": svg_charts.bars(words("persons_chart"), rows)}


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
    rows = [(f"{row['from']:,}", bin_name(words, row), row["readings"]) for row in data["bins"]]
    chart = svg_charts.columns(words("lengths_chart"), rows, mark=data["budget_chars"] / width)
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
    return {"read": read, "chart": svg_charts.bars(words("labels_chart"), rows, whole=1.0)}


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
    return {"read": read, "chart": svg_charts.bars(words("without_chart"), rows, whole=figures["readings"]["kept"])}


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
        "chart": svg_charts.bars(words("masked_chart"), rows),
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
    return {"read": read, "chart": svg_charts.bars(words("flags_chart"), shown, whole=kept) if shown else ""}


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
            drawn[name] = svg_charts.bars(words(f"style_{name}"), rows, whole=data["readings"])
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
    leak, whole = bool(data["leaks"] or data["twice"]), sum(row["readings"] for row in data["splits"])
    return {"read": read, "chart": svg_charts.bars(words("splits_chart"), rows, whole=whole), "leak": leak}


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
    whole = max(SLIGHT, max(row["moved"] for row in data["rows"]), -min(row["moved"] for row in data["rows"]))
    return {"read": read, "chart": svg_charts.bars(words("drift_chart"), rows, whole=whole)}


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
        # A hundredth of a nat is noise on small held-out sets.
        if end > low + 0.01:
            read.append(words("curve_rises", step=step, low=fixed(low), last=fixed(end)))
    drawn = [(words("curve_train"), "tuned", data["train"]), (words("curve_eval"), "held", data["eval"])]
    chart = svg_charts.lines(words("curve_chart"), [row for row in drawn if row[2]], words("step"))
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
    return {"read": read, "chart": svg_charts.bars(words("loss_chart"), rows)}


def scores(words: Words, figures: dict) -> dict:
    run = figures["training"]
    rows = [row for row in run["scores"] if row["base"] is not None and row["tuned"] is not None]
    if not rows:
        return {"read": None, "chart": ""}
    drawn = []
    for row in rows:
        dots = [(words(side), side, row[side]) for side in ("reader", "base", "tuned") if row[side] is not None]
        sure = row["difference"]
        # The interval is of the gain: added to the base it shows the range of the tuned model.
        span = (row["base"] + sure["low"], row["base"] + sure["high"]) if sure else None
        shown = f"{fixed(row['base'])} → {fixed(row['tuned'])}"
        drawn.append((words.dimension(row["dimension"]), shown, dots, span))
    read = words.join([*_gains(words, rows), *_copied(words, run["copied"]), _style_distance(words, run)])
    return {"read": read, "chart": svg_charts.ranges(words("scores_chart"), drawn)}


def _gains(words: Words, rows: list[dict]) -> list[str | None]:
    """Return the sentences on how many scores improved, which most, and how many beyond their interval."""
    gains = {row["dimension"]: row["tuned"] - row["base"] for row in rows}
    better = sum(gain > 0 for gain in gains.values())
    most = max(gains, key=gains.get)
    measured = [row for row in rows if row["difference"]]
    clear = sum(row["difference"]["low"] > 0 for row in measured)
    named = {"n": len(rows), "better": better, "most": words.dimension(most), "change": f"+{gains[most]:.2f}"}
    return [
        words("scores_read", **named) if better else words("scores_read_none", n=len(rows)),
        words("scores_clear", n=clear) if clear else words("scores_unclear") if measured else None,
        words("scores_interval") if measured else None,
    ]


def _copied(words: Words, copied: dict) -> list[str | None]:
    return [
        words(key, n=copied[side]) if copied[side] is not None else None
        for key, side in (("copied", "tuned"), ("copied_reader", "reader"))
    ]


def _style_distance(words: Words, run: dict) -> str | None:
    distance = run["style_distance"]
    if None in distance.values():
        return None
    return words("style_distance", **{side: fixed(value) for side, value in distance.items()})


def history(words: Words, figures: dict) -> dict:
    data = figures["history"]
    counts = [row["counts"]["readings"] for row in data]
    rows = [(f"v{row['version']}", f"v{row['version']}", count) for row, count in zip(data, counts, strict=True)]
    return {
        "read": words("history_read", n=len(data), first=counts[0], last=counts[-1]),
        "chart": svg_charts.columns(words("history_chart"), rows, height=90),
    }


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


def _short(name: str, at_most: int = 24) -> str:
    """Shorten a name for a chart; the table has the whole name."""
    return name if len(name) <= at_most else name[: at_most - 1] + "…"


def _rank_name(words: Words, rank: str) -> str:
    return rank if words.lang == "zh" else words.card(SUITS[0] + rank).partition(" of ")[0]


def _suit_name(words: Words, suit: str) -> str:
    return suit if words.lang == "zh" else words.card(suit + RANKS[0]).partition(" of ")[2]


def bin_name(words: Words, row: dict) -> str:
    if row["to"] is None:
        return words("and_more", n=row["from"])
    return f"{row['from']:,}–{row['to']:,}"
