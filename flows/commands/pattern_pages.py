"""The pattern library and an explanation as pages of text. Pure functions from results to lines."""

from collections.abc import Iterator

from flows.commands.declare import Context

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


MOST_STYLES = 6
"""Sub-styles of a label on the page with examples; of the others only their names and shares."""

MOST_CARDS = 12
"""Number of cards on the whole page; `--card` shows any other."""

TURNS = ("upright", "reversed", "unknown")


def library_page(ctx: Context, library: dict) -> Iterator[str]:
    from schemas.deck import PATTERNS

    style = library["style"]
    yield ctx.say("library.head", readings=style["readings"], sentences=style["sentences"])
    for kind in PATTERNS:
        found = library[kind]
        yield ""
        yield ctx.say("library.kind", kind=ctx.say(f"label.{kind}"), count=found["count"], share=found["share"])
        yield from _styles(ctx, found["styles"])
        yield from {"card_interpretation": _cards, "card_link": _links, "advice": _advice}.get(kind, _nothing)(
            ctx, found
        )
    if style["readings"]:
        yield from _profile(ctx, style)


def _styles(ctx: Context, styles: list[dict]) -> Iterator[str]:
    for one in styles[:MOST_STYLES]:
        yield ctx.say("library.style", title=one["title"][ctx.lang], count=one["count"], share=one["share"])
        yield from _words(ctx, one["words"])
        yield from _quotes(ctx, one["examples"])
    if styles[MOST_STYLES:]:
        named = [
            ctx.say("library.share", text=one["title"][ctx.lang], share=one["share"]) for one in styles[MOST_STYLES:]
        ]
        yield ctx.say("library.more_styles", styles=ctx.listed(named))


def card_page(ctx: Context, entry: dict) -> Iterator[str]:
    yield ctx.say("library.card_head", card=entry["card"], readings=entry["readings"])
    yield from _card(ctx, entry["card"], entry)
    if entry["links"]:
        yield ctx.say("library.card_links")
    for pair in entry["links"]:
        (other,) = [card for card in pair["cards"] if card != entry["card"]] or [entry["card"]]
        yield from _pair(ctx, other, pair)


def _nothing(ctx: Context, found: dict) -> Iterator[str]:
    yield from ()


def _words(ctx: Context, words: list[str]) -> Iterator[str]:
    if words:
        yield ctx.say("library.words", words=ctx.listed(words))


def _quotes(ctx: Context, examples: list[str]) -> Iterator[str]:
    for example in examples:
        yield ctx.say("library.quote", text=" ".join(example.split()))


def _cards(ctx: Context, found: dict) -> Iterator[str]:
    cards = found["cards"]
    often = sorted(cards, key=lambda card: -sum(one["count"] for one in cards[card].values()))
    for turn, words in found["turns"].items():
        yield from _differs(ctx, f"turns_{turn}", words)
    if often:
        yield ctx.say("library.cards")
    for card in often[:MOST_CARDS]:
        yield from _card(ctx, card, cards[card])
    if often[MOST_CARDS:]:
        yield ctx.say("library.more_cards", count=len(often) - MOST_CARDS, card=often[MOST_CARDS])


def _card(ctx: Context, card: str, entry: dict) -> Iterator[str]:
    for turn in TURNS:
        if one := entry.get(turn):
            values = {"card": card, "turn": ctx.say(f"library.{turn}")}
            yield ctx.say("library.card", **values, count=one["count"], readings=one["readings"])
            if one["themes"]:
                themes = [ctx.say(f"report.theme_{theme}") for theme in one["themes"]]
                yield ctx.say("library.themes", themes=ctx.listed(themes))
            against = "turn" if {"upright": "reversed", "reversed": "upright"}.get(turn) in entry else "cards"
            yield from _differs(ctx, f"differs_{against}", one["differs"])
            yield from _quotes(ctx, one["examples"])


def _differs(ctx: Context, key: str, words: list[dict]) -> Iterator[str]:
    """List words with the number of sentences that have them, here and there."""
    if words:
        listed = [
            ctx.say("library.here_there", **{name: one[name] for name in ("word", "here", "there")}) for one in words
        ]
        yield ctx.say(f"library.{key}", words=ctx.listed(listed))


def _links(ctx: Context, found: dict) -> Iterator[str]:
    if found["kinds"]:
        yield ctx.say("library.link_kinds")
    for kind, one in found["kinds"].items():
        yield ctx.say("library.counted", name=kind_name(ctx, "card_link", kind), count=one["count"])
        yield from _quotes(ctx, one["examples"])
    if found["pairs"]:
        yield ctx.say("library.pairs")
    for pair in found["pairs"]:
        yield from _pair(ctx, " + ".join(pair["cards"]), pair)


