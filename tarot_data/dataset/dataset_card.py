"""Dataset card: YAML for the hub and for `datasets`, and what people should know before using the readings."""

import polars as pl
import yaml

from schemas.deck import SPLITS
from schemas.messages import say
from tarot_data.dataset.diff import figures

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
"""Upper bounds, in examples, of the hub's size categories."""

CONFIGS = ("examples", "readings")

FIELDS = (
    "example_id",
    "reading_id",
    "prompt",
    "completion",
    "person",
    "cards",
    "key_themes",
    "style_markers",
    "synthetic",
)


TOMBSTONES = {"persons": "tombstone", "readings": "tombstone_readings"}
"""What was removed from a version -> its sentence."""


def card(manifest: dict, published: pl.DataFrame, splits: list[str], lang: str, license: str) -> str:
    """Write the README.md of an exported version in one language; its YAML is the same in any."""

    def words(key: str, **values: object) -> str:
        return say(f"card.{key}", lang, **values)

    lines = ["---", header(manifest, splits, license).rstrip(), "---", "", f"# {words('title')}", ""]
    lines += [words("what", **manifest["counts"]), ""]
    if manifest["counts"]["synthetic"]:
        lines += [words("synthetic", count=manifest["counts"]["synthetic"]), ""]
    lines += [f"## {words('load_title')}", "", "```python", *_loading(manifest), "```", "", words("load"), ""]
    lines += [f"## {words('fields_title')}", "", *_table(words, ("name", "means"), _fields(words)), ""]
    lines += [f"## {words('collection_title')}", "", words("collection"), ""]
    lines += [*_table(words, ("form", "readings"), _counted(published["source"].struct.field("form"))), ""]
    lines += [f"## {words('labels_title')}", "", words("labels", labeller=", ".join(manifest["labeller"])), ""]
    lines += [f"## {words('splits_title')}", "", words("splits"), "", *_splits(words, published), ""]
    lines += [f"## {words('masked_title')}", "", words("masked"), ""]
    lines += [*_table(words, ("kind", "details"), _counted(published["masked"].list.explode())), ""]
    lines += [words("names_hidden" if manifest["settings"].get("pseudonyms") else "names_real"), ""]
    lines += [*_table(words, ("consent", "readings"), _counted(published["consent"])), ""]
    lines += [f"## {words('figures_title')}", "", *_table(words, ("figure", "value"), figures(published).items()), ""]
    lines += [f"## {words('limits_title')}", "", words("limits"), ""]
    if "tombstone" in manifest:
        counts = {name: manifest["tombstone"].get(f"{name}_removed", 0) for name in ("persons", "readings")}
        lines += [
            line for name, key in TOMBSTONES.items() if counts[name] for line in (words(key, count=counts[name]), "")
        ]
    lines += [f"## {words('made_title')}", "", *_table(words, ("name", "value"), _made(manifest)), ""]
    return "\n".join(lines)


def header(manifest: dict, splits: list[str], license: str) -> str:
    """Write the YAML front matter.

    Each configuration has a version number made from the hash: `datasets` caches a folder by its name and this number,
    and would otherwise return the rows of an older version exported under the same name.
    """
    number = f"{manifest['version']}.0.{int(manifest['hash'][:8], 16)}"
    size = next((name for most, name in SIZES if manifest["counts"]["readings"] < most), "1M<n<10M")
    front: dict[str, object] = {"license": license}
    if license == "other":
        front["license_name"] = "all-rights-reserved"
    front |= {
        "language": ["zh"],
        "pretty_name": f"Tarot readings, version {manifest['version']}",
        "size_categories": [size],
        "task_categories": ["text-generation"],
        "tags": ["tarot", "croissant"],
        "configs": [
            {
                "config_name": name,
                **({"default": True} if name == CONFIGS[0] else {}),
                "version": number,
                "data_files": [{"split": split, "path": f"data/{name}/{split}.parquet"} for split in splits],
            }
            for name in CONFIGS
        ],
    }
    return yaml.safe_dump(front, allow_unicode=True, sort_keys=False)


def _loading(manifest: dict) -> list[str]:
    return [
        "from datasets import load_dataset",
        "",
        'examples = load_dataset("DIR")                # prompt, completion',
        'readings = load_dataset("DIR", "readings")    # content, sentences, cards',
        "# LLaMA-Factory: --dataset_dir DIR --dataset tarot_train --eval_dataset tarot_validation",
        "# axolotl: copy the keys of axolotl.yaml into your configuration and start it in DIR",
    ]


def _fields(words) -> list[tuple[str, str]]:
    return [(f"`{name}`", words(f"field_{name}")) for name in FIELDS]


def _splits(words, published: pl.DataFrame) -> list[str]:
    counted = published.group_by("split").agg(pl.len(), pl.col("person").drop_nulls().n_unique())
    rows = {split: (str(readings), str(persons)) for split, readings, persons in counted.iter_rows()}
    return _table(words, ("split", "readings", "persons"), [(s, *rows[s]) for s in SPLITS if s in rows])


def _made(manifest: dict) -> list[tuple[str, object]]:
    rows = [("version", manifest["version"]), ("hash", f"`{manifest['hash']}`"), ("parent", manifest["parent"] or "–")]
    rows += [(name, manifest[name]) for name in ("code", "lexicon", "store_version")]
    return rows + [("settings", manifest["settings"])]


def _counted(values: pl.Series) -> list[tuple[str, int]]:
    counts = values.drop_nulls().value_counts().rows()
    return sorted(((str(value), count) for value, count in counts), key=lambda row: (-row[1], row[0]))


def _table(words, head: tuple[str, ...], rows) -> list[str]:
    body = [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in rows]
    titles = [words(f"column_{name}") for name in head]
    return [f"| {' | '.join(titles)} |", f"|{'---|' * len(head)}", *body] if body else ["–"]
