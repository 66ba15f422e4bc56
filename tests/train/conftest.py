"""A small dataset version and a run on a base of a few thousand weights, created during the tests."""

import json
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from schemas.tables import EXAMPLES, stored
from schemas.tables import READINGS as READINGS_TABLE
from tests.endpoint import endpoint
from tests.train.small import small

READINGS = (
    ("Mel", "要不要换工作", "愚人(正位)", "Mel，愚人正位说明你已经站在崖边。先把简历写好，下周一再谈。愿你走得轻快。"),
    ("小鹿", "感情会怎样", "恋人(正位)", "小鹿，恋人正位是一次认真的选择。这个月先别逼他表态，写下你要的三件事。"),
    ("KK", "考试能过吗", "力量(逆位)", "KK，力量逆位是底气不足。每天早睡，做两套真题，考前一天不要再熬。"),
    ("阿宁", "要不要搬家", "星币四(正位)", "阿宁，星币四正位，你抱得太紧。先算清三年的房租，再去看两处房子。"),
)


def example(number: int, split: str) -> dict:
    person, question, card, content = READINGS[number % len(READINGS)]
    prompt = f"请为以下咨询提供塔罗解读：\n\n咨询者：{person}\n问题：{question}\n抽到的牌：{card}\n\n请进行专业解读。"
    return {
        "example_id": f"r{number:016x}",
        "reading_id": f"r{number:016x}",
        "split": split,
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": f"{content}第{number}次为你看牌。", "reasoning_content": None}],
        "person": person,
        "cards": [card],
        "key_themes": [],
        "style_markers": [],
        "synthetic": True,
    }


def with_follow_ups(first: dict, turns: list[tuple[str, str]]) -> list[dict]:
    """Return an example with one for each (question, answer) after it, as `tarot_data.dataset.examples` makes them."""
    said = [*first["prompt"], {"role": "assistant", "content": first["completion"][0]["content"]}]
    made = [first]
    for number, (asked, answer) in enumerate(turns, 1):
        said = [*said, {"role": "user", "content": asked}]
        completion = [{"role": "assistant", "content": answer, "reasoning_content": None}]
        made.append(first | {"example_id": f"{first['example_id']}+{number}", "prompt": said, "completion": completion})
        said = [*said, {"role": "assistant", "content": answer}]
    return made


def write_version(data_dir: Path, train: int = 24, validation: int = 4, test: int = 4, change=None) -> Path:
    """Write a version folder as tarot_data.dataset.versions does, of synthetic examples. change: edits an example."""
    folder = data_dir / "versions" / "tarot-readings-v000001-test"
    (folder / "examples").mkdir(parents=True)
    number, files, digest = 0, {}, sha256()
    for split, count in (("train", train), ("validation", validation), ("test", test)):
        rows = [example(number + i, split) for i in range(count)]
        number += count
        rows = [change(row) if change else row for row in rows]
        path = folder / "examples" / f"{split}.parquet"
        pl.DataFrame(rows, schema=stored(EXAMPLES)).write_parquet(path)
        files[f"examples/{split}.parquet"] = sha256(path.read_bytes()).hexdigest()
        digest.update(json.dumps(rows, ensure_ascii=False).encode())
    readings = [
        {"reading_id": f"r{i:016x}", "question": READINGS[i % len(READINGS)][1], "draws": [{"draw": 1, "spread": None}]}
        for i in range(number)
    ]
    schema = {name: stored(READINGS_TABLE)[name] for name in ("reading_id", "question", "draws")}
    pl.DataFrame(readings, schema=schema).write_parquet(folder / "readings.parquet")
    counts = {"readings": number, "train": train, "validation": validation, "test": test}
    manifest = {"version": 1, "hash": digest.hexdigest(), "name": folder.name, "counts": counts, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def annotate(records: list[dict]) -> list[dict]:
    from tarot_data.patterns.annotate_records import annotate_records

    return annotate_records(records)


SHARED = Path(__file__).parents[3] / "shared" / "tokenizers" / "qwen2"


@pytest.fixture(scope="session")
def real_tokenizers() -> dict:
    """Return the real Qwen2 tokenizer with the R1 tokens (`r1`) and with ChatML; {} if its folder is not available."""
    if not (SHARED / "tokenizer.json").exists():
        return {}
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from tarot_train import base_model

    state = json.loads((SHARED / "tokenizer.json").read_text(encoding="utf-8"))
    config = json.loads((SHARED / "r1" / "tokenizer_config.json").read_text(encoding="utf-8"))
    state["added_tokens"] = [{"id": int(i), **token} for i, token in config["added_tokens_decoder"].items()]
    names = {name: config[name] for name in ("bos_token", "eos_token", "pad_token")}
    r1 = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)), **names)
    r1.chat_template = base_model.read_template("r1")
    return {"r1": r1, "chatml": base_model.load_tokenizer(SHARED, "chatml")}


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> tuple[Path, Path]:
    """Return (data_dir, run folder) of one small training that was evaluated."""
    from tarot_train import evaluate, sft

    data_dir = tmp_path_factory.mktemp("train")
    version = write_version(data_dir)
    run_dir = sft.train(version, overrides=small(), data_dir=data_dir)
    evaluate.evaluate(run_dir, data_dir=data_dir, annotate=annotate)
    return data_dir, run_dir


@pytest.fixture
def judge_server():
    with endpoint() as found:
        yield found
