"""Kinds of links and forms of advice, from the kinds of cues of a sentence."""

LINK_KINDS = ("contrast", "cause", "progression", "balance", "echo", "group")
ADVICE_FORMS = ("do", "avoid", "ask", "condition", "time")


def link_kinds(kinds: list[str]) -> list[str]:
    """Return the kinds of a link from a sentence's cue kinds, strongest first; `together` if there is no other."""
    own = [kind.split(".")[1] for kind in kinds if kind.startswith("card_link.")]
    return [kind for kind in dict.fromkeys(own) if kind in LINK_KINDS] or ["together"]


def advice_forms(kinds: list[str], text: str) -> list[str]:
    """Return the forms of advice from a sentence's cue kinds; `do` if there is no other."""
    own = [kind.split(".")[1] for kind in kinds if kind.startswith("advice.")]
    forms = [form for form in ADVICE_FORMS if form in own]
    if text.rstrip('”」』"*~～ ').endswith(("？", "?")) and "ask" not in forms:
        forms.append("ask")
    return forms or ["do"]
