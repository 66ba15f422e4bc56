"""What an ingest loads while Prefect's server starts."""

from tarot_data.ingest.warm_up import sample


def test_the_note_of_the_warm_up_is_accepted():
    assert len(sample()) == 1  # a rejected one would not load the labeller
