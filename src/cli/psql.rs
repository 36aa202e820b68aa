//! `blockyard psql`: the private database, for whoever wants to look at it or dump it.

use std::path::Path;
use std::process::Command;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::{Outcome, Psql};
use crate::config::Config;
use crate::development;
use crate::development::private_server::PrivateServer;

/// On the server that runs already, or on one that runs for as long as psql does.
pub(super) async fn psql(config: &Config, wanted: &Psql) -> Outcome {
    let dir = &config.blockyard_dir;
    if !dir.exists() {
        return Err(format!(
            "there is no private database in {} yet (`blockyard` makes it); this is about no other",
            dir.display()
        )
        .into());
    }
    if let Some(login) = development::login_beside(dir).await? {
        if wanted.print {
            println!("{}", url(&login));
            return Ok(());
        }
        return run(dir, &login, &wanted.arguments).await;
    }
    if wanted.print {
        return Err(format!(
            "the private database in {} does not run: start `blockyard`, which runs it, or let `blockyard psql` run it for itself",
            dir.display()
        )
        .into());
    }
    let (server, login) = development::server_for_owner(dir).await?;
    let outcome = run(dir, &login, &wanted.arguments).await;
    server.stop().await?;
    outcome
}

/// What every client of PostgreSQL reads.
fn url(login: &PgConnectOptions) -> Url {
    let mut url = login.to_url_lossy();
    // The rest are sqlx's own.
    url.set_query(Some("sslmode=disable"));
    url
}

async fn run(dir: &Path, login: &PgConnectOptions, arguments: &[String]) -> Outcome {
    let beside = PrivateServer::programs(dir).await?.map(|bin| bin.join("psql"));
    let program = beside.filter(|psql| psql.exists()).unwrap_or_else(|| "psql".into());
    let url = url(login);
    // Not as an argument, which the list of processes shows.
    let password =
        url.password().map(|text| percent_encoding::percent_decode_str(text).decode_utf8_lossy());
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env("PGHOST", login.get_host())
        .env("PGPORT", login.get_port().to_string())
        .env("PGUSER", login.get_username())
        .env("PGDATABASE", login.get_database().unwrap_or_default())
        .env("PGPASSWORD", password.as_deref().unwrap_or_default())
        .env("PGSSLMODE", "disable");
    // Ctrl-C ends a statement of psql, and not us, who hold the server.
    let _interrupt = signal(SignalKind::interrupt())?;
    let ended = tokio::task::spawn_blocking(move || command.status()).await?;
    let status = ended.map_err(|error| {
        format!(
            "{} cannot be run: {error}\nInstall PostgreSQL's client (apt install postgresql-client), or use another \
             with the address that `blockyard psql --print` prints while the service runs",
            program.display()
        )
    })?;
    if status.success() { Ok(()) } else { Err(format!("psql ended with {status}").into()) }
}
