"""Croissant 1.0 metadata (JSON-LD for search engines and loaders) of an exported version.

Written without mlcroissant, which brings rdflib and pandas; the tests validate with it.
"""

from datetime import date

from schemas.messages import say

CONTEXT = {
    "@language": "zh",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "conformsTo": "dct:conformsTo",
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs column dataBiases dataCollection equivalentProperty extract field fileObject fileProperty fileSet "
            "format includes isLiveDataset jsonPath key md5 parentField path personalSensitiveInformation recordSet "
            "references regex repeated replace samplingRate separator source subField transform"
        ).split()
    },
}
"""The context of the Croissant 1.0 specification, with Chinese as the language of texts."""

FORMATS = {
    "parquet": "application/x-parquet",
    "yaml": "application/yaml",
    "jsonl": "application/jsonlines",
    "json": "application/json",
    "csv": "text/csv",
    "md": "text/markdown",
}

FIELDS = (
    ("example_id", "sc:Text", False, None),
    ("reading_id", "sc:Text", False, None),
    ("prompt", "sc:Text", True, "$[*].content"),
    ("completion", "sc:Text", True, "$[*].content"),
    ("person", "sc:Text", False, None),
    ("cards", "sc:Text", True, None),
    ("key_themes", "sc:Text", True, None),
    ("style_markers", "sc:Text", True, None),
    ("synthetic", "sc:Boolean", False, None),
)
"""Columns of an example: name, type, whether repeated, and the path of its text in a message."""


def metadata(
    manifest: dict, digests: dict[str, str], splits: list[str], lang: str, license: str, day: date
) -> dict[str, object]:
    """Build the JSON-LD of an exported version. digests: path below the folder -> sha256."""
    digest = manifest["hash"]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest["name"],
        "description": say("card.what", lang, **manifest["counts"]),
        "license": [license],
        "url": f"urn:sha256:{digest}",
        "version": f"{manifest['version']}.0.0",
        "datePublished": day.isoformat(),
        "inLanguage": "zh",
        "citeAs": f"{manifest['name']} ({digest})",
        "creator": {"@type": "sc:Person", "name": say("card.creator", lang)},
        "dataCollection": say("card.collection", lang),
        "personalSensitiveInformation": say("card.sensitive", lang),
        "distribution": [_file(name, digests[name]) for name in sorted(digests)],
        "recordSet": [_records(split, lang) for split in splits],
    }


def _file(name: str, digest: str) -> dict[str, object]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": FORMATS[name.rpartition(".")[2]],
        "sha256": digest,
    }


def _records(split: str, lang: str) -> dict[str, object]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": say("card.examples_of", lang, split=split),
        "field": [_field(split, lang, *field) for field in FIELDS],
    }


def _field(split: str, lang: str, name: str, kind: str, repeated: bool, path: str | None) -> dict[str, object]:
    source = {"fileObject": {"@id": f"data/examples/{split}.parquet"}, "extract": {"column": name}}
    return {
        "@type": "cr:Field",
        "@id": f"{split}/{name}",
        "name": name,
        "description": say(f"card.field_{name}", lang),
        "dataType": kind,
        **({"repeated": True} if repeated else {}),
        "source": source | ({"transform": {"jsonPath": path}} if path else {}),
    }
