"""Text of an HTML page, one line per block."""

from html.parser import HTMLParser

BLOCKS = frozenset(
    "p div dl dt li h1 h2 h3 h4 tr ul ol blockquote section article figure hr aside details summary".split()
)
SILENT = frozenset(("script", "style", "title", "head", "nav", "footer", "noscript", "button", "select", "svg"))
"""Elements whose text is not shown, or is of the site."""


class BlockParser(HTMLParser):
    """Passes the visible text of a page to `add`, with line breaks around blocks."""

    ENDS = {"p": "\n\n", "dt": ": ", "dd": "\n"}
    """Text after the end of an element, if it is not one line break: a term and its description are a labelled line."""

    def __init__(self) -> None:
        super().__init__()
        self._silent = 0

    def add(self, text: str) -> None:
        raise NotImplementedError

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent += 1
        elif tag == "br" or tag in BLOCKS:
            self.add("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in BLOCKS or tag in self.ENDS:
            self.add(self.ENDS.get(tag, "\n"))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.add(data)
