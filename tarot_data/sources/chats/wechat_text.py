"""WeChat chats as text, in the forms of ten exporters and of copying by hand, and as tables of messages."""

import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tarot_data import lexicon
from tarot_data.cards.spreads import position_names
from tarot_data.lexicon.dates import CHINA
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.chats.sittings import FORM, YEARS, Message, to_records
from tarot_data.sources.encoding import text_of
from tarot_data.sources.labelled_lines import known_fields, labels_in
from tarot_data.sources.records import Blob, RawRecord, Rejected
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables import delimited
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold, widths

_DAY = r"(?P<day>(?:19|20)\d{2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?)"
_CLOCK = r"(?P<clock>(?:(?:上午|下午|凌晨|中午|晚上|早上)\s?)?\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AaPp][Mm])?)"
_NAME = r"(?P<name>[^\n]{1,60}?)"

KINDS = {
    # name, time, then the text on the next lines: copies, small tools, Mac, chatlog
    "name time": re.compile(rf"^{_NAME}(?:\((?P<id>[^()\n]{{1,40}})\))?\s+{_DAY}\s+{_CLOCK}\s*$"),
    "name (time)": re.compile(rf"^{_NAME}\s?\({_DAY}\s+{_CLOCK}\)\s*:?\s*(?P<text>.*)$"),
    "[time] name": re.compile(rf"^\[?{_DAY}\s+{_CLOCK}\]\s*{_NAME}\s?:\s?(?P<text>.*)$"),
    "time name": re.compile(rf"^{_DAY}\s+{_CLOCK}\s+'?{_NAME}'?\s*$"),
    "time name: text": re.compile(rf"^{_DAY}\s+{_CLOCK}\s+{_NAME}:\s?(?P<text>.*)$"),
    # the day on a line of its own: phone, MemoTrace for models
    "name clock": re.compile(
        rf"^(?!.*(?:19|20)\d{{2}}[-/.年]\d){_NAME}(?:\((?P<id>[^()\n]{{1,40}})\))?\s{{1,4}}"
        rf"(?P<day>\d{{1,2}}-\d{{1,2}}\s)?{_CLOCK}\s*$"
    ),
    "name:": re.compile(r"^(?P<name>[^\n:]{1,30}):(?!\d{2}\s*$|\d{2}:)\s?(?P<text>.*)$"),
}
_CLOCKED = re.compile(r"\d\D\d\d")
"""Every head but `name:` holds a clock time; most lines hold none, whatever their width."""
_DAY_LINE = re.compile(rf"^[\s—\-―*=]{{3,}}{_DAY}[\s—\-―*=]{{3,}}$")
_INTRO = re.compile(
    r"^(?:(?P<one>[^\n]{1,40}?)\s?和\s?(?P<other>[^\n]{1,40}?)\s?在微信上的聊天记录如下|微信群[“\"].*[”\"]的聊天记录如下|.{1,40} - 微信聊天记录)"
)


@dataclass(frozen=True)
class _Head:
    line: int
    name: str
    time: datetime | None
    text: str


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    if header_of(_first_rows(sample.text)):
        return True
    return kind_of(sample.text.split("\n")[:400]) is not None


def kind_of(lines: list[str]) -> str | None:
    """Which kind of heads the first lines have: three or more of one kind, by two names, or by one at several times."""
    best, most = None, 2
    timed = [widths(line).rstrip() for line in lines if _CLOCKED.search(line)]
    shared = any(_DAY_LINE.match(line) for line in lines[:200]) or any(_INTRO.match(line) for line in lines[:5])
    for kind, pattern in KINDS.items():
        if kind == "name:" and not shared and not _is_copy(lines):
            continue
        looked_at = timed if kind != "name:" else [widths(line).rstrip() for line in lines]
        heads = [head for line in looked_at if (head := pattern.match(line))]
        if kind == "name:":
            heads = [head for head in heads if not _is_label(head["name"].strip())]
        names = Counter(head["name"].strip() for head in heads)
        times = {head.groupdict().get("clock") for head in heads}
        if (
            len(heads) > most
            and sum(names.values()) >= 3
            and (len(names) >= 2 or len(times) >= 3)
            and names.most_common(1)[0][1] >= 2
        ):
            best, most = kind, len(heads)
    if best is None and shared and any(KINDS["name clock"].match(line) for line in timed):
        return "name clock"
    if best is None:
        # A chat of two messages: one asks, one answers with the cards.
        for kind in ("name time", "time name", "[time] name", "name (time)"):
            heads = [head for line in timed if (head := KINDS[kind].match(line))]
            if (
                len(heads) == 2
                and len({head["name"] for head in heads}) == 2
                and KINDS[kind].match(widths(lines[0]).rstrip())
            ):
                return kind
    return best


