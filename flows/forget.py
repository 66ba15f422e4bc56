"""Erasure of a person everywhere below the data directory, with a receipt.

Not a Prefect flow, because Prefect would record the name of the person.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from flows.training.runs import MARK
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.erasure import forget_person as steps
from tarot_data.erasure.disk_search import find_traces
from tarot_data.erasure.person import Person, find_reading, fragments
from tarot_data.erasure.person import find as find_person
from tarot_data.privacy import suppression_list
from tarot_data.privacy.name_search import masked, spans
from tarot_data.store import delta, tables
from tarot_data.system.atomic import remove, remove_leftovers, write_text
from tarot_data.system.locks import WAIT_SECONDS, exclusive

INBOX = "inbox"

Progress = Callable[[str, int, int], None] | None


def forget(
    data_dir: Path,
    name: str,
    *,
    also: tuple[str, ...] = (),
    only: bool = False,
    mentions: str | None = None,
    dry_run: bool = False,
    prefect_home: Path | None = None,
    progress: Progress = None,
) -> dict[str, object]:
    """Remove a person everywhere; return the receipt, which does not name them.

    also: other names of the person. only: names that resemble this one are of others; without also and only, they are
    asked about.

    {removed: {readings, revisions, rejections, signatures, fixes, corrections, mentions, reports, generations,
    prefect_rows}, versions: [{version, was, is, readings, mentions}], runs: [{run, adapter}], bases, reread, left, raw,
    copies, receipt}. left: files that still hold the name or the text; raw: the user's own files in the inbox that do,
    which are never changed. copies: folders that these versions were copied to. dry_run: only list what is known of
    the person, change nothing. If killed at any moment, call it again to finish.

    Raises Problem `no_person`, `name_is_a_word`, `nicknames`, `busy`, `training`.
    """
    with ExitStack() as locks:
        _lock(data_dir, locks)
        person = find_person(data_dir, name, mentions, also)
        if dry_run:
            return _count_known(data_dir, person) | {"names": list(person.names), "similar": list(person.similar)}
        if person.similar and not (also or only):
            raise Problem("nicknames", name=name, names=list(person.similar), first=person.similar[0])
        _lock_versions(data_dir, person, locks)
        return _forget(data_dir, person, prefect_home, progress or (lambda *_: None))


def remove_reading(
    data_dir: Path, given: str, *, dry_run: bool = False, prefect_home: Path | None = None, progress: Progress = None
) -> dict[str, object]:
    """Remove a single reading as `forget` removes a person; return the receipt, and `reading_id`, which it does not name.

    given: its id, or the beginning of it. The next ingest skips the reading. Raises Problem `no_reading`,
    `ambiguous_id`, `busy`, `training`.
    """
    with ExitStack() as locks:
        _lock(data_dir, locks)
        found = find_reading(data_dir, given)
        (reading_id,) = found.reading_ids
        if dry_run:
            return {"reading_id": reading_id} | _count_known(data_dir, found)
        _lock_versions(data_dir, found, locks)
        return {"reading_id": reading_id} | _forget(data_dir, found, prefect_home, progress or (lambda *_: None))


def write_report_again(data_dir: Path, result: dict, lang: str) -> None:
    """Write the newest report again if a removal (its receipt) removed it."""
    from flows.report import write_report  # the charts take time to import
    from flows.training.gate_checks import newest_gate

    if result["removed"]["reports"] and versions.newest(data_dir):
        write_report(data_dir, newest_gate(data_dir), lang)


def readmit_reading(data_dir: Path, reading_id: str) -> None:
    """Allow a removed reading again; the next ingest reads every file again. Raises Problem `not_removed`."""
    with tables.writing(data_dir):
        if not suppression_list.readmit_reading(data_dir, reading_id):
            raise Problem("not_removed", id=reading_id)
        steps.read_again(data_dir)


def _lock(data_dir: Path, locks: ExitStack) -> None:
    locks.enter_context(tables.writing(data_dir))
    if (data_dir / "staging").exists():
        tables.sweep(data_dir)


def _lock_versions(data_dir: Path, person: Person, locks: ExitStack) -> None:
    for digest in person.hashes:
        lock = data_dir / "locks" / f"train-{digest[:16]}.lock"
        locks.enter_context(exclusive(lock, Problem("training", version=digest[:8])))


def readmit(data_dir: Path, *names: str) -> None:
    """Allow a forgotten person again, by all of these names; the next ingest reads every file again.

    Raises Problem `not_forgotten` if one of them is not in the list; those before it are allowed.
    """
    with tables.writing(data_dir):
        for name in names:
            if not suppression_list.readmit(data_dir, name):
                raise Problem("not_forgotten", name=name)
        steps.read_again(data_dir)


def _count_known(data_dir: Path, person: Person) -> dict[str, object]:
    concerned = [m["version"] for m in versions.listed(data_dir) if m["hash"] in person.hashes]
    return {
        "dry_run": True,
        "readings": len(person.reading_ids),
        "rejections": len(person.rejection_ids),
        "versions": concerned,
        "runs": [folder.name for folder in _runs_of(data_dir, person.hashes)],
    }


def _forget(data_dir: Path, person: Person, prefect_home: Path | None, progress: Callable) -> dict[str, object]:
    total = 6
    copies = versions.copies(data_dir, person.hashes)
    remove_leftovers(data_dir)
    if person.names:
        suppression_list.remember(data_dir, person.names, set(person.fingerprints))
    else:
        (reading_id,) = person.reading_ids
        suppression_list.remember_reading(data_dir, reading_id, set(person.fingerprints))
    removed = {"readings": 0, "revisions": 0, **steps.forget_store(data_dir, person)}
    reread = removed.pop("files")
    progress("forget", 1, total)
    runs, bases, removed["generations"] = forget_runs(data_dir, person)
    progress("forget", 2, total)
    removed["reports"] = steps.forget_reports(data_dir)
    home = prefect_home or data_dir / "prefect"
    removed["prefect_rows"] = forget_prefect(home, person.names, _passages(person))
    progress("forget", 3, total)
    republished = steps.forget_versions(data_dir, person)
    progress("forget", 4, total)
    for key, count in steps.forget_readings(data_dir, person).items():
        removed[key] += count
    progress("forget", 5, total)
    found = find_traces(data_dir, _passages(person, data_dir), person.masked)
    progress("forget", 6, total)
    receipt = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "removed": removed,
        "versions": republished,
        "runs": runs,
        "bases": bases,
        "reread": reread,
        "left": [path.as_posix() for path in found if path.parts[0] != INBOX],
    }
    raw = [path.as_posix() for path in found if path.parts[0] == INBOX]
    written = _write_receipt(data_dir, _masked_receipt(receipt | {"raw": len(raw), "copies": len(copies)}, person))
    return receipt | {"raw": raw, "copies": copies, "receipt": str(written)}


def _passages(person: Person, data_dir: Path | None = None) -> list[str]:
    """Return passages of the person's contents; with a data directory, without those in what is kept of others."""
    found = sorted({passage for content in person.contents for passage in fragments(content)})
    if data_dir is None:
        return found
    rows = delta.scan(data_dir, "rejections")
    rejected = [] if rows is None else rows.select("record").collect()["record"].drop_nulls()
    others = "\0".join([*tables.readings(data_dir)["content"], *rejected])
    return [passage for passage in found if passage not in others]


