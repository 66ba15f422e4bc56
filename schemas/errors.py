"""Errors as codes with values; `messages.toml` has their sentences."""

from schemas.messages import say


class Problem(Exception):
    """An error that stops the work. code: a key under `problem.` in messages.toml; values fill its sentence.

    `str(problem)` is English, for logs; the command prints `say(problem.key, lang, **problem.values)`.
    """

    def __init__(self, code: str, **values: object) -> None:
        self.code, self.values = code, values
        super().__init__(code)

    @property
    def key(self) -> str:
        return f"problem.{self.code}"

    def __str__(self) -> str:
        return say(self.key, "en", **self.values)
