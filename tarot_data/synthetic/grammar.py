"""Made-up readings: a grammar over the tables of `lexicon/synthetic/`, seeded.

Reading number i of a seed is the same whatever else is made, so that readings can be made in any order and in streams.
The text follows what a reader does: greet, restate the question, interpret every card (picture, orientation, position,
what it means for the question), relate cards to each other, advise with a time, close. Five voices render it.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from itertools import combinations
from random import Random

from schemas.deck import CARDS, MAJORS, RANKS, SUITS, is_major, rank_of, suit_of
from tarot_data.lexicon import cached, read_table

SHORTEST, LONGEST = 300, 900
"""Characters of a content: SHORTEST without white space, LONGEST with it."""

UPRIGHT_SHARE = 0.6
ANONYMOUS_SHARE = 0.08
FIRST_DAY, DAYS = date(2019, 1, 2), 2480


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One card as drawn. card: canonical name; name: what this reader calls it; position: None where the spread has none."""

    card: str
    name: str
    upright: bool
    position: str | None


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


@dataclass
class Line:
    """A sentence in the making. kind: greet, heading, intro, meaning, link, advice, closing, aside: what it does."""

    kind: str
    text: str


@dataclass
class Hand:
    """What one reading draws from: its chance, its words and the templates it has used already."""

    rng: Random
    voice: str
    slots: dict[str, str]
    used: set[str] = field(default_factory=set)

    def pick(self, rows: tuple[str, ...]) -> str:
        """One of the rows, by preference one this reading has not used yet."""
        for _ in range(5):
            row = rows[int(self.rng.random() * len(rows))]
            if row not in self.used:
                break
        self.used.add(row)
        return row

    def fill(self, template: str, **slots: str) -> str:
        """The template with its slots filled. Twice, since what fills a slot may hold one itself ({you})."""
        slots = self.slots | slots
        return template.format_map(slots).format_map(slots)


def _grouped(table: str, *keys: str, value: str = "text") -> dict[tuple[str, ...], tuple[str, ...]]:
    """Values of a table by its key columns; a key cell `a|b` counts for a and for b."""
    groups = defaultdict(list)
    for row in read_table(f"synthetic/{table}"):
        combos = [()]
        for key in keys:
            combos = [(*combo, part) for combo in combos for part in row[key].split("|")]
        for combo in combos:
            groups[combo].append(row[value])
    return {key: tuple(values) for key, values in groups.items()}


def _weighted(table: str, column: str) -> tuple[list[str], list[float]]:
    """Distinct values of a column and their cumulative weights."""
    weights: dict[str, float] = {}
    for row in read_table(f"synthetic/{table}"):
        weights.setdefault(row[column], float(row["weight"]))
    return list(weights), _cumulative(list(weights.values()))


def _cumulative(weights: list[float]) -> list[float]:
    sums, total = [], 0.0
    for weight in weights:
        total += weight
        sums.append(total)
    return sums


@dataclass(frozen=True)
class Tables:
    """The tables as the grammar asks for them."""

    cards: dict[str, dict[str, str]]
    lore: dict[str, tuple[str, ...]]
    questions: dict[tuple[str, ...], tuple[str, ...]]
    apply: dict[tuple[str, ...], tuple[str, ...]]
    openings: dict[tuple[str, ...], tuple[str, ...]]
    lines: dict[tuple[str, ...], tuple[str, ...]]
    links: dict[tuple[str, ...], tuple[str, ...]]
    advice: dict[tuple[str, ...], tuple[str, ...]]
    frames: dict[tuple[str, ...], tuple[str, ...]]
    times: tuple[str, ...]
    closings: dict[tuple[str, ...], tuple[str, ...]]
    asides: dict[tuple[str, ...], tuple[str, ...]]
    words: dict[tuple[str, str], tuple[str, ...]]
    theme_words: dict[str, tuple[str, ...]]
    themes: tuple[list[str], list[float]]
    voices: tuple[list[str], list[float]]
    schemes: tuple[list[str], list[float]]
    names: dict[str, dict[str, str]]
    persons: tuple[dict[str, str], ...]
    person_weights: list[float]
    spreads: dict[str, tuple[list[tuple[str, tuple[str, ...]]], list[float]]]


