"""The bar a person sees: on standard error, only on anything that lasts, and a line a stage where there is no terminal.

The one thing in this project that remembers something between calls, since the terminal does.
"""

import sys
import time
from collections.abc import Callable

from schemas.messages import catalogue, say

AFTER_SECONDS = 2.0
"""Nothing is shown for a stage that is over sooner."""

EVERY_SECONDS = 5.0
"""Where there is no terminal, a line at most this often."""


class Bar:
    """Shows `progress(stage, done, total)` calls. stage: a key under `progress.` in the catalogue."""

    def __init__(self, lang: str = "zh", stream=None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lang, self.stream, self.clock = lang, stream or sys.stderr, clock
        self.stage, self.started, self.shown, self.live, self.task = None, 0.0, 0.0, None, None

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
            print(f"{self.title()} {done}/{total}", file=self.stream, flush=True)

    def title(self) -> str:
        key = f"progress.{self.stage}"
        return say(key, self.lang) if key in catalogue() else str(self.stage)

    def close(self) -> None:
        if self.live:
            self.live.stop()
        self.live = self.task = self.stage = None

    def _draw(self, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self.live is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.live = Progress(*columns, console=Console(file=self.stream), transient=True)
            self.live.start()
            self.task = self.live.add_task(self.title(), total=total)
        self.live.update(self.task, completed=done, total=total)


bar = Bar()
