"""JavaScript literals in a page's script as Python values. No code is run."""

import re
from dataclasses import dataclass

MAX_TOKENS = 10_000_000
MAX_DEPTH = 30
"""Limits of a literal: tokens and nesting."""

_TOKEN = re.compile(
    r"\s+|//[^\n]*|/\*.*?\*/|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)|:"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'|`(?P<back>(?:[^`\\]|\\.)*)`"
    r"|(?P<word>[^\s,:\[\]{}\"'`]+)",
    re.DOTALL,
)
_COLON = re.compile(r"\s*:")


@dataclass
class _Open:
    """A list or object that is being read. key: the key whose value comes next."""

    container: list | dict
    key: str | None = None

    def add(self, value: object) -> None:
        if isinstance(self.container, list):
            self.container.append(value)
        elif self.key is not None:
            self.container[self.key] = value


def parse_literal(text: str, place: int) -> object:
    """Parse the JavaScript literal at an offset; no code is run.

    Accepts lists, objects with or without quotes around their keys, strings in any quotes, numbers and words. Code in
    between is read as words. Parsing stops at MAX_DEPTH levels or MAX_TOKENS tokens.
    """
    root: list = []
    stack = [_Open(root)]
    for _ in range(MAX_TOKENS):
        match = _TOKEN.match(text, place)
        if match is None:
            break
        place, kind, inner = match.end(), match.lastgroup, stack[-1]
        if kind == "open":
            fresh: list | dict = [] if match[0] == "[" else {}
            inner.add(fresh)
            stack.append(_Open(fresh))
        elif kind == "close":
            stack.pop()
        elif kind == "comma":
            inner.key = None
        elif kind:
            colon = _COLON.match(text, place) if isinstance(inner.container, dict) and inner.key is None else None
            if colon:
                inner.key, place = match[kind], colon.end()
            else:
                inner.add(_word(match[kind]) if kind == "word" else _unescaped(match[kind]))
        if kind in ("open", "close") and not 1 < len(stack) <= MAX_DEPTH:
            break
    return root[0] if root else None


def _word(word: str) -> object:
    if word in ("true", "false"):
        return word == "true"
    if len(word) < 19 and word.removeprefix("-").isdecimal():
        return int(word)
    return None if word in ("null", "undefined") else word


_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "", "f": "", "0": "", "\n": ""}


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(
        lambda match: chr(int(match[1] or match[2], 16)) if match[1] or match[2] else _ESCAPES.get(match[3], match[3]),
        text,
    )
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
