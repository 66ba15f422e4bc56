"""`tarot serve --install`: the systemd unit (Linux) or launchd plist (macOS) that starts it with the machine."""

import os
import sys
from pathlib import Path
from xml.sax.saxutils import escape

NAME = "tarot-serve"
LABEL = "tarot.serve"


def systemd_unit(command: list[str], variables: dict[str, str]) -> str:
    """Return a user unit. Stopping takes up to a minute, because a run is cancelled first."""
    lines = [f'Environment="{name}={_quoted(value)}"' for name, value in variables.items()]
    return "\n".join(
        [
            "[Unit]",
            "Description=Tarot readings: ingest, publish, report and train by themselves",
            "After=network.target",
            "",
            "[Service]",
            "ExecStart=" + " ".join(f'"{_quoted(part)}"' for part in command),
            f"WorkingDirectory={_quoted(str(Path.cwd()))}",
            *lines,
            "Restart=on-failure",
            "RestartSec=30",
            "KillMode=mixed",
            "TimeoutStopSec=75",
            "UMask=0077",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
    )


def launchd_plist(command: list[str], variables: dict[str, str]) -> str:
    """Return a launch agent for the user who is logged in."""

    def text(value: str) -> str:
        return f"<string>{escape(value)}</string>"

    pairs = "".join(f"\n    <key>{escape(name)}</key>{text(value)}" for name, value in variables.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>{text(LABEL)}
  <key>ProgramArguments</key>
  <array>
    {"".join(text(part) for part in command)}
  </array>
  <key>WorkingDirectory</key>{text(str(Path.cwd()))}
  <key>EnvironmentVariables</key>
  <dict>{pairs}
  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ExitTimeOut</key><integer>75</integer>
</dict>
</plist>
"""


def command_of(argv: list[str]) -> list[str]:
    """Return the command line to repeat: the current one, by full path, without its print options and secrets."""
    left, skip = [], False
    for argument in argv[1:]:
        name = argument.partition("=")[0]
        if skip or name in ("--install", "--yes", "--json"):
            skip = False
        elif name in ("--database", "--notify"):
            skip = "=" not in argument
        else:
            left.append(argument)
    return [sys.executable, "-P", "-m", "flows.cli", *left]


def places() -> dict[str, Path]:
    """Return the paths in the user's own folders from which systemd and launchd load the two files."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "systemd": config / "systemd" / "user" / f"{NAME}.service",
        "launchd": Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist",
    }


def own_kind() -> str:
    return "launchd" if sys.platform == "darwin" else "systemd"


def write(path: Path, text: str) -> None:
    """Write a file readable by its owner only: a database's URL may contain a password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def _quoted(value: str) -> str:
    """Quote a value for a unit file, in which a backslash, a quote, % and $ have special meanings."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
