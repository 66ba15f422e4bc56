"""Versions, the report on them and how far they are from the gate."""

from pathlib import Path

from flows.cli import Context
from flows.commands.output import print_gate, print_published
from flows.training.gate_checks import look
from schemas.errors import Problem


def report(ctx: Context, pseudonyms: bool) -> None:
    from flows.report import write_report
    from flows.training.runs import newest_run

    result = write_report(
        ctx.data_dir, look(ctx.data_dir), ctx.lang, run=newest_run(ctx.data_dir), pseudonyms=pseudonyms
    )
    ctx.json(result) if ctx.as_json else ctx.print("summary.report", path=result["path"])


def dataset_publish(ctx: Context, base: str | None, recipe: str | None, reasoning: bool, pseudonyms: bool) -> None:
    from flows.training.token_budget import budget_of
    from tarot_data.dataset import versions
    from tarot_data.store import tables

    budget = budget_of(base, recipe, reasoning)
    with tables.writing(ctx.data_dir):
        manifest, new = versions.publish(ctx.data_dir, budget, hide_names=pseudonyms)
    if ctx.as_json:
        return ctx.json(manifest | {"new": new})
    print_published(ctx, manifest, new)


def dataset_list(ctx: Context) -> None:
    from tarot_data.dataset import versions

    manifests = versions.listed(ctx.data_dir)
    if not manifests and not ctx.as_json:
        ctx.print("summary.status_none")
    for manifest in manifests:
        ctx.json(manifest) if ctx.as_json else print_version(ctx, manifest)


def dataset_show(ctx: Context, version: int | None) -> None:
    from tarot_data.dataset import versions

    manifest = versions.find(ctx.data_dir, version)
    ctx.json(manifest) if ctx.as_json else print_version(ctx, manifest)


def dataset_diff(ctx: Context, old: int, new: int) -> None:
    from tarot_data.dataset import versions
    from tarot_data.dataset.diff import diff

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


def dataset_checkout(ctx: Context, version: int, folder: Path) -> None:
    from tarot_data.dataset import versions

    manifest = versions.find(ctx.data_dir, version)
    path = versions.checkout(ctx.data_dir, manifest, folder)
    versions.note_copy(ctx.data_dir, manifest, path)
    ctx.json({"path": str(path)}) if ctx.as_json else ctx.print("summary.checked_out", version=version, path=path)


def dataset_export(
    ctx: Context,
    version: int,
    folder: Path,
    license: str,
    reasoning: bool,
    push: str | None,
    public: bool,
    i_know: bool,
) -> None:
    from datetime import UTC, datetime

    from tarot_data.dataset import export, versions

    manifest = versions.find(ctx.data_dir, version)
    if push and not i_know:
        refuse_private(ctx, export.findings(manifest, versions.read(ctx.data_dir, manifest)))
    day = datetime.now(UTC).date()
    about = {"lang": ctx.lang, "license": license, "day": day, "reasoning": reasoning}
    result = export.export(ctx.data_dir, manifest, folder, **about)
    versions.note_copy(ctx.data_dir, manifest, folder)
    if not ctx.as_json:
        ctx.print("summary.exported", version=version, path=folder)
    result["pushed"] = None
    if push:
        from flows.push_to_hub import push_folder

        result["pushed"] = push_folder(folder, push, private=not public)
        if not ctx.as_json:
            visibility = ctx.say("summary.public" if public else "summary.private")
            ctx.print("summary.pushed", url=result["pushed"], visibility=visibility)
    if ctx.as_json:
        ctx.json(result)


def refuse_private(ctx: Context, found: dict[str, int]) -> None:
    """Raises Problem `not_for_others` where a version holds real names or contact details."""
    names = found.pop("names", 0)
    parts = [ctx.say("summary.found_names", count=names)] if names else []
    parts += [ctx.say("summary.found_contacts", count=sum(found.values()))] if found else []
    if parts:
        raise Problem("not_for_others", findings="、".join(parts) if ctx.lang == "zh" else " and ".join(parts))


def print_version(ctx: Context, manifest: dict) -> None:
    ctx.print(
        "summary.version",
        version=manifest["version"],
        name=manifest["name"],
        hash=manifest["hash"],
        **manifest["counts"],
    )


def status(ctx: Context, min_readings: int, min_new: int) -> None:
    from flows.runtime import run_log
    from flows.training.runs import champion_of, run_dirs
    from tarot_data.dataset import versions
    from tarot_data.store import tables

    version = versions.newest(ctx.data_dir)
    runs = run_dirs(ctx.data_dir)
    opened = look(ctx.data_dir, min_readings, min_new)
    last_run = run_log.last(ctx.data_dir)
    last_training = runs[-1].name if runs else None
    champion = champion_of(ctx.data_dir)
    rejected_open = tables.rejections(ctx.data_dir).height
    if ctx.as_json:
        return ctx.json(
            opened
            | {
                "version": version["version"] if version else None,
                "last_run": last_run,
                "last_training": last_training,
                "champion": champion,
                "rejected_open": rejected_open,
                "readings": tables.count(ctx.data_dir),
            }
        )
    ctx.print("summary.total", readings=tables.count(ctx.data_dir))
    if version:
        ctx.print("summary.status_version", version=version["version"])
    else:
        ctx.print("summary.status_none")
    print_gate(ctx, opened)
    if last_training:
        ctx.print("summary.status_last", run=last_training)
    if last_run:
        values = {"at": last_run["at"].replace("T", " "), "flow": last_run["flow"]}
        ctx.print("summary.status_last_run", **values, state=ctx.say(f"state.{last_run['state']}"))
    if champion:
        ctx.print("summary.status_champion", run=champion)
    if rejected_open:
        ctx.print("summary.status_rejected", count=rejected_open)
