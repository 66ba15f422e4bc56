"""Copy of a data directory that is complete and readable, taken while nothing writes."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from flows.runtime.environment import LOCAL_ONLY
from flows.runtime.store_lock import writing
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.store import tables
from tarot_data.system.atomic import is_leftover, new_folder
from tarot_data.system.locks import is_locked

Progress = Callable[[str, int, int], None] | None


def backup(data_dir: Path, target: Path, progress: Progress = None) -> dict[str, object]:
    """Copy a data directory to a new folder and check the copy; return {path, files, bytes, readings, versions}.

    The folder is a data directory itself. Left out: LOCAL_ONLY (Prefect's history, locks, unfinished batches). Every
    file is read back and compared by hash, the readings are counted and every version is verified before the folder
    gets its name. Raises Problem `target_exists`, `backup_inside`, `nothing_to_back_up`, `busy`, `training`,
    `damaged_version`, `backup_differs`.
    """
    if target.exists():
        raise Problem("target_exists", path=target)
    if target.resolve().is_relative_to(data_dir.resolve()):
        raise Problem("backup_inside", path=target, data_dir=data_dir)
    if not (data_dir / "store").is_dir():
        raise Problem("nothing_to_back_up", path=data_dir)
    with writing(data_dir):
        _refuse_training(data_dir)
        files = [
            path for path in sorted(data_dir.rglob("*")) if path.is_file() and _belongs(path.relative_to(data_dir))
        ]
        with new_folder(target) as half:
            size = sum(
                _copy(path, half / path.relative_to(data_dir), progress, n, len(files))
                for n, path in enumerate(files, 1)
            )
            counts = _check(half, data_dir)
        versions.note_copy(data_dir, None, target)
        return {"path": str(target), "files": len(files), "bytes": size} | counts


def _belongs(path: Path) -> bool:
    return path.parts[0] not in LOCAL_ONLY and not any(is_leftover(part) for part in path.parts)


def _refuse_training(data_dir: Path) -> None:
    """Raise Problem `training` if a training writes its run now."""
    for lock in sorted((data_dir / "locks").glob("train-*.lock")):
        if is_locked(lock):
            raise Problem("training", version=lock.stem.removeprefix("train-")[:8])


def _copy(source: Path, target: Path, progress: Progress, done: int, total: int) -> int:
    """Copy one file and compare both by hash; return its bytes. Raises Problem `backup_differs`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    if _hash(source) != _hash(target):
        raise Problem("backup_differs", path=source)
    if progress:
        progress("backup", done, total)
    return target.stat().st_size


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _check(copy: Path, data_dir: Path) -> dict[str, int]:
    """Open the copy as a data directory; return {readings, versions}. Raises Problem `backup_differs`, `damaged_version`."""
    readings, manifests = tables.count(copy), versions.listed(copy)
    if readings != tables.count(data_dir):
        raise Problem("backup_differs", path=data_dir / "store")
    for manifest in manifests:
        if found := versions.verify(copy, manifest):
            raise Problem("damaged_version", name=manifest["name"], findings="; ".join(found))
    return {"readings": readings, "versions": len(manifests)}
