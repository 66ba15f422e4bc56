"""Commands for labelling: annotate, show the pattern library, try and edit the tables, label again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from click import IntRange

from flows.commands.declare import Context, argument, command, existing, lexicon_option, option
from flows.runtime import environment
from flows.runtime.progress import bar
from schemas.errors import Problem

TEACHER_READINGS = 100
"""Readings a teacher is asked about in one run, unless --teacher-readings says otherwise."""

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


if TYPE_CHECKING:
    import polars as pl


@command("annotate")
@argument("file", type=existing(allow_dash=True))
@lexicon_option
def annotate(ctx: Context, file: Path) -> None:
    from flows.commands.given_readings import given_readings
    from tarot_data.patterns.annotate_records import GIVEN, annotate_records

    wanted = ("id", "cards", "sentences", "themes", "style")
    for record in annotate_records(given_readings(ctx, file)):
        if ctx.as_json:
            known = GIVEN if "reading_id" in record else ()
            ctx.json({key: record[key] for key in (*wanted, *known) if key in record})
        else:
            print_sentences(ctx, record)


@command("patterns")
@option("--version")
@option("--card")
@lexicon_option
def patterns(ctx: Context, version: str | None, card: str | None) -> None:
    from flows.commands.pattern_pages import card_page, library_page
    from tarot_data.patterns.pattern_library import card_entry, pattern_library

    stored = readings_of(ctx, version)
    if card:
        entry = card_entry(stored, canonical(card))
        return ctx.json(entry) if ctx.as_json else print_page(card_page(ctx, entry))
    library = pattern_library(stored)
    ctx.json(library) if ctx.as_json else print_page(library_page(ctx, library))


def readings_of(ctx: Context, version: str | None) -> pl.DataFrame:
    """Read the readings of a dataset version, or those of the store. Raises Problem `empty_store` or `no_version`."""
    from schemas.tables import STORED, typed
    from tarot_data.dataset import versions
    from tarot_data.store import tables

    if version is not None:
        stored = versions.read(ctx.data_dir, versions.find(ctx.data_dir, version))
        return typed(stored.select(*STORED), STORED)
    stored = tables.readings(ctx.data_dir)
    if stored.is_empty():
        raise Problem("empty_store", path=ctx.data_dir)
    return stored


def canonical(card: str) -> str:
    """Return the canonical name of a card from a name as people write it. Raises Problem `unknown_card`."""
    from tarot_data.patterns.annotate_records import drawn_cards

    return drawn_cards({"id": "--card", "cards": card})[0]["card"]


@command("lexicon check")
@lexicon_option
def lexicon_check(ctx: Context) -> None:
    from tarot_data.patterns.lexicon_check import check_lexicon

    findings = check_lexicon()
    if ctx.as_json:
        ctx.json({"findings": [vars(finding) for finding in findings], "ok": not findings})
    if findings:
        raise Problem(
            "lexicon_findings", count=len(findings), findings="\n".join(finding.say(ctx.lang) for finding in findings)
        )
    if not ctx.as_json:
        ctx.print("summary.lexicon_fine")


@command("lexicon try")
@argument("text")
@lexicon_option
def lexicon_try(ctx: Context, text: str) -> None:
    from flows.commands.pattern_pages import explanation_page
    from tarot_data.patterns.explain import explain

    found = explain(text)
    ctx.json(found) if ctx.as_json else print_page(explanation_page(ctx, found))


@command("lexicon add")
@argument("table")
@argument("cells", nargs=-1, required=True, metavar="COLUMN=VALUE")
@lexicon_option
def lexicon_add(ctx: Context, table: str, cells: tuple[str, ...]) -> None:
    """Save a row to the user's own tables if its example passes."""
    from tarot_data import lexicon
    from tarot_data.patterns.lexicon_check import check_row

    if table not in lexicon.tables():
        raise Problem("lexicon_table", table=table, tables=", ".join(lexicon.tables()))
    row = {}
    for cell in cells:
        column, is_there, value = cell.partition("=")
        if not is_there:
            raise Problem("lexicon_cell", cell=cell)
        row[column] = value
    if findings := check_row(table, row):
        raise Problem("lexicon_not_added", findings="\n".join(finding.say(ctx.lang) for finding in findings))
    path = lexicon.add(lexicon.active().folder or environment.own_lexicon(ctx.data_dir), table, [row])
    ctx.json({"table": table, "path": str(path), "row": row}) if ctx.as_json else ctx.print(
        "summary.lexicon_added", path=path
    )


@command("lexicon train")
@option("--corrections", is_flag=True)
@lexicon_option
def lexicon_train(ctx: Context, corrections: bool) -> None:
    """Train a labeller for this user; the shipped one does not change."""
    from tarot_data.patterns import model, train

    target = model.own_path().parent
    try:
        if corrections:
            figures = train.learn_from(ctx.data_dir, target, bar)
        else:
            figures = train.train_and_save(None, target, bar)
    finally:
        bar.close()
    if ctx.as_json:
        return ctx.json(figures)
    if corrections:
        ctx.print("summary.learned", corrections=figures["corrections"], readings=figures["readings"])
        for figure in ("exact", "cards_f1"):
            ctx.print(f"summary.learned_{figure}", before=figures["before"][figure], after=figures["after"][figure])
    else:
        ctx.print("summary.labeller", macro_f1=figures["macro_f1"])
    ctx.print("summary.relabel_next")


@command("relabel")
@option("--teacher", metavar="URL")
@option("--teacher-model")
@option("--teacher-readings", type=IntRange(1), default=TEACHER_READINGS, show_default=True)
@lexicon_option
def relabel(ctx: Context, teacher: str | None, teacher_model: str | None, teacher_readings: int) -> None:
    """Label the store again; with --teacher then ask a language model about the least certain readings."""
    from flows.runtime.store_lock import writing
    from tarot_data.ingest.relabel import relabel as label_again

    with writing(ctx.data_dir):
        done = label_again(ctx.data_dir, bar)
    bar.close()
    taught = _taught(ctx, teacher, teacher_model, teacher_readings) if teacher else None
    if ctx.as_json:
        return ctx.json(done | ({"teacher": taught} if taught else {}))
    ctx.print("summary.relabelled", **done)
    if taught:
        ctx.print("summary.taught", **taught)
        ctx.print("summary.taught_next")


def _taught(ctx: Context, url: str, model: str | None, most: int) -> dict:
    """Ask a teacher; return its counts with model and host. Says first where the text goes."""
    from tarot_data.patterns.teacher import teach
    from tarot_train import endpoint

    host, key = endpoint.host_of(url), environment.teacher_key()
    ctx.note("summary.teacher_home" if endpoint.at_home(url) else "summary.teacher_away", host=host)
    model = model or endpoint.first_model(url, key, "teacher")
    about = {"url": url, "model": model, "host": host}
    try:
        counts = teach(ctx.data_dir, lambda text: endpoint.answer(text, url, model, key, "teacher"), about, most, bar)
    finally:
        bar.close()
    return counts | {"model": model, "host": host}


def print_sentences(ctx: Context, record: dict) -> None:
    print(f"# {record['id']}")
    for sentence in record["sentences"]:
        labels = "+".join(ctx.say(f"label.{label}") for label in sentence["labels"])
        cards = f" [{'、'.join(sentence['cards'])}]" if sentence["cards"] else ""
        print(f"{labels}{cards}\t{sentence['text'].strip()}")


def print_page(lines: Iterable[str]) -> None:
    print("\n".join(lines))