@cached
def tables() -> Tables:
    def read(name: str) -> tuple:
        return read_table(f"synthetic/{name}")

    words = {(row["kind"], row["key"]): tuple(row["values"].split("|")) for row in read("words")}
    voices = [row for row in read("words") if row["kind"] == "voice_weight"]
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for row in read("names"):
        names[row["scheme"]][row["canonical"]] = row["alias"]
    by_suit, by_rank = _grouped("suits", "suit"), _grouped("ranks", "rank")
    layouts = {row["spread_id"]: row for row in read_table("spreads")}
    spreads = {}
    for theme in (row["theme"] for row in read("themes")):
        rows = [row for row in read("spreads") if row["themes"] == "any" or theme in row["themes"].split("|")]
        known = [layouts[row["spread_id"]] for row in rows]
        spreads[theme] = (
            [(row["spread"], tuple(row["positions"].split("|"))) for row in known],
            # A spread made for this theme is twice as likely as its weight says.
            _cumulative([float(row["weight"]) * (1 if row["themes"] == "any" else 2) for row in rows]),
        )
    persons = tuple(row.values for row in read("persons"))
    return Tables(
        cards={row["card"]: row.values for row in read("cards")},
        lore={
            card: by_suit[("大牌",)] + by_rank[("大牌",)]
            if card in MAJORS
            else by_suit[(suit_of(card),)] + by_rank[(rank_of(card),)]
            for card in CARDS
        },
        questions=_grouped("questions", "theme", value="question"),
        apply=_grouped("apply", "theme", "orientation"),
        openings=_grouped("openings", "voice", "part"),
        lines=_grouped("card_lines", "voice", "part", "orientation"),
        links=_grouped("links", "needs", "voice"),
        advice=_grouped("advice", "theme", "polarity"),
        frames=_grouped("advice_frames", "voice", "polarity"),
        times=tuple(row["text"] for row in read("times")),
        closings=_grouped("closings", "voice"),
        asides=_grouped("asides", "voice"),
        words=words,
        theme_words={row["theme"]: tuple(row["words"].split("|")) for row in read("themes")},
        themes=_weighted("themes", "theme"),
        voices=([row["key"] for row in voices], _cumulative([float(row["values"]) for row in voices])),
        schemes=_weighted("names", "scheme"),
        names=dict(names),
        persons=persons,
        person_weights=_cumulative([float(row["weight"]) for row in persons]),
        spreads=spreads,
    )


def made_up(seed: int, index: int, *, person: int | None = None, labelled: bool = False) -> MadeUp:
    """Reading number `index` of a seed.

    person: a row of persons.csv, where the source is a chat with one person (then never in the voice of notes). labelled: the content will stand
    below labelled fields, so it must not begin with labels of its own, which nobody could tell apart.
    """
    t = tables()
    rng = Random(f"{seed}/{index}")
    voice = _draw(rng, t.voices)
    while person is not None and voice == "notes":
        voice = _draw(rng, t.voices)
    theme = _draw(rng, t.themes)
    who = _person(rng, t, person)
    spread, positions = _draw(rng, t.spreads[theme])
    scheme = t.names[_draw(rng, t.schemes)]
    day = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    question = rng.choice(t.questions[(theme,)])
    # 无牌阵 has places without a meaning. A bracket in a position explains it and is not spoken.
    spoken = [re.sub("（.*?）", "", position) for position in positions]
    meant = len(set(spoken)) == len(spoken)
    cards = tuple(
        Drawn(
            card=card,
            name=_called(card, scheme),
            upright=rng.random() < UPRIGHT_SHARE,
            position=spoken[place] if meant else None,
        )
        for place, card in enumerate(rng.sample(CARDS, len(positions)))
    )
    hand = Hand(rng, voice, _slots(rng, t, voice, who, question, spread, day, len(cards)))
    target = rng.randint(SHORTEST + 40, LONGEST - 120)
    for _ in range(40):
        hand.used.clear()
        content = _render(hand, t, _compose(hand, t, theme, cards, who, labelled, target))
        size = len(re.sub(r"\s", "", content))
        if size >= SHORTEST and len(content) <= LONGEST:
            break
        target += 60 if size < SHORTEST else -60
    if voice == "trad":
        question, spread = _traditional(t, question), _traditional(t, spread)
        cards = tuple(
            replace(
                card,
                name=_traditional(t, card.name),
                position=_traditional(t, card.position) if card.position else None,
            )
            for card in cards
        )
    return MadeUp(
        person=who["name"] or None,
        question=question,
        spread=spread,
        cards=cards,
        content=content,
        day=day,
        voice=voice,
    )


