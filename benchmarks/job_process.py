"""Jobs of the kill test, in a process that has loaded everything before it starts a job, so that a kill hits the work and not
the start of Python. One line of JSON in, one out."""

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


class JobProcess:
    """A process that waits for a job."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.job_process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def start(self, data: Path, arguments: list[str]) -> None:
        assert self.process.stdout.readline() == "ready\n"
        self.process.stdin.write(json.dumps([str(data), arguments]) + "\n")
        self.process.stdin.flush()

    def result(self) -> dict | None:
        """Return {code, errors}, or None if it was killed."""
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def work(data: Path, arguments: list[str]) -> dict:
    """Do what `tarot ARGUMENTS` does, without Prefect."""
    from flows import cli, ingest

    code: object = 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:  # has no name, so that a kill leaves nothing
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            try:
                if arguments[0] == "ingest":
                    ingest.ingest.fn(data, ingest.Inbox([Path(arguments[1])]))
                else:
                    cli.main([*arguments, "--lang", "en", "--data-dir", str(data)])
            except SystemExit as error:
                code = error.code or 0
            except Exception as error:
                print(repr(getattr(error, "cause", error)))
                code = 70
        log.seek(0)
        return {"code": code, "errors": log.read()[-2000:]}


def warm() -> None:
    """Import what the jobs import, label a reading, and replace the tasks of ingest and publish by their plain functions."""
    import polars as pl

    from flows import forget, ingest, publish, report  # noqa: F401
    from flows.commands import dataset, pipeline, readings, rejections  # noqa: F401
    from schemas.tables import READINGS
    from tarot_data.dataset import versions  # noqa: F401
    from tarot_data.erasure import forget_person  # noqa: F401
    from tarot_data.ingest import card_conflicts, clean, compare, replay, validate  # noqa: F401
    from tarot_data.patterns.annotate import annotate
    from tarot_data.text.near_duplicates import signatures
    from tests.builders import reading

    frame = pl.DataFrame([reading()], schema=READINGS)
    annotate(frame)
    signatures(frame)
    for name in ("find_files", "wait_for", "read_and_clean", "decide", "commit"):
        setattr(ingest, name, getattr(ingest, name).fn)


def main() -> None:
    answers = sys.stdout
    warm()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        data, arguments = json.loads(line)
        found = work(Path(data), arguments)
        print(json.dumps(found), file=answers, flush=True)
        print("ready", file=answers, flush=True)


if __name__ == "__main__":
    main()