def _is_copy(lines: list[str]) -> bool:
    """Windows copies: a name and a colon alone on a line, two names taking turns, from the first line on."""
    solid = [line.strip() for line in lines[:200] if line.strip()]
    alone = [line for line in solid if re.fullmatch(r"[^\n:：]{1,30}[:：]", line)]
    names = Counter(alone)
    if any(field_of(name) for name in names):
        return False
    return bool(solid) and solid[0] in names and len(alone) >= 3 and len(names) == 2 and min(names.values()) >= 1


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    first = _first_rows(text)
    if header_of(first):
        rows = delimited.numbered_rows(io.StringIO(text, newline=""), _separator(text), blob, FORM)
        yield from read_table(rows, blob)
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kind = kind_of(lines[:4000])
    yield from to_records(list(messages_of(lines, kind)), blob, readers=_readers(lines))


def _readers(lines: list[str]) -> frozenset[str]:
    """Nothing in the text says who the reader is, except a chat that one file calls by the other's name."""
    return frozenset()


def messages_of(lines: list[str], kind: str | None) -> Iterator[Message]:
    """Messages of a chat's lines. A line that looks like a head is one only if its name speaks elsewhere too and its
    time does not run backwards."""
    heads = _heads(lines, kind or "name time")
    for number, head in enumerate(heads):
        end = heads[number + 1].line if number + 1 < len(heads) else len(lines)
        body = [line for line in lines[head.line + 1 : end] if not _DAY_LINE.match(line)]
        text = "\n".join(([head.text] if head.text else []) + body).strip("\n ")
        # What one says in a row is joined by spaces there: labels behind prose began a message of their own.
        cut = _labels_behind(text) if kind == "name:" and head.time else 0
        for part in (text[:cut].rstrip(), text[cut:]) if cut else (text,):
            yield Message(sender=head.name, text=part, time=head.time, place=f"line {head.line + 1}")


def _labels_behind(text: str) -> int:
    """Where in the first line, behind a space, the labels of a reading begin; 0 where they begin the text or nothing does."""
    line = text.split("\n", 1)[0]
    if labels_in(line):
        return 0
    return next(
        (
            gap.end()
            for gap in re.finditer(r" (?=[^\s:：】]{1,14}[:：】])", line)
            if _OF_A_HEAD & known_fields(_labels(line[gap.end() :]))
        ),
        0,
    )


def _labels(line: str) -> list[str]:
    return [label for label, start, end in labels_in(line)[:1] if line[start:end].rstrip().endswith((":", "：", "】"))]


_OF_A_HEAD = {"person", "question", "spread", "cards"}


def _heads(lines: list[str], kind: str) -> list[_Head]:
    pattern = KINDS[kind]
    found: list[_Head] = []
    day: str | None = None
    year = 4
    prefixes = _longer_names(lines, pattern) if kind in _INLINE else {}
    for number, line in enumerate(lines):
        if match := _DAY_LINE.match(line):
            day = match["day"]
            continue
        if _INTRO.match(line) and number < 5:
            continue
        match = pattern.match(widths(line).rstrip()) if kind == "name:" or _CLOCKED.search(line) else None
        if not match:
            continue
        groups = match.groupdict()
        begin, end = match.span("name")
        name = line[begin:end].strip().strip("'")
        text = line[match.start("text") :].strip() if groups.get("text") else ""
        if longer := prefixes.get(name):
            name, text = longer, line[begin + len(longer) + 1 :].strip()
        # MemoTrace for models has days and no clock.
        clock = "0:00" if kind == "name:" and day else groups.get("clock")
        time = _moment(groups.get("day") or day, clock, day or str(year))
        if time and time.year < YEARS and found and found[-1].time and (found[-1].time - time).days > 1:
            # Without a year, time that runs backwards is the next year.
            year += 1
            time = _moment(groups.get("day") or day, groups.get("clock"), str(year))
        name = re.sub(
            r"\((?:我|wxid_\w+|[\w\-]{5,30})\)$", lambda tail: "(我)" if tail[0] == "(我)" else "", name
        ).strip()
        found.append(_Head(number, name, time, text))
    found = [head for head in found if head.name and not (kind == "name:" and _is_label(head.name))]
    names = Counter(head.name for head in found)
    kept: list[_Head] = []
    for number, head in enumerate(found):
        before = kept[-1].time if kept else None
        if head.time and before and head.time < before:
            continue
        alone = names[head.name] == 1 and len(names) > 2
        if alone and (kind == "name:" or not _fits_between(before, head, found[number + 1 :])):
            continue
        kept.append(head)
    return kept


