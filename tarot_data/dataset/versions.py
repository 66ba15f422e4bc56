"""Published dataset versions: immutable folders named by number and hash.

A folder holds `readings.parquet` (STORED columns and `split`, closed lists as strings), `examples/<split>.parquet`
(EXAMPLES), and `manifest.json`. It is written under another name and renamed when complete, so every folder is complete.
"""

import json
import shutil
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import polars as pl

from schemas.deck import SPLITS
from schemas.errors import Problem
from schemas.short_ids import whole_id
from schemas.tables import EXAMPLES, STORED, stored, typed
from tarot_data import lexicon
from tarot_data.dataset import splits, thinking_trace
from tarot_data.dataset.examples import Budget, to_examples, too_long
from tarot_data.privacy import pseudonyms, third_persons
from tarot_data.privacy.person_names import named
from tarot_data.store import delta, tables
from tarot_data.system.atomic import new_folder, write_text
from tarot_data.text.excerpts import excerpt_pairs
from tarot_data.text.near_duplicates import near_pairs

FORMAT = 2
"""Format of a version's folder, part of its hash. Raised with every change that an earlier release would misread; `listed`
refuses a newer one. 2: readings have follow-ups, whose answers are examples of their own."""

HASHED_ROWS = 2000
"""Readings per JSON text that is hashed: 10 MB."""

COPIES = "copies.jsonl"
"""Log of checkouts and exports: version, hash, path per line."""


def folder(data_dir: Path) -> Path:
    return data_dir / "versions"


