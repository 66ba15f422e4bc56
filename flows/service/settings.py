"""Settings of `tarot serve` that its processes share. Light to import: `tarot --help` of a service command loads them."""

import json
from dataclasses import asdict, dataclass, field

from flows.service.schedules import Schedule

PORT = 4200
"""Of the server of `tarot serve`: Prefect's own default."""

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
