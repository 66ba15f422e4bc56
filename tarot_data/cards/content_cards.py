"""Drawn cards as the content itself tells them, for a record whose fields have none."""

import re

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import places, places_of
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

_LISTED = re.compile(
    r"^[^\w\n]*(?:牌面是?|抽到的牌|牌(?=[】\]」*\s]*[:：])|抽牌结果|抽牌結果|抽到|抽出的牌|所抽牌|你抽到的是|你抽到的牌|開牌|开牌|抽牌|牌组|卡牌|cards?)"
    r"[】\]」*\s]*(?:[:：|｜】 ]|$)[ \t*]*(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADED = re.compile(
    rf"^[\s>#*【\[]*(?:第\s?([{NUMERALS}]|[0-9]{{1,2}})\s?[张張]\s?牌?|([0-9]{{1,2}})[.、)）]|([0-9])\ufe0f?\u20e3|([①-⑳]))"
    r"[\s：:】\]]*([^。，！？!?\n]{1,40})$",
    re.MULTILINE,
)
_SENTENCE = re.compile(
    r"(?:^|[。，！？!?,\n])[^。，！？!?,\n]{0,6}?(?<![没未想要若果能会再又])(?:抽到|抽出|翻到|开出|张牌?分别|张牌?依次)"
    r"(?:的|了|牌|分别|依次|是|为|有)*[:：]?([^。！？!?\n]{4,80})"
)
_BEFORE_NOW = re.compile("上次|上回|之前|以前|昨天|如果|要是|假如|没有")
_MARKED = re.compile(r"^[\s>#*\-•·📍✨【\[「|]*")
_STATED = re.compile(
    rf"(?:抽|排|摆|翻|開|开|用|列)[^。，！？\n第]{{0,6}}?(?<!第)([两{NUMERALS}]|[0-9]{{1,2}})\s?张(?!一|口|嘴|脸|桌|床|纸|图|照|票)"
)


def cards_in_content(content: str, spread: str | None = None) -> list[dict]:
    """Cards that the content itself plainly says were drawn, for a record whose fields have none; else an empty list.

    A list behind `牌面：`, on its line or the lines below. Or every card the prose names, where there are as many as the
    spread has places (right for 49 of the 50 annotated readings this accepts), or as the text says were drawn.
    """
    content = content[:6000]
    for match in _LISTED.finditer(content):
        listed = card_fields.listed(match[1])
        if not listed and not match[1].strip():
            lines = content[match.end() :].lstrip("\n").split("\n")[:20]
            end = next((index for index, line in enumerate(lines) if not card_fields.listed(_bare(line))), len(lines))
            listed = card_fields.listed("\n".join(_bare(line) for line in lines[:end]))
        if listed and not card_fields.duplicates(listed):
            return listed
    if headed := _headed(content, places_of(spread)):
        return headed
    for cards in (_in_a_sentence(content), _at_places(content)):
        laid = [card for card in cards if card["place"] > 0]
        if len(laid) == (places_of(spread) or len(laid)) and cards and _names_no_other(content, cards):
            return cards
    stated = {to_int(match[1]) for match in _STATED.finditer(fold(content[:300]))}
    count = places_of(spread) or (stated.pop() if len(stated) == 1 else None)
    if not count:
        return []
    from tarot_data.cards.mentions import find_cards

    named: dict[str, dict] = {}
    for mention in find_cards(content):
        raw = content[mention.start : mention.end]
        card = named.setdefault(
            mention.card,
            {"place": len(named) + 1, "position": None, "card": mention.card, "orientation": "unknown", "raw": raw},
        )
        if card["orientation"] == "unknown":
            card["orientation"] = mention.orientation
    # A word that may be a card but has no sign of it (隐士, 正义) leaves it open how many were drawn.
    maybe = {_possible()[0][name] for name in _possible()[1].findall(fold(content))}
    return list(named.values()) if len(named) == count and maybe <= set(named) else []


def _in_a_sentence(content: str) -> list[dict]:
    """Two cards or more of a sentence that is a list of them and nothing else: `你抽到了恶魔逆位和高塔正位。`"""
    for match in _SENTENCE.finditer(content[:500]):
        cards = card_fields.listed(match[1].strip(" ，,")) if not _BEFORE_NOW.search(match[0]) else []
        if len(cards) > 1 and not card_fields.duplicates(cards):
            return cards
    return []


def _at_places(content: str) -> list[dict]:
    """Cards of lines that follow each other and are a place and its card: `过去：恶魔逆位`."""
    run: list[str] = []
    for line in [*content.split("\n")[:60], ""]:
        bare = _bare(line)
        cards = card_fields.listed(bare) if 3 < len(bare) <= 40 and re.search("[:：]", bare) else []
        if len(cards) == 1 and fold(cards[0]["position"] or "") in places():
            run.append(bare)
        elif len(run) > 1:
            break
        else:
            run = []
    cards = card_fields.listed("\n".join(run)) if len(run) > 1 else []
    return [] if card_fields.duplicates(cards) else cards


def _names_no_other(content: str, cards: list[dict]) -> bool:
    """Whether the content has no word that may name another card, so that none was drawn besides."""
    return {_possible()[0][name] for name in named_cards(content)} <= {card["card"] for card in cards}


def _headed(content: str, count: int | None) -> list[dict]:
    """Cards of numbered headings (`第1张：教皇（逆位）` and what it says below): two or more from the first on, as many as
    the spread has places where that is known."""
    cards: list[dict] = []
    for match in _HEADED.finditer(content):
        listed = card_fields.listed(match[5])
        if len(listed) != 1:
            continue
        number = to_int(next(filter(None, match.groups())))
        if number == len(cards) + 1:
            cards.append({**listed[0], "place": number})
    return cards if len(cards) > 1 and len(cards) == (count or len(cards)) and not card_fields.duplicates(cards) else []


@lexicon.cached
def _possible() -> tuple[dict[str, str], re.Pattern]:
    """Names of two characters and more that stand in prose, folded, to their cards; and a pattern for any of them."""
    names = {
        fold(row["alias"]): row["card"]
        for row in lexicon.read_table("aliases")
        if row["use"] in ("prose", "marked") and len(row["alias"]) > 1
    }
    return names, re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))


def _bare(line: str) -> str:
    return _MARKED.sub("", line).replace("**", "").replace("|", " ").strip(" 】")


def named_cards(text: str) -> list[str]:
    """Words of a text that can name cards, folded: whether it could be a reading at all."""
    return _possible()[1].findall(fold(text))
