"""The `tarot` command: its frame. What each command does stands in `flows.commands`, imported when called.

Help must answer at once, so nothing heavier than click and the message catalogue is imported here.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

import click

from flows.runtime import bucket, disk_errors, environment, terminal
from flows.training.gate import MIN_NEW, MIN_READINGS
from schemas.errors import Problem
from schemas.messages import catalogue, say


class Group(click.Group):
    """Lists its commands in the order a person meets them, not by the alphabet."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)


class DataDir(click.Path):
    """A folder, or the URL of a bucket as it stands."""

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> Path | str:
        return str(value) if bucket.is_bucket(value) else super().convert(value, param, context)


class Context:
    """What every command is given: where the data lies, for whom it prints, in which language."""

    def __init__(self, data_dir: Path, as_json: bool, lang: str) -> None:
        self.data_dir, self.as_json, self.lang = data_dir, as_json, lang

    def say(self, key: str, **values: object) -> str:
        return say(key, self.lang, **values)

    def print(self, key: str, **values: object) -> None:
        click.echo(self.say(key, **values))

    def note(self, key: str, **values: object) -> None:
        """A line on standard error: for people, beside what the command returns."""
        click.echo(terminal.shown(self.say(key, **values)), err=True)

    def is_terminal(self) -> bool:
        return sys.stdout.isatty()

    def json(self, value: object) -> None:
        click.echo(json.dumps(value, ensure_ascii=False, default=str))


def option(command: str, name: str, *, lang: str, param: str | None = None, **settings: object) -> Callable:
    """A click option whose help is `option.<command>_<name>` of the catalogue, else `option.<name>`. param: its
    argument, where the name is taken."""
    words = name.split("/")[0].strip("-").replace("-", "_")
    own = f"option.{command}_{words}"
    text = say(own if own in catalogue() else f"option.{words}", lang)
    return click.option(name, *([param] if param else []), help=text, **settings)


REASONS = [key.removeprefix("reason.") for key in catalogue() if key.startswith("reason.")]
"""The reasons of `schemas.deck`, from the catalogue: to import polars would cost help its speed."""


LEXICON = ("opt", "--lexicon", {"type": click.Path(path_type=Path, exists=True, file_okay=False)})
"""The commands that label read the reader's own tables from here instead of from the data directory."""

SPREAD = [
    ("opt", "--runner", {"type": click.Choice(["here", "dask"]), "default": "here"}),
    ("opt", "--address", {"default": None}),
]
"""Where cleaning and labelling are done: in this process, or in those of a Dask cluster."""

PORT = 4200
"""Of the server of `tarot serve`: Prefect's own."""

