select a.lock as "lock!: _", a.lock_digest as "lock_digest!", a.pipeline_id as "pipeline_id!", a.parameters as "parameters!: _"
from app.admit_launch($1, $2, $3) as a
