"""One long piece of work beside the pages, in a process of its own, so that pages stay quick and it ends with them."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from schemas.errors import Problem


class Job:
    """Does one thing at a time. at: (stage, done, total), the last it told.

    result: what the work returned. problem: code and values of the Problem it ended with; `job_died` of any other end.
    """

    def __init__(self) -> None:
        self.at: tuple[str, int, int] | None = None
        self.result: dict | None = None
        self.problem: tuple[str, dict] | None = None
        self._process, self._told = None, None

    def start(self, work: Callable[..., dict], *arguments: object) -> bool:
        """Begin work(*arguments, progress), a function of a module; False where something is still being done."""
        if self.running():
            return False
        context = multiprocessing.get_context("spawn")
        self._told, telling = context.Pipe(duplex=False)
        self.at, self.result, self.problem = None, None, None
        self._process = context.Process(target=_do, args=(telling, work, arguments), daemon=True)
        self._process.start()
        telling.close()
        return True

    def running(self) -> bool:
        """Whether it is being done still; what it told since is taken in."""
        while self._told and self._told.poll():
            try:
                kind, said = self._told.recv()
            except EOFError:
                if self.result is None and self.problem is None:
                    self.problem = ("job_died", {})
                self._process.join()
                self._told = None
            else:
                setattr(self, kind, said)
        return self._told is not None


def _do(telling: Connection, work: Callable[..., dict], arguments: tuple) -> None:
    # Ctrl-C reaches every process of a terminal; this one ends with the one that began it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result = work(*arguments, lambda stage, done, total: telling.send(("at", (stage, done, total))))
    except Problem as problem:
        telling.send(("problem", (problem.code, problem.values)))
    else:
        telling.send(("result", result))
