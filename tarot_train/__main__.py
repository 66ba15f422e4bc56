"""Training of one dataset version without flows, as a launcher of several processes starts it.

    accelerate launch --config_file tarot_train/launch/ddp-2.yaml -m tarot_train VERSION_FOLDER --data-dir DATA

On a CPU: `torchrun --nproc_per_node 2 -m tarot_train …`. As `tarot train`, it takes the lock of the version; of several
processes the first one does.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import Problem
from schemas.messages import say
from tarot_train import sft, training_rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tarot_train", description=__doc__.splitlines()[0])
    parser.add_argument("version", type=Path, help="folder of a published dataset version")
    parser.add_argument("--data-dir", type=Path, required=True, help="where runs and bases are kept")
    parser.add_argument("--base")
    parser.add_argument("--recipe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--smoke", action="store_true", help="five updates through the whole path")
    given = parser.parse_args(arguments)
    wrong = [part for part in given.set if "=" not in part]
    if wrong:
        parser.error(f"--set takes KEY=VALUE, got {wrong[0]}")
    overrides = dict(part.split("=", 1) for part in given.set)
    os.umask(0o077)  # runs hold examples and generated readings: their owner's only
    try:
        with only_training(given.version, given.data_dir, first=sft.is_first_process()):
            run_dir = sft.train(
                given.version,
                given.base,
                given.recipe,
                overrides,
                data_dir=given.data_dir,
                notice=lambda code, values: print(say(f"notice.{code}", "en", **values), file=sys.stderr),
                smoke=given.smoke,
            )
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    print(run_dir)
    return 0


@contextmanager
def only_training(version_dir: Path, data_dir: Path, *, first: bool) -> Iterator[None]:
    """Hold the lock that `tarot train` takes too. Raises Problem `training` if another process trains this version.

    first: whether this is the first of the processes that train together; the others need no lock.
    """
    version = training_rows.manifest_of(version_dir)["hash"]
    if not first:
        yield
        return
    path = data_dir / "locks" / f"train-{version[:16]}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Problem("training", version=version[:8]) from None
    try:
        yield
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main())
