"""Commands measured in processes of their own, with the processes that they start."""

import os
import statistics
import subprocess
import sys
from time import perf_counter

from benchmarks.pages import ROOT

TAROT = (sys.executable, "-c", "import sys; from flows.cli import main; sys.exit(main())")
"""Command of `tarot` of this checkout."""


def measure(command: list[str], **environment: str) -> dict:
    """Run a command: {first, seconds, cpu_seconds, peak_mb, output}. first: seconds to its first output, on either stream;
    output: of both streams together. environment: further variables.

    Raises RuntimeError if it fails.
    """
    start = perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    begun = process.stdout.read(1)
    first = perf_counter() - start
    output = (begun + process.stdout.read()).decode("utf-8", "replace")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: exit {process.returncode}\n{output[-2000:]}")
    return {
        "first": first,
        "seconds": perf_counter() - start,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
        "output": output,
    }


def medians(runs: list[dict], *names: str) -> dict:
    """Return the median of each named figure."""
    return {name: statistics.median(run[name] for run in runs) for name in names}
