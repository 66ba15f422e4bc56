"""Heads without labels (`3/2 小满 问要不要搬家`, `阿棠`, `圣三角`, `抽到 愚人 力量逆`) to the same lines with labels.

A head is a block of short lines around the cards. Each line is read as parts: a date, a person, a topic, a spread, cards or
a question. The words that lead to a part are in noise.csv.
"""

import re
import unicodedata
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards import card_fields, content_cards
from tarot_data.cards.card_words import suits
from tarot_data.cards.spreads import resolve_spread
from tarot_data.lexicon.field_names import field_of
from tarot_data.lexicon.word_lists import any_of
from tarot_data.privacy.person_names import kind_of
from tarot_data.sources.field_draws import topics
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labelled_lines import LONGEST_LIST_LINE
from tarot_data.sources.lines import WHITESPACE, Kind, Line
from tarot_data.sources.name_evidence import NameForm, asks, form_of_name, is_no_name, may_be_name, split_asker
from tarot_data.sources.noise import noise_words
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

LINES_ABOVE = 7
"""Lines above the cards among which the other lines of the head are, blank ones included."""
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
LONGEST_NARRATION = 300
"""Characters of a text in which what it tells about the client ends."""
LINES_OF_CARDS = 15
FEWEST_EXPLAINED = 3
LINES_BELOW = 4

_EDGES = (Kind.SEPARATOR, Kind.DATE)

_PERSON, _DATE, _QUESTION, _SPREAD, _CARDS = "咨询者", "日期", "问题", "牌阵", "牌"
_NAMED = {_PERSON: "person", _DATE: "date", _QUESTION: "question", _SPREAD: "spread", _CARDS: "cards"}
_RULE = "---"
_DAY = re.compile(
    r"(?<![\d:：])(?:(?:(?:19|20)?\d{2}\s?[-/.年]\s?)?\d{1,2}\s?[-/.月]\s?\d{1,2}\s?[日号號]?|(?:19|20)\d{6}|(?:0[1-9]|1[0-2])[0-3]\d)(?![\d:：])"
)
_TIME = re.compile(r"(?<!\d)\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?!\d)")
_BEFORE = re.compile(r"^(?:[Qq][0-9]{1,2}[\s.:：、]+|\*\*[^*\n]{1,12}\*\*\s*[-:：—–]+\s*|[^\w(（【\[「『#]+(?=\w))")
"""A label in bold that is not known, or signs, before the text of a line."""
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_SENTENCE = re.compile(r"[^。！？!?\n]+(?:[。！？!?\n]+|$)")
_VISIT = 5
"""The group of `_Lead.client` before a word of a visit, which may be of anything: 晚上微信来问."""
_COMPACT = re.compile(r"(\d{2})(\d{2})")
_BREAK = re.compile(r"[\s@＠|｜/·•,，、。;；:：~～—–_【】\[\]「」『』（）()#*>→-]+")
_GAP = re.compile(r"[\u3000\t]+|\s{2,}")
"""Between the parts of a line: `阿朔　想知道下半年的事业　2023.8.21`."""
_MARKS = WHITESPACE + ":：,，.。;；~～👇⬇️↓🔮✨🙋🃏❓❔💬*_>#-—·•"
_NAME = re.compile(r"[A-Za-z\u3400-\u9fff]{1,6}|[A-Za-z]{2,12}")
_AROUND = WHITESPACE + "*:："
_GOES_ON = ("，", ",", "、", "；")
_ENDS = ("。", "！", "!", "…")

Part = tuple[str, str]
"""A label and its value."""


class _Lead(NamedTuple):
    """Patterns of the words of a head. asks: words before a question; group 1 is the text before them, group 2 the
    question. client: words before or after a name, which is its last group. cards: the end of a line above the cards."""

    asks: re.Pattern
    client: re.Pattern
    cards: re.Pattern


@lexicon.cached
def _leads() -> _Lead:
    asking, pronouns, before, lends, after, of, visit, cards = (
        "|".join(map(re.escape, sorted(noise_words(kind), key=len, reverse=True)))
        for kind in (
            *("head asks", "head pronoun", "head client", "head for", "head reads", "head of", "head visit"),
            "head cards",
        )
    )
    name, shortest = r"[a-z\u3400-\u9fff]{1,6}|[a-z]{2,12}", r"[a-z\u3400-\u9fff]{1,6}?|[a-z]{2,12}?"
    return _Lead(
        re.compile(rf"^(.{{0,24}}?)(?:(?:{pronouns})的?)?(?:{asking})[^\w\s]{{0,4}}\s*(\S.*)$"),
        re.compile(
            rf"(?>{before})\W{{0,3}}(?:({shortest})(?={asking})|({name}))|(?:{lends})\s?({shortest})\s?(?:{after}|{of})|^({shortest})(?:{of})|(?:^|[,\s])({shortest})\s?(?:{visit})"
        ),
        re.compile(rf"(?:^|[^\w]|[0-9])(?:{cards})$|(?:{cards})$"),
    )


