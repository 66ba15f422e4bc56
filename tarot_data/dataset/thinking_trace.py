"""Thinking traces for base models that think, made only from the fields and annotation of a reading.

A trace is a few facts, each a sentence of `lexicon/reasoning.toml`: person, question and its repeated word; the draw;
majors, reversed cards, suits, missing elements, repeated ranks; the links the reader made and their direction; what the
advice rests on; the order of the text. Sentences, order and layout are chosen by a hash of the example's id, so that a
reading has the same trace on every machine. `thinking_trace_check` parses a trace and checks each sentence.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.resources import files

import polars as pl

from schemas.deck import CARDS, PATTERNS, SUITS, is_major, rank_of, suit_of
from tarot_data import lexicon
from tarot_data.patterns import cue_kinds, pattern_library, words
from tarot_data.patterns.time_expressions import find_times
from tarot_data.text.numerals import to_chinese

LOT = 2000
"""Readings described per batch, which bounds the memory."""

MOST_LINKS = 3
MOST_TIMES = 3
FEWEST = 3
"""Fewest cards for which a missing element or suit means something."""

Fact = tuple[str, dict[str, str]]
"""A kind of `reasoning.toml` and the values of its sentence."""


@cache
def phrases() -> dict[str, dict]:
    """Read the tables of reasoning.toml: say, how, form, label."""
    return tomllib.loads((files("tarot_data.lexicon") / "reasoning.toml").read_text(encoding="utf-8"))


@cache
def version() -> str:
    """Hash the phrases to 16 hex digits; part of the hash of a version with traces."""
    return blake2b((files("tarot_data.lexicon") / "reasoning.toml").read_bytes(), digest_size=8).hexdigest()


@lexicon.cached
def element_of(card: str) -> str:
    return {row["card"]: row["element"] for row in lexicon.read_table("deck")}[card]


@lexicon.cached
def elements() -> tuple[str, ...]:
    """Return the four elements in the order of the suits."""
    return tuple(dict.fromkeys(element_of(card) for card in CARDS if not is_major(card)))


def traces(asked: pl.DataFrame) -> list[str]:
    """Write one trace per row. asked: example_id, person, question, themes, draws, cards, content, sentences."""
    lots = (asked.slice(start, LOT) for start in range(0, asked.height, LOT))
    return [trace(row) for lot in lots for row in described(lot)]


def described(asked: pl.DataFrame) -> list[dict]:
    """Convert rows to dicts, each sentence with text and cue kinds, advice also with the times it names."""
    table = pattern_library.sentences_of(asked)
    said: dict[int, list[dict]] = {}
    for row in table.select("row", "text", "labels", "cards", "kinds", "named").iter_rows(named=True):
        said.setdefault(row.pop("row"), []).append(row)
    advice = [s for found in said.values() for s in found if "advice" in s["labels"]]
    for sentence, times in zip(advice, find_times([s["text"] for s in advice]), strict=True):
        sentence["times"] = [time.text for time in times]
    wanted = ("example_id", "person", "question", "themes", "draws", "cards")
    rows = asked.select(wanted).with_columns(pl.col("themes").cast(pl.List(pl.String))).to_dicts()
    return [row | {"sentences": said.get(number, [])} for number, row in enumerate(rows)]


def trace(row: dict) -> str:
    """Write the trace of one described row."""
    dice = _dice(row["example_id"])
    groups = [
        _asked(row, dice) + _drawn(row),
        _turned(_shuffled(_counted(row, dice), dice, "counts"), "turn_counts", dice),
        _turned(_links(row), "turn_links", dice),
        _turned(_advice(row), "turn_advice", dice) + _plan(row, dice),
    ]
    said = [[_say(fact, dice, place) for place, fact in enumerate(group)] for group in groups if group]
    layout = dice("layout", 3)
    if layout == 0:
        return "\n".join("".join(group) for group in said)
    if layout == 1:
        return "".join("".join(group) for group in said)
    return "\n".join(f"- {sentence}" for group in said for sentence in group)


def _dice(key: str) -> Callable[[str, int], int]:
    """Make reproducible dice: dice(purpose, sides) -> 0 … sides - 1, the same for an id on every machine."""
    return lambda purpose, sides: int.from_bytes(blake2b(f"{key}\0{purpose}".encode(), digest_size=8).digest()) % sides


def _say(fact: Fact, dice: Callable, place: int) -> str:
    kind, values = fact
    ways = phrases()["say"][kind]
    return ways[dice(f"{kind}{place}", len(ways))].format(**values)


def _turned(facts: list[Fact], turn: str, dice: Callable) -> list[Fact]:
    return [(turn, {}), *facts] if facts and dice(turn, 2) else facts


def _shuffled(facts: list[Fact], dice: Callable, purpose: str) -> list[Fact]:
    return sorted(facts, key=lambda fact: dice(f"{purpose}{fact}", 1 << 30))


def _asked(row: dict, dice: Callable) -> list[Fact]:
    person, question = row["person"], one_line(row["question"])
    out: list[Fact] = []
    if person and question:
        out.append(("asked", {"person": person, "question": question}))
    elif question:
        out.append(("question", {"question": question}))
    elif person:
        out.append(("person", {"person": person}))
    if row["themes"] and dice("themes", 3):
        out.append(("themes", {"themes": "、".join(row["themes"])}))
    out += [("repeated", {"word": word, "count": to_chinese(count)}) for word, count in _repeated(question)]
    return out


def one_line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()


def _repeated(question: str) -> list[tuple[str, int]]:
    """Return the most frequent word of two or more characters in the question, if it occurs at least twice."""
    counts = [(word, question.count(word)) for word in words.words_of(question)]
    again = sorted(((word, n) for word, n in counts if n > 1), key=lambda item: (-item[1], -len(item[0]), item[0]))
    return again[:1]


def _drawn(row: dict) -> list[Fact]:
    from tarot_data.cards.format import card_text

    cards, numbers = row["cards"], sorted({card["draw"] for card in row["cards"]})
    count = to_chinese(len(cards))
    if len(numbers) > 1:
        out: list[Fact] = [("drawn_several", {"draws": to_chinese(len(numbers)), "count": count})]
        for place, number in enumerate(numbers, 1):
            texts = "、".join(card_text(card) for card in cards if card["draw"] == number)
            out.append(("cards_of", {"number": to_chinese(place, ordinal=True), "cards": texts}))
        return out
    spread = one_line(next((draw["spread"] for draw in row["draws"] if draw["spread"]), None))
    first: Fact = ("drawn", {"spread": spread, "count": count}) if spread else ("drawn_plain", {"count": count})
    return [first, ("cards", {"cards": "、".join(card_text(card) for card in cards)})]


def _counted(row: dict, dice: Callable) -> list[Fact]:
    cards = [card["card"] for card in row["cards"]]
    majors = [card for card in cards if is_major(card)]
    minors = [card for card in cards if not is_major(card)]
    out = [_share("major", majors, cards), *_orientations(row["cards"])]
    suits = Counter(map(suit_of, minors)).most_common()
    if suits and suits[0][1] > 1 and (len(suits) == 1 or suits[0][1] > suits[1][1]) and dice("suit", 3):
        out.append(("most_suit", {"suit": suits[0][0], "count": to_chinese(suits[0][1])}))
    return out + _missing(cards, minors, dice) + _repeated_ranks(minors)


def _orientations(cards: list[dict]) -> list[Fact]:
    unknown = sum(card["orientation"] == "unknown" for card in cards)
    reversed_ = [card["card"] for card in cards if card["orientation"] == "reversed"]
    out: list[Fact] = [("unknown", {"count": to_chinese(unknown)})] if unknown else []
    if not unknown or reversed_:
        out.append(_share("reversed", reversed_, [card["card"] for card in cards]))
    return out


def _missing(cards: list[str], minors: list[str], dice: Callable) -> list[Fact]:
    """Return the elements that no card has, or else the suits that no card of the minor arcana has."""
    present = {element_of(card) for card in cards}
    missing = [element for element in elements() if element not in present]
    suits = set(map(suit_of, minors))
    without = [suit for suit in SUITS if suit not in suits]
    if len(cards) >= FEWEST and missing and dice("missing", 2):
        return [("missing_elements", {"elements": "、".join(missing)})]
    if len(minors) >= FEWEST and without:
        return [("missing_suits", {"suits": "、".join(without)})]
    return []


def _repeated_ranks(minors: list[str]) -> list[Fact]:
    out: list[Fact] = []
    for rank, number in Counter(map(rank_of, minors)).items():
        if number > 1:
            same = "、".join(card for card in minors if rank_of(card) == rank)
            out.append(("repeated_rank", {"rank": rank, "count": to_chinese(number), "cards": same}))
    return out


def _share(kind: str, found: list[str], cards: list[str]) -> Fact:
    """State how many of the cards are major or reversed."""
    plural = "majors" if kind == "major" else kind
    if not found:
        return f"no_{plural}", {}
    if len(found) == len(cards) > 1:
        return f"all_{plural}", {}
    if len(found) == 1:
        return f"one_{kind}", {"cards": found[0]}
    return plural, {"count": to_chinese(len(found)), "cards": "、".join(found)}


def _links(row: dict) -> list[Fact]:
    out: list[Fact] = []
    drawn = [card["card"] for card in row["cards"]]
    linked = [sentence for sentence in row["sentences"] if "card_link" in sentence["labels"]]
    for sentence in linked:
        named = [card for card in drawn if card in sentence["cards"]]
        how = phrases()["how"][cue_kinds.link_kinds(sentence["kinds"])[0]]
        if len(set(named)) == 2:
            out.append(_pair(sentence["named"], named, drawn, how))
        elif len(set(named)) > 2:
            out.append(("link_many", {"cards": "、".join(dict.fromkeys(named)), "how": how}))
    unlike = list({str(fact): fact for fact in out}.values())
    if not linked and len(drawn) > 1:
        return [("no_links", {})]
    return unlike[:MOST_LINKS]


def _pair(mentioned: list[str], named: list[str], drawn: list[str], how: str) -> Fact:
    """State a link of two cards, with its direction if the sentence names both; forward is the order of drawing."""
    spoken = list(dict.fromkeys(card for card in mentioned if card in named))
    if len(spoken) < 2:
        return "link", {"first": named[0], "second": named[1], "how": how}
    forward = drawn.index(spoken[0]) < drawn.index(spoken[1])
    kind = "link_forward" if forward else "link_backward"
    return kind, {"first": spoken[0], "second": spoken[1], "how": how}


def _advice(row: dict) -> list[Fact]:
    places = [place for place, sentence in enumerate(row["sentences"]) if "advice" in sentence["labels"]]
    if not places:
        return [("no_advice", {})] if row["sentences"] else []
    given = [row["sentences"][place] for place in places]
    forms = {form for s in given for form in cue_kinds.advice_forms(s["kinds"], s["text"])}
    said = "、".join(phrases()["form"][form] for form in cue_kinds.kinds_of("advice") if form in forms)
    out = [*_advised_cards(row, places[0], given), ("advice_forms", {"count": to_chinese(len(given)), "forms": said})]
    times = list(dict.fromkeys(one_line(time) for sentence in given for time in sentence.get("times", ())))
    if times:
        out.append(("times", {"times": "、".join(times[:MOST_TIMES])}))
    return out


def _advised_cards(row: dict, first: int, given: list[dict]) -> list[Fact]:
    """Return the drawn cards that the advice names, else the one named last before it. first: number of a sentence."""
    drawn = list(dict.fromkeys(card["card"] for card in row["cards"]))
    named = [card for card in drawn if any(card in sentence["cards"] for sentence in given)]
    if named:
        return [("advice_cards", {"cards": "、".join(named[:3])})]
    before = [s["cards"] for s in row["sentences"][:first] if len(s["cards"]) == 1 and s["cards"][0] in drawn]
    return [("advice_after", {"card": before[-1][0]})] if before else []


def _plan(row: dict, dice: Callable) -> list[Fact]:
    order = list(dict.fromkeys(s["labels"][0] for s in row["sentences"] if s["labels"][0] in PATTERNS))
    if len(order) < 2 or not dice("plan", 3):
        return []
    return [("plan", {"labels": "、".join(phrases()["label"][label] for label in order)})]
