"""Made-up readings: a grammar over the tables of `lexicon/synthetic/`, seeded.

Reading number i of a seed is the same whatever else is made, so that readings can be made in any order and in streams.
The text follows what a reader does: greet, restate the question, interpret every card (picture, orientation, position,
what it means for the question), relate cards to each other, advise with a time, close. Five voices write it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations
from random import Random

from schemas.deck import CARDS, RANKS, SUITS, is_major, rank_of, suit_of
from tarot_data.synthetic.tables import Line, Tables, Writer, draw, tables
from tarot_data.synthetic.voices import render, traditional

SHORTEST, LONGEST = 300, 900
"""Characters of a content: SHORTEST without white space, LONGEST with it."""

UPRIGHT_SHARE = 0.6
ANONYMOUS_SHARE = 0.08
FIRST_DAY, DAYS = date(2019, 1, 2), 2480


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One card as drawn. card: canonical name; name: what this reader calls it; position: None if the spread has none."""

    card: str
    name: str
    upright: bool
    position: str | None

    @property
    def way(self) -> str:
        return "upright" if self.upright else "reversed"


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """One made-up reading. reason: why it must be rejected, None for a sound one."""

    person: str | None
    question: str
    spread: str
    cards: tuple[Drawn, ...]
    content: str
    day: date
    voice: str
    reason: str | None = None


def made_up(
    seed: int,
    index: int,
    *,
    person: int | None = None,
    labelled: bool = False,
    voice: str | None = None,
    named: str | None = None,
    plain: bool = False,
    composed: bool = False,
) -> MadeUp:
    """Make up reading number `index` of a seed.

    person: a row of persons.csv, if the source is a chat with one person (then never in the voice of notes). labelled:
    the content comes after labelled fields, so it must not begin with labels itself, which would be ambiguous. voice: one of
    `voices.VOICES`, drawn if None. named: what the person is called, instead of a name of persons.csv.
    plain: cards have their canonical names, instead of those of a reader drawn for each reading.
    composed: the question is put together from acts and things of its theme, instead of one of questions.csv.
    """
    t = tables()
    rng = Random(f"{seed}/{index}")
    drawn = draw(rng, t.voices)
    while person is not None and drawn == "notes":
        drawn = draw(rng, t.voices)
    voice = voice or drawn
    theme = draw(rng, t.themes)
    who = _person(rng, t, person)
    if named:
        who = who | {"name": named, "call": named, "formal": named, "pronoun": "", "fact": ""}
    spread, positions = draw(rng, t.spreads[theme])
    scheme = t.names[draw(rng, t.schemes)]
    day = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    question = rng.choice(t.texts["questions"][(theme,)])
    if composed:
        question = _composed(t, Random(f"{seed}/{index}/question"), theme)
    cards = _cards(rng, positions, {} if plain else scheme)
    slots = {
        "you": _you(rng, t, voice, who["pronoun"]),
        "name": who["call"],
        "formal": who["formal"],
        "question": question,
        "spread": spread,
        "n": t.words[("numeral", "number")][len(cards)],
        "m1": str(day.month % 12 + 1),
        "m2": str((day.month + 2) % 12 + 1),
    }
    content = _content(Writer(rng, voice, t, slots), theme, cards, who, labelled)
    reading = MadeUp(
        person=who["name"] or None, question=question, spread=spread, cards=cards, content=content, day=day, voice=voice
    )
    return _in_traditional(t, reading) if voice == "trad" else reading


def listed(t: Tables, rng: Random, cards: tuple[Drawn, ...], separator: str) -> str:
    """Write the cards as one list, all orientations in one way: `愚人(正位), 力量(逆位)`."""
    up, down = rng.choice(t.words[("orientation", "listed")]).split("/")
    return separator.join(card.name + (up if card.upright else down) for card in cards)


def _composed(t: Tables, rng: Random, theme: str) -> str:
    """Compose a question of a theme: what is asked, of one or two acts or things."""
    asked, part = t.texts["asked"], rng.choice(("act", "thing"))
    first, second = rng.sample(asked[(theme, part)], 2)
    when = rng.choice(asked[("any", "when")])
    return rng.choice(asked[("any", f"{part}_frame")]).format(**{part: first, f"{part}2": second, "when": when})


