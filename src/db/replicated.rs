//! The database, where it has a replica.

use std::sync::Arc;

use sqlx::postgres::PgConnection;

use super::login::Login;
use super::replica::Replica;
use super::{Db, journey};
use crate::api::position::Position;
use crate::auth::caller::Caller;

impl Db {
    /// Has a replica answer what it can, over as many connections.
    ///
    /// # Errors
    /// As [`Db::new`].
    pub fn with_replica(mut self, login: impl Into<Login>) -> Result<Self, String> {
        let (size, wait) = (self.pool.status().max_size, self.pool.timeouts().wait);
        let replica = Replica::new(login.into(), size, wait.unwrap_or_default())?;
        self.replica = Some(Arc::new(replica));
        Ok(self)
    }

    /// Where there is a replica: tells the request how far the log is if it has written, and the replica from
    /// time to time. Whether the connection can still be used.
    pub(super) async fn note_position(
        &self,
        caller: Option<&Caller>,
        primary: &mut PgConnection,
    ) -> bool {
        let Some(replica) = &self.replica else { return true };
        let writes = caller.is_some_and(|caller| !caller.only_reads());
        if !writes && !replica.wants_to_know() {
            return true;
        }
        let position = replica.ask_primary(primary).await;
        if writes {
            // What is written stays, though nobody knows where.
            journey::wrote(*position.as_ref().unwrap_or(&Position::BEYOND));
        }
        position.map_or_else(|failure| failure.leaves_connection_usable(), |_| true)
    }
}
