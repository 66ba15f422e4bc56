"""Paging of long lists."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page of a list of `total` rows, from 1; a number beyond the last page is the last page."""

    total: int
    asked: int
    size: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def number(self) -> int:
        return min(max(1, self.asked), self.last)

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size


def whole(text: str) -> int:
    """Parse a page number of an address; 1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
