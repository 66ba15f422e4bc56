"""Training of one dataset version without flows, as a launcher of several processes starts it.

    accelerate launch --config_file tarot_train/launch/ddp-2.yaml -m tarot_train VERSION_FOLDER --data-dir DATA

On a CPU: `torchrun --nproc_per_node 2 -m tarot_train …`. `tarot train` takes the lock of a version and starts one process;
its copies under a launcher would stand in each other's way.
"""

import argparse
import os
import sys
from pathlib import Path

from schemas.errors import Problem
from schemas.messages import say
from tarot_train import sft


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


if __name__ == "__main__":
    sys.exit(main())
