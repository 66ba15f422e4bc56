"""Raw records to clean, masked readings with resolved cards, or to rejections with their reason.

Cleaning repairs the file, not the author: Unicode NFC, line ends, invisible characters, HTML, image lines. Wording,
punctuation, emoji and script stay as written.
"""

import html
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from hashlib import blake2b

import polars as pl

from schemas.tables import READINGS, REJECTIONS
from tarot_data import drawn, lexicon, privacy, told
from tarot_data.dates import parse_date
from tarot_data.folding import fold, words
from tarot_data.sources.record import Corrected, RawDraw, RawRecord, Rejected, Source, plain
from tarot_data.spreads import places_of, resolve_spread

SHORTEST = 40
"""Characters without white space: shorter bodies are remarks, not readings (DESIGN, closed lists)."""

CHINESE_SHARE = 0.1
"""Chinese characters among all letters. The most English of 176 annotated readings has 0.26."""

LONGEST_PERSON, LONGEST_QUESTION = 60, 2000

LONGEST_KEPT = 400_000
"""Characters of one text of a rejected record that are kept: a book, which no reading is."""

_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u00ad]")
_STRAY_JOINER = re.compile(
    "(?<![\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u2640\u2642])\u200d|\u200d(?![\U0001f000-\U0001faff\u2600-\u27bf\u2640\u2642\u2695-\u26a7])"
)
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_MEDIA_NAME = re.compile(r"\.(?:jpe?g|png|gif|heic|webp|mp4)", re.IGNORECASE)
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\u0085\x0b\x0c]")
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\((?:[^()\n]|\([^()\n]{0,300}\)){0,2000}\)|!\[\[[^\]\n]{1,300}\]\]")
_IMAGE_LINE = re.compile(
    r"^[ \t>]*(?:\[(?:图片|圖片|照片|image|photo|动画表情|動畫表情|表情|视频|視頻|语音|語音)\]|(?:IMG|DSC|image|截图|微信图片)[_\- ]?[\w\-]{0,40}\.(?:jpe?g|png|gif|heic|webp|mp4))[ \t]*$",
    re.IGNORECASE,
)
_FILE_LINE = re.compile(
    r"^[ \t]*\[[^\]\n]{0,300}\]\((?!https?:)[^()\n]{1,2000}\.(?:jpe?g|png|gif|heic|webp|pdf|mp4|mov|mp3|m4a|csv|md|html?)\)[ \t]*$",
    re.IGNORECASE,
)
_SPACE_END = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_DROPPED_ELEMENT = re.compile(
    r"<(script|style|head|iframe|object|noscript)\b[^>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)
_BLOCK = "p|div|br|hr|li|ul|ol|tr|table|tbody|thead|h[1-6]|blockquote|aside|details|summary|section|article|header|footer|pre|figure|figcaption|dl|dt|dd"
_INLINE = "span|b|i|u|s|em|strong|a|font|img|code|sub|sup|small|big|del|ins|mark|td|th|label|html|body|meta|link|input|button|svg|path|video|audio|source|form|center|strike|ruby|rt|rp|q|cite|abbr|time|o:p|w:sdt|wbr|picture|col|colgroup|caption|kbd|samp|var|tt|embed|param|base|nav|main|title|script|style|iframe|object|noscript|head"
_TAG = re.compile(rf"</?(?:({_BLOCK})|{_INLINE})(?:[\s/][^<>]{{0,4000}})?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HAN_RUN = re.compile(f"{_HAN.pattern}+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u052f\u0590-\u06ff\u0900-\u0e7f\u3041-\u30fa\uac00-\ud7af]")
_ONLY_LINKS = re.compile(r"(?:https?://\S+|\[[^\]]*\]\([^)]*\)|\[[\u4e00-\u9fff]{2,4}\]|〔[^〕]{1,8}〕|[\s\W_])+")


def clean_text(text: str) -> str:
    """A text without what its file did to it. Line ends are \\n, at most one blank line stays, ends are stripped."""
    if not text:
        return ""
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if _ODD.search(text):
        text = plain(_LINE_ENDS.sub("\n", text))
        text = _STRAY_JOINER.sub("", _INVISIBLE.sub("", text)).replace("\u00a0", " ")
    if "<" in text or "&" in text:
        text = _without_html(text)
    if "[" in text or ("." in text and _MEDIA_NAME.search(text)):
        text = _without_images(text)
    if " \n" in text or "\t\n" in text:
        text = _SPACE_END.sub("", text)
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return text.strip()


def _without_html(text: str) -> str:
    """Tags that HTML knows dropped, a block tag as a line break, entities as characters, however often escaped."""
    for _ in range(6):
        before = text
        text = _CDATA.sub(r"\1", text)
        text = _DROPPED_ELEMENT.sub("", text)
        text = _TAG.sub(lambda match: "\n" if match[1] else "", text)
        if "&" in text:
            text = _ENTITY.sub(lambda match: html.unescape(match[0]), text).replace("\u00a0", " ")
        if text == before:
            break
    return plain(text)


def _without_images(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        kept = _IMAGE.sub("", line) if "![" in line else line
        if (kept != line and not kept.strip(" \t>")) or _IMAGE_LINE.match(kept) or _FILE_LINE.match(kept):
            continue
        lines.append(kept)
    return "\n".join(lines)


@lexicon.cached
def _empty_bodies() -> frozenset[str]:
    return frozenset(fold(word) for row in lexicon.read_table("empty_bodies") for word in row["words"].split("|"))


def body_problem(content: str) -> tuple[str, str] | None:
    """Reason and detail where a clean content is no body of a reading, else None."""
    dense = "".join(content.split())
    said = fold(dense).strip("。.!！()（）[]【】") if len(dense) < SHORTEST else dense
    if not dense or said in _empty_bodies() or _ONLY_LINKS.fullmatch(content):
        return "empty_body", "nothing is left of the content" if dense else "the content is empty"
    if _is_broken(content):
        return "unreadable", "the encoding of the content is broken; export the file again as UTF-8"
    if len(dense) < 300 and _is_card_list(content):
        return "empty_body", "the content only repeats the cards"
    if len(dense) < SHORTEST:
        return "too_short", f"{len(dense)} characters, fewer than {SHORTEST}"
    # Two hundred characters settle it for nearly every reading; a doubtful one is counted whole.
    if sum(map(len, _HAN_RUN.findall(content[:200]))) < 60 or _OTHER_SCRIPT.search(content):
        chinese, foreign = len(_HAN.findall(content)), len(_OTHER_SCRIPT.findall(content))
        letters = chinese + foreign + len(_LATIN.findall(content))
        if chinese < CHINESE_SHARE * letters or foreign > chinese * 0.2:
            return "not_chinese", f"{chinese} Chinese characters among {letters} letters"
    return None


def _is_broken(content: str) -> bool:
    """Broken characters, more than one in 200 (a single cut emoji is let pass), or UTF-8 that was read as GBK (`鍜ㄨ`)."""
    broken = content.count("\ufffd") + sum(content.count(mark) for mark in ("锟斤拷", "烫烫烫", "ï»¿", "â€", "å", "ä¸"))
    if broken > 1 and broken * 200 > len(content):
        return True
    if any(common in content for common in "的是你我"):
        # Text read in the wrong encoding has none of these.
        return False
    foreign = "".join(_HAN.findall(content[:300]))[:120]
    if len(foreign) < 20:
        return False
    try:
        data = foreign.encode("gbk")
    except UnicodeEncodeError:
        return False
    return len(_HAN.findall(data.decode("utf-8", "ignore"))) * 3 > len(data) * 0.6


def _is_card_list(content: str) -> bool:
    try:
        return bool(drawn.parse_cards(content))
    except drawn.UnknownCard:
        return False


def fingerprint(cards: list[dict], content: str) -> str:
    """32 hex digits, equal for the same cards and the same words: only letters, digits and Chinese characters count."""
    drawn_cards = " ".join(f"{card['draw']}{card['card']}{card['orientation']}" for card in cards)
    return blake2b(f"{drawn_cards}\0{words(content)}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def to_readings(
    records: Iterable[RawRecord | Rejected], corrected: Corrected | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Frames of schemas.tables.READINGS and REJECTIONS: every record is in exactly one of them."""
    readings, rejections = [], []
    for record in records:
        if isinstance(record, Rejected):
            rejections.append(_rejection(record.source, record.stage, record.reason, record.detail, record.raw))
            continue
        result = _with_fixes(record, corrected) if corrected else to_reading(record)
        (readings if "reading_id" in result else rejections).append(result)
    return _frame(readings), pl.DataFrame(rejections, schema=REJECTIONS)


def _with_fixes(record: RawRecord, corrected: Corrected) -> dict:
    """`to_reading` of a record and of what a person made of it; a correction may itself have been corrected."""
    result, met = to_reading(record), set()
    while (key := result.get("key") or result["fingerprint"]) not in met and (better := corrected(record, key)):
        met.add(key)
        record, result = better, to_reading(better)
    return result


def _frame(readings: list[dict]) -> pl.DataFrame:
    """Rows of READINGS as a frame, column by column: polars takes nested objects one at a time, flat columns at once."""
    columns = []
    for name, dtype in READINGS.items():
        values = [row[name] for row in readings]
        if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
            columns.append(_nested(name, values, dtype))
        elif isinstance(dtype, pl.List):
            columns.append(pl.Series(name, values, dtype=pl.List(pl.String)).cast(dtype))
        else:
            columns.append(pl.Series(name, values, dtype=dtype))
    return pl.DataFrame(columns)


def _nested(name: str, values: list[list[dict]], dtype: pl.List) -> pl.Series:
    """Lists of objects as a column of lists of structs."""
    items = [item for value in values for item in value]
    flat = pl.DataFrame(
        {field.name: pl.Series([item[field.name] for item in items], dtype=field.dtype) for field in dtype.inner.fields}
    )
    rows = pl.Series("row", [index for index, value in enumerate(values) for _ in value], dtype=pl.UInt32)
    lists = (
        pl.DataFrame({"row": rows, name: flat.to_struct(name)}).group_by("row", maintain_order=True).agg(pl.col(name))
    )
    every = pl.DataFrame({"row": pl.Series(range(len(values)), dtype=pl.UInt32)})
    filled = every.join(lists, on="row", how="left", maintain_order="left")[name]
    return filled.fill_null(pl.Series([[]], dtype=dtype)).cast(dtype)


def to_reading(record: RawRecord) -> dict:
    """One record as a row of READINGS, or, where it has a reason to be left out, as a row of REJECTIONS."""
    content = clean_text(record.content)
    if problem := body_problem(content):
        return _refused(record, "clean", *problem)
    flags = []
    try:
        draws, cards = _draws(record)
    except drawn.UnknownCard as unknown:
        return _refused(record, "cards", "unknown_card", f"'{unknown.name}' is no card of this deck")
    if not cards:
        cards = told.cards_in_content(content, next((draw["spread"] for draw in draws if draw["spread"]), None))
        if not cards:
            return _refused(record, "cards", "no_cards", "no cards in the fields, none plainly drawn in the content")
        cards = [{"draw": 1, **card} for card in cards]
        flags.append("cards_from_content")
    for number in {card["draw"] for card in cards}:
        if twice := drawn.duplicates([card for card in cards if card["draw"] == number]):
            return _refused(record, "cards", "duplicate_card", f"{twice[0]} lies twice in draw {number}")

    person = _name(record.person)
    question = clean_text(record.question or "")[:LONGEST_QUESTION] or None
    outcome = clean_text(record.outcome or "") or None
    texts = [content, person or "", question or "", outcome or "", *(draw["spread"] or "" for draw in draws)]
    before = privacy.kinds_in(texts)
    texts, masked = privacy.mask_all(texts)
    masked = [*before, *masked]
    content, person, question, outcome = texts[0], texts[1] or None, texts[2] or None, texts[3] or None
    for draw, spread in zip(draws, texts[4:], strict=True):
        draw["spread"] = spread or None
    for card in cards:
        for key in ("position", "raw"):
            if card[key]:
                card[key], kinds = privacy.mask_short(card[key])
                masked += kinds
    if person and (not re.sub(r"〔[^〕]*〕|[\W_]", "", person) or len(person) > LONGEST_PERSON):
        person = None

    day = parse_date(record.date, record.date_hint)
    flags += _flags(person, question, day.day, draws, cards)
    if masked:
        flags.append("redacted")
    if day.inferred:
        flags.append("inferred_date")
    if record.fixed:
        flags.append("fixed")
    print_ = fingerprint(cards, content)
    return {
        "reading_id": f"r{print_[:16]}",
        "revision": 1,
        "fingerprint": print_,
        "person": person,
        "question": question,
        "date": day.day,
        "draws": draws,
        "cards": cards,
        "content": content,
        "outcome": outcome,
        "consent": _consent(record.consent),
        "flags": flags,
        "masked": masked,
        "synthetic": bool(record.synthetic),
        "source": _source(record.source),
    }


def _draws(record: RawRecord) -> tuple[list[dict], list[dict]]:
    """The draws and their cards, resolved. Raises UnknownCard."""
    draws, cards = [], []
    deck = record.extra.get("deck")
    deck = deck if isinstance(deck, str) else None
    for number, draw in enumerate(record.draws, 1):
        spread = clean_text(draw.spread)[:200] if isinstance(draw.spread, str) else None
        spread_id, _ = resolve_spread(spread)
        draws.append({"draw": number, "spread": spread or None, "spread_id": spread_id})
        value = clean_text(draw.cards) if isinstance(draw.cards, str) else draw.cards
        for card in drawn.parse_cards(value, spread, deck):
            raw = plain(card["raw"])[:80]
            position = plain(card["position"])[:60] if card["position"] else None
            cards.append({"draw": number, **card, "raw": raw, "position": position})
    return draws, cards


def _flags(
    person: str | None, question: str | None, day: date | None, draws: list[dict], cards: list[dict]
) -> list[str]:
    flags = []
    if not person:
        flags.append("missing_person")
    if not question:
        flags.append("missing_question")
    if not day:
        flags.append("missing_date")
    if not any(draw["spread"] for draw in draws):
        flags.append("missing_spread")
    if any(card["orientation"] == "unknown" for card in cards):
        flags.append("unknown_orientation")
    for draw in draws:
        places = places_of(draw["spread"])
        laid = sum(card["draw"] == draw["draw"] and card["place"] > 0 for card in cards)
        if places and laid and places != laid:
            flags.append("place_count")
            break
    return flags


def _name(person: object) -> str | None:
    """A person's name as a source has it, without wiki brackets and line breaks."""
    text = clean_text(person) if isinstance(person, str) else plain(person)
    text = re.sub(r"\[\[(?:[^\]|]*\|)?([^\]|]*)\]\]", r"\1", text)
    text = re.sub(r"\s+", " ", text).strip(" \t,，、;；:：@")
    return text or None


def _consent(value: object) -> str:
    answer = drawn.answer_of(value) if value is not None else None
    return "unknown" if answer is None else "yes" if answer else "no"


def _source(source: Source) -> dict:
    return {
        "file": source.file,
        "member": source.member,
        "locator": source.locator,
        "sha256": source.sha256,
        "form": source.form,
    }


def _refused(record: RawRecord, stage: str, reason: str, detail: str) -> dict:
    return _rejection(record.source, stage, reason, detail, record_of(record))


def _rejection(source: Source, stage: str, reason: str, detail: str, raw: dict) -> dict:
    """A row of REJECTIONS, everything in it masked. The excerpt is of the content, else of the line as it stood."""
    raw, masked = masked_object(raw)
    detail, kinds = privacy.mask(plain(detail)[:500])
    excerpt = clean_text(str(raw.get("content") or raw.get("line") or ""))[:60] or None
    row = _source(source)
    record = json.dumps(raw, ensure_ascii=False, default=str) if raw else None
    return {
        "rejection_id": "",
        "source": row,
        "stage": stage,
        "reason": reason,
        "key": _key(raw, row),
        "detail": detail,
        "excerpt": excerpt,
        "record": record,
        "masked": masked + kinds,
    }


def _key(raw: dict, source: dict) -> str:
    """What the record itself says, whatever file or place it is in; of a file, its bytes."""
    said = {name: value for name, value in raw.items() if name not in ("date_hint", "record_id", "fixed")}
    if not said:
        said = {name: source[name] for name in ("member", "locator", "sha256")}
    return blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def record_of(record: RawRecord) -> dict:
    """A raw record as an object of plain values, from which `to_record` makes it again."""
    return {
        "person": record.person,
        "question": record.question,
        "draws": [{"spread": draw.spread, "cards": draw.cards} for draw in record.draws],
        "content": record.content,
        "date": record.date,
        "date_hint": record.date_hint,
        "outcome": record.outcome,
        "consent": record.consent,
        "synthetic": record.synthetic,
        "record_id": record.record_id,
        **({"fixed": True} if record.fixed else {}),
        **({"extra": record.extra} if record.extra else {}),
    }


def to_record(stored: dict, source: Source) -> RawRecord:
    """The record of a rejection, as an object (perhaps corrected by a person), made a raw record again.

    Takes what `record_of` gives and what rejected readings have (`cards` resolved, beside `draws`).
    """
    draws = stored.get("draws") or []
    cards = stored.get("cards")
    if isinstance(cards, list) and cards and all(isinstance(card, dict) and "draw" in card for card in cards):
        spreads = {draw.get("draw", number): draw.get("spread") for number, draw in enumerate(draws, 1)}
        numbers = sorted({*spreads, *(card["draw"] for card in cards)})
        raws = tuple(
            RawDraw(spread=spreads.get(number), cards=[_card_object(card) for card in cards if card["draw"] == number])
            for number in numbers
        )
    elif cards is not None:
        raws = (RawDraw(spread=draws[0].get("spread") if draws else stored.get("spread"), cards=cards),)
    else:
        raws = tuple(RawDraw(spread=draw.get("spread"), cards=draw.get("cards")) for draw in draws)
    names = ("person", "question", "date", "date_hint", "outcome", "consent", "record_id")
    return RawRecord(
        source=source,
        draws=raws,
        content=plain(stored.get("content")),
        synthetic=bool(stored.get("synthetic")),
        fixed=bool(stored.get("fixed")),
        extra=stored.get("extra") or {},
        **{name: stored.get(name) for name in names},
    )


def _card_object(card: dict) -> dict:
    position = card.get("position") or (card["place"] if card.get("place") else None)
    return {"card": card["card"], "orientation": card.get("orientation") or "unknown", "position": position}


def masked_object(value: object, longest: int = LONGEST_KEPT) -> tuple[object, list[str]]:
    """A JSON-like object with every string in it masked (keys too) and cut at `longest`, and the kinds masked."""
    texts: list[str] = []
    labels: list[str] = []

    def gather(item: object, depth: int, label: str = "") -> object:
        if depth > 12:
            return None
        if isinstance(item, dict):
            # Names at the top are our own; those below are the source's, and may say what they hold (微信, phone).
            named = [(str(key), held) for key, held in list(item.items())[:500]]
            return {gather(key, depth): gather(held, depth + 1, key if depth else "") for key, held in named}
        if isinstance(item, list | tuple):
            return [gather(held, depth + 1, label) for held in list(item)[:500]]
        if isinstance(item, bool) or item is None:
            return item
        if isinstance(item, bytes):
            return None
        told_by_name = label and privacy.announces(label)
        if isinstance(item, int | float) and abs(item) < (1e4 if told_by_name else 1e9):
            return item if item == item else None
        texts.append(plain(item.isoformat() if isinstance(item, date | datetime) else item)[:longest])
        labels.append(label)
        return _Slot(len(texts) - 1)

    def fill(item: object) -> object:
        if isinstance(item, _Slot):
            return masked[item]
        if isinstance(item, dict):
            return {fill(key): fill(held) for key, held in item.items()}
        if isinstance(item, list):
            return [fill(held) for held in item]
        return item

    shape = gather(value, 0)
    masked, kinds = privacy.mask_all(texts, labels)
    return fill(shape), kinds


class _Slot(int):
    """The place of a text in the list that is masked as a whole."""
