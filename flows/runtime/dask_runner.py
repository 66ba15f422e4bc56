"""Run a flow's tasks on a Dask cluster of several processes or machines (extra `dask`)."""

import os
from importlib.util import find_spec
from typing import Any

from schemas.errors import Problem

LOCAL = "local"
"""A local cluster, one process per core, that ends with the flow."""


def on_cluster(flow: Any, cluster: str | None) -> Any:
    """Return the flow itself, or with its submitted tasks on a Dask cluster: LOCAL, or the address of a scheduler.

    Raises Problem `no_dask`.
    """
    if cluster is None:
        return flow
    if find_spec("prefect_dask") is None:
        raise Problem("no_dask")
    # Belongs to the extra `dask`, and to Prefect.
    from prefect_dask import DaskTaskRunner

    runner = (
        DaskTaskRunner(cluster_kwargs=local_cluster_options()) if cluster == LOCAL else DaskTaskRunner(address=cluster)
    )
    return flow.with_options(task_runner=runner)


def local_cluster_options() -> dict[str, object]:
    """Return the arguments of a LocalCluster: one process per core, one thread each.

    Dask would set the number of threads in the environment of this process, for its workers to inherit, and not reset
    it: a training after the ingest would have one thread.
    """
    # Belongs to the extra `dask`.
    import dask

    dask.config.set({"distributed.nanny.pre-spawn-environ": {}})
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {"n_workers": os.cpu_count() or 1, "threads_per_worker": 1, "dashboard_address": None, "env": one}
