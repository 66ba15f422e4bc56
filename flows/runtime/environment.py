"""Settings that must be in the environment before Prefect, torch or a model library is imported, and all reads of it.

Everything stays on this machine: telemetry of every dependency is off, and without a server Prefect keeps its state
under the data directory.
"""

import json
import logging
import os
import platform
import shlex
import warnings
from pathlib import Path

from schemas.messages import say
from tarot_data import lexicon
from tarot_data.system import scratch

COMMAND_WAIT_SECONDS = 120.0
"""Default of `wait_seconds`: three times as long as an ingest of 20,000 readings takes."""

TOKEN_HEADER = "X-Tarot-Token"
"""Header of a request to our Prefect server; its value is the server's secret."""

LOCAL_ONLY = {"prefect", "locks", "staging", "serving.json"}
"""Files of a data directory that belong to the processes of one machine.

Prefect's database, locks, unfinished batches, address of `tarot serve`.
"""

STRICT = "TAROT_STRICT"
"""If set, as by `--strict`, drawn cards come only from fields and lists: a text that only names them is rejected."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # A base is a folder or in the local cache; nothing may request it over the network, not even its model card.
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Waiting threads sleep instead of spinning: with other processes on two cores, half of a demo's training used 17
    # CPU minutes; now the whole training uses 5.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    # On a slow machine a temporary server needs longer than the default 20 s for its first start.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The default policy pickles and hashes every input of a task; ours are paths, and Prefect caches nothing.
    "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
    # The command reports an error of its flows itself, once and in the user's language.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
}


def prepare(data_dir: Path, lexicon_dir: Path | None = None, strict: bool = False) -> None:
    """Set the variables that the libraries read on import. Values set by the user take precedence, except telemetry.

    Activates the user's own tables: those of lexicon_dir, else of the data directory. strict: see STRICT. New files of
    this process and its children are readable by their owner only, whichever library writes them: Delta, SQLite and torch
    ask for 0644. Temporary copies of raw files are made in the data directory.
    """
    os.umask(0o077)
    scratch.use(data_dir)
    lexicon.use(lexicon_dir or own_lexicon(data_dir))
    if strict or os.environ.get(STRICT):
        os.environ[STRICT] = "1"  # for the processes of a cluster on this machine
        lexicon.change("settings", {"setting": "cards_from_content", "value": "listed"})
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("PREFECT_HOME", str((data_dir / "prefect").resolve()))
    # The last two are Prefect's queues, which warn at the end of a command that they still send.
    for name in ("jieba", "httpx", "transformers", "datasets", "trl", "peft", "EventsWorker", "APILogWorker"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


def prefect_home() -> Path:
    """Return the folder of Prefect's state that `prepare` has set."""
    return Path(os.environ["PREFECT_HOME"])


def language(arguments: list[str]) -> str:
    """Return zh or en: `--lang` on the command line, else TAROT_LANG, else zh."""
    return _known(_given(arguments, "--lang") or os.environ.get("TAROT_LANG", "zh"))


def data_dir_of(arguments: list[str]) -> str:
    """Return the data directory that a command line names, else the default one."""
    return _given(arguments, "--data-dir") or named_data_dir()


def _given(arguments: list[str], option: str) -> str | None:
    """Return the value of an option that may precede or follow the command."""
    for place, argument in enumerate(arguments):
        if argument == option and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith(f"{option}="):
            return argument.removeprefix(f"{option}=")
    return None


def say_for(data_dir: str, key: str, lang: str, /, **values: object) -> str:
    """Render a sentence of the catalogue, with `--data-dir` in its calls if they would use another data directory."""
    option = f" --data-dir {shlex.quote(data_dir)}" if data_dir != named_data_dir() else ""
    return say(key, lang, call_option=option, **values)


def own_lexicon(data_dir: Path) -> Path:
    """Return the folder of the user's own tables and of the labeller trained on the user's corrections."""
    return data_dir / "lexicon"


def named_data_dir() -> str:
    """Return a folder, or the URL of a bucket."""
    return os.environ.get("TAROT_DATA_DIR", "data")


def default_data_dir() -> Path:
    return Path(named_data_dir())


def wait_seconds() -> float:
    """Return how long a command waits for another one that writes to the same data directory."""
    given = os.environ.get("TAROT_WAIT", "")
    return float(given) if given.isdecimal() else COMMAND_WAIT_SECONDS


def judge_key() -> str | None:
    """Return the API key of a judge's endpoint; local endpoints need none."""
    return os.environ.get("TAROT_JUDGE_KEY")


def teacher_key() -> str | None:
    """Return the API key of a teacher's endpoint; local endpoints need none."""
    return os.environ.get("TAROT_TEACHER_KEY")


def notify_url() -> str | None:
    """Return the webhook that is called when a run has ended, or None."""
    return os.environ.get("TAROT_NOTIFY") or None


def inbox_paths() -> list[Path]:
    """Return the inbox paths of a served ingest; they are in the environment so that Prefect's database has none."""
    given = os.environ.get("TAROT_INBOX")
    return [Path(path) for path in given.split(os.pathsep)] if given else [default_data_dir() / "inbox"]


def server_address() -> str:
    """Return the address of the server that this process belongs to."""
    return os.environ["PREFECT_API_URL"].removesuffix("/api")


def server_token() -> str:
    """Return the secret of this process's server. Other users can read neither the environment nor the file of it."""
    return os.environ["TAROT_SERVER_TOKEN"]


def given_token() -> str | None:
    """Return the secret of a server whose data directory is not on this machine."""
    return os.environ.get("TAROT_SERVER_TOKEN") or None


def with_token(token: str) -> dict[str, str]:
    """Return the headers that Prefect's clients send: the user's own ones, and the server's secret."""
    return json.loads(os.environ.get("PREFECT_CLIENT_CUSTOM_HEADERS") or "{}") | {TOKEN_HEADER: token}


def served_settings() -> str:
    return os.environ["TAROT_SERVED"]


def database_url() -> str | None:
    """Return the URL of the server's database, or None for a file of the data directory.

    It may contain a password, so it has a variable in addition to `--database`, which other users of the machine can
    read.
    """
    return os.environ.get("TAROT_DATABASE") or None


def cluster() -> str | None:
    """Return where a served ingest runs, see `flows.runtime.dask_runner`; None for its own process."""
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
    """Return the environment of the processes of `tarot serve`: this process's, with all addresses and paths.

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
        # In memory, the default, a restarted server never releases the slots of a killed run.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # SQLite allows one write at a time; on a machine that is training, ten seconds, the default, are not enough.
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_RUNNER_POLL_FREQUENCY": str(poll_seconds),
        "PREFECT_API_DATABASE_CONNECTION_URL": database,
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PYTHONUNBUFFERED": "1",
    }
    return os.environ | {name: value for name, value in settings.items() if value is not None}


def for_worker(data_dir: Path, server: str, token: str, notify: str | None) -> dict[str, str]:
    """Return the environment of `tarot worker`.

    Its state is separate from the server's, which may share the data directory.
    """
    settings = {
        "TAROT_DATA_DIR": str(data_dir.resolve()),
        "TAROT_NOTIFY": notify,
        "PREFECT_HOME": str((data_dir / "prefect" / f"worker-{platform.node()}").resolve()),
        "PREFECT_API_URL": f"{server}/api",
        "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(with_token(token)),
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }
    return os.environ | {name: value for name, value in settings.items() if value is not None}


def _known(lang: str) -> str:
    return "en" if lang.lower().startswith("en") else "zh"
