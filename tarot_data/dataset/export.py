"""Export of a version as a folder for other tools: `datasets`, LLaMA-Factory, axolotl, spreadsheets, with a dataset card.

    README.md, croissant.json     dataset card, for people and for machines
    data/examples/<split>.parquet prompt and completion messages
    data/readings/<split>.parquet the readings with their sentences, labels and cards
    jsonl/<split>.jsonl           the examples, one JSON object per line
    alpaca/, sharegpt/            the examples as LLaMA-Factory reads them, with dataset_info.json
    axolotl.yaml                  the part of an axolotl configuration that reads sharegpt/
    readings.csv                  for a spreadsheet

A split without readings has no files. Paths on the reader's disk are left out.
"""

import csv
import json
from datetime import date
from hashlib import sha256
from pathlib import Path

import polars as pl
import yaml

from schemas.deck import SPLITS
from schemas.errors import Problem
from tarot_data.cards.format import card_text
from tarot_data.dataset import croissant, dataset_card, versions
from tarot_data.dataset.examples import MAX_TOKENS, Budget, to_examples
from tarot_data.dataset.thinking_trace import version as traces_version
from tarot_data.privacy import mask
from tarot_data.system.atomic import new_folder
from tarot_data.text.cleanup import neutral

SPECIAL = r"<([|｜][^<>\n]{1,40}[|｜])>|<(/?think)>"
"""Text a tokenizer may take for a special token; escaped here, since other trainers do not."""

SHEET = ("reading_id", "split", "person", "question", "date", "spread", "cards", "content", "themes", "outcome")


def export(
    data_dir: Path,
    manifest: dict,
    target: Path,
    *,
    lang: str,
    license: str,
    day: date,
    reasoning: bool = False,
) -> dict[str, object]:
    """Write a version to a new folder; returns {path, version, hash, files}.

    lang: language of the card. license: an SPDX name in lower case, or `other`. reasoning: add thinking traces
    even if the version has none; its examples are then made again. Raises Problem `target_exists`.
    """
    if target.exists():
        raise Problem("target_exists", path=target)
    with new_folder(target) as half:
        published = versions.read(data_dir, manifest)
        if reasoning and not manifest["settings"].get("reasoning"):
            budget = Budget(max_tokens=manifest["settings"].get("max_tokens", MAX_TOKENS), reasoning=True)
            examples = to_examples(published, budget)
            manifest = manifest | {"settings": manifest["settings"] | {"reasoning": traces_version()}}
        else:
            examples = versions.read_examples(data_dir, manifest)
        splits = [split for split in SPLITS if (published["split"] == split).any()]
        for split in splits:
            _write_split(
                half,
                split,
                published.filter(pl.col("split") == split),
                examples.filter(pl.col("split") == split),
            )
        _write_json(half / "dataset_info.json", llama_factory(splits))
        (half / "axolotl.yaml").write_text(yaml.safe_dump(axolotl(splits), sort_keys=False), encoding="utf-8")
        _write_sheet(half / "readings.csv", published)
        # These hashes are of the version's own files; croissant.json has those of the exported files.
        _write_json(half / "manifest.json", {name: value for name, value in manifest.items() if name != "files"})
        (half / "README.md").write_text(dataset_card.card(manifest, published, splits, lang, license), encoding="utf-8")
        digests = {path.relative_to(half).as_posix(): sha256(path.read_bytes()).hexdigest() for path in _files(half)}
        _write_json(half / "croissant.json", croissant.metadata(manifest, digests, splits, lang, license, day))
    return {
        "path": str(target),
        "version": manifest["version"],
        "hash": manifest["hash"],
        "files": sorted([*digests, "croissant.json"]),
    }


def findings(manifest: dict, published: pl.DataFrame) -> dict[str, int]:
    """Find reasons against sharing a version: {kind of contact detail: readings}, and `names`: persons.

    Contact details were masked in the ingest and are searched for again. Names are real unless the version was published
    with pseudonyms.
    """
    found: dict[str, int] = {}
    asked = pl.col("follow_ups").list.eval(pl.element().struct.field("asked")).list.join("\n")
    for row in published.select("question", "content", "outcome", asked).iter_rows():
        kinds = {kind for text in row if text for kind in mask.mask(text)[1]}
        for kind in kinds:
            found[kind] = found.get(kind, 0) + 1
    persons = published["person"].drop_nulls().n_unique()
    if persons and not manifest["settings"].get("pseudonyms"):
        found["names"] = persons
    return found


def _write_split(half: Path, split: str, readings: pl.DataFrame, examples: pl.DataFrame) -> None:
    for folder in ("data/examples", "data/readings", "jsonl", "alpaca", "sharegpt"):
        (half / folder).mkdir(parents=True, exist_ok=True)
    examples.write_parquet(half / "data" / "examples" / f"{split}.parquet", compression="zstd")
    shown(readings).write_parquet(half / "data" / "readings" / f"{split}.parquet", compression="zstd")
    examples.write_ndjson(half / "jsonl" / f"{split}.jsonl")
    alpaca(examples).write_json(half / "alpaca" / f"{split}.json")
    sharegpt(examples).write_json(half / "sharegpt" / f"{split}.json")


