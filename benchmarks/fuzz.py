"""Fuzz test: damaged files of every format through reading, cleaning and the store: `python -m benchmarks.fuzz --files 10000 --write`.

Each file is a sound one, damaged by up to three mutations; its number alone says which, so that a finding can be made
again (`--first NUMBER --files 1`). They go in batches, each into a store of its own, in processes that are measured. Told
is: an error that a form did not expect, a file that takes longer than 10 s, memory above 1 GiB, a file or a record that
is in no table. `--guided SECONDS` has atheris look for new paths through the parsers instead, where it is installed
(`pip install atheris`; no dependency of the project).
"""

import argparse
import io
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

from benchmarks.pages import ROOT, measured, show
from benchmarks.publish import peak_mb
from tarot_data.store import delta

BATCH = 50
MOST_SECONDS = 10
MOST_MB = 1024
UNEXPECTED = "unforeseen"
"""Code of `reader.read_blob` for an unexpected error of a format; it is a finding here."""


KINDS = 8


@cache
def sound(kind: int = 0) -> dict[str, bytes]:
    """Map file name -> bytes: a valid file of every format with four readings."""
    from tests.sources import layouts
    from tests.sources.test_wechat import JSONS, MESSAGES

    rng = random.Random(kind)
    some = rng.sample(layouts.annotated_readings(), 4)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "a.db"
        layouts.sqlite_file(some, rng, database)
        files = {
            "notion.zip": layouts.notion_zip(some, rng),
            "nested.zip": layouts.notion_zip(some, rng, nested=True),
            f"页 {layouts.page_id(rng)}.md": layouts.notion_page(some[0], rng).encode(),
            "table.xlsx": layouts.xlsx_file(some, rng),
            "letters.docx": layouts.docx_file(some, rng),
            "app.db": database.read_bytes(),
            "table.csv": layouts.csv_file(some, rng),
            "table-16.csv": layouts.csv_file(some, rng, "utf-16"),
            "lines.jsonl": layouts.jsonl_file(some, rng),
            "alpaca.json": layouts.alpaca_file(some, rng),
            "sharegpt.json": layouts.sharegpt_file(some, rng),
            "messages.jsonl": layouts.messages_file(some, rng),
            "notes.txt": layouts.notes_file(some, rng),
            "vault.md": layouts.obsidian_file(some[0], rng),
            "chat.txt": layouts.wechat_file(some[0], rng),
        }
    for name, make in JSONS.items():
        files[f"{name}.json"] = json.dumps(make(), ensure_ascii=False, indent=1).encode()
    rows = [
        {"i": i, "t": 1704459791 + i, "s": i % 2, "b": f"<div>{text}</div>"} for i, (*_, text) in enumerate(MESSAGES)
    ]
    files["chat.html"] = (
        f"<html><script>window.WEFLOW_DATA = {json.dumps(rows, ensure_ascii=False)};</script></html>".encode()
    )
    cells = "".join(
        f"<td>{cell}</td>" for cell in ("2024/1/5", "Mel", "换组", "愚人正位、力量逆位", some[0]["content"])
    )
    heads = "".join(f"<th>{name}</th>" for name in ("日期", "客户", "提问", "抽到的牌", "解牌内容"))
    files["table.html"] = f"<html><body><table><tr>{heads}</tr><tr>{cells}</tr></table></body></html>".encode()
    return files


# Mutations: bytes and chance to bytes


def flip(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 4, 40])):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))] if rng.random() < 0.7 else data[rng.randrange(len(data)) :]


def remove(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 200) :]


def zero(data: bytes, rng: random.Random) -> bytes:
    at, length = rng.randrange(len(data)), rng.choice([1, 16, 512])
    return data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]


def splice(data: bytes, rng: random.Random) -> bytes:
    other = rng.choice(list(sound().values()))
    at, start = rng.randrange(len(data)), rng.randrange(len(other))
    return data[:at] + other[start : start + rng.randrange(1, 4000)] + data[at:]


def repeat(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    block = data[at : at + rng.randrange(1, 2000)]
    return data[:at] + block * rng.choice([2, 3, 50]) + data[at + len(block) :]


def recode(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    out = text.encode(rng.choice(["utf-16", "utf-16-be", "gb18030", "big5", "utf-32", "utf-8-sig"]), "replace")
    return out if rng.random() < 0.5 else data[: len(data) // 2] + out[len(out) // 2 :]


def number(data: bytes, rng: random.Random) -> bytes:
    """Replace a number by an impossible one."""
    digits = list(re.finditer(rb"\d+", data[:200_000]))
    if not digits:
        return data
    at = rng.choice(digits)
    big = rng.choice([b"9" * 400, b"1e999", b"-1", b"NaN", b"99999999999999999999", b"0" * 5000, b"2147483648"])
    return data[: at.start()] + big + data[at.end() :]


def nest(data: bytes, rng: random.Random) -> bytes:
    at, depth = rng.randrange(len(data)), rng.choice([50, 2000, 100_000])
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b"<b>", b"</b>"), (b"((", b"))"), (b"> ", b"")])
    return data[:at] + opening * depth + b"1" + closing * rng.choice([depth, 0]) + data[at:]


