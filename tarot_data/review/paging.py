"""Long lists in parts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One part of a list of `total` rows, counted from 1; a number beyond the last part is the last part."""

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
    """A page number as it stands in an address; 1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
