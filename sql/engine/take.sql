select t.task_id as "task_id!", t.lease as "lease!", t.run_id as "run_id!", t.attempts as "attempts!",
    t.is_unknown as "is_unknown!", t.unknown_seconds, t.age_seconds as "age_seconds!", t.dagster_run_id, t.event as "event: _", t.traceparent
from app.take_task($1, $2) as t
