"""Memory of the process: return of freed memory to the system, and a pause of the garbage collector."""

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


def release_memory() -> None:
    """Return freed memory to the system: glibc keeps 100 MB and more between two batches. Does nothing without glibc."""
    if trim := _trim():
        trim(0)


@contextmanager
def loading() -> Iterator[None]:
    """Load libraries and models in the block without the cyclic garbage collector, and keep it from searching them later.

    They are hundreds of thousands of objects that stay; the collector took at least a twentieth of a `tarot read`.
    """
    with without_gc():
        try:
            yield
        finally:
            gc.freeze()


@contextmanager
def without_gc() -> Iterator[None]:
    """Disable the cyclic garbage collector; it took a fifth of labelling time, on small objects without cycles."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
