"""Memory that was freed, handed back to the system."""

import ctypes
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