def listed(t: Tables, rng: Random, cards: tuple[Drawn, ...], separator: str) -> str:
    """The cards as one list, each with its orientation written one way: `愚人(正位), 力量(逆位)`."""
    up, down = rng.choice(t.words[("orientation", "listed")]).split("/")
    return separator.join(card.name + (up if card.upright else down) for card in cards)


def _draw(rng: Random, weighted: tuple[list, list[float]]):
    values, sums = weighted
    point = rng.random() * sums[-1]
    return values[next(i for i, total in enumerate(sums) if point < total)]


def _person(rng: Random, t: Tables, person: int | None) -> dict[str, str]:
    if person is not None:
        return t.persons[person % len(t.persons)]
    if rng.random() >= ANONYMOUS_SHARE:
        return _draw(rng, (list(t.persons), t.person_weights))
    one = {key: rng.choice(t.words[("anonymous", key)]) for key in ("person", "call", "formal")}
    return {**one, "name": one["person"], "pronoun": "", "fact": "", "fact_2": ""}


def _called(card: str, scheme: dict[str, str]) -> str:
    """What this reader calls the card: a name of its own, or its suit and rank under other names."""
    if card in scheme:
        return scheme[card]
    if is_major(card):
        return card
    return scheme.get(suit_of(card), suit_of(card)) + scheme.get(rank_of(card), rank_of(card))


def _slots(
    rng: Random, t: Tables, voice: str, who: dict[str, str], question: str, spread: str, day: date, n: int
) -> dict[str, str]:
    you = "你"
    if voice == "formal":
        you = "您"
    elif voice == "trad" and who["pronoun"] == "她" and rng.random() < 0.6:
        you = "妳"
    elif voice == "notes" and who["pronoun"] and rng.random() < 0.35:
        you = who["pronoun"]
    return {
        "you": you,
        "name": who["call"],
        "formal": who["formal"],
        "question": question,
        "spread": spread,
        "n": t.words[("numeral", "number")][n],
        "m1": str(day.month % 12 + 1),
        "m2": str((day.month + 2) % 12 + 1),
    }


def _compose(
    hand: Hand, t: Tables, theme: str, cards: tuple[Drawn, ...], who: dict[str, str], labelled: bool, target: int
) -> list[list[Line]]:
    """The paragraphs of one reading, about `target` characters in all."""
    rng, voice = hand.rng, hand.voice
    opening = _opening(hand, t, who, labelled)
    overview = _overview(hand, t, cards)
    early = [Line("link", overview)] if overview and rng.random() < 0.2 else []
    late = [Line("link", overview)] if overview and not early and rng.random() < 0.6 else []
    pairs = _pairs(rng, len(cards), target)
    links = {pair: Line("link", _link(hand, t, cards[pair[0]], cards[pair[1]])) for pair in pairs}
    together = rng.random() < 0.35
    advice = _advice(hand, t, theme, cards, 2 + (target > 450) + (target > 600))
    closing = [Line("closing", hand.fill(hand.pick(t.closings[(voice,)])))]
    if target > 420 and rng.random() < 0.5:
        closing.append(Line("closing", hand.fill(hand.pick(t.closings[(voice,)]))))
    spent = sum(len(line.text) for line in [*opening, *early, *late, *links.values(), *advice, *closing])
    budget = (target - spent) / len(cards)
    style = rng.randrange(len(t.words[("section", "links")]))
    heading = t.words[("section", "card")][style]
    blocks = [_block(hand, t, theme, card, place, budget, heading) for place, card in enumerate(cards)]
    if not together:
        for (_, later), line in links.items():
            blocks[later].append(line)
    linking = [*(links.values() if together else ()), *late]
    if voice == "notes":
        linking = linking and [Line("heading", t.words[("section", "links")][style]), *linking]
        advice = [Line("heading", t.words[("section", "advice")][style]), *advice]
    if voice != "formal" and rng.random() < 0.14:
        rng.choice([opening, closing]).append(Line("aside", hand.fill(hand.pick(t.asides[(voice,)]))))
    return [part for part in (opening, early, *blocks, linking, advice, closing) if part]


