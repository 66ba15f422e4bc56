"""The command that serves the workbench."""

import sys

import click

from flows.commands.declare import Context, command, option

# Tables and models are imported inside the functions, so that --help waits for nothing (flows/commands/__init__.py).


@command("review", alone=False)
@option("--port", type=click.IntRange(0, 65535), default=0)
@option("--no-browser", is_flag=True)
def review(ctx: Context, port: int, no_browser: bool) -> None:
    """Serve the workbench until Ctrl-C. With --json the link is one line of JSON, printed when the port is open."""
    from flows.review import serve

    def on_open(url: str) -> None:
        ctx.json({"url": url}) if ctx.as_json else ctx.print("summary.review_at", url=url)
        sys.stdout.flush()

    serve(ctx.data_dir, port, ctx.lang, on_open, browser=not no_browser)
