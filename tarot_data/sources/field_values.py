"""Values of labelled fields, blanks dropped and synonyms ranked, and their text."""

import re

from tarot_data import lexicon
from tarot_data.cards.card_fields import answer_of
from tarot_data.lexicon.field_names import SIDES, rank_of
from tarot_data.sources.noise import noise_words
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

Pair = tuple[str, object]
"""A label as written and its value."""

Fields = dict[tuple[str, int], list[Pair]]
"""(field, number) to the labels that named it and their values, in order. The field `extra` holds cards without a place,
under their own words (底牌)."""

_MANY_VALUES = ("content", "cards", "spread")
"""Fields of which a record may have several values."""

ANSWERS = (*SIDES, "consent", "synthetic")
"""Fields in which a word for nothing (无) may be an answer."""

_LONGEST_PLACEHOLDER = 12

_RELATION = re.compile(r"\s{0,20}\((?:https?://[^\s()]*|(?:[^()]|\([^()]*\))*\.(?:md|csv|html))\)")
_EXCEL_ERROR = re.compile(r"#{3,}|#(?:NAME|REF|VALUE|N/A|DIV/0|NUM|NULL)[?!]?")


class FieldValues:
    """Values of a record that are not blank, by field and number, and by field alone.

    extra: values that no field takes; of two labels of one field, the value of the lower-ranked.
    """

    def __init__(self, fields: Fields, extra: dict[str, object]) -> None:
        self.extra = extra
        self.fields = {
            key: kept for key, pairs in fields.items() if (kept := [p for p in pairs if _has_value(key, p[1])])
        }
        self.named: dict[str, list[Pair]] = {}
        for key, pairs in self.fields.items():
            self.named.setdefault(key[0], []).extend(pairs)
        for name, pairs in self.named.items():
            if len(pairs) > 1 and name not in _MANY_VALUES:
                pairs.sort(key=lambda pair: rank_of(pair[0]))
                extra.update({label: value for label, value in pairs[1:] if label not in extra})
        # Of two columns for the person, `Name` is the title of the page.
        page_names = [pair for pair in self.named.get("person", [])[1:] if fold(pair[0]).strip() == "name"]
        self.named.setdefault("title", []).extend(page_names[:1])

    def first(self, name: str) -> object:
        pairs = self.named.get(name)
        return pairs[0][1] if pairs else None

    def numbered(self, name: str) -> dict[int, list[Pair]]:
        """Return the labels and values of a field by its number (`牌1`, `牌2`), in the order of the record."""
        return {key[1]: pairs for key, pairs in self.fields.items() if key[0] == name}


def _has_value(key: tuple[str, int], value: object) -> bool:
    if is_blank(value):
        return False
    return not is_placeholder(value) or key[0] in ANSWERS and answer_of(value) is not None


def without_paths(value: str) -> str:
    """Return the titles of a relation without the paths or addresses after them: `隐士 (../牌/隐士.md), 星星 (https://…)`."""
    if "](" in value or not any(end in value for end in (".md)", ".csv)", ".html)", "(http")):
        return value
    return _RELATION.sub("", value)


def is_placeholder(value: object) -> bool:
    """Check for a word that fills a field without a value: `nan`, `NULL`, 无, `-`."""
    return isinstance(value, str) and len(value) < _LONGEST_PLACEHOLDER and fold(value).strip() in _placeholders()


@lexicon.cached
def _placeholders() -> frozenset[str]:
    return frozenset(noise_words("no value"))


def is_empty(value: object) -> bool:
    """Check whether a value is blank or a placeholder."""
    return is_blank(value) or is_placeholder(value)


def is_blank(value: object) -> bool:
    """Check whether a value is missing, not a number, white space, or an error value of Excel."""
    if not isinstance(value, str):
        return value is None or value != value
    text = value.strip()
    return not text or (text[0] == "#" and _EXCEL_ERROR.fullmatch(text) is not None)


def text_of(value: object) -> str | None:
    """Return the text of a short field: a number, a list of texts, or an object with a name; None if it has none."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, list):
        if (pieces := _pieces(value)) is not None:
            return plain("".join(pieces)).strip() or None
        value = "、".join(filter(None, (text_of(item) for item in value if not isinstance(item, list))))
    elif isinstance(value, dict):
        names = ("name", "title", "text")
        value = next((item for key, item in value.items() if isinstance(item, str) and key in names), "")
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return plain(value).strip() or None


def body_of(value: object) -> str:
    """Return the text of a content field: text, a list of paragraphs, or an object that holds it."""
    if isinstance(value, list):
        if (pieces := _pieces(value)) is not None:
            return plain("".join(pieces))
        return "\n\n".join(text for item in value if (text := body_of(item)))
    if isinstance(value, dict):
        return next((plain(value[key]) for key in ("text", "content", "value") if isinstance(value.get(key), str)), "")
    return plain(value) if isinstance(value, str) else ""


def _pieces(value: list) -> list[str] | None:
    """Return the pieces of rich text (`[{"type": "text", "text": …}, …]`), which follow one another; None for another list."""
    pieces = [item.get("text") if isinstance(item, dict) and "type" in item else None for item in value]
    return pieces if pieces and all(isinstance(piece, str) for piece in pieces) else None
