"""Drawn cards that a reading's content states itself, for a record whose fields have none."""

import re

from tarot_data import lexicon
from tarot_data.cards.card_fields import duplicates, listed, orientation_of
from tarot_data.cards.named_cards import addresses, is_chat, mentioned_cards, named_and_read
from tarot_data.cards.spreads import places, places_of
from tarot_data.lexicon.word_lists import any_of, any_of_kind, of_kind
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

LONGEST_CONTENT = 6000
"""Characters of the content in which cards are looked for."""

LONGEST_BEFORE = 40
"""Characters of a position and its card before what is said of it."""
LINES_ABOVE_LIST, LONGEST_LIST = 8, 120
"""Lines of the content among which a line of cards is, and its characters."""
_SENTENCE_ENDS = frozenset("。！？!?")
_LATER = re.compile(r"[^。！？!?\n]{0,60}")
_LIST_BEGINS = re.compile(r"[：:，,是出到张]")
_AGAIN = "又再"
_CLAUSE = re.compile(r"[，,。！？!?\n]")
_DASHES = ("——", "—", " - ")
_MARKS_BEFORE = re.compile(r"^[\s>#*\-•·📍✨【\[「|]*")


@lexicon.cached
def _list_label() -> re.Pattern:
    """Compile a pattern for a line with a label for the cards; group 1 is the rest. 牌 is one only before a colon."""
    labels = any_of(word for word in of_kind("list label") if len(word) > 1)
    short = any_of(word for word in of_kind("list label") if len(word) == 1)
    return re.compile(
        rf"^[^\w\n]*(?:{labels}|(?:{short})(?=[】\]」*\s]*:))[】\]」*\s]*(?:[:|】 ]|$)[ \t*]*(.*)$", re.MULTILINE
    )


@lexicon.cached
def _numbered_heading() -> re.Pattern:
    """Compile a pattern for a numbered heading (`第1张：教皇`, `2. 教皇`, `③教皇`); group 1 is the number, the last group the
    rest of the line."""
    ordinal, measure = any_of_kind("ordinal"), any_of_kind("measure")
    return re.compile(
        rf"^[\s>#*【\[]*(?:(?:{ordinal})\s?([{NUMERALS}]|[0-9]{{1,2}})\s?(?:{measure})|([0-9]{{1,2}})[.、)]|([0-9])\ufe0f?\u20e3|([①-⑳]))"
        r"[\s:】\]]*([^。,!?\n]{1,40})$",
        re.MULTILINE,
    )


@lexicon.cached
def _drawn() -> re.Pattern:
    """Compile a pattern for a clause that says that cards were drawn. Groups: the text before the verb, the text after
    it."""
    verbs, then = any_of_kind("drawn"), any_of_kind("drawn then")
    return re.compile(rf"(?:^|[。,!?\n])([^。,!?\n]{{0,6}}?)(?:{verbs})(?:{then})*:?([^。!?\n]{{4,80}})")


@lexicon.cached
def _how_many_drawn() -> re.Pattern:
    """Compile a pattern for a clause that says how many cards were drawn (`给你抽了三张`); group 1 is the number."""
    verbs, ordinal, measure, other = (any_of_kind(kind) for kind in ("dealt", "ordinal", "measure", "other sheets"))
    return re.compile(
        rf"(?:{verbs})(?:(?!{ordinal})[^。\n]){{0,6}}?(?<!{ordinal})([两{NUMERALS}]|[0-9]{{1,2}})\s?(?:{measure})(?!{other})"
    )


def cards_in_content(content: str, spread: str | None = None, asked: bool = False) -> list[dict]:
    """Find the cards that the content says were drawn; [] if it does not.

    Accepts a list behind `牌面：`, on its line or the lines below; numbered headings; a sentence or lines that are a list;
    or every card the prose names, if these are as many as the spread has places (right for 49 of the 50 annotated
    readings this accepts), or as the text gives as the number drawn. Failing that, unless the setting
    `cards_from_content` is `listed`, every card that the prose names and reads (see `named_cards`).
    asked: the client or the question is known.
    """
    content = content[:LONGEST_CONTENT]
    folded, count = fold(content), places_of(spread)
    if cards := _labelled(content, folded) or _headed(content, folded, count):
        return cards
    if is_chat(folded):
        return []
    if cards := _listed(content, folded, count, asked):
        return cards
    stated = {to_int(match[1]) for match in _how_many_drawn().finditer(folded[:300])}
    if cards := _named(content, folded, count or (stated.pop() if len(stated) == 1 else None)):
        return cards
    return named_and_read(content, asked) if lexicon.setting("cards_from_content") == "named" else []


