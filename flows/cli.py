"""The `tarot` command. Each command is declared in `flows.commands` and imported on demand."""

import gc
import gettext
import os
import sys
from functools import cache
from importlib import import_module, metadata
from importlib.resources import files

import click

from flows.commands.declare import Option, TranslatedUsage
from flows.runtime import environment, terminal
from schemas.click_catalogue import DOMAIN
from schemas.errors import Problem
from schemas.messages import LANGUAGES, catalogue, say

COMMANDS: dict[str, str | dict[str, str]] = {
    "run": "pipeline",
    "ingest": "pipeline",
    "readings": "readings",
    "rejected": "rejections",
    "fix": "rejections",
    "replay": "rejections",
    "remove": "forget",
    "forget": "forget",
    "annotate": "patterns",
    "patterns": "patterns",
    "lexicon": dict.fromkeys(("check", "try", "add", "train"), "patterns"),
    "relabel": "patterns",
    "report": "report",
    "status": "status",
    "dataset": dict.fromkeys(("publish", "list", "show", "diff", "verify", "checkout", "preferences"), "dataset")
    | {"export": "dataset_export"},
    "plan": "training",
    "train": "training",
    "evaluate": "scoring",
    "compare": "scoring",
    "score": "scoring",
    "read": "models",
    "export": "models",
    "sample": "machine",
    "review": "review",
    "backup": "backup",
    "doctor": "machine",
    "serve": "service",
    "worker": "service",
}
"""Command -> its module in `flows.commands`, in the order of the help text. A group has a dictionary of its own."""


GC_OBJECTS = 50_000
"""New objects between two garbage collections. With Python's 700 the imports of a command take a sixth more CPU time."""


class LazyGroup(TranslatedUsage, click.Group):
    """A group that imports the module of a command only to run the command or to show its own help.

    key: key of the group's help in the message catalogue. commands: in the format of COMMANDS.
    """

    def __init__(self, name: str, key: str, commands: dict, **settings: object) -> None:
        super().__init__(name, **settings)
        # Click looks for similar names in the keys of `commands`; it asks `get_command` for the values.
        self.key, self.commands = key, commands

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        module = self.commands.get(name)
        if module is None:
            return None
        key = self._key_of(name)
        if isinstance(module, dict):
            return LazyGroup(name, key, module)
        return getattr(import_module(f"flows.commands.{module}"), key)

    def _key_of(self, name: str) -> str:
        return name if self.key == "tarot" else f"{self.key}_{name}"

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        self.help, example = say(f"help.{self.key}", context.obj), f"example.{self.key}"
        self.epilog = say(example, context.obj) if example in catalogue() else None
        super().format_help(context, formatter)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the first sentence of their help, without importing any module."""
        rows = [(name, self._short_help(name, context.obj)) for name in self.commands]
        with formatter.section(gettext.gettext("Commands")):
            formatter.write_dl(rows)

    def _short_help(self, name: str, lang: str) -> str:
        text = say(f"help.{self._key_of(name)}", lang)
        return text if isinstance(self.commands[name], dict) else first_sentence(text)


def first_sentence(text: str) -> str:
    """Return the first sentence of a help text, without its full stop."""
    ends = [at for mark in (". ", "。") if (at := text.find(mark)) > 0]
    return text[: min(ends, default=len(text))].rstrip("。.")


@cache
def build(lang: str) -> LazyGroup:
    """Build the `tarot` command with all its help texts in one language."""
    settings = {"help_option_names": ["-h", "--help"], "obj": lang}
    root = LazyGroup("tarot", "tarot", COMMANDS, context_settings=settings)
    # `environment.language` reads it before click does; it is declared here so that it may also precede the command.
    root.params.append(Option(["--lang"], type=click.Choice(LANGUAGES), expose_value=False))
    root.params.append(Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=print_version))
    return root


def print_version(context: click.Context, param: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        click.echo(f"tarot {metadata.version('tarot-curation')}")
        context.exit()


def translate_click(lang: str) -> None:
    """Install the gettext catalogue of a language for click's own texts (Usage, Options, error sentences)."""
    os.environ["LANGUAGE"] = lang
    gettext.bindtextdomain(DOMAIN, str(files("schemas") / "locale"))
    gettext.textdomain(DOMAIN)


def use_utf8() -> None:
    """Start this process again in Python's UTF-8 mode if its locale gives file names another encoding.

    Under GB18030 or POSIX, Python decodes a Chinese file name to other characters than Polars, Delta and calamine, which
    always take UTF-8. Output keeps the encoding of the terminal and shows what that has.
    """
    if sys.getfilesystemencoding() == "utf-8":
        return
    variables = os.environ | {"PYTHONUTF8": "1"}
    variables.setdefault("PYTHONIOENCODING", f"{sys.stdout.encoding}:replace")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], variables)


def show_what_fits() -> None:
    """Print `?` for characters that the terminal's encoding does not have, such as `✓` in GBK, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if not terminal.shows_all(stream) and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def came_of_interrupt(error: BaseException | None) -> bool:
    """Check whether a Ctrl-C is behind an error: libraries that load others may report it as one of their own."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or came_of_interrupt(error.__context__))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exit 0 on success, 1 if the work failed, 2 for a wrong call, 130 after Ctrl-C."""
    use_utf8()
    show_what_fits()
    gc.set_threshold(GC_OBJECTS)
    arguments = sys.argv[1:] if arguments is None else arguments
    lang = environment.language(arguments)
    translate_click(lang)
    try:
        build(lang).main(args=arguments, prog_name="tarot", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except Problem as problem:
        sentence = environment.say_for(environment.data_dir_of(arguments), problem.key, lang, **problem.values)
        click.echo(terminal.shown(sentence), err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo(say("summary.interrupted", lang), err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader closed the pipe (`tarot read | head`): write nothing more, not even when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if not came_of_interrupt(error):
            raise
        click.echo(say("summary.interrupted", lang), err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