_INLINE = ("[time] name", "time name: text")


def _longer_names(lines: list[str], pattern: re.Pattern) -> dict[str, str]:
    """Names with a colon inside, by their part before it: what stands before a later colon in every one of its heads."""
    rests: dict[str, list[str]] = {}
    for line in lines:
        if _CLOCKED.search(line) and (match := pattern.match(widths(line).rstrip())):
            rests.setdefault(line[match.start("name") : match.end("name")].strip(), []).append(
                line[match.end("name") :]
            )
    longer = {}
    for name, found in rests.items():
        shared = found[0][: len(os.path.commonprefix(found))]
        end = max(widths(shared).rfind(":", 1), 0)
        if len(found) > 2 and end and not _is_label(shared[1:end].strip()):
            longer[name] = name + shared[:end]
    return longer


def _is_label(name: str) -> bool:
    """Whether a word before a colon is a label or a place in a spread, which a chat of `name:` lines has in its bodies."""
    return field_of(name) is not None or fold(name).strip(" -*#·") in position_names()


def _fits_between(before: datetime | None, head: _Head, after: list[_Head]) -> bool:
    """Whether a name that speaks only once stands between its neighbours' times, within a day of the one above."""
    if head.time is None or before is None:
        return before is None and head.time is not None
    following = next((other.time for other in after if other.time), None)
    return head.time - before < timedelta(days=1) and (following is None or head.time <= following)


def _moment(day: str | None, clock: str | None, fallback: str | None) -> datetime | None:
    """Day and clock time as a moment in China; None where either is missing or impossible."""
    if not clock or not (day or fallback):
        return None
    numbers = [int(part) for part in re.findall(r"\d+", day or "")]
    if len(numbers) == 2 and fallback:
        numbers = [int(re.findall(r"\d+", fallback)[0]), *numbers]
    if len(numbers) != 3:
        numbers = [int(part) for part in re.findall(r"\d+", fallback or "")]
        if len(numbers) != 3:
            return None
    hour, minute, *second = (int(part) for part in re.findall(r"\d+", clock))
    if re.search(r"下午|晚上|[Pp][Mm]", clock) and hour < 12:
        hour += 12
    elif re.search(r"凌晨|[Aa][Mm]", clock) and hour == 12:
        hour = 0
    try:
        return datetime(*numbers, hour, minute, *(second[:1] or [0]))
    except ValueError:
        return None


# Tables of messages: CSV, XLSX, JSON objects alike

_COLUMNS = {
    "text": ("strcontent", "content", "msg", "内容", "消息内容", "message", "text"),
    "mine": ("issender", "is_sender", "issend", "is_send", "是否发送", "是否本人", "发送者身份"),
    "sender": (
        "sendername",
        "senderdisplayname",
        "发送者备注",
        "发送者",
        "发送人",
        "发送者昵称",
        "发送人昵称",
        "remark",
        "nickname",
        "accountname",
        "sender",
        "talkername",
        "talker",
        "room_name",
    ),
    "time": ("strtime", "time", "createtime", "formattedtime", "时间", "发送时间", "timestamp", "create_time"),
    "type": ("type", "type_name", "消息类型", "类型"),
}
_CHAT_MARKS = (
    "strcontent",
    "sendername",
    "issender",
    "is_sender",
    "issend",
    "talkername",
    "type_name",
    "发送者",
    "发送者昵称",
    "发送人",
    "发送人昵称",
    "消息类型",
    "senderdisplayname",
)
_ACCOUNT = re.compile(r"(?:wxid_|gh_)\w+|\w+@(?:chatroom|openim)")
_TEXT_TYPES = {"1", "0", "文本", "文本消息", "text", ""}


@lexicon.cached
def _column_names() -> dict[str, tuple[str, int]]:
    """Folded column name to the part of a message it holds, and how well."""
    return {
        fold(name).replace("_", "").replace(" ", ""): (key, rank)
        for key, names in _COLUMNS.items()
        for rank, name in enumerate(names)
    }


