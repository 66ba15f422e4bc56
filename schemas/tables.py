"""Table schemas for polars; `contracts` has the checks on their rows.

Delta Lake has no enumerated type, so on disk closed lists are strings; `typed` casts them to `pl.Enum` when a
table is read or validated, which fails for a value outside its list.
"""

import polars as pl

from schemas import deck

Source = pl.Struct(
    {"file": pl.String, "member": pl.String, "locator": pl.String, "sha256": pl.String, "form": pl.String}
)
"""file: path below the given inbox, with `/`. member: entry of an archive, or null. locator: `line 12`, `row 3`,
`sheet 1月 row 4`, `page 1590a8…`, `table readings id 7`. sha256: of the file's bytes, lower-case hex."""

DrawnCard = pl.Struct(
    {
        "draw": pl.Int32,
        "place": pl.Int32,
        "position": pl.String,
        "card": deck.Card,
        "orientation": deck.Orientation,
        "raw": pl.String,
    }
)
"""A card as drawn. draw and place count from 1; an extra card (底牌, 切牌, 补牌) has place 0 and that word as its
position. raw: as in the source, masked."""

Draw = pl.Struct({"draw": pl.Int32, "spread": pl.String, "spread_id": pl.String})
"""spread: as in the source. spread_id: row of `lexicon/spreads.csv`, or null if none fits."""

FollowUp = pl.Struct({"at": pl.Int32, "asked": pl.String})
"""A question that the person asked while the reading was written. at: character of content at which its answer begins; the
answer ends at the next one. asked: masked."""

SentenceItem = pl.Struct(
    {
        "start": pl.Int32,
        "end": pl.Int32,
        "labels": pl.List(deck.Label),
        "cards": pl.List(deck.Card),
        "confidence": pl.Float32,
    }
)

Style = pl.Struct(
    {
        "address": pl.String,
        "script": pl.String,
        "sentence_chars": pl.Float32,
        "particles_per_100": pl.Float32,
        "emoji_per_100": pl.Float32,
        "hedges_per_100": pl.Float32,
        "questions_share": pl.Float32,
        "markers": pl.List(pl.String),
    }
)
"""Style of one reading. address: 你, 您, third or none. script: simplified, traditional or mixed. …_per_100: per 100
characters of content. questions_share: sentences that ask, 0 to 1. markers: short codes such as `emoji`, `markdown`."""

READINGS = pl.Schema(
    {
        "reading_id": pl.String,
        "revision": pl.Int32,
        "fingerprint": pl.String,
        "person": pl.String,
        "question": pl.String,
        "date": pl.Date,
        "draws": pl.List(Draw),
        "cards": pl.List(DrawnCard),
        "content": pl.String,
        "follow_ups": pl.List(FollowUp),
        "outcome": pl.String,
        "consent": deck.Consent,
        "flags": pl.List(deck.Flag),
        "masked": pl.List(pl.String),
        "synthetic": pl.Boolean,
        "source": Source,
    }
)
"""A reading, masked and clean, before annotation.

fingerprint: hex blake2b-128 of cards and folded words (white space, punctuation and width folded), equal for the same
reading from any source. reading_id: `r` and 16 hex digits of the fingerprint at first sight; stays when the source is
edited, and revision (from 1) counts. masked: the kind of every contact detail masked, one entry each.
"""

SENTENCES = pl.Schema(
    {
        "reading_id": pl.String,
        "index": pl.Int32,
        "start": pl.Int32,
        "end": pl.Int32,
        "labels": pl.List(deck.Label),
        "cards": pl.List(deck.Card),
        "confidence": pl.Float32,
    }
)
"""A sentence is `content[start:end]`, in characters. One label, or two with the more specific first. confidence: the
labeller's own probability of just these labels, 0 to 1; 1 where a person said so."""

ANNOTATIONS = pl.Schema(
    {
        "reading_id": pl.String,
        "sentences": pl.List(SentenceItem),
        "themes": pl.List(deck.Theme),
        "style": Style,
        "labeller": pl.String,
    }
)
"""One row per reading. labeller: version of model and lexicon that annotated it."""

STORED = pl.Schema({**READINGS, **{k: v for k, v in ANNOTATIONS.items() if k != "reading_id"}})
"""A reading with its annotation, as stored: one row, so that a commit is atomic."""

REJECTIONS = pl.Schema(
    {
        "rejection_id": pl.String,
        "source": Source,
        "stage": deck.Stage,
        "reason": deck.Reason,
        "key": pl.String,
        "code": pl.String,
        "values": pl.String,
        "excerpt": pl.String,
        "record": pl.String,
        "masked": pl.List(pl.String),
    }
)
"""What was left out. key: what a person's decision about it is filed under (`tarot_data.ingest.fixes`): 32 hex digits, the same
whenever the same record is refused. code: row `rejection.<code>` of the message catalogue. values: JSON object of
strings that fill its sentence (`schemas.rejections`), masked; `twin` is the reading_id that a duplicate repeats. excerpt:
the first 60 characters of the content, masked. record: the whole raw record as masked JSON, so that it can be fixed;
null for a file. rejection_id: `x` and 16 hex digits of source and code."""

EXAMPLES = pl.Schema(
    {
        "example_id": pl.String,
        "reading_id": pl.String,
        "split": deck.Split,
        "prompt": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
        "completion": pl.List(pl.Struct({"role": pl.String, "content": pl.String, "reasoning_content": pl.String})),
        "person": pl.String,
        "cards": pl.List(pl.String),
        "key_themes": pl.List(pl.String),
        "style_markers": pl.List(pl.String),
        "synthetic": pl.Boolean,
    }
)
"""What a model is trained on: TRL's prompt/completion messages. cards: `愚人(正位)` in drawing order. The answer to a
follow-up is an example of its own, whose prompt has all messages before it."""


def stored(schema: pl.Schema) -> pl.Schema:
    """Return the schema with every closed list as a string, for Delta Lake."""
    return pl.Schema({name: _plain(dtype) for name, dtype in schema.items()})


def _plain(dtype: pl.DataType) -> pl.DataType:
    if isinstance(dtype, pl.Enum):
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(_plain(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _plain(field.dtype) for field in dtype.fields})
    return dtype


def typed(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Cast a frame to the columns and types of the schema.

    Raises polars.exceptions.InvalidOperationError if a value is not in its closed list, ColumnNotFoundError if a column
    is missing.
    """
    return frame.select([pl.col(name).cast(dtype) for name, dtype in schema.items()])
