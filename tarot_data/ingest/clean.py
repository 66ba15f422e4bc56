"""Raw records to clean, masked readings with resolved cards, or to rejections with their reason."""

import json
import re
from collections.abc import Iterable
from datetime import date
from hashlib import blake2b

import polars as pl

from schemas.rejections import values_json
from schemas.tables import READINGS, REJECTIONS
from tarot_data.cards import card_fields, content_cards
from tarot_data.cards.spreads import places_of, resolve_spread
from tarot_data.ingest.body_checks import body_problem
from tarot_data.ingest.raw_json import record_of
from tarot_data.lexicon.dates import parse_date
from tarot_data.privacy import mask
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources.records import Corrected, RawRecord, Rejected, Source
from tarot_data.text.cleanup import clean_text, plain
from tarot_data.text.normalise import words

LONGEST_PERSON, LONGEST_QUESTION = 60, 2000


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
            rejections.append(_rejection(record))
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
    draws, cards, unknown = _draws(record)
    if unknown:
        return _refused(record, "cards", "unknown_card", "unknown_card", {"card": unknown})
    if not cards:
        cards = content_cards.cards_in_content(
            content, next((draw["spread"] for draw in draws if draw["spread"]), None)
        )
        if not cards:
            return _refused(record, "cards", "no_cards", "no_cards", {})
        cards = [{"draw": 1, **card} for card in cards]
        flags.append("cards_from_content")
    for number in {card["draw"] for card in cards}:
        if twice := card_fields.duplicates([card for card in cards if card["draw"] == number]):
            values = {"card": twice[0], "draw": number}
            return _refused(record, "cards", "duplicate_card", "card_twice", values)

    person = _name(record.person)
    question = clean_text(record.question or "")[:LONGEST_QUESTION] or None
    outcome = clean_text(record.outcome or "") or None
    texts = [content, person or "", question or "", outcome or "", *(draw["spread"] or "" for draw in draws)]
    before = mask.kinds_in(texts)
    texts, masked = mask.mask_all(texts)
    masked = [*before, *masked]
    content, person, question, outcome = texts[0], texts[1] or None, texts[2] or None, texts[3] or None
    for draw, spread in zip(draws, texts[4:], strict=True):
        draw["spread"] = spread or None
    for card in cards:
        for key in ("position", "raw"):
            if card[key]:
                card[key], kinds = mask.mask_short(card[key])
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


def _draws(record: RawRecord) -> tuple[list[dict], list[dict], str]:
    """The draws, their resolved cards, and the names of the first draw with unknown cards, if any."""
    draws, cards, unknown = [], [], ""
    deck = record.extra.get("deck")
    deck = deck if isinstance(deck, str) else None
    for number, draw in enumerate(record.draws, 1):
        spread = clean_text(draw.spread)[:200] if isinstance(draw.spread, str) else None
        spread_id, _ = resolve_spread(spread)
        draws.append({"draw": number, "spread": spread or None, "spread_id": spread_id})
        value = clean_text(draw.cards) if isinstance(draw.cards, str) else draw.cards
        parsed = card_fields.parse_cards(value, spread, deck)
        unknown = unknown or card_fields.unknown_name(parsed)
        for card in parsed.cards:
            raw = plain(card["raw"])[:80]
            position = plain(card["position"])[:60] if card["position"] else None
            cards.append({"draw": number, **card, "raw": raw, "position": position})
    return draws, cards, unknown


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
    answer = card_fields.answer_of(value) if value is not None else None
    return "unknown" if answer is None else "yes" if answer else "no"


def _source(source: Source) -> dict:
    return {
        "file": source.file,
        "member": source.member,
        "locator": source.locator,
        "sha256": source.sha256,
        "form": source.form,
    }


def _refused(record: RawRecord, stage: str, reason: str, code: str, values: dict[str, object]) -> dict:
    raw = record_of(record)
    return _rejection(Rejected(source=record.source, stage=stage, reason=reason, code=code, values=values, raw=raw))


def _rejection(rejected: Rejected) -> dict:
    """A row of REJECTIONS, everything in it masked. The excerpt is of the content, else of the line as it stood."""
    raw, masked = masked_object(rejected.raw)
    texts = {name: plain(value)[:500] for name, value in rejected.values.items() if isinstance(value, str)}
    shown, kinds = mask.mask_all(list(texts.values()))
    values = {name: str(value) for name, value in rejected.values.items()} | dict(zip(texts, shown, strict=True))
    excerpt = clean_text(str(raw.get("content") or raw.get("line") or ""))[:60] or None
    row = _source(rejected.source)
    record = json.dumps(raw, ensure_ascii=False, default=str) if raw else None
    return {
        "rejection_id": "",
        "source": row,
        "stage": rejected.stage,
        "reason": rejected.reason,
        "key": _key(raw, row),
        "code": rejected.code,
        "values": values_json(values),
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
