"""Cleaning and labelling on a Dask cluster: the same bytes as in one process."""

import os
from hashlib import sha256

import pytest

from flows.runtime.dask_runner import local_cluster_options, on_cluster
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.ingest import stages
from tarot_data.sources.inbox import InboxFile
from tarot_data.store import delta
from tarot_data.synthetic.generate import write_sample
from tests.flows.test_flows import FIRST, SECOND, counts, write


def file(name, size):
    return InboxFile(path=name, root=name, name=name, sha256="", size=size)


def test_shards_hold_ten_seconds_of_work(monkeypatch):
    monkeypatch.setattr(stages, "SHARD_BYTES", 100)
    sizes = [60, 60, 10, 200, 5, 5]
    found = stages.shards([file(str(size), size) for size in sizes])
    assert [[one.size for one in shard] for shard in found] == [[60, 60], [10, 200], [5, 5]]


def test_no_files_are_no_shards():
    assert stages.shards([]) == []


def test_missing_dask_says_how_to_install(monkeypatch):
    monkeypatch.setattr("flows.runtime.dask_runner.find_spec", lambda name: None)
    assert on_cluster("flow", None) == "flow"
    with pytest.raises(Problem, match=r"'\.\[dask\]'"):
        on_cluster("flow", "local")


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("prefect_dask", reason="the extra dask is not installed")
    from distributed import LocalCluster

    threads = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    with LocalCluster(**local_cluster_options() | {"n_workers": 2}, processes=True) as cluster:
        # Processes started later inherit its environment: a training would have one thread.
        assert {name: os.environ.get(name) for name in threads} == threads
        yield cluster.scheduler_address


def bytes_of(data):
    """Return the hash of every Parquet file of the store, by table, and of every file of the newest version."""
    tables = {
        name: sorted(sha256(path.read_bytes()).hexdigest() for path in delta.table_path(data, name).rglob("*.parquet"))
        for name in delta.TABLES
    }
    return tables, versions.newest(data)["files"]


@pytest.mark.slow
def test_two_workers_give_the_same_bytes(prefect, cluster, tmp_path, monkeypatch):
    from flows.ingest import Inbox, ingest

    inbox = tmp_path / "inbox"
    write_sample(160, inbox / "made-up", seed=6, broken=0.1)
    write(inbox / "a.jsonl", FIRST, SECOND)
    write(inbox / "b.jsonl", SECOND, FIRST | {"cards": ["四叶草"]})
    # Small batches, so that there are several: here the work of each is far below ten seconds.
    monkeypatch.setattr(stages, "SHARD_BYTES", 40_000)
    monkeypatch.setattr(stages, "SHARD_BATCHES", 1)
    assert len(stages.shards(stages.new_files(tmp_path / "none", [inbox])[0])) >= 3
    results = {}
    for name, address in (("one", None), ("two", cluster)):
        data = tmp_path / name
        results[name] = on_cluster(ingest, address)(data, Inbox([inbox]), spread=address is not None)
        versions.publish(data)
    assert results["one"] == results["two"]
    assert counts(results["one"])[3] > 10
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert counts(on_cluster(ingest, cluster)(tmp_path / "two", Inbox([inbox]), spread=True))[:2] == (0, 0)