def _first_rows(text: str) -> list[list[str]]:
    separator = _separator(text)
    return [line.rstrip("\r").split(separator) for line in text.lstrip("\ufeff").split("\n")[:8]]


def _separator(text: str) -> str:
    return "\t" if "\t" in text[:400] else ","


def header_of(rows: list[list[object]]) -> dict[str, list[int]] | None:
    """Columns of a table of messages by their header, which may stand below three lines about the session: for each
    part of a message the columns that may hold it, best first."""
    for row in rows[:8]:
        cells = [fold(plain(cell)).strip().strip('"').replace(" ", "") for cell in row]
        if len(cells) < 3 or not any(cell in _CHAT_MARKS for cell in cells):
            continue
        found: dict[str, list[tuple[int, int]]] = {}
        for index, cell in enumerate(cells):
            if known := _column_names().get(cell.replace("_", "")):
                found.setdefault(known[0], []).append((known[1], index))
        if "text" in found and ("mine" in found or "sender" in found):
            return {key: [index for _, index in sorted(places)] for key, places in found.items()}
    return None


def read_table(rows: Iterable, blob: Blob, locator: str = "row {}") -> Iterator[RawRecord | Rejected]:
    """Readings of a table of messages."""
    columns: dict[str, list[int]] | None = None
    messages: list[Message] = []
    for item in rows:
        if isinstance(item, Rejected):
            yield item
            continue
        number, row = item
        if columns is None:
            columns = header_of([row])
            continue
        cells = {}
        for key, places in columns.items():
            held = [row[place] for place in places if place < len(row) and row[place] not in (None, "")]
            # People are called by their names; an id is what is left where the table has none.
            cells[key] = next(
                (cell for cell in held if not _ACCOUNT.fullmatch(plain(cell).strip())), *held[:1] or [None]
            )
        message = message_of(cells, locator.format(number))
        if message:
            messages.append(message)
    yield from to_records(messages, blob, names=names_beside(blob))


def message_of(cells: dict[str, object], place: str) -> Message | None:
    """A message of named cells (text, mine, sender, time, type); None where it is no text."""
    kind = fold(plain(cells.get("type"))).strip()
    if kind not in _TEXT_TYPES and not kind.startswith(("文本", "text", "1.0", "引用", "49", "57")):
        return None
    text = cells.get("text")
    if isinstance(text, str) and text.strip().startswith("{"):
        try:
            held = json.loads(text)
        except (ValueError, RecursionError):
            held = None
        if isinstance(held, dict):
            text = held.get("msg") or held.get("content") or held.get("text") or ""
    text = plain(text).replace("\r\n", "\n").strip()
    if not text or text.startswith("<?xml") or text.startswith("<msg>"):
        return None
    mine = cells.get("mine")
    return Message(
        sender=plain(cells.get("sender")).strip(),
        text=text,
        time=moment_of(cells.get("time")),
        place=place,
        mine=None
        if mine in (None, "")
        else fold(plain(mine)).strip() in ("1", "1.0", "true", "是", "yes", "我", "自己", "本人"),
    )


def moment_of(value: object) -> datetime | None:
    """A message's time: Unix seconds or milliseconds, or written out."""
    text = plain(value).strip()
    if re.fullmatch(r"\d{10}(?:\.\d+)?|\d{13}", text):
        seconds = float(text) / (1000 if len(text) == 13 else 1)
        return datetime.fromtimestamp(seconds, CHINA).replace(tzinfo=None)
    match = re.match(rf"^{_DAY}[T\s]+{_CLOCK}", widths(text))
    return _moment(match["day"], match["clock"], None) if match else None


def names_beside(blob: Blob) -> dict[str, str]:
    """Ids to names from the `users.json` beside a chat, where one lies there."""
    if blob.path is None:
        return {}
    beside = blob.path.with_name("users.json")
    try:
        if not beside.is_file() or beside.is_symlink() or beside.stat().st_size > 2**24:
            return {}
        users = json.loads(beside.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    found = {}
    for key, user in users.items() if isinstance(users, dict) else ():
        if isinstance(user, dict):
            name = next((user[field] for field in ("remark", "nickname", "account", "name") if user.get(field)), None)
            if isinstance(name, str):
                found[key] = name
        elif isinstance(user, str):
            found[key] = user
    return found
