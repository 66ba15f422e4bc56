"""`make demo`: the full pipeline on the bundled sample and enough synthetic readings to open the gate, then a reading.

Everything is written below one folder, which is emptied first, so that every demo shows the same output.
"""

if __name__ == "__main__":
    # Before the other imports, which need the dependencies.
    from flows.install import run_installed

    run_installed("flows.demo")

import argparse
import shlex
import shutil
import time
from importlib.resources import files
from pathlib import Path

from flows.cli import main
from flows.commands.declare import Context
from flows.runtime import environment
from flows.runtime.progress import bar
from tarot_data.synthetic.generate import write_sample

MADE_UP = 220
"""Synthetic readings: with the sample they reach the gate of 200 after some are rejected."""

VOICE = "formal"
"""The voice of the synthetic readings, one of the two that the base writes in turns: tuning makes it write as this reader does."""


def demo(data_dir: Path, lang: str) -> None:
    started = time.monotonic()
    environment.prepare(data_dir)
    ctx = Context(data_dir, False, lang)
    shutil.rmtree(data_dir, ignore_errors=True)
    inbox = data_dir / "inbox"
    sample = Path(str(files("schemas"))).parent / "data" / "sample" / "inbox"
    shutil.copytree(sample, inbox / "sample")
    ctx.print("summary.demo_start", sample=sample.name, n=MADE_UP, path=inbox)
    bar.lang = lang
    write_sample(MADE_UP, inbox / "made-up", seed=0, progress=bar, voice=VOICE)
    bar.close()
    common = ["--data-dir", str(data_dir), "--lang", lang]
    main(["run", str(inbox), *common])
    asked = ctx.say("summary.demo_read")
    ctx.print("summary.demo_reads", command=f"tarot {asked} --data-dir {data_dir}")
    main([*shlex.split(asked), *common])
    ctx.print("summary.demo_end", seconds=round(time.monotonic() - started), data_dir=data_dir)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data/demo"))
    arguments = parser.parse_args()
    demo(arguments.data_dir, environment.language([]))
