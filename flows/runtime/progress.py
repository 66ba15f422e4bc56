"""Progress on standard error: what a command does, at once, and a bar for each stage that lasts.

The only module of this project that keeps state between calls, because the terminal does.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, RLock, Thread

from schemas.messages import catalogue, say

AFTER_SECONDS = 2.0
"""A stage that ends sooner shows nothing."""

EVERY_SECONDS = 5.0
"""Minimum interval between lines without a terminal."""

TICK_SECONDS = 0.5
"""Interval at which a stage without calls is looked at."""


class Bar:
    """A progress bar that is called as `progress(stage, done, total)`. stage: a key under `progress.` in the catalogue.

    total: 0 if it is unknown; such a stage shows its seconds. A thread shows the stages of a command, see `command`.
    """

    def __init__(self, lang: str = "zh", stream=None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lang, self.given, self.clock = lang, stream, clock
        self.stage, self.started, self.shown, self.live, self.task = None, 0.0, None, None, None
        self.done, self.total = 0, 0
        self.losses: list[dict] = []
        self.doing: str | None = None
        self.lock = RLock()

    def __reduce__(self) -> tuple:
        """Pickle for a process of a cluster, in which it prints to that process's own standard error."""
        return type(self), (self.lang,)

    @property
    def stream(self):
        return self.given or sys.stderr

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        with self.lock:
            now = self.clock()
            if stage != self.stage or bool(total) != bool(self.total):
                self.close()
                self.stage, self.started, self.shown = stage, now, None
            self.done, self.total = done, total
            self._show(now, is_last=0 < total <= done)

    @contextmanager
    def command(self, doing: str) -> Iterator[None]:
        """Say what a command does; in the block, show the seconds of everything that is silent for long.

        doing: a sentence. It is the title while no stage is known, until the first output.
        """
        print(doing, file=self.stream, flush=True)
        self.doing, self.started, self.shown = doing, self.clock(), None
        ended = Event()

        def watch() -> None:
            while not ended.wait(TICK_SECONDS):
                self.tick()

        Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            self.rest()

    def tick(self) -> None:
        """Show the current stage if it lasts."""
        with self.lock:
            if self.stage or self.doing:
                self._show(self.clock())

    def rest(self) -> None:
        """Clear the bar before output is printed, and show nothing until the next stage."""
        with self.lock:
            self.close()
            self.doing = None

    def watch(self, lines: list[dict]) -> None:
        """Set the losses so far, {step, loss} and {step, eval_loss}: shown below the bar from its next call on."""
        self.losses = lines

    def notice(self, code: str, values: dict[str, object]) -> None:
        """Print a sentence of the catalogue's `notice.` table."""
        self.close()
        print(say(f"notice.{code}", self.lang, **values), file=self.stream, flush=True)

    def _show(self, now: float, is_last: bool = False) -> None:
        if now - self.started < AFTER_SECONDS:
            return
        if self.stream.isatty():
            self._draw()
            return
        if self.shown is None or now - self.shown >= EVERY_SECONDS or is_last:
            self.shown = now
            count = f"{self.done}/{self.total}" if self.total else say("progress.seconds", self.lang, n=self._seconds())
            print(f"{self.title()} {count}{self._last_losses()}", file=self.stream, flush=True)

    def _seconds(self) -> int:
        return round(self.clock() - self.started)

    def _last_losses(self) -> str:
        last = {name: line[name] for line in self.losses for name in ("loss", "eval_loss") if name in line}
        return "".join(f"  {say(f'progress.{name}', self.lang)} {value:.3f}" for name, value in last.items())

    def title(self) -> str:
        if self.stage is None:
            return self.doing or ""
        key = f"progress.{self.stage}"
        return say(key, self.lang) if key in catalogue() else str(self.stage)

    def close(self) -> None:
        """End the stage."""
        with self.lock:
            if self.live:
                self.live.stop()
            self.live = self.task = self.stage = None
            self.started, self.shown = self.clock(), None
            self.done = self.total = 0
            self.losses = []

    def _draw(self) -> None:
        # Most commands end before a bar is drawn, and rich takes a tenth of a second to import.
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.text import Text

        from tarot_train.loss_curve import loss_text

        if self.live is None:
            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.line = Progress(TextColumn("{task.description}"), *(columns if self.total else ()))
            self.task = self.line.add_task(self.title(), total=self.total or None)
            # Not redirected: rich would print to this stream what the command prints to standard output.
            settings = {"transient": True, "auto_refresh": False, "redirect_stdout": False, "redirect_stderr": False}
            self.live = Live(console=Console(file=self.stream), **settings)
            self.live.start()
        waited = "" if self.total else " " + say("progress.seconds", self.lang, n=self._seconds())
        self.line.update(self.task, completed=self.done, description=self.title() + waited)
        parts = [self.line]
        if self.losses:
            parts.append(Text(loss_text(self.losses) + self._last_losses()))
        self.live.update(Group(*parts), refresh=True)


bar = Bar()
