"""Messages that are elements of an HTML page, by the selectors of chat_programs.toml, as objects."""

from html.parser import HTMLParser
from typing import NamedTuple

from tarot_data.sources.chats.programs import Program, programs_of

_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_LINES = frozenset("p div li tr blockquote".split())
"""Elements in a text that end a line."""
_FEWEST = 3
"""Messages of a page without a program's marks, of at least two people."""


class Selector(NamedTuple):
    """part: what a matching element holds; attribute: that holds it, None for the element's text."""

    part: str
    tag: str
    classes: frozenset[str]
    attribute: str | None

    @classmethod
    def of(cls, part: str, text: str) -> "Selector":
        text, _, attribute = text.partition("@")
        tag, *classes = text.split(".")
        return cls(part, tag, frozenset(classes), attribute or None)

    def matches(self, tag: str, classes: set[str]) -> bool:
        return self.tag in ("", tag) and classes >= self.classes


def program_of(text: str) -> Program | None:
    """Return the program that wrote a page; one without marks only if its messages are those of a chat."""
    head = text[:4000].lower()
    if "<html" not in head and "<!doctype" not in head and "<div" not in head:
        return None
    for program in programs_of("html"):
        if all(mark in text for mark in program.marks) and (not program.any_page or _is_chat(text, program)):
            return program
    return None


def _is_chat(text: str, program: Program) -> bool:
    names = {name for selector in program.page["message"] for name in selector.split(".")[1:]}
    if not any(name in text for name in names):  # quick: most pages are no chats
        return False
    found = completed(elements_of(text, program))
    sides = {(value["sender"], value["is_send"]) for value in found}
    return len(found) >= _FEWEST and len(sides) > 1 and all(value["time"] for value in found)


def elements_of(text: str, program: Program) -> list[dict[str, str]]:
    """Return the messages of a page as objects with sender, is_send, time and text."""
    page = _Page([Selector.of(part, one) for part, texts in program.page.items() for one in texts])
    page.feed(text)
    page.close()
    return page.messages


def completed(values: list[dict]) -> list[dict]:
    """Complete the messages of a whole chat: a message without a sender is by the one before it, and the side of an
    element counts only if the chat has both sides."""
    sides = {value["is_send"] for value in values if "element" in value} == {"0", "1"}
    found, sender = [], ""
    for value in values:
        if "element" in value:
            side = value["is_send"] if sides else ""
            sender = value["sender"].strip() or ("" if side else sender)
            value = {**value, "sender": sender, "is_send": side, "time": value["time"].strip()}
        found.append(value)
    return found


class _Page(HTMLParser):
    """The messages of a page. open: (tag, part) of the elements around the next text."""

    def __init__(self, selectors: list[Selector]) -> None:
        super().__init__()
        self.selectors = selectors
        self.messages: list[dict[str, str]] = []
        self.open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        classes = {*(named.get("class") or "").split()}
        found = [selector for selector in self.selectors if selector.matches(tag, classes)]
        parts = {selector.part for selector in found}
        if tag in _VOID:
            if tag == "br":
                self.handle_data("\n")
            return
        self.open.append((tag, self._begin(parts, named, found)))

    def _begin(self, parts: set[str], named: dict[str, str | None], found: list[Selector]) -> str:
        """Take what an element says of a message; return the part that its text is."""
        around = self.open[-1][1] if self.open else ""
        if around == "out" or "out" in parts:
            return "out"
        if "message" in parts:
            self.messages.append({"element": "1", "sender": "", "is_send": "", "time": "", "text": ""})
            around = "message"
        if not self.messages or not around:
            return around
        message = self.messages[-1]
        for side, value in (("own", "1"), ("other", "0")):
            message["is_send"] = value if side in parts else message["is_send"]
        for selector in found:
            if selector.part not in ("sender", "time", "text"):
                continue
            if selector.attribute is None:
                return selector.part if selector.part == "text" or not message[selector.part].strip() else around
            message[selector.part] = message[selector.part] or named.get(selector.attribute) or ""
        return around

    def handle_endtag(self, tag: str) -> None:
        index = next((index for index in range(len(self.open) - 1, -1, -1) if self.open[index][0] == tag), None)
        if index is None:
            return
        if tag in _LINES and self.open[index][1] == "text":
            self.handle_data("\n")
        del self.open[index:]

    def handle_data(self, data: str) -> None:
        part = self.open[-1][1] if self.open else ""
        if part in ("sender", "time", "text") and self.messages:
            self.messages[-1][part] += data
