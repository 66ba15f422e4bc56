"""The progress bar: nothing for short stages, an occasional line without a terminal, a curve on a terminal."""

import io

from flows.runtime.progress import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream, seconds_a_call: float) -> str:
    now = [0.0]
    bar = Bar("en", stream, lambda: now[0])
    for step in range(1, 5):
        bar("train", step, 4)
        bar.watch([{"step": 0, "eval_loss": 4.5}] + [{"step": n, "loss": 4.0 - n / 2} for n in range(1, step + 1)])
        now[0] += seconds_a_call
    bar.close()
    return stream.getvalue()


def test_a_short_stage_shows_nothing():
    assert shown(io.StringIO(), 0.1) == shown(Terminal(), 0.1) == ""


def test_without_terminal_losses_are_lines():
    assert shown(io.StringIO(), 6.0).splitlines() == [
        "Training 2/4  validation 4.500  loss 3.500",
        "Training 3/4  validation 4.500  loss 3.000",
        "Training 4/4  validation 4.500  loss 2.500",
    ]


def test_the_terminal_shows_a_growing_curve():
    text = shown(Terminal(), 6.0)
    assert "Training" in text and "4/4" in text
    assert "●" in text and "·" in text and "validation 4.500  loss 2.500" in text
