"""Safe output of user text on a terminal: control characters are shown, not executed."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_CONTROLS = re.compile("[\0-\b\v-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Terminal control characters, including C1 controls, and those that change the writing direction; line ends stay."""


def shown(text: str) -> str:
    """Return the text with every control as `\\u001b`, which JSON reads as the original character."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def one_line(text: str) -> str:
    """Return the same on one line: a name with a line break must not look like a line of the program's output."""
    return shown(" ".join(text.split()))


def shows_all(stream: Any) -> bool:
    """Check whether the encoding of a stream has all characters."""
    return (stream.encoding or "utf-8").lower().startswith("utf")


class _EscapedStream:
    """A text stream that shows controls instead of sending them. first: called before anything is written."""

    def __init__(self, stream: Any, first: Callable[[], None]) -> None:
        self._stream, self._first = stream, first

    def write(self, text: str) -> int:
        self._first()
        self._stream.write(shown(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def escape_output(first: Callable[[], None]) -> Iterator[None]:
    """Print control characters as escapes in the block, so that none reaches the terminal.

    first: called before everything that is printed.
    """
    before = sys.stdout
    sys.stdout = _EscapedStream(before, first)
    try:
        yield
    finally:
        sys.stdout = before
