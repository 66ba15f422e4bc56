"""Checks that a cleaned content is the body of a reading. Output: reason, code and values of a rejection."""

import re

from schemas.deck import SHORTEST
from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.sources.noise import has_word, noise_words
from tarot_data.text.normalise import fold

CHINESE_SHARE = 0.1
"""Chinese characters among all letters. The most English of 176 annotated readings has 0.26."""
FOREIGN_SHARE = 0.2
"""Letters of a third script (Japanese kana, Cyrillic) for each Chinese character."""
WORD_SHARE = 0.25
"""Characters in words (two letters or more) among all but white space. The annotated readings have 0.58 and more, a chat of
which two thirds are emoji 0.37, texts of signs (`9·{#·+9※「🔮`) less than 0.1."""
DISTINCT = 24
"""Different characters in the first REPEATED of a content. The annotated readings have 89 and more."""
REPEATED = 300
LONGEST_CARD_LIST = 300
"""Characters, white space apart, of a content that may be no more than a list of its cards."""
LONGEST_NAMED = 8
"""Characters of the name of a position; the rest of a longer one is prose."""
MOST_OTHERS = 12
"""Chinese characters of a card list besides its cards and positions: of its label and the name of its spread."""
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HAN_RUN = re.compile(f"{_HAN.pattern}+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u052f\u0590-\u06ff\u0900-\u0e7f\u3041-\u30fa\uac00-\ud7af]")
_ONLY_LINKS = re.compile(r"(?:https?://\S+|\[[^\]]*\]\([^)]*\)|\[[\u4e00-\u9fff]{2,4}\]|〔[^〕]{1,8}〕|[\s\W_])+")


@lexicon.cached
def _empty_bodies() -> frozenset[str]:
    words = {fold(word) for row in lexicon.read_table("empty_bodies") for word in row["words"].split("|")}
    return frozenset(words.union(noise_words("no value")))


def body_problem(content: str) -> tuple[str, str, dict[str, object]] | None:
    """Return reason, code and values of the rejection if a clean content is not the body of a reading."""
    dense = "".join(content.split())
    compared = fold(dense).strip("。.!！()（）[]【】") if len(dense) < SHORTEST else dense
    if not dense or compared in _empty_bodies() or _ONLY_LINKS.fullmatch(content):
        return "empty_body", "nothing_left" if dense else "empty", {}
    if _is_broken(content):
        return "unreadable", "broken_text", {}
    if len(dense) >= REPEATED and _is_repeated(dense[:REPEATED]):
        return "unreadable", "repeats", {"count": len(set(dense[:REPEATED])), "characters": REPEATED}
    if len(dense) < LONGEST_CARD_LIST and _lists_only_cards(content):
        return "empty_body", "only_cards", {}
    if len(dense) < SHORTEST:
        return "too_short", "too_short", {"count": len(dense), "least": SHORTEST}
    # 200 characters decide nearly every reading; only a doubtful one is counted whole.
    if sum(map(len, _HAN_RUN.findall(content[:200]))) >= 60 and not _OTHER_SCRIPT.search(content):
        return None
    in_words = sum(map(len, _WORD.findall(dense)))
    if in_words < WORD_SHARE * len(dense):
        return "unreadable", "few_words", {"count": in_words, "characters": len(dense)}
    return _foreign(content)


def _is_repeated(text: str) -> bool:
    """Check for fewer than DISTINCT different characters; nearly every text has more among its first 48."""
    return all(len(set(text[:size])) < DISTINCT for size in (2 * DISTINCT, len(text)))


def _lists_only_cards(content: str) -> bool:
    """Check whether a content only repeats its cards: a card list in which little else is said."""
    cards = card_fields.listed(content)
    if not cards:
        return False
    of_cards = sum(len(_HAN.findall(f"{card['raw']}{(card['position'] or '')[:LONGEST_NAMED]}")) for card in cards)
    others = len(_HAN.findall(content)) - of_cards
    return others <= MOST_OTHERS or others < of_cards // 2


def _foreign(content: str) -> tuple[str, str, dict[str, object]] | None:
    """Reject a content with few Chinese characters, or with many of a third script."""
    chinese, foreign = len(_HAN.findall(content)), len(_OTHER_SCRIPT.findall(content))
    letters = chinese + foreign + len(_LATIN.findall(content))
    if chinese < CHINESE_SHARE * letters or foreign > chinese * FOREIGN_SHARE:
        return "not_chinese", "not_chinese", {"count": chinese, "letters": letters}
    return None


def _is_broken(content: str) -> bool:
    """Test for more than one broken character in 200 (a single cut emoji is accepted), or UTF-8 read as GBK (`鍜ㄨ`)."""
    broken = content.count("\ufffd") + sum(map(content.count, noise_words("mojibake")))
    if broken > 1 and broken * 200 > len(content):
        return True
    if has_word(content, "common"):
        # Text read in the wrong encoding has none of these.
        return False
    foreign = "".join(_HAN.findall(content[:300]))[:120]
    if len(foreign) < 20:
        return False
    try:
        data = foreign.encode("gbk")
    except UnicodeEncodeError:
        return False
    return len(_HAN.findall(data.decode("utf-8", "ignore"))) * 3 > len(data) * 0.6
