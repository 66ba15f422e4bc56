"""Background job in a process of its own, so that pages stay responsive and it ends with the server."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from schemas.errors import Problem


class Job:
    """Runs one job at a time. at: last reported (stage, done, total).

    result: what the job returned. problem: code and values of the Problem it raised; `job_died` for any other end.
    """

    def __init__(self) -> None:
        self.at: tuple[str, int, int] | None = None
        self.result: dict | None = None
        self.problem: tuple[str, dict] | None = None
        self._process, self._told = None, None

    def start(self, work: Callable[..., dict], *arguments: object) -> bool:
        """Start work(*arguments, progress), a function of a module; False if a job is running."""
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
        """Receive its reports, and say whether it is still running."""
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
    # Ctrl-C reaches every process of a terminal; this one ends with its parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result = work(*arguments, lambda stage, done, total: telling.send(("at", (stage, done, total))))
    except Problem as problem:
        telling.send(("problem", (problem.code, problem.values)))
    else:
        telling.send(("result", result))
