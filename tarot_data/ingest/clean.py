"""Conversion of raw records to readings (cleaned, masked, cards resolved) or to rejections with their reason.

A record passes five steps, which all change one draft: clean, check the body, resolve the cards, mask, flag.
"""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import polars as pl

from schemas.deck import TO_CHECK
from schemas.tables import REJECTIONS
from tarot_data.cards import card_fields, content_cards
from tarot_data.cards.spreads import places_of, resolve_spread
from tarot_data.ingest.body_checks import body_problem
from tarot_data.ingest.raw_json import record_of
from tarot_data.ingest.reading_frame import reading_frame
from tarot_data.ingest.rejections import rejection_row, source_row
from tarot_data.lexicon.dates import Day, parse_date
from tarot_data.privacy import mask
from tarot_data.sources.noise import noise_words
from tarot_data.sources.records import Corrected, RawRecord, Rejected
from tarot_data.text.cleanup import clean_text, plain
from tarot_data.text.normalise import fold, words

LONGEST_PERSON, LONGEST_QUESTION, LONGEST_SPREAD, LONGEST_CARD, LONGEST_POSITION = 60, 2000, 200, 80, 60
"""Characters of the texts of a reading that are kept; a person with a longer name is dropped."""

_WIKI_LINK = re.compile(r"\[\[(?:[^\]|]*\|)?([^\]|]*)\]\]")
_REMARK = re.compile(r"\s*[(（]([^()（）]{1,4})[)）]?$")
_PLACEHOLDER = re.compile("〔[^〕]*〕")
_MASKED = re.compile(r"[\s(（<《\[【:：]*〔[^〕]*〕[\s)）>》\]】]*")
"""A masked contact detail behind a name, with the brackets around it."""
_OPENING, _CLOSING = "([{（【「『《〈<“", ")]}）】」』》〉>”"
_PAIRS = frozenset(zip(_OPENING, _CLOSING, strict=True))
_AROUND_NAME = " ,，、;；:：@#*•·-–—_~～|/▪◆●>\"'"


@dataclass
class Draft:
    """A record being converted to a reading: its texts cleaned once, then changed by the steps.

    draws, cards, follow_ups: rows of READINGS. problem: stage, reason, code and values of a rejection.
    """

    record: RawRecord
    content: str
    person: str
    question: str
    outcome: str
    day: Day
    draws: list[dict]
    follow_ups: list[dict] = field(default_factory=list)
    cards: list[dict] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    problem: tuple[str, str, str, dict[str, object]] | None = None


