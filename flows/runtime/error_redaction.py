"""Redaction of errors that pass through Prefect.

Prefect writes the text of every exception into its database. The database must not contain text that people wrote, and
a file name may hold a telephone number.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from schemas.errors import Problem


class Withheld(Exception):
    """Replacement of an error whose text must not reach Prefect or its log.

    Its text is the error's kind and line of code. cause: the error itself. It is not `__cause__`, because Prefect logs
    the text of those.
    """

    def __init__(self, kind: str, where: str, cause: BaseException) -> None:
        super().__init__(f"{kind} ({where})")
        self.kind, self.where, self.cause = kind, where, cause

    def __reduce__(self):
        return type(self), (self.kind, self.where, RuntimeError(self.kind))


def kind_of(error: BaseException) -> str:
    """Return a word for an error that identifies nobody: a Problem's code, else the name of its class."""
    if isinstance(error, Withheld):
        return error.kind
    return error.code if isinstance(error, Problem) else type(error).__name__


def withhold_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function so that its errors are withheld; used below `@task` and `@flow`."""

    @wraps(function)
    def quiet(*arguments: Any, **settings: Any) -> Any:
        try:
            return function(*arguments, **settings)
        except Withheld:
            raise
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            raise Withheld(kind_of(error), f"{Path(place.filename).name}:{place.lineno}", error) from None

    return quiet


@contextmanager
def original_errors() -> Iterator[None]:
    """Raise the original errors of the block instead of their withheld replacements."""
    try:
        yield
    except Withheld as error:
        raise error.cause from None
