"""What memory costs: freed memory handed back to the system, and no looking for cycles where none are made."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@cache
def _trim() -> object:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return None


def give_back() -> None:
    """glibc keeps what arrays leave behind, and the next stage asks for other sizes: 100 MB and more between two lots.
    Does nothing where there is no glibc."""
    if trim := _trim():
        trim(0)


@contextmanager
def no_cycles() -> Iterator[None]:
    """Python does not look for cycles in the block: hundreds of thousands of small objects are made of a lot of readings,
    none of them is a cycle, and looking took a fifth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
