"""Commands that process raw files: into the store, or through the whole pipeline."""

from pathlib import Path

from flows.commands.declare import (
    Context,
    argument,
    base_options,
    command,
    existing,
    gate_options,
    lexicon_option,
    option,
    runner_options,
    strict_option,
)
from flows.commands.output import print_gate, print_ingest, print_published, print_run, standard_input
from flows.runtime.dask_runner import on_cluster
from schemas.errors import Problem

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("run")
@argument("paths", nargs=-1, type=existing())
@gate_options
@base_options
@option("--no-train", is_flag=True)
@runner_options
@strict_option
@lexicon_option
def run(
    ctx: Context,
    paths: tuple[Path, ...],
    min_readings: int,
    min_new: int,
    base: str | None,
    recipe: str | None,
    no_train: bool,
    cluster: str | None,
) -> None:
    from flows.service import prefect_session

    if not paths:
        inbox = ctx.data_dir / "inbox"
        if not inbox.is_dir():
            raise Problem("no_inbox", path=inbox)
        paths = (inbox,)
    name_not_opened(ctx, paths)
    require_files(paths)
    with prefect_session.prefect_at(ctx.data_dir, load):
        # Prefect takes a second to import and must be imported inside the block that sets its settings.
        from flows.ingest import Inbox
        from flows.run import run as run_flow

        options = {"base": base, "recipe": recipe, "no_train": no_train, "lang": ctx.lang, "cluster": cluster}
        result = run_flow(ctx.data_dir, Inbox(list(paths)), min_readings, min_new, **options)
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


@command("ingest")
@argument("paths", nargs=-1, required=True, type=existing(allow_dash=True))
@runner_options
@strict_option
@lexicon_option
def ingest(ctx: Context, paths: tuple[Path, ...], cluster: str | None) -> None:
    files = tuple(path for path in paths if str(path) != "-")
    name_not_opened(ctx, files)
    given = [*files, *piped(ctx, paths)]
    result = _known(ctx, given) or _ingested(ctx, given, cluster)
    if ctx.as_json:
        return ctx.json(result)
    print_ingest(ctx, result)
    ctx.print("summary.total", readings=result["readings"])


def _known(ctx: Context, given: list) -> dict | None:
    """Return the result if nothing is new; hashing every file is faster than starting Prefect.

    If the times of the files say that one is new, return None: the server then starts while the files are hashed.
    """
    from tarot_data.sources import inbox
    from tarot_data.store.folders import folders

    known = [folder for folder in folders(ctx.data_dir, "files") if folder.exists()]
    if not known or inbox.changed_after(given, known[0].stat().st_mtime):
        return None
    from tarot_data.ingest.stages import nothing_new

    return nothing_new(ctx.data_dir, given)


def piped(ctx: Context, paths: tuple[Path, ...]) -> list:
    """Read standard input if a path is `-`. Raises Problem `nothing_piped` if it is empty."""
    from tarot_data.sources.inbox import Piped

    return [Piped(standard_input(ctx))] if Path("-") in paths else []


def require_files(paths: tuple[Path, ...]) -> None:
    """Raise Problem `empty_inbox` if there is no file in any path."""
    from tarot_data.sources import inbox

    if not inbox.names(list(paths)):
        raise Problem("empty_inbox", path=", ".join(map(str, paths)))


def name_not_opened(ctx: Context, paths: tuple[Path, ...]) -> None:
    """Name files that are passed over, before any waiting. Raises Problem `not_a_file` if a given path is a pipe or device."""
    from tarot_data.sources import inbox

    if left := inbox.not_opened(list(paths)):
        ctx.note("summary.not_opened", names=", ".join(left[:10]) + (" …" if len(left) > 10 else ""))


def load() -> None:
    """Import and load what an ingest needs."""
    import flows.ingest  # noqa: F401
    from tarot_data.ingest.warm_up import warm_up

    warm_up()


def _ingested(ctx: Context, paths: list, cluster: str | None) -> dict:
    from flows.service import prefect_session

    with prefect_session.prefect_at(ctx.data_dir, load):
        # Imported here for the same reasons as in `run`.
        from flows.ingest import Inbox
        from flows.ingest import ingest as ingest_flow
        from tarot_data.ingest.stages import nothing_new

        # A file that is new by its times may be known by its bytes.
        return nothing_new(ctx.data_dir, paths) or on_cluster(ingest_flow, cluster)(
            ctx.data_dir, Inbox(paths), spread=cluster is not None
        )
