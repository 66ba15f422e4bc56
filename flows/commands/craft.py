"""What the reader's words show, and the tables that say so."""

import json
from pathlib import Path

from flows.cli import Context
from flows.commands.shared import lines_of
from schemas.problems import Problem


def annotate(ctx: Context, file: Path) -> None:
    from tarot_data.outside import annotate_records, read_lines

    wanted = ("id", "cards", "sentences", "themes", "style")
    with lines_of(file) as lines:
        annotated = annotate_records(list(read_lines(lines, str(file))))
    for record in annotated:
        if ctx.as_json:
            ctx.json({key: record[key] for key in wanted})
        else:
            print_sentences(ctx, record)


def patterns(ctx: Context) -> None:
    from tarot_data import store
    from tarot_data.library import pattern_library

    stored = store.readings(ctx.data_dir)
    if stored.is_empty():
        raise Problem("empty_store", path=ctx.data_dir)
    ctx.json(pattern_library(stored)) if ctx.as_json else print_library(ctx, pattern_library(stored))


def lexicon_check(ctx: Context) -> None:
    from tarot_data.patterns import check_lexicon

    findings = check_lexicon()
    if ctx.as_json:
        ctx.json({"findings": [vars(finding) for finding in findings], "ok": not findings})
    if findings:
        raise Problem(
            "lexicon_findings", count=len(findings), findings="\n".join(finding.say(ctx.lang) for finding in findings)
        )
    if not ctx.as_json:
        ctx.print("summary.lexicon_fine")


def lexicon_try(ctx: Context, text: str) -> None:
    from tarot_data.patterns import explain

    ctx.json(explain(text)) if ctx.as_json else print(json.dumps(explain(text), ensure_ascii=False, indent=1))


def lexicon_train(ctx: Context) -> None:
    from tarot_data import labeller

    figures = labeller.train_and_save()
    ctx.json(figures) if ctx.as_json else ctx.print("summary.labeller", macro_f1=figures["macro_f1"])


def print_sentences(ctx: Context, record: dict) -> None:
    print(f"# {record['id']}")
    for sentence in record["sentences"]:
        labels = "+".join(ctx.say(f"label.{label}") for label in sentence["labels"])
        cards = f" [{'、'.join(sentence['cards'])}]" if sentence["cards"] else ""
        print(f"{labels}{cards}\t{sentence['text'].strip()}")


def print_library(ctx: Context, library: dict) -> None:
    for kind in ("opening", "card_interpretation", "card_link", "advice", "closing"):
        print(f"## {ctx.say(f'label.{kind}')}")
        print(json.dumps(library[kind], ensure_ascii=False, indent=1))
