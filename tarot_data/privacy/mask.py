"""Masking of contact details in texts with placeholders."""

import re

from tarot_data import lexicon
from tarot_data.privacy.contacts import Contact, find_contacts
from tarot_data.privacy.recognisers import Look, announced_kinds, placeholders, plain_script


def kinds_in(texts: list[str]) -> list[str]:
    """Return the kinds of the placeholders that texts already have, one entry each: what was masked earlier."""
    if not any(PLACEHOLDER_START in text for text in texts):
        return []
    return [kind for kind, word in placeholders().items() for text in texts for _ in range(text.count(word))]


def mask(text: str) -> tuple[str, list[str]]:
    """Replace every contact detail by its placeholder; return the text and the kinds replaced, one entry each."""
    masked, found = _masked(text)
    return masked, [kind for _, kind in found]


def announces(label: str) -> bool:
    """Test whether the name of a field or column says that it has contact details: 客户微信, phone."""
    if len(label) > LONGEST_LABEL:
        return False
    plain = plain_script(label)
    return bool(announced_kinds(plain)) or Look(f"{plain}:")["identified"]


def mask_lone(text: str) -> str:
    """Mask a text; replace all of it if it is a single word or number that could be an account."""
    return placeholders()["account"] if _LONE.fullmatch(text.strip()) else mask(text)[0]


PLACEHOLDER_START = "〔"
LONGEST_LABEL = 30
"""Characters of a label that may announce what its field has."""

_LONE = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{5,19}|[0-9]{5,11}")


def _masked(text: str, label: str = "") -> tuple[str, list[tuple[str, str]]]:
    """Return the masked text and (detail, kind) of everything masked. label: name of its field, which may announce it.

    Searches until nothing is found: two adjacent details hide each other's boundaries.
    """
    found: list[tuple[str, str]] = []
    lead = f"{label}：" if label and announces(label) else ""
    for _ in range(4):
        contacts = find_contacts(lead + text)
        if lead:
            contacts = [
                Contact(one.start - len(lead), one.end - len(lead), one.kind)
                for one in contacts
                if one.start >= len(lead)
            ]
        if not contacts:
            break
        words, parts, last = placeholders(), [], 0
        for contact in contacts:
            parts += [text[last : contact.start], words[contact.kind]]
            last = contact.end
            found.append((text[contact.start : contact.end], contact.kind))
        text = "".join(parts) + text[last:]
    return text, found


@lexicon.cached(maxsize=16384)
def mask_short(text: str) -> tuple[str, tuple[str, ...]]:
    """Like `mask`, with a cache: for names, positions and card names, which repeat often."""
    masked, kinds = mask(text)
    return masked, tuple(kinds)


def mask_all(texts: list[str], labels: list[str] | None = None) -> tuple[list[str], list[str]]:
    """Mask the texts of one record; a detail found in one of them is masked in all. labels: names of their fields."""
    labels = labels or [""] * len(texts)
    results = [_masked(text, label) if text else ("", []) for text, label in zip(texts, labels, strict=True)]
    found = [detail for _, details in results for detail in details]
    if not found:
        return texts, []
    masked, kinds = [text for text, _ in results], [kind for _, kind in found]
    secrets = {detail: kind for detail, kind in found if len(detail) >= 5 and detail.isascii()}
    for secret in sorted(secrets, key=len, reverse=True):
        for index, text in enumerate(masked):
            if secret in text:
                kinds += [secrets[secret]] * text.count(secret)
                masked[index] = text.replace(secret, placeholders()[secrets[secret]])
    return masked, kinds
