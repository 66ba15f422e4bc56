"""A data directory in a bucket: a test S3 server, the copies of two machines, leases and interrupted exchanges."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from flows.runtime import bucket
from flows.runtime.run_log import note
from schemas.errors import Problem
from schemas.messages import say
from tarot_data.dataset import versions
from tarot_data.store import tables
from tarot_data.synthetic.generate import write_sample
from tests.flows.test_dask_runner import bytes_of

obstore = pytest.importorskip("obstore", reason="the extra s3 is not installed")
bucket_copy = import_module("flows.runtime.bucket_copy")
bucket_lease = import_module("flows.runtime.bucket_lease")

URL = "s3://readings/塔罗 data"


@pytest.fixture(scope="module")
def server():
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer(
        port=0, verbose=False
    )
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def s3(server, monkeypatch, tmp_path):
    """Create an empty bucket and set the usual variables with its address."""
    import boto3

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server}",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(Bucket="readings", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
    yield client
    while listed := client.list_objects_v2(Bucket="readings").get("Contents"):
        client.delete_objects(Bucket="readings", Delete={"Objects": [{"Key": row["Key"]} for row in listed]})
    client.delete_bucket(Bucket="readings")


@pytest.fixture
def on(monkeypatch, tmp_path):
    """Return a function: after on("two"), the following code acts as another machine."""
    return lambda machine: monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / machine))


def keys(client) -> set[str]:
    rows = client.list_objects_v2(Bucket="readings").get("Contents", [])
    return {row["Key"].removeprefix("塔罗 data/") for row in rows}


def work(alone=True, **files: str | None) -> list[tuple]:
    """Run a command that writes these files (None: removes them); return its messages to the user."""
    told = []
    with bucket.opened(URL, lambda key, **values: told.append((key, values)), alone=alone) as folder:
        for name, text in files.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    return told


def seen() -> dict[str, str]:
    with bucket.opened(URL, alone=False) as folder:
        return {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in folder.rglob("*")
            if path.is_file()
        }


def test_two_machines_share_a_bucket(s3, on):
    work(a="一", b__c="二")
    on("two")
    assert seen() == {"a": "一", "b/c": "二"}
    work(a="三", b__c=None)
    on("one")
    assert seen() == {"a": "三"}
    assert keys(s3) == {"a"}


def test_what_belongs_to_one_machine_stays_there(s3):
    work(
        prefect__db="x", locks__store="x", staging__lot="x", versions__half="x", **{"a.half": "x", "serving.json": "x"}
    )
    assert keys(s3) == {"versions/half"}
    assert bucket.folder_of(URL).parent.stat().st_mode & 0o077 == 0


def test_a_command_that_fails_sends_what_it_left(s3):
    with pytest.raises(ValueError), bucket.opened(URL) as folder:
        (folder / "runs.jsonl").write_text("{}\n")
        raise ValueError
    assert keys(s3) == {"runs.jsonl"}


def test_ctrl_c_sends_nothing_to_the_bucket(s3):
    with pytest.raises(KeyboardInterrupt), bucket.opened(URL) as folder:
        (folder / "a").write_text("一")
        raise KeyboardInterrupt
    assert keys(s3) == set()
    work()
    assert keys(s3) == {"a"}


def test_what_points_at_files_is_sent_after_them(s3, monkeypatch):
    sent, put = [], obstore.put
    monkeypatch.setattr(
        obstore, "put", lambda store, path, *rest, **more: sent.append(path) or put(store, path, *rest, **more)
    )
    names = ["corrections.jsonl", "store/files/_delta_log/0.json", "store/files/a.parquet", "versions/v1/data.parquet"]
    names += [
        "store/readings/_delta_log/_last_checkpoint",
        "store/readings/_delta_log/0.json",
        "versions/v1/manifest.json",
    ]
    names += ["store/readings/b.parquet"]
    work(**{name.replace("/", "__"): name for name in names})
    order = [path for path in sent if path != bucket_lease.LEASE]
    assert set(order[:3]) == {"store/files/a.parquet", "store/readings/b.parquet", "versions/v1/data.parquet"}
    assert order[3:] == [names[5], names[4], names[1], names[6], names[0]]


def test_the_bucket_wins_a_conflict(s3, on):
    work(a="一", b="一")
    with bucket.opened(URL, alone=False) as mine:
        (mine / "a").write_text("mine")
        (mine / "b").write_text("same")
        on("two")
        work(a="theirs", b="same")
        on("one")
        told = []
        bucket_copy.Copy(URL, bucket.folder_of(URL), lambda key, **values: told.append((key, values))).exchange()
    assert seen() == {"a": "theirs", "b": "same"}
    assert [key for key, _ in told] == ["bucket.set_aside"]
    assert Path(told[0][1]["path"]).read_text() == "mine"
    assert say("bucket.set_aside", "en", **told[0][1])


def test_two_machines_add_to_one_history(s3, on):
    with bucket.opened(URL, alone=False) as mine:
        note(mine, {"flow": "train"})
        on("two")
        with bucket.opened(URL) as theirs:
            note(theirs, {"flow": "ingest"})
        on("one")
    flows = lambda: [json.loads(line)["flow"] for line in seen()["runs.jsonl"].splitlines()]  # noqa: E731
    assert flows() == ["ingest", "train"]
    on("two")
    assert flows() == ["ingest", "train"]


def test_a_second_writer_fails_after_waiting(s3, on, monkeypatch):
    monkeypatch.setattr(bucket_lease, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(bucket_lease, "WAIT_SECONDS", 1.0)
    with bucket.opened(URL):
        on("two")
        with pytest.raises(Problem) as caught, bucket.opened(URL, alone=False):
            pass
        on("one")
    assert caught.value.code == "busy"
    on("two")
    work(a="一")
    assert keys(s3) == {"a"}


def test_a_dead_lease_runs_out(s3, on, monkeypatch):
    monkeypatch.setattr(bucket_lease, "RENEW_SECONDS", 1000)  # Simulate a machine that sleeps.
    monkeypatch.setattr(bucket_lease, "DEAD_SECONDS", 0.5)
    with pytest.raises(Problem) as caught, bucket.opened(URL) as folder:
        (folder / "a").write_text("late")
        on("two")
        work(a="in time")
        on("one")
    assert caught.value.code == "lease_lost"
    told = work()
    assert [key for key, _ in told] == ["bucket.set_aside"] and seen() == {"a": "in time"}


def test_a_versioned_bucket_is_warned_about(s3):
    here = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="keeps-versions", CreateBucketConfiguration=here)
    s3.put_bucket_versioning(Bucket="keeps-versions", VersioningConfiguration={"Status": "Enabled"})
    told = []
    with bucket.opened("s3://keeps-versions", lambda key, **values: told.append((key, values))) as folder:
        for name in ("a", "b"):
            (folder / name).write_text(name)
    assert told == [("bucket.versioned", {"url": "s3://keeps-versions"})]


@pytest.mark.parametrize(("url", "why"), [("s3://nobody-has-this/x", "404 Not Found"), (URL, "error sending request")])
def test_a_missing_bucket_is_one_sentence(s3, monkeypatch, url, why):
    if url == URL:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setattr(bucket_copy, "RETRIES", 0)
    with pytest.raises(Problem) as caught, bucket.opened(url):
        pass
    text = str(caught.value)
    assert caught.value.code == "bucket" and why in text and url in text and "a-secret" not in text


def test_without_obstore_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(bucket, "find_spec", lambda name: None)
    with pytest.raises(Problem, match=r"'\.\[s3\]'"), bucket.opened(URL):
        pass


@pytest.mark.slow
def test_bucket_and_folder_hold_equal_bytes(prefect, s3, on, tmp_path):
    """Ingest on one machine, publish on a second, query on a third that has no copy yet."""
    from flows.ingest import Inbox, ingest

    inbox, folder = tmp_path / "inbox", tmp_path / "folder"
    write_sample(12, inbox, seed=3)
    for place in (folder, URL):
        with bucket.opened(place) as here:
            ingest(here, Inbox([inbox]))
        on("two")
        with bucket.opened(place) as here:
            versions.publish(here)
    on("three")
    command = [sys.executable, "-m", "flows.cli", "status", "--json", "--data-dir", URL]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=100)
    assert json.loads(done.stdout)["readings"] == 12, done.stderr
    copy = bucket.folder_of(URL)
    assert bytes_of(copy) == bytes_of(folder)
    assert versions.newest(copy)["hash"] == versions.newest(folder)["hash"]
    assert tables.count(copy) == 12
