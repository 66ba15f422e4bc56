"""Removal of one person from store, versions and reports, so that no later search of the disk finds name or words.

Each step is done whole or not at all and finds by itself what is left to do, so a killed command is simply run again.
Derived data goes first; the readings, which identify everything else as the person's, go last.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from tarot_data.dataset import versions
from tarot_data.erasure.mentions import mask_mentions
from tarot_data.erasure.person import FRAGMENT, Person, all_theirs, names_person, rejections_of
from tarot_data.privacy import pseudonyms
from tarot_data.privacy.name_search import spans
from tarot_data.store import corrections, delta, teacher
from tarot_data.system.atomic import write_text


def forget_store(data_dir: Path, person: Person) -> dict[str, int]:
    """Remove the person from every table but the readings, with its log and unused files; return the counts."""
    counts = dict.fromkeys((*REWRITERS, "mentions"), 0)
    for name, rewriter in REWRITERS.items():
        if not delta.exists(data_dir, name):
            continue
        before = delta.scan(data_dir, name).collect()
        kept, counts[name] = rewriter(before, person)
        kept, masked = mask_mentions(kept, person.names, person.masked)
        counts["mentions"] += masked
        _replace(data_dir, name, before, kept)
    counts["corrections"] = corrections.forget(data_dir, sorted(person.reading_ids))
    teacher.forget(data_dir, person.reading_ids)
    return counts


def forget_readings(data_dir: Path, person: Person) -> dict[str, int]:
    """Remove all revisions of the person's readings, and mask the name in those of others; return the counts."""
    if not delta.exists(data_dir, "readings"):
        return {"readings": 0, "revisions": 0, "mentions": 0}
    before = delta.scan(data_dir, "readings").collect()
    theirs = all_theirs(before, person)
    kept, mentions = mask_mentions(before.filter(~theirs), person.names, person.masked)
    _replace(data_dir, "readings", before, kept)
    gone = before.filter(theirs)
    return {"readings": gone["reading_id"].n_unique(), "revisions": gone.height, "mentions": mentions}


def _replace(data_dir: Path, name: str, before: pl.DataFrame, kept: pl.DataFrame) -> None:
    if kept.equals(before):
        delta.purge(data_dir, name)
    else:
        delta.rewrite(data_dir, name, kept, {"run": "forget"})


