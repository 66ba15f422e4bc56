"""One line of a head without labels (`3/2 小满 问要不要搬家`, `阿棠`, `圣三角：要不要续签`) to its parts: a date, a person, a
question, a spread. The words that lead to a part are in noise.csv.
"""

import re
import unicodedata
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards import content_cards
from tarot_data.lexicon.field_names import name_of
from tarot_data.sources.lines import WHITESPACE, Kind, Line
from tarot_data.sources.name_evidence import NameForm, asks, form_of_name, is_no_name, may_be_name, split_asker
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes.head_words import (
    BREAK,
    CARDS,
    DATE,
    DAY,
    ENDS,
    PERSON,
    QUESTION,
    SPREAD,
    TIME,
    Part,
    words_of,
)
from tarot_data.text.normalise import fold

LONGEST_LINE, LONGEST_QUESTION = 60, 120
"""Characters of a line of a head, and of one that asks."""
SHORTEST_BODY = 20
"""Characters of the text below the head."""
LONGEST_TOPIC = 4
"""Characters of a word behind a name that is a topic: `果果-考编`."""
LONGEST_CONCERN = 10
"""Characters of a longer one, which is the question: `Nana - 合伙开花店`."""
LONGEST_SIGNATURE = 24
"""Characters of a line of a day, a name and some words: `阿绛 5.12 晚上微信来问`."""
LONGEST_PLAIN_NAME = 4
"""Chinese characters of a name without the form of one, next to a day or a topic."""
LONGEST_ASKER = 12
_BEFORE = re.compile(r"^(?:[Qq][0-9]{1,2}[\s.:：、]+|\*\*[^*\n]{1,12}\*\*\s*[-:：—–]+\s*|[^\w(（【\[「『#]+(?=\w))")
"""A label in bold that is not known, or signs, before the text of a line."""
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_VISIT, _CALLED = 5, 6
"""The groups of `Lead.client` before a word of a visit, which may be of anything (晚上微信来问), and at the end behind
how somebody is called (朋友介绍来的，叫阿豪)."""
_SAID = re.compile(r"[」』】》”\"\s]*[:：]\s*")
"""Between who asks and the question."""
_DAY_FIRST = re.compile(rf"\s*({DAY.pattern})\s*[/|｜·,，—–-]\s*")
"""A day before who asks: `0703 / 安安 / 前任会回来吗`."""
_DAY_BEFORE = re.compile(rf"\s*({DAY.pattern})\s*[/|｜·,，]\s*")
"""A day before the question: `Amber / 2024-10-30 / 要不要搬回家`."""
_GAP = re.compile(r"[\u3000\t]+|\s{2,}")
"""Between the parts of a line: `阿朔　想知道下半年的事业　2023.8.21`."""
MARKS = WHITESPACE + ":：,，.。;；~～👇⬇️↓🔮✨🙋🃏❓❔💬*_>#-—·•"
_NAME = re.compile(r"[A-Za-z]{1,12}|[A-Za-z\u3400-\u9fff]{2,6}")


class Lead(NamedTuple):
    """Patterns of the words of a head. asks: words before a question; group 1 is the text before them, group 2 the
    question. client: words before or after a name, which is its last group. cards: the end of a line above the cards."""

    asks: re.Pattern
    client: re.Pattern
    cards: re.Pattern


@lexicon.cached
def leads() -> Lead:
    asking, pronouns, before, lends, after, of, visit, called, cards = (
        "|".join(map(re.escape, sorted(noise_words(kind), key=len, reverse=True)))
        for kind in (
            *("head asks", "head pronoun", "head client", "head for", "head reads", "head of", "head visit"),
            *("head called", "head cards"),
        )
    )
    name, shortest = r"[a-z\u3400-\u9fff]{1,6}|[a-z]{2,12}", r"[a-z\u3400-\u9fff]{1,6}?|[a-z]{2,12}?"
    return Lead(
        re.compile(rf"^(.{{0,24}}?)(?:(?:{pronouns})的?)?(?:{asking})[^\w\s]{{0,4}}\s*(\S.*)$"),
        re.compile(
            rf"(?>{before})\W{{0,3}}(?:({shortest})(?={asking})|({name}))|(?:{lends})\s?({shortest})\s?(?:{after}|{of})|^({shortest})(?:{of})|(?:^|[,\s])({shortest})\s?(?:{visit})|[,\s](?:{called})({shortest})$"
        ),
        re.compile(rf"(?:^|[^\w]|[0-9])(?:{cards})$|(?:{cards})$"),
    )


