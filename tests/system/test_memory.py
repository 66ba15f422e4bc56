"""The pauses of the garbage collector."""

import gc

import pytest

from tarot_data.system.memory import loading


def test_what_was_loaded_is_not_searched_for_garbage():
    before = gc.get_freeze_count()
    try:
        with loading():
            assert not gc.isenabled()
            kept = [[] for _ in range(1000)]
        assert gc.isenabled() and gc.get_freeze_count() - before >= len(kept)
    finally:
        gc.unfreeze()


def test_a_failed_load_starts_the_collector_again():
    with pytest.raises(ImportError), loading():
        raise ImportError
    gc.unfreeze()
    assert gc.isenabled()
