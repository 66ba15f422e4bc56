"""llama.cpp's own server on a GGUF file, from the package xllamacpp in an environment of its own.

`TAROT_LLAMA_CPP` names the Python of that environment (`python -m venv V; V/bin/pip install xllamacpp`); without it, and
without the package here, the tests that need it are skipped.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

SERVE = """
import sys, time, xllamacpp
settings = xllamacpp.CommonParams()
settings.model.path, settings.hostnames, settings.port = sys.argv[1], ["127.0.0.1"], 0
settings.n_ctx, settings.n_parallel, settings.warmup, settings.verbosity = 1024, 1, False, -1
settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = settings.n_threads_http = 1
server = xllamacpp.Server(settings)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def llama_cpp(model: Path) -> Iterator[str]:
    """Serve a GGUF file; yields the server's URL."""
    python = os.environ.get("TAROT_LLAMA_CPP") or (sys.executable if find_spec("xllamacpp") else None)
    if python is None:
        pytest.skip("llama.cpp is not here: set TAROT_LLAMA_CPP to a Python that has the package xllamacpp")
    command = [python, "-c", SERVE, str(model)]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        url = server.stdout.readline().strip()
        assert url, f"llama.cpp does not load {model}"
        yield url
    finally:
        server.stdin.close()
        server.wait(20)


def post(url: str, body: dict) -> dict:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=120) as answer:
        return json.load(answer)
