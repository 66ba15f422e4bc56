"""Generation of a reading and its follow-up chat with the adapter of a run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from flows.training.runs import best_run, is_marked
from tarot_data.cards.shuffle import draw_cards
from tarot_data.dataset.prompt import prompt_for
from tarot_data.patterns.annotate_records import drawn_cards
from tarot_data.system import memory
from tarot_train import evaluate, generate, recipe

Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Draw:
    """A draw: the cards and the prompt that asks about them."""

    cards: list[dict]
    prompt: str


def prepare_draw(
    cards: str | None, draw: str | None, person: str | None, question: str | None, spread: str | None, seed: int
) -> Draw:
    """Parse cards as people write them, or draw them for the spread `draw`.

    Raises Problem `unknown_card`, `no_spread`.
    """
    if draw:
        spread, drawn = draw, draw_cards(draw, seed)
    else:
        drawn = drawn_cards({"id": "--cards", "cards": cards, "spread": spread})
    return Draw(drawn, prompt_for(person, question, [{"draw": 1, "spread": spread}], drawn))


@dataclass
class Chat:
    """A conversation with the model of one run; it keeps the messages so far."""

    run: str
    stand_in: bool
    model: object
    tokenizer: object
    manner: object
    messages: list[dict]
    marked: bool = False
    """Whether it was trained on readings of a person who has been forgotten since."""

    def answer(self, text: str, say: Say) -> dict:
        """Generate the answer {content, trace}; `say(part, text)` receives it as it is generated."""
        prompt = generate.shortened(self.model, self.tokenizer, self.messages + generate.ask(text), self.manner)
        found = generate.stream(self.model, self.tokenizer, prompt, self.manner, say)
        self.messages = [*prompt, {"role": "assistant", "content": found.content}]
        # A new seed for each answer; otherwise every answer of a conversation would sample the same numbers.
        self.manner = replace(self.manner, seed=self.manner.seed + 1)
        return {"content": found.content, "trace": found.trace}


def open_chat(data_dir: Path, run: str | None, seed: int, think: bool | None = None) -> Chat:
    """Load the model of a run, by default the champion's. think: None thinks if it was trained to.

    Raises Problem `no_run`, `base_missing`, `base_changed`.
    """
    folder = best_run(data_dir, run)
    manifest = evaluate.read_manifest(folder)
    with memory.loading():
        model, tokenizer = evaluate.load_run(folder, manifest)
    thinking = manifest.get("thinking", False) if think is None else think
    manner = generate.Manner(settings=recipe.build(manifest["used"]).generation, seed=seed, thinking=thinking)
    return Chat(folder.name, manifest["base"]["stand_in"], model, tokenizer, manner, [], is_marked(folder))
