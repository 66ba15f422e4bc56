"""Short run of `make torture`: every job is killed and restarted."""

import pytest

from benchmarks import torture


@pytest.mark.slow
def test_a_killed_job_repeats_to_the_same_result():
    jobs = ("ingest", "publish", "fix", "forget")
    found = torture.torture(kills=len(jobs), seed=11, made_up=4, by_command=0, jobs=jobs)
    assert {job: counts.wrong for job, counts in found.items()} == {job: [] for job in jobs}
    assert sum(counts.killed for counts in found.values()) == len(jobs)
