"""The second look at a reading."""

import numpy as np
import pytest

from tarot_data.patterns import calibration, revision
from tarot_data.patterns.batch import to_batch
from tarot_data.patterns.states import STATES

CARD, CLOSING, OTHER = (STATES.index((label,)) for label in ("card_interpretation", "closing", "other"))


@pytest.fixture(scope="module")
def seen():
    """Return readings whose first sentence looks like a closing and like other; half of them go on about a card."""
    batch = to_batch([{"content": text, "cards": []} for text in ("好了。", "好了。再看这张牌。") * 20])
    first = np.full((batch.size, len(STATES)), 0.01)
    first[:, [CLOSING, OTHER]] = 0.4
    first[batch.s_index == 1] = np.where(np.arange(len(STATES)) == CARD, 0.9, 0.0125)
    first /= first.sum(axis=1, keepdims=True)
    return revision.Seen(batch, np.zeros(batch.size, dtype=int), first)


@pytest.fixture(scope="module")
def fitted(seen):
    alone = seen.batch.s_count == 1
    states = np.where(seen.batch.s_index == 1, CARD, np.where(alone, CLOSING, OTHER))
    return revision.fit([(seen, states)])


def test_a_card_still_to_come_makes_it_no_closing(seen, fitted):
    found = revision.revised(seen, fitted)
    alone, first = seen.batch.s_count == 1, seen.batch.s_index == 0
    assert (found[alone, CLOSING] > 0.6).all()
    assert (found[first & ~alone, CLOSING] < 0.4).all()
    assert np.allclose(found.sum(axis=1), 1)


def test_arrays_give_the_same_revision_back(seen, fitted):
    loaded = revision.from_arrays(revision.to_arrays(fitted))
    assert np.allclose(revision.revised(seen, loaded), revision.revised(seen, fitted), atol=1e-3)


def test_a_model_without_second_look_is_only_calibrated(seen):
    fixed = np.concatenate([[2.0], np.zeros(len(STATES))])
    found = revision.revised(seen, revision.from_arrays({"calibration": fixed}))
    assert np.allclose(found, calibration.calibrated(seen.probabilities, fixed))
    assert np.allclose(revision.revised(seen, revision.none()), seen.probabilities)