def speck(data: bytes, rng: random.Random) -> bytes:
    """Insert a character that breaks tables, quotes or lines."""
    at = rng.randrange(len(data))
    odd = [
        "\0",
        '"',
        "'",
        "\r",
        "\u2028",
        "\ufeff",
        "\u202e",
        "\x1b[31m",
        "=1+1",
        "|",
        "---\n",
        "```",
        "\ud800",
        "😀" * 30,
    ]
    return data[:at] + rng.choice(odd).encode("utf-8", "surrogatepass") * rng.choice([1, 1, 500]) + data[at:]


def member(data: bytes, rng: random.Random) -> bytes:
    """Damage a member of a valid archive; a file that is no archive is put into one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # noqa: BLE001
        entries = []
    entries = entries or [("页.md", data)]
    out = io.BytesIO()
    hit = rng.randrange(len(entries))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, (name, content) in enumerate(entries):
            if place == hit:
                name = rng.choice([name, name, "a/" * 200 + "x.md", "../x.md", "\x1b[2J.md", "con.md", name.upper()])
                content = rng.choice(PLAIN)(content, rng) if content else b"x"
            archive.writestr(name, content)
    raw = bytearray(out.getvalue())
    if rng.random() < 0.2:
        at = raw.rfind(b"PK\1\2")
        raw[at + 24 : at + 28] = rng.choice([b"\xff\xff\xff\x7f", bytes(4)])  # The size it will have when unpacked.
    return bytes(raw)


PLAIN = (flip, cut, remove, zero, splice, repeat, recode, number, nest, speck)


def damaged(seed: int) -> tuple[str, bytes]:
    """Make the file of this number: name and bytes."""
    rng = random.Random(f"file {seed}")
    files = sound(rng.randrange(KINDS))
    name = rng.choice(list(files))
    data = files[name]
    for _ in range(rng.choice([1, 1, 2, 3])):
        data = rng.choice((*PLAIN, member))(data, rng) or b"\n"
    if rng.random() < 0.05:
        name = f"x{Path(rng.choice(list(sound()))).suffix}"
    return name, data


# One batch


class Hung(BaseException):
    pass


def _hung(*_: object) -> None:
    raise Hung


def batch(first: int, count: int) -> dict:
    """Ingest files first to first + count into a new store; returns {files, records, kept, rejected, slowest, findings}."""
    from tarot_data.ingest import stages
    from tarot_data.sources import reader
    from tarot_data.sources.records import Rejected
    from tarot_data.store import tables

    findings, records, times = [], [], {}
    real = reader.read

    def timed(path: Path, root: Path):
        """Yield every record of the file, within MOST_SECONDS."""
        start = time.monotonic()
        signal.alarm(MOST_SECONDS)
        try:
            for record in real(path, root):
                records.append((record.source.file, record.source.member, record.source.locator))
                if isinstance(record, Rejected) and record.code == UNEXPECTED:
                    findings.append(
                        f"{path.parent.name}: {record.source.member or path.name}: {record.code} {record.values}"
                    )
                yield record
        except Hung:
            findings.append(f"{path.parent.name}: {path.name}: longer than {MOST_SECONDS} s")
        finally:
            signal.alarm(0)
            times[path.parent.name] = time.monotonic() - start

    signal.signal(signal.SIGALRM, _hung)
    with tempfile.TemporaryDirectory() as folder:
        inbox, data = Path(folder) / "inbox", Path(folder) / "data"
        for seed in range(first, first + count):
            name, content = damaged(seed)
            place = inbox / f"{seed:06}"
            place.mkdir(parents=True)
            (place / name).write_bytes(content)
        out = {"files": count, "records": 0, "kept": 0, "rejected": 0}
        reader.read = timed
        try:
            with tables.writing(data):
                files, _, _ = stages.new_files(data, [inbox])
                clean = stages.read_and_clean(data, files, data / "staging")
                counts = stages.commit(data, stages.decide(data, clean, data / "staging"), files)
                shutil.rmtree(data / "staging")
            out |= accounted(data, count, records, counts, findings)
        except Exception:  # noqa: BLE001
            findings.append(f"files {first} to {first + count - 1}: {traceback.format_exc()[-1500:]}")
        finally:
            reader.read = real
    out["slowest"] = max(times.values(), default=0.0)
    return out | {"findings": findings}


def accounted(data: Path, count: int, records: list, counts: dict, findings: list[str]) -> dict:
    """Check whether every file and record is in a table exactly once."""
    from tarot_data.store import tables

    def places(name: str) -> list[tuple]:
        rows = delta.scan(data, name)
        return (
            []
            if rows is None
            else [(row["file"], row["member"], row["locator"]) for row in rows.select("source").collect()["source"]]
        )

    kept, rejected = places("readings"), places("rejections")
    entries = tables.files(data)
    if entries.height != count:
        findings.append(f"{count} files were found, {entries.height} are in the store")
    lost = set(records) - set(kept) - set(rejected)
    findings += [f"{place} is in no table" for place in sorted(lost, key=str)[:5]]
    made_up = (set(kept) | set(rejected)) - set(records)
    findings += [f"{place} was never read" for place in sorted(made_up, key=str)[:5]]
    fewer = Counter(records) - Counter(kept) - Counter(rejected)
    findings += [f"{place} was read more often than it is stored" for place in sorted(set(fewer) - lost, key=str)[:5]]
    silent = set(entries["name"]) - {file for file, _, _ in records}
    # A file may hold no record (an empty list), but then it was read to its end.
    if len(kept) != counts["accepted"] or len(rejected) != counts["rejected"]:
        findings.append(
            f"counted {counts['accepted']} and {counts['rejected']}, stored {len(kept)} and {len(rejected)}"
        )
    return {"records": len(records), "kept": len(kept), "rejected": len(rejected), "silent": sorted(silent)}


# All of them


def worker() -> None:
    """Work through batches, one line of JSON each way."""
    for line in sys.stdin:
        found = batch(*json.loads(line))
        found["peak_mb"] = peak_mb()
        print(json.dumps(found, ensure_ascii=False), flush=True)


def fuzz(files: int, first: int = 0, told: Callable[[str], None] = lambda _: None) -> dict:
    """Return {files, records, kept, rejected, slowest, peak_mb, forms, findings} over all batches, in separate processes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.fuzz", "--worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    total: Counter = Counter()
    out: dict = {"slowest": 0.0, "peak_mb": 0.0, "findings": [], "silent": []}
    try:
        for start in range(first, first + files, BATCH):
            count = min(BATCH, first + files - start)
            process.stdin.write(json.dumps([start, count]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                out["findings"].append(f"the process died at files {start} to {start + count - 1}")
                break
            found = json.loads(line)
            total.update({key: found[key] for key in ("files", "records", "kept", "rejected")})
            out["findings"] += found["findings"]
            out["silent"] += found.get("silent", [])
            for key in ("slowest", "peak_mb"):
                out[key] = max(out[key], found[key])
            told(
                f"{start + count - first}/{files}: {total['kept']} kept, {total['rejected']} rejected, {found['findings']}"
            )
    finally:
        process.stdin.close()
        process.wait(60)
    if out["peak_mb"] > MOST_MB:
        out["findings"].append(f"{out['peak_mb']:.0f} MB of memory")
    return out | dict(total)


def guided(seconds: int) -> None:
    """Let atheris mutate the valid files towards new lines of the parsers; never returns."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    with atheris.instrument_imports(include=["tarot_data"]):
        from tarot_data.ingest import clean as cleaning
        from tarot_data.sources import reader
        from tarot_data.sources.reader import FORMS
        from tarot_data.sources.records import Rejected

        for form in FORMS:
            __import__(f"tarot_data.sources.{form}")
    folder = Path(tempfile.mkdtemp(prefix="tarot-fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for place, data in enumerate(sound().values()):
        (corpus / str(place)).write_bytes(bytes([place]) + data)
    suffixes = [Path(name).suffix for name in sound()]

    def one(data: bytes) -> None:
        if not data:
            return
        path = folder / f"a{suffixes[data[0] % len(suffixes)]}"
        path.write_bytes(data[1:])
        records = list(reader.read(path, folder))
        assert not any(isinstance(record, Rejected) and record.code == UNEXPECTED for record in records)
        readings, rejections = cleaning.to_readings(records)
        assert readings.height + rejections.height == len(records)

    options = [f"-max_total_time={seconds}", f"-timeout={MOST_SECONDS}", f"-rss_limit_mb={MOST_MB}", "-max_len=60000"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder}/", str(corpus)], one)
    atheris.Fuzz()


def table(found: dict) -> str:
    rows = [
        ("files, each a sound one of a form, damaged", f"{found['files']:,}"),
        ("forms they started from", len(sound())),
        ("records read", f"{found['records']:,}"),
        ("of these kept as readings", f"{found['kept']:,}"),
        ("left out, each with its reason", f"{found['rejected']:,}"),
        (
            "records or files in no table, or in one twice",
            sum("table" in row or "store" in row for row in found["findings"]),
        ),
        (
            "errors that a form did not expect",
            sum(UNEXPECTED in row or "Traceback" in row for row in found["findings"]),
        ),
        ("slowest file", f"{found['slowest']:.1f} s"),
        ("peak memory of the process", f"{found['peak_mb']:.0f} MB"),
    ]
    return "\n".join([measured(), "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--guided", type=int, metavar="SECONDS", help="let atheris look, for so long")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker()
    if arguments.guided:
        return guided(arguments.guided)
    found = fuzz(arguments.files, arguments.first, lambda line: print(line, file=sys.stderr, flush=True))
    show("reliability.md", "fuzz", table(found), arguments.write)
    print(*found["findings"], sep="\n")
    sys.exit(bool(found["findings"]))


if __name__ == "__main__":
    main()