def listed(data_dir: Path) -> list[dict]:
    """List the manifests of all versions, oldest first; of a republished one only the newest.

    Raises Problem `version_newer` if a later release published one.
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder(data_dir).glob("[!.]*/manifest.json")]
    for manifest in found:
        if (made := manifest.get("settings", {}).get("format", FORMAT)) > FORMAT:
            raise Problem("version_newer", name=manifest["name"], found=made, known=FORMAT)
    former = {(manifest["version"], digest) for manifest in found for digest in former_hashes(manifest)}
    current = [manifest for manifest in found if (manifest["version"], manifest["hash"]) not in former]
    return sorted(current, key=lambda manifest: manifest["version"])


def former_hashes(manifest: dict) -> list[str]:
    """Return the hashes of a version before persons were removed from it."""
    return manifest.get("tombstone", {}).get("former_hashes", [])


def newest(data_dir: Path) -> dict | None:
    manifests = listed(data_dir)
    return manifests[-1] if manifests else None


def find(data_dir: Path, version: int | str | None = None) -> dict:
    """Find the manifest of a version by number, name or hash, of the newest if none is named.

    A name or hash may be shortened. Raises Problem `no_version`, `ambiguous_id`.
    """
    manifests = listed(data_dir)
    for manifest in reversed(manifests):
        if version is None or str(manifest["version"]) == str(version):
            return manifest
    have = [manifest["version"] for manifest in manifests]
    missing = Problem("no_version", version=version or 1, have=have)
    names = {manifest[key]: manifest for manifest in manifests for key in ("name", "hash")}
    return names[whole_id(str(version or ""), names, missing)]


def path_of(data_dir: Path, manifest: dict) -> Path:
    return folder(data_dir) / manifest["name"]


def read(data_dir: Path, manifest: dict) -> pl.DataFrame:
    """Read the readings of a version: STORED columns and split, closed lists as strings."""
    found = _as_published(data_dir, manifest)
    if "follow_ups" not in found.columns:  # of a version of format 1
        found = found.with_columns(follow_ups=pl.lit([], dtype=STORED["follow_ups"]))
    return found.select(*STORED, "split")


def _as_published(data_dir: Path, manifest: dict) -> pl.DataFrame:
    return pl.read_parquet(path_of(data_dir, manifest) / "readings.parquet", glob=False)


def alike(readings: pl.DataFrame, signatures: pl.DataFrame | None) -> pl.DataFrame:
    """Find pairs of readings (one, other) that must not be in two splits: near-duplicates and excerpts."""
    texts = readings.select("reading_id", "content")
    found = [near_pairs(texts, signatures), excerpt_pairs(texts)]
    return pl.concat([pairs.select("one", "other") for pairs in found]).unique().sort("one", "other")


def publish(data_dir: Path, budget: Budget | None = None, hide_names: bool = False) -> tuple[dict, bool]:
    """Publish the store as the next version; returns its manifest and whether it is new.

    budget: how long an example may be; longer readings are divided. hide_names: persons' names replaced by pseudonyms,
    whose key is kept outside the versions. A reading whose person said no, in it or in a copy, is left out. If nothing
    changed since the newest version, that one is returned and nothing is written. Raises Problem `empty_store`.
    """
    readings = tables.readings(data_dir).filter(pl.col("consent") != "no")
    if readings.is_empty():
        raise Problem("empty_store", path=data_dir)
    parent = newest(data_dir)
    key = pseudonyms.read_key(data_dir)
    before = read(data_dir, parent).select("person", "reading_id", "split") if parent else None
    if parent and parent["settings"].get("pseudonyms"):
        real = {pseudonym: name for name, pseudonym in key.items()}
        before = before.with_columns(pl.col("person").replace(real))
    assigned = splits.assign(readings, before, alike(readings, tables.signatures(data_dir))).drop_nulls("split")
    published = (
        readings.join(assigned, on="reading_id", maintain_order="left")
        .sort("reading_id")
        .cast(dict(stored(STORED)))
        .select(*STORED, "split")
    )
    if hide_names:
        asked = published["follow_ups"].list.explode().struct.field("asked")
        others = third_persons.names_in([*published["content"], *published["question"], *asked])
        key = pseudonyms.assign([*published["person"], *others], key)
        published = pseudonyms.apply(published, key, others)
    budget = budget or Budget()
    settings = {
        "format": FORMAT,
        "shares": splits.SHARES,
        "max_tokens": budget.max_tokens,
        "counted_by": budget.counted_by,
        "reasoning": thinking_trace.version() if budget.reasoning else None,
        **({"pseudonyms": True} if hide_names else {}),
    }
    digest = fingerprint(published, settings)
    if parent and parent["hash"] == digest:
        return parent, False
    if hide_names:
        # Before the version: an unused key is harmless; a version without its key would rename everybody next time.
        pseudonyms.write_key(data_dir, key)
    examples = _checked(to_examples(published, budget))
    number = parent["version"] + 1 if parent else 1
    name = f"tarot-readings-v{number:06}-{digest[:8]}"
    manifest = {
        "version": number,
        "hash": digest,
        "name": name,
        "parent": parent["hash"] if parent else None,
        "counts": counts(published, examples)
        | {"too_long": too_long(examples, budget), "withheld": readings.height - published.height},
        "settings": settings,
        "code": metadata.version("tarot-curation"),
        "lexicon": lexicon.version(),
        "labeller": sorted(published["labeller"].unique()),
        "store_version": delta.delta_version(data_dir),
    }
    return _write(folder(data_dir) / name, published, examples, manifest), True


def republish(
    data_dir: Path, manifest: dict, published: pl.DataFrame, examples: pl.DataFrame, removed: str = "persons"
) -> dict:
    """Replace a version by one of the same number with fewer rows and another hash; returns its manifest.

    Its tombstone has the number of removed persons or single readings (removed: `persons` or `readings`) and the former
    hashes, but not who they were. A kill in between leaves both folders; `listed` returns the newer.
    """
    digest = fingerprint(published, manifest["settings"])
    name = f"tarot-readings-v{manifest['version']:06}-{digest[:8]}"
    before = manifest.get("tombstone", {"persons_removed": 0, "former_hashes": []})
    after = manifest | {
        "hash": digest,
        "name": name,
        "counts": manifest["counts"] | counts(published, examples),
        "tombstone": {
            **{key: count for key, count in before.items() if key != "former_hashes"},
            f"{removed}_removed": before.get(f"{removed}_removed", 0) + 1,
            "former_hashes": [*before["former_hashes"], manifest["hash"]],
        },
    }
    target = folder(data_dir) / name
    if not (target / "manifest.json").exists():
        after = _write(target, published, examples, after)
    discard(path_of(data_dir, manifest))
    return after


def discard(path: Path) -> None:
    """Remove a version's folder; its manifest first, so that what a kill leaves is no version any more."""
    (path / "manifest.json").unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def write_manifest(path: Path, manifest: dict) -> None:
    write_text(path, json.dumps(manifest, ensure_ascii=False, indent=1))