def with_labels(lines: list[Line], named: bool = False) -> list[Line]:
    """Return the lines of a note with its unlabelled heads labelled; the lines themselves if it has none.

    named: the file's name has the person, so that cards alone at the top are a head.
    """
    heads = _heads(lines, named)
    if not heads:
        return lines
    out: list[Line] = []
    end = 0
    for head in heads:
        out += lines[end : head.begin]
        above = next((line for line in reversed(out) if line.stripped), None)
        if above and above.kind != Kind.SEPARATOR:
            out.append(Line(_RULE, lines[head.begin].number))
        out += head.lines
        end = head.end
    return out + lines[end:]


class _Head(NamedTuple):
    """begin, end: indexes of its lines. lines: the lines with labels."""

    begin: int
    end: int
    lines: list[Line]


def _heads(lines: list[Line], named: bool) -> list[_Head]:
    found: list[_Head] = []
    above = index = count = 0
    floor: int | None = 0
    labelled = any(map(_is_label_of_cards, lines))
    while index < len(lines):
        # What is said of each card is text, and so are the cards then.
        explained = not labelled and (_explains_cards(lines, index) or _heads_a_card(lines, index))
        if not explained and not (_is_label_of_cards(lines[index]) if labelled else _is_list_of_cards(lines[index])):
            index += 1
            continue
        alone = named and not any(line.stripped and not line.level for line in lines[:index])
        if labelled and not alone and _is_all_labelled(lines, index):
            # Where the cards end is not needed before another head is, and takes long to find.
            above, floor, index = index, None, index + 1
            continue
        floor = _end_of_cards(lines, above) if floor is None else floor
        end = index if explained else _end_of_cards(lines, index)
        if head := _head_around(lines, index, end, floor, alone, count + 1):
            found.append(head)
            count = lines[head.begin].count
        floor = index = max(end, index + 1)
        while end < index < len(lines) and _explains_cards(lines, index, 1):
            floor = index = index + 1
    return found


def _is_all_labelled(lines: list[Line], cards: int) -> bool:
    """Check quickly that no line right above the cards is a line of a head without a label."""
    near = reversed(lines[max(0, cards - LINES_ABOVE) : cards])
    line = next((line for line in near if line.stripped and not line.labels), None)
    return line is None or line.kind == Kind.SEPARATOR or _parts_of(line) is None


def _is_label_of_cards(line: Line) -> bool:
    return bool(line.labels) and line.labels[0].key[0] == "cards"


def _is_list_of_cards(line: Line) -> bool:
    """Check for drawn cards without a label. In a note that labels its cards elsewhere such a line is of a body."""
    return (not line.labels or line.labels[0].key[0] == "content") and _has_cards(line)


def _explains_cards(lines: list[Line], index: int, least: int = FEWEST_EXPLAINED) -> bool:
    """Check for consecutive lines of a card with a text behind a dash."""
    rows = lines[index : index + least]
    return len(rows) == least and all(map(content_cards.explained_card, (row.text for row in rows)))


def _heads_a_card(lines: list[Line], index: int) -> bool:
    """Check for a line of a position and one card over a text, with another such line below it: `【他的想法】愚人（逆）`."""
    return (
        _is_card_at_place(lines[index])
        and any(_is_card_at_place(line) for line in lines[index + 2 : index + LINES_OF_CARDS])
        and not _has_cards(lines[index + 1])
    )


def _is_card_at_place(line: Line) -> bool:
    if not _has_cards(line):
        return False
    cards = card_fields.listed(line.stripped)
    return len(cards) == 1 and bool(cards[0]["position"])


def _has_cards(line: Line) -> bool:
    """Check for a line of cards and nothing else; the search for a name is the quick test."""
    text = line.stripped
    if not text or len(text) > LONGEST_LIST_LINE or any(mark in text[:-1] for mark in _ENDS):
        return False
    return bool(content_cards.names_card(text) or line.item or _short_card().search(text)) and bool(
        card_fields.listed(text)
    )


