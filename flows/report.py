"""The quality report of the newest version, with figures of the store and the last run."""

import json
from pathlib import Path

from tarot_data.dataset import versions
from tarot_data.report import page, statistics
from tarot_data.store import tables
from tarot_data.system.atomic import write_text


def write_report(
    data_dir: Path, gate_state: dict, lang: str, *, run: dict | None = None, pseudonyms: bool = False
) -> dict[str, object]:
    """Write the report of the newest version; return its figures and its location under `path`.

    gate_state: the gate, as returned by `flows.training.gate_checks.newest_gate`.
    """
    manifests = versions.listed(data_dir)
    version = manifests[-1] if manifests else None
    measured = statistics.measure(
        tables.readings(data_dir),
        tables.rejections(data_dir),
        version=version,
        previous=_figures_of(data_dir, manifests[-2]) if len(manifests) > 1 else None,
        gate=gate_state,
        history=manifests,
        run=run,
        splits=versions.read(data_dir, version).select("reading_id", "person", "split") if version else None,
        pseudonyms=pseudonyms,
        files=tables.files(data_dir),
    )
    name = f"report-v{version['version']:06}" if version else "report"
    name += "-pseudonyms" if pseudonyms else ""
    folder = data_dir / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    path = page.write(measured, folder / f"{name}.html", lang)
    if version and not pseudonyms:
        # Only the figures that the next version is compared with, no text that people wrote.
        _write_json(folder / f"{name}.json", {"key": measured["key"]})
    return {"path": str(path), **measured}


def _figures_of(data_dir: Path, manifest: dict) -> dict:
    """Return a version's manifest with the figures of its report, if it has one."""
    path = data_dir / "reports" / f"report-v{manifest['version']:06}.json"
    return manifest | ({"figures": json.loads(path.read_text(encoding="utf-8"))} if path.exists() else {})


def _write_json(path: Path, value: dict) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, default=str))