# Module of flows.commands -> command -> its arguments and options; the function of that name runs it.
COMMANDS: dict[str, dict[str, list]] = {
    "readings": {
        "run": [
            ("arg", "paths", {"nargs": -1, "type": click.Path(path_type=Path, exists=True)}),
            ("opt", "--min-readings", {"type": click.IntRange(1), "default": MIN_READINGS, "show_default": True}),
            ("opt", "--min-new", {"type": click.IntRange(0), "default": MIN_NEW, "show_default": True}),
            ("opt", "--base", {"default": None}),
            ("opt", "--recipe", {"default": None}),
            ("opt", "--no-train", {"is_flag": True}),
            *SPREAD,
            LEXICON,
        ],
        "ingest": [
            ("arg", "paths", {"nargs": -1, "required": True, "type": click.Path(path_type=Path, exists=True)}),
            *SPREAD,
            LEXICON,
        ],
        "readings": [
            ("opt", "--id", {"default": None}),
            ("opt", "--person", {"default": None}),
            ("opt", "--source", {"is_flag": True}),
            ("opt", "--inbox", {"type": click.Path(path_type=Path, exists=True, file_okay=False), "default": None}),
        ],
        "rejected": [
            ("opt", "--reason", {"type": click.Choice(REASONS), "default": None}),
            ("opt", "--export", {"type": click.Path(path_type=Path, dir_okay=False), "default": None}),
        ],
        "fix": [
            ("arg", "ids", {"nargs": -1}),
            ("opt", "--cards", {"multiple": True}),
            ("opt", "--spread", {"multiple": True}),
            ("opt", "--person", {"default": None}),
            ("opt", "--question", {"default": None}),
            ("opt", "--date", {"default": None}),
            ("opt", "--outcome", {"default": None}),
            ("opt", "--consent", {"type": click.Choice(["yes", "no", "unknown"]), "default": None}),
            ("opt", "--content", {"type": click.Path(path_type=Path, exists=True, dir_okay=False), "default": None}),
            ("opt", "--accept", {"is_flag": True}),
            ("opt", "--dismiss", {"is_flag": True}),
            ("opt", "--from", {"param": "sheet", "type": click.Path(path_type=Path, exists=True, dir_okay=False)}),
        ],
        "replay": [("opt", "--reason", {"type": click.Choice(REASONS), "default": None}), LEXICON],
        "forget": [
            ("opt", "--person", {"required": True}),
            ("opt", "--mentions", {"type": click.Choice(["mask", "keep"]), "default": None}),
            ("opt", "--dry-run", {"is_flag": True}),
            ("opt", "--allow-again", {"is_flag": True}),
        ],
    },
    "patterns": {
        "annotate": [
            ("arg", "file", {"type": click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)}),
            LEXICON,
        ],
        "patterns": [
            ("opt", "--version", {"type": int, "default": None}),
            ("opt", "--card", {"default": None}),
            LEXICON,
        ],
        "lexicon check": [LEXICON],
        "lexicon try": [("arg", "text", {}), LEXICON],
        "lexicon add": [
            ("arg", "table", {}),
            ("arg", "cells", {"nargs": -1, "required": True, "metavar": "COLUMN=VALUE"}),
            LEXICON,
        ],
        "lexicon train": [("opt", "--corrections", {"is_flag": True}), LEXICON],
        "relabel": [LEXICON],
    },
    "dataset": {
        "report": [("opt", "--pseudonyms", {"is_flag": True})],
        "status": [
            ("opt", "--min-readings", {"type": click.IntRange(1), "default": MIN_READINGS, "show_default": True}),
            ("opt", "--min-new", {"type": click.IntRange(0), "default": MIN_NEW, "show_default": True}),
        ],
        "dataset publish": [
            ("opt", "--base", {"default": None}),
            ("opt", "--recipe", {"default": None}),
            ("opt", "--reasoning", {"is_flag": True}),
            ("opt", "--pseudonyms", {"is_flag": True}),
        ],
        "dataset list": [],
        "dataset show": [("arg", "version", {"type": int, "required": False})],
        "dataset diff": [("arg", "old", {"type": int}), ("arg", "new", {"type": int})],
        "dataset verify": [("arg", "version", {"type": int, "required": False})],
        "dataset checkout": [
            ("arg", "version", {"type": int}),
            ("arg", "folder", {"type": click.Path(path_type=Path, file_okay=False)}),
        ],
        "dataset export": [
            ("arg", "version", {"type": int}),
            ("arg", "folder", {"type": click.Path(path_type=Path, file_okay=False)}),
            ("opt", "--license", {"default": "other", "show_default": True}),
            ("opt", "--reasoning", {"is_flag": True}),
            ("opt", "--push", {"default": None, "metavar": "REPO"}),
            ("opt", "--public", {"is_flag": True}),
            ("opt", "--i-know", {"is_flag": True}),
        ],
    },
    "training": {
        "plan": [
            ("opt", "--base", {"default": None}),
            ("opt", "--recipe", {"default": None}),
            ("opt", "--examples", {"type": click.IntRange(1), "default": None}),
            ("opt", "--tokens", {"type": click.IntRange(1), "default": None}),
            ("opt", "--gpu", {"default": None}),
            ("opt", "--price", {"type": click.FloatRange(0), "default": None}),
            ("opt", "--set", {"multiple": True, "metavar": "KEY=VALUE"}),
        ],
        "train": [
            ("opt", "--version", {"type": int, "default": None}),
            ("opt", "--base", {"default": None}),
            ("opt", "--recipe", {"default": None}),
            ("opt", "--set", {"multiple": True, "metavar": "KEY=VALUE"}),
            ("opt", "--min-readings", {"type": click.IntRange(1), "default": MIN_READINGS, "show_default": True}),
            ("opt", "--smoke", {"is_flag": True}),
        ],
    },
    "scoring": {
        "evaluate": [
            ("arg", "run", {"required": False}),
            ("opt", "--judge", {"default": None, "metavar": "URL"}),
            ("opt", "--judge-model", {"default": None}),
        ],
        "compare": [("arg", "runs", {"nargs": -1, "metavar": "RUN|BASE..."})],
        "score": [
            ("arg", "file", {"type": click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)}),
            ("opt", "--explain", {"is_flag": True}),
        ],
    },
    "models": {
        "read": [
            ("opt", "--cards", {"default": None}),
            ("opt", "--draw", {"default": None, "metavar": "SPREAD"}),
            ("opt", "--person", {"default": None}),
            ("opt", "--question", {"default": None}),
            ("opt", "--spread", {"default": None}),
            ("opt", "--run", {"default": None}),
            ("opt", "--seed", {"type": int, "default": None}),
            ("opt", "--chat", {"is_flag": True}),
            ("opt", "--think/--no-think", {"default": None}),
        ],
        "export": [
            ("arg", "run", {"required": False}),
            ("opt", "--merged", {"is_flag": True}),
            ("opt", "--gguf", {"is_flag": True}),
            ("opt", "--ollama", {"is_flag": True}),
            ("opt", "--adapter", {"is_flag": True}),
            ("opt", "--kind", {"type": click.Choice(["F16", "F32", "Q8_0"]), "default": "F16", "show_default": True}),
            ("opt", "--out", {"type": click.Path(path_type=Path), "default": None}),
        ],
    },
    "service": {
        "sample": [
            ("opt", "--n", {"type": click.IntRange(1), "default": 220, "show_default": True}),
            ("opt", "--out", {"type": click.Path(path_type=Path, file_okay=False), "required": True}),
            ("opt", "--seed", {"type": int, "default": 0, "show_default": True}),
            ("opt", "--broken", {"type": click.FloatRange(0, 1), "default": 0.0, "show_default": True}),
        ],
        "review": [
            ("opt", "--port", {"type": click.IntRange(0, 65535), "default": 0}),
            ("opt", "--no-browser", {"is_flag": True}),
        ],
        "doctor": [],
        "serve": [
            ("arg", "inbox", {"nargs": -1, "type": click.Path(path_type=Path)}),
            ("opt", "--every", {"default": None, "metavar": "15m"}),
            ("opt", "--cron", {"default": None, "metavar": "'0 3 * * *'"}),
            ("opt", "--timezone", {"default": None, "metavar": "Asia/Shanghai"}),
            ("opt", "--min-readings", {"type": click.IntRange(1), "default": MIN_READINGS, "show_default": True}),
            ("opt", "--min-new", {"type": click.IntRange(0), "default": MIN_NEW, "show_default": True}),
            ("opt", "--base", {"default": None}),
            ("opt", "--recipe", {"default": None}),
            ("opt", "--set", {"multiple": True, "metavar": "KEY=VALUE"}),
            ("opt", "--no-train", {"is_flag": True}),
            ("opt", "--port", {"type": click.IntRange(1, 65535), "default": PORT, "show_default": True}),
            ("opt", "--database", {"default": None, "metavar": "URL"}),
            ("opt", "--notify", {"default": None, "metavar": "URL"}),
            *SPREAD,
            ("opt", "--install", {"is_flag": True}),
            ("opt", "--yes", {"is_flag": True}),
        ],
        "worker": [
            ("opt", "--server", {"default": f"http://127.0.0.1:{PORT}", "show_default": True, "metavar": "URL"}),
            ("opt", "--notify", {"default": None, "metavar": "URL"}),
        ],
    },
}


