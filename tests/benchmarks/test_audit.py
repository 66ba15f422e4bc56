"""Advisories of an offline copy are matched to the pinned dependencies by the rules of the OSV schema."""

import json
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

from benchmarks.audit import advisories, found, is_affected, main, pinned

ROOT = Path(__file__).parents[2]


def advisory(name="Some_Package", events=({"introduced": "0"}, {"fixed": "2.0"}), ecosystem="PyPI", **more):
    entry = {
        "package": {"name": name, "ecosystem": ecosystem},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {
        "id": "GHSA-0000",
        "aliases": ["CVE-2026-1"],
        "summary": "Made up",
        "modified": "2026-05-01T00:00:00Z",
        "affected": [entry],
    } | more


@pytest.fixture
def pins(tmp_path):
    path = tmp_path / "constraints.txt"
    path.write_text("# a comment\nother==3.1 ; sys_platform == 'linux'\nsome-package==1.4.2\n", encoding="utf-8")
    return path


def write(folder, *made):
    (folder / "PyPI").mkdir(parents=True)
    with zipfile.ZipFile(folder / "PyPI" / "all.zip", "w") as archive:
        for number, each in enumerate(made):
            archive.writestr(f"{number}.json", json.dumps(each))
    return folder


def test_an_advisory_that_applies_is_found(tmp_path, pins, capsys):
    folder = write(tmp_path / "osv", advisory(), advisory(name="unused"))
    assert main([str(pins), str(folder)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "some-package 1.4.2: GHSA-0000, CVE-2026-1: Made up (fixed in 2.0)"
    assert said[1] == "1 findings for 2 packages in 2 advisories, the newest of 2026-05-01."


@pytest.mark.parametrize(
    "made",
    [
        advisory(events=({"introduced": "0"}, {"fixed": "1.4.2"})),
        advisory(ecosystem="npm"),
        advisory(withdrawn="2026-06-01T00:00:00Z"),
        advisory(name="some-package-extra"),
    ],
    ids=["fixed", "another registry", "withdrawn", "another name"],
)
def test_an_advisory_that_does_not_apply_is_not_found(tmp_path, pins, made):
    folder = write(tmp_path / "osv", made, advisory(name="unused"))
    assert main([str(pins), str(folder)]) == 0


def test_a_folder_without_advisories_is_no_clean_result(tmp_path, pins, capsys):
    (tmp_path / "empty").mkdir()
    assert main([str(pins), str(tmp_path / "empty")]) == 2
    assert "no advisory for PyPI" in capsys.readouterr().err
    assert main([str(pins), str(tmp_path / "nowhere")]) == 2


def test_files_and_yaml_are_read_too(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(advisory()), encoding="utf-8")
    (tmp_path / "vulns").mkdir()
    (tmp_path / "vulns" / "PYSEC-1.yaml").write_text(yaml.safe_dump(advisory(id="PYSEC-1")), encoding="utf-8")
    lines, count, _ = found({"some-package": {Version("1.0")}}, advisories(tmp_path))
    assert count == 2 and [line.split(": ")[1].split(",")[0] for line in lines] == ["GHSA-0000", "PYSEC-1"]


@pytest.mark.parametrize(
    ("version", "affected"),
    [("0.9", False), ("1.0", True), ("1.9", True), ("2.0", False), ("3.0", True), ("3.5", True), ("3.6", False)],
)
def test_ranges_follow_the_osv_rules(version, affected):
    events = [{"fixed": "2.0"}, {"introduced": "3.0"}, {"last_affected": "3.5"}, {"introduced": "1.0"}]
    assert is_affected(Version(version), {"ranges": [{"type": "ECOSYSTEM", "events": events}]}) == affected


def test_listed_versions_count_in_any_spelling():
    entry = {"versions": ["not a version", "1.4.2.0"], "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}
    assert is_affected(Version("1.4.2"), entry) and not is_affected(Version("1.4.3"), entry)


def test_every_pin_has_hashes_of_its_files():
    pins = pinned(ROOT / "constraints.txt")
    hashed = {}
    for name in ("constraints-hashed.txt", "constraints-hashed-torch.txt"):
        entries = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        for entry in entries:
            pin, *hashes = entry.split(" --hash=sha256:")
            assert hashes and all(len(each.strip()) == 64 for each in hashes), pin
            hashed[pin.strip()] = len(hashes)
    assert sorted(hashed) == sorted((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    assert sum(map(len, pins.values())) == len(hashed)
