"""What a training would do, over a dataset version or over numbers given."""

from pathlib import Path

from tarot_data import versions


def plan_training(
    data_dir: Path,
    base: str | None,
    recipe: str | None,
    overrides: dict[str, str],
    examples: int | None = None,
    tokens: int | None = None,
    gpu: str | None = None,
    price: float | None = None,
) -> dict:
    """The plan as JSON. examples, tokens: plan for so many of so long, before there is a dataset."""
    from tarot_train import device, plan, sft

    asked = sft.recipe_for(base, recipe, overrides)
    here = plan.gpu(gpu) if gpu else device.find()
    data = plan.given(examples, tokens) if examples else plan.counted(_version_dir(data_dir), asked, data_dir)
    return plan.plan(asked, data, here, price=price)


def _version_dir(data_dir: Path) -> Path:
    return versions.path_of(data_dir, versions.find(data_dir))