def _masked_receipt(receipt: dict, person: Person) -> dict:
    """Return the receipt with names masked in its paths, because a file may be named after the person."""
    hidden = [masked(path, spans(path, person.names)) for path in receipt["left"]]
    return receipt | {"left": hidden}


def _write_receipt(data_dir: Path, receipt: dict) -> Path:
    folder = data_dir / "receipts"
    number = 1 + max((int(path.stem.split("-")[1]) for path in folder.glob("forget-*.json")), default=0)
    path = folder / f"forget-{number:04}.json"
    write_text(path, json.dumps(receipt, ensure_ascii=False, indent=1) + "\n")
    return path


# Runs


def _runs_of(data_dir: Path, hashes: frozenset[str]) -> list[Path]:
    """List the folders of finished runs trained on one of these versions, or on their state before a removal."""
    hashes |= {digest for manifest in versions.listed(data_dir) for digest in versions.former_hashes(manifest)}
    return [path.parent for path in _manifests(data_dir) if _read(path)["dataset"]["hash"] in hashes]


def _manifests(data_dir: Path) -> list[Path]:
    return sorted((data_dir / "runs").glob("*/manifest.json"))


def forget_runs(data_dir: Path, person: Person) -> tuple[list[dict], int, int]:
    """Mark runs trained on the person's readings; remove quotations of them and the bases made from them.

    Returns the runs as [{run, adapter}], the number of bases, and the number of generations and passages removed.
    adapter: `kept`, or `removed` if the whole run was deleted because its base, vocabulary included, was made from the
    readings themselves, as the stand-in of version 0.1.0 was. Other bases are not, and what their adapters learned
    cannot be removed: people decide whether to keep them.
    """
    runs = data_dir / "runs"
    # Unfinished trainings, smoke tests and evaluations of bases: all use versions that are about to change.
    for hidden in [*runs.glob(".*"), *runs.glob("*/**/.*.half"), *(data_dir / "exports").glob(".*.half")]:
        remove(hidden)
    marked = _runs_of(data_dir, person.hashes)
    generations = 0
    for path in sorted([*(data_dir / "runs").rglob("*.jsonl"), *data_dir.glob("*.jsonl")]):
        generations += steps.forget_lines(path, person)
    for path in sorted((data_dir / "runs").glob("*/scores.json")):
        generations += steps.forget_values(path, person)
    out = []
    for folder in marked:
        about = _read(folder / "manifest.json")
        inside = Path(about["base"]["folder"]).parent.resolve() == (data_dir / "bases").resolve()
        own_base = inside and about["base"]["stand_in"]
        if own_base:
            versions.discard(folder)
            _forget_exports(data_dir, folder.name)
        else:
            for name in ("too_long", "escaped"):
                about[name] = _without_person(about.get(name, {}), person)
            _replace(folder / "manifest.json", about)
            _replace(folder / MARK, {"dataset": about["dataset"]["hash"]})
        out.append({"run": folder.name, "adapter": "removed" if own_base else "kept"})
    return out, _forget_bases(data_dir, {folder.name for folder in marked}), generations


