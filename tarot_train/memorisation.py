"""Memorisation: the longest passage of a reading that is copied from the training text."""

from collections.abc import Iterable


def longest_copied(text: str, train: str) -> str:
    """Return the longest substring of text that is in train; the first of several equally long."""
    best_start = best_end = end = 0
    for start in range(len(text)):
        end = max(end, start)
        while end < len(text) and text[start : end + 1] in train:
            end += 1
        if end - start > best_end - best_start:
            best_start, best_end = start, end
    return text[best_start:best_end]


def copied_shares(texts: Iterable[str], train_texts: Iterable[str]) -> list[dict[str, object]]:
    """Return {characters, share, passage} per text: the longest copied passage and its share of the text, 0 to 1."""
    train = "\x00".join(train_texts)
    out = []
    for text in texts:
        passage = longest_copied(text, train)
        out.append({"characters": len(passage), "share": len(passage) / len(text) if text else 0.0, "passage": passage})
    return out
