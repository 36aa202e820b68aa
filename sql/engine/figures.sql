select f.open as "open!", f.queued as "queued!", f.lost as "lost!", f.waiting as "waiting!",
    f.oldest_queued as "oldest_queued!", f.oldest_task as "oldest_task!"
from app.engine_figures() as f
