"""Whether there is enough to train on: one answer for the command, the flow, the status and the report."""

MIN_READINGS = 200
"""Validated readings the recipe card asks for before a first training."""


def gate(validated: int, required: int = MIN_READINGS) -> dict[str, object]:
    """{validated, required, missing, ready}: open when as many readings as required are validated and published."""
    return {
        "validated": validated,
        "required": required,
        "missing": max(0, required - validated),
        "ready": validated >= required,
    }
