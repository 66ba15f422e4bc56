"""`tarot serve` as real processes: a schedule that fires, an event sent three times, kills and restarts."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from flows.runtime.environment import TOKEN_HEADER
from flows.service.status import served_at, token_of
from flows.service.supervisor import PARTS
from flows.service.triggers import READY, marker
from tarot_data.dataset import versions
from tarot_data.store import delta, tables
from tarot_data.synthetic.generate import write_sample
from tests.train.small import small_toml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PHONE = "13912345678"
TINY = ["--set", "generation.held_out=1", "--set", "generation.max_new_tokens=8"]
TINY += ["--set", "train.max_steps=3"]


class Server:
    """A `tarot serve` of the test, with all processes it started."""

    def __init__(self, data: Path, *options: str, port: int | None = None) -> None:
        self.data, self.options, self.port = data, options, port or free_port()
        self.process = None
        self.variables: dict[str, str] = {}

    def start(self, wait: float = 240) -> None:
        self.launch()
        self.come_up(wait)

    def launch(self) -> None:
        arguments = ["serve", "--data-dir", str(self.data), "--port", str(self.port), "--lang", "en", *self.options]
        log = (self.data.parent / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PREFECT_HOME"} | self.variables,
            stdout=log,
            stderr=log,
        )
        log.close()

    def come_up(self, wait: float = 240) -> None:
        until(lambda: served_at(self.data) or self.process.poll() is not None, "the server is up", wait)
        assert self.process.poll() is None, (self.data.parent / "serve.log").read_text()

    def parts(self) -> dict[str, psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return {part: child for child in children for part, module in PARTS.items() if module in child.cmdline()}

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int) -> int:
        """Signal the main process, and return its exit code once all processes it started are gone."""
        family = self.family()
        self.process.send_signal(number)
        code = self.process.wait(60)
        gone, alive = psutil.wait_procs(family, timeout=20)
        assert not alive, [process.cmdline() for process in alive]
        return code


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(true, what: str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.5)


def post(server: Server, path: str, body: object) -> object:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", TOKEN_HEADER: token_of(server.data)},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or "null")


def send(server: Server, manifest: dict) -> None:
    """Send the event as any client may send it."""
    event = {
        "event": READY,
        "resource": {"prefect.resource.id": f"tarot.dataset.{manifest['hash'][:16]}"},
        "payload": {name: manifest[name] for name in ("version", "hash", "counts")},
        "occurred": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "id": f"{time.time_ns():032x}"[-32:],
    }
    post(server, "/events", [event])


def lines(data: Path) -> list[dict]:
    path = data / "runs.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def reports(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "reports").glob("*.html"))


@pytest.fixture
def postgres(tmp_path_factory):
    """Yield the URL of a separate PostgreSQL cluster.

    PostgreSQL refuses to run as root, so a root user starts it as another user.
    """
    names = {name: shutil.which(name) for name in ("initdb", "pg_ctl")}
    if not all(names.values()):
        pytest.skip("no PostgreSQL here: initdb and pg_ctl are not on the path")
    folder = Path(tempfile.mkdtemp(prefix="tarot-postgres-"))
    user = "postgres" if os.getuid() == 0 else None
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    port = free_port()
    try:
        if user:
            shutil.chown(folder, user, user)
        (folder / "password").write_text("secret-of-the-test")
        (folder / "password").chmod(0o644)
        subprocess.run(
            [names["initdb"], "-D", folder / "data", "-U", "tarot", "--pwfile", folder / "password", "-A", "md5"],
            check=True, capture_output=True, **as_user,
        )  # fmt: skip
        run = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        subprocess.run(
            [names["pg_ctl"], "-D", folder / "data", "-o", run, "-w", "-l", folder / "log", "start"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user,
        )  # fmt: skip
    except (OSError, LookupError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}")
    try:
        yield f"postgresql://tarot:secret-of-the-test@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(
            [names["pg_ctl"], "-D", folder / "data", "-m", "immediate", "stop"], capture_output=True, **as_user
        )
        shutil.rmtree(folder, ignore_errors=True)


def test_postgresql_cron_and_a_remote_worker(postgres, tmp_path):
    data = tmp_path / "data"
    write_sample(20, data / "inbox", seed=4)
    server = Server(data, "--cron", "0 3 1 1 *", "--timezone", "Asia/Shanghai", "--no-train")
    server.variables = {"TAROT_DATABASE": postgres}
    worker = None
    try:
        server.start()
        arguments = ["worker", "--server", f"http://127.0.0.1:{server.port}", "--data-dir", str(data)]
        worker = subprocess.Popen([sys.executable, "-m", "flows.cli", *arguments], cwd=ROOT)
        until(lambda: lines(data), "the inbox is read once at the start, before the schedule")
        manifest = versions.newest(data)
        (inbox,) = post(server, "/deployments/filter", {"deployments": {"name": {"any_": ["on schedule"]}}})
        assert [row["schedule"]["timezone"] for row in inbox["schedules"]] == ["Asia/Shanghai"]

        # Too few readings, so the worker's flow trains nothing; the test only checks that it is sent there.
        send(server, manifest)
        wanted = {"flows": {"name": {"any_": ["train when ready"]}}}
        until(
            lambda: [run["state_type"] for run in post(server, "/flow_runs/filter", wanted)] == ["COMPLETED"], "a run"
        )
        assert post(server, "/flow_runs/filter", wanted)[0]["work_pool_name"] == "tarot-training"
        assert lines(data)[-1]["outcome"] == "shut" and lines(data)[-1]["gate"]["missing"] == 180

        worker.terminate()
        assert worker.wait(60) is not None
        assert server.end(signal.SIGTERM) == 0
        assert not (data / "prefect" / "prefect.db").exists()
        for path in data.rglob("*"):
            assert not path.is_file() or b"secret-of-the-test" not in path.read_bytes(), path
    finally:
        for process in (worker, server.process):
            if process and process.poll() is None:
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
                process.kill()
                process.wait()


@pytest.fixture
def served(tmp_path):
    """Start a server on an empty data directory that reads its inbox every ten seconds; always stop it at the end."""
    (tmp_path / "small.toml").write_text(small_toml(), encoding="utf-8")
    server = Server(tmp_path / "data", "--every", "10s", "--recipe", str(tmp_path / "small.toml"), *TINY)
    yield server
    family = server.family() if server.process and server.process.poll() is None else []
    for process in [server.process, *family] if family else []:
        process.kill()


def test_a_restart_waits_for_the_killed_ones_server(served, tmp_path):
    served.options = ("--no-train",)
    served.start()
    family, server = served.family(), served.parts()["server"]
    server.suspend()  # A busy server, which does not see yet that the process above it is gone, and holds the port.
    served.process.kill()
    assert served.process.wait(60) == -signal.SIGKILL
    served.launch()
    until(lambda: served.process.poll() is not None or served.parts(), "the next server is being started")
    server.resume()
    served.come_up()
    assert psutil.wait_procs(family, timeout=20)[1] == []

    write_sample(3, tmp_path / "lot", seed=5)
    command = [sys.executable, "-m", "flows.cli", "ingest", str(tmp_path / "lot"), "--data-dir", str(served.data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert tables.readings(served.data).height == 3

    # Killed while it starts, and started again at once.
    served.end(signal.SIGKILL)
    served.launch()
    until(served.parts, "the server is being started")
    served.end(signal.SIGKILL)
    served.start()
    assert served.end(signal.SIGTERM) == 0


def test_three_inboxes_give_three_versions_one_training(served, tmp_path):
    data = served.data

    def drop(number: int, readings: int) -> None:
        """Move a complete batch into the inbox at once, with a telephone number in a file name."""
        lot = tmp_path / f"lot{number}"
        write_sample(readings, lot, seed=number)
        first = next(path for path in sorted(lot.rglob("*.jsonl")))
        first.rename(first.with_name(f"客户{PHONE}.jsonl"))
        lot.rename(data / "inbox" / lot.name)

    served.start()
    drop(1, 120)
    until(lambda: versions.newest(data) and reports(data), "the first version and its report")

    again = subprocess.run(
        [sys.executable, "-m", "flows.cli", "serve", "--data-dir", str(data), "--lang", "en"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert again.returncode == 1
    assert f"A server is running on {data} already: http://127.0.0.1:{served.port}" in again.stderr

    # Killed as by a power failure: no child process is left, and the schedule continues after a restart, also at once,
    # while the server still has the port.
    family = served.family()
    served.process.kill()
    assert served.process.wait(60) == -signal.SIGKILL
    drop(2, 60)
    served.start()
    assert psutil.wait_procs(family, timeout=20)[1] == []
    until(lambda: len(lines(data)) == 2, "the second version and its report")
    assert len(versions.listed(data)) == len(reports(data)) == 2
    assert versions.newest(data)["counts"]["readings"] == 180
    assert lines(data)[-1]["gate"] == {"ready": False, "missing": 20, "missing_new": 0, "shut": ["readings"]}

    # Only the server is killed: it is restarted, and pending announcements are sent again.
    served.parts()["server"].kill()
    drop(3, 60)
    until(lambda: len(versions.listed(data)) == 3, "the third version")
    manifest = versions.newest(data)
    until(lambda: marker(data, manifest["hash"]), "the training has begun")
    for _ in range(3):
        send(served, manifest)
    until(lambda: marker(data, manifest["hash"]).get("state") == "done", "the training is done")
    until(lambda: any(line.get("outcome") == "trained" for line in lines(data)), "the training is in the run log")
    send(served, manifest)

    def at_rest() -> bool:
        runs = post(served, "/flow_runs/filter", {"flows": {"name": {"any_": ["train when ready"]}}, "limit": 50})
        ended = len(runs) >= 3 and all(run["state_type"] == "COMPLETED" for run in runs)
        # A run writes its line after its last state, so the test also waits for its process.
        return ended and not served.parts()["runner"].children(recursive=True)

    until(at_rest, "every announced training has ended")
    assert len(list((data / "runs").glob("*/manifest.json"))) == 1
    assert [line.get("outcome") for line in lines(data)].count("trained") == 1
    assert [manifest["counts"]["readings"] for manifest in versions.listed(data)] == [120, 180, 240]
    assert reports(data) == [f"report-v00000{number}.html" for number in (1, 2, 3)]

    def watched() -> list:
        """Return the ended runs of the inbox."""
        names = {"flows": {"name": {"any_": ["watch the inbox"]}}}
        ended = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        return post(served, "/flow_runs/filter", names | ended)

    state = {name: delta.delta_version(data, name) for name in delta.TABLES}
    written = len(lines(data))
    ended = len(watched())
    until(lambda: len(watched()) >= ended + 2, "two ticks that find nothing")
    assert state == {name: delta.delta_version(data, name) for name in delta.TABLES}
    assert len(lines(data)) == written and len(versions.listed(data)) == 3

    summaries = post(served, "/artifacts/filter", {"artifacts": {"key": {"any_": ["summary"]}}})
    assert any("| readings taken in | 60 |" in artifact["data"] for artifact in summaries)
    assert any("20 more readings to the training gate" in artifact["data"] for artifact in summaries)

    assert served.end(signal.SIGTERM) == 0
    assert served_at(data) is None
    for path in (data / "prefect").rglob("*"):
        assert not path.is_file() or PHONE.encode() not in path.read_bytes(), path
    content = tables.readings(data)["content"][0]
    with closing(sqlite3.connect(data / "prefect" / "prefect.db")) as database:
        assert content[:20] not in "\n".join(database.iterdump())
