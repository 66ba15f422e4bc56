"""The Prefect server of a single command: it ends with the command, however that ends."""

import os
import signal
import subprocess
import sys
import time
from operator import attrgetter
from pathlib import Path

import pytest

from flows.service.status import answers
from flows.service.temporary_server import METHOD, SETTINGS, Temporary
from schemas.errors import Problem
from tarot_data.store import tables
from tarot_data.synthetic.generate import write_sample

ROOT = Path(__file__).parents[2]

WAITS = """
import sys, time
from pathlib import Path
from flows.service.temporary_server import Temporary
if __name__ == "__main__":
    print(Temporary(Path(sys.argv[1]), sys.argv[2]).address(), flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted({METHOD, "spawn"}))
def test_the_server_ends_with_its_command(tmp_path, method):
    commands = {}
    for number in (signal.SIGKILL, signal.SIGINT):
        home = tmp_path / number.name
        home.mkdir()
        commands[number] = subprocess.Popen(
            [sys.executable, "-c", WAITS, str(home), method],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PREFECT_HOME": str(home)},
        )
    for number, command in commands.items():
        address = command.stdout.readline().strip()
        assert answers(address)
        command.send_signal(number)
        command.wait(30)
        end = time.monotonic() + 30
        while answers(address):
            assert time.monotonic() < end, f"{number.name} left the server running"
            time.sleep(0.1)
        command.stdout.close()


def test_a_failed_server_start_names_its_log(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", f"sqlite+aiosqlite:///{tmp_path}/nowhere/prefect.db")
    with pytest.raises(Problem) as problem:
        Temporary(tmp_path, "spawn").address()  # A forked process has the settings that this one has read.
    assert problem.value.code == "serving_failed"
    assert "unable to open database file" in (tmp_path / "temporary.log").read_text(encoding="utf-8")


def test_prefect_has_every_setting_of_its_server():
    from prefect.settings import get_current_settings, temporary_settings

    with temporary_settings(SETTINGS):
        for name, value in SETTINGS.items():
            assert attrgetter(name)(get_current_settings()) == value


@pytest.mark.slow
def test_a_server_is_closed_to_the_terminal_and_other_users(tmp_path):
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    server = Temporary(tmp_path)
    try:
        assert answers(server.address())
        assert os.getsid(server.process.pid) == server.process.pid
        assert server.log.stat().st_mode & 0o777 == 0o600
    finally:
        server.stop()
    assert server.process.exitcode is not None


@pytest.mark.slow
def test_servers_started_at_once_migrate_one_database(tmp_path):
    variables = os.environ | {"PREFECT_HOME": str(tmp_path)}
    code = "import sys, time; from pathlib import Path; from flows.service.temporary_server import Temporary\n"
    code += "log = Path(sys.argv[1]); log.mkdir(); server = Temporary(log); print(server.address()); server.stop()"
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / str(number))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=variables,
        )
        for number in range(2)
    ]
    for command in commands:
        out, errors = command.communicate(timeout=180)
        assert out.startswith("http://127.0.0.1:"), errors


@pytest.mark.slow
def test_two_commands_at_once_on_a_new_data_directory(tmp_path):
    variables = {name: value for name, value in os.environ.items() if name != "PREFECT_HOME"}
    commands = []
    for number in range(2):
        write_sample(2, tmp_path / str(number), seed=number)
        command = [sys.executable, "-m", "flows.cli", "ingest", str(tmp_path / str(number))]
        command += ["--data-dir", str(tmp_path / "data"), "--lang", "en"]
        settings = {"env": variables, "cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        commands.append(subprocess.Popen(command, **settings))
    taken = 0
    for command in commands:
        out, errors = command.communicate(timeout=300)
        # On a busy machine the other one may write for longer than this one waits.
        busy = "Another process is writing" in errors
        assert command.returncode == int(busy), errors
        taken += 0 if busy else int(out.split(" files: ")[1].split(" ")[0])
    assert tables.count(tmp_path / "data") == taken >= 2
