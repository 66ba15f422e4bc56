"""Maximum length of an example: from the recipe and the base's tokenizer, or from the documented estimate."""

from hashlib import sha256

from schemas.errors import Problem
from tarot_data.dataset.examples import Budget
from tarot_train import base_model as bases
from tarot_train import sft


def budget_of(base: str | None, recipe: str | None, reasoning: bool = False) -> Budget:
    """Return the budget of a base and a recipe; the estimate if none is given or the base is not on this machine.

    So a dataset published without a base has one hash on every machine, whatever bases are installed.
    """
    if base is None and recipe is None:
        return Budget(reasoning=reasoning)
    settings = sft.recipe_for(base, recipe)
    longest = settings.train.max_tokens
    try:
        folder = bases.find(settings.base.name)
    except Problem:
        return Budget(max_tokens=longest, reasoning=reasoning)
    tokenizer = bases.load_tokenizer(folder, settings.base.template)
    file = folder / "tokenizer.json"
    known = sha256(file.read_bytes()).hexdigest()[:16] if file.exists() else bases.identity(folder)

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return Budget(max_tokens=longest, count=count, counted_by=f"tokenizer {known}", reasoning=reasoning)