def _without_rejections(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    theirs = frame["rejection_id"].is_in(sorted(person.rejection_ids)) | rejections_of(frame, person)
    return frame.filter(~theirs), frame.filter(theirs)["rejection_id"].n_unique()


def _without_signatures(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    kept = frame.filter(~pl.col("reading_id").is_in(sorted(person.reading_ids)))
    return kept, frame.height - kept.height


def _without_fixes(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    """Remove decisions about the person's records, and those that assigned a record to the person."""
    theirs = frame["key"].is_in(sorted(person.fingerprints)) | names_person(frame["fields"], person.names)
    return frame.filter(~theirs), int(theirs.sum())


def _without_in_files(frame: pl.DataFrame, person: Person) -> tuple[pl.DataFrame, int]:
    """Remove the person's ids from the entries of files; the next ingest reads these files again and counts refusals."""
    ids = sorted(person.ids)
    theirs = frame.select(
        pl.any_horizontal(
            pl.col(column).list.eval(pl.element().is_in(ids)).list.any() for column in ("kept", "rejected")
        )
    ).to_series()
    named = [bool(spans(name, person.names)) for name in frame["name"]]
    touched = theirs.fill_null(False) | pl.Series(named, dtype=pl.Boolean)
    kept = frame.with_columns(
        pl.col(column).list.filter(~pl.element().is_in(ids)).alias(column) for column in ("kept", "rejected")
    ).with_columns(pipeline=pl.when(touched).then(pl.lit("")).otherwise("pipeline"))
    return kept, int(touched.sum())


REWRITERS: dict[str, Callable[[pl.DataFrame, Person], tuple[pl.DataFrame, int]]] = {
    "files": _without_in_files,
    "signatures": _without_signatures,
    "fixes": _without_fixes,
    "rejections": _without_rejections,
}
"""Rejections last: if the command is killed, they still identify the person's files, signatures and fixes."""


def read_again(data_dir: Path) -> None:
    """Make the next ingest read every file again. Until then the store stays as it is."""
    if delta.exists(data_dir, "files"):
        files = delta.scan(data_dir, "files").collect()
        delta.rewrite(data_dir, "files", files.with_columns(pipeline=pl.lit("")), {"run": "readmit"})


def forget_versions(data_dir: Path, person: Person) -> list[dict]:
    """Republish every version with readings or mentions of the person; [{version, was, is, readings, mentions}].

    Oldest first. Also removes folders that a killed command left incomplete, and updates the hashes of parents.
    """
    for path in versions.folder(data_dir).glob("*"):
        if path.is_dir() and not (path / "manifest.json").exists() or path.name.startswith("."):
            versions.discard(path)
    done = []
    for manifest in versions.listed(data_dir):
        before = versions.read(data_dir, manifest)
        theirs = all_theirs(before, person, manifest)
        kept, mentions = mask_mentions(before.filter(~theirs), person.names, person.masked)
        if not theirs.any() and not mentions:
            continue
        examples = versions.read_examples(data_dir, manifest).join(kept, on="reading_id", how="semi")
        examples, _ = mask_mentions(examples, person.names, person.masked)
        after = versions.republish(data_dir, manifest, kept, examples, "persons" if person.names else "readings")
        done.append(
            {
                "version": manifest["version"],
                "was": manifest["hash"],
                "is": after["hash"],
                "readings": int(theirs.sum()),
                "mentions": mentions,
            }
        )
    _mend(data_dir)
    pseudonyms.forget(data_dir, person.pseudonyms)
    return done


def _mend(data_dir: Path) -> None:
    """Discard republished versions that a killed command left, and update the hash of every parent."""
    current = versions.listed(data_dir)
    names = {manifest["name"] for manifest in current}
    for path in versions.folder(data_dir).glob("*"):
        if path.is_dir() and path.name not in names:
            versions.discard(path)
    present = {digest: manifest["hash"] for manifest in current for digest in versions.former_hashes(manifest)}
    for manifest in current:
        parent = manifest["parent"]
        while parent in present and present[parent] != parent:
            parent = present[parent]
        if parent != manifest["parent"]:
            path = versions.path_of(data_dir, manifest) / "manifest.json"
            versions.write_manifest(path, manifest | {"parent": parent})


def forget_reports(data_dir: Path) -> int:
    """Remove every report, and what a killed command left of one; return how many. The newest can be written again."""
    folder = data_dir / "reports"
    pages = sorted(folder.glob("*.html"))
    for path in [*pages, *folder.glob(".*.half")]:
        path.unlink()
    return len(pages)


def forget_lines(path: Path, person: Person) -> int:
    """Remove the lines of a JSONL file with the person's id, name or words; return how many."""
    matches = text_test(person)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not any(map(matches, _texts(line)))]
    if len(kept) < len(lines):
        write_text(path, "".join(kept))
    return len(lines) - len(kept)


def forget_values(path: Path, person: Person) -> int:
    """Empty every text of a JSON file with the person's id, name or words; return how many."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if gone := _empty(value, text_test(person)):
        write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return gone


def _empty(value: dict | list, matches: Callable[[str], bool]) -> int:
    """Set to empty, in place, every text for which `matches` is true; return how many."""
    gone = 0
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(inner, dict | list):
            gone += _empty(inner, matches)
        elif isinstance(inner, str) and matches(inner):
            value[key] = ""
            gone += 1
    return gone


def text_test(person: Person) -> Callable[[str], bool]:
    """Return a test whether a text has an id or the name of the person, or FRAGMENT characters of their readings."""
    words = {text[at : at + FRAGMENT] for text in person.contents for at in range(len(text) - FRAGMENT + 1)}

    def matches(text: str) -> bool:
        return (
            text.split("-")[0] in person.ids
            or any(text[at : at + FRAGMENT] in words for at in range(len(text) - FRAGMENT + 1))
            or bool(spans(text, person.masked))
        )

    return matches


def _texts(line: str) -> Iterator[str]:
    """Yield every text in a line of JSON; the line itself if it is not JSON."""
    try:
        values = [json.loads(line)]
    except ValueError:
        values = [line]
    while values:
        value = values.pop()
        if isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str):
            yield value
