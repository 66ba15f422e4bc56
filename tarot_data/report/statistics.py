"""Statistics of the report: pure functions over frames, one dict per section, as plain JSON.

Independent of language. Shares are from 0 to 1; chars are characters of content. Lists are capped, with the number of
omitted entries, so that the page stays small for any store.
"""

import json
import math
import random
import re
from collections.abc import Iterable, Sequence
from datetime import date

import polars as pl

from schemas.deck import CARDS, FLAGS, LABELS, PATTERNS, SPLITS, THEMES
from schemas.rejections import values_json, with_detail
from schemas.token_estimate import MOST_TOKENS_PER_CHAR, TOKENS_PER_CHAR
from tarot_data import lexicon
from tarot_data.privacy.person_names import named
from tarot_data.report.anonymise import Names, ranked
from tarot_data.report.comparisons import RATES, drift, key_figures, number, part_of, training

BUDGET_TOKENS = 2048
"""Longest example the recipes train on (`max_length`)."""

UNSURE = 0.5
"""A sentence with a lower label probability is counted as unsure."""

EASE = ("unknown_card", "duplicate_card", "no_cards", "card_conflict", "empty_body", "too_short", "not_chinese")
"""Reasons that can be fixed in the record, easiest first: one name, one card, the cards, then the text."""

EXAMPLES_A_REASON = 3
LONGEST_SAMPLE = 3000

_PAGE_ID = re.compile(r"([0-9a-f]{6})[0-9a-f]{26}")
"""A Notion page id, shown shortened."""


def measure(
    stored: pl.DataFrame,
    rejections: pl.DataFrame,
    *,
    version: dict | None,
    previous: dict | None,
    gate: dict,
    history: Sequence[dict] = (),
    run: dict | None = None,
    splits: pl.DataFrame | None = None,
    pseudonyms: bool = False,
    files: pl.DataFrame | None = None,
) -> dict:
    """Compute everything the page shows, in its order.

    stored: STORED, one row per reading. rejections: REJECTIONS. version, previous: manifests of the newest version and
    the one before, the latter with its own measured `figures` (drift needs them). history: all manifests, oldest
    first. splits: reading_id, person and split of the version. run: {manifest, log, scores, generations} of a
    training. gate: its conditions and what is missing. With pseudonyms, persons are P1, P2 … (P1 has most
    readings), in running text too. files: FILES, whose columns that were not understood are listed; with pseudonyms
    they are not, because labels may be names.
    """
    stored = stored.sort("reading_id")
    names = Names(stored, rejections, hide=pseudonyms)
    publishable = stored.filter(pl.col("consent").cast(pl.String) != "no")
    sentences = _sentences(stored)
    out = {
        "required": gate["required"],
        "pseudonyms": pseudonyms,
        "version": _version(version),
        "readings": readings(stored, sentences, rejections),
        "gate": gate,
        "next": {"fix": easiest(rejections, names)},
        "intake": intake(stored),
        "history": [_version(manifest) for manifest in history][-20:],
        "rejected": rejected(rejections, names),
        "columns": [] if pseudonyms or files is None else not_understood(files),
        "cards": cards(stored),
        "spreads": spreads(stored),
        "themes": themes(stored),
        "persons": persons(stored, names),
        "lengths": lengths(stored),
        "labels": labels(stored, sentences),
        "flags": flags(stored),
        "duplicates": duplicates(stored, rejections),
        "masked": masked(stored, rejections),
        "style": style(stored),
        "splits": split_sizes(splits, names),
        "sample": sample(publishable, version["hash"] if version else "", names),
        "training": training(run, names),
    }
    out["next"]["never_drawn"] = out["cards"]["never"]
    out["next"]["top_person"] = out["persons"]["top"][0] if out["persons"]["top"] else None
    out["key"] = key_figures(out)
    out["drift"] = drift(previous, out["key"])
    return out


def readings(stored: pl.DataFrame, sentences: pl.DataFrame, rejections: pl.DataFrame) -> dict:
    """Return the totals. outcomes: readings with a reported outcome. consent: readings by consent."""
    return {
        "kept": stored.height,
        "rejected": rejections.height,
        "synthetic": int(stored["synthetic"].sum() or 0),
        "sentences": sentences.height,
        "chars": int(stored["content"].str.len_chars().sum() or 0),
        "files": stored["source"].struct.field("file").n_unique(),
        "outcomes": stored["outcome"].drop_nulls().len(),
        "consent": dict(_counts(stored["consent"])),
    }