def shown(readings: pl.DataFrame) -> pl.DataFrame:
    """Reduce the source of readings to its format, without names of files and places."""
    return readings.with_columns(form=pl.col("source").struct.field("form")).drop("source", "fingerprint", "revision")


def alpaca(examples: pl.DataFrame) -> pl.DataFrame:
    """instruction, input (empty), output, history: [[instruction, output], …] if they are a follow-up, and metadata: person,
    cards, key_themes, style_markers. One row a reading: LLaMA-Factory trains on the answers of the history too."""
    turns, last = pl.col("turns"), pl.col("turns").list.last().struct
    pair = pl.concat_list(pl.element().struct.field("asked", "answer"))
    return _talks(examples).select(
        instruction=last.field("asked"),
        input=pl.lit(""),
        output=last.field("answer"),
        history=turns.list.slice(0, turns.list.len() - 1).list.eval(pair),
        metadata=pl.struct("person", "cards", "key_themes", "style_markers"),
    )


def sharegpt(examples: pl.DataFrame) -> pl.DataFrame:
    """conversations: [{from: human, value}, {from: gpt, value}, …]; one row a reading with its follow-ups."""
    said = {"human": pl.element().struct.field("asked"), "gpt": pl.element().struct.field("answer")}
    messages = [pl.struct(pl.lit(who).alias("from"), text.alias("value")) for who, text in said.items()]
    return _talks(examples).select(
        conversations=pl.col("turns").list.eval(pl.concat_list(messages)).list.eval(pl.element().explode())
    )


def _talks(examples: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each reading or part of one, with `turns`: [{asked, answer}, …]."""
    first = pl.col("prompt").list.len() == 1
    turn = pl.struct(_said("prompt").alias("asked"), _answer().alias("answer"))
    rows = examples.with_columns(turn=turn, talk=first.cum_sum()).group_by("talk", maintain_order=True)
    return rows.agg(pl.col("person", "cards", "key_themes", "style_markers").first(), turns="turn")


def llama_factory(splits: list[str]) -> dict[str, dict]:
    """Write LLaMA-Factory's list of datasets; the folder is its `--dataset_dir`."""
    out: dict[str, dict] = {}
    for split in splits:
        columns = {"prompt": "instruction", "query": "input", "response": "output", "history": "history"}
        out[f"tarot_{split}"] = {"file_name": f"alpaca/{split}.json", "columns": columns}
    for split in splits:
        out[f"tarot_{split}_sharegpt"] = {
            "file_name": f"sharegpt/{split}.json",
            "formatting": "sharegpt",
            "columns": {"messages": "conversations"},
        }
    return out


AXOLOTL = {"train": "datasets", "validation": "test_datasets"}
"""Split to its key in an axolotl configuration."""


def axolotl(splits: list[str]) -> dict[str, object]:
    """Write the keys of an axolotl configuration that read this folder, with paths from inside it.

    Its `chat_template` type takes `human` and `gpt` for user and assistant and puts the loss on the latter.
    """
    fields = {"field_messages": "conversations", "message_property_mappings": {"role": "from", "content": "value"}}
    read = {"ds_type": "json", "split": "train", "type": "chat_template", **fields}
    return {
        **{AXOLOTL[split]: [{"path": f"sharegpt/{split}.json"} | read] for split in splits if split in AXOLOTL},
        "chat_template": "tokenizer_default",
        "train_on_inputs": False,
    }


def _said(column: str) -> pl.Expr:
    text = pl.col(column).list.last().struct.field("content")
    return text.str.replace_all(SPECIAL, "＜${1}${2}＞")


def _answer() -> pl.Expr:
    trace = pl.col("completion").list.last().struct.field("reasoning_content")
    trace = trace.str.replace_all(SPECIAL, "＜${1}${2}＞")
    return (
        pl.when(trace.is_not_null())
        .then(pl.format("<think>\n{}\n</think>\n\n{}", trace, _said("completion")))
        .otherwise(_said("completion"))
    )


def _write_sheet(path: Path, published: pl.DataFrame) -> None:
    """Write a CSV that spreadsheets open as Chinese text, without formulas."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(SHEET)
        for row in published.iter_rows(named=True):
            row |= {
                "date": str(row["date"] or ""),
                "spread": "；".join(draw["spread"] for draw in row["draws"] if draw["spread"]),
                "cards": "、".join(card_text(drawn) for drawn in row["cards"]),
                "themes": "、".join(row["themes"] or []),
            }
            writer.writerow([neutral(row[name] or "") for name in SHEET])


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
