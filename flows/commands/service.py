"""Commands for background processes: the server with its schedule, and a worker on another machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.declare import (
    Context,
    argument,
    base_options,
    command,
    gate_options,
    option,
    runner_options,
    set_option,
)
from flows.runtime import environment
from flows.service.schedules import every_of
from flows.service.settings import PORT
from schemas.errors import Problem

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


if TYPE_CHECKING:
    from flows.service.settings import ServeSettings


def schedule_options(function: Callable) -> Callable:
    """Add the schedule of the inbox. The function gets `schedule`."""
    from flows.service.schedules import schedule_of

    @option("--every", metavar="15m")
    @option("--cron", metavar="'0 3 * * *'")
    @option("--timezone", metavar="Asia/Shanghai")
    @wraps(function)
    def with_schedule(ctx: Context, every: str | None, cron: str | None, timezone: str | None, **given: object) -> None:
        function(ctx, schedule=schedule_of(every, cron, timezone), **given)

    return with_schedule


def notify_option(function: Callable) -> Callable:
    """Add `--notify`, by default from the environment. Raises Problem `notify_url` if it is not a web address."""

    def webhook(context: click.Context, param: click.Parameter, url: str | None) -> str | None:
        url = url or environment.notify_url()
        if url and not url.startswith(("http://", "https://")):
            raise Problem("notify_url", url=url)
        return url

    return option("--notify", metavar="URL", callback=webhook)(function)


@command("serve", alone=False)
@argument("inbox", nargs=-1, type=click.Path(path_type=Path))
@schedule_options
@gate_options
@base_options
@set_option
@option("--no-train", is_flag=True)
@option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@option("--database", metavar="URL")
@notify_option
@runner_options
@option("--install", is_flag=True)
@option("--yes", is_flag=True)
def serve(
    ctx: Context,
    inbox: tuple[Path, ...],
    no_train: bool,
    port: int,
    database: str | None,
    notify: str | None,
    cluster: str | None,
    install: bool,
    yes: bool,
    **settings: object,
) -> None:
    from flows.service import supervisor
    from flows.service.settings import ServeSettings

    settings = ServeSettings(train_here=not no_train, lang=ctx.lang, **settings)
    folders = [path.resolve() for path in inbox] or [(ctx.data_dir / "inbox").resolve()]
    database = database or environment.database_url()
    if install:
        return print_units(ctx, {"TAROT_DATABASE": database, "TAROT_NOTIFY": notify}, yes)
    supervisor.serve(
        ctx.data_dir,
        settings,
        folders,
        port=port,
        database=database,
        notify=notify,
        cluster=cluster,
        running=lambda link: print_running(ctx, link, settings, folders),
    )
    ctx.note("serve.stopped")


def print_running(ctx: Context, link: str, settings: ServeSettings, folders: list[Path]) -> None:
    """Print the address of the server and the inbox it watches. link: for a browser, contains the secret."""
    if ctx.as_json:
        address = link.partition("/?")[0]
        return ctx.json({"address": address, "url": link, "inbox": [str(path) for path in folders]})
    ctx.print("serve.running", address=link)
    when = settings.schedule
    for path in folders:
        if when.cron:
            ctx.print("serve.cron", path=path, cron=when.cron, timezone=when.timezone)
        else:
            ctx.print("serve.every", path=path, every=every_of(when.seconds))
    ctx.print("serve.train_here" if settings.train_here else "serve.train_there")


@command("worker", alone=False)
@option("--server", default=f"http://127.0.0.1:{PORT}", show_default=True, metavar="URL")
@notify_option
def worker(ctx: Context, server: str, notify: str | None) -> None:
    from flows.service.worker import work

    ctx.note("serve.worker", server=server, data_dir=ctx.data_dir)
    work(ctx.data_dir, server, notify)


def print_units(ctx: Context, secrets: dict[str, str | None], yes: bool) -> None:
    """Print the systemd unit and the launchd plist for this call; with --yes, write the one that this system reads."""
    from flows.service import system_units

    call = system_units.command_of(sys.argv)
    variables = {name: value for name, value in secrets.items() if value}
    made = {
        "systemd": system_units.systemd_unit(call, variables),
        "launchd": system_units.launchd_plist(call, variables),
    }
    places, own = system_units.places(), system_units.own_kind()
    if yes:
        system_units.write(places[own], made[own])
    if ctx.as_json:
        return ctx.json({kind: {"path": str(places[kind]), "text": text} for kind, text in made.items()})
    for kind, text in made.items():
        ctx.print("serve.unit", path=places[kind])
        print(text)
    ctx.print(f"serve.installed_{own}" if yes else "serve.not_installed", path=places[own])