def _person(rng: Random, t: Tables, person: int | None) -> dict[str, str]:
    if person is not None:
        rows = t.persons[0]
        return rows[person % len(rows)]
    if rng.random() >= ANONYMOUS_SHARE:
        return draw(rng, t.persons)
    one = {key: rng.choice(t.words[("anonymous", key)]) for key in ("person", "call", "formal")}
    return {**one, "name": one["person"], "pronoun": "", "fact": "", "fact_2": ""}


def _cards(rng: Random, positions: tuple[str, ...], scheme: dict[str, str]) -> tuple[Drawn, ...]:
    # A bracket in a position explains it and is not spoken.
    spoken = [re.sub("（.*?）", "", position) for position in positions]
    return tuple(
        Drawn(
            card=card,
            name=_called(card, scheme),
            upright=rng.random() < UPRIGHT_SHARE,
            position=position or None,
        )
        for position, card in zip(spoken, rng.sample(CARDS, len(positions)), strict=True)
    )


def _called(card: str, scheme: dict[str, str]) -> str:
    """Return this reader's name of the card: a name of its own, or its suit and rank under other names."""
    if card in scheme or is_major(card):
        return scheme.get(card, card)
    return scheme.get(suit_of(card), suit_of(card)) + scheme.get(rank_of(card), rank_of(card))


def _you(rng: Random, t: Tables, voice: str, pronoun: str) -> str:
    """Choose the word for the querent: by voice, and in Taiwan or in notes sometimes by sex."""
    if voice == "trad" and (by_sex := t.words.get(("you", pronoun))) and rng.random() < 0.6:
        return by_sex[0]
    if voice == "notes" and pronoun and rng.random() < 0.35:
        return pronoun
    return t.words.get(("you", voice), t.words[("you", "any")])[0]


def _content(writer: Writer, theme: str, cards: tuple[Drawn, ...], who: dict[str, str], labelled: bool) -> str:
    """Write the reading again until it has the right length, at most 40 times."""
    target = writer.rng.randint(SHORTEST + 40, LONGEST - 120)
    for _ in range(40):
        writer.used.clear()
        content = render(writer, _compose(writer, theme, cards, who, labelled, target))
        size = len("".join(content.split()))
        if size >= SHORTEST and len(content) <= LONGEST:
            break
        target += 60 if size < SHORTEST else -60
    return content


def _in_traditional(t: Tables, reading: MadeUp) -> MadeUp:
    cards = tuple(
        replace(card, name=traditional(t, card.name), position=card.position and traditional(t, card.position))
        for card in reading.cards
    )
    return replace(
        reading, question=traditional(t, reading.question), spread=traditional(t, reading.spread), cards=cards
    )


def _compose(
    writer: Writer, theme: str, cards: tuple[Drawn, ...], who: dict[str, str], labelled: bool, target: int
) -> list[list[Line]]:
    """Compose the paragraphs of one reading, about `target` characters in all."""
    rng, voice = writer.rng, writer.voice
    opening = _opening(writer, who, labelled)
    early, late = _overview_places(writer, cards)
    pairs = _pairs(rng, len(cards), target)
    links = {pair: Line("link", _link(writer, cards[pair[0]], cards[pair[1]])) for pair in pairs}
    together = rng.random() < 0.35
    advice = _advice(writer, theme, cards, 2 + (target > 450) + (target > 600))
    closing = [writer.line("closing", writer.rows("closings", voice))]
    if target > 420 and rng.random() < 0.5:
        closing.append(writer.line("closing", writer.rows("closings", voice)))
    spent = sum(len(line.text) for line in [*opening, *early, *late, *links.values(), *advice, *closing])
    budget = (target - spent) / len(cards)
    style = rng.randrange(len(writer.words("section", "links")))
    heading = writer.words("section", "card")[style]
    blocks = [_block(writer, theme, card, place, budget, heading) for place, card in enumerate(cards)]
    if not together:
        for (_, later), line in links.items():
            blocks[later].append(line)
    linking = [*(links.values() if together else ()), *late]
    if voice == "notes":
        linking = linking and [Line("heading", writer.words("section", "links")[style]), *linking]
        advice = [Line("heading", writer.words("section", "advice")[style]), *advice]
    if voice != "formal" and rng.random() < 0.14:
        rng.choice([opening, closing]).append(writer.line("aside", writer.rows("asides", voice)))
    return [part for part in (opening, early, *blocks, linking, advice, closing) if part]