def _opening(hand: Hand, t: Tables, who: dict[str, str], labelled: bool) -> list[Line]:
    rng, voice = hand.rng, hand.voice
    wanted = [("greet", 0.92), ("ask", 0.9), ("spread", 0.6), ("tone", 0.55)]
    lines = []
    for part, share in wanted:
        rows = t.openings.get((voice, part), ())
        if labelled:
            rows = tuple(row for row in rows if not re.match(r"^\S{1,4}[： ]", row))
        if rows and rng.random() < share:
            lines.append(Line(part, hand.fill(hand.pick(rows))))
        if part == "greet" and who["fact"] and voice != "formal" and rng.random() < 0.3:
            stop = "。" if voice in ("notes", "trad") else ""
            lines.append(Line("fact", hand.fill(rng.choice((who["fact"], who["fact_2"]))) + stop))
    return lines or [Line("ask", hand.fill(hand.pick(t.openings[(voice, "ask")])))]


def _block(hand: Hand, t: Tables, theme: str, card: Drawn, place: int, budget: float, heading: str) -> list[Line]:
    """What is said about one card: named with its position and picture, then what it means, as long as the budget lasts."""
    rng, voice, row = hand.rng, hand.voice, t.cards[card.card]
    way = "upright" if card.upright else "reversed"
    up, down = rng.choice(t.words[("orientation", voice)]).split("/")
    ordinal = t.words[("numeral", "rank")][place + 1]
    slots = {
        "card": card.name,
        "o": up if card.upright else down,
        "pos": card.position or t.words[("place", "ordinal")][0].format(n=ordinal),
        "i": str(place + 1),
        "tw": rng.choice(t.theme_words[theme]),
    }
    images = [row["image"], row["image_2"]]
    meanings = [row[way], row[f"{way}_2"]]
    rng.shuffle(images)
    rng.shuffle(meanings)

    def say(part: str, **more: str) -> str:
        rows = t.lines[(voice, part, "any")] + t.lines.get((voice, part, way), ())
        return hand.fill(hand.pick(rows), **slots, **more)

    lines = []
    if voice == "notes":
        lines.append(Line("heading", hand.fill(heading, **{**slots, "o": slots["o"].strip("（）")})))
    lines.append(Line("intro", say("intro", image=images[0])))
    lines.append(Line("meaning", say("meaning", mean=meanings[0])))
    applied = rng.sample(t.apply[(theme, way)], 2)
    more = [
        lambda: Line("meaning", say("apply", apply=applied[0])),
        lambda: Line("meaning", say("meaning", mean=meanings[1])),
        lambda: Line("intro", say("picture", image2=images[1])),
        lambda: Line("meaning", say("lore", lore=rng.choice(t.lore[card.card]))),
        lambda: Line("meaning", say("apply", apply=applied[1])),
    ]
    if rng.random() < 0.5:
        more[1], more[2] = more[2], more[1]
    left = budget - sum(len(line.text) for line in lines)
    extra = []
    for make in more:
        if left < 12:
            break
        line = make()
        left -= len(line.text)
        extra.append(line)
    rng.shuffle(extra)
    return lines + extra


def _pairs(rng: Random, n: int, target: int) -> list[tuple[int, int]]:
    """Which cards are related to each other, by place: neighbours first, as readers do."""
    wanted = min(n - 1, 1 + (target > 480) + (n > 4 and rng.random() < 0.5))
    pairs = list(combinations(range(n), 2))
    rng.shuffle(pairs)
    pairs.sort(key=lambda pair: pair[1] - pair[0] > 1)
    return sorted(pairs[:wanted])


