"""What a trained model is for: reading cards, talking about them, and leaving for another program."""

import sys
from pathlib import Path
from random import SystemRandom

import click

from flows.cli import Context

FORMS = ("merged", "gguf", "ollama", "adapter")


def read(
    ctx: Context,
    cards: str | None,
    draw: str | None,
    person: str | None,
    question: str | None,
    spread: str | None,
    run: str | None,
    seed: int | None,
    chat: bool,
    think: bool | None,
) -> None:
    from flows.training.generate import lay, open_talk

    if bool(cards) + bool(draw) != 1 and not (chat and not cards and not draw):
        raise click.UsageError(ctx.say("usage.read"))
    if seed is None:
        seed = SystemRandom().randrange(2**31) if draw else 0
    laid = lay(cards, draw, person, question, spread, seed) if cards or draw else None
    talk = open_talk(ctx.data_dir, run, seed, think)
    if talk.stand_in and not ctx.as_json:
        ctx.note("summary.standin")
    if talk.marked and not ctx.as_json:
        ctx.note("summary.run_marked", run=talk.run)
    if laid:
        if draw and not ctx.as_json:
            print_drawn(ctx, laid.cards, seed)
        facts = {
            "run": talk.run,
            "stand_in": talk.stand_in,
            "marked": talk.marked,
            "seed": seed,
            "cards": laid.cards,
            "prompt": laid.prompt,
        }
        _answer(ctx, talk, laid.prompt, facts)
    if chat:
        _chat(ctx, talk)


def _chat(ctx: Context, talk) -> None:
    """Answers line by line until the input ends or a line is empty."""
    ctx.note("summary.chat", run=talk.run)
    while True:
        click.echo(ctx.say("summary.chat_prompt"), nl=False, err=True)
        line = sys.stdin.readline()
        if not line.strip():
            break
        _answer(ctx, talk, line.strip(), {"run": talk.run, "prompt": line.strip()})


def _answer(ctx: Context, talk, prompt: str, facts: dict) -> None:
    """One answer: pieces for people as they are written, the trace apart on standard error; one object as JSON."""
    if ctx.as_json:
        return ctx.json(facts | talk.answer(prompt, lambda part, text: None))
    before = None

    def say(part: str, text: str) -> None:
        nonlocal before
        if part == "trace" and before is None:
            ctx.note("summary.trace_begins")
        if part == "content" and before == "trace":
            ctx.note("summary.trace_ends")
        before = part
        print(text, end="", flush=True, file=sys.stderr if part == "trace" else sys.stdout)

    answer = talk.answer(prompt, say)
    print(flush=True)
    if not answer["content"]:
        ctx.note("summary.nothing_written")


def print_drawn(ctx: Context, cards: list[dict], seed: int) -> None:
    from tarot_data.cards.format import card_text

    ctx.note("summary.drawn", cards="、".join(card_text(card) for card in cards), seed=seed)


def export(
    ctx: Context,
    run: str | None,
    merged: bool,
    gguf: bool,
    ollama: bool,
    adapter: bool,
    kind: str,
    out: Path | None,
) -> None:
    from flows.training.runs import best_run

    given = dict(zip(FORMS, (merged, gguf, ollama, adapter), strict=True))
    if sum(given.values()) != 1:
        raise click.UsageError(ctx.say("usage.export"))
    (form,) = (name for name, wanted in given.items() if wanted)
    folder = best_run(ctx.data_dir, run)
    target = out or ctx.data_dir / "exports" / (f"{folder.name}.gguf" if gguf else f"{folder.name}-{form}")
    from tarot_train import export as exports

    if gguf and target.suffix != ".gguf":
        target = target / f"{folder.name}.gguf"
    make = getattr(exports, form)
    result = make(folder, target, kind) if form in ("gguf", "ollama") else make(folder, target)
    result = {"run": folder.name, "form": form, **result}
    if ctx.as_json:
        return ctx.json(result)
    ctx.print(f"summary.export_{form}", **result)
    if result.get("same_tokens") is False:
        ctx.note("summary.export_rounded", dtype=result["dtype"])
