//! One connection, outside the pool: for the start of the service and for the owner's commands.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};

/// A server that does not answer is reported after this time; TCP alone would take minutes.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why there is no connection: to what, as whom, and what may help. Never the password.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to the database {}{hint}", .place)]
pub struct Unreachable {
    place: String,
    hint: &'static str,
    source: sqlx::Error,
}

/// Connects, or says what is in the way.
pub(crate) async fn open(login: &PgConnectOptions) -> Result<PgConnection, Unreachable> {
    // A migration is one long statement: nobody wants to read it because it took a second.
    let login = login.clone().disable_statement_logging();
    let outcome = match tokio::time::timeout(PATIENCE, login.connect()).await {
        Ok(outcome) => outcome,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {} seconds", PATIENCE.as_secs()),
        ))),
    };
    outcome.map_err(|source| Unreachable { place: place(&login), hint: hint(&source), source })
}

/// `name on host:port as user`.
fn place(login: &PgConnectOptions) -> String {
    format!(
        "{} on {}:{} as {}",
        login.get_database().unwrap_or_default(),
        login.get_host(),
        login.get_port(),
        login.get_username()
    )
}

const UNPROVEN: &str = ".\nThe server must speak TLS, with a certificate for that host from a known authority. Supabase has its own: \
    set DATABASE_CA to the certificate from Project settings → Database → SSL";

fn hint(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Database(refusal) => match refusal.code().as_deref() {
            Some("28P01") => {
                ".\nThe password is wrong; `blockyard login-role` sets that of blockyard_api"
            }
            Some("28000") => {
                ".\nThat role may not log in; `blockyard login-role` lets blockyard_api in"
            }
            Some("XX000") => {
                ".\nSupabase's pooler knows a role as <role>.<project ref>, such as blockyard_api.abcdefgh"
            }
            _ => "",
        },
        sqlx::Error::Tls(_) => UNPROVEN,
        // A handshake that fails comes as what it does to the stream.
        sqlx::Error::Io(error)
            if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) =>
        {
            UNPROVEN
        }
        _ => "",
    }
}