def _link(hand: Hand, t: Tables, a: Drawn, b: Drawn) -> str:
    """A sentence relating two cards, of a kind that is true of them."""
    needs = ["any", "b_upright" if b.upright else "b_reversed"]
    if a.upright and b.upright:
        needs.append("both_upright")
    elif a.upright or b.upright:
        needs += ["mixed", "a_upright_b_reversed" if a.upright else "a_reversed_b_upright"]
    else:
        needs.append("both_reversed")
    special = []
    suits, ranks = (suit_of(a.card), suit_of(b.card)), (rank_of(a.card), rank_of(b.card))
    if suits[0] and suits[0] == suits[1]:
        special.append("same_suit")
    if ranks[0] and ranks[0] == ranks[1] and ranks[0] in RANKS[:10]:
        special.append("same_number")
    if all(rank in RANKS[10:] for rank in ranks):
        special.append("both_court")
    if suits[0] is None and suits[1]:
        special.append("major_minor")
    if special and hand.rng.random() < 0.5:
        needs = special
    rows = tuple(row for need in needs for row in t.links.get((need, hand.voice), ()))
    suit = suits[1] or ""
    return hand.fill(
        hand.pick(rows),
        a=_bare(hand, a),
        b=_bare(hand, b),
        a_gist=t.cards[a.card]["gift" if a.upright else "snag"],
        b_gist=t.cards[b.card]["gift" if b.upright else "snag"],
        a_thing=t.cards[a.card]["thing"],
        b_thing=t.cards[b.card]["thing"],
        suit=b.name[: len(suit)],
        element=t.words.get(("element", suit), ("",))[0],
        number=ranks[1] or "",
    )


def _bare(hand: Hand, card: Drawn) -> str:
    """A card named again. A major's name is an ordinary word (力量, 世界), so half of the time it is called a card."""
    return card.name + "牌" if is_major(card.card) and hand.rng.random() < 0.5 else card.name


def _overview(hand: Hand, t: Tables, cards: tuple[Drawn, ...]) -> str | None:
    """A true sentence about the whole spread, where something stands out."""
    n = len(cards)
    if n < 3:
        return None
    down = sum(not card.upright for card in cards)
    major = sum(is_major(card.card) for card in cards)
    counts = {suit: sum(suit_of(card.card) == suit for card in cards) for suit in SUITS}
    top = max(SUITS, key=counts.get)
    true = []
    if major == 0:
        true.append(("no_majors", 0, ""))
    elif n > major >= n / 2:
        true.append(("majors", major, ""))
    if down == 0:
        true.append(("no_reversed", 0, ""))
    elif down * 5 >= n * 3:
        true.append(("many_reversed", down, ""))
    if counts[top] >= 2 and counts[top] * 2 >= n:
        true.append(("suit_group", counts[top], top))
    absent = [suit for suit in SUITS if not counts[suit]]
    if n >= 4 and len(absent) == 1:
        true.append(("suit_missing", 0, absent[0]))
    if not true:
        return None
    need, k, suit = hand.rng.choice(true)
    called = next((card.name[: len(suit)] for card in cards if suit and suit_of(card.card) == suit), suit)
    return hand.fill(
        hand.pick(t.links[(need, hand.voice)]),
        k=t.words[("numeral", "number")][k],
        suit=called,
        element=t.words.get(("element", suit), ("",))[0],
    )


def _advice(hand: Hand, t: Tables, theme: str, cards: tuple[Drawn, ...], wanted: int) -> list[Line]:
    rng, voice = hand.rng, hand.voice
    lines = []
    for number in range(wanted):
        when = hand.pick(t.times)
        if number == wanted - 1 and rng.random() < 0.6:
            card = rng.choice(cards)
            frame, vp = hand.pick(t.frames[(voice, "card")]), t.cards[card.card]["advice"]
            lines.append(Line("advice", hand.fill(frame, card=_bare(hand, card), when=when, vp=vp)))
            continue
        polarity = "dont" if rng.random() < 0.3 else "do"
        about = theme if rng.random() < 0.6 else "any"
        vp = hand.pick(t.advice[(about, polarity)])
        frames = t.frames[(voice, "any")] + (
            t.frames[(voice, "do")] if polarity == "do" and (voice, "do") in t.frames else ()
        )
        lines.append(Line("advice", hand.fill(hand.pick(frames), when=when, vp=vp)))
    return lines


