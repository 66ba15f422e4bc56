"""Kinds of links and forms of advice, from the kinds of cues of a sentence (`label.kind`)."""

from tarot_data import lexicon

TOGETHER = "together"
"""Kind of a link of cards that are only put next to each other."""


def kinds_of(label: str) -> tuple[str, ...]:
    """Return the kinds of a label, in the order of the shipped `kinds.csv`."""
    return tuple(row["kind"] for row in lexicon.shipped_rows("kinds") if row["label"] == label)


def link_kinds(kinds: list[str]) -> list[str]:
    """Return the kinds of a link from a sentence's cue kinds, strongest first; `together` if there are none."""
    return [kind for kind in _own("card_link", kinds) if kind != TOGETHER] or [TOGETHER]


def advice_forms(kinds: list[str], text: str) -> list[str]:
    """Return the forms of advice from a sentence's cue kinds; `do` if there are none."""
    own = _own("advice", kinds)
    forms = [form for form in kinds_of("advice") if form in own]
    if text.rstrip('”」』"*~～ ').endswith(("？", "?")) and "ask" not in forms:
        forms.append("ask")
    return forms or ["do"]


def _own(label: str, kinds: list[str]) -> list[str]:
    """Select the kinds of a label without those that a reader has added, because there are no words for these."""
    known = kinds_of(label)
    own = (kind.removeprefix(f"{label}.") for kind in kinds if kind.startswith(f"{label}."))
    return [kind for kind in dict.fromkeys(own) if kind in known]
