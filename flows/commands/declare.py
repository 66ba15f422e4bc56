"""Click decorators that declare a command with its function; help texts come from the message catalogue.

    @command("dataset show")
    @argument("version", required=False)
    def dataset_show(ctx: Context, version: str | None) -> None: ...

`flows.cli` lists the command, so that help knows it without importing its module.
"""

import json
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import wraps
from pathlib import Path

import click

from flows.runtime import bucket, disk_errors, environment, terminal
from flows.runtime.dask_runner import LOCAL
from flows.runtime.progress import bar
from flows.training.gate import MIN_NEW, MIN_READINGS
from schemas.errors import Problem
from schemas.messages import LANGUAGES, catalogue, say
from tarot_data.system import scratch


class Context:
    """Data directory, output format and language of a call."""

    def __init__(self, data_dir: Path, as_json: bool, lang: str, named: str | None = None) -> None:
        """named: the data directory as the user named it, if that is not data_dir."""
        self.data_dir, self.as_json, self.lang = data_dir, as_json, lang
        self.named = named or str(data_dir)

    def say(self, key: str, **values: object) -> str:
        """Render a sentence; its hints name the data directory if they need it."""
        return environment.say_for(self.named, key, self.lang, **values)

    def word(self, table: str, code: str) -> str:
        """Return the catalogue's word for a code, or the code itself if it has none."""
        return self.say(f"{table}.{code}") if f"{table}.{code}" in catalogue() else code

    def listed(self, items: Iterable[str]) -> str:
        """Join words of a list as the language does."""
        return self.say("list.comma").join(items)

    def print(self, key: str, **values: object) -> None:
        print(self.say(key, **values), flush=True)  # click.echo would write UTF-8 to an ASCII terminal

    def note(self, key: str, **values: object) -> None:
        """Print a message for people on standard error, separate from the result of the command."""
        bar.rest()
        click.echo(terminal.shown(self.say(key, **values)), err=True)

    def check_data_dir(self) -> None:
        """Raise Problem `no_data_dir` if the data directory does not exist: most likely its name is wrong."""
        if not self.data_dir.is_dir():
            raise Problem("no_data_dir", path=self.data_dir)

    def is_terminal(self) -> bool:
        return sys.stdout.isatty()

    def json(self, value: object) -> None:
        # What the encoding of the output may lack is written as escapes.
        click.echo(json.dumps(value, ensure_ascii=not terminal.shows_all(sys.stdout), default=str))


class DataDir(click.Path):
    """A parameter type: a folder path, or the URL of a bucket unchanged."""

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> Path | str:
        return str(value) if bucket.is_bucket(value) else super().convert(value, param, context)


class Target(click.Path):
    """A parameter type: a file or folder outside the data directory that the command writes."""

    def __init__(self, **settings: bool) -> None:
        super().__init__(path_type=Path, **settings)


class Option(click.Option):
    """An option whose help is `option.<command>_<name>` of the catalogue if it exists, else `option.<name>`.

    The language is the `obj` of click's context, which `flows.cli.build` sets.
    """

    def get_help_record(self, context: click.Context) -> tuple[str, str] | None:
        name = self.opts[0].strip("-").replace("-", "_")
        own = f"option.{context.command.key}_{name}"
        self.help = say(own if own in catalogue() else f"option.{name}", context.obj)
        return super().get_help_record(context)

    def make_metavar(self, ctx: click.Context) -> str:
        return metavar(super().make_metavar(ctx), ctx.obj)

    def get_help_extra(self, ctx: click.Context) -> dict:
        extra = super().get_help_extra(ctx)
        return extra | ({"required": metavar("required", ctx.obj)} if "required" in extra else {})


def metavar(word: str, lang: str) -> str:
    """Translate what click writes for a value, such as `INTEGER`; other words are unchanged."""
    return say(f"metavar.{word}", lang) if f"metavar.{word}" in catalogue() else word


def common_options() -> list[Option]:
    """Return new options of every command; click translates the name of a path type when the option is created."""
    return [
        Option(["--data-dir"], type=DataDir(path_type=Path, file_okay=False), default=environment.named_data_dir),
        Option(["--json", "as_json"], is_flag=True),
        Option(["--lang"], type=click.Choice(LANGUAGES)),
    ]


