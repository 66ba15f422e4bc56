"""Fields that labels mean, from fields.csv; labels are compared without width, script, case, spaces and brackets."""

import re

from tarot_data import lexicon
from tarot_data.lexicon.label_phrases import FIELDS, KINDS, field_asked, roles_in
from tarot_data.lexicon.word_lists import any_of_many
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

_DROPPED = re.compile(r"[\s_\-:*#?【】\[\]「」『』()<>\"'“”|/]+")
_COUNTED = re.compile(r"^\s*q?[0-9]{1,2}\s?[.、)_]\s*")
_REQUIRED = re.compile(r"\s*[*(\[【]*(?:必填|选填)[)\]】]?\s*$")
_OF_A_CARD = re.compile(r"^(.+?)[\s_\-]*([0-9]{1,2})[\s_\-]*(?:的)?(\D+)$")
_BEHIND_NUMBER = ")次组"
_NUMBER_ENDS = frozenset("0123456789" + NUMERALS + _BEHIND_NUMBER)
_NUMBER = re.compile(rf"^(.*?)(?:[(第]*(\d{{1,2}}|[{NUMERALS}])[{_BEHIND_NUMBER}]*)$")
_REMARK = re.compile(r"[(\[【][^()\[\]【】]{1,20}[)\]】]")
"""A remark in brackets: `抽到的牌（正逆）`, `日期（年月日）`."""
LONGEST_LABEL, LONGEST_HEADING = 40, 120
"""Characters of a label, and of a heading with remarks in brackets."""
_LONG_REMARK = re.compile(r"[(\[【（][^()\[\]【】（）]*[)\]】）]")
_DIGIT, _LATIN = re.compile("[0-9]"), re.compile("[a-z]")
_SCRIPTS = re.compile(r"[\u4e00-\u9fff]+|[a-z][a-z _]*")


LISTS_APART = {"reversed_cards": "reversed", "upright_cards": "upright"}
"""Fields that list the cards of one orientation apart from the draw (`逆位：战车`), with that orientation."""
CARD_LISTS = ("cards", *LISTS_APART)
"""Fields that may have cards as their values."""
SIDES = ("orientation", *LISTS_APART)
"""Fields that may have the orientations of cards as their values."""


@lexicon.cached
def synonyms() -> dict[str, tuple[str, int]]:
    """Return folded labels with their field and their rank among its synonyms (0 is the first)."""
    found = {}
    for row in lexicon.read_table("fields"):
        for rank, word in enumerate(row["synonyms"].split("|")):
            found.setdefault(_DROPPED.sub("", fold(word)), (row["field"], rank))
    return found


@lexicon.cached(maxsize=4096)
def field_of(label: str) -> tuple[str, int] | None:
    """Return the field and number of a label (`Cards 2` is cards, 2; the default is 1); None if it means no field."""
    if len(label) > LONGEST_LABEL:
        label = _LONG_REMARK.sub("", label).strip() if len(label) <= LONGEST_HEADING else ""
        if not 0 < len(label) <= LONGEST_LABEL:
            return None
    folded = fold(label)
    key = _DROPPED.sub("", folded)
    known = synonyms().get(key)
    if known:
        return known[0], 1
    numbered = _NUMBER.match(key) if key[-1:] in _NUMBER_ENDS else None
    if numbered and (known := synonyms().get(numbered[1])):
        return known[0], max(1, to_int(numbered[2]))
    if (bare := _REMARK.sub("", folded)) != folded and bare.strip():
        return field_of(bare)
    # Questionnaires number and mark names: `3. 抽到的牌 *必填`.
    bare = _COUNTED.sub("", _REQUIRED.sub("", folded))
    if bare != folded and bare.strip():
        return field_of(bare)
    return _of_a_card(folded) or _in_two_languages(folded) or _in_a_sentence(label if label.isascii() else folded, key)


def name_of(label: str) -> str:
    """Return the field of a label without its number; empty if it means no field."""
    known = field_of(label)
    return known[0] if known else ""


def _of_a_card(label: str) -> tuple[str, int] | None:
    """Return the field of a numbered card that a label names: `card_1_reversed`, `牌2正逆`."""
    match = _OF_A_CARD.match(label) if _DIGIT.search(label) else None
    if match is None:
        return None
    card, part = (synonyms().get(_DROPPED.sub("", name)) for name in (match[1], match[3]))
    if not card or not part or card[0] != "cards":
        return None
    name = "orientation" if part[0] in LISTS_APART else part[0]  # `牌1逆位`: of one card, so no list of cards
    return (name, int(match[2])) if name in ("orientation", "position", "content") else None


def _in_two_languages(label: str) -> tuple[str, int] | None:
    """Return the field of a label in Chinese and English, or of two words for it (`客户 Client`, `姓名/昵称`)."""
    if "/" not in label and not _LATIN.search(label):
        return None  # nearly every label
    parts = [part.strip() for part in _SCRIPTS.findall(label)]
    if len(parts) != 2 or parts[0].isascii() == parts[1].isascii() and "/" not in label:
        return None
    first, second = (synonyms().get(_DROPPED.sub("", part)) for part in parts)
    return (first[0], 1) if first and second and first[0] == second[0] else None


def _in_a_sentence(label: str, key: str) -> tuple[str, int] | None:
    """Return the field of a label by the words that it consists of: `您想咨询的问题是什么`, `buyer_nick`, `clientQuestion`."""
    if label.isascii():
        words = [word.lower() for word in _WORD.findall(label)]
        rest = [word for word in words if word not in _fillers()]
        known = [synonyms().get(word, ("",))[0] for word in rest]
        whole = synonyms().get("".join(rest)) if 0 < len(rest) < len(words) else None
        asked = whole[0] if whole else field_asked(known) if {*known} <= {*FIELDS} else None
        return (asked, 1) if asked in FIELDS else None
    asked = field_asked(roles_in(key, *_roles()))
    return (asked, 1) if asked else None


_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")


@lexicon.cached
def _fillers() -> frozenset[str]:
    kinds = ("heading filler", "heading reader", "heading drawn", "label lead")
    return frozenset(_DROPPED.sub("", fold(word)) for kind in kinds for word in lexicon.words("noise", kind))


@lexicon.cached
def _roles() -> tuple[dict[str, str], int]:
    """Return the Chinese words that labels consist of with their roles, and the length of the longest."""
    roles = {word: name for word, (name, _) in synonyms().items() if name in FIELDS and len(word) > 1}
    for kind, role in KINDS.items():
        roles |= {_DROPPED.sub("", fold(word)): role for word in lexicon.words("noise", kind) if not word.isascii()}
    return roles, max(map(len, roles))


def rank_of(label: str) -> int:
    """Return the rank of a label among its field's synonyms; 1000 if it has a number or is unknown."""
    known = synonyms().get(_DROPPED.sub("", fold(label)))
    return known[1] if known else 1000


@lexicon.cached
def label_words() -> frozenset[str]:
    """Return every label of fields.csv, folded."""
    return frozenset(fold(word) for row in lexicon.read_table("fields") for word in row["synonyms"].split("|"))


@lexicon.cached
def label_pattern() -> str:
    """Return a regular expression for any label, to be searched in folded text."""
    return any_of_many(label_words())
