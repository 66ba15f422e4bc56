"""One reading from the adapter of a run."""

from collections.abc import Iterator
from pathlib import Path

from flows.runs import find_run
from tarot_data.examples import prompt_for
from tarot_data.outside import drawn_cards


def read_cards(
    data_dir: Path,
    cards: str,
    person: str | None,
    question: str | None,
    spread: str | None,
    run: str | None,
    seed: int,
) -> Iterator:
    """First {run, stand_in, cards, prompt}, then the reading in pieces as it is written."""
    from tarot_train import evaluate, generate, recipe

    folder = find_run(data_dir, run)
    manifest = evaluate.read_manifest(folder)
    drawn = drawn_cards({"id": "--cards", "cards": cards, "spread": spread})
    prompt = prompt_for(person, question, [{"draw": 1, "spread": spread}], drawn)
    yield {"run": folder.name, "stand_in": manifest["base"]["stand_in"], "cards": drawn, "prompt": prompt}
    model, tokenizer = evaluate.load_run(folder, manifest)
    settings = recipe.build(manifest["used"]).generation
    yield from generate.stream(
        model,
        tokenizer,
        prompt,
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        seed=seed,
    )
