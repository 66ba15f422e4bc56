"""Security against hostile text, files and pages.

More tests: hostile files in sources/test_hostile.py, pages in test_report.py and test_review.py, formulas in
test_export.py and test_fixes.py.
"""

import ast
import json
import pickle
from pathlib import Path

import pytest

from schemas.errors import Problem
from tests.ingest.test_fixes import GOOD, WRONG_CARD, lay, take_in

ROOT = Path(__file__).parents[1]
PRODUCT = sorted(
    path for name in ("schemas", "tarot_data", "tarot_train", "flows") for path in (ROOT / name).rglob("*.py")
)

RUN_CODE = {"eval", "exec", "compile", "__import__"}
MODULES = {"marshal", "shelve", "dill", "joblib", "cloudpickle"}
CALLS = {
    *("os.system os.popen os.execv os.execvp os.execl os.spawnv os.spawnl subprocess.getoutput".split()),
    *("pickle.load pickle.loads pickle.dump pickle.dumps pickle.Unpickler pickle.Pickler".split()),
    *("yaml.load yaml.unsafe_load yaml.full_load torch.save".split()),
}
NEEDED = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "AutoModelForCausalLM.from_pretrained": ("use_safetensors", True),
}
FORBIDDEN = {"shell": True, "trust_remote_code": True, "allow_pickle": True, "weights_only": False}


def dotted(node: ast.expr) -> str:
    """Return `torch.load` for the call torch.load(…)."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(text: str) -> list[str]:
    """Return the constructs in Python code that run data as code, call a shell or listen for other machines."""
    found, options = [], {}
    tree = ast.parse(text)
    for node in ast.walk(tree):
        # `options["use_safetensors"] = True`, `{"trust_remote_code": False}`: arguments passed later as **options.
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            key = node.targets[0].slice
            if isinstance(key, ast.Constant) and isinstance(node.value, ast.Constant):
                options[key.value] = node.value.value
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    options[key.value] = value.value
    found += [f"{name}={value}" for name, value in FORBIDDEN.items() if name in options and options[name] is value]
    for node in ast.walk(tree):
        if isinstance(node, ast.List):
            # A module of that name in the current folder would be run instead.
            words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            found += ["-m without -P"] if "-m" in words and "-P" not in words else []
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.split(".")[0] in MODULES else []
            found += [f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}.{alias.name}" in CALLS]
        if not isinstance(node, ast.Call):
            continue
        called = dotted(node.func)
        if called in RUN_CODE | CALLS:
            found.append(called)
        given = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
        if any(word.arg is None for word in node.keywords):
            given = options | given
        found += [f"{name}={value}" for name, value in FORBIDDEN.items() if name in given and given[name] is value]
        if called in NEEDED and given.get(NEEDED[called][0]) is not NEEDED[called][1]:
            found.append(f"{called} without {NEEDED[called][0]}={NEEDED[called][1]}")
        host = given.get("host")
        if host is not None and host not in ("127.0.0.1", "localhost"):
            found.append(f"host={host}")
    return found


def test_no_data_is_run_as_code():
    assert {str(path.relative_to(ROOT)): found for path in PRODUCT if (found := dangers(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "eval(text)",
        "pickle.loads(data)",
        "from pickle import loads",
        "import joblib",
        "subprocess.run(command, shell=True)",
        "os.system(f'open {path}')",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "AutoModelForCausalLM.from_pretrained(folder, use_safetensors=False)",
        "options = {'trust_remote_code': True}",
        "uvicorn.run(app, host='0.0.0.0')",
        "subprocess.Popen([sys.executable, '-m', 'flows.service.prefect_server'])",
    ],
)
def test_every_danger_is_seen(text):
    assert dangers(text)


def test_the_workbench_listens_on_this_machine_only():
    from flows import review

    with review.listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.slow
def test_pickled_weights_are_refused(tmp_path):
    from tarot_train import base_model, generate

    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 1, "intermediate_size": 8, "vocab_size": 16}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(Problem):
        base_model.load_model(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "adapter_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(Problem) as refused:
        generate.load(tmp_path, tmp_path)
    assert refused.value.code == "no_adapter" and not (tmp_path / "sprung").exists()


EVIL = "\x1b[2J\x1b]0;own\x07\r\nERROR: all is lost\x9b31m\u202e\u2028x"


@pytest.fixture
def hostile(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    bad = {"person": "Mel" + EVIL, "question": "换组" + EVIL, "spread": "两张" + EVIL}
    lay(inbox, {**GOOD, **bad}, {**WRONG_CARD, **bad}, name=f"a{EVIL}.jsonl")
    take_in(tmp_path / "data", inbox)
    return tmp_path / "data"


@pytest.mark.parametrize(
    "arguments",
    [
        ["readings"],
        ["readings", "--json"],
        ["readings", "--source"],
        ["rejected"],
        ["rejected", "--json"],
        ["forget", "--person", "nobody" + EVIL],
        ["readings", "--id", "r" + EVIL],
    ],
)
def test_control_characters_are_escaped(hostile, arguments, capsys):
    from flows import cli

    try:
        cli.main([*arguments, "--data-dir", str(hostile), "--lang", "en"])
    except SystemExit as error:
        assert error.code in (0, 1)
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert "all is lost" in text
    assert not [c for c in text if c != "\n" and (c < " " or "\x7f" <= c <= "\x9f" or c in "\u202e\u2028")]
    if "forget" not in arguments and "--id" not in arguments:
        assert not any(line.startswith("ERROR") for line in text.splitlines())
    if "--json" in arguments:
        assert all(json.loads(line) for line in shown.out.splitlines())
