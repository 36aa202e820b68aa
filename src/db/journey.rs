//! What a request knows of the database's log: how far it was when its client last wrote, and how far it is now
//! that this request has written.

use std::cell::Cell;

use crate::api::position::Position;

struct Journey {
    after: Position,
    wrote: Cell<Option<Position>>,
}

tokio::task_local! {
    static JOURNEY: Journey;
}

/// Runs `work` for a client who has written up to `after`; tells how far the log was when `work` had written,
/// if it did and there is a replica.
pub async fn travelling<T>(
    after: Position,
    work: impl Future<Output = T>,
) -> (T, Option<Position>) {
    let journey = Journey { after, wrote: Cell::new(None) };
    let work = async {
        let outcome = work.await;
        (outcome, JOURNEY.with(|journey| journey.wrote.get()))
    };
    JOURNEY.scope(journey, work).await
}

/// What this task's client has written up to.
pub fn after() -> Position {
    JOURNEY.try_with(|journey| journey.after).unwrap_or_default()
}

/// This task has written up to there.
pub(super) fn wrote(position: Position) {
    // Nobody is told outside of a request.
    JOURNEY.try_with(|journey| journey.wrote.set(Some(position))).ok();
}
