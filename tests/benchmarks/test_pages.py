"""Tables of measurements beside the former ones."""

from benchmarks.pages import beside


def test_a_changed_figure_is_shown_beside_the_former():
    former = "| ingest | 5.2 | 371 MB |\n| publish | 1,570 | 9 MB |"
    assert beside("| ingest | 4.1 | 371 MB |", former) == "| ingest | 4.1 (5.2) | 371 MB |"


def test_rows_are_compared_by_their_first_cell():
    former = "| 20 | 0.5 s |\n| 2,000 | 0.7 s |"
    assert beside("| 2,000 | 0.6 s |\n| 100 | 0.9 s |", former) == "| 2,000 | 0.6 (0.7) s |\n| 100 | 0.9 s |"