def _render(hand: Hand, t: Tables, paragraphs: list[list[Line]]) -> str:
    return {"chat": _chat, "speech": _speech, "notes": _notes, "formal": _prose, "trad": _blog}[hand.voice](
        hand, t, paragraphs
    )


def _prose(hand: Hand, t: Tables, paragraphs: list[list[Line]]) -> str:
    return "\n\n".join("".join(line.text for line in paragraph) for paragraph in paragraphs)


def _blog(hand: Hand, t: Tables, paragraphs: list[list[Line]]) -> str:
    gap = hand.rng.choice(("\n\n", "\n\n", "\n"))
    return _traditional(t, gap.join("".join(line.text for line in paragraph) for paragraph in paragraphs))


def _notes(hand: Hand, t: Tables, paragraphs: list[list[Line]]) -> str:
    bullets = hand.rng.random() < 0.3
    parts = []
    for paragraph in paragraphs:
        lines = []
        for line in paragraph:
            plain = line.kind in ("intro", "meaning", "link") and bullets
            lines.append(f"- {line.text}" if plain and not re.match(r"[→·>-]", line.text) else line.text)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _chat(hand: Hand, t: Tables, paragraphs: list[list[Line]]) -> str:
    """One or two sentences a line; a line ends in nothing, a full stop, a tilde, an exclamation mark or an emoji."""
    rng = hand.rng
    merry = rng.random()
    parts = []
    for paragraph in paragraphs:
        text = ""
        for number, line in enumerate(paragraph):
            ended = line.text[-1] in "？！。～"
            last = number == len(paragraph) - 1
            chance = rng.random()
            if not last and chance < 0.35 and line.kind not in ("greet", "fact") and line.text[-1] != "～":
                # The next sentence stands on the same line, so this one needs a stop.
                text += line.text + ("" if ended else "。" if chance < 0.3 else "！")
                continue
            chance = rng.random()
            end = "" if ended or chance < 0.5 else "。" if chance < 0.8 else "～" if chance < 0.93 else "！"
            emoji = t.words.get(("emoji", line.kind))
            if emoji and rng.random() < 0.15 + 0.35 * merry:
                end += rng.choice(emoji)
            text += line.text + end + ("" if last else "\n")
        parts.append(text)
    gap = "\n" if rng.random() < 0.3 else "\n\n"
    return gap.join(parts)


def _speech(hand: Hand, t: Tables, paragraphs: list[list[Line]]) -> str:
    """A voice message turned to text: one sentence a line, fillers, commas mostly lost."""
    rng = hand.rng
    commas = rng.choice((0.05, 0.1, 0.9))
    no_filler = t.words[("filler", "not_before")]
    lines = []
    for line in (line for paragraph in paragraphs for line in paragraph):
        text = re.sub("[“”]", "", line.text).rstrip("。")
        if rng.random() < 0.2 and line.kind != "greet" and not text.startswith(no_filler):
            text = rng.choice(t.words[("filler", "start")]) + text
        first, *clauses = re.split("[，：]", text)
        text = first
        for clause in clauses:
            chance = rng.random()
            if rng.random() < commas:
                text += "，"
            elif chance < 0.2:
                text += " "
            elif chance < 0.5 and line.kind != "ask" and not clause.startswith(no_filler):
                text += rng.choice(t.words[("filler", "join")])
            text += clause
        if rng.random() < 0.15 and line.kind not in ("greet", "closing") and text[-1] not in "？啊嘛吧哈":
            text += rng.choice(t.words[("filler", "end")])
        lines.append(text + ("。" if commas > 0.5 and text[-1] != "？" else ""))
    return "\n".join(lines)


@cache
def _converter():
    from opencc import OpenCC

    return OpenCC("s2tw")


def _traditional(t: Tables, text: str) -> str:
    """Traditional characters as written in Taiwan; what OpenCC writes otherwise than tarot readers do is in words.csv."""
    text = _converter().convert(text)
    for (kind, key), (value, *_) in t.words.items():
        if kind == "traditional":
            text = text.replace(key, value)
    return text