@cache
def build(lang: str) -> Group:
    """The whole command in one language."""
    root = Group(
        "tarot",
        help=say("help.tarot", lang),
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=say("example.tarot", lang),
    )
    # Read before the command is built (environment.language); declared here so that it may also stand first.
    root.params.append(click.Option(["--lang"], type=click.Choice(["zh", "en"]), help=say("option.lang", lang)))
    root.callback = lambda lang: None
    for area, commands in COMMANDS.items():
        for words, parts in commands.items():
            group_name, _, name = words.rpartition(" ")
            group = root
            if group_name and not (group := root.commands.get(group_name)):
                group = Group(group_name, help=say(f"help.{group_name}", lang))
                root.add_command(group)
            group.add_command(_command(area, name, words.replace(" ", "_"), parts, lang))
    return root


def _command(area: str, name: str, key: str, parts: list, lang: str) -> click.Command:
    def callback(data_dir: Path | str, as_json: bool, lang: str, **arguments: object) -> None:
        from flows.runtime import progress

        progress.bar.lang = lang
        own = arguments.pop("lexicon", None)
        with bucket.opened(
            data_dir, key, lambda key, **values: click.echo(say(key, lang, **values), err=True)
        ) as place:
            environment.prepare(place, own)
            module = import_module(f"flows.commands.{area}")
            with disk_errors.explained(place), terminal.showing():
                getattr(module, key)(Context(place, as_json, lang), **arguments)

    callback = click.option("--lang", type=click.Choice(["zh", "en"]), default=lang, help=say("option.lang", lang))(
        callback
    )
    callback = click.option("--json", "as_json", is_flag=True, help=say("option.json", lang))(callback)
    callback = click.option(
        "--data-dir",
        type=DataDir(path_type=Path, file_okay=False),
        default=environment.named_data_dir,
        help=say("option.data_dir", lang),
    )(callback)
    for kind, part, settings in reversed(parts):
        if kind == "arg":
            callback = click.argument(part, **settings)(callback)
        else:
            callback = option(key, part, lang=lang, **settings)(callback)
    text = say(f"help.{key}", lang)
    example = f"\b\n{say('help.example', lang)}\n  {say(f'example.{key}', lang)}"
    return click.command(
        name, help=text, short_help=re.split(r"(?<=[。.])\s*(?=\S)", text)[0].rstrip("。."), epilog=example
    )(callback)


def translate_click(lang: str) -> None:
    """Click's own words (Usage, Options, error sentences) in the user's language, from the table `click`."""
    words = {both["en"]: both["zh"] for key, both in catalogue().items() if key.startswith("click.")}
    if lang == "en":
        return
    for module in (click.core, click.exceptions, click.formatting, click.decorators, click.types, click.parser):
        if hasattr(module, "_"):
            module._ = lambda text: words.get(text, text)


def main(arguments: list[str] | None = None) -> None:
    """Exit 0 on success, 1 where the work failed, 2 for a wrong call, 130 after Ctrl-C."""
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
        click.echo(terminal.shown(say(problem.key, lang, **problem.values)), err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo(say("summary.interrupted", lang), err=True)
        sys.exit(130)
    except BrokenPipeError:
        # What reads has gone (`tarot read | head`): nothing more is written, not even by Python as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
