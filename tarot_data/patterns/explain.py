"""Explain the labels of a text: which cue, table row or probability decided."""

from schemas.deck import CARDS, LABELS
from tarot_data.lexicon import Row, read_table
from tarot_data.patterns import cue_kinds
from tarot_data.patterns import model as labeller
from tarot_data.patterns.themes import themes_of


def check_lexicon() -> list:
    """Findings (`proofreading.Finding`: file, line, code, values, say(lang)) over all tables; [] where all is well."""
    from tarot_data.patterns.lexicon_check import check_lexicon as check

    return check()


def _place(row: Row | None) -> dict:
    return {"file": row.file if row else "aliases.csv", "line": row.line if row else None}


def explain(text: str, question: str | None = None, person: str | None = None) -> dict:
    """What a text is taken for, and why: {sentences: [...], cards: [...], themes: [...]}.

    A sentence: {text, labels, chances: {label: probability}, cards, rows: [{file, line, cue, label, kind, weight}],
    kinds: of a link, forms: of advice, times: expressions of time}. rows are the cues that stand in it, those that
    moved the decision most first; weight is what the row adds to the first label's score, in nats over the mean label.
    cards: [{card, text, orientation, start, end, file, line}] with the alias row of each.
    """
    from tarot_data.cards.mentions import find_cards
    from tarot_data.patterns import cues, time_expressions
    from tarot_data.text.normalise import fold

    mentions = find_cards(text)
    aliases = {}
    for row in read_table("aliases"):
        aliases.setdefault(fold(row["alias"]), row)
    model = labeller.current()
    reading = {"content": text, "cards": [], "question": question, "person": person}
    looks, states, labels, _, named = labeller.label([reading], model)
    chances = states @ labeller.CARRIES
    sentence, cue, _ = looks.cues
    out = []
    for s in range(looks.batch.size):
        start, end = int(looks.batch.s_start[s]), int(looks.batch.s_end[s])
        mine = [cues.cues()[c] for c in cue[sentence == s].tolist()]
        rows = [
            {
                "file": one.row.file,
                "line": one.row.line,
                "cue": one.row["cue"],
                "label": one.label,
                "kind": one.kind,
                "weight": round(labeller.pull_of(model, one, labels[s][0]), 3),
            }
            for one in mine
        ]
        kinds = [f"{one.label}.{one.kind}" for one in mine]
        out.append(
            {
                "text": text[start:end],
                "labels": labels[s],
                "chances": {label: round(float(chances[s, i]), 4) for i, label in enumerate(LABELS)},
                "cards": [CARDS[card] for card in named[s]],
                "rows": sorted(rows, key=lambda row: (-row["weight"], row["line"])),
                "kinds": cue_kinds.link_kinds(kinds) if "card_link" in labels[s] else [],
                "forms": cue_kinds.advice_forms(kinds, text[start:end]) if "advice" in labels[s] else [],
                "times": [time.text for time in time_expressions.find_times([text[start:end]])[0]],
            }
        )
    return {
        "sentences": out,
        "cards": [
            {
                "card": mention.card,
                "text": text[mention.start : mention.end],
                "orientation": mention.orientation,
                "start": mention.start,
                "end": mention.end,
                **_place(aliases.get(fold(text[mention.start : mention.end]))),
            }
            for mention in mentions
        ],
        "themes": themes_of(looks.batch)[0],
    }
