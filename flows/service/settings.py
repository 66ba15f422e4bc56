"""Settings that the processes of `tarot serve` share; this module imports nothing of Prefect."""

import json
from dataclasses import asdict, dataclass, field

from flows.service.schedules import Schedule

PORT = 4200
"""Port of the server of `tarot serve`: Prefect's own default."""

START_SECONDS = 180.0
"""Timeout for the start of a Prefect server.

The migrations of a new database take ten seconds, on a slow machine under load several times that.
"""

POOL = "tarot-training"
"""The work pool from which `tarot worker` takes trainings."""


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Arguments of `tarot serve`, from which the deployments are made."""

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