def _listed(content: str, folded: str, count: int | None, asked: bool) -> list[dict]:
    """Find the cards that a sentence or lines list, if no other card is named and they are as many as the spread has."""
    lists = (
        _in_a_sentence(content, folded),
        _at_places(content, asked) or _over_texts(content),
        _on_a_line(content) if asked or addresses(folded) else [],
    )
    for cards in lists:
        drawn = [card for card in cards if card["place"] > 0]
        named = {_possible()[0][name] for name in named_cards(content)}
        if cards and len(drawn) == (count or len(drawn)) and named <= {card["card"] for card in cards}:
            return cards
    return []


def drawn_later(content: str, cards: list[dict]) -> list[dict]:
    """Find the cards that the content says were drawn in addition to those of the field: the name alone in its clause, in
    the sentence of such a word (`又补了一张，是节制`). They are extra cards (place 0)."""
    content = content[:LONGEST_CONTENT]
    known = {card["card"] for card in cards}
    found: list[dict] = []
    for at, word in sorted((content.find(word), word) for word in of_kind("drawn later") if word in content):
        if _is_denied(_clause_before(content, at), word):
            continue
        sentence = _LATER.match(content, at)[0]
        name = _possible()[1].search(fold(sentence))
        new = listed(_CLAUSE.split(sentence[name.start() :])[0]) if name else []
        if len(new) == 1 and new[0]["card"] not in known:
            known.add(new[0]["card"])
            found.append(new[0] | {"place": 0, "position": word})
    return found


def _clause_before(content: str, at: int) -> str:
    return _CLAUSE.split(content[max(0, at - 6) : at])[-1].rstrip(_AGAIN)


def is_incomplete(content: str, cards: list[dict]) -> bool:
    """Check whether the content says that more cards were drawn than are known."""
    stated = {to_int(match[1]) for match in _how_many_drawn().finditer(fold(content[:300]))}
    return len(stated) == 1 and sum(card["place"] > 0 for card in cards) < stated.pop()


def _labelled(content: str, folded: str) -> list[dict]:
    """Find the cards of a list behind its label, or in the lines below it."""
    for match in _list_label().finditer(folded):
        cards = listed(content[match.start(1) : match.end(1)])
        if not cards and not match[1].strip():
            lines = [_bare(line) for line in content[match.end() :].lstrip("\n").split("\n")[:20]]
            end = next((index for index, line in enumerate(lines) if not listed(line)), len(lines))
            cards = listed("\n".join(lines[:end]))
        if cards and not duplicates(cards):
            return cards
    return []


def _headed(content: str, folded: str, count: int | None) -> list[dict]:
    """Find the cards of numbered headings (`第1张：教皇（逆位）` and prose below): two or more from the first on, as many as the
    spread has places if that is known."""
    cards: list[dict] = []
    for match in _numbered_heading().finditer(folded):
        found = listed(content[match.start(5) : match.end(5)])
        number = to_int(next(filter(None, match.groups())))
        if len(found) == 1 and number == len(cards) + 1:
            cards.append({**found[0], "place": number})
    return cards if len(cards) > 1 and len(cards) == (count or len(cards)) and not duplicates(cards) else []


def _in_a_sentence(content: str, folded: str) -> list[dict]:
    """Find two cards or more in a sentence that is a list of them and nothing else: `你抽到了恶魔逆位和高塔正位。`"""
    for match in _drawn().finditer(folded[:500]):
        if _is_denied(match[1], match[0]):
            continue
        cards = listed(content[match.start(2) : match.end(2)].strip(" ，,"))
        if len(cards) > 1 and not duplicates(cards):
            return cards
    return []


def list_drawn(sentence: str) -> int | None:
    """Return where the card list at the end of a sentence begins that says that cards were drawn (`抽了三张，依次是愚人、
    力量`); None if there is none."""
    folded = fold(sentence)
    if len(folded) != len(sentence) or not any(word in folded for word in of_kind("dealt")):
        return None
    counts = [(len(listed(sentence[match.end() :])), match.end()) for match in _LIST_BEGINS.finditer(sentence)]
    most, start = max(counts, default=(0, 0))
    return start if most else None


def _is_denied(before: str, clause: str) -> bool:
    """Check whether cards were not drawn, or another time: `没抽到`, `上次抽到`. A one-character word must touch the verb."""
    words = of_kind("not drawn")
    return any(word in clause for word in words if len(word) > 1) or before.endswith(words)