def _opening(writer: Writer, who: dict[str, str], labelled: bool) -> list[Line]:
    rng, voice = writer.rng, writer.voice
    lines = []
    for part, share in (("greet", 0.92), ("ask", 0.9), ("spread", 0.6), ("tone", 0.55)):
        rows = writer.rows("openings", voice, part)
        if labelled:
            rows = tuple(row for row in rows if not re.match(r"\S{1,4}[： ]", row))
        if rows and rng.random() < share:
            lines.append(writer.line(part, rows))
        if part == "greet" and who["fact"] and voice != "formal" and rng.random() < 0.3:
            stop = "。" if voice in ("notes", "trad") else ""
            lines.append(Line("fact", writer.fill(rng.choice((who["fact"], who["fact_2"]))) + stop))
    return lines or [writer.line("ask", writer.rows("openings", voice, "ask"))]


def _block(writer: Writer, theme: str, card: Drawn, place: int, budget: float, heading: str) -> list[Line]:
    """Interpret one card: name it with its position and picture, then give its meaning, as long as the budget lasts."""
    rng, row, way = writer.rng, writer.tables.cards[card.card], card.way
    up, down = rng.choice(writer.words("orientation", writer.voice)).split("/")
    orientation = up if card.upright else down
    slots = {
        "card": card.name,
        "o": orientation,
        "pos": card.position or ordinal(writer.tables, place + 1),
        "i": str(place + 1),
        "tw": rng.choice(writer.tables.theme_words[theme]),
    }
    images, meanings = [row["image"], row["image_2"]], [row[way], row[f"{way}_2"]]
    rng.shuffle(images)
    rng.shuffle(meanings)

    def say(kind: str, part: str, **more: str) -> Line:
        rows = writer.rows("card_lines", writer.voice, part, "any") + writer.rows("card_lines", writer.voice, part, way)
        return writer.line(kind, rows, **slots, **more)

    lines = []
    if writer.voice == "notes":
        lines.append(Line("heading", writer.fill(heading, **{**slots, "o": orientation.strip("（）")})))
    lines.append(say("intro", "intro", image=images[0]))
    lines.append(say("meaning", "meaning", mean=meanings[0]))
    applied = rng.sample(writer.rows("apply", theme, way), 2)
    more = [
        lambda: say("meaning", "apply", apply=applied[0]),
        lambda: say("meaning", "meaning", mean=meanings[1]),
        lambda: say("intro", "picture", image2=images[1]),
        lambda: say("meaning", "lore", lore=rng.choice(writer.tables.lore[card.card])),
        lambda: say("meaning", "apply", apply=applied[1]),
    ]
    if rng.random() < 0.5:
        more[1], more[2] = more[2], more[1]
    left = budget - sum(len(line.text) for line in lines)
    extra = []
    for make in more:
        if left < 12:
            break
        extra.append(make())
        left -= len(extra[-1].text)
    rng.shuffle(extra)
    return lines + extra


def ordinal(t: Tables, place: int) -> str:
    """Name a place without a position: 第三张."""
    return t.words[("place", "ordinal")][0].format(n=t.words[("numeral", "rank")][place])


def _pairs(rng: Random, n: int, target: int) -> list[tuple[int, int]]:
    """Choose the cards that are related to each other, by place: neighbours first, as readers do."""
    wanted = min(n - 1, 1 + (target > 480) + (n > 4 and rng.random() < 0.5))
    pairs = list(combinations(range(n), 2))
    rng.shuffle(pairs)
    pairs.sort(key=lambda pair: pair[1] - pair[0] > 1)
    return sorted(pairs[:wanted])


def _link(writer: Writer, a: Drawn, b: Drawn) -> str:
    """Relate two cards by a sentence that is true of them."""
    t = writer.tables
    needs, special = list(_relations(a, b)), list(_special_relations(a, b))
    if special and writer.rng.random() < 0.5:
        needs = special
    template = writer.pick(tuple(row for need in needs for row in writer.rows("links", need, writer.voice)))
    suit = suit_of(b.card) or ""
    return writer.fill(
        template,
        a=_bare(writer, a),
        b=_bare(writer, b),
        a_gist=_gist(t, a),
        b_gist=_gist(t, b),
        a_thing=t.cards[a.card]["thing"],
        b_thing=t.cards[b.card]["thing"],
        suit=b.name[: len(suit)],
        element=_element(writer, suit),
        number=rank_of(b.card) or "",
    )