def easiest(rejections: pl.DataFrame, names: Names, at_most: int = 5) -> list[dict]:
    """Return the rejections that are easiest to fix: {rejection_id, reason, place, code, values, detail, excerpt, alike}.

    alike: rejections of the same unknown card, which one new alias fixes together; the most frequent card is first.
    """
    if rejections.is_empty():
        return []
    ease = {reason: number for number, reason in enumerate(EASE)}
    reason = pl.col("reason").cast(pl.String)
    problem = pl.when(reason == "unknown_card").then("values").otherwise("rejection_id")
    rows = (
        rejections.filter(pl.col("record").is_not_null() & reason.is_in(list(EASE)))
        .with_columns(ease=reason.replace_strict(ease, return_dtype=pl.Int32), problem=problem)
        .with_columns(alike=pl.len().over("ease", "problem"))
        .unique(["ease", "problem"], keep="first", maintain_order=True)
        .sort("ease", "alike", descending=[False, True], maintain_order=True)
        .head(at_most)
    )
    return [_refused(row, names) | {"alike": row["alike"]} for row in rows.iter_rows(named=True)]


def intake(stored: pl.DataFrame) -> dict:
    """Return the readings by date, in months, or in quarters or years if there are too many months.

    buckets: [{from, readings}], gaps included. earlier: at most the oldest twentieth, if a few stray dates would
    compress all others. undated: readings without a date.
    """
    dates = stored["date"].drop_nulls()
    out = {"unit": "month", "buckets": [], "earlier": 0, "first": None, "last": None}
    out["undated"] = stored.height - dates.len()
    if dates.is_empty():
        return out
    first, last = dates.min(), dates.max()
    early = dates.sort()[math.ceil(dates.len() * 0.05)] if dates.len() > 20 else first
    start = first if _months(first, last) <= 36 else early
    unit, every = next(
        (unit, every)
        for unit, every, longest in (("month", "1mo", 36), ("quarter", "3mo", 120), ("year", "1y", math.inf))
        if _months(start, last) <= longest
    )
    ends = pl.Series("from", [start, last]).dt.truncate(every)
    counted = pl.DataFrame({"from": dates.dt.truncate(every)}).group_by("from").len("readings")
    buckets = (
        pl.DataFrame({"from": pl.date_range(ends[0], ends[1], every, eager=True)})
        .join(counted, on="from", how="left", maintain_order="left")
        .fill_null(0)
    )
    shown = {"month": _month, "quarter": _quarter, "year": lambda day: str(day.year)}[unit]
    return out | {
        "unit": unit,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "buckets": [{"from": shown(day), "readings": count} for day, count in buckets.iter_rows()],
        "earlier": dates.len() - int(buckets["readings"].sum()),
    }


def not_understood(files: pl.DataFrame) -> list[dict]:
    """List the files with columns that were not understood: {file, columns}. files: FILES."""
    rows = files.filter(pl.col("columns").list.len() > 0).select("name", "columns").sort("name")
    return [{"file": name, "columns": labels} for name, labels in rows.iter_rows()]


def rejected(rejections: pl.DataFrame, names: Names) -> dict:
    """Return the rejections by reason, most frequent first, with examples. files: whole files among them."""
    reasons = []
    for reason, count in _counts(rejections["reason"]):
        rows = rejections.filter(pl.col("reason").cast(pl.String) == reason).head(EXAMPLES_A_REASON)
        examples = [_refused(row, names) for row in rows.iter_rows(named=True)]
        reasons.append({"reason": reason, "count": count, "examples": examples, "more": count - len(examples)})
    return {"total": rejections.height, "files": int(rejections["record"].is_null().sum()), "reasons": reasons}


def cards(stored: pl.DataFrame) -> dict:
    """Return how often each of the 78 was drawn, by orientation, and which never was. drawn: number of cards."""
    drawn = stored.select(pl.col("cards").list.explode().struct.unnest())
    by_pair = {
        (card, orientation): count
        for card, orientation, count in drawn.select(pl.col("card", "orientation").cast(pl.String))
        .group_by("card", "orientation")
        .len()
        .iter_rows()
    }
    counts = [
        {"card": card, **{name: by_pair.get((card, name), 0) for name in ("upright", "reversed", "unknown")}}
        for card in CARDS
    ]
    totals = {row["card"]: row["upright"] + row["reversed"] + row["unknown"] for row in counts}
    known = sum(row["upright"] + row["reversed"] for row in counts)
    return {
        "drawn": drawn.height,
        "counts": counts,
        "covered": sum(total > 0 for total in totals.values()),
        "never": [card for card, total in totals.items() if not total],
        "one_side": sum((row["upright"] > 0) != (row["reversed"] > 0) for row in counts),
        "most": max(totals, key=totals.get) if drawn.height else None,
        "most_count": max(totals.values()),
        "reversed_share": part_of(sum(row["reversed"] for row in counts), known),
        "unknown": sum(row["unknown"] for row in counts),
        "a_reading": round(drawn.height / stored.height, 2) if stored.height else 0.0,
    }


