"""The event that a dataset is ready, and the guarantee that a version is trained once for it.

Prefect hands an event on once, twice or never: it knows no idempotency for automations, forgets after five minutes,
and loses what is sent while its server is away. So the event may be sent as often as anybody likes, and what it
starts holds a lock for the version's hash and leaves a marker under `trainings/`.
"""

import json
from collections.abc import Callable
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, Resource

from flows.runtime.error_redaction import kind_of
from flows.runtime.retries import passes
from flows.training.gate import may_train
from flows.training.gate_checks import finished, look_at
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.system.atomic import write_text
from tarot_data.system.locks import exclusive, is_locked

READY = "tarot.dataset.ready"

ATTEMPTS = 5
"""Starts of one version's training, beyond which what kills it is taken to be the training itself."""


def announce(manifest: dict) -> None:
    """Send the event to the server, and return once it has it. Raises httpx errors where it has not."""
    event = Event(
        event=READY,
        resource=Resource({"prefect.resource.id": f"tarot.dataset.{manifest['hash'][:16]}"}),
        payload={name: manifest[name] for name in ("version", "hash", "counts")},
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")])


def wanted(data_dir: Path, hash: str) -> bool:
    """Whether an announcement of the version could still lead to a training: it is not trained, not being trained, and
    has not failed for good."""
    over = marker(data_dir, hash).get("state") in ("done", "failed") or finished(data_dir, hash)
    return not over and not is_locked(_lock(data_dir, hash))


def train_once(
    data_dir: Path, version: int, hash: str, train: Callable[[], dict], *, required: int, min_new: int
) -> dict[str, object]:
    """Train a version unless it was, however often this is called and in however many processes.

    train: trains it and returns {run, …}. Returns what it returned and `outcome`: trained, already, busy (another
    process trains it), shut (the gate), gone (the version is not as announced), failed_before. A training that was
    killed or stopped is taken up again; one that failed is not, unless its cause passes.
    """
    manifest = next((one for one in versions.listed(data_dir) if one["version"] == version), None)
    if manifest is None or manifest["hash"] != hash:
        return {"outcome": "gone"}
    try:
        with exclusive(_lock(data_dir, hash), Problem("training", version=hash[:8])):
            known = marker(data_dir, hash)
            if known.get("state") == "done" or finished(data_dir, hash):
                return {"outcome": "already", "gate": look_at(data_dir, manifest, required, min_new)}
            if known.get("state") == "failed":
                return {"outcome": "failed_before"}
            opened = look_at(data_dir, manifest, required, min_new)
            if not may_train(opened, asked=False):
                return {"outcome": "shut", "gate": opened}
            return _attempt(data_dir, manifest, known.get("attempts", 0), train)
    except Problem as problem:
        if problem.code != "training":
            raise
        return {"outcome": "busy"}


def _attempt(data_dir: Path, manifest: dict, before: int, train: Callable[[], dict]) -> dict[str, object]:
    about = {"hash": manifest["hash"], "version": manifest["version"]}

    def mark(state: str, **more: object) -> None:
        _write(data_dir, about | {"state": state, "attempts": before + 1} | more)

    if before >= ATTEMPTS:
        mark("failed", error="killed")
        return {"outcome": "failed_before"}
    mark("started")
    try:
        result = train()
    except Exception as error:
        if kind_of(error) == "training":  # By hand, in another process.
            mark("waiting", attempts=before)
            return {"outcome": "busy"}
        mark("waiting" if passes(error) else "failed", error=kind_of(error))
        raise
    except BaseException:
        mark("waiting", attempts=before)  # Somebody stopped the server: that is no failure of the training.
        raise
    mark("done", run=result["run"])
    return result | {"outcome": "trained"}


def marker(data_dir: Path, hash: str) -> dict:
    """{hash, version, state: started, waiting, done or failed, attempts, run?, error?}, or {} before the first start."""
    path = _marker(data_dir, hash)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(data_dir: Path, value: dict) -> None:
    write_text(_marker(data_dir, value["hash"]), json.dumps(value), sync=True)


def _marker(data_dir: Path, hash: str) -> Path:
    return data_dir / "trainings" / f"{hash[:16]}.json"


def _lock(data_dir: Path, hash: str) -> Path:
    return data_dir / "locks" / f"once-{hash[:16]}.lock"
