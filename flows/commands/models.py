"""Commands for a trained model: read cards, chat, export it for another program."""

from __future__ import annotations

import sys
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from flows.commands.declare import Context, Target, argument, command, option
from flows.runtime.progress import bar

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


if TYPE_CHECKING:
    from flows.training.generate import Chat


@command("read", alone=False)
@option("--cards")
@option("--draw", metavar="SPREAD")
@option("--person")
@option("--question")
@option("--spread")
@option("--run")
@option("--seed", type=int)
@option("--chat", is_flag=True)
@option("--think/--no-think", default=None)
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
    from flows.training.generate import open_chat, prepare_draw

    if bool(cards) + bool(draw) != 1 and not (chat and not cards and not draw):
        raise click.UsageError(ctx.say("usage.read"))
    if seed is None:
        seed = SystemRandom().randrange(2**31) if draw else 0
    drawn = prepare_draw(cards, draw, person, question, spread, seed) if cards or draw else None
    if draw and not ctx.as_json:
        print_drawn(ctx, drawn.cards, seed)
        bar("libraries")
    talk = open_chat(ctx.data_dir, run, seed, think)
    if talk.stand_in and not ctx.as_json:
        ctx.note("summary.standin")
    if talk.marked and not ctx.as_json:
        ctx.note("summary.run_marked", run=talk.run)
    if drawn:
        facts = {
            "run": talk.run,
            "stand_in": talk.stand_in,
            "marked": talk.marked,
            "seed": seed,
            "cards": drawn.cards,
            "prompt": drawn.prompt,
        }
        _answer(ctx, talk, drawn.prompt, facts)
    if chat:
        _chat(ctx, talk)


def _chat(ctx: Context, talk: Chat) -> None:
    """Answer line by line until the input ends or a line is empty."""
    ctx.note("summary.chat", run=talk.run)
    while True:
        click.echo(ctx.say("summary.chat_prompt"), nl=False, err=True)
        line = sys.stdin.readline()
        if not line.strip():
            break
        _answer(ctx, talk, line.strip(), {"run": talk.run, "prompt": line.strip()})


def _answer(ctx: Context, talk: Chat, prompt: str, facts: dict) -> None:
    """Print an answer as it is generated, with its trace on standard error, or as one JSON object."""
    if ctx.as_json:
        return ctx.json(facts | talk.answer(prompt, lambda part, text: None))
    parts: list[str] = []

    def say(part: str, text: str) -> None:
        if part == "trace" and not parts:
            ctx.note("summary.trace_begins")
        if part == "content" and parts[-1:] == ["trace"]:
            ctx.note("summary.trace_ends")
        parts[:] = [part]
        print(text, end="", flush=True, file=sys.stderr if part == "trace" else sys.stdout)

    answer = talk.answer(prompt, say)
    print(flush=True)
    if not answer["content"]:
        ctx.note("summary.nothing_written")


def print_drawn(ctx: Context, cards: list[dict], seed: int) -> None:
    from tarot_data.cards.format import card_text

    ctx.note("summary.drawn", cards="、".join(card_text(card) for card in cards), seed=seed)


@command("export", alone=False)
@argument("run", required=False)
@option("--merged", is_flag=True)
@option("--gguf", is_flag=True)
@option("--ollama", is_flag=True)
@option("--adapter", is_flag=True)
@option("--kind", type=click.Choice(["F16", "F32", "Q8_0"]), default="F16", show_default=True)
@option("--out", type=Target())
def export(
    ctx: Context,
    run: str | None,
    kind: str,
    out: Path | None,
    **forms: bool,
) -> None:
    from flows.training.runs import best_run
    from tarot_train import export as exports
    from tarot_train.evaluate import read_manifest

    wanted = [form for form, is_wanted in forms.items() if is_wanted]
    if len(wanted) != 1:
        raise click.UsageError(ctx.say("usage.export"))
    (form,) = wanted
    folder = best_run(ctx.data_dir, run)
    target = out or ctx.data_dir / "exports" / (f"{folder.name}.gguf" if form == "gguf" else f"{folder.name}-{form}")
    if form == "gguf" and target.suffix != ".gguf":
        target = target / f"{folder.name}.gguf"
    make = getattr(exports, form)
    result = make(folder, target, kind) if form in ("gguf", "ollama") else make(folder, target)
    commands = exports.serving(form, target, read_manifest(folder))
    result = {"run": folder.name, "form": form, **result, "serve": commands}
    if ctx.as_json:
        return ctx.json(result)
    ctx.print(f"summary.export_{form}", **result)
    for line in commands:
        ctx.print("summary.serve", command=line)
    if result.get("same_tokens") is False:
        ctx.note("summary.export_rounded", dtype=result["dtype"])
