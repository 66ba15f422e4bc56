"""A reading, and the talk that follows it, from the adapter of a run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from flows.training.runs import best_run, is_marked
from tarot_data.cards.shuffle import draw_cards
from tarot_data.dataset.prompt import prompt_for
from tarot_data.patterns.annotate_records import drawn_cards
from tarot_train import evaluate, generate, recipe

Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Laid:
    """What lies on the table: the cards and the prompt that asks about them."""

    cards: list[dict]
    prompt: str


def lay(
    cards: str | None, draw: str | None, person: str | None, question: str | None, spread: str | None, seed: int
) -> Laid:
    """Cards as somebody wrote them, or drawn for the spread `draw`. Raises Problem `unknown_card`, `no_spread`."""
    if draw:
        spread, drawn = draw, draw_cards(draw, seed)
    else:
        drawn = drawn_cards({"id": "--cards", "cards": cards, "spread": spread})
    return Laid(drawn, prompt_for(person, question, [{"draw": 1, "spread": spread}], drawn))


@dataclass
class Talk:
    """A conversation with the model of one run; it remembers what was said."""

    run: str
    stand_in: bool
    model: object
    tokenizer: object
    manner: object
    messages: list[dict]
    marked: bool = False
    """Whether it learnt from somebody who was forgotten since."""

    def answer(self, text: str, say: Say) -> dict:
        """{content, trace} that the model answers, handed to `say(part, text)` as it is written."""
        asked = generate.shortened(self.model, self.tokenizer, self.messages + generate.ask(text), self.manner)
        found = generate.stream(self.model, self.tokenizer, asked, self.manner, say)
        self.messages = [*asked, {"role": "assistant", "content": found.content}]
        # Else every answer of a conversation would throw the same dice.
        self.manner = replace(self.manner, seed=self.manner.seed + 1)
        return {"content": found.content, "trace": found.trace}


def open_talk(data_dir: Path, run: str | None, seed: int, think: bool | None = None) -> Talk:
    """The model of a run, of the champion where none is named. think: None thinks where it was trained to.

    Raises Problem `no_run`, `base_missing`, `base_changed`.
    """
    folder = best_run(data_dir, run)
    manifest = evaluate.read_manifest(folder)
    model, tokenizer = evaluate.load_run(folder, manifest)
    thinking = manifest.get("thinking", False) if think is None else think
    manner = generate.Manner(settings=recipe.build(manifest["used"]).generation, seed=seed, thinking=thinking)
    return Talk(folder.name, manifest["base"]["stand_in"], model, tokenizer, manner, [], is_marked(folder))
