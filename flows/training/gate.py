"""The training gate: whether there is enough data to train. Used by the command, flows, server, status and report."""

MIN_READINGS = 200
"""Validated readings the recipe card requires for a first training."""

MIN_NEW = 50
"""Readings beyond those of the last training before another one starts by itself.

A quarter of the first training's, so that the result can differ.
"""

COVERAGE_FLOOR = 0.7
"""Minimum share of a version's sentences that have a label other than `other`.

The annotated readings have 0.88, synthetic ones 0.95, and the lowest single reading of 476 had 0.68: a version below
the minimum is mislabelled or does not consist of readings.
"""


def gate(
    manifest: dict | None,
    last: dict | None = None,
    findings: dict | None = None,
    *,
    required: int = MIN_READINGS,
    min_new: int = MIN_NEW,
) -> dict[str, object]:
    """Return what a version has, what a training requires, and under `shut` what is missing: empty if the gate is open.

    last: {readings, hashes} of the newest training and of all versions trained on, None before the first, which needs
    no new readings. findings: result of `flows.training.gate_checks.examine` for the version. Synthetic readings count,
    so that the pipeline can be tried with them; `made_up` has their number. Codes of `shut` are keys under `gate.` of
    the catalogue.
    """
    counts = manifest["counts"] if manifest else {"readings": 0, "synthetic": 0}
    findings = findings or {"integrity": [], "contacts": 0, "coverage": None}
    validated = counts["readings"]
    new = None if last is None else validated - last["readings"]
    trained = last is not None and manifest is not None and manifest["hash"] in last["hashes"]
    coverage = findings["coverage"]
    shut = [
        code
        for code, holds in (
            ("readings", validated < required),
            ("trained", trained),
            ("new", not trained and new is not None and new < min_new),
            ("integrity", bool(findings["integrity"])),
            ("privacy", findings["contacts"] > 0),
            ("coverage", coverage is not None and coverage < COVERAGE_FLOOR),
        )
        if holds
    ]
    return {
        "validated": validated,
        "required": required,
        "missing": max(0, required - validated),
        "ready": not shut,
        "made_up": counts.get("synthetic", 0),
        "trained": trained,
        "new": new,
        "min_new": min_new,
        "missing_new": 0 if new is None else max(0, min_new - new),
        "integrity": len(findings["integrity"]),
        "contacts": findings["contacts"],
        "coverage": coverage,
        "floor": COVERAGE_FLOOR,
        "shut": shut,
    }


def may_train(gate_state: dict, *, requested: bool) -> bool:
    """Decide whether a training may start.

    requested: a user asked for it, which needs no minimum of new readings; readings that are too few, damaged, unmasked
    or unlabelled still stop it. Otherwise a version trained before is only looked up again.
    """
    return set(gate_state["shut"]) <= ({"new", "trained"} if requested else {"trained"})
