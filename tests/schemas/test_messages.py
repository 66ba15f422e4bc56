"""Sentences of the catalogue with their values."""

from schemas.messages import say


def test_lists_are_written_as_the_language_does():
    english = say("problem.no_run", "en", name="7", have=["0001", "0002"])
    assert english.startswith("There is no run 7; there are: 0001, 0002.")
    assert "现有：无。" in say("problem.no_run", "zh", name="7", have=[])
