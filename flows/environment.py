"""What must be set before Prefect, torch or a model library is imported; nothing else reads the environment.

Everything stays on this machine: telemetry of every dependency is off, and without a server Prefect keeps its state
under the data directory.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.withheld import told
from schemas.problems import Problem
from tarot_data import lexicon

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
    "PREFECT_LOGGING_LEVEL": "ERROR",
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


@contextmanager
def prefect_at(data_dir: Path) -> Iterator[None]:
    """Flows called in the block keep their state in the folder that `prepare` named.

    The folder must be there: without it a flow waits two minutes for a server that cannot start. The heartbeat, a
    thread that sleeps a second at the end of every flow, is for a server that watches for lost runs; here none does.
    Raises Problem `not_writable`.
    """
    try:
        Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem("not_writable", path=data_dir, why=error.strerror) from None
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with told(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


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


def default_data_dir() -> Path:
    return Path(os.environ.get("TAROT_DATA_DIR", "data"))


def judge_key() -> str | None:
    """The key a judge's endpoint asks for; those on one's own machine ask for none."""
    return os.environ.get("TAROT_JUDGE_KEY")


def notify_url() -> str | None:
    """Where a line is sent when a run has ended, where anywhere."""
    return os.environ.get("TAROT_NOTIFY") or None


def _known(lang: str) -> str:
    return "en" if lang.lower().startswith("en") else "zh"
