"""Whether there is enough to train on: one answer for the command, the flows, the server, the status and the report."""

MIN_READINGS = 200
"""Validated readings the recipe card asks for before a first training."""

MIN_NEW = 50
"""Readings more than the last training had before another one starts by itself: a quarter of the first, so that it can
tell something new."""

COVERAGE_FLOOR = 0.7
"""Least share of a version's sentences that have a label other than `other`. The annotated readings have 0.88, made-up
ones 0.95, and the poorest single reading of 476 had 0.68: a whole version below is mislabelled or is no readings."""


def gate(
    manifest: dict | None,
    last: dict | None = None,
    findings: dict | None = None,
    *,
    required: int = MIN_READINGS,
    min_new: int = MIN_NEW,
) -> dict[str, object]:
    """What a version has, what a training wants of it, and under `shut` what is missing: empty where the gate is open.

    last: {readings, hashes} of the newest training and of all versions trained on, None before the first, which needs
    no new readings. findings: what `flows.training.gate_checks.examine` found in the version. Made-up readings count, so that the
    road can be tried on them; they are told apart under `made_up`. Codes of `shut` are keys under `gate.` of the
    catalogue.
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


def may_train(opened: dict, *, asked: bool) -> bool:
    """Whether a training may start. asked: a person wants one, on whatever is new since the last; readings that are
    too few, damaged, unmasked or unlabelled still stop it. Unasked, a version trained before is only looked up again.
    """
    return set(opened["shut"]) <= ({"new", "trained"} if asked else {"trained"})