class TranslatedUsage(click.Command):
    """A command or group whose usage line is in the language of click's context."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [metavar(piece, ctx.obj) for piece in super().collect_usage_pieces(ctx)]


class Command(TranslatedUsage):
    """A command whose function is called with a Context and its own parameters.

    key: key of its help and example in the catalogue. alone: no other process writes to a bucket until the command
    ends.
    """

    def __init__(self, *arguments: object, key: str, alone: bool, **settings: object) -> None:
        super().__init__(*arguments, **settings)
        self.key, self.alone = key, alone
        self.params += common_options()

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        lang = context.obj
        self.help = say(f"help.{self.key}", lang)
        self.epilog = f"\b\n{say('help.example', lang)}\n  {say(f'example.{self.key}', lang)}"
        super().format_help(context, formatter)

    def invoke(self, context: click.Context) -> None:
        given = dict(context.params)
        place, as_json, lang = given.pop("data_dir"), given.pop("as_json"), given.pop("lang") or context.obj
        lexicon, strict = given.pop("lexicon", None), given.pop("strict", False)
        bar.lang = lang

        def warn(key: str, **values: object) -> None:
            click.echo(say(key, lang, **values), err=True)

        # A program that reads JSON gets nothing but errors on standard error.
        silent = as_json and not sys.stderr.isatty()
        with (
            nullcontext() if silent else bar.command(say(f"doing.{self.key}", lang)),
            bucket.opened(place, warn, alone=self.alone) as data_dir,
        ):
            environment.prepare(data_dir, lexicon, strict)
            scratch.sweep(data_dir)
            targets = [given[param.name] for param in self.params if isinstance(param.type, Target)]
            with disk_errors.disk_problems(data_dir, filter(None, targets)), terminal.escape_output(bar.rest):
                context.invoke(self.callback, Context(data_dir, as_json, lang, str(place)), **given)


def command(words: str, *, alone: bool = True) -> Callable:
    """Declare a command, such as `dataset show`; its function has the same name, `dataset_show`.

    alone: False for a long-running command or one that writes only files of its own. In a bucket, others may write
    meanwhile.
    """
    return click.command(words.split()[-1], cls=Command, key=words.replace(" ", "_"), alone=alone)


def option(*names: str, **settings: object) -> Callable:
    """Declare an option as `click.option` does; its help is in the catalogue."""
    return click.option(*names, cls=Option, **settings)


argument = click.argument


def existing(**settings: bool) -> click.Path:
    """Return the type of a path that must exist. settings: those of `click.Path`."""
    return click.Path(path_type=Path, exists=True, **settings)


# Groups of options that several commands share.


def lexicon_option(function: Callable) -> Callable:
    """Add `--lexicon`, which replaces the tables of the data directory. The function gets no parameter for it."""
    return option("--lexicon", type=existing(file_okay=False))(function)


def strict_option(function: Callable) -> Callable:
    """Add `--strict`, which changes a setting of the lexicon. The function gets no parameter for it."""
    return option("--strict", is_flag=True)(function)


def runner_options(function: Callable) -> Callable:
    """Add `--runner` and `--address`, which say where to clean and label.

    The function gets `cluster`, see `flows.runtime.dask_runner.on_cluster`.
    """

    @option("--runner", type=click.Choice(["here", "dask"]), default="here")
    @option("--address")
    @wraps(function)
    def with_cluster(ctx: Context, runner: str, address: str | None, **given: object) -> None:
        if runner == "here" and address:
            raise Problem("address_without_dask", address=address)
        function(ctx, cluster=None if runner == "here" else address or LOCAL, **given)

    return with_cluster


def base_options(function: Callable) -> Callable:
    return option("--base")(option("--recipe")(function))


def min_readings_option(function: Callable) -> Callable:
    return option("--min-readings", type=click.IntRange(1), default=MIN_READINGS, show_default=True)(function)


def gate_options(function: Callable) -> Callable:
    """Add the thresholds of the training gate."""
    function = option("--min-new", type=click.IntRange(0), default=MIN_NEW, show_default=True)(function)
    return min_readings_option(function)


def set_option(function: Callable) -> Callable:
    """Add `--set`, which overrides values of the recipe. The function gets `overrides`, a dictionary."""

    def assignments(context: click.Context, param: click.Parameter, parts: tuple[str, ...]) -> dict[str, str]:
        return dict(assignment(part) for part in parts)

    return option("--set", "overrides", multiple=True, metavar="KEY=VALUE", callback=assignments)(function)


def assignment(part: str) -> tuple[str, str]:
    """Split `lora.r=16` into key and value. Raises Problem `not_an_assignment`."""
    key, sign, value = part.partition("=")
    if not sign or not key:
        raise Problem("not_an_assignment", part=part)
    return key.strip(), value.strip()


def reason_option(function: Callable) -> Callable:
    """Add `--reason`. Its values come from the catalogue, because importing `schemas.deck` loads polars (slow)."""
    reasons = [key.removeprefix("reason.") for key in catalogue() if key.startswith("reason.")]
    return option("--reason", type=click.Choice(reasons))(function)