def parts_of(line: Line) -> list[Part] | None:
    """Read the parts of a line above the cards; None if it is no line of a head."""
    if line.labels:
        return []
    text = _BEFORE.sub("", line.without_count)
    if len(text) > LONGEST_QUESTION or line.is_task:
        return None
    if line.kind == Kind.DATE and not DAY.search(text):
        return [(DATE, text)]  # `May 3, 2024`
    if leads().cards.search(fold(text).strip(MARKS)) or _says_drawn(text):
        return [(CARDS, "")]
    if line.stripped.startswith("![") or all(word[0] == "#" for word in text.split()):
        return []
    folded = fold(text)
    if len(folded) != len(text):
        return None
    return _parts_of_remark(text) if _IN_BRACKETS.fullmatch(folded) else _client_and_question(text, folded)


def _says_drawn(text: str) -> bool:
    """Check for a short remark that ends in how many cards were drawn: `凯尔特没摆，抽了三张`."""
    last = BREAK.split(text.strip(MARKS))[-1] if len(text) <= LONGEST_SIGNATURE else ""
    return name_of(last) == "cards"


def _parts_of_remark(text: str) -> list[Part]:
    """Read who is named in a line in brackets: `（已征得同意，化名小柚）`."""
    clients = ((clause, leads().client.match(fold(clause))) for clause in BREAK.split(text) if clause)
    names = [_name_in(clause, client) for clause, client in clients if client]
    return [(PERSON, name) for name in names if not is_no_name(name)][:1]


def _client_and_question(text: str, folded: str) -> list[Part] | None:
    """Read who asks what (`给小满看 问要不要搬家`), else a question, else a line of short parts."""
    own = next((word for word in noise_words("head self") if folded.startswith(word)), "")
    if own and (said := _SAID.match(text, len(own))):
        text, folded = text[said.end() :], folded[said.end() :]
    day = _DAY_FIRST.match(text)
    name, asked = split_asker(text[day.end() :] if day else text)
    if name and asks(asked):
        return [*(words_of(day[1]).found if day else []), (PERSON, name), *_asked_by_known(asked)]
    client = leads().client.match(folded)
    name = _name_in(text, client) if client else ""
    found = [] if is_no_name(name) else [(PERSON, name)]
    if found:
        text, folded = text[client.end() :], folded[client.end() :]
    if asked := leads().asks.match(folded):
        return _asked_in(text, asked, found)
    if found:
        return [*found, *_behind_client(text, client)]
    if len(text) > LONGEST_LINE:
        return None
    return [(QUESTION, bare(text))] if text.endswith(("？", "?")) else _segments(text)


def _asked_by_known(asked: str) -> list[Part]:
    """Read the question behind a name, perhaps with a day before it."""
    if day := _DAY_BEFORE.match(asked):
        return [(DATE, day[1]), (QUESTION, bare(asked[day.end() :]))]
    parts = _client_and_question(asked, fold(asked)) or [(QUESTION, bare(asked))]
    return [part for part in parts if part[0] != PERSON]


def _asked_in(text: str, asked: re.Match, found: list[Part]) -> list[Part] | None:
    """Read the question behind a word that asks, and what is around it. found: who asks, if that is known."""
    before, (question, *behind) = text[: asked.end(1)], _GAP.split(text[asked.start(2) :])
    question = bare(question)
    behind = _segments(" ".join(behind)) if behind else []
    if behind is None:
        question, behind = bare(text[asked.start(2) :]), []
    around = _segments(before, asked=True) if before.strip(MARKS) and not found else []
    if around is None and len(before) <= LONGEST_ASKER and not any(mark in before for mark in ENDS):
        around = []  # somebody asks whose name is not plain: `桃子的妹妹小梨，问期末`
    if around is None or not question:
        return None
    return [*found, *(part for part in around if part[0] != QUESTION), (QUESTION, question), *behind]


