"""The process of `tarot serve` that registers the deployments and runs them, each run in a process of its own."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate, WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.flows import EntrypointType
from prefect.runner import Runner
from prefect.schedules import Cron, Interval
from prefect.states import Crashed
from prefect.workers.process import ProcessWorker

from flows.runtime import environment
from flows.service.child_process import end_with_pipe
from flows.service.deployed_flows import train_when_ready, watch
from flows.service.settings import POOL, ServeSettings
from flows.service.status import alone, answers
from flows.service.triggers import READY

AT_ONCE = 3
"""Runs at a time: the inbox, a training, and a second announcement that finds the training already running."""

ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)
"""Start of the intervals, so that a restart does not shift the schedule."""


def deployments(settings: ServeSettings) -> tuple:
    """Return the two deployments: the inbox on its schedule, the training on its event."""
    when = settings.schedule
    schedule = (
        Cron(when.cron, timezone=when.timezone)
        if when.cron
        else Interval(timedelta(seconds=when.seconds), anchor_date=ANCHOR, timezone=when.timezone)
    )
    common = {
        "min_readings": settings.min_readings,
        "min_new": settings.min_new,
        "training": {"base": settings.base, "recipe": settings.recipe, "overrides": settings.overrides},
        "lang": settings.lang,
    }
    inbox = watch.to_deployment(
        "on schedule",
        schedules=[schedule],
        # Only a convenience, the store's lock is what excludes: late runs are dropped instead of queued.
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        parameters=common,
        description="Reads the inbox. If anything is new: store, version, report, gate.",
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=False,  # An event passes text; the flow converts it to its parameter types.
    )
    training = train_when_ready.to_deployment(
        "on a dataset that is ready",
        triggers=[
            DeploymentEventTrigger(
                name="train when a dataset is ready",
                expect={READY},
                match={"prefect.resource.id": "tarot.dataset.*"},
                parameters={"version": "{{ event.payload.version }}", "hash": "{{ event.payload.hash }}", **common},
            )
        ],
        description="Trains and evaluates a version once, when its event says that the gate is open.",
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=False,  # An event passes text; the flow converts it to its parameter types.
        **({} if settings.train_here else {"work_pool_name": POOL}),
    )
    return inbox, training


async def clear(ids: list, now: datetime) -> None:
    """Repair Prefect's records after a kill: overdue runs, runs without a process, slots that no run uses.

    ids: deployments whose runs only this process starts; it has the lock that ensures this.
    """
    async with get_client() as client:
        for id in ids:
            states = ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]
            runs = await client.read_flow_runs(
                deployment_filter=DeploymentFilter(id={"any_": [id]}),
                flow_run_filter=FlowRunFilter(state={"type": {"any_": states}}),
            )
            for run in runs:
                if run.state.type.value != "SCHEDULED":
                    await client.set_flow_run_state(run.id, Crashed(message="The server was stopped."), force=True)
                elif run.auto_scheduled and run.next_scheduled_start_time <= now:
                    await client.delete_flow_run(run.id)
            limit = f"deployment:{id}"
            try:
                if (await client.read_global_concurrency_limit_by_name(limit)).active_slots:
                    await client.update_global_concurrency_limit(limit, GlobalConcurrencyLimitUpdate(active_slots=0))
            except ObjectNotFound:
                continue


async def run(inbox: Any, training: Any, train_here: bool) -> None:
    """Register the deployments, repair records, read the inbox once, and run what is due until asked to end."""
    # Schedules are paused at shutdown, so that runs do not pile up; the next start resumes them.
    runner = Runner(pause_on_shutdown=True, limit=AT_ONCE)
    watching = await runner.aadd_deployment(inbox)
    if train_here:
        ids = [watching, await runner.aadd_deployment(training)]
    else:
        await _make_pool()
        await training.aapply()
        ids = [watching]
    await clear(ids, datetime.now(UTC))
    async with get_client() as client:
        await client.create_flow_run_from_deployment(watching)  # Independent of the schedule: a restart catches up.
    loop = asyncio.get_running_loop()

    def stop(*_: object) -> None:
        # The runner's own handler drops the coroutine that would cancel the running flows.
        loop.call_soon_threadsafe(lambda: loop.create_task(runner.astop()))

    runner.handle_sigterm = stop
    print("ready", flush=True)
    await runner.start()


def main() -> None:
    # If `tarot serve` is killed, leave no orphans; interrupted runs can be resumed.
    end_with_pipe(at_once=True)
    with alone("runner"):
        settings = ServeSettings.from_json(environment.served_settings())
        made = deployments(settings)
        while not answers(environment.server_address()):  # `tarot serve` sets the timeout
            time.sleep(0.2)
        asyncio.run(run(*made, settings.train_here))


async def _make_pool() -> None:
    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template, concurrency_limit=1)
    async with get_client() as client:
        try:
            await client.create_work_pool(pool)
        except ObjectAlreadyExists:
            return


if __name__ == "__main__":
    main()
