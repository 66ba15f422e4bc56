"""Jobs of benchmarks/curation.py in general tools, run by an interpreter that has them: `python peer_jobs.py JOB IN OUT`.

In: JSONL of id and content. Out: JSONL of the documents that are kept. Needs py-data-juicer and datatrove (with spacy and
jieba for Chinese words); imports nothing of this project.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from time import process_time

FEWEST, SPECIAL, REPEATED, REPEATED_LENGTH = 20, 0.25, 0.5, 10
"""Characters of the shortest text; greatest share of special characters, and of repeated strings of this length: the default
rules of Data-Juicer."""
JACCARD, WINDOW = 0.8, 5


def _write(rows, target: str) -> None:
    with Path(target).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _data_juicer(source: str, target: str, names: list[tuple[str, dict]]) -> None:
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops import load_ops

    with Path(source).open(encoding="utf-8") as file:
        rows = [{"id": row["id"], "text": row["content"]} for row in map(json.loads, file)]
    dataset = NestedDataset.from_list(rows)
    for op in load_ops([{name: {**settings, "num_proc": 1}} for name, settings in names]):
        dataset = op.run(dataset)
    _write(({"id": row["id"], "content": row["text"]} for row in dataset), target)


def clean_data_juicer(source: str, target: str) -> None:
    _data_juicer(
        source,
        target,
        [
            ("whitespace_normalization_mapper", {}),
            ("punctuation_normalization_mapper", {}),
            ("text_length_filter", {"min_len": FEWEST}),
            ("special_characters_filter", {"max_ratio": SPECIAL}),
            ("character_repetition_filter", {"rep_len": REPEATED_LENGTH, "max_ratio": REPEATED}),
        ],
    )


def near_data_juicer(source: str, target: str) -> None:
    settings = {"tokenization": "character", "window_size": WINDOW, "jaccard_threshold": JACCARD}
    _data_juicer(source, target, [("document_minhash_deduplicator", settings)])


def clean_datatrove(source: str, target: str) -> None:
    from datatrove.pipeline.filters import LambdaFilter

    def fits(document) -> bool:
        text = " ".join(document.text.split())
        special = sum(not (character.isalnum() or character.isspace()) for character in text)
        strings = [text[at : at + REPEATED_LENGTH] for at in range(len(text) - REPEATED_LENGTH + 1)]
        return (
            len(text) >= FEWEST
            and special <= SPECIAL * len(text)
            and len(strings) - len(set(strings)) <= REPEATED * len(strings)
        )

    _datatrove(source, target, [LambdaFilter(fits)])


def near_datatrove(source: str, target: str) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig

    folder, config = Path(target).with_suffix(".minhash"), MinhashConfig(n_grams=WINDOW)
    shutil.rmtree(folder, ignore_errors=True)
    signatures, buckets, gone = (str(folder / name) for name in ("signatures", "buckets", "gone"))
    for steps, tasks in (
        ([_reader(source), MinhashDedupSignature(signatures, config, language="zho")], 1),
        ([MinhashDedupBuckets(signatures, buckets, config=config)], config.num_buckets),
        ([MinhashDedupCluster(buckets, gone, config=config)], 1),
    ):
        LocalPipelineExecutor(
            pipeline=steps, tasks=tasks, workers=1, logging_dir=_logs(target), skip_completed=False
        ).run()
    _datatrove(source, target, [MinhashDedupFilter(gone)])
    shutil.rmtree(folder)


def _logs(target: str) -> str:
    """Return the folder for the logs, which are otherwise in the folder of the caller."""
    return str(Path(target).with_suffix(".logs"))


def _reader(source: str):
    from datatrove.pipeline.readers import JsonlReader

    path = Path(source)
    return JsonlReader(str(path.parent), glob_pattern=path.name, text_key="content", compression=None)


def _datatrove(source: str, target: str, steps: list) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.writers import JsonlWriter

    path = Path(target)
    writer = JsonlWriter(str(path.parent), output_filename=path.name, compression=None)
    LocalPipelineExecutor(
        pipeline=[_reader(source), *steps, writer], tasks=1, logging_dir=_logs(target), skip_completed=False
    ).run()


JOBS = {
    "clean, Data-Juicer": clean_data_juicer,
    "clean, datatrove": clean_datatrove,
    "near, Data-Juicer": near_data_juicer,
    "near, datatrove": near_datatrove,
}

if __name__ == "__main__":
    job, source, target = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        # Load everything with a few documents that are thrown away.
        few = Path(folder) / "few.jsonl"
        text = "\n".join(
            json.dumps({"id": str(number), "content": "塔罗牌说，" * (20 + number)}) for number in range(4)
        )
        few.write_text(text + "\n", encoding="utf-8")
        JOBS[job](str(few), str(Path(folder) / "out"))
    start = process_time()
    JOBS[job](source, target)
    print()
    print(json.dumps({"work": process_time() - start}))
