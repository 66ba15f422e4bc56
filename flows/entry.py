"""Entry point of the installed `tarot`: a Ctrl-C while it is still loading ends it without a traceback."""

import sys


def main() -> None:
    try:
        from flows.cli import main as run  # inside: so early, only this function can catch Ctrl-C

        run()
    except KeyboardInterrupt:
        sys.exit(130)