def _relations(a: Drawn, b: Drawn) -> Iterator[str]:
    """Yield the needs of links that two cards meet by their orientations."""
    yield "any"
    yield f"b_{b.way}"
    if a.upright == b.upright:
        yield f"both_{a.way}"
    else:
        yield from ("mixed", f"a_{a.way}_b_{b.way}")


def _special_relations(a: Drawn, b: Drawn) -> Iterator[str]:
    """Yield the needs of links that two cards meet by their suits and ranks."""
    suits, ranks = (suit_of(a.card), suit_of(b.card)), (rank_of(a.card), rank_of(b.card))
    if suits[0] and suits[0] == suits[1]:
        yield "same_suit"
    if ranks[0] == ranks[1] and ranks[0] in RANKS[:10]:
        yield "same_number"
    if all(rank in RANKS[10:] for rank in ranks):
        yield "both_court"
    if suits[0] is None and suits[1]:
        yield "major_minor"


def _gist(t: Tables, card: Drawn) -> str:
    return t.cards[card.card]["gift" if card.upright else "snag"]


def _element(writer: Writer, suit: str) -> str:
    return next(iter(writer.words("element", suit)), "")


def _bare(writer: Writer, card: Drawn) -> str:
    """Name a card again. A major's name is an ordinary word (力量, 世界), so half of the time it is called a card."""
    suffix = writer.words("card", "suffix")[0]
    return card.name + suffix if is_major(card.card) and writer.rng.random() < 0.5 else card.name


def _overview_places(writer: Writer, cards: tuple[Drawn, ...]) -> tuple[list[Line], list[Line]]:
    """Put the sentence about the whole spread, if any, before the cards, after them or nowhere."""
    overview = _overview(writer, cards)
    if not overview:
        return [], []
    if writer.rng.random() < 0.2:
        return [overview], []
    return [], [overview] if writer.rng.random() < 0.6 else []


def _overview(writer: Writer, cards: tuple[Drawn, ...]) -> Line | None:
    """Make a true sentence about the whole spread, if it has three cards and something is remarkable."""
    true = list(_remarkable(cards)) if len(cards) >= 3 else []
    if not true:
        return None
    need, count, suit = writer.rng.choice(true)
    called = next((card.name[: len(suit)] for card in cards if suit and suit_of(card.card) == suit), suit)
    return writer.line(
        "link",
        writer.rows("links", need, writer.voice),
        k=writer.words("numeral", "number")[count],
        suit=called,
        element=_element(writer, suit),
    )


def _remarkable(cards: tuple[Drawn, ...]) -> Iterator[tuple[str, int, str]]:
    """Yield remarkable facts about a spread: need of the link, number of cards, suit."""
    n, down = len(cards), sum(not card.upright for card in cards)
    major = sum(is_major(card.card) for card in cards)
    counts = {suit: sum(suit_of(card.card) == suit for card in cards) for suit in SUITS}
    top = max(SUITS, key=counts.get)
    absent = [suit for suit in SUITS if not counts[suit]]
    if major == 0:
        yield "no_majors", 0, ""
    elif n > major >= n / 2:
        yield "majors", major, ""
    if down == 0:
        yield "no_reversed", 0, ""
    elif down * 5 >= n * 3:
        yield "many_reversed", down, ""
    if counts[top] >= 2 and counts[top] * 2 >= n:
        yield "suit_group", counts[top], top
    if n >= 4 and len(absent) == 1:
        yield "suit_missing", 0, absent[0]


def _advice(writer: Writer, theme: str, cards: tuple[Drawn, ...], wanted: int) -> list[Line]:
    """Advise `wanted` times, the last time often by a card."""
    rng, voice = writer.rng, writer.voice
    lines = []
    for number in range(wanted):
        when = writer.pick(writer.rows("times"))
        if number == wanted - 1 and rng.random() < 0.6:
            card = rng.choice(cards)
            frame, vp = (
                writer.pick(writer.rows("advice_frames", voice, "card")),
                writer.tables.cards[card.card]["advice"],
            )
            lines.append(Line("advice", writer.fill(frame, card=_bare(writer, card), when=when, vp=vp)))
            continue
        polarity = "dont" if rng.random() < 0.3 else "do"
        about = theme if rng.random() < 0.6 else "any"
        vp = writer.pick(writer.rows("advice", about, polarity))
        frames = writer.rows("advice_frames", voice, "any")
        frames += writer.rows("advice_frames", voice, "do") if polarity == "do" else ()
        lines.append(writer.line("advice", frames, when=when, vp=vp))
    return lines
