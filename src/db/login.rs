//! How the pool logs in, also after the password has been changed under it.

use std::sync::{Arc, PoisonError, RwLock};

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::config::LoginFile;

/// Statements that a connection keeps.
const STATEMENTS: usize = 256;

/// A login, and the file in which the next password will stand.
#[derive(Debug)]
pub struct Login {
    options: RwLock<PgConnectOptions>,
    file: Option<Arc<LoginFile>>,
}

impl From<PgConnectOptions> for Login {
    fn from(options: PgConnectOptions) -> Self {
        Self::new(options, None)
    }
}

impl Login {
    /// `file` is read again when the server refuses the password.
    pub fn new(options: PgConnectOptions, file: Option<LoginFile>) -> Self {
        let options = RwLock::new(options.statement_cache_capacity(STATEMENTS));
        Self { options, file: file.map(Arc::new) }
    }

    fn options(&self) -> PgConnectOptions {
        self.options.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The name of the database.
    pub(super) fn database(&self) -> Option<String> {
        self.options().get_database().map(str::to_owned)
    }

    /// Connects; with the password of the file, once that of before is refused. So the file may be
    /// written before the role gets its new password, and nobody is refused in between.
    pub(super) async fn connect(&self) -> sqlx::Result<PgConnection> {
        let options = self.options();
        let refusal = match options.connect().await {
            Err(error) if is_refused(&error) => error,
            outcome => return outcome,
        };
        let Some(file) = &self.file else { return Err(refusal) };
        let Some(changed) = changed(file, &options).await else { return Err(refusal) };
        let connection = changed.connect().await?;
        *self.options.write().unwrap_or_else(PoisonError::into_inner) = changed;
        tracing::info!("logged in with the new password of {}", file.name());
        Ok(connection)
    }
}

/// What stands in the file now. Another server, database or role takes a new start, which looks at it.
async fn changed(file: &Arc<LoginFile>, options: &PgConnectOptions) -> Option<PgConnectOptions> {
    let name = file.name();
    let file = Arc::clone(file);
    let read = tokio::task::spawn_blocking(move || file.read()).await.ok()?;
    let place = |login: &PgConnectOptions| {
        let text = |part: Option<&str>| part.map(str::to_owned);
        (
            login.get_host().to_owned(),
            login.get_port(),
            login.get_socket().cloned(),
            login.get_username().to_owned(),
            text(login.get_database()),
        )
    };
    match read {
        Ok(login) if place(&login) == place(options) => {
            Some(login.statement_cache_capacity(STATEMENTS))
        }
        Ok(_) => {
            tracing::warn!(
                "{name} names another server, database or role now: restart the service to use it"
            );
            None
        }
        Err(fault) => {
            tracing::warn!(%fault, "the password was refused, and the file has no other");
            None
        }
    }
}

/// Whether the server does not take the password.
fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|refusal| refusal.code());
    matches!(code.as_deref(), Some("28P01" | "28000"))
}