@lexicon.cached
def _short_card() -> re.Pattern:
    """Compile a pattern for cards that the prose does not name so: a suit apart from its rank, English letters (3S, KnW)."""
    return re.compile(rf"{any_of(word for word in suits() if len(word) > 1)}|\b(?:[2-9]|10|Q|Kn?|Pg)[SWCP]\b")


def _head_around(lines: list[Line], cards: int, end: int, floor: int, alone: bool, count: int) -> _Head | None:
    """Read the head above the lines of its cards; None if it is none, or says nothing that has no label.

    alone: the cards alone are a head. count: the number that a counted head begins with.

    It is a block of its own with text below, and no cards with nothing but a head below them are above it.
    """
    if _count_text(lines[end : end + LINES_BELOW]) < SHORTEST_BODY:
        return None
    parts = _parts_above(lines, cards, floor, bool(lines[cards].labels))
    below = _parts_below(lines, end) if parts == {} else {}
    begin = min(parts or (), default=cards)
    if parts is None or begin != floor and not _is_apart(lines, begin, count):
        return None
    if floor and _count_text(lines[floor:begin]) < SHORTEST_BODY:
        return None
    named = _known(lines[begin:end])
    read = {_NAMED[label] for pairs in (*parts.values(), *below.values()) for label, _ in pairs}
    headed = bool(lines[begin].level) and "date" in read and "question" in named
    if not (read - named) & {"person", "question"} and not (alone and not named) and not headed:
        return None
    rewritten = _rewritten(lines, begin, cards, end, parts, named)
    labelled = [
        Line(f"{label}：{value}", lines[index].number) for index, read in below.items() for label, value in read
    ]
    return _Head(begin, max(below, default=end - 1) + 1, [*labelled, *rewritten])


def _parts_above(lines: list[Line], cards: int, floor: int, labelled: bool) -> dict[int, list[Part]] | None:
    """Return the parts of the lines above the cards, by index, up to the first that is no line of a head; None if they
    have a label of the content. labelled: the cards have a label, so that a heading is read as the question anyway."""
    parts: dict[int, list[Part]] = {}
    for index in range(cards - 1, max(floor, cards - LINES_ABOVE) - 1, -1):
        line = lines[index]
        if not line.stripped:
            continue
        if line.kind == Kind.SEPARATOR or _is_body(line):
            break
        if (read := _parts_of(line)) is None and line.level and (day := words_of(line.title)).day:
            read = [part for part in day.found if part[0] == _DATE]
        if read is None:
            if not _is_below_dated_heading(lines, index, floor):
                break
            read = [(_QUESTION, _bare(line.stripped))]
        if line.labels and _drop_values(lines, index, parts):
            return None
        if line.level and _SPREAD not in dict(read) and (labelled or not asks(line.title)):
            read = [part for part in read if part[0] != _QUESTION]
        parts[index] = read
        if line.level:
            break
    return parts


def _is_below_dated_heading(lines: list[Line], index: int, floor: int) -> bool:
    """Check for a short line right below a heading that has a day (`## 10/9 无名` over 想换城市): what was asked."""
    line, above = lines[index], next((line for line in reversed(lines[floor:index]) if line.stripped), Line(""))
    if (
        not above.level
        or line.level
        or len(line.stripped) > LONGEST_SIGNATURE
        or any(mark in line.text for mark in _ENDS)
    ):
        return False
    return words_of(above.title).day


def _parts_below(lines: list[Line], end: int) -> dict[int, list[Part]]:
    """Return the parts of the lines between the cards at the top of a block and its text, which name somebody."""
    parts: dict[int, list[Part]] = {}
    for index in range(end, min(end + LINES_BELOW, len(lines))):
        line = lines[index]
        if not line.stripped or line.labels or line.kind != Kind.TEXT or line.ends_sentence:
            break
        if len(line.stripped) > LONGEST_SIGNATURE or not (read := _parts_of(line)):
            break
        parts[index] = read
    named = any(label == _PERSON for read in parts.values() for label, _ in read)
    return parts if named and _count_text(lines[max(parts) + 1 :][:LINES_BELOW]) >= SHORTEST_BODY else {}


def _is_body(line: Line) -> bool:
    """Check for the text of the reading above behind its label: `解读：…`."""
    label = line.labels[0] if line.labels else None
    return label is not None and label.key[0] == "content" and len(line.text) - label.end >= SHORTEST_BODY


