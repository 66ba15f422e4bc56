"""What this machine has, made-up readings to try it with, and what runs by itself."""

import sys
from pathlib import Path

from flows.cli import Context
from flows.commands.output import cluster_of
from flows.runtime import environment
from schemas.errors import Problem


def doctor(ctx: Context) -> None:
    from flows.doctor import examine

    findings = examine(ctx.data_dir)
    if ctx.as_json:
        return ctx.json({"findings": findings, "ok": all(finding["ok"] for finding in findings)})
    for finding in findings:
        advice = f"  {ctx.say('doctor.' + finding['advice'])}" if finding["advice"] else ""
        print(f"{'✓' if finding['ok'] else '✗'} {finding['name']}: {finding['value']}{advice}")


def review(ctx: Context, port: int, no_browser: bool) -> None:
    """Serve the workbench until Ctrl-C. With --json the link is one line of JSON, printed when the port is open."""
    from flows.review import serve

    def opened(url: str) -> None:
        ctx.json({"url": url}) if ctx.as_json else ctx.print("summary.review_at", url=url)
        sys.stdout.flush()

    serve(ctx.data_dir, port, ctx.lang, opened, browser=not no_browser)


def sample(ctx: Context, n: int, out: Path, seed: int, broken: float) -> None:
    from flows.runtime.progress import bar
    from tarot_data.synthetic.generate import write_sample

    result = write_sample(n, out, seed=seed, broken=broken, progress=bar)
    bar.close()
    ctx.json(result) if ctx.as_json else ctx.print("summary.sample", n=n, out=out)


def serve(
    ctx: Context,
    inbox: tuple[Path, ...],
    every: str | None,
    cron: str | None,
    timezone: str | None,
    set: tuple[str, ...],
    no_train: bool,
    port: int,
    database: str | None,
    notify: str | None,
    runner: str,
    address: str | None,
    install: bool,
    yes: bool,
    **gate_and_base: object,
) -> None:
    from flows.commands.training import assignment
    from flows.service.runner import Served
    from flows.service.schedules import schedule_of
    from flows.service.supervisor import serve as serve_until_stopped

    served = Served(
        schedule=schedule_of(every, cron, timezone),
        overrides=dict(assignment(part) for part in set),
        train_here=not no_train,
        lang=ctx.lang,
        **gate_and_base,
    )
    places = [path.resolve() for path in inbox] or [(ctx.data_dir / "inbox").resolve()]
    database = database or environment.database_url()
    notify = webhook(notify)
    cluster = cluster_of(runner, address)
    if install:
        return print_units(ctx, {"TAROT_DATABASE": database, "TAROT_NOTIFY": notify}, yes)

    def running(link: str) -> None:
        if ctx.as_json:
            address = link.partition("/?")[0]
            return ctx.json({"address": address, "url": link, "inbox": [str(path) for path in places]})
        ctx.print("serve.running", address=link)
        when = served.schedule
        for place in places:
            if when.cron:
                ctx.print("serve.cron", path=place, cron=when.cron, timezone=when.timezone)
            else:
                ctx.print("serve.every", path=place, seconds=when.seconds)
        ctx.print("serve.train_here" if served.train_here else "serve.train_there")

    ctx.note("serve.starting")
    state = {"database": database, "notify": notify, "cluster": cluster}
    serve_until_stopped(ctx.data_dir, served, places, port=port, **state, running=running)
    ctx.note("serve.stopped")


def worker(ctx: Context, server: str, notify: str | None) -> None:
    from flows.service.worker import work

    ctx.note("serve.worker", server=server, data_dir=ctx.data_dir)
    work(ctx.data_dir, server, webhook(notify))


def webhook(url: str | None) -> str | None:
    """The webhook of a call, else of the environment. Raises Problem `notify_url` where it is no web address."""
    url = url or environment.notify_url()
    if url and not url.startswith(("http://", "https://")):
        raise Problem("notify_url", url=url)
    return url


def print_units(ctx: Context, secrets: dict[str, str | None], yes: bool) -> None:
    """The unit and the plist for this very call; written only with --yes, and only the one this system reads."""
    from flows.service import system_units

    command = system_units.command_of(sys.argv)
    variables = {name: value for name, value in secrets.items() if value}
    made = {
        "systemd": system_units.systemd_unit(command, variables),
        "launchd": system_units.launchd_plist(command, variables),
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
