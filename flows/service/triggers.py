"""The event that a dataset is ready, and the guarantee that a version is trained once for it.

Prefect delivers an event once, twice or never: its automations are not idempotent, it forgets an event after five
minutes, and loses those sent while its server is down. So the event may be sent any number of times; the training it
starts takes a lock for the version's hash and writes a marker under `trainings/`.
"""

import json
from collections.abc import Callable
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, Resource

from flows.runtime.error_redaction import kind_of
from flows.runtime.retries import can_pass
from flows.training.gate import may_train
from flows.training.gate_checks import finished, gate_of
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.system.atomic import write_text
from tarot_data.system.locks import exclusive, is_locked

READY = "tarot.dataset.ready"

ATTEMPTS = 5
"""Number of starts of one version's training after which the training itself is considered the cause of its failures.
"""


def announce(manifest: dict) -> None:
    """Send the event to the server; return once it is delivered. Raises httpx errors if it is not."""
    event = Event(
        event=READY,
        resource=Resource({"prefect.resource.id": f"tarot.dataset.{manifest['hash'][:16]}"}),
        payload={name: manifest[name] for name in ("version", "hash", "counts")},
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")])


def may_still_train(data_dir: Path, hash: str) -> bool:
    """Check whether announcing the version can still lead to a training.

    It cannot if the version is trained, is being trained, or has failed for good.
    """
    over = marker(data_dir, hash).get("state") in ("done", "failed") or finished(data_dir, hash)
    return not over and not is_locked(_lock(data_dir, hash))


def train_once(
    data_dir: Path, version: int, hash: str, train: Callable[[], dict], *, required: int, min_new: int
) -> dict[str, object]:
    """Train a version unless it was, for any number of calls and processes.

    train: trains it and returns {run, …}. Returns its result and `outcome`: trained, already, busy (another process
    trains it), shut (the gate is closed), gone (the version changed after the announcement), failed_before. A training
    that was killed or stopped is resumed; one that failed is not, unless its cause can pass.
    """
    manifest = next((one for one in versions.listed(data_dir) if one["version"] == version), None)
    if manifest is None or manifest["hash"] != hash:
        return {"outcome": "gone"}
    try:
        with exclusive(_lock(data_dir, hash), Problem("training", version=hash[:8])):
            known = marker(data_dir, hash)
            if known.get("state") == "done" or finished(data_dir, hash):
                return {"outcome": "already", "gate": gate_of(data_dir, manifest, required, min_new)}
            if known.get("state") == "failed":
                return {"outcome": "failed_before"}
            gate_state = gate_of(data_dir, manifest, required, min_new)
            if not may_train(gate_state, requested=False):
                return {"outcome": "shut", "gate": gate_state}
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
        if kind_of(error) == "training":  # Started manually in another process.
            mark("waiting", attempts=before)
            return {"outcome": "busy"}
        mark("waiting" if can_pass(error) else "failed", error=kind_of(error))
        raise
    except BaseException:
        mark("waiting", attempts=before)  # The user stopped the server: the training has not failed.
        raise
    mark("done", run=result["run"])
    return result | {"outcome": "trained"}


def marker(data_dir: Path, hash: str) -> dict:
    """Return {hash, version, state, attempts, run?, error?}, or {} before the first start.

    state: started, waiting, done or failed.
    """
    path = _marker(data_dir, hash)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(data_dir: Path, value: dict) -> None:
    write_text(_marker(data_dir, value["hash"]), json.dumps(value), sync=True)


def _marker(data_dir: Path, hash: str) -> Path:
    return data_dir / "trainings" / f"{hash[:16]}.json"


def _lock(data_dir: Path, hash: str) -> Path:
    return data_dir / "locks" / f"once-{hash[:16]}.lock"