def _is_apart(lines: list[Line], begin: int, count: int) -> bool:
    """Check whether a block begins at a line: below a blank line, a heading, a rule or a date, or with a heading or the
    count of the next head."""
    if lines[begin].count == count:
        return True
    above = lines[begin - 1]
    return not above.stripped or bool(lines[begin].level or above.level) or above.kind in _EDGES


def _drop_values(lines: list[Line], index: int, parts: dict[int, list[Part]]) -> bool:
    """Leave the lines of a value below its label as they are. Returns True for the label of the content."""
    label = lines[index].labels[-1]
    if label.key[0] == "content":
        return True
    value = lines[index].text[label.end :].strip(_AROUND)
    if label.key[0] in ("background", "ignored") or not value or value.endswith(_GOES_ON):
        below = index + 1
        while below in parts and not lines[below].labels:
            del parts[below]
            below += 1
    return False


def _known(lines: list[Line]) -> set[str]:
    """Return the fields that lines have labels for."""
    return {label.key[0] for line in lines for label in line.labels}


def _end_of_cards(lines: list[Line], start: int) -> int:
    end = start + 1
    last = min(len(lines), start + LINES_OF_CARDS)
    while end < last and not _is_labelled(lines[end]) and _has_cards(lines[end]):
        end += 1
    return end


def _is_labelled(line: Line) -> bool:
    """Check for a label that is no name of a position: `结果：愚人` continues a list of cards."""
    return bool(line.labels) and line.labels[0].key[0] not in ("content", "position", "background")


def _count_text(lines: list[Line]) -> int:
    """Count the characters of lines above the first separator or date."""
    stop = next((i for i, line in enumerate(lines) if line.kind in _EDGES), len(lines))
    return sum(len(line.stripped) for line in lines[:stop])


def _rewritten(
    lines: list[Line], begin: int, cards: int, end: int, parts: dict[int, list[Part]], named: set[str]
) -> list[Line]:
    """Label the lines of a head; what has a label already, and a second value of a field, is left as it is."""
    out: list[Line] = []
    taken = set(named)
    for index in range(begin, cards):
        line = lines[index]
        if index not in parts or line.labels:
            if line.stripped or not (out and parts.get(index - 1)):
                out.append(line)
            continue
        read = [(label, value) for label, value in parts[index] if _NAMED[label] not in taken]
        taken |= {_NAMED[label] for label, _ in read}
        known = any(_NAMED[label] in named or label == _QUESTION for label, _ in parts[index])
        if line.level or known and not read:
            out.append(line)
        for label, value in read:
            if label != _DATE or line.kind != Kind.DATE:
                out.append(Line(f"{label}：{value}", line.number))
            elif not line.level:
                out.insert(0, Line(value, line.number))  # a date line is above the labels
    return out + _labelled_cards(lines[cards:end], "cards" in taken)


def _labelled_cards(lines: list[Line], labelled: bool) -> list[Line]:
    if labelled or not lines:
        return lines
    first = lines[0]
    text = first.text[first.labels[0].end :] if first.labels else first.text
    return [Line(f"{_CARDS}：", first.number), Line(text, first.number), *lines[1:]]


def _parts_of(line: Line) -> list[Part] | None:
    """Read the parts of a line above the cards; None if it is no line of a head."""
    if line.labels:
        return []
    text = _BEFORE.sub("", line.without_count)
    if len(text) > LONGEST_QUESTION or line.is_task:
        return None
    if line.kind == Kind.DATE and not _DAY.search(text):
        return [(_DATE, text)]  # `May 3, 2024`
    if _leads().cards.search(fold(text).strip(_MARKS)):
        return [(_CARDS, "")]
    if line.stripped.startswith("![") or all(word[0] == "#" for word in text.split()):
        return []
    folded = fold(text)
    if len(folded) != len(text):
        return None
    return _parts_of_remark(text) if _IN_BRACKETS.fullmatch(folded) else _client_and_question(text, folded)


def _parts_of_remark(text: str) -> list[Part]:
    """Read who is named in a line in brackets: `（已征得同意，化名小柚）`."""
    clients = ((clause, _leads().client.match(fold(clause))) for clause in _BREAK.split(text) if clause)
    names = [_name_in(clause, client) for clause, client in clients if client]
    return [(_PERSON, name) for name in names if not is_no_name(name)][:1]


