"""Settings of `tarot serve` and its files for systemd and launchd."""

import configparser
import json
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from flows.service import system_units
from flows.service.schedules import Schedule, schedule_of, seconds_of
from flows.service.settings import ServeSettings
from flows.service.status import lock_path, served_at, write_address
from flows.service.supervisor import database_driver
from schemas.errors import Problem
from tarot_data.system.locks import exclusive

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("every", "seconds"), [("5s", 5), ("15m", 900), ("2h", 7200), ("1d", 86400), (" 30 S ", 30)])
def test_every_is_read_with_its_unit(every, seconds):
    assert seconds_of(every) == seconds


@pytest.mark.parametrize("every", ["1s", "15", "m", "-5m", "0h", "soon"])
def test_wrong_intervals_name_the_format(every):
    with pytest.raises(Problem, match="30s, 15m, 2h or 1d"):
        seconds_of(every)


def test_the_default_interval_is_fifteen_minutes(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert schedule_of(None, None, None) == Schedule(seconds=900, timezone="Asia/Shanghai")


def test_cron_comes_with_its_time_zone():
    assert schedule_of(None, "0 3 * * *", "Asia/Taipei") == Schedule(cron="0 3 * * *", timezone="Asia/Taipei")


@pytest.mark.parametrize(
    ("every", "cron", "timezone", "code"),
    [
        ("5m", "0 3 * * *", None, "schedule_two"),
        (None, "at three", None, "schedule_cron"),
        (None, "0 3 * * *", "Asia/Shangai", "schedule_timezone"),
    ],
)
def test_an_impossible_schedule_is_refused(every, cron, timezone, code):
    with pytest.raises(Problem) as caught:
        schedule_of(every, cron, timezone)
    assert caught.value.code == code


def test_served_settings_survive_serialisation():
    served = ServeSettings(schedule=Schedule(seconds=5), min_readings=200, min_new=50, overrides={"lora.r": "8"})
    assert ServeSettings.from_json(served.to_json()) == served


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@host/db", "postgres://u:p@host/db", "postgresql+asyncpg://u:p@host/db"]
)
def test_database_urls_get_the_async_driver(url):
    assert database_driver(url) == "postgresql+asyncpg://u:p@host/db"


def test_the_address_counts_only_while_served(tmp_path):
    assert served_at(tmp_path) is None
    write_address(tmp_path, "http://127.0.0.1:4200")
    assert served_at(tmp_path) is None
    with exclusive(lock_path(tmp_path), Problem("busy", path=tmp_path)):
        assert served_at(tmp_path) == "http://127.0.0.1:4200"


COMMAND = ["/opt/a b/python", "-m", "flows.cli", "serve", "--every", "15m", "50% $x"]
SECRET = {"TAROT_DATABASE": 'postgresql://u:p%40"ss@host/db'}


def test_the_unit_quotes_what_systemd_would_read_otherwise():
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read_string(system_units.systemd_unit(COMMAND, SECRET))
    assert unit["Service"]["ExecStart"] == '"/opt/a b/python" "-m" "flows.cli" "serve" "--every" "15m" "50%% $$x"'
    assert unit["Service"]["Environment"] == '"TAROT_DATABASE=postgresql://u:p%%40\\"ss@host/db"'


def test_the_plist_is_one():
    plist = plistlib.loads(system_units.launchd_plist(COMMAND, SECRET).encode())
    assert plist["ProgramArguments"] == COMMAND and plist["EnvironmentVariables"] == SECRET


def test_installed_units_hold_no_secrets():
    argv = [
        "tarot",
        "serve",
        "--every",
        "5m",
        "--database",
        "postgresql://u:p@h/d",
        "--notify=http://x",
        "--install",
        "--yes",
    ]
    assert system_units.command_of(argv) == [sys.executable, "-P", "-m", "flows.cli", "serve", "--every", "5m"]


@pytest.mark.parametrize("yes", [False, True])
def test_install_writes_only_with_yes(tmp_path, yes):
    arguments = ["serve", "--data-dir", str(tmp_path / "data"), "--install", "--json", *(["--yes"] if yes else [])]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments], capture_output=True, text=True, env=environment, check=True
    )
    made = json.loads(result.stdout)
    own = made[system_units.own_kind()]
    assert ("serve" in own["text"]) and "--install" not in own["text"]
    assert Path(own["path"]).exists() is yes
    assert sum(path.is_file() for path in (tmp_path / "home").rglob("*")) == int(yes)
    if yes:
        assert Path(own["path"]).stat().st_mode & 0o777 == 0o600
