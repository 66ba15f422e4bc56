"""Benchmark of two jobs that general tools also do, on 20,000 documents of 600 characters: normalise and filter; near-duplicates.

Each job runs in its own process and converts JSONL to JSONL with the product's functions. Of the documents 10 % are planted
near-duplicates of others, 5 % exact copies, 2 % random characters. `python -m benchmarks.curation`, or `make bench`;
`--peers PYTHON` measures Data-Juicer and datatrove in turn with it, by an interpreter that has them (peer_jobs.py).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import process_time

from benchmarks.pages import measured, show
from benchmarks.peer_jobs import JOBS as PEERS
from benchmarks.processes import measure, medians
from tarot_data.privacy import mask

NEAR, EXACT, SOUP = 0.10, 0.05, 0.02
SIGNS = (
    "abcdefghijklmnop <>/{}=;0123456789#@$%^&*\n",
    "9·{#+※「🔮-[2/◆→☆…，。1 ",
    "┌─┐│└┘■□◇★～·、：；！？（）【】《》",
    "牌0123456789|,.;:-_=+ \n",
)
"""What the texts of signs are drawn from: letters and code, signs and emoji, frames and punctuation, numbers of a table."""


def documents(n: int, seed: int = 7) -> list[dict]:
    """Return {id, content, twin, kind} of n documents in mixed order; twin: the document it was made of."""
    from tarot_data.synthetic.grammar import made_up

    rng = Random(seed)
    fresh = n - int(n * NEAR) - int(n * EXACT) - int(n * SOUP)
    texts = [made_up(seed, index).content for index in range(fresh)]
    out = [{"id": f"d{i}", "content": text, "twin": None, "kind": "own"} for i, text in enumerate(texts)]
    chosen = rng.sample(range(fresh), int(n * NEAR) + int(n * EXACT))
    for place, i in enumerate(chosen):
        near = place < int(n * NEAR)
        text = altered(texts[i], rng) if near else texts[i]
        kind = "near" if near else "exact"
        out.append({"id": f"{kind}{place}", "content": text, "twin": f"d{i}", "kind": kind})
    for i in range(int(n * SOUP)):
        signs = "".join(rng.choice(SIGNS[i % len(SIGNS)]) for _ in range(600))
        out.append({"id": f"soup{i}", "content": signs, "twin": None, "kind": "soup"})
    rng.shuffle(out)
    return out


def altered(text: str, rng: Random) -> str:
    """Make a realistic near-duplicate: corrected typing errors, other punctuation, the other script, one line more, one sentence
    less."""
    way = rng.randrange(5)
    if way == 0:
        for _ in range(4):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice("的了是在有和就不人都") + text[at + 1 :]
        return text
    if way == 1:
        return text.replace("，", ",").replace("。", "．").replace("\n", "\n\n")
    if way == 2:
        import opencc

        return opencc.OpenCC("s2t").convert(text)
    if way == 3:
        return text + "\n以上解读仅供参考，愿你一切顺利。"
    sentences = text.split("。")
    del sentences[rng.randrange(len(sentences))]
    return "。".join(sentences)


def lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def clean(source: Path, target: Path, masking: bool) -> None:
    """Normalise and filter; rejected documents go to a file of their own with the reason."""
    from tarot_data.ingest.body_checks import body_problem
    from tarot_data.text.cleanup import clean_text

    with target.open("w", encoding="utf-8") as kept, target.with_suffix(".left").open("w", encoding="utf-8") as left:
        for row in lines(source):
            content = clean_text(row["content"])
            if problem := body_problem(content):
                left.write(json.dumps({"id": row["id"], "reason": problem[0]}) + "\n")
                continue
            if masking:
                content, _ = mask.mask(content)
            kept.write(json.dumps({"id": row["id"], "content": content}, ensure_ascii=False) + "\n")


def near(source: Path, target: Path, _: bool) -> None:
    """Remove near-duplicates and exact copies; each goes to a file of its own with its twin and similarity."""
    import polars as pl

    from tarot_data.text.near_duplicates import near_duplicates

    rows = list(lines(source))
    frame = pl.DataFrame({"reading_id": [row["id"] for row in rows], "content": [row["content"] for row in rows]})
    twins = near_duplicates(frame, None)
    gone = set(twins["reading_id"])
    twins.write_ndjson(target.with_suffix(".left"))
    with target.open("w", encoding="utf-8") as kept:
        for row in rows:
            if row["id"] not in gone:
                kept.write(json.dumps(row, ensure_ascii=False) + "\n")


JOBS = {"clean": (clean, False), "clean and mask": (clean, True), "near": (near, False)}


def run(command: list[str]) -> dict:
    """Measure the process of a job; work: CPU seconds without its start, which a line of its output says."""
    done = measure(command)
    said = next(line for line in reversed(done["output"].splitlines()) if line.startswith('{"work"'))
    return done | json.loads(said)


def commands(source: Path, out: Path, peers: str | None) -> dict[str, list[str]]:
    """Return the command of every job, which writes the documents it keeps to out / job."""
    module = [sys.executable, "-m", "benchmarks.curation"]
    found = {job: [*module, "--job", job, "--in", str(source), "--out", str(out / job)] for job in JOBS}
    for job in PEERS if peers else ():
        found[job] = [str(peers), "benchmarks/peer_jobs.py", job, str(source), str(out / job)]
    return found


def found(made: list[dict], gone: set[str]) -> str:
    """Compare the removed documents with the planted pairs: one of each pair has to go, either."""
    planted = [row for row in made if row["twin"]]
    near, exact = (
        [bool({row["id"], row["twin"]} & gone) for row in planted if row["kind"] == kind] for kind in ("near", "exact")
    )
    paired = {name for row in planted for name in (row["id"], row["twin"])}
    lost = sum({row["id"], row["twin"]} <= gone for row in planted)
    wrong = sum(row["id"] in gone and row["kind"] == "own" and row["id"] not in paired for row in made)
    return f"recall {sum(near) / len(near):.3f}, exact copies {sum(exact) / len(exact):.3f}, {wrong} wrong, {lost} pairs lost whole"


def table(runs: dict[str, list[dict]], made: list[dict], out: Path) -> str:
    soup = {row["id"] for row in made if row["kind"] == "soup"}
    rows = [
        measured(),
        "",
        f"| {len(made):,} documents | CPU seconds | documents per CPU second | without the start | peak memory | removed |",
        "|---|---|---|---|---|---|",
    ]
    for job, done in runs.items():
        gone = {row["id"] for row in made} - {row["id"] for row in lines(out / job)}
        cpu, work, peak = medians(done, "cpu_seconds", "work", "peak_mb").values()
        removed = (
            found(made, gone)
            if job.startswith("near")
            else f"soup {len(soup & gone)} of {len(soup)}, others {len(gone - soup)}"
        )
        rows.append(
            f"| {job} | {cpu:.2f} | {len(made) / cpu:,.0f} | {len(made) / work:,.0f} | {peak:.0f} MB | {removed} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--peers", help="interpreter that has py-data-juicer and datatrove")
    parser.add_argument("--job", choices=JOBS)
    parser.add_argument("--in", dest="source", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.job:
        job, masking = JOBS[arguments.job]
        # Load everything with a document that is thrown away.
        with tempfile.TemporaryDirectory() as folder:
            one = Path(folder) / "one"
            one.write_text(json.dumps({"id": "one", "content": "塔罗牌说，" * 20}) + "\n", encoding="utf-8")
            job(one, Path(folder) / "out", masking)
        start = process_time()
        job(arguments.source, arguments.out, masking)
        print(json.dumps({"work": process_time() - start}))
        return
    made = documents(arguments.documents)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "documents.jsonl", Path(folder)
        with source.open("w", encoding="utf-8") as file:
            file.writelines(
                json.dumps({"id": row["id"], "content": row["content"]}, ensure_ascii=False) + "\n" for row in made
            )
        jobs = commands(source, out, arguments.peers)
        runs: dict[str, list[dict]] = {job: [] for job in jobs}
        for _ in range(arguments.repeats):
            for job, done in runs.items():
                done.append(run(jobs[job]))
        text = table(runs, made, out)
    show("performance.md", "curation", text, arguments.write)


if __name__ == "__main__":
    main()