def _client_and_question(text: str, folded: str) -> list[Part] | None:
    """Read who asks what (`给小满看 问要不要搬家`), else a question, else a line of short parts."""
    found: list[Part] = []
    name, asked = split_asker(text)
    if name and asks(asked):
        parts = _client_and_question(asked, fold(asked)) or [(_QUESTION, _bare(asked))]
        return [(_PERSON, name), *(part for part in parts if part[0] != _PERSON)]
    if client := _leads().client.match(folded):
        name = _name_in(text, client)
        if not is_no_name(name):
            found, text, folded = [(_PERSON, name)], text[client.end() :], folded[client.end() :]
    if asked := _leads().asks.match(folded):
        before, (question, *behind) = text[: asked.end(1)], _GAP.split(text[asked.start(2) :])
        question = _bare(question)
        behind = _segments(" ".join(behind)) if behind else []
        if behind is None:
            question, behind = _bare(text[asked.start(2) :]), []
        around = _segments(before, asked=True) if before.strip(_MARKS) and not found else []
        if around is None and len(before) <= LONGEST_ASKER and not any(mark in before for mark in _ENDS):
            around = []  # somebody asks whose name is not plain: `桃子的妹妹小梨，问期末`
        if around is None or not question:
            return None
        return [*found, *(part for part in around if part[0] != _QUESTION), (_QUESTION, question), *behind]
    if found:
        return [*found, *(part for part in words_of(text[:LONGEST_LINE]).found if part[0] == _DATE)]
    if len(text) > LONGEST_LINE:
        return None
    if text.endswith(("？", "?")):
        return [(_QUESTION, _bare(text))]
    return _segments(text)


def _bare(question: str) -> str:
    """Return a question without marks around it and emoji behind it."""
    question = question.strip(_MARKS)
    while question and unicodedata.category(question[-1]) in ("So", "Sk", "Mn", "Cf"):
        question = question[:-1].rstrip(_MARKS)
    return question


def _name_in(text: str, client: re.Match) -> str:
    """Return the name as written, without who it is (表妹小唯). client: a match in the folded text."""
    name = text[client.start(client.lastindex) : client.end(client.lastindex)]
    if client.lastindex == _VISIT and form_of_name(name) is NameForm.NONE:
        return ""
    alone = name[-2:]
    return alone if len(name) > 3 and form_of_name(alone) is NameForm.SURE and may_be_name(alone) else name


def split_client(question: str) -> tuple[str | None, str]:
    """Split a question before who asks it in its last sentence (`请解读。客人小武问：要不要跳槽？`); (None, question) without."""
    sentence = [each[0] for each in _SENTENCE.finditer(question)][-1:]
    parts = dict(_parts_of(Line(sentence[0].strip())) or ()) if sentence else {}
    return (parts[_PERSON], parts[_QUESTION]) if _PERSON in parts and _QUESTION in parts else (None, question)


def split_narration(text: str) -> tuple[Fields, str]:
    """Split a text before what it tells about the client in the third person: who came, what they asked, which cards were
    drawn (`阿荞打来，问要不要跟着去。我给她抽了三张，依次是愚人、力量、月亮。`); without such a beginning, no fields.

    It ends with the sentence of the cards, or with the question if that is first.
    """
    found: dict[str, str] = {}
    end = 0
    for sentence in _SENTENCE.finditer(text[:LONGEST_NARRATION]):
        told = sentence[0].strip(_MARKS + "。！!")
        folded = fold(told)
        if any(word in folded for word in lexicon.words("marks", "you")) or folded.startswith(
            noise_words("calls before")
        ):
            break
        cards = content_cards.list_drawn(told) if content_cards.names_card(told) else len(told)
        if cards is None:
            break
        asked = _leads().asks.match(folded[:cards]) is not None
        parts = [part for part in _parts_of(Line(told[:cards])) or () if asked or part[0] != _QUESTION]
        for label, value in parts:
            found.setdefault(label, value)
        if cards < len(told):
            found[_CARDS], end = told[cards:], sentence.end()
            break
        if end == sentence.start() and any(label in (_PERSON, _QUESTION) for label, _ in parts):
            end = sentence.end()
    if not end or len(text) - end < SHORTEST_BODY:
        return {}, text
    return {(_NAMED[label], 1): [(label, value)] for label, value in found.items()}, text[end:].strip()


class Words(NamedTuple):
    """A line of short parts. found: its day and spread; rest: its words that are no day, topic, spread or filler; day,
    topic: one is in the line, so that a word beside it may be anybody's name."""

    found: list[Part]
    rest: list[str]
    day: bool
    topic: bool


