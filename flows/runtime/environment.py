"""What must be set before Prefect, torch or a model library is imported; nothing else reads the environment.

Everything stays on this machine: telemetry of every dependency is off, and without a server Prefect keeps its state
under the data directory.
"""

import json
import logging
import os
import warnings
from pathlib import Path

from tarot_data import lexicon

TOKEN_HEADER = "X-Tarot-Token"
"""Header of a request to a Prefect server of ours; its value is the server's secret."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # A base is a folder or in the local cache; nothing below may ask the network for it, not even for its model card.
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Waiting threads sleep instead of spinning: beside other work on two cores, half a demo's training had burnt 17 CPU
    # minutes; so the whole of it takes 5.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    # A temporary server on a slow machine needs longer than the default 20 s to come up the first time.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The default policy pickles and hashes every input of a task; ours are paths, and nothing is cached by Prefect.
    "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
    # What goes wrong in a flow called here is said by the command, once and in the user's language.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
}


def prepare(data_dir: Path, lexicon_dir: Path | None = None) -> None:
    """Set what the libraries read when they are imported. Values already set by the user win, telemetry apart.

    Puts the reader's own tables in force: those of lexicon_dir, else of the data directory.
    """
    lexicon.use(lexicon_dir or own_lexicon(data_dir))
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("PREFECT_HOME", str((data_dir / "prefect").resolve()))
    for name in ("jieba", "httpx", "transformers", "datasets", "trl", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


def prefect_home() -> Path:
    """Where Prefect keeps its state, as `prepare` named it."""
    return Path(os.environ["PREFECT_HOME"])


def language(arguments: list[str]) -> str:
    """zh or en: `--lang` on the command line, else TAROT_LANG, else zh."""
    for place, argument in enumerate(arguments):
        if argument == "--lang" and place + 1 < len(arguments):
            return _known(arguments[place + 1])
        if argument.startswith("--lang="):
            return _known(argument.removeprefix("--lang="))
    return _known(os.environ.get("TAROT_LANG", "zh"))


def own_lexicon(data_dir: Path) -> Path:
    """The reader's own tables, and the labeller trained on the reader's corrections."""
    return data_dir / "lexicon"


def named_data_dir() -> str:
    """A folder, or the URL of a bucket."""
    return os.environ.get("TAROT_DATA_DIR", "data")


def default_data_dir() -> Path:
    return Path(named_data_dir())


def judge_key() -> str | None:
    """The key a judge's endpoint asks for; those on one's own machine ask for none."""
    return os.environ.get("TAROT_JUDGE_KEY")


def notify_url() -> str | None:
    """Where a line is sent when a run has ended, where anywhere."""
    return os.environ.get("TAROT_NOTIFY") or None


def inbox_paths() -> list[Path]:
    """What a served ingest reads: the environment carries it, so that Prefect's database does not."""
    given = os.environ.get("TAROT_INBOX")
    return [Path(path) for path in given.split(os.pathsep)] if given else [default_data_dir() / "inbox"]


def server_address() -> str:
    """Of the server whose part this process is."""
    return os.environ["PREFECT_API_URL"].removesuffix("/api")


def server_token() -> str:
    """The secret that the server of this process asks for. Other users can read neither the environment nor its file."""
    return os.environ["TAROT_SERVER_TOKEN"]


def given_token() -> str | None:
    """The secret of a server whose data directory is not on this machine."""
    return os.environ.get("TAROT_SERVER_TOKEN") or None


def with_token(token: str) -> dict[str, str]:
    """Headers that Prefect's clients send along: the user's own ones, and the server's secret."""
    return json.loads(os.environ.get("PREFECT_CLIENT_CUSTOM_HEADERS") or "{}") | {TOKEN_HEADER: token}


def served_settings() -> str:
    return os.environ["TAROT_SERVED"]


def database_url() -> str | None:
    """Where the server keeps its state, if not in a file of the data directory. May hold a password, so it has a
    variable besides `--database`, which other users of the machine can read."""
    return os.environ.get("TAROT_DATABASE") or None


def cluster() -> str | None:
    """Where a served ingest is spread, see `flows.runtime.dask_runner`; None for its own process."""
    return os.environ.get("TAROT_CLUSTER") or None


def for_children(
    data_dir: Path,
    address: str,
    token: str,
    *,
    inbox: list[Path],
    poll_seconds: int,
    database: str | None,
    notify: str | None,
    cluster: str | None,
) -> dict[str, str]:
    """The environment of the processes of `tarot serve`: this one's, and where everything is.

    address: `http://127.0.0.1:port` of the server. token: its secret.
    """
    port = address.rpartition(":")[2]
    settings = {
        "TAROT_DATA_DIR": str(data_dir.resolve()),
        "TAROT_INBOX": os.pathsep.join(str(path.resolve()) for path in inbox),
        "TAROT_NOTIFY": notify,
        "TAROT_CLUSTER": cluster,
        "PREFECT_HOME": str((data_dir / "prefect").resolve()),
        "TAROT_SERVER_TOKEN": token,
        "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(with_token(token)),
        "PREFECT_API_URL": f"{address}/api",
        "PREFECT_UI_API_URL": f"{address}/api",
        "PREFECT_UI_STATIC_DIRECTORY": str((data_dir / "prefect" / "ui").resolve()),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": address,
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": port,
        # In memory, the default, a server that is restarted never gives back what a dead run held.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # SQLite lets one write at a time; on a machine that is training, ten seconds, the default, are not enough.
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_RUNNER_POLL_FREQUENCY": str(poll_seconds),
        "PREFECT_API_DATABASE_CONNECTION_URL": database,
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PYTHONUNBUFFERED": "1",
    }
    return os.environ | {name: value for name, value in settings.items() if value is not None}


def for_worker(data_dir: Path, server: str, token: str, notify: str | None) -> dict[str, str]:
    """The environment of `tarot worker`: its state apart from the server's, which may share the data directory."""
    settings = {
        "TAROT_DATA_DIR": str(data_dir.resolve()),
        "TAROT_NOTIFY": notify,
        "PREFECT_HOME": str((data_dir / "prefect" / f"worker-{os.uname().nodename}").resolve()),
        "PREFECT_API_URL": f"{server}/api",
        "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(with_token(token)),
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }
    return os.environ | {name: value for name, value in settings.items() if value is not None}


def _known(lang: str) -> str:
    return "en" if lang.lower().startswith("en") else "zh"
