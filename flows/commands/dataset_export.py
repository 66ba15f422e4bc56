"""The command that exports a dataset version for other programs, and may upload it."""

from datetime import UTC, datetime
from pathlib import Path

from flows.commands.declare import Context, Target, argument, command, option
from schemas.errors import Problem

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("dataset export")
@argument("version")
@argument("folder", type=Target(file_okay=False))
@option("--license", default="other", show_default=True)
@option("--reasoning", is_flag=True)
@option("--push", metavar="REPO")
@option("--public", is_flag=True)
@option("--i-know", is_flag=True)
def dataset_export(
    ctx: Context,
    version: str,
    folder: Path,
    license: str,
    reasoning: bool,
    push: str | None,
    public: bool,
    i_know: bool,
) -> None:
    from flows.push_to_hub import push_folder
    from tarot_data.dataset import export, versions

    manifest = versions.find(ctx.data_dir, version)
    if push and not i_know:
        refuse_private(ctx, export.findings(manifest, versions.read(ctx.data_dir, manifest)))
    day = datetime.now(UTC).date()
    about = {"lang": ctx.lang, "license": license, "day": day, "reasoning": reasoning}
    result = export.export(ctx.data_dir, manifest, folder, **about)
    versions.note_copy(ctx.data_dir, manifest, folder)
    if not ctx.as_json:
        ctx.print("summary.exported", version=manifest["version"], path=folder)
    result["pushed"] = None
    if push:
        result["pushed"] = push_folder(folder, push, private=not public)
        if not ctx.as_json:
            visibility = ctx.say("summary.public" if public else "summary.private")
            ctx.print("summary.pushed", url=result["pushed"], visibility=visibility)
    if ctx.as_json:
        ctx.json(result)


def refuse_private(ctx: Context, found: dict[str, int]) -> None:
    """Raise Problem `not_for_others` if a version contains real names or contact details."""
    names = found.pop("names", 0)
    parts = [ctx.say("summary.found_names", count=names)] if names else []
    parts += [ctx.say("summary.found_contacts", count=sum(found.values()))] if found else []
    if parts:
        raise Problem("not_for_others", findings="、".join(parts) if ctx.lang == "zh" else " and ".join(parts))