def _behind_client(text: str, client: re.Match) -> list[Part]:
    """Read the question behind a client (`网友「阿柴」：要不要转岗`, `小苔来问工作适不适合她`), or else a day."""
    said = _SAID.match(text)
    visits = client.lastindex == _VISIT and client[0].endswith(noise_words("head asks"))
    if (said or visits) and asks(text):
        return [(QUESTION, bare(text[said.end() :] if said else text))]
    return [part for part in words_of(text[:LONGEST_LINE]).found if part[0] == DATE]


def bare(question: str) -> str:
    """Return a question without marks around it and emoji behind it."""
    question = question.strip(MARKS)
    while question and unicodedata.category(question[-1]) in ("So", "Sk", "Mn", "Cf"):
        question = question[:-1].rstrip(MARKS)
    return question


def _name_in(text: str, client: re.Match) -> str:
    """Return the name as written, without who it is (表妹小唯). client: a match in the folded text."""
    name = text[client.start(client.lastindex) : client.end(client.lastindex)]
    form = form_of_name(name)
    if (
        client.lastindex == _VISIT
        and form is NameForm.NONE
        or client.lastindex == _CALLED
        and form is not NameForm.SURE
    ):
        return ""
    alone = name[-2:]
    return alone if len(name) > 3 and form_of_name(alone) is NameForm.SURE and may_be_name(alone) else name


def _segments(text: str, asked: bool = False) -> list[Part] | None:
    """Read a line of short parts: `0611 阿沁 事业`, `客人 Momo～`, `给 Vivi 抽牌`, `圣三角：要不要续签`.
    asked: a question follows, so that a word alone is who asks."""
    found, rest, day, topic = words_of(text)
    text = TIME.sub(" ", DAY.sub(" ", text, count=1)).strip()
    folded = fold(text)
    if len(folded) == len(text) and (client := leads().client.search(folded)):
        name = _name_in(text, client)
        if not is_no_name(name):
            return [*(part for part in found if part[0] == DATE), (PERSON, name)]
    if not rest:
        return found
    if len(rest) == 1 and _is_name(rest[0], alone=not day and not topic and not asked):
        return [*found, (PERSON, rest[0])]
    return _question_or_none(found, rest, text)


def _question_or_none(found: list[Part], rest: list[str], text: str) -> list[Part] | None:
    """Read what is behind the spread of a line as a question, or its first word as a name before a topic."""
    if len(rest) == 2 and _is_name_and_topic(*rest):
        return [*found, (PERSON, rest[0]), (QUESTION, rest[1])]
    dated = any(label == DATE for label, _ in found)
    signed = dated and len(text) <= LONGEST_SIGNATURE and form_of_name(rest[0]) is NameForm.SURE
    if signed and not content_cards.names_card(text):
        return [*found, (PERSON, rest[0])]
    if not asks(text) or dated or any(mark in text.rstrip()[:-1] for mark in ENDS):
        return None  # prose may ask as well
    # `圣三角：要不要续签`, but not `下半年财运，要不要换`, which begins like the name of a spread.
    found = [(label, value) for label, value in found if label != SPREAD or f"{value}：" in text or f"{value}:" in text]
    spreads = (text.find(value) + len(value) for label, value in found if label == SPREAD)
    start = max(spreads, default=text.find(rest[0]))
    return [*found, (QUESTION, bare(text[start:]))]


def _is_name_and_topic(name: str, topic: str) -> bool:
    """Check for two words of which the first is a name; the surer its form, the longer the second may be."""
    if form_of_name(name) is NameForm.SURE and len(topic) <= LONGEST_CONCERN:
        return True
    return _is_name(name, alone=True) and len(topic) <= LONGEST_TOPIC and not asks(topic)


def _is_name(text: str, alone: bool) -> bool:
    """Check for a name. alone: nothing else is in its line, so that its form must be that of a name."""
    if not _NAME.fullmatch(text) or is_no_name(text) or asks(text) or text.endswith(noise_words("no head name")):
        return False
    if form_of_name(text) is not NameForm.NONE:
        return True
    return not alone and (text.isascii() or len(text) <= LONGEST_PLAIN_NAME)
