"""Explanation of the labels of a text: the cues, table rows and probabilities that decided them."""

from schemas.deck import CARDS, LABELS
from tarot_data.cards.mentions import find_cards
from tarot_data.lexicon import read_table
from tarot_data.patterns import cue_kinds, cues, time_expressions
from tarot_data.patterns import model as labeller
from tarot_data.patterns.themes import themes_of
from tarot_data.text.normalise import fold


def explain(text: str, question: str | None = None, person: str | None = None) -> dict:
    """Label a text and explain why: {sentences: [...], cards: [...], themes: [...]}.

    A sentence: {text, labels, chances: {label: probability}, cards, rows: [{file, line, cue, label, kind, weight}],
    kinds: of a link, forms: of advice, times: expressions of time}. rows are the cues found in it, those that moved the
    decision most first; weight is what the row adds to the first label's score, in nats over the mean label. cards:
    [{card, text, orientation, start, end, file, line}] with the alias row of each.
    """
    model = labeller.current()
    found = labeller.label([{"content": text, "cards": [], "question": question, "person": person}], model)
    return {
        "sentences": [_sentence(found, model, number) for number in range(found.batch.size)],
        "cards": _cards(text),
        "themes": themes_of(found.batch)[0],
    }


def _sentence(found: labeller.Labelled, model: labeller.Model, number: int) -> dict:
    text, labels = found.batch.texts[number], found.labels[number]
    sentence, cue, _ = found.inputs.cues
    mine = [cues.cues()[c] for c in cue[sentence == number].tolist()]
    rows = [
        {
            "file": one.row.file,
            "line": one.row.line,
            "cue": one.row["cue"],
            "label": one.label,
            "kind": one.kind,
            "weight": round(labeller.pull_of(model, one, labels[0]), 3),
        }
        for one in mine
    ]
    kinds = [one.full_kind for one in mine]
    chances = found.states[number] @ labeller.CARRIES
    return {
        "text": text,
        "labels": labels,
        "chances": {label: round(float(chances[i]), 4) for i, label in enumerate(LABELS)},
        "cards": [CARDS[card] for card in found.cards[number]],
        "rows": sorted(rows, key=lambda row: (-row["weight"], row["line"])),
        "kinds": cue_kinds.link_kinds(kinds) if "card_link" in labels else [],
        "forms": cue_kinds.advice_forms(kinds, text) if "advice" in labels else [],
        "times": [time.text for time in time_expressions.find_times([text])[0]],
    }


def _cards(text: str) -> list[dict]:
    aliases = {}
    for row in read_table("aliases"):
        aliases.setdefault(fold(row["alias"]), row)
    cards = []
    for mention in find_cards(text):
        written = text[mention.start : mention.end]
        row = aliases.get(fold(written))
        cards.append(
            {
                "card": mention.card,
                "text": written,
                "orientation": mention.orientation,
                "start": mention.start,
                "end": mention.end,
                "file": row.file if row else "aliases.csv",
                "line": row.line if row else None,
            }
        )
    return cards
