"""Messages of a chat without the messages they quote and without notices, and senders as names of persons."""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile

from tarot_data import lexicon
from tarot_data.lexicon.chat_formats import match_line
from tarot_data.sources.chats.message import NAMELESS, Message
from tarot_data.sources.noise import has_word, leading_word, noise_words
from tarot_data.text.normalise import fold

_BULLETS = " \t~-–—•·*#|>:：,，、"
_BEHIND_NAME = re.compile(r"\s*[(（<\[【]([^()（）<>\[\]【】]*)[)）>\]】]$")
_TAG = re.compile(r"#\d{4}$")
"""Discord writes one behind older names."""
_BEFORE_NAME = re.compile(r"^(?:【[^【】]{1,12}】\s*)+(?=\S)")
_EMOJI_CODE = re.compile(r"\[[^\[\]\n]{1,6}\]")
_LONGEST_STATUS = 120
"""Characters of a line that a program writes in place of a message."""

_LONGEST_SMALL_TALK = 20


def cleaned(messages: Iterable[Message]) -> list[Message]:
    """Return the messages with words of their senders, without those they quote."""
    messages = list(messages)
    senders = {message.sender for message in messages if message.sender}
    earlier_lines: set[str] = set()
    kept = []
    for message in messages:
        text = _without_files(_without_mark(_without_quotes(message.text.strip(), earlier_lines, senders)))
        earlier_lines.update(line.strip() for line in message.text.split("\n") if len(line) > 3)
        to, text = _mentioned(text, senders)
        if text and not _is_notice(text):
            kept.append(replace(message, text=text, to=to))
    return kept


def _mentioned(text: str, senders: set[str]) -> tuple[str | None, str]:
    """Cut the names that a message of a group mentions first (`@Mel 先看愚人`); return the first known one, and the rest."""
    first = None
    while text[:1] == "@":
        named = max((name for name in senders if text.startswith(name, 1)), key=len, default=None)
        end = len(named) + 1 if named else next((at for at, mark in enumerate(text[:30]) if mark.isspace()), 0)
        if not end or named and text[end : end + 1].isalnum():
            break
        first, text = first or named, text[end:].strip()
    return first, text


def person_of(sender: str) -> str:
    """Return a sender without marks around the name, a title in front of it, and the account or remark behind it."""
    if sender.startswith(NAMELESS):
        return ""
    name = _BEFORE_NAME.sub("", sender.lstrip(_BULLETS).rstrip())
    while (match := _BEHIND_NAME.search(name)) and match.start() and _is_account(match[1]):
        name = name[: match.start()]
    name = _TAG.sub("", name)
    folded = fold(name)
    if folded.rstrip("0123456789 ") in noise_words("speaker"):
        return ""
    end = next((len(word) for word in noise_words("behind name") if folded.endswith(word)), 0)
    return (name[: len(name) - end] if end < len(name) else name).strip(_BULLETS)


def _is_account(text: str) -> bool:
    """Check whether a text in brackets behind a name is a number, an address or a remark, not a part of the name."""
    folded = fold(text)
    digits = sum(map(str.isdecimal, text))
    return digits > 4 or digits and "*" in text or "@" in text or folded.startswith((*noise_words("remark"), "wxid_"))


def _without_quotes(text: str, earlier_lines: set[str], senders: set[str]) -> str:
    """Return a message without the message it quotes, in the ways that chat programs write a quotation.

    earlier_lines: lines of earlier messages. A `> ` line is a quotation only if it is one of them, else it is Markdown.
    """
    if (parts := match_line("quote", text.split("\n", 1)[0])) is not None:
        text = "\n".join(filter(None, [parts.get("text", ""), *text.split("\n")[1:]]))
    text = _without_reply(text, earlier_lines, senders)
    if "\n" not in text:
        return text
    lines = _below_divider(text.split("\n"))
    words = tuple(f"{word}:" for word in noise_words("quoted"))
    lines[1:] = takewhile(lambda line: not fold(line.lstrip()).startswith(words), lines[1:])
    quoted = [line.lstrip("> ").strip() for line in takewhile(lambda line: line[:1] == ">", lines[:-1])]
    if any(line and (line in earlier_lines or line.startswith(tuple(senders))) for line in quoted):
        lines = lines[len(quoted) :]
    return "\n".join(lines).strip()


