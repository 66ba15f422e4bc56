"""`tarot serve`: start the server and the runner, restart them if they end, stop them at the end."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from flows.runtime import environment
from flows.service.child_process import start
from flows.service.prefect_database import is_ready
from flows.service.settings import START_SECONDS, ServeSettings
from flows.service.status import (
    answers,
    link_to,
    lock_path,
    part_path,
    remove_address,
    served_at,
    token_of,
    write_address,
)
from schemas.errors import Problem
from tarot_data.system.locks import exclusive, is_locked

STOP_SECONDS = {"runner": 45.0, "server": 15.0}
"""Seconds between SIGTERM and SIGKILL. Prefect gives a running flow thirty seconds to be cancelled."""

EARLY_SECONDS = 60.0
MOST_EARLY_ENDS = 5
"""A part that ends five times in a row, each within a minute of its start, is not started a sixth time."""

PARTS = {"server": "flows.service.prefect_server", "runner": "flows.service.runner"}
"""In the order of starting; they are stopped in reverse."""


class ChildProcesses:
    """The server and the runner, and the time each was started."""

    def __init__(self, data_dir: Path, address: str, variables: dict[str, str]) -> None:
        self.address, self.variables = address, variables
        self.logs = data_dir / "prefect"
        self.processes: dict[str, subprocess.Popen] = {}
        self.started: dict[str, float] = {}
        self.early_ends = dict.fromkeys(PARTS, 0)
        self.stopping = False

    def start(self, *parts: str) -> None:
        """Start parts together and wait until they are up. Raises Problem `serving_failed` if one does not come up."""
        for part in parts:
            self._spawn(part)
        for part in parts:
            self._wait_for(part)

    def _spawn(self, part: str) -> None:
        log = self.logs / f"{part}.log"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.processes[part] = start([PARTS[part]], log, self.variables, reads_output=part == "runner")
        self.started[part] = time.monotonic()

    def _wait_for(self, part: str) -> None:
        log = self.logs / f"{part}.log"
        up = self._is_ready if part == "runner" else self._answers
        end = self.started[part] + START_SECONDS
        while not self.stopping and not up():
            if self.processes[part].poll() is not None or time.monotonic() > end:
                raise Problem("serving_failed", part=part, log=log)
            time.sleep(0.2)

    def watch(self) -> None:
        """Restart parts that have ended, until this process is asked to stop. Raises Problem `serving_failed`."""
        while not self.stopping:
            for part, process in self.processes.items():
                if process.poll() is None or self.stopping:
                    continue
                early = time.monotonic() - self.started[part] < EARLY_SECONDS
                self.early_ends[part] = self.early_ends[part] + 1 if early else 1
                if self.early_ends[part] >= MOST_EARLY_ENDS:
                    raise Problem("serving_failed", part=part, log=self.logs / f"{part}.log")
                self._end_group(part)
                time.sleep(min(2.0 ** (self.early_ends[part] - 1), 30.0))
                self.start(part)
            time.sleep(0.3)

    def stop(self) -> None:
        """Stop the runner, then the server that it reports to."""
        self.stopping = True
        for part in reversed(list(self.processes)):
            process = self.processes[part]
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS[part])
            self._end_group(part)

    def _end_group(self, part: str) -> None:
        """Kill the process of a part and the runs it had started."""
        process = self.processes[part]
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def _answers(self) -> bool:
        return answers(self.address)

    def _is_ready(self) -> bool:
        out = self.processes["runner"].stdout
        os.set_blocking(out.fileno(), False)
        return b"ready" in (out.read() or b"")


def serve(
    data_dir: Path,
    settings: ServeSettings,
    inbox: list[Path],
    *,
    port: int,
    running: Callable[[str], None],
    **connections: str | None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. running: called with the link for a browser once everything is up.

    connections: database, notify and cluster, see `environment.for_children`. Raises Problem `serving_already`,
    `port_taken`, `serving_failed`.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    there = served_at(data_dir)
    busy = Problem("serving_already", path=data_dir, address=link_to(there, token_of(data_dir)) if there else "?")
    with exclusive(lock_path(data_dir), busy, wait_seconds=1.0):
        remove_address(data_dir)
        if not is_locked(part_path(data_dir, "server")):  # The server of a killed supervisor is about to end.
            _check_port(port)
        for folder in inbox:
            if not folder.exists():
                folder.mkdir(parents=True)
        children = _children(data_dir, settings, inbox, f"http://127.0.0.1:{port}", connections)
        with _stopped_by_signals(children):
            try:
                children.start(*PARTS)
                if not children.stopping:
                    write_address(data_dir, children.address)
                    running(link_to(children.address, token_of(data_dir)))
                children.watch()
            finally:
                children.stop()
                remove_address(data_dir)


def _children(
    data_dir: Path, settings: ServeSettings, inbox: list[Path], address: str, connections: dict[str, str | None]
) -> ChildProcesses:
    variables = environment.for_children(
        data_dir,
        address,
        token_of(data_dir),
        inbox=inbox,
        poll_seconds=min(10, max(2, (settings.schedule.seconds or 60) // 2)),
        **connections | {"database": database_driver(connections["database"])},
    )
    if not connections["database"] and is_ready(Path(variables["PREFECT_HOME"])):
        variables["PREFECT_API_DATABASE_MIGRATE_ON_START"] = "false"
    return ChildProcesses(data_dir, address, variables | {"TAROT_SERVED": settings.to_json()})


@contextmanager
def _stopped_by_signals(children: ChildProcesses) -> Iterator[None]:
    """Make SIGINT and SIGTERM ask the children to stop, instead of ending this process, in the block."""

    def ask(number: int, frame: FrameType | None) -> None:
        children.stopping = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def database_driver(url: str | None) -> str | None:
    """Return the URL with the driver for Prefect's asynchronous engine: postgresql+asyncpg:// for postgresql://."""
    for plain in ("postgresql://", "postgres://"):
        if url and url.startswith(plain):
            return "postgresql+asyncpg://" + url.removeprefix(plain)
    return url


def _check_port(port: int) -> None:
    """Raise Problem `port_taken` if another program, or `tarot serve` on other data, listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Problem("port_taken", port=port) from None
