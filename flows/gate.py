"""Whether there is enough to train on: one answer for the command, the flow, the status and the report."""

MIN_READINGS = 200
"""Validated readings the recipe card asks for before a first training."""


def gate(manifest: dict | None, required: int = MIN_READINGS) -> dict[str, object]:
    """{validated, required, missing, ready}: open when a version holds as many validated readings as required."""
    validated = manifest["counts"]["readings"] if manifest else 0
    return {
        "validated": validated,
        "required": required,
        "missing": max(0, required - validated),
        "ready": validated >= required,
    }
