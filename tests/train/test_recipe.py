"""Recipes: the card's values are unchanged, every key is known, every value has its type."""

import pytest

from schemas.errors import Problem
from tarot_train import recipe


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_loads_and_survives_json(name):
    loaded = recipe.load(name)
    assert recipe.build(recipe.as_dict(loaded)) == loaded


def test_the_7b_recipe_holds_the_card_as_written():
    card = recipe.load("r1-distill-qwen-7b")
    assert card.base.name == "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
    assert (card.lora.r, card.lora.alpha, card.lora.dropout) == (32, 64, 0.05)
    assert card.lora.targets == ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert card.lora.modules_to_save == ("embed_tokens", "lm_head")
    train = card.train
    assert (train.learning_rate, train.schedule, train.warmup) == (2e-4, "cosine", 100)
    assert (train.batch, train.accumulation, train.epochs, train.max_steps) == (1, 8, 3, 1000)
    assert (train.max_tokens, train.eval_steps, train.save_steps) == (2048, 100, 100)


def test_a_value_is_changed_by_its_dotted_key():
    changed = recipe.load("tarot-tiny", {"lora.r": "8", "train.packing": "true", "lora.targets": "q_proj, v_proj"})
    assert (changed.lora.r, changed.train.packing, changed.lora.targets) == (8, True, ("q_proj", "v_proj"))


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("lora.rank", "lora.r"), ("train.learningrate", "train.learning_rate"), ("epochs", "train.epochs")],
)
def test_an_unknown_key_names_the_nearest(key, nearest):
    with pytest.raises(Problem, match=f"no key {key}. Did you mean {nearest}"):
        recipe.load("tarot-tiny", {key: "1"})


def test_an_unknown_key_in_a_file_is_refused(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[base]\nname = "tarot-tiny"\n[lora]\nalhpa = 3\n', encoding="utf-8")
    with pytest.raises(Problem, match="Did you mean lora.alpha"):
        recipe.load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lora.r", "many"),
        ("lora.r", "1.5"),
        ("train.packing", "maybe"),
        ("base.dtype", "int8"),
        ("train.schedule", "zigzag"),
    ],
)
def test_a_wrong_value_names_key_and_value(key, value):
    with pytest.raises(Problem, match=f"{key}: {value}"):
        recipe.load("tarot-tiny", {key: value})


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(
        Problem, match="qwen1.5-1.8b, r1-distill-qwen-1.5b, r1-distill-qwen-7b, smollm2-135m, tarot-tiny"
    ):
        recipe.load("qwen-0.5b")


def test_a_recipe_without_a_base_is_an_error(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("[lora]\nr = 3\n", encoding="utf-8")
    with pytest.raises(Problem, match="base"):
        recipe.load(path)


def test_every_key_says_what_it_is():
    """One docstring per field: a string follows every field of every settings class."""
    import ast
    from pathlib import Path

    tree = ast.parse(Path(recipe.__file__).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name != "Recipe":
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign):
                    assert isinstance(after, ast.Expr), f"{node.name}.{field.target.id}"
