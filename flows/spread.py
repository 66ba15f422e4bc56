"""Work spread over several processes or machines by Dask, where it is asked for and installed (extra `dask`)."""

import os
from importlib.util import find_spec
from typing import Any

from schemas.problems import Problem

LOCAL = "local"
"""A cluster of this machine's own, one process a core, that lives as long as the flow."""


def spread_over(flow: Any, cluster: str | None) -> Any:
    """The flow as it is, or with its submitted tasks on a Dask cluster: LOCAL, or the address of a scheduler.

    Raises Problem `no_dask`.
    """
    if cluster is None:
        return flow
    if find_spec("prefect_dask") is None:
        raise Problem("no_dask")
    from prefect_dask import DaskTaskRunner

    here = {"n_workers": os.cpu_count() or 1, "threads_per_worker": 1, "dashboard_address": None}
    runner = DaskTaskRunner(cluster_kwargs=here) if cluster == LOCAL else DaskTaskRunner(address=cluster)
    return flow.with_options(task_runner=runner)