def _without_person(listed: dict[str, list[str]], person: Person) -> dict[str, list[str]]:
    """Return split -> example ids, without the person's."""
    kept = {split: [key for key in keys if key.split("-")[0] not in person.ids] for split, keys in listed.items()}
    return {split: keys for split, keys in kept.items() if keys}


def _forget_exports(data_dir: Path, run: str) -> None:
    """Remove exports of a run on a base whose vocabulary is made from the readings."""
    for path in (data_dir / "exports").glob(f"{run}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _forget_bases(data_dir: Path, marked: set[str]) -> int:
    """Remove the bases made from readings that no unmarked run uses."""
    needed = {
        Path(_read(path)["base"]["folder"]).name for path in _manifests(data_dir) if path.parent.name not in marked
    }
    bases = [path.parent for path in (data_dir / "bases").glob("*/manifest.json") if _read(path).get("stand_in")]
    unused = [folder for folder in bases if folder.name not in needed]
    for folder in [*unused, *(data_dir / "bases").glob(".*.half")]:
        shutil.rmtree(folder)
    return len(unused) if marked else 0


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _replace(path: Path, value: dict) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


# Prefect


HISTORY = (
    "flow_run",
    "flow_run_state",
    "task_run",
    "task_run_state",
    "task_run_state_cache",
    "flow_run_input",
    "log",
    "artifact",
    "artifact_collection",
    "events",
    "event_resources",
    "automation_bucket",
)
"""Prefect tables that record history; the other tables hold what can be run."""


def forget_prefect(home: Path, names: tuple[str, ...], passages: list[str]) -> int:
    """Remove runs that name the person from Prefect's database, and every stored result; return the number of rows.

    There should be none, because flows receive paths in a form Prefect cannot record. But a failed flow leaves the
    message of its error. Results (pickle files) are not used by our flows. Raises Problem `busy`.
    """
    for result in (home / "storage").glob("*"):
        result.unlink()
    return sum(forget_rows(path, names, passages) for path in sorted(home.glob("*.db")))


def forget_rows(database: Path, names: tuple[str, ...], passages: Iterable[str] = ()) -> int:
    """Delete the rows of an SQLite database's HISTORY that have a name or a passage, and overwrite their bytes.

    Raises Problem `busy` if another process has locked the database.
    """
    escaped = tuple(json.dumps(name)[1:-1] for name in names)
    forms = [form for text in passages for form in (text, json.dumps(text)[1:-1])]

    def holds(value: object) -> bool:
        return isinstance(value, str) and (
            bool(spans(value, names) or spans(value, escaped)) or any(form in value for form in forms)
        )

    connection = sqlite3.connect(database, timeout=WAIT_SECONDS, isolation_level=None)
    deleted = 0
    try:
        connection.create_function("holds", 1, holds, deterministic=True)
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = OFF")
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.execute("BEGIN IMMEDIATE")
        for table in (name for name in HISTORY if name in there):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            anywhere = " OR ".join(f'holds("{column}")' for column in columns)
            deleted += connection.execute(f"DELETE FROM {table} WHERE {anywhere}").rowcount
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise Problem("busy", path=database) from None
        raise
    finally:
        connection.close()
    return deleted
