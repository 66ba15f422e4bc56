"""What each command does; one function a command, named as in `flows.cli.COMMANDS`. Heavy imports stay inside."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

from flows import environment
from flows.cli import Context
from flows.gate import MIN_READINGS, gate
from schemas.problems import Problem


def run(
    ctx: Context,
    paths: tuple[Path, ...],
    min_readings: int,
    base: str | None,
    recipe: str | None,
    no_train: bool,
) -> None:
    if not paths:
        inbox = ctx.data_dir / "inbox"
        if not inbox.is_dir():
            raise Problem("no_inbox", path=inbox)
        paths = (inbox,)
    with environment.prefect_at(ctx.data_dir):
        from flows.ingest import Inbox
        from flows.run import run as run_flow

        options = {"base": base, "recipe": recipe, "no_train": no_train, "lang": ctx.lang}
        result = run_flow(ctx.data_dir, Inbox(list(paths)), min_readings, **options)
    if ctx.as_json:
        return ctx.json(result)
    print_ingest(ctx, result["ingest"])
    if version := result["version"]:
        print_published(ctx, version, version["new"])
        if version["counts"]["synthetic"]:
            ctx.print("summary.synthetic", count=version["counts"]["synthetic"])
    print_gate(ctx, result["gate"])
    if result["run"]:
        print_run(ctx, result["run"], result["scores"])
    ctx.print("summary.report", path=result["report"])
    if result["run"]:
        ctx.print("summary.read_next")


def ingest(ctx: Context, paths: tuple[Path, ...]) -> None:
    with environment.prefect_at(ctx.data_dir):
        from flows.ingest import Inbox
        from flows.ingest import ingest as ingest_flow

        result = ingest_flow(ctx.data_dir, Inbox(list(paths)))
    if ctx.as_json:
        return ctx.json(result)
    print_ingest(ctx, result)
    ctx.print("summary.total", readings=result["readings"])


def readings(ctx: Context, id: str | None, person: str | None) -> None:
    import polars as pl

    from tarot_data import store

    rows = store.readings(ctx.data_dir)
    if id:
        rows = rows.filter(pl.col("reading_id") == id)
        if rows.is_empty():
            raise Problem("no_reading", id=id)
    if person:
        rows = rows.filter(pl.col("person") == person)
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.iter_rows(named=True):
        spreads = [draw["spread"] for draw in row["draws"]]
        if ctx.as_json:
            wanted = "reading_id person question date cards content outcome consent flags synthetic".split()
            source = {key: row["source"][key] for key in ("file", "member", "locator", "sha256")}
            ctx.json({key: row[key] for key in wanted} | {"spreads": spreads, "source": source})
        else:
            print_reading(ctx, row, spreads)


def rejected(ctx: Context, reason: str | None) -> None:
    import polars as pl

    from tarot_data import store
    from tarot_data.report.page import Words

    rows, words = store.rejections(ctx.data_dir), Words(ctx.lang)
    if reason:
        rows = rows.filter(pl.col("reason").cast(pl.String) == reason)
    if rows.is_empty() and not ctx.as_json:
        ctx.print("summary.nothing")
    for row in rows.drop("record", "masked").iter_rows(named=True):
        if ctx.as_json:
            ctx.json(row)
        else:
            source = row["source"]
            place = " › ".join(part for part in (source["file"], source["member"], source["locator"]) if part)
            ctx.print(
                "summary.rejection",
                id=row["rejection_id"],
                place=place,
                reason=ctx.say(f"reason.{row['reason']}"),
                detail=words.detail(row["detail"]),
                excerpt=(row["excerpt"] or "").replace("\n", " "),
            )


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


def report(ctx: Context, pseudonyms: bool) -> None:
    from flows.reporting import write_report
    from flows.runs import newest_run

    result = write_report(ctx.data_dir, MIN_READINGS, ctx.lang, run=newest_run(ctx.data_dir), pseudonyms=pseudonyms)
    ctx.json(result) if ctx.as_json else ctx.print("summary.report", path=result["path"])


def status(ctx: Context, min_readings: int) -> None:
    from flows.runs import run_dirs
    from tarot_data import store, versions

    version = versions.newest(ctx.data_dir)
    runs = run_dirs(ctx.data_dir)
    opened = gate(version, min_readings)
    last_run = runs[-1].name if runs else None
    rejected_open = store.rejections(ctx.data_dir).height
    if ctx.as_json:
        return ctx.json(
            opened
            | {
                "version": version["version"] if version else None,
                "last_run": last_run,
                "rejected_open": rejected_open,
                "readings": store.count(ctx.data_dir),
            }
        )
    ctx.print("summary.total", readings=store.count(ctx.data_dir))
    if version:
        ctx.print("summary.status_version", version=version["version"])
    else:
        ctx.print("summary.status_none")
    print_gate(ctx, opened)
    if last_run:
        ctx.print("summary.status_last", run=last_run)
    if rejected_open:
        ctx.print("summary.status_rejected", count=rejected_open)


def score(ctx: Context, file: Path) -> None:
    from tarot_data.outside import annotate_records, read_lines
    from tarot_train.scores import DIMENSIONS
    from tarot_train.scores import score as score_reading

    with lines_of(file) as lines:
        annotated = annotate_records(list(read_lines(lines, str(file))))
    for record in annotated:
        result = score_reading(record)
        if ctx.as_json:
            ctx.json({"id": record["id"]} | {name: result[name] for name in (*DIMENSIONS, "overall")})
        else:
            parts = [f"{ctx.say(f'dimension.{name}')} {result[name]:.2f}" for name in (*DIMENSIONS, "overall")]
            ctx.print("summary.score", id=record["id"], scores="  ".join(parts))


def train(
    ctx: Context, version: int | None, base: str | None, recipe: str | None, set: tuple[str, ...], min_readings: int
) -> None:
    from tarot_data import versions

    manifest = versions.find(ctx.data_dir, version)
    opened = gate(manifest, min_readings)
    if not opened["ready"]:
        raise Problem("gate_shut", **opened)
    overrides = dict(assignment(part) for part in set)
    with environment.prefect_at(ctx.data_dir):
        from flows.training import train as train_flow

        result = train_flow(ctx.data_dir, manifest["version"], base=base, recipe=recipe, overrides=overrides)
    if ctx.as_json:
        return ctx.json(result)
    print_run(ctx, result, result["scores"])


def plan(
    ctx: Context,
    base: str | None,
    recipe: str | None,
    set: tuple[str, ...],
    examples: int | None,
    tokens: int | None,
    gpu: str | None,
    price: float | None,
) -> None:
    from flows.planning import plan_training

    overrides = dict(assignment(part) for part in set)
    result = plan_training(ctx.data_dir, base, recipe, overrides, examples, tokens, gpu, price)
    ctx.json(result) if ctx.as_json else print_plan(ctx, result)


def evaluate(ctx: Context, run: str | None) -> None:
    from flows.runs import find_run
    from flows.training import evaluate_again

    folder = find_run(ctx.data_dir, run)
    scores = evaluate_again(ctx.data_dir, folder)
    if ctx.as_json:
        return ctx.json({"run": folder.name, "scores": scores})
    print_run(ctx, {"already": False, "adapter": str(folder / "adapter")}, scores)


def compare(ctx: Context, runs: tuple[str, ...]) -> None:
    from flows.runs import find_run, read_run, run_dirs

    folders = [find_run(ctx.data_dir, name) for name in runs] or run_dirs(ctx.data_dir)
    if not folders:
        raise Problem("no_run", name="", have="–")
    rows = []
    for folder in folders:
        found = read_run(folder)
        if found["scores"]:
            about = {"run": folder.name, "base": found["manifest"]["base"]["name"]}
            rows += [about | {"model": name} | found["scores"][name] for name in ("base", "tuned")]
    for row in rows:
        if ctx.as_json:
            ctx.json(row)
        else:
            parts = [f"{ctx.say(f'dimension.{name}')} {value:.2f}" for name, value in row["scores"].items()]
            print(
                f"{row['run']}  {row['base']}  {ctx.say('model.' + row['model'])}  {row['loss']:.3f}  {'  '.join(parts)}"
            )


def read(
    ctx: Context,
    cards: str,
    person: str | None,
    question: str | None,
    spread: str | None,
    run: str | None,
    seed: int,
) -> None:
    from flows.reading import read_cards

    pieces = read_cards(ctx.data_dir, cards, person, question, spread, run, seed)
    facts = next(pieces)
    if ctx.as_json:
        return ctx.json(facts | {"content": "".join(pieces).strip()})
    if facts["stand_in"]:
        ctx.note("summary.standin")
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def sample(ctx: Context, n: int, out: Path, seed: int, broken: float) -> None:
    from flows.progress import bar
    from tarot_data.synthetic import write_sample

    result = write_sample(n, out, seed=seed, broken=broken, progress=bar)
    bar.close()
    ctx.json(result) if ctx.as_json else ctx.print("summary.sample", n=n, out=out)


def doctor(ctx: Context) -> None:
    from flows.doctor import examine

    findings = examine(ctx.data_dir)
    if ctx.as_json:
        return ctx.json({"findings": findings, "ok": all(finding["ok"] for finding in findings)})
    for finding in findings:
        advice = f"  {ctx.say('doctor.' + finding['advice'])}" if finding["advice"] else ""
        print(f"{'✓' if finding['ok'] else '✗'} {finding['name']}: {finding['value']}{advice}")


def dataset_publish(ctx: Context) -> None:
    from tarot_data import store, versions

    with store.writing(ctx.data_dir):
        manifest, new = versions.publish(ctx.data_dir)
    if ctx.as_json:
        return ctx.json(manifest | {"new": new})
    print_published(ctx, manifest, new)


def dataset_list(ctx: Context) -> None:
    from tarot_data import versions

    manifests = versions.listed(ctx.data_dir)
    if not manifests and not ctx.as_json:
        ctx.print("summary.status_none")
    for manifest in manifests:
        ctx.json(manifest) if ctx.as_json else print_version(ctx, manifest)


def dataset_show(ctx: Context, version: int | None) -> None:
    from tarot_data import versions

    manifest = versions.find(ctx.data_dir, version)
    ctx.json(manifest) if ctx.as_json else print_version(ctx, manifest)


def dataset_diff(ctx: Context, old: int, new: int) -> None:
    from tarot_data import versions
    from tarot_data.differences import diff

    manifests = [versions.find(ctx.data_dir, number) for number in (old, new)]
    result = diff(*(versions.read(ctx.data_dir, manifest) for manifest in manifests), *manifests)
    if ctx.as_json:
        return ctx.json(result)
    ctx.print(
        "summary.diff", old=old, new=new, **{key: len(result[key]) for key in ("added", "removed", "changed", "moved")}
    )
    for sign, key in (("+", "added"), ("-", "removed")):
        for reading_id in result[key]:
            print(f"  {sign} {reading_id}")
    for row in result["changed"]:
        print(f"  ~ {row['reading_id']} {', '.join(row['fields'])}")
    for row in result["moved"]:
        print(f"  > {row['reading_id']} {row['from']} → {row['to']}")
    for name, (before, after) in (result["figures"] | result["made_with"]).items():
        print(f"  {name}: {before} → {after}")


def dataset_verify(ctx: Context, version: int | None) -> None:
    from tarot_data import versions

    manifests = [versions.find(ctx.data_dir, version)] if version else versions.listed(ctx.data_dir)
    findings = {manifest["name"]: versions.verify(ctx.data_dir, manifest) for manifest in manifests}
    if ctx.as_json:
        ctx.json(findings)
    for name, found in findings.items():
        if found:
            raise Problem("damaged_version", name=name, findings="; ".join(found))
        if not ctx.as_json:
            ctx.print("summary.verified", name=name)


def dataset_checkout(ctx: Context, version: int, folder: Path) -> None:
    from tarot_data import versions

    path = versions.checkout(ctx.data_dir, versions.find(ctx.data_dir, version), folder)
    ctx.json({"path": str(path)}) if ctx.as_json else ctx.print("summary.checked_out", version=version, path=path)


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


# What people see


def print_ingest(ctx: Context, result: dict) -> None:
    ctx.print("summary.ingest", **{k: result[k] for k in ("files", "accepted", "updated", "unchanged", "rejected")})
    if result["reasons"]:
        ctx.print("summary.reasons")
        for reason, count in sorted(result["reasons"].items(), key=lambda item: -item[1]):
            ctx.print("summary.reason_line", count=count, reason=ctx.say(f"reason.{reason}"))
        ctx.print("summary.rejected_next")
    if result["redacted"]:
        ctx.print("summary.redacted", count=result["redacted"])


def print_published(ctx: Context, manifest: dict, new: bool) -> None:
    if new:
        ctx.print("summary.version_new", version=manifest["version"], hash=manifest["hash"][:8], **manifest["counts"])
    else:
        ctx.print("summary.version_same", version=manifest["version"])


def print_gate(ctx: Context, opened: dict) -> None:
    ctx.print("summary.gate_open" if opened["ready"] else "summary.gate_shut", **opened)


def print_run(ctx: Context, result: dict, scores: dict) -> None:
    ctx.print("summary.already_trained" if result["already"] else "summary.trained", adapter=result["adapter"])
    ctx.print("summary.loss", base=scores["base"]["loss"], tuned=scores["tuned"]["loss"])
    for dimension in scores["tuned"]["scores"]:
        ctx.print(
            "summary.score_line",
            dimension=ctx.say(f"dimension.{dimension}"),
            base=scores["base"]["scores"][dimension],
            tuned=scores["tuned"]["scores"][dimension],
        )
    if scores["stand_in"]:
        ctx.print("summary.standin")


def print_plan(ctx: Context, result: dict) -> None:
    need = result["memory_gib"]
    ctx.print("plan.base", base=result["base"], device=result["device"]["name"] or result["device"]["kind"])
    ctx.print("plan.examples", **{name: result["examples"][name] for name in ("train", "validation", "test")})
    ctx.print("plan.tokens", mean=result["tokens"]["mean"], longest=result["tokens"]["longest"])
    ctx.print("plan.steps", steps=result["steps"], epochs=result["epochs"], warmup=result["warmup_steps"])
    ctx.print("plan.parameters", trainable=result["trainable_parameters"], total=result["parameters"])
    ctx.print("plan.memory", **need)
    ctx.print("plan.hours", low=round(result["hours_range"][0] * 60, 1), high=round(result["hours_range"][1] * 60, 1))
    if result["cost"] is not None:
        ctx.print("plan.cost", cost=result["cost"])
    ctx.print(
        "plan.as_written",
        trainable=result["as_written"]["trainable_parameters"],
        memory=result["as_written"]["memory_gib"],
        epochs=result["as_written"]["epochs"],
    )
    for change in result["changes"]:
        why = ctx.say(f"change.{change['code']}", **change["values"])
        ctx.print("plan.change", setting=change["setting"], recipe=change["recipe"], used=change["used"], why=why)
    ctx.print("plan.go" if result["go"] else "plan.no_go")
    for obstacle in result["obstacles"]:
        print("  " + ctx.say(f"problem.{obstacle['code']}", **obstacle["values"]))


def print_reading(ctx: Context, row: dict, spreads: list) -> None:
    from tarot_data.examples import card_text

    head = [row["reading_id"], str(row["date"] or ""), row["person"] or "", row["question"] or ""]
    mark = [ctx.say("summary.synthetic_reading")] if row["synthetic"] else []
    print(" · ".join([part for part in head if part] + mark))
    cards = "、".join(card_text(card) for card in row["cards"])
    print("  " + " ".join([spread for spread in spreads if spread] + [cards]))


def print_sentences(ctx: Context, record: dict) -> None:
    print(f"# {record['id']}")
    for sentence in record["sentences"]:
        labels = "+".join(ctx.say(f"label.{label}") for label in sentence["labels"])
        cards = f" [{'、'.join(sentence['cards'])}]" if sentence["cards"] else ""
        print(f"{labels}{cards}\t{sentence['text'].strip()}")


def print_version(ctx: Context, manifest: dict) -> None:
    ctx.print(
        "summary.version",
        version=manifest["version"],
        name=manifest["name"],
        hash=manifest["hash"],
        **manifest["counts"],
    )


def print_library(ctx: Context, library: dict) -> None:
    for kind in ("opening", "card_interpretation", "card_link", "advice", "closing"):
        print(f"## {ctx.say(f'label.{kind}')}")
        print(json.dumps(library[kind], ensure_ascii=False, indent=1))


def assignment(part: str) -> tuple[str, str]:
    """`lora.r=16` to its key and value. Raises Problem `not_an_assignment`."""
    key, sign, value = part.partition("=")
    if not sign or not key:
        raise Problem("not_an_assignment", part=part)
    return key.strip(), value.strip()


@contextmanager
def lines_of(file: Path):
    if str(file) == "-":
        yield sys.stdin
    else:
        with file.open(encoding="utf-8-sig") as lines:
            yield lines
