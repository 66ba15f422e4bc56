"""The progress bar on standard error, only for stages that last. Without a terminal, a line per stage.

The only module of this project that keeps state between calls, because the terminal does.
"""

import sys
import time
from collections.abc import Callable

from schemas.messages import catalogue, say

AFTER_SECONDS = 2.0
"""A stage that ends sooner shows nothing."""

EVERY_SECONDS = 5.0
"""Minimum interval between lines without a terminal."""


class Bar:
    """A progress bar that is called as `progress(stage, done, total)`. stage: a key under `progress.` in the catalogue."""

    def __init__(self, lang: str = "zh", stream=None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lang, self.stream, self.clock = lang, stream or sys.stderr, clock
        self.stage, self.started, self.shown, self.live, self.task = None, 0.0, 0.0, None, None
        self.losses: list[dict] = []

    def __reduce__(self) -> tuple:
        """Pickle for a process of a cluster, in which it prints to that process's own standard error."""
        return type(self), (self.lang,)

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = self.clock()
        if stage != self.stage:
            self.close()
            self.stage, self.started, self.shown = stage, now, 0.0
        if now - self.started < AFTER_SECONDS:
            return
        if self.stream.isatty():
            self._draw(done, total)
        elif now - self.shown >= EVERY_SECONDS or (done >= total and self.shown):
            self.shown = now
            print(f"{self.title()} {done}/{total}{self._last_losses()}", file=self.stream, flush=True)

    def watch(self, lines: list[dict]) -> None:
        """Set the losses so far, {step, loss} and {step, eval_loss}: shown below the bar from its next call on."""
        self.losses = lines

    def notice(self, code: str, values: dict[str, object]) -> None:
        """Print a sentence of the catalogue's `notice.` table."""
        self.close()
        print(say(f"notice.{code}", self.lang, **values), file=self.stream, flush=True)

    def _last_losses(self) -> str:
        last = {name: line[name] for line in self.losses for name in ("loss", "eval_loss") if name in line}
        return "".join(f"  {say(f'progress.{name}', self.lang)} {value:.3f}" for name, value in last.items())

    def title(self) -> str:
        key = f"progress.{self.stage}"
        return say(key, self.lang) if key in catalogue() else str(self.stage)

    def close(self) -> None:
        if self.live:
            self.live.stop()
        self.live = self.task = self.stage = None
        self.losses = []

    def _draw(self, done: int, total: int) -> None:
        # Most commands end before a bar is drawn, and rich takes a tenth of a second to import.
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.text import Text

        from tarot_train.loss_curve import loss_text

        if self.live is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.line = Progress(*columns)
            self.task = self.line.add_task(self.title(), total=total)
            self.live = Live(console=Console(file=self.stream), transient=True, auto_refresh=False)
            self.live.start()
        self.line.update(self.task, completed=done, total=total)
        parts = [self.line]
        if self.losses:
            parts.append(Text(loss_text(self.losses) + self._last_losses()))
        self.live.update(Group(*parts), refresh=True)


bar = Bar()