def words_of(text: str) -> Words:
    """Split a line or the name of a file into its parts: `0611 阿沁 事业`, `塔罗-小鹿-0305`."""
    found: list[Part] = []
    if day := _DAY.search(text):
        compact = _COMPACT.fullmatch(day[0])
        found.append((_DATE, f"{int(compact[1])}月{int(compact[2])}日" if compact else day[0]))
        text = f"{text[: day.start()]} {text[day.end() :]}"
    rest: list[str] = []
    topic = False
    for segment in filter(None, _BREAK.split(_TIME.sub(" ", text))):
        folded = fold(segment)
        if folded in topics() or _calls_client(segment, folded):
            topic = True
        elif folded.isdecimal() or not any(map(str.isalnum, segment)) or _says_nobody(segment, folded):
            continue
        elif resolve_spread(segment)[0]:
            found.append((_SPREAD, segment))
        else:
            rest.append(segment)
    return Words(found, rest, day is not None, topic)


def _says_nobody(word: str, folded: str) -> bool:
    """Check for a word that is part of a head but names nobody: a weekday, a turn (`连麦1`)."""
    if folded in noise_words("head filler"):
        return True
    unit = folded.strip("0123456789" + NUMERALS)
    counted = unit != folded and unit in (*lexicon.words("persons", "counted"), *noise_words("head unit"))
    return counted or len(word) > 1 and kind_of(word) == "nobody"


def _calls_client(word: str, folded: str) -> bool:
    """Check for a word for the client, next to which a word is a name: 老客户, 网名."""
    known = field_of(word)
    return folded in noise_words("head client") or known is not None and known[0] == "person"


def _segments(text: str, asked: bool = False) -> list[Part] | None:
    """Read a line of short parts: `0611 阿沁 事业`, `客人 Momo～`, `给 Vivi 抽牌`, `圣三角：要不要续签`.
    asked: a question follows, so that a word alone is who asks."""
    found, rest, day, topic = words_of(text)
    text = _TIME.sub(" ", _DAY.sub(" ", text, count=1)).strip()
    folded = fold(text)
    if len(folded) == len(text) and (client := _leads().client.search(folded)):
        name = _name_in(text, client)
        if not is_no_name(name):
            return [*(part for part in found if part[0] == _DATE), (_PERSON, name)]
    if not rest:
        return found
    if len(rest) == 1 and _is_name(rest[0], alone=not day and not topic and not asked):
        return [*found, (_PERSON, rest[0])]
    return _question_or_none(found, rest, text)


def _question_or_none(found: list[Part], rest: list[str], text: str) -> list[Part] | None:
    """Read what is behind the spread of a line as a question, or its first word as a name before a topic."""
    if len(rest) == 2 and _is_name(rest[0], alone=True) and len(rest[1]) <= LONGEST_TOPIC and not asks(rest[1]):
        return [*found, (_PERSON, rest[0])]
    if len(rest) == 2 and form_of_name(rest[0]) is NameForm.SURE and len(rest[1]) <= LONGEST_CONCERN:
        return [*found, (_PERSON, rest[0]), (_QUESTION, rest[1])]
    dated = any(label == _DATE for label, _ in found)
    if (
        dated
        and len(text) <= LONGEST_SIGNATURE
        and form_of_name(rest[0]) is NameForm.SURE
        and not content_cards.names_card(text)
    ):
        return [*found, (_PERSON, rest[0])]
    if not asks(text) or dated or any(mark in text.rstrip()[:-1] for mark in _ENDS):
        return None  # prose may ask as well
    # `圣三角：要不要续签`, but not `下半年财运，要不要换`, which begins like the name of a spread.
    found = [
        (label, value) for label, value in found if label != _SPREAD or f"{value}：" in text or f"{value}:" in text
    ]
    spreads = (text.find(value) + len(value) for label, value in found if label == _SPREAD)
    start = max(spreads, default=text.find(rest[0]))
    return [*found, (_QUESTION, _bare(text[start:]))]


def _is_name(text: str, alone: bool) -> bool:
    """Check for a name. alone: nothing else is in its line, so that its form must be that of a name."""
    if (
        not _NAME.fullmatch(text)
        or len(text) < 2
        and not text.isascii()
        or is_no_name(text)
        or asks(text)
        or text.endswith(noise_words("no head name"))
    ):
        return False
    if form_of_name(text) is not NameForm.NONE:
        return True
    return not alone and (text.isascii() or len(text) <= LONGEST_PLAIN_NAME)