def _without_reply(text: str, earlier_lines: set[str], senders: set[str]) -> str:
    """Remove `回复 Mel: ` at the start of a message, with the rest of its line if that repeats an earlier message."""
    first, _, below = text.partition("\n")
    folded = fold(first)
    word = leading_word(folded, "quote mark")
    if not word:
        return text
    rest = first[len(word) :].lstrip(" @:：")
    sender = next((sender for sender in senders if rest.startswith(sender)), None)
    if sender is None or rest[len(sender) : len(sender) + 1] not in (":", "：", ""):
        return text
    answer = rest[len(sender) + 1 :].strip()
    is_repeated = any(answer and line.startswith(answer.rstrip("….")) for line in earlier_lines)
    return "\n".join(filter(None, ["" if is_repeated else answer, below]))


def _below_divider(lines: list[str]) -> list[str]:
    """Return the lines below `- - - -` if a text in quotation marks is above it: WeChat's own way to quote."""
    if lines[0][:1] not in ("「", "“", '"'):
        return lines
    for index, line in enumerate(lines[:40]):
        marks = line.replace(" ", "").strip()
        if len(marks) >= 4 and not marks.strip("-—"):
            above = "\n".join(lines[:index]).rstrip()
            return lines[index + 1 :] if above.endswith(("」", "”", '"')) and len(above) <= 402 else lines
    return lines


def _without_mark(text: str) -> str:
    """Remove what a program writes behind an edited message."""
    folded = fold(text[-40:])
    end = next((len(word) for word in noise_words("edited") if folded.endswith(word)), 0)
    return text[: len(text) - end].rstrip() if end else text


def _without_files(text: str) -> str:
    """Remove the marks of pictures and stickers, and the line of a file above its caption."""
    first, _, below = text.partition("\n")
    if below and len(first) <= _LONGEST_STATUS and match_line("status", first) is not None:
        text = below
    if "[" not in text:
        return text
    folded = fold(text)
    for word in noise_words("picture"):
        while (at := folded.find(word)) >= 0:
            text, folded = text[:at] + text[at + len(word) :], folded[:at] + folded[at + len(word) :]
    return text.strip()


def is_small_talk(text: str) -> bool:
    """Check whether a message is nothing but greetings, emoji and the like (`好的，稍等～`, `[强][强]`)."""
    if len(text) > _LONGEST_SMALL_TALK:
        return False
    bare = _EMOJI_CODE.sub(" ", fold(text))
    words = "".join(character if character.isalpha() else " " for character in bare).split()
    return all(map(_is_small, words))


def _is_small(word: str) -> bool:
    """Check whether a word is one of small talk, also several times (`哈哈哈哈`)."""
    known = noise_words("small talk")
    return word in known or any(not word.replace(each, "") for each in known if word.startswith(each))


def _is_notice(text: str) -> bool:
    """Check whether a message is a file, a voice message, a forwarded chat or a notice of the program."""
    folded = fold(text)
    if "\n" in text:
        if folded.startswith(noise_words("forwarded")):
            return True
    elif len(text) <= _LONGEST_STATUS and match_line("status", text) is not None:
        return True
    if folded.startswith(noise_words("attachment")) and "\n" not in text:
        return True
    return len(text) < 80 and has_word(folded, "system")


@lexicon.cached
def reader_titles() -> tuple[str, ...]:
    """Return folded words in the name of a sender who is a reader."""
    rows = [row for row in lexicon.read_table("fields") if row["field"] == "reader"]
    words = [word for row in rows for word in row["synonyms"].split("|") if not word.isascii()]
    return (*map(fold, words), *noise_words("reader"))
