"""Labelled fields to a raw record: person, question, date, draws, content."""

from tarot_data.cards import card_fields
from tarot_data.sources.addressee import addressee_of, client_of_folder, greeted
from tarot_data.sources.field_draws import draws_of
from tarot_data.sources.field_values import Fields, FieldValues, body_of, text_of
from tarot_data.sources.labels import is_title
from tarot_data.sources.name_evidence import is_sure_name, split_asker
from tarot_data.sources.records import RawRecord, Source

_KEPT_IN_EXTRA = ("reader", "deck", "tags")


def to_record(
    fields: Fields,
    source: Source,
    *,
    content: str | None = None,
    title: str | None = None,
    date_hint: str | None = None,
    record_id: str | None = None,
    extra: dict[str, object] | None = None,
    unknown: tuple[str, ...] = (),
    client: str | None = None,
) -> RawRecord:
    """Build a raw record from labelled values; of several labels of one field, the first synonym counts.

    content: the body, if it is no field. title: of the page or file; it is the question if no field asks one. extra:
    values of no field; the values of fields that lose against a synonym are added to a copy. unknown: see `RawRecord`.
    client: the person if neither a field nor the text's address names one.
    """
    values = FieldValues(fields, dict(extra or {}))
    draws = draws_of(values)
    body = _body(values, content)
    asked = values.first("question")
    person = values.first("person") if "person" in values.named else _client(body, asked, title, date_hint) or client
    page_title = values.first("title") or title
    question = asked
    if asked is None and page_title and is_title(str(page_title)):
        named, question = split_asker(str(page_title), text_of(person))
        person = person or named
    elif person is None and isinstance(page_title, str) and is_sure_name(page_title.strip()):
        person = page_title.strip()
    for name in _KEPT_IN_EXTRA:
        if (value := values.first(name)) is not None:
            values.extra.setdefault(name, value)
    return RawRecord(
        source=source,
        person=text_of(person),
        question=text_of(question),
        draws=draws,
        content=body,
        date=values.first("date"),
        date_hint=date_hint,
        outcome=text_of(values.first("outcome")),
        consent=values.first("consent"),
        synthetic=bool(card_fields.answer_of(values.first("synthetic"))),
        record_id=record_id,
        extra=values.extra,
        unknown=unknown,
    )


def _body(values: FieldValues, content: str | None) -> str:
    """Return the content: the fields' numbered texts joined (`解读1 | 解读2`), or the longest of several texts."""
    texts = [body_of(value) for _, value in values.named.get("content", ())]
    parts = values.numbered("content")
    if len(texts) == len(parts) > 1:
        texts = ["\n\n".join(body_of(parts[number][0][1]) for number in sorted(parts))]
    if content is not None and content.strip():
        texts.append(content)
    return texts[0] if len(texts) == 1 else max(texts, key=lambda text: len("".join(text.split())), default="")


def _client(body: str, asked: object, title: str | None, date_hint: str | None) -> str | None:
    return client_of_folder(date_hint) or addressee_of(body, asked, title, date_hint) or greeted(body)