def spreads(stored: pl.DataFrame, at_most: int = 12) -> dict:
    """Return the draws by spread. A spread of the lexicon counts under its own name, others as written in the source."""
    canonical = {row["spread_id"]: row["spread"] for row in lexicon.read_table("spreads")}
    draws = stored.select(pl.col("draws").list.explode().struct.unnest())
    named = draws.select(
        "spread_id", spread=pl.coalesce(pl.col("spread_id").replace_strict(canonical, default=None), pl.col("spread"))
    )
    rows = (
        named.filter(pl.col("spread").is_not_null())
        .group_by("spread_id", "spread")
        .len("draws")
        .sort("draws", "spread", descending=[True, False])
    )
    return {
        "draws": draws.height,
        "unnamed": named["spread"].null_count(),
        "distinct": rows.height,
        "top": rows.head(at_most).to_dicts(),
        "more": max(0, rows.height - at_most),
    }


def themes(stored: pl.DataFrame) -> dict:
    """Return the readings under each theme; a reading may have several, or none."""
    counts = dict(_counts(stored.select(pl.col("themes").list.explode()).to_series()))
    return {
        "none": int((stored["themes"].list.len().fill_null(0) == 0).sum()),
        "themes": [{"theme": theme, "readings": counts.get(theme, 0)} for theme in THEMES],
    }


def persons(stored: pl.DataFrame, names: Names, at_most: int = 12) -> dict:
    """Count readings by person, most first. once: persons with a single reading. unnamed: readings of nobody or of 匿名."""
    counts = list(ranked(stored).iter_rows())
    return {
        "persons": len(counts),
        "once": sum(count == 1 for _, count in counts),
        "unnamed": stored.select(named())["person"].null_count(),
        "top": [
            {"person": names.of(person), "readings": count, "share": part_of(count, stored.height)}
            for person, count in counts[:at_most]
        ],
        "more": max(0, len(counts) - at_most),
    }


