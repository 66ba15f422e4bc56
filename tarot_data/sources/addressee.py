"""The name by which a text addresses somebody, found in a heading or in the name of a file, folder or sheet."""

import re

from tarot_data.cards import card_fields
from tarot_data.cards.spreads import resolve_spread
from tarot_data.lexicon.field_names import field_of
from tarot_data.privacy.person_names import kind_of
from tarot_data.sources.field_draws import topics
from tarot_data.sources.labels import position_in
from tarot_data.sources.name_evidence import NameForm, form_of_name, is_no_name
from tarot_data.sources.noise import leading_word, noise_words
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

NEAR = 15
"""Characters at the beginning of a text in which the addressee is named: `诶KK你好`, `雨停了吗，苏晚。`"""

LONGEST_GREETING = 20

_NAME_BREAK = re.compile(r"[\s/\\_·|｜.,，、:：()（）【】\[\]\-—–#]+")
_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}|[A-Za-z]{2,12}|[A-Za-z\u4e00-\u9fff]{2,6}")
_STOPS = tuple(",.。!~、:")
"""Marks after a name that is called; folded."""


def addressee_of(body: str, question: object, title: str | None, hint: str | None) -> str | None:
    """Return the part of the title, or else of the hint, that the body addresses as a name; None if it addresses none.

    hint: folders and file name. The title counts only if a field has the question: a heading may name a topic and a
    file a month, so a name alone proves nothing.
    """
    start = fold(body.lstrip()[: 2 * NEAR]).lstrip("# *>")[:NEAR]
    asked = fold(question) if isinstance(question, str) else ""
    for place in (title if asked else None, hint):
        for part in _NAME_BREAK.split((place or "")[-200:])[::-1]:
            part = part.removeprefix(leading_word(part, "head for"))
            name = fold(part)
            if not _NAME.fullmatch(part) or name in asked or not set(name).isdisjoint(_not_in_names()):
                continue
            if _is_called(name, start) and not _is_known_word(part):
                return part
    return None


def greeted(body: str) -> str | None:
    """Return the name to whom a letter is written: `亲爱的阿瑶：` alone in its first line, or `阿瑶你好` at its beginning."""
    first = fold(body.lstrip()[:LONGEST_GREETING].split("\n")[0]).strip(" #*>")
    ends = [at for word in noise_words("calls after") if (at := first.find(word)) > 1]
    called = body.lstrip(" \n#*>")[: min(ends, default=0)].strip(" ,，、")
    if not called.isascii() and form_of_name(called) is NameForm.SURE and not _is_known_word(called):
        return called
    name = next((first[len(word) :] for word in noise_words("calls before") if first.startswith(word)), "")
    name = name.strip(" ,.。!~:")
    written = body[body.lower().find(name) :][: len(name)] if name else ""
    return written if form_of_name(written) is not NameForm.NONE and not _is_known_word(written) else None


def client_of_folder(hint: str | None) -> str | None:
    """Return the name of a folder below one called 客户 or `Clients`, as in `客户/小鹿/去不去.md`; None if there is none."""
    folders = [_ID.sub("", folder).strip() for folder in (hint or "").split("/")[:-1]]
    return next(
        (
            folder
            for above, folder in zip(folders, folders[1:], strict=False)
            if is_of_clients(above) and not is_no_name(folder)
        ),
        None,
    )


def is_of_clients(folder: str) -> bool:
    """Check for the name of a folder of clients: 客户, 客户档案, `Clients`."""
    names = [folder.removesuffix("s"), *(fold(folder).removesuffix(word) for word in noise_words("in container"))]
    return any((key := field_of(name)) and key[0] == "person" for name in dict.fromkeys(names) if name.strip())


_ID = re.compile(r"\s(?:[0-9a-f]{32}|〔[^〕]*〕).*$")
"""The id after the name of a Notion folder, perhaps masked."""


def _not_in_names() -> tuple[str, ...]:
    return (*noise_words("not in name"), *NUMERALS)


def _is_called(name: str, start: str) -> bool:
    """Check whether a text begins with a name that it addresses, by a greeting or a stop after it; not `我是阿月`, the
    reader's own name."""
    at = start.find(name)
    while at >= 0:
        before, after = start[:at], start[at + len(name) :]
        whole = not _ends_in_latin(before) and not _ends_in_latin(after[:1])
        after = after.lstrip()
        if whole and (not after or after.startswith((*_STOPS, *noise_words("after name")))):
            return not before.rstrip().endswith(noise_words("own name"))
        at = start.find(name, at + 1)
    return False


def _ends_in_latin(text: str) -> bool:
    return "a" <= text[-1:] <= "z"


def _is_known_word(text: str) -> bool:
    """Check whether a text is a field, position, topic, greeting, card, spread, or a word for nobody in particular."""
    folded = fold(text)
    if field_of(text) or position_in(text) or folded in topics() or card_fields.listed(text):
        return True
    if any(folded in noise_words(kind) for kind in ("greeting", "title", "sheet")):
        return True
    return resolve_spread(text)[0] is not None or kind_of(text) != "named"
