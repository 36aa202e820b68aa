//! `blockyard serve`: on the database of the configuration, or on a private one.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::Outcome;
use crate::config::Config;
use crate::db::{Db, login_check};
use crate::development::{self, Development};
use crate::{server, telemetry};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

pub(super) async fn serve(mut config: Config) -> Outcome {
    let login = config.service_login()?;
    if login.is_some() {
        config.check_for_serving()?;
    }
    let _telemetry = telemetry::serve(&config)?;
    // First what fails at once: a port that is taken is no reason to start a database.
    let listener = listen(&config).await?;
    match login {
        Some(login) => {
            login_check::check(&login, config.allow_privileged_login).await?;
            tracing::info!(address = %listener.local_addr()?, "serving");
            answer(listener, &config, login).await
        }
        None => develop(&mut config, listener).await,
    }
}

/// On a private database, which ends with the service.
async fn develop(config: &mut Config, listener: TcpListener) -> Outcome {
    let address = listener.local_addr()?;
    let dir = config.blockyard_dir.clone();
    let development = Development::start(&dir).await?;
    let greeting = development.greeting(address, &dir);
    let outcome = match development::provide_secret(config) {
        Ok(()) => {
            println!("{greeting}");
            answer(listener, config, development.login()).await
        }
        Err(error) => Err(error.into()),
    };
    development.stop().await?;
    outcome
}

/// Answers requests until Ctrl-C or SIGTERM, then those that are being served.
async fn answer(listener: TcpListener, config: &Config, login: PgConnectOptions) -> Outcome {
    let size = config.database_connections.try_into()?;
    let wait = Duration::from_secs(config.database_wait_seconds.into());
    let db = Db::new(login, size, wait)?;
    server::start(listener, config, db)?.await?;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(config: &Config) -> Result<TcpListener, Box<dyn Error>> {
    let place = (config.host.as_str(), config.port);
    let addresses = tokio::net::lookup_host(place).await.map_err(|error| {
        format!(
            "HOST={} is no address of this machine ({error}); 127.0.0.1 and 0.0.0.0 always are",
            config.host
        )
    })?;
    let mut outcome = Err(io::Error::other("no address"));
    for address in addresses {
        outcome = bind(address);
        if outcome.is_ok() {
            break;
        }
    }
    Ok(outcome.map_err(|error| refusal(config, &error))?)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    // A restart must not wait for connections of the last life to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// What to change, in the words of the configuration.
fn refusal(config: &Config, error: &io::Error) -> String {
    let (host, port) = (&config.host, config.port);
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} on {host} is taken by another program; set PORT to a free one, such as PORT={}",
            port.saturating_add(1)
        ),
        io::ErrorKind::PermissionDenied => {
            format!("port {port} needs more rights than this user has; set PORT to 1024 or more")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("HOST={host} is no address of this machine; 127.0.0.1 and 0.0.0.0 always are")
        }
        _ => format!("cannot listen on {host}:{port} (HOST, PORT): {error}"),
    }
}