def _pair(ctx: Context, name: str, pair: dict) -> Iterator[str]:
    kinds = ctx.listed(kind_name(ctx, "card_link", kind) for kind in pair["kinds"])
    yield ctx.say("library.pair", name=name, count=pair["count"], kinds=kinds)
    yield from _quotes(ctx, [pair["example"]])


def _advice(ctx: Context, found: dict) -> Iterator[str]:
    if found["forms"]:
        yield ctx.say("library.forms")
    for form, one in found["forms"].items():
        yield ctx.say("library.counted", name=kind_name(ctx, "advice", form), count=one["count"])
        yield from _quotes(ctx, one["examples"])
    if found["times"]:
        times = [ctx.say("library.time", text=one["text"], count=one["count"]) for one in found["times"][:10]]
        yield ctx.say("library.times", times=ctx.listed(times))


def kind_name(ctx: Context, label: str, kind: str) -> str:
    """Return the display name of a kind of sentence, from `lexicon/kinds.csv`."""
    from tarot_data.patterns.sub_styles import title

    return title(label, [kind], ctx.lang)


def _profile(ctx: Context, style: dict) -> Iterator[str]:
    yield ""
    yield ctx.say("library.profile")
    yield ctx.say(
        "library.length", chars=style["chars_per_reading"], sentences=style["sentences_per_reading"],
        sentence=style["sentence_chars"],
    )  # fmt: skip
    for name in ("address", "script"):
        parts = [
            ctx.say("library.time", text=ctx.say(f"library.{name}_{value}"), count=n)
            for value, n in style[name].items()
        ]
        yield ctx.say(f"library.{name}", parts=ctx.listed(parts))
    yield ctx.say(
        "library.habits", particles=style["particles_per_100"], emoji=style["emoji_per_100"],
        hedges=style["hedges_per_100"], questions=style["questions_share"],
    )  # fmt: skip
    if style["markers"]:
        marks = [
            ctx.say("library.time", text=ctx.say(f"report.marker_{name}"), count=count)
            for name, count in style["markers"].items()
        ]
        yield ctx.say("library.markers", parts=ctx.listed(marks))
    if style["order"]:
        first = style["order"][0]
        order = " → ".join(ctx.say(f"label.{label}") for label in first["order"].split("→"))
        yield ctx.say("library.order", order=order, count=first["count"])
    if style["themes"]:
        themes = [
            ctx.say("library.time", text=ctx.say(f"report.theme_{theme}"), count=count)
            for theme, count in style["themes"].items()
        ]
        yield ctx.say("library.about", parts=ctx.listed(themes))
    if style["words"]:
        yield ctx.say("library.often", words=ctx.listed(style["words"]))
    if style["emoji"]:
        yield ctx.say("library.emoji", emoji=" ".join(style["emoji"]))


def explanation_page(ctx: Context, found: dict) -> Iterator[str]:
    for sentence in found["sentences"]:
        yield from _explained_sentence(ctx, sentence)
        yield ""
    for card in found["cards"]:
        where = ctx.say("try.place", file=card["file"], line=card["line"]) if card["line"] else ""
        turn = ctx.say(f"library.{card['orientation']}")
        yield ctx.say("try.card", name=card["text"], card=card["card"], turn=turn, where=where)
    if not found["cards"]:
        yield ctx.say("try.no_card")
    if found["themes"]:
        themes = [ctx.say(f"report.theme_{theme}") for theme in found["themes"]]
        yield ctx.say("library.themes", themes=ctx.listed(themes))


def _explained_sentence(ctx: Context, sentence: dict) -> Iterator[str]:
    yield " ".join(sentence["text"].split())
    labels = "＋".join(ctx.say(f"label.{label}") for label in sentence["labels"])
    chances = sorted(sentence["chances"].items(), key=lambda item: -item[1])
    likely = [
        ctx.say("try.chance", label=ctx.say(f"label.{label}"), share=share)
        for label, share in chances[:3]
        if share >= 0.01
    ]
    yield ctx.say("try.taken", labels=labels, chances=ctx.listed(likely))
    if sentence["cards"]:
        yield ctx.say("try.cards", cards=ctx.listed(sentence["cards"]))
    for key, label in (("kinds", "card_link"), ("forms", "advice")):
        if sentence[key]:
            yield ctx.say(f"try.{key}", names=ctx.listed(kind_name(ctx, label, kind) for kind in sentence[key]))
    if sentence["times"]:
        yield ctx.say("try.times", times=ctx.listed(sentence["times"]))
    if not sentence["rows"]:
        yield ctx.say("try.no_rows")
    for row in sentence["rows"]:
        about = {name: row[name] for name in ("file", "line", "cue", "weight")}
        kind = kind_name(ctx, row["label"], row["kind"])
        yield ctx.say("try.row", **about, label=ctx.say(f"label.{row['label']}"), kind=kind)
