select l.pipeline_name as "pipeline_name!", l.lock as "lock!: _", l.lock_digest as "lock_digest!", l.failure
from app.lineage_of($1) as l
