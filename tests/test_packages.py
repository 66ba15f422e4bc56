"""Imports point downwards, torch stays in tarot_train, and the fragile pins hold."""

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "schemas": {"schemas"},
    "tarot_data": {"schemas", "tarot_data"},
    "tarot_train": {"schemas", "tarot_train"},
    "flows": {"schemas", "tarot_data", "tarot_train", "flows"},
}
FORBIDDEN = {
    "schemas": {"torch", "prefect", "spacy", "transformers"},
    "tarot_data": {"torch", "prefect", "transformers", "peft", "trl"},
    "tarot_train": {"prefect", "spacy", "jieba"},
    "flows": {"torch", "transformers", "peft", "trl"},
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_downwards(package):
    for path in (ROOT / package).rglob("*.py"):
        upwards = (imported(path) & set(ALLOWED)) - ALLOWED[package]
        assert not upwards, f"{path.relative_to(ROOT)} imports {upwards}"


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_only_what_its_place_allows(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not imported(path) & FORBIDDEN[package], path.relative_to(ROOT)


@pytest.mark.parametrize("package", ["schemas", "tarot_data", "tarot_train"])
def test_only_flows_reads_the_environment(package):
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "os.environ" not in text and "getenv" not in text, path.relative_to(ROOT)


def test_labelling_a_reading_does_not_load_torch():
    code = (
        "import sys; from tarot_data.patterns.annotate_records import annotate_records\n"
        "(record,) = annotate_records([{'id': '1', 'content': '愚人正位说明你要出发了。', 'cards': '愚人正位'}])\n"
        "assert record['sentences'][0]['labels'] == ['card_interpretation']\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_code_of_a_model_folder_is_never_run():
    for path in (ROOT / "tarot_train").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
    assert '"trust_remote_code": True' not in (ROOT / "tarot_train" / "base.py").read_text(encoding="utf-8")


def test_the_top_level_is_the_agreed_one():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {name.split("/")[0] for name in listed.split("\0") if "/" in name and not name.startswith(".")}
    assert folders <= {"flows", "tarot_data", "tarot_train", "schemas", "data", "tests", "docs", "benchmarks"}


def test_the_fragile_pins_hold():
    assert tuple(map(int, version("fastapi").split(".")[:2])) < (0, 151)
    assert tuple(map(int, version("sqlalchemy").split(".")[:2])) < (2, 1)
    assert version("polars").startswith("2.")
    assert version("prefect") == "3.8.8"
    assert version("torch").split("+")[0] == "2.13.0"
    assert tuple(map(int, version("transformers").split(".")[:2])) >= (5, 22)


def test_the_constraints_pin_every_dependency_and_name_no_address():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert not any("://" in line or "+cpu" in line for line in lines)
