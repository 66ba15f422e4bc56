"""Retry rules: errors whose causes pass by themselves are retried, with growing waits. Other errors fail at once."""

import errno
from typing import Any

from flows.runtime.error_redaction import Withheld
from schemas.errors import Problem

PASSING_ERRNOS = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ETXTBSY, errno.EDEADLK, errno.ESTALE, errno.ETIMEDOUT}
"""A file that another program locks, an unreliable network drive. A full disk or a missing file does not pass."""

PASSING_WINERRORS = {32, 33}
"""ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION: a file open in a spreadsheet program."""

PASSING_PROBLEMS = {"store_conflict"}

RETRIES = {"retries": 3, "retry_delay_seconds": [1, 4, 16], "retry_jitter_factor": 0.3}
"""Settings of a task with retries: 1, 4 and 16 seconds later, each wait up to 0.3 longer or shorter."""


def can_pass(error: BaseException) -> bool:
    """Check whether the cause of an error can disappear within moments."""
    if isinstance(error, Withheld):
        error = error.cause
    if isinstance(error, Problem):
        return error.code in PASSING_PROBLEMS
    if isinstance(error, OSError):
        return error.errno in PASSING_ERRNOS or getattr(error, "winerror", None) in PASSING_WINERRORS
    # Compared by name: importing either package for this would slow the start of a flow.
    name = type(error).__name__
    return name == "CommitFailedError" or (name == "OperationalError" and "locked" in str(error))


def retry_if_it_can_pass(task: Any, run: Any, state: Any) -> bool:
    """Decide whether to retry; Prefect's `retry_condition_fn`."""
    try:
        state.result()
    except Exception as error:
        return can_pass(error)
    return False