def _at_places(content: str, asked: bool) -> list[dict]:
    """Find the cards of consecutive lines that are a position and its card: `过去：恶魔逆位`, `1 过去 恶魔（逆）——你放不下`, or, if
    somebody asked, an upright or reversed card and what it says: `恶魔 逆：你放不下`."""
    run: list[str] = []
    for line in [*content.split("\n")[:60], ""]:
        explained = explained_card(line)
        bare = explained or _bare(line)
        counts = _counts(bare, len(run) + 1)
        cards = listed(bare) if 3 < len(bare) <= 40 and (explained or counts or ":" in fold(bare)) else []
        known = len(cards) == 1 and fold(cards[0]["position"] or "") in places()
        turned = asked and bool(explained) and len(cards) == 1 and cards[0]["orientation"] != "unknown"
        if known or turned or len(cards) == 1 and counts:
            run.append(bare)
        elif len(run) > 1:
            break
        else:
            run = []
    cards = listed("\n".join(run)) if len(run) > 1 else []
    return [] if duplicates(cards) else cards


def _on_a_line(content: str) -> list[dict]:
    """Find the cards of the first line that is a list of several cards and no sentence, if it is among the first lines."""
    lines = (line for line in content.split("\n")[:LINES_ABOVE_LIST] if 3 < len(line) <= LONGEST_LIST)
    lines = (line for line in lines if _SENTENCE_ENDS.isdisjoint(line))
    cards = next((cards for line in lines if len(cards := listed(_bare(line))) > 1), [])
    return [] if duplicates(cards) else cards


def _over_texts(content: str) -> list[dict]:
    """Find the cards of lines that are a known position and its card, with texts between them."""
    lines = [bare for line in content.split("\n")[:60] if 3 < len(bare := _bare(line)) <= 40 and ":" in fold(bare)]
    found = [(line, listed(line)) for line in lines]
    placed = [line for line, cards in found if len(cards) == 1 and fold(cards[0]["position"] or "") in places()]
    cards = listed("\n".join(placed)) if len(placed) > 1 else []
    return [] if duplicates(cards) else cards


def _counts(line: str, number: int) -> bool:
    """Check whether a line begins with a number."""
    digits = str(number)
    return line.startswith(digits) and not line[len(digits) : len(digits) + 1].isdecimal()


def explained_card(line: str) -> str | None:
    """Return the card of a line with a dash and what it says behind it: `1 过去 恶魔（逆）——你放不下`; None for any other."""
    bare = _bare(line)
    for mark in (*_DASHES, ":"):
        at = bare[:LONGEST_BEFORE].replace("：", ":").find(mark)
        cards = listed(bare[:at]) if at > 0 and bare[at + len(mark) :].strip() else []
        # `愚人：开始` explains what the card means, and `过去 愚人：正位` explains nothing.
        told = len(cards) == 1 and orientation_of(bare[at + len(mark) :].strip()) is None
        if told and mark in _DASHES[1:] and listed(bare):
            return None  # `愚人 - 过去`
        if told and (mark in _DASHES or cards[0]["position"] or cards[0]["orientation"] != "unknown"):
            return bare[:at]
    return None


def _named(content: str, folded: str, count: int | None) -> list[dict]:
    """Return the cards that the prose names, if these are `count`."""
    if not count:
        return []
    cards = mentioned_cards(content, folded)
    # If a word may be a card but has no sign of it (隐士, 正义), the number of drawn cards is unknown.
    maybe = {_possible()[0][name] for name in named_cards(content)}
    return cards if len(cards) == count and maybe <= {card["card"] for card in cards} else []


@lexicon.cached
def _possible() -> tuple[dict[str, str], re.Pattern]:
    """Map folded names of two characters or more that may occur in prose to their cards; compile a pattern for any of
    them."""
    names = {
        fold(row["alias"]): row["card"]
        for row in lexicon.read_table("aliases")
        if row["use"] in ("prose", "marked") and len(row["alias"]) > 1
    }
    return names, re.compile(any_of(names))


def _bare(line: str) -> str:
    return _MARKS_BEFORE.sub("", line).replace("**", "").replace("|", " ").strip(" 】")


def names_card(text: str) -> bool:
    """Check whether a text has a word that can name a card."""
    return _possible()[1].search(fold(text)) is not None


def named_cards(text: str) -> list[str]:
    """Return the words of a text that can name cards, folded; a text without one cannot be a reading."""
    return _possible()[1].findall(fold(text))
