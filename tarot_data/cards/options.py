"""Options of a choice in a card list (`选A：愚人、力量逆`, `B组` above its cards): the lines of each option."""

import re
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of_kind
from tarot_data.text.normalise import fold

LONGEST_REMARK = 20
"""Characters of what an option means, in brackets: `A（去南京）`."""


LONGEST_NAME = 8
"""Characters of the name of an option behind its letter."""
_ITEM = re.compile(r"\s*(?:[0-9]{1,2}[.、)]|[-•*])\s*\S")


class Block(NamedTuple):
    """Lines of one option, None for those of no option. alone: the option is a line of its own above them."""

    option: str | None
    text: str
    alone: bool = False


@lexicon.cached
def _option() -> re.Pattern:
    """Compile the beginning of a line that names an option. Groups: the option with its remark, the rest of the line.

    A number needs a word (选项1): alone it counts a list.
    """
    before, after = any_of_kind("before option"), any_of_kind("after option")
    letter, number = "[a-d甲乙丙丁]", "[0-9一二三四]"
    name = rf"(?:(?:{before})\s?(?:{letter}|{number})(?:{after})?|{letter}\s?(?:{after})?|{number}(?:{after}))"
    remark = rf"(?:\s?[(\[【][^()\[\]【】\n]{{1,{LONGEST_REMARK}}}[)\]】])?"
    return re.compile(rf"[^\w(\[]{{0,4}}({name}{remark})(?![0-9a-z])\s?(?:[:=、.\-]|\s|$)\s?(.*)")


def option_in(line: str) -> tuple[str, str] | None:
    """Return the option that begins a line, as written, and the rest of the line; None if none does."""
    folded = fold(line)
    match = _option().match(folded) if len(folded) == len(line) else None
    return (line[match.start(1) : match.end(1)].strip(), line[match.start(2) :].strip()) if match else None


def blocks_of(text: str) -> list[Block]:
    """Divide a card list at the lines that name options; return [] unless at least two options are named.

    Cards behind an option on its line are its own; below an option that is alone on its line, all down to the next one.
    """
    if "\n" not in text:
        return []
    blocks: list[Block] = []
    lines = text.split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        found = option_in(line.strip())
        if found and 0 < len(found[1]) <= LONGEST_NAME and _ITEM.match(following):
            found = (line.strip(" \t:："), "")  # `A 英国` over numbered cards
        below = bool(blocks) and blocks[-1].alone
        if found:
            blocks.append(Block(found[0], found[1], alone=not found[1]))
        elif line.strip() and (below or blocks and blocks[-1].option is None):
            blocks[-1] = blocks[-1]._replace(text=f"{blocks[-1].text}\n{line}".strip("\n"))
        elif line.strip():
            blocks.append(Block(None, line))
    names = [block.option for block in blocks if block.option]
    return blocks if len(names) == len({*names}) > 1 else []
