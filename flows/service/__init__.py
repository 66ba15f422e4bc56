"""`tarot serve`: supervisor, Prefect server, runner, schedules, triggers, worker."""
