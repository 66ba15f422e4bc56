"""Schedule of the inbox, parsed from command-line options."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from schemas.errors import Problem

EVERY = "15m"

LEAST_SECONDS = 5
"""A tick that finds nothing takes a few seconds."""

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """An interval in seconds, or a cron expression in a time zone."""

    seconds: int | None = None
    cron: str | None = None
    timezone: str = "UTC"


def schedule_of(every: str | None, cron: str | None, timezone: str | None) -> Schedule:
    """Return the schedule of a call; default: every fifteen minutes, in this machine's time zone.

    Raises Problem `schedule_two`, `schedule_every`, `schedule_cron`, `schedule_timezone`.
    """
    if every and cron:
        raise Problem("schedule_two", every=every, cron=cron)
    zone = timezone or local_timezone()
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise Problem("schedule_timezone", timezone=zone) from None
    if cron:
        # Prefect takes two seconds to import; only a cron expression needs it here.
        from prefect.client.schemas.schedules import CronSchedule

        try:
            CronSchedule(cron=cron, timezone=zone)
        except ValueError:
            raise Problem("schedule_cron", cron=cron) from None
        return Schedule(cron=cron, timezone=zone)
    return Schedule(seconds=seconds_of(every or EVERY), timezone=zone)


def seconds_of(every: str) -> int:
    """Convert `15m` to seconds; the units are s, m, h and d. Raises Problem `schedule_every`."""
    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", every.strip().lower())
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if seconds < LEAST_SECONDS:
        raise Problem("schedule_every", every=every)
    return seconds


def every_of(seconds: int) -> str:
    """Convert seconds to the largest unit that fits, as `seconds_of` reads it: 3600 is `1h`."""
    unit, length = next((unit, length) for unit, length in reversed(UNITS.items()) if seconds % length == 0)
    return f"{seconds // length}{unit}"


def local_timezone() -> str:
    """Return the name of this machine's time zone, or UTC if it has none."""
    named = os.environ.get("TZ", "").lstrip(":")
    link = Path("/etc/localtime")
    if not named and link.is_symlink():
        named = str(link.resolve()).partition("zoneinfo/")[2]
    return named or "UTC"
