"""Ids that people shorten: readings, rejections, runs, versions."""

from collections.abc import Iterable

from schemas.errors import Problem

MOST_NAMED = 5
"""Matches that an error names."""


def whole_id(given: str, known: Iterable[str], missing: Problem) -> str:
    """Return the known id that `given` is, or the only one that it begins; a `…` at its end does not count.

    Raises `missing` if there is none, Problem `ambiguous_id` with the matches if there are several.
    """
    start = given.strip().removesuffix("…").removesuffix("...")
    ids = set(known)
    if start in ids:
        return start
    matches = sorted(one for one in ids if start and one.startswith(start))
    if not matches:
        raise missing
    if len(matches) > 1:
        more = ["…"] if len(matches) > MOST_NAMED else []
        raise Problem("ambiguous_id", id=given, matches=matches[:MOST_NAMED] + more)
    return matches[0]
