"""Settings that the processes of `tarot serve` share; they import nothing of Prefect."""

import json
from dataclasses import asdict, dataclass, field

from flows.service.schedules import Schedule

PORT = 4200
"""Of the server of `tarot serve`: Prefect's own default."""

START_SECONDS = 180.0
"""How long a Prefect server may take to start. A new database takes ten seconds of migrations, on a slow machine under
load several times that."""

TEMPORARY = "--temporary"
"""Argument of `flows.service.prefect_server` for a server that serves a single command."""

POOL = "tarot-training"
"""The work pool that `tarot worker` takes trainings from."""


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How `tarot serve` was called; the deployments are made of it."""

    schedule: Schedule
    min_readings: int
    min_new: int
    base: str | None = None
    recipe: str | None = None
    overrides: dict[str, str] = field(default_factory=dict)
    train_here: bool = True
    lang: str = "zh"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ServeSettings":
        values = json.loads(text)
        return cls(**values | {"schedule": Schedule(**values["schedule"])})