def to_readings(
    records: Iterable[RawRecord | Rejected], corrected: Corrected | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return frames of schemas.tables.READINGS and REJECTIONS: every record is in exactly one of them."""
    readings, rejections = [], []
    for record in records:
        if isinstance(record, Rejected):
            rejections.append(rejection_row(record))
            continue
        result = _with_fixes(record, corrected) if corrected else to_reading(record)
        (readings if "reading_id" in result else rejections).append(result)
    return reading_frame(readings), pl.DataFrame(rejections, schema=REJECTIONS)


def _with_fixes(record: RawRecord, corrected: Corrected) -> dict:
    """Apply `to_reading` to a record or to its correction, which may itself have been corrected."""
    result, met = to_reading(record), set()
    while (key := result.get("key") or result["fingerprint"]) not in met and (better := corrected(record, key)):
        met.add(key)
        record, result = better, to_reading(better)
    return result


def to_reading(record: RawRecord) -> dict:
    """Convert a record to a row of READINGS or, if there is a reason to reject it, to a row of REJECTIONS."""
    draft = cleaned(record)
    for step in (check_body, resolve_cards, mask_texts, add_flags):
        step(draft)
        if draft.problem:
            stage, reason, code, values = draft.problem
            raw = record_of(record)
            return rejection_row(
                Rejected(source=record.source, stage=stage, reason=reason, code=code, values=values, raw=raw)
            )
    return _row(draft)


def cleaned(record: RawRecord) -> Draft:
    """Clean the texts of a record; those it does not have are empty."""
    content = clean_text(record.content)
    return Draft(
        record=record,
        content=content,
        follow_ups=_follow_ups(
            content, [(clean_text(before), clean_text(asked)) for before, asked in record.follow_ups]
        ),
        person=_name(record.person),
        question=clean_text(record.question or "")[:LONGEST_QUESTION],
        outcome=clean_text(record.outcome or ""),
        day=parse_date(record.date, record.date_hint),
        draws=[
            {"draw": number, "spread": clean_text(draw.spread)[:LONGEST_SPREAD] if isinstance(draw.spread, str) else ""}
            for number, draw in enumerate(record.draws, 1)
        ],
        flags=[flag for flag in record.kept_flags if flag in TO_CHECK],
    )


def _follow_ups(content: str, asked: list[tuple[str, str]]) -> list[dict]:
    """Find where in a content the answer to each question begins, of (content before it, question).

    A question is left out if the content does not begin with the words before it: the reading is then one text, as if
    nothing had been asked.
    """
    found = []
    for before, question in asked:
        answer = content[len(before) :].lstrip()
        if before and question and answer and content.startswith(before):
            found.append({"at": len(content) - len(answer), "asked": question[:LONGEST_QUESTION]})
    return found


def _name(person: object) -> str:
    """Return a person's name without marks of lists, tags, links and emphasis around it, without line breaks, and without
    sex, age and sign behind it (`林小姐 女 32岁`)."""
    text = clean_text(person) if isinstance(person, str) else plain(person)
    text = _WIKI_LINK.sub(r"\1", text).replace("**", "").replace("__", "")
    if text.startswith("#") and "/" in text:
        text = text.rpartition("/")[2]  # a tag: `#客户/阿凯`
    name = _without_marks(" ".join(text.split()))
    remark = _REMARK.search(name)
    name = name[: remark.start()] if remark and remark[1] in noise_words("name remark") else name
    first, *rest = _PARTS_OF_NAME.split(name)
    details = {fold(word).lstrip(string.digits) for word in rest} - {""}
    return first if first and details and details <= {*noise_words("name detail")} else name


_PARTS_OF_NAME = re.compile(r"[\s,，/、·|｜]+")


def _without_marks(name: str) -> str:
    """Remove marks around a name, and brackets of which only one is left (`阿苇]]`, `「阿苇」`)."""
    name = name.strip(_AROUND_NAME)
    while name and (name[0] in _CLOSING or name[-1] in _OPENING or (name[0], name[-1]) in _PAIRS):
        name = name[1 if name[0] in _CLOSING or (name[0], name[-1]) in _PAIRS else 0 :].strip(_AROUND_NAME)
        name = name[: -1 if name[-1:] in _OPENING + _CLOSING else None].strip(_AROUND_NAME)
    opened = [mark for mark, end in _PAIRS if mark in name and end not in name]
    closed = [end for mark, end in _PAIRS if end in name and mark not in name]
    return name.strip("".join([*opened, *closed]) + _AROUND_NAME)


def check_body(draft: Draft) -> None:
    """Reject a content that is not the body of a reading."""
    if problem := body_problem(draft.content):
        draft.problem = ("clean", *problem)
    if problem and problem[1] == "empty" and draft.record.unknown:
        columns = "、".join(draft.record.unknown)
        draft.problem = ("clean", "empty_body", "text_not_understood", {"columns": columns})


def resolve_cards(draft: Draft) -> None:
    """Resolve spreads and cards; take the cards from the content if no field has any. Reject unknown and repeated ones."""
    deck = draft.record.extra.get("deck")
    for draw, raw in zip(draft.draws, draft.record.draws, strict=True):
        draw["spread_id"], _ = resolve_spread(draw["spread"] or None)
        if raw.resolved is not None:
            draft.cards += [{**card, "draw": draw["draw"]} for card in raw.resolved]
            continue
        value = clean_text(raw.cards) if isinstance(raw.cards, str) else raw.cards
        parsed = card_fields.parse_cards(value, draw["spread"] or None, deck if isinstance(deck, str) else None)
        if unknown := card_fields.unknown_name(parsed):
            draft.problem = ("cards", "unknown_card", "unknown_card", {"card": unknown})
            return
        draft.cards += [_card(draw["draw"], card) for card in parsed.cards]
    if not draft.cards:
        _take_cards_of_content(draft)
    elif not any(raw.resolved is not None for raw in draft.record.draws):
        last = draft.draws[-1]["draw"]
        draft.cards += [{"draw": last, **card} for card in content_cards.drawn_later(draft.content, draft.cards)]
    for number in {card["draw"] for card in draft.cards}:
        if twice := card_fields.duplicates([card for card in draft.cards if card["draw"] == number]):
            draft.problem = ("cards", "duplicate_card", "card_twice", {"card": twice[0], "draw": number})
            return


def _take_cards_of_content(draft: Draft) -> None:
    """Take the cards from the content; reject a draft whose content names none."""
    spread = next((draw["spread"] for draw in draft.draws if draw["spread"]), None)
    asked = bool(draft.person or draft.question)
    draft.cards = [{"draw": 1, **card} for card in content_cards.cards_in_content(draft.content, spread, asked)]
    draft.draws = draft.draws or [{"draw": 1, "spread": "", "spread_id": None}]
    draft.flags.append("cards_from_content")
    if not draft.cards:
        draft.problem = ("cards", "no_cards", "no_cards", {})


def _card(draw: int, card: dict) -> dict:
    """Return a parsed card as a row of READINGS, its texts truncated."""
    position = plain(card["position"])[:LONGEST_POSITION] if card["position"] else None
    return {"draw": draw, **card, "raw": plain(card["raw"])[:LONGEST_CARD], "position": position}


def mask_texts(draft: Draft) -> None:
    """Mask contact details in every text, all texts of the record at once; drop a person that is only a contact detail."""
    spreads, asked = [draw["spread"] for draw in draft.draws], [one["asked"] for one in draft.follow_ups]
    texts = [draft.content, draft.person, draft.question, draft.outcome, *spreads, *asked]
    before = mask.kinds_in(texts)
    parts = [mask.mask(draft.content[: one["at"]].rstrip())[0] for one in draft.follow_ups]
    texts, kinds = mask.mask_all(texts)
    draft.masked = before + kinds
    draft.content, draft.person, draft.question, draft.outcome, *more = texts
    draft.follow_ups = _follow_ups(draft.content, list(zip(parts, more[len(spreads) :], strict=True)))
    for draw, spread in zip(draft.draws, more[: len(spreads)], strict=True):
        draw["spread"] = spread
    for card in draft.cards:
        for name in ("position", "raw"):
            if card[name]:
                card[name], kinds = mask.mask_short(card[name])
                draft.masked += kinds
    if _PLACEHOLDER.search(draft.person):
        draft.person = _without_marks(_MASKED.sub(" ", draft.person))
    letters = any(map(str.isalnum, draft.person))
    if not letters or len(draft.person) > LONGEST_PERSON:
        draft.person = ""


def add_flags(draft: Draft) -> None:
    """Add flags for missing, doubtful or changed values."""
    flags = {
        "missing_person": not draft.person,
        "missing_question": not draft.question,
        "missing_date": not draft.day.day,
        "missing_spread": not any(draw["spread"] for draw in draft.draws),
        "unknown_orientation": any(card["orientation"] == "unknown" for card in draft.cards),
        "place_count": any(_has_other_count(draw, draft.cards) for draw in draft.draws)
        or "cards_from_content" in draft.flags
        and content_cards.is_incomplete(draft.content, draft.cards),
        "redacted": bool(draft.masked),
        "inferred_date": draft.day.inferred or "inferred_date" in draft.record.kept_flags,
        "fixed": draft.record.fixed,
    }
    draft.flags += [flag for flag, holds in flags.items() if holds]


def _has_other_count(draw: dict, cards: list[dict]) -> bool:
    """Test whether the cards of a draw are fewer or more than the places of its spread."""
    places = places_of(draw["spread"] or None)
    count = sum(card["draw"] == draw["draw"] and card["place"] > 0 for card in cards)
    return bool(places and count) and places != count


def _row(draft: Draft) -> dict:
    """Return a finished draft as a row of READINGS."""
    print_ = fingerprint(draft.cards, draft.content)
    return {
        "reading_id": f"r{print_[:16]}",
        "revision": 1,
        "fingerprint": print_,
        "person": draft.person or None,
        "question": draft.question or None,
        "date": draft.day.day,
        "draws": [draw | {"spread": draw["spread"] or None} for draw in draft.draws],
        "cards": draft.cards,
        "content": draft.content,
        "follow_ups": draft.follow_ups,
        "outcome": draft.outcome or None,
        "consent": _consent(draft.record.consent),
        "flags": draft.flags,
        "masked": draft.masked,
        "synthetic": bool(draft.record.synthetic),
        "source": source_row(draft.record.source),
    }


def fingerprint(cards: list[dict], content: str) -> str:
    """Return 32 hex digits, equal for equal cards and words: only letters, digits and Chinese characters count."""
    drawn_cards = " ".join(f"{card['draw']}{card['card']}{card['orientation']}" for card in cards)
    return blake2b(f"{drawn_cards}\0{words(content)}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def _consent(value: object) -> str:
    answer = card_fields.answer_of(value) if value is not None else None
    return "unknown" if answer is None else "yes" if answer else "no"
