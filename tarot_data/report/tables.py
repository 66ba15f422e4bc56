"""Tables of the report: one function per table, and lines that describe a reading or a sentence."""

from collections.abc import Callable

from tarot_data.report.sections import bin_name
from tarot_data.report.wording import Words, figure_name, figure_value, fixed, share


def intake_rows(words: Words, figures: dict) -> list[list[str]]:
    """Return the rows of the table of a chart, as every function named `…_rows`."""
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
    return [[bin_name(words, row), f"{row['readings']:,}"] for row in figures["lengths"]["bins"]]


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
    """Return every validation with the latest training loss, or evenly spaced losses without validations."""
    train, held = figures["training"]["train"], figures["training"]["eval"]
    points = held or train
    rows = []
    for step, _ in points[:: max(1, len(points) // at_most)]:
        latest = next((value for at, value in reversed(train) if at <= step), None)
        rows.append([f"{step:g}", fixed(latest, 3), fixed(dict(map(tuple, held)).get(step), 3)])
    return rows


def loss_rows(words: Words, figures: dict) -> list[list[str]]:
    data = figures["training"]["loss"]
    sure = data["difference"]
    interval = f"{fixed(sure['low'], 3)} … {fixed(sure['high'], 3)}" if sure else "–"
    return [[words("loss"), fixed(data["base"], 3), fixed(data["tuned"], 3), interval]]


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


def votes_line(words: Words, figures: dict) -> str | None:
    """Return the result of the blind votes; None before the first vote."""
    given = figures["training"]["votes"] or {}
    voted = sum(given.get(side, 0) for side in ("base", "tuned", "neither"))
    return (
        words("votes_read", n=voted, **{side: given[side] for side in ("base", "tuned", "neither")}) if voted else None
    )


def reading_head(words: Words, row: dict) -> list[str]:
    """Line under the question of a reading: person, date, spread, themes."""
    parts = [row["person"], row["date"], words.listed(row["spreads"])]
    return [part for part in [*parts, words.listed(words(f"theme_{theme}") for theme in row["themes"])] if part]


def drawn_card(words: Words, card: dict) -> str:
    """Write a card with its position: `过去：愚人 正位`."""
    position = f"{card['position']}{words('colon')}" if card["position"] else ""
    side = "" if card["orientation"] == "unknown" else f" {words(card['orientation'])}"
    return f"{position}{words.card(card['card'])}{side}"


def hint(words: Words, part: dict) -> str:
    """Return the labels of a sentence and the cards it mentions."""
    labelled = " + ".join(words.label(label) for label in part["labels"])
    named = words.listed(words.card(card) for card in part["cards"])
    return f"{labelled}{words('colon')}{named}" if named else labelled


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
    loss_rows,
    score_rows,
)

LINES: tuple[Callable[[Words, dict], object], ...] = (listed_cards, votes_line, reading_head, drawn_card, hint)


def _rate(name: str, row: dict) -> list[str]:
    if name.endswith("_share"):
        return [share(row["mean"]), f"{share(row['p25'])} – {share(row['p75'])}"]
    return [fixed(row["mean"], 1), f"{fixed(row['p25'], 1)} – {fixed(row['p75'], 1)}"]
