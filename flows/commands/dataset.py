"""Commands for dataset versions: publish, list, compare, verify and copy them."""

import json
from pathlib import Path

from flows.commands.declare import Context, Target, argument, base_options, command, option
from flows.commands.output import print_published
from schemas.errors import Problem

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("dataset publish")
@base_options
@option("--reasoning", is_flag=True)
@option("--pseudonyms", is_flag=True)
def dataset_publish(ctx: Context, base: str | None, recipe: str | None, reasoning: bool, pseudonyms: bool) -> None:
    from flows.runtime.store_lock import writing
    from flows.training.token_budget import budget_of
    from tarot_data.dataset import versions

    budget = budget_of(base, recipe, reasoning)
    with writing(ctx.data_dir):
        manifest, new = versions.publish(ctx.data_dir, budget, hide_names=pseudonyms)
    if ctx.as_json:
        return ctx.json(manifest | {"new": new})
    print_published(ctx, manifest, new)


@command("dataset list")
def dataset_list(ctx: Context) -> None:
    from tarot_data.dataset import versions

    manifests = versions.listed(ctx.data_dir)
    if not manifests and not ctx.as_json:
        ctx.print("summary.status_none")
    for manifest in manifests:
        ctx.json(manifest) if ctx.as_json else print_version(ctx, manifest)


@command("dataset show")
@argument("version", required=False)
def dataset_show(ctx: Context, version: str | None) -> None:
    from tarot_data.dataset import versions

    manifest = versions.find(ctx.data_dir, version)
    ctx.json(manifest) if ctx.as_json else print_version(ctx, manifest)


@command("dataset preferences")
@argument("file", type=Target(dir_okay=False))
def dataset_preferences(ctx: Context, file: Path) -> None:
    from flows.training.preferences import preferences
    from tarot_data.system.atomic import write_text
    from tarot_train.preference_training import FEWEST

    pairs = preferences(ctx.data_dir)
    write_text(file, "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs))
    votes = sum(pair["source"] == "vote" for pair in pairs)
    result = {
        "path": str(file),
        "pairs": len(pairs),
        "votes": votes,
        "corrections": len(pairs) - votes,
        "needed": FEWEST,
    }
    ctx.json(result) if ctx.as_json else ctx.print("summary.preferences", **result)


@command("dataset diff")
@argument("old")
@argument("new")
def dataset_diff(ctx: Context, old: str, new: str) -> None:
    from tarot_data.dataset import versions
    from tarot_data.dataset.diff import diff
    from tarot_data.report.wording import Words, figure_name, figure_value

    manifests = [versions.find(ctx.data_dir, number) for number in (old, new)]
    result = diff(*(versions.read(ctx.data_dir, manifest) for manifest in manifests), *manifests)
    if ctx.as_json:
        return ctx.json(result)
    numbers = {name: manifest["version"] for name, manifest in zip(("old", "new"), manifests, strict=True)}
    ctx.print("summary.diff", **numbers, **{key: len(result[key]) for key in ("added", "removed", "changed", "moved")})
    for sign, key in (("+", "added"), ("-", "removed")):
        for reading_id in result[key]:
            print(f"  {sign} {reading_id}")
    words = Words(ctx.lang)
    for row in result["changed"]:
        print(f"  ~ {row['reading_id']} {words.listed(map(words.field, row['fields']))}")
    for row in result["moved"]:
        print(f"  > {row['reading_id']} {words.known('split', row['from'])} → {words.known('split', row['to'])}")
    for name, values in result["figures"].items():
        before, after = (figure_value(name, value) for value in values)
        ctx.print("summary.diff_line", name=figure_name(words, name), before=before, after=after)
    for name, (before, after) in result["made_with"].items():
        ctx.print("summary.diff_line", name=ctx.say(f"made_with.{name}"), before=before, after=after)


@command("dataset verify")
@argument("version", required=False)
def dataset_verify(ctx: Context, version: str | None) -> None:
    from tarot_data.dataset import versions

    manifests = [versions.find(ctx.data_dir, version)] if version else versions.listed(ctx.data_dir)
    findings = {manifest["name"]: versions.verify(ctx.data_dir, manifest) for manifest in manifests}
    if ctx.as_json:
        ctx.json(findings)
    for name, found in findings.items():
        if found:
            raise Problem("damaged_version", name=name, findings="; ".join(found))
        if not ctx.as_json:
            ctx.print("summary.verified", name=name)


@command("dataset checkout")
@argument("version")
@argument("folder", type=Target(file_okay=False))
def dataset_checkout(ctx: Context, version: str, folder: Path) -> None:
    from tarot_data.dataset import versions

    manifest = versions.find(ctx.data_dir, version)
    path = versions.checkout(ctx.data_dir, manifest, folder)
    versions.note_copy(ctx.data_dir, manifest, path)
    if ctx.as_json:
        return ctx.json({"path": str(path)})
    ctx.print("summary.checked_out", version=manifest["version"], path=path)


def print_version(ctx: Context, manifest: dict) -> None:
    ctx.print(
        "summary.version",
        version=manifest["version"],
        name=manifest["name"],
        hash=manifest["hash"],
        **manifest["counts"],
    )
