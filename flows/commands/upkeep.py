"""What this machine has, and made-up readings to try it with."""

import sys
from pathlib import Path

from flows.cli import Context


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
    from flows.progress import bar
    from tarot_data.synthetic import write_sample

    result = write_sample(n, out, seed=seed, broken=broken, progress=bar)
    bar.close()
    ctx.json(result) if ctx.as_json else ctx.print("summary.sample", n=n, out=out)
