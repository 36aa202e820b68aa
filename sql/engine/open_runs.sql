select o.run_id as "run_id!", o.dagster_run_id as "dagster_run_id!", o.status as "status!: _", o.max_runtime_seconds, o.is_lost as "is_lost!",
    o.is_to_be_canceled as "is_to_be_canceled!", o.started_seconds
from app.open_runs() as o