def lengths(stored: pl.DataFrame) -> dict:
    """Return the length of the content in characters, and in estimated tokens against the budget of one example.

    over: readings over the budget by the estimate; near: those that may be over it by the true count.
    bins: [{from, to, readings}] up to the 99th percentile; to is null in the last.
    """
    chars = stored["content"].str.len_chars()
    budget = math.floor(BUDGET_TOKENS / TOKENS_PER_CHAR)
    surely = math.floor(BUDGET_TOKENS / MOST_TOKENS_PER_CHAR)
    out = {"tokens_per_char": TOKENS_PER_CHAR, "budget_tokens": BUDGET_TOKENS, "budget_chars": budget}
    quantiles = {name: _quantile(chars, at) for name, at in (("p10", 0.1), ("median", 0.5), ("p90", 0.9), ("max", 1))}
    over = stored.filter(chars > budget)["reading_id"]
    out |= {
        "chars": quantiles,
        "tokens": {name: round(value * TOKENS_PER_CHAR) for name, value in quantiles.items()},
        "over": over.len(),
        "near": int(chars.is_between(surely, budget, closed="right").sum()),
        "over_ids": over.head(5).to_list(),
        "bins": [],
    }
    if stored.is_empty():
        return out
    far = max(1, _quantile(chars, 0.99))
    width = next((step for step in (20, 50, 100, 200, 500, 1000, 2000) if far / step <= 18), math.ceil(far / 18))
    last = far // width
    counts = dict((chars // width).clip(upper_bound=last).value_counts().iter_rows())
    out["bins"] = [
        {
            "from": number * width,
            "to": (number + 1) * width if number < last else None,
            "readings": counts.get(number, 0),
        }
        for number in range(last + 1)
    ]
    return out


def labels(stored: pl.DataFrame, sentences: pl.DataFrame) -> dict:
    """Return the sentences by their first label, readings that lack a pattern, and the number of uncertain labels."""
    first = dict(_counts(sentences["labels"].list.first()))
    second = dict(_counts(sentences.filter(pl.col("labels").list.len() > 1)["labels"].list.last()))
    every = sentences.select("row", label=pl.col("labels").cast(pl.List(pl.String))).explode("label")
    with_label = dict(every.unique().group_by("label").len().iter_rows())
    without = []
    for label in PATTERNS:
        having = every.filter(pl.col("label") == label).select("row").unique()
        lacking = stored.with_row_index("row").select("row", "reading_id").join(having, on="row", how="anti")
        without.append(
            {
                "label": label,
                "readings": stored.height - with_label.get(label, 0),
                "share": part_of(stored.height - with_label.get(label, 0), stored.height),
                "ids": lacking.sort("row")["reading_id"].head(5).to_list(),
            }
        )
    return {
        "sentences": sentences.height,
        "a_reading": round(sentences.height / stored.height, 1) if stored.height else 0.0,
        "labels": [
            {
                "label": label,
                "sentences": first.get(label, 0),
                "share": part_of(first.get(label, 0), sentences.height),
                "second": second.get(label, 0),
            }
            for label in LABELS
        ],
        "without": without,
        "unsure": int((sentences["confidence"] < UNSURE).sum() or 0),
        "unsure_share": part_of(int((sentences["confidence"] < UNSURE).sum() or 0), sentences.height),
        "labellers": sorted(stored["labeller"].drop_nulls().unique().to_list()),
    }


def flags(stored: pl.DataFrame) -> dict:
    """Return the readings under each flag. clean: readings without any."""
    counts = dict(_counts(stored.select(pl.col("flags").list.explode()).to_series()))
    return {
        "clean": int((stored["flags"].list.len().fill_null(0) == 0).sum()),
        "flags": [{"flag": flag, "readings": counts.get(flag, 0)} for flag in FLAGS],
    }


def duplicates(stored: pl.DataFrame, rejections: pl.DataFrame) -> dict:
    """Return the rejected duplicates, and readings of equal fingerprint inside the store, of which there must be none."""
    counts = dict(_counts(rejections["reason"]))
    return {
        "duplicate": counts.get("duplicate", 0),
        "near_duplicate": counts.get("near_duplicate", 0),
        "twins": stored.height - stored["fingerprint"].n_unique(),
    }


def masked(stored: pl.DataFrame, rejections: pl.DataFrame) -> dict:
    """Count masked contact details by kind, in accepted readings and in rejections. readings: accepted ones that had any."""
    kept = dict(_counts(stored.select(pl.col("masked").list.explode()).to_series()))
    refused = dict(_counts(rejections.select(pl.col("masked").list.explode()).to_series()))
    kinds = sorted(kept | refused, key=lambda kind: (-kept.get(kind, 0) - refused.get(kind, 0), kind))
    return {
        "readings": int((stored["masked"].list.len() > 0).sum() or 0),
        "total": sum(kept.values()) + sum(refused.values()),
        "kinds": [{"kind": kind, "kept": kept.get(kind, 0), "rejected": refused.get(kind, 0)} for kind in kinds],
    }


def style(stored: pl.DataFrame) -> dict:
    """Return the reader's style: forms of address, script, rates (mean and quartiles over readings), markers."""
    profile = stored.filter(pl.col("style").is_not_null()).select(pl.col("style").struct.unnest())
    rates = {}
    for name in (*RATES, "questions_share"):
        values = profile[name].cast(pl.Float64).drop_nulls().drop_nans()
        rates[name] = {
            "mean": number(values.mean()),
            "p25": number(values.quantile(0.25, "linear")),
            "p75": number(values.quantile(0.75, "linear")),
        }
    return {
        "readings": profile.height,
        "address": [{"address": value, "readings": count} for value, count in _counts(profile["address"])],
        "script": [{"script": value, "readings": count} for value, count in _counts(profile["script"])],
        "rates": rates,
        "markers": [
            {"marker": value, "readings": count}
            for value, count in _counts(profile.select(pl.col("markers").list.explode()).to_series())[:12]
        ],
    }


def split_sizes(splits: pl.DataFrame | None, names: Names) -> dict | None:
    """Return the readings and persons of each split; leaks: persons in more than one split; twice: readings.

    None without a published version.
    """
    if splits is None:
        return None
    plain = splits.select("reading_id", named(), pl.col("split").cast(pl.String))
    rows = {
        split: (count, known)
        for split, count, known in plain.group_by("split")
        .agg(pl.len(), pl.col("person").drop_nulls().n_unique().alias("known"))
        .iter_rows()
    }
    crossing = (
        plain.filter(pl.col("person").is_not_null())
        .group_by("person")
        .agg(pl.col("split").n_unique())
        .filter(pl.col("split") > 1)["person"]
        .sort()
    )
    return {
        "splits": [
            {
                "split": split,
                "readings": rows.get(split, (0, 0))[0],
                "persons": rows.get(split, (0, 0))[1],
                "share": part_of(rows.get(split, (0, 0))[0], plain.height),
            }
            for split in SPLITS
        ],
        "leaks": crossing.len(),
        "leaking": [names.of(person) for person in crossing.head(5)],
        "twice": plain.height - plain["reading_id"].n_unique(),
    }


def sample(stored: pl.DataFrame, seed: str, names: Names, at_most: int = 5) -> list[dict]:
    """Return random readings, the same for the same version, divided into sentences and gaps.

    segments: [{text, labels, cards}], in order, together the content up to LONGEST_SAMPLE characters; labels is
    empty for gaps. cut: characters omitted.
    """
    chosen = sorted(random.Random(seed).sample(range(stored.height), min(at_most, stored.height)))
    out = []
    for row in stored[chosen].iter_rows(named=True):
        segments, shown = _segments(row["content"], row["sentences"] or [])
        own = row["person"]
        out.append(
            {
                "reading_id": row["reading_id"],
                "person": names.of(own),
                "question": names.hide(row["question"], own),
                "date": row["date"].isoformat() if row["date"] else None,
                "spreads": [draw["spread"] for draw in row["draws"] or [] if draw["spread"]],
                "cards": [{key: card[key] for key in ("card", "orientation", "position")} for card in row["cards"]],
                "synthetic": bool(row["synthetic"]),
                "themes": row["themes"] or [],
                "segments": [segment | {"text": names.hide(segment["text"], own)} for segment in segments],
                "cut": len(row["content"]) - shown,
            }
        )
    return out


def _sentences(stored: pl.DataFrame) -> pl.DataFrame:
    """Return all sentences, one per row; row: index of the reading in stored."""
    return stored.with_row_index("row").select("row", "sentences").explode("sentences").unnest("sentences")


def _segments(content: str, sentences: Iterable[dict]) -> tuple[list[dict], int]:
    """Return the sentences and the gaps between them up to LONGEST_SAMPLE characters, and how many characters they cover."""
    segments, at = [], 0
    for sentence in sorted(sentences, key=lambda sentence: sentence["start"]):
        if at >= LONGEST_SAMPLE:
            return segments, at
        start, end = max(at, sentence["start"]), sentence["end"]
        if end <= start:
            continue
        if start > at:
            segments.append({"text": content[at:start], "labels": [], "cards": []})
        # A single sentence may be longer than the whole sample.
        end = min(end, max(start + 1, LONGEST_SAMPLE))
        segments.append({"text": content[start:end], "labels": sentence["labels"], "cards": sentence["cards"] or []})
        at = end
    if at < len(content):
        end = max(at, min(len(content), LONGEST_SAMPLE))
        segments.append({"text": content[at:end], "labels": [], "cards": []})
        at = end
    return segments, at


def _refused(row: dict, names: Names) -> dict:
    source = row["source"]
    place = " › ".join(part for part in (source["file"], source["member"]) if part)
    if source["locator"] and source["locator"] != "file":
        place += f" · {source['locator']}"
    own = names.in_record(row["record"])
    shown = {name: names.hide(value, own) for name, value in json.loads(row["values"]).items()}
    rejected = {
        "rejection_id": row["rejection_id"],
        "reason": row["reason"],
        "place": names.hide(_PAGE_ID.sub(r"\1…", place), own),
        "code": row["code"],
        "values": values_json(shown),
        "excerpt": names.hide(row["excerpt"], own),
    }
    return with_detail(rejected)


def _version(manifest: dict | None) -> dict | None:
    if manifest is None:
        return None
    return {key: manifest.get(key) for key in ("version", "hash", "name", "counts")}


def _counts(values: pl.Series) -> list[tuple[str, int]]:
    """Count values, most frequent first, ties by value; nulls are not counted."""
    name = values.name or "value"
    counted = values.cast(pl.String).drop_nulls().rename(name).value_counts(name="count_")
    return list(counted.sort("count_", name, descending=[True, False]).iter_rows())


def _quantile(values: pl.Series, at: float) -> int:
    return int(values.quantile(at, "nearest") or 0)


def _months(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month + 1


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _quarter(day: date) -> str:
    return f"{day.year}Q{(day.month + 2) // 3}"
