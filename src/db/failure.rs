//! Why work on a connection did not succeed, and what that means for doing it again.

use std::io;
use std::time::Duration;

use super::refusal;
use crate::api::problem::Problem;

/// PostgreSQL itself ends a statement after `statement_timeout` (8 s, in the migrations): a server
/// that says nothing for this long is gone, though its connections are not.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

/// What it means for some work that the connection is lost under it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing: it is done again.
    Harmless,
    /// It may have been done, and only the client knows whether to do it again.
    Doubtful,
    /// Nothing before the commit; then as [`Loss::Doubtful`].
    DoubtfulAtCommit,
    /// Nothing: done again, it finds out by its `Idempotency-Key` whether it was done.
    Resolved,
}

/// The SQLSTATE of a failure, or a word where there is none.
pub(super) fn state(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.code().unwrap_or_default().into_owned(),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => {
            "connection".to_owned()
        }
        _ => "_OTHER".to_owned(),
    }
}

/// Whether a SQLSTATE is that of a serialization failure or a deadlock.
pub(super) fn is_lost_race(state: &str) -> bool {
    matches!(state, "40001" | "40P01")
}

/// Why work on a connection did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// The work itself says no.
    Refused(Box<Problem>),
    /// The database says no, or is gone.
    Database(sqlx::Error),
    /// The database is gone, perhaps with the change made.
    InDoubt(sqlx::Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl Failure {
    pub(super) fn silence() -> Self {
        Self::Database(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))
    }

    /// Of work that changes something: what losing the connection means for it.
    pub(super) fn in_doubt(self) -> Self {
        match self {
            Self::Database(error) if refusal::is_loss(&error) => Self::InDoubt(error),
            other => other,
        }
    }

    pub(super) fn leaves_connection_usable(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Database(error @ sqlx::Error::Database(_)) => !refusal::is_loss(error),
            Self::Database(error) => matches!(
                error,
                sqlx::Error::RowNotFound
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::Encode(_)
            ),
            Self::InDoubt(_) => false,
        }
    }

    pub(super) fn lost_the_connection(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Database(error) => refusal::is_loss(error),
            Self::InDoubt(_) => true,
        }
    }

    pub(super) fn allows_another_try(&self, loss: Loss) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Database(error) => self.lost_a_race() || refusal::is_loss(error),
            Self::InDoubt(_) => loss == Loss::Resolved,
        }
    }

    /// Whether it says no to this very statement, and would to the next one say something else. (That
    /// it waited or took too long says nothing about it.)
    pub(super) fn is_refusal(&self) -> bool {
        self.leaves_connection_usable()
            && !self.has_state(|state| is_lost_race(state) || refusal::is_over_time(state))
    }

    /// The same of a part of the body: what it says no to stands at this JSON pointer.
    #[must_use]
    pub fn within(self, pointer: &str) -> Self {
        if self.is_refusal() { self.into_problem().within(pointer).into() } else { self }
    }

    /// The same of a body that has other words: what it says no to stands where `word` says.
    #[must_use]
    pub fn in_words_of(self, word: fn(&str) -> String) -> Self {
        if self.is_refusal() { self.into_problem().in_words_of(word).into() } else { self }
    }

    /// Serialization failures and deadlocks; a transaction that lost has left nothing behind.
    fn lost_a_race(&self) -> bool {
        self.has_state(is_lost_race)
    }

    fn has_state(&self, which: impl FnOnce(&str) -> bool) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().as_deref().is_some_and(which)
            }
            _ => false,
        }
    }

    pub(super) fn into_problem(self) -> Problem {
        match self {
            Self::Refused(problem) => *problem,
            Self::Database(error) => refusal::problem(&error),
            Self::InDoubt(error) => {
                tracing::warn!(%error, "the database was lost in the middle of a change");
                Problem::unknown_outcome()
            }
        }
    }
}
