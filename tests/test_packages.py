"""Package rules: imports go to lower levels, torch is only in tarot_train, and the fragile pins are exact."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "schemas": "",
    "tarot_data.text": "schemas",
    "tarot_data.lexicon": "schemas text system",
    "tarot_data.system": "schemas",
    "tarot_data.cards": "schemas text lexicon",
    "tarot_data.privacy": "schemas text lexicon system",
    "tarot_data.store": "schemas text system",
    "tarot_data.synthetic": "schemas text lexicon",
    "tarot_data.sources": "schemas text lexicon system cards privacy",
    "tarot_data.patterns": "schemas text lexicon system cards privacy store",
    "tarot_data.report": "schemas text lexicon system cards privacy store",
    "tarot_data.ingest": "schemas text lexicon system cards privacy store sources patterns",
    "tarot_data.dataset": "schemas text lexicon system cards privacy store patterns",
    "tarot_data.review": "schemas text lexicon system cards privacy store patterns report ingest dataset",
    "tarot_data.erasure": "schemas text lexicon system cards privacy store dataset",
    "tarot_train": "schemas",
    "flows": "schemas tarot_data tarot_train flows",
}
"""Package -> what it may import besides itself. Short names are packages of tarot_data, in six levels."""

TOP = ("schemas", "tarot_data", "tarot_train", "flows")
FORBIDDEN = {
    "schemas": {"torch", "prefect", "spacy", "transformers"},
    "tarot_data": {"torch", "prefect", "transformers", "peft", "trl"},
    "tarot_train": {"prefect", "spacy", "jieba"},
    "flows": {"torch", "transformers", "peft", "trl"},
}


def imported(path: Path) -> set[str]:
    """Return the dotted names a module imports, also inside functions: `from a.b import c` gives a.b.c."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def top_level(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def package_of(name: str) -> str | None:
    """Return the key of PACKAGES that a dotted name belongs to."""
    return next((package for package in PACKAGES if name == package or name.startswith(f"{package}.")), None)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_those_below_it(package):
    allowed = {package, *PACKAGES[package].split()}
    allowed |= {f"tarot_data.{name}" for name in allowed if f"tarot_data.{name}" in PACKAGES}
    if "tarot_data" in allowed:
        allowed |= set(PACKAGES)
    for path in (ROOT / package.replace(".", "/")).rglob("*.py"):
        used = {package_of(name) for name in imported(path) if name.split(".")[0] in TOP}
        assert used <= allowed, f"{path.relative_to(ROOT)} imports {used - allowed}"


def test_every_module_belongs_to_a_package():
    for top in TOP:
        for path in (ROOT / top).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            assert package_of(name) or name == "tarot_data", name


def test_no_import_cycle():
    """Also covers imports inside functions; importing a.b.c runs a and a.b, which must not import it either."""
    modules = {}
    for top in TOP:
        for path in (ROOT / top).rglob("*.py"):
            modules[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    graph = {}
    for module, path in modules.items():
        graph[module] = set()
        for name in imported(path):
            while name and name not in modules:
                name = name.rpartition(".")[0]
            graph[module] |= {name} - {"", module}
    TopologicalSorter(graph).prepare()  # raises CycleError with the modules of the cycle


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_only_what_its_place_allows(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not top_level(path) & FORBIDDEN[package], path.relative_to(ROOT)


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
    assert '"trust_remote_code": True' not in (ROOT / "tarot_train" / "base_model.py").read_text(encoding="utf-8")


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


def test_constraints_pin_every_dependency():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert not any("://" in line or "+cpu" in line for line in lines)
