"""The text of a message without quoted messages, marks of voice transcripts and what programs add to it."""

from tarot_data.sources.noise import has_word, noise_words
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

_SHORTEST_TRANSCRIPT = 10
"""Characters behind `[语音]` that are a transcript, not the length of the voice message."""

_CLOSING = {"[": "]", "【": "】", "「": "」", "(": ")", "（": "）"}


def own_text(value: object, quoted: str = "", voice: bool = False) -> str:
    """Return what the sender of a message wrote or spoke; empty if that is nothing.

    value: a text, or a list of texts and of objects with a text. quoted: the message that it answers, if the program
    has it in a field of its own. voice: a voice message, whose text counts only if it is a transcript.
    """
    text = plain(repaired(_joined(value) if isinstance(value, list) else value)).replace("\r\n", "\n").strip()
    if text.startswith(("<?xml", "<msg>")):
        return ""
    text = _without_quote(text, quoted.strip())
    transcript = _transcript(text, voice)
    return text if transcript is None else transcript


def _joined(parts: list) -> str:
    """Join the parts of a text (`["牌面：", {"type": "bold", "text": "愚人"}]`); quotes and pictures are left out."""
    texts = []
    for part in parts:
        inner = part.get("data") if isinstance(part, dict) and isinstance(part.get("data"), dict) else part
        if isinstance(inner, dict):
            kind = fold(plain(part.get("type")))
            inner = "" if kind.startswith(noise_words("part of others")) else inner.get("text", inner.get("content"))
        texts.append(inner if isinstance(inner, str) else "")
    return "".join(texts)


def _without_quote(text: str, quoted: str) -> str:
    """Remove `[引用 Mel：老师在吗]` at the start or the end of a text, and the quoted text on lines of its own."""
    words = noise_words("quote mark")
    folded = fold(text)
    if folded[:1] in "[【" and folded[1:].startswith(words):
        end = _end_of_bracket(text, 0)
        return text[end:].strip() if end else text
    if text[-1:] in ("]", "】"):
        starts = [at for word in words for mark in "[【" if (at := folded.rfind(mark + word)) >= 0]
        start = next((at for at in sorted(starts) if _end_of_bracket(text, at) == len(text)), None)
        if start is not None:
            return text[:start].strip()
    if len(quoted) > 1 and quoted in text and text != quoted:
        before, _, after = text.partition(quoted)
        if not after.strip() and before.endswith("\n"):
            return before.strip()
        if after.startswith("\n") and len(before) < 40:
            return after.strip()
    return text


def _end_of_bracket(text: str, start: int) -> int:
    """Return the index after the bracket that closes the one at `start`; 0 if none does."""
    opening, closing, depth = text[start], _CLOSING[text[start]], 0
    for index in range(start, len(text)):
        depth += (text[index] == opening) - (text[index] == closing)
        if depth == 0:
            return index + 1
    return 0


def _transcript(text: str, voice: bool) -> str | None:
    """Return the words behind the mark of a voice transcript (`[语音转文字] …`), None without such a mark.

    voice: the program calls the message one, so that any mark counts. A mark that says that there is no transcript
    leaves an empty text.
    """
    end = _end_of_bracket(text, 0) if text[:1] in _CLOSING else 0
    label = fold(text[1 : end - 1]) if end else ""
    if has_word(label, "no transcript"):
        return ""
    rest = text[end:].lstrip(" :：\n")
    voice = voice or label in noise_words("voice mark") and len(rest) >= _SHORTEST_TRANSCRIPT
    if not label.startswith(noise_words("transcript")) and not (voice and end):
        return None
    is_length = len(rest) < 8 and rest[:1].isdecimal()
    inner = text[1 : end - 1].replace("：", ":").partition(":")[2]
    return rest if rest and not is_length else inner.strip()


def repaired(text: object) -> object:
    """Return a text that Instagram and Facebook wrote as UTF-8 read as Latin-1 as it was; any other as it is."""
    if not isinstance(text, str) or text.isascii() or any(character > "\xff" for character in text):
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
