"""Known vulnerabilities of the pinned dependencies, looked up in an offline copy of an advisory database.

    python -m benchmarks.audit constraints.txt DIR

DIR holds advisories in the OSV format, as files or in zip archives: `PyPI/all.zip` of https://osv.dev (the folder that
osv-scanner keeps for its offline mode will do), or a checkout of github.com/pypa/advisory-database. Exit code 1 if an
advisory applies, 2 if the folder has none for PyPI.
"""

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


def pinned(path: Path) -> dict[str, set[Version]]:
    """Return name -> versions of a constraints file; a package may have several, with different markers."""
    pins: dict[str, set[Version]] = {}
    for line in filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())):
        if not line.startswith("#"):
            needed = Requirement(line)
            pins.setdefault(canonicalize_name(needed.name), set()).add(Version(next(iter(needed.specifier)).version))
    return pins


def advisories(folder: Path) -> Iterator[dict]:
    """Yield every advisory below a folder: JSON and YAML files, and those in zip archives."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                yield from (json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json"))
        elif path.suffix == ".json":
            yield json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".yaml", ".yml"):
            yield yaml.safe_load(path.read_text(encoding="utf-8"))


def found(pins: dict[str, set[Version]], known: Iterator[dict]) -> tuple[list[str], int, str]:
    """Return the findings, a line each; the number of advisories for PyPI; when the newest of them was changed."""
    lines, count, newest = [], 0, ""
    for advisory in known:
        entries = [entry for entry in _affected(advisory) if entry["package"].get("ecosystem") == "PyPI"]
        count += bool(entries)
        if entries:
            newest = max(newest, str(advisory.get("modified", "")))
        for entry in entries:
            name = canonicalize_name(entry["package"]["name"])
            versions = () if advisory.get("withdrawn") else pins.get(name, ())
            lines += [_line(name, version, advisory, entry) for version in versions if is_affected(version, entry)]
    return sorted(set(lines)), count, newest


def _affected(advisory: object) -> list[dict]:
    """Return the packages that an advisory names; [] for JSON or YAML of another kind."""
    entries = advisory.get("affected") if isinstance(advisory, dict) else None
    return [entry for entry in entries or [] if isinstance(entry, dict) and "package" in entry]


def is_affected(version: Version, entry: dict) -> bool:
    """Evaluate one entry of `affected` by the rules of the OSV schema: listed, or inside a range."""
    if any(_version(listed) == version for listed in entry.get("versions") or []):
        return True
    return any(_in_range(version, each["events"]) for each in entry.get("ranges") or [] if each["type"] == "ECOSYSTEM")


def _in_range(version: Version, events: list[dict[str, str]]) -> bool:
    """Walk through the events in the order of their versions; at the same version `introduced` counts last."""
    steps = []
    for event in events:
        for kind, text in event.items():
            if (at := _version(text)) is not None:
                steps.append((at, kind == "introduced", kind))
    inside = False
    for at, _, kind in sorted(steps):
        if kind == "introduced" and version >= at:
            inside = True
        elif kind == "fixed" and version >= at or kind == "last_affected" and version > at:
            inside = False
    return inside


def _version(text: object) -> Version | None:
    """Return a version; `0` is before every other one. None if it is none: old advisories list such names."""
    try:
        return Version("0.dev0" if str(text) == "0" else str(text))
    except InvalidVersion:
        return None


def _line(name: str, version: Version, advisory: dict, entry: dict) -> str:
    events = [event for each in entry.get("ranges") or [] if each["type"] == "ECOSYSTEM" for event in each["events"]]
    fixes = sorted(at for event in events if (at := _version(event.get("fixed"))) is not None and at > version)
    summary = advisory.get("summary") or str(advisory.get("details", "")).strip().split("\n")[0]
    names = ", ".join([advisory["id"], *advisory.get("aliases", [])])
    return f"{name} {version}: {names}: {summary[:120]} ({f'fixed in {fixes[0]}' if fixes else 'no fixed release'})"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or not Path(arguments[1]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    pins = pinned(Path(arguments[0]))
    lines, count, newest = found(pins, advisories(Path(arguments[1])))
    if not count:
        print(f"{arguments[1]} holds no advisory for PyPI: is it an OSV database?", file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    dated = newest[:10] or "no date"
    print(f"{len(lines)} findings for {len(pins)} packages in {count} advisories, the newest of {dated}.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
