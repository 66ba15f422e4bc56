"""Write docs/commands.md and docs/zh/commands.md: the help of every command, as `--help` prints it in each language.

python -m benchmarks.commands_page
"""

import json
import subprocess
import sys
from pathlib import Path

from flows import cli

ROOT = Path(__file__).parents[1]
PAGES = {"en": ROOT / "docs/commands.md", "zh": ROOT / "docs/zh/commands.md"}

# A process prints the help of all commands as JSON, in one language: click translates some words when a command is imported.
PRINT_HELP = """
import json, sys
from click.testing import CliRunner
from flows import cli
lang, commands = sys.argv[1], json.loads(sys.argv[2])
cli.translate_click(lang)
group = cli.build(lang)
print(json.dumps([
    CliRunner().invoke(group, [*words.split(), "--help"], prog_name="tarot", terminal_width=100).output
    for words in commands
]))
"""


def commands() -> list[str]:
    """Return the words of every command, those of a group below it."""
    return [
        words
        for name, module in cli.COMMANDS.items()
        for words in [name, *(f"{name} {below}" for below in (module if isinstance(module, dict) else ()))]
    ]


def helps(lang: str) -> dict[str, str]:
    """Map words of a command -> what its `--help` prints in a language."""
    call = [sys.executable, "-c", PRINT_HELP, lang, json.dumps(commands())]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return dict(zip(commands(), json.loads(done.stdout), strict=True))


def page(lang: str) -> str:
    """Return the page. What is above its first command stays, the rest is made again."""
    head, _, _ = PAGES[lang].read_text(encoding="utf-8").partition("\n## ")
    parts = [head.strip()]
    for words, text in helps(lang).items():
        lines = "\n".join(line.rstrip() for line in text.strip().split("\n"))
        parts.append(f"## tarot {words}\n\n```text\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    for lang, path in PAGES.items():
        path.write_text(page(lang), encoding="utf-8")


if __name__ == "__main__":
    main()
