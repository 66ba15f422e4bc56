"""Errors on their way through Prefect: it writes the text of every exception into its database, where nothing a person
wrote may stand, and a file's name may hold a telephone number."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from schemas.errors import Problem


class Withheld(Exception):
    """Stands for an error whose words stay out of Prefect and its log; its text is the error's kind and the line of code.

    cause: the error itself. It is no `__cause__`, for Prefect logs those with their words.
    """

    def __init__(self, kind: str, where: str, cause: BaseException) -> None:
        super().__init__(f"{kind} ({where})")
        self.kind, self.where, self.cause = kind, where, cause

    def __reduce__(self):
        return type(self), (self.kind, self.where, RuntimeError(self.kind))


def kind_of(error: BaseException) -> str:
    """A word for an error that says nothing about anybody: a Problem's code, else the name of its class."""
    if isinstance(error, Withheld):
        return error.kind
    return error.code if isinstance(error, Problem) else type(error).__name__


def withholding(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its errors withheld; for what stands under `@task` and `@flow`."""

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
def told() -> Iterator[None]:
    """Errors of the block as they were before they were withheld."""
    try:
        yield
    except Withheld as error:
        raise error.cause from None
