"""Closed lists: the 78 cards, orientations, labels, reasons, flags, themes. As enums they keep wrong names out of tables.

Canonical card names are simplified Chinese, as in `data/annotated/GUIDELINES.md`; other
spellings are aliases in `tarot_data/lexicon/aliases.csv`.
"""

import polars as pl

MAJORS = tuple(
    "愚人 魔术师 女祭司 皇后 皇帝 教皇 恋人 战车 力量 隐士 命运之轮 正义 "
    "倒吊人 死神 节制 恶魔 高塔 星星 月亮 太阳 审判 世界".split()
)
SUITS = ("权杖", "圣杯", "宝剑", "星币")
RANKS = tuple("一 二 三 四 五 六 七 八 九 十 侍从 骑士 王后 国王".split())
CARDS = MAJORS + tuple(suit + rank for suit in SUITS for rank in RANKS)

ORIENTATIONS = ("upright", "reversed", "unknown")
OTHER_SIDE = {"upright": "reversed", "reversed": "upright"}
LABELS = ("opening", "card_interpretation", "card_link", "advice", "closing", "other")
PATTERNS = LABELS[:5]
"""The five labels that are patterns of a reader; `other` is the rest."""

CONSENTS = ("yes", "no", "unknown")

REASONS = (
    "unreadable",
    "unsafe",
    "not_a_reading",
    "empty_body",
    "too_short",
    "not_chinese",
    "no_cards",
    "unknown_card",
    "duplicate_card",
    "card_conflict",
    "duplicate",
    "near_duplicate",
)
"""Why a record or file is rejected. One reason per rejection: the first that applies, in this order."""

FLAGS = (
    "missing_person",
    "missing_question",
    "missing_date",
    "missing_spread",
    "unknown_orientation",
    "place_count",
    "redacted",
    "unread_card",
    "cards_from_content",
    "inferred_date",
    "unlabelled_head",
    "fixed",
)
"""What an accepted reading lacks or what was done to it. The last four: cards taken from the content because no field had
any, a year taken from the sheet or file name, person or question taken from lines without labels, a rejection that a person
corrected or overruled."""

TO_CHECK = {"cards_from_content": ("cards",), "unlabelled_head": ("person", "question")}
"""Flags of what was read without a label, which the reader should check first, and the fields in question."""
KEPT_FLAGS = (*TO_CHECK, "inferred_date")
"""Flags that a record carries because cleaning cannot find them again."""

STAGES = ("read", "clean", "cards", "annotate", "validate", "deduplicate")

THEMES = ("感情", "事业", "财运", "学业", "健康", "家庭", "人际", "成长", "灵性")

SPLITS = ("train", "validation", "test")

Card = pl.Enum(CARDS)
Orientation = pl.Enum(ORIENTATIONS)
Label = pl.Enum(LABELS)
Consent = pl.Enum(CONSENTS)
Reason = pl.Enum(REASONS)
Flag = pl.Enum(FLAGS)
Stage = pl.Enum(STAGES)
Theme = pl.Enum(THEMES)
Split = pl.Enum(SPLITS)


def is_major(card: str) -> bool:
    return card in MAJORS


def suit_of(card: str) -> str | None:
    """Return the suit of a minor card, None for a major."""
    return None if card in MAJORS else card[:2]


def rank_of(card: str) -> str | None:
    """Return the rank of a minor card (一 … 国王), None for a major."""
    return None if card in MAJORS else card[2:]


SHORTEST = 40
"""Fewest characters of a reading, without white space; shorter texts are remarks."""