def read_examples(data_dir: Path, manifest: dict) -> pl.DataFrame:
    """Return the examples of all splits of a version, closed lists as strings."""
    folder = path_of(data_dir, manifest) / "examples"
    return pl.concat([pl.read_parquet(folder / f"{split}.parquet", glob=False) for split in SPLITS])


def _checked(examples: pl.DataFrame) -> pl.DataFrame:
    from schemas.contracts import Examples

    return Examples.validate(typed(examples, EXAMPLES), lazy=True).cast(dict(stored(EXAMPLES)))


def fingerprint(published: pl.DataFrame, settings: dict) -> str:
    """Return 64 hex digits over content and settings: equal on any machine and in any order of ingest.

    The revision of a reading is history, not content, and stays out.
    """
    digest = sha256(json.dumps(settings, sort_keys=True).encode())
    # Line by line the same as in one go; as one text the whole version would stand in memory once more, and larger.
    for rows in published.drop("revision").sort("reading_id").iter_slices(HASHED_ROWS):
        digest.update(rows.write_ndjson().encode())
    return digest.hexdigest()


def verify(data_dir: Path, manifest: dict) -> list[str]:
    """Re-hash a version; the findings, one sentence a file that is missing, changed or not in the manifest."""
    root = path_of(data_dir, manifest)
    there = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    there.pop("manifest.json", None)
    findings = [f"{name} is missing" for name in manifest["files"] if name not in there]
    findings += [f"{name} is not in the manifest" for name in there if name not in manifest["files"]]
    for name, path in there.items():
        if name in manifest["files"] and sha256(path.read_bytes()).hexdigest() != manifest["files"][name]:
            findings.append(f"{name} has changed since it was published")
    if not findings and fingerprint(_as_published(data_dir, manifest), manifest["settings"]) != manifest["hash"]:
        findings.append("readings.parquet does not give the hash of the manifest")
    return sorted(findings)


def checkout(data_dir: Path, manifest: dict, target: Path) -> Path:
    """Copy exactly the bytes published to a folder that is not there yet. Raises Problem `target_exists`."""
    if target.exists():
        raise Problem("target_exists", path=target)
    with new_folder(target) as half:
        shutil.copytree(path_of(data_dir, manifest), half, dirs_exist_ok=True)
    return target


def note_copy(data_dir: Path, manifest: dict | None, target: Path) -> None:
    """Remember where a copy of a version was put, or of all data (no manifest), to name it when a person is forgotten."""
    about = {"version": manifest["version"], "hash": manifest["hash"]} if manifest else {"version": None, "hash": None}
    with (data_dir / COPIES).open("a", encoding="utf-8") as file:
        file.write(json.dumps(about | {"path": str(target.absolute())}, ensure_ascii=False) + "\n")


def copies(data_dir: Path, hashes: frozenset[str]) -> list[str]:
    """Return the folders that copies of these versions, or of all data, were put into."""
    path = data_dir / COPIES
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return sorted({row["path"] for row in map(json.loads, lines) if row["hash"] in {*hashes, None}})


def counts(published: pl.DataFrame, examples: pl.DataFrame) -> dict[str, int]:
    """divided: readings that are several examples. follow_ups: examples that answer a follow-up."""
    by_split = dict(published["split"].value_counts().iter_rows())
    return {
        "readings": published.height,
        **{split: by_split.get(split, 0) for split in SPLITS},
        "persons": published.select(named())["person"].drop_nulls().n_unique(),
        "synthetic": int(published["synthetic"].sum()),
        "examples": examples.height,
        "divided": examples.filter(pl.col("example_id").str.ends_with("-1")).height,
        "follow_ups": examples.filter(pl.col("prompt").list.len() > 1).height,
    }


def _write(target: Path, published: pl.DataFrame, examples: pl.DataFrame, manifest: dict) -> dict:
    """Write a version's folder whole or not at all; returns the manifest with its files. Raises Problem `version_exists` where its name is taken."""
    with new_folder(target) as half:
        (half / "examples").mkdir()
        published.write_parquet(half / "readings.parquet", compression="zstd")
        for split in SPLITS:
            examples.filter(pl.col("split") == split).write_parquet(
                half / "examples" / f"{split}.parquet", compression="zstd"
            )
        files = sorted(path for path in half.rglob("*") if path.is_file())
        manifest = manifest | {
            "files": {path.relative_to(half).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}
        }
        write_manifest(half / "manifest.json", manifest)
        if target.exists():
            raise Problem("version_exists", name=target.name)
    return manifest
